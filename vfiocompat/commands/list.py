# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat list`: what this host has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from vfiocompat.commands.options import common_options
from vfiocompat.errors import ExitCode
from vfiocompat.find import survey
from vfiocompat.output.list import (
    LIST_COLUMNS,
    ListDocument,
    list_answer,
    list_rows,
    tree_lines,
)
from vfiocompat.output.text import nothing_lines, problem_lines

if TYPE_CHECKING:
    from vfiocompat.commands.settings import Settings

__all__ = ["command"]


@click.command("list")
@common_options
@click.pass_obj
def command(settings: Settings) -> int:
    """List the endpoints of this host.

    These are the mdev types of every parent device, the mdev devices, and the PCI
    functions bound to a VFIO driver, each with its version attribute and string. A
    terminal shows them as a tree by parent, a pipe one row each.
    """
    settings.demand_tables()
    found = survey(settings.host, settings.drivers)
    if settings.json:
        settings.print_document(
            ListDocument(
                endpoints=found.endpoints,
                gpus=msgspec.UNSET if found.gpus is None else found.gpus,
                problems=found.problems,
            )
        )
    else:
        ends = found.endpoints
        if ends:
            settings.print_answered(
                lambda: list_answer(ends),
                lambda: tree_lines(ends, verbose=settings.verbose),
                list_rows(ends, LIST_COLUMNS),
            )
    settings.note(problem_lines(found.problems))
    if not found.endpoints and not found.problems:
        settings.note(nothing_lines())
    return ExitCode.DONE
