# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat schema`: the JSON Schema of the program's documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vfiocompat.commands.arguments import Choice
from vfiocompat.commands.options import common_options
from vfiocompat.output.json import json_schema
from vfiocompat.output.schemas import ALSO_NAMED, DOCUMENTS

if TYPE_CHECKING:
    from vfiocompat.commands.settings import Settings

__all__ = ["command"]


@click.command("schema")
@click.argument(
    "name", metavar="NAME", type=Choice("schema", sorted({*DOCUMENTS, *ALSO_NAMED}))
)
@common_options
@click.pass_obj
def command(settings: Settings, name: str) -> None:
    """Print the JSON Schema of an output.

    NAME is a command whose --format json it describes, or `error` for the document
    that takes its place when there is no result.
    """
    name = ALSO_NAMED.get(name, name)
    settings.print_document(json_schema(name, DOCUMENTS[name]))
