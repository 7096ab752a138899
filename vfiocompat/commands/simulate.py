# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat simulate`: a host's /sys with a driver's answers, over FUSE."""

from __future__ import annotations

from typing import Literal

import click
import msgspec

from vfiocompat.output.documents import Tool
from vfiocompat.settings import Settings, common_options
from vfiocompat.simulate.server import serve
from vfiocompat.simulate.spec import Spec, load

__all__ = ["SimulateDocument", "command"]


class SimulateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What is served from now on, and where."""

    schema: Literal["vfiocompat.simulate/1"] = "vfiocompat.simulate/1"
    tool: Tool = Tool()
    mountpoint: str
    parents: int
    types: int
    mdevs: int
    functions: int


@click.command("simulate")
@click.argument("spec")
@click.argument("mountpoint")
@common_options
@click.pass_obj
def command(settings: Settings, spec: str, mountpoint: str) -> None:
    """Serve a simulated host's /sys over FUSE.

    SPEC is a TOML file, see vfiocompat-simulate(8). Once the host is at
    MOUNTPOINT/sys a line says so; Ctrl-C, SIGTERM, SIGHUP or umount(8) end it.
    """
    host = load(spec)
    document = _document(host, mountpoint)

    def ready() -> None:
        # One line in JSON too: who started us waits for it.
        click.echo(
            msgspec.json.encode(document) if settings.json else _sentence(document)
        )

    serve(host, mountpoint, ready)


def _document(spec: Spec, mountpoint: str) -> SimulateDocument:
    return SimulateDocument(
        mountpoint=mountpoint,
        parents=len(spec.parent),
        types=sum(len(parent.type) for parent in spec.parent),
        mdevs=sum(len(parent.mdev) for parent in spec.parent),
        functions=len(spec.function),
    )


def _sentence(served: SimulateDocument) -> str:
    numbers = {
        "parent": served.parents,
        "type": served.types,
        "mdev": served.mdevs,
        "function": served.functions,
    }
    things = ", ".join(
        f"{number} {noun}" if number == 1 else f"{number} {noun}s"
        for noun, number in numbers.items()
    )
    return f"serving {things} at {served.mountpoint}/sys (Ctrl-C ends)"
