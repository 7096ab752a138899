# SPDX-License-Identifier: Apache-2.0
"""Command lines of every command, none of which is told to open a device.

In them ONE and TWO are idle mdevs, FILE is this host's inventory in the folder FLEET,
with heads and answers to them; FOLDER is for what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vfiocompat.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = {
    "list": ("list", "list -v --format json"),
    "get": ("get", "get ONE TWO", "get --derive", "get --derive ONE"),
    "check": (
        "check ONE TWO",
        "check -v --table-only ONE TWO",
        "check inventory:FILE#ONE TWO",
        "check ONE inventory:FILE#TWO",
    ),
    "scan": (
        "scan --format json",
        "scan -o FILE",
        "scan -v -o FILE --ask FLEET",
        "scan --ask FLEET --ask-limit 1",
    ),
    "targets": (
        "targets ONE",
        "targets -v ONE here",
        "targets ONE FLEET --same-host",
        "targets inventory:FILE#ONE",
    ),
    "matrix": ("matrix FLEET", "matrix --pairs FLEET"),
    "report": ("report FLEET -o FOLDER/page.html",),
    "diff": ("diff FILE FILE",),
    "export": (
        "export ansible FLEET",
        "export nfd FLEET",
        "export nova FLEET --node-name here",
        "export prometheus FLEET",
    ),
    "device": ("device ONE", "device -v inventory:FILE#ONE"),
    "vm": (
        "vm domain:FOLDER/vm.xml here",
        "vm domain:FOLDER/vm.xml here --plan",
        "vm domain:FOLDER/vm.xml --same-host FLEET",
    ),
    "parse": ("parse 8086-a",),
    "tables list": ("tables list",),
    "tables show": ("tables show mtty",),
    "tables check": ("tables check TABLE",),
    "explain": ("explain VFC151", "explain --list"),
    "doctor": ("doctor", "doctor -v FLEET"),
    "simulate": ("simulate SPEC -- true",),
    "schema": ("schema check",),
}


def every_command() -> Iterator[str]:
    """Name the commands that there are, those of a group by both of their names."""
    yield from _commands(cli, click.Context(cli), "")


def _commands(group: click.Group, context: click.Context, of: str) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, click.Context(command), f"{of}{name} ")
        else:
            yield f"{of}{name}"
