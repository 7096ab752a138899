# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat schema`: the JSON Schema of the program's documents."""

from __future__ import annotations

import click

from vfiocompat.commands.options import Settings, common_options
from vfiocompat.output.json import json_schema
from vfiocompat.output.schemas import DOCUMENTS

__all__ = ["command"]


@click.command("schema")
@click.argument("name", metavar="NAME", type=click.Choice(sorted(DOCUMENTS)))
@common_options
@click.pass_obj
def command(settings: Settings, name: str) -> None:
    """Print the JSON Schema of an output.

    NAME is a command whose --format json it describes, or `error` for the document
    that takes its place when there is no result.
    """
    settings.print_document(json_schema(name, DOCUMENTS[name]))
