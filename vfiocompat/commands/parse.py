# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat parse`: the parts of a version string."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from vfiocompat.commands.options import common_options
from vfiocompat.errors import UsageError
from vfiocompat.output.parse import parse_document, parse_rows
from vfiocompat.output.text import error_lines
from vfiocompat.versions import MAX_BYTES, VersionString

if TYPE_CHECKING:
    from vfiocompat.commands.settings import Settings

__all__ = ["command"]


@click.command("parse")
@click.argument("string", required=False)
@click.option(
    "--binary",
    type=click.File("rb"),
    metavar="FILE",
    help="Read the binary form from FILE, or from stdin with '-'.",
)
@common_options
@click.pass_obj
def command(settings: Settings, string: str | None, binary: BinaryIO | None) -> None:
    """Take a version string apart.

    Where a table reads the string, its fields are named.

    The binary form is that of the first proposal: four bytes of vendor id, the
    lowest first, then the string, padded with NUL bytes.
    """
    if (string is None) == (binary is None):
        raise UsageError("give either a STRING or --binary FILE")
    if binary is not None:
        version = VersionString.from_binary(binary.read(MAX_BYTES + 2))
    else:
        version = VersionString.parse((string or "").removeprefix("version:"))
    readings, failures = settings.library.readings(version)
    for error in failures:
        settings.note(error_lines(error))
    document = parse_document(version, readings)
    if settings.json:
        settings.print_document(document)
    else:
        settings.print_listed(parse_rows(document))
