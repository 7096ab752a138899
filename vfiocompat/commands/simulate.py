# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat simulate`: a host's /sys with a driver's answers, over FUSE."""

from __future__ import annotations

import sys

import click

from vfiocompat.commands.options import Settings, common_options
from vfiocompat.output.json import json_text
from vfiocompat.output.simulate import simulate_document, simulate_sentence
from vfiocompat.simulate.server import serve
from vfiocompat.simulate.specfile import load

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
    document = simulate_document(host, mountpoint)

    def ready() -> None:
        # One line in JSON too: who started us waits for it.
        text = json_text(document, indent=None).decode()
        line = text if settings.json else simulate_sentence(document)
        settings.print_text(f"{line}\n")
        sys.stdout.flush()

    serve(host, mountpoint, ready)
