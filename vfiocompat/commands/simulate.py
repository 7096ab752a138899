# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat simulate`: a host's /sys with a driver's answers, over FUSE."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from vfiocompat.commands.arguments import FILE
from vfiocompat.commands.options import common_options
from vfiocompat.errors import ExitCode
from vfiocompat.output.json import json_text
from vfiocompat.output.simulate import simulate_document, simulate_sentence
from vfiocompat.simulate.command import run_on_host
from vfiocompat.simulate.server import serve
from vfiocompat.simulate.specfile import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.simulate.spec import Spec

__all__ = ["command"]


class _Simulate(click.Command):
    """A command to which `--` is a word: what follows is another command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; of two `--` click gives the second."""
        at = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [*args[:at], *args[at : at + 1], *args[at:]])


@click.command("simulate", cls=_Simulate)
@click.argument("spec", type=FILE)
@click.argument(
    "where",
    metavar="MOUNTPOINT | -- COMMAND [ARG]...",
    nargs=-1,
    required=True,
    type=click.UNPROCESSED,
)
@common_options
@click.pass_obj
def command(settings: Settings, spec: str, where: Sequence[str]) -> int:
    """Serve a simulated host's /sys over FUSE.

    SPEC is a TOML file, see vfiocompat-simulate(8). COMMAND is run with the host in
    VFIOCOMPAT_SYSROOT, and the library of its GPUs in VFIOCOMPAT_NVML, for as long as
    it runs, and its exit status is ours. At MOUNTPOINT a line says so once the host is
    there; Ctrl-C, SIGTERM, SIGHUP or umount(8) end it.
    """
    if spec == "--":  # no option follows, not even a SPEC that begins with a hyphen
        spec, *where = where
    first, *words = where or ("--",)
    if first == "--" and words:
        return run_on_host(load(spec), words)
    if first == "--" or words:
        raise click.UsageError("after SPEC there is a MOUNTPOINT, or -- and a COMMAND")
    _serve(settings, load(spec), first)
    return ExitCode.DONE


def _serve(settings: Settings, host: Spec, mountpoint: str) -> None:
    document = simulate_document(host, mountpoint)

    def ready() -> None:
        # One line in JSON too: who started us waits for it.
        text = json_text(document, indent=None).decode()
        line = text if settings.json else simulate_sentence(document)
        settings.print_text(f"{line}\n")
        sys.stdout.flush()

    serve(host, mountpoint, ready)
