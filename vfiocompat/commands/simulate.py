# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat simulate`: a host's /sys with a driver's answers, over FUSE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vfiocompat.commands.options import Settings, common_options
from vfiocompat.output.documents import SimulateDocument
from vfiocompat.output.json import json_text
from vfiocompat.simulate.loading import load
from vfiocompat.simulate.server import serve

if TYPE_CHECKING:
    from vfiocompat.simulate.spec import Spec

__all__ = ["command"]


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
        text = json_text(document, indent=None)
        click.echo(text if settings.json else _sentence(document))

    serve(host, mountpoint, ready)


def _document(spec: Spec, mountpoint: str) -> SimulateDocument:
    return SimulateDocument(
        mountpoint=mountpoint.encode("utf-8", "backslashreplace").decode(),
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
