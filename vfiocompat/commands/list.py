# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat list`: what this host has."""

from __future__ import annotations

import click

from vfiocompat.errors import ExitCode
from vfiocompat.output.documents import ListDocument
from vfiocompat.output.text import LIST_COLUMNS, list_rows, nothing_lines, problem_lines
from vfiocompat.settings import Settings, common_options

__all__ = ["command"]


@click.command("list")
@common_options
@click.pass_obj
def command(settings: Settings) -> int:
    """List the endpoints of this host.

    These are the mdev types of every parent device, the mdev devices, and the PCI
    functions bound to a VFIO driver, each with its version attribute and string.
    """
    found = settings.host.survey()
    if settings.json:
        settings.print_document(
            ListDocument(endpoints=found.endpoints, problems=found.problems)
        )
    else:
        settings.print_rows(LIST_COLUMNS, list_rows(found.endpoints))
    settings.note(problem_lines(found.problems))
    if not found.endpoints:
        settings.note(nothing_lines())
    return ExitCode.DONE
