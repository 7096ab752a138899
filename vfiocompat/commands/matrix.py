# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat matrix`: which classes of a fleet can go where."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from vfiocompat import codes
from vfiocompat.commands.options import Settings, common_options, max_age_option
from vfiocompat.errors import ExitCode, UsageError
from vfiocompat.fleet.classes import Classifier
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.fleet.read import gather
from vfiocompat.output.matrix import (
    CLASS_COLUMNS,
    HOST_COLUMNS,
    PAIR_COLUMNS,
    class_rows,
    grid_lines,
    host_rows,
    matrix_cells,
    matrix_document,
    pair_rows,
    summary_lines,
)
from vfiocompat.output.text import error_lines, note_lines
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.fleet.classes import Fleet
    from vfiocompat.fleet.grid import Grid

__all__ = ["command"]


@click.command("matrix")
@click.argument("fleet", metavar="FLEET...", nargs=-1, required=True)
@click.option("--pairs", is_flag=True, help="List every pair of classes.")
@click.option(
    "--hosts", is_flag=True, help="Tell host by host where all of its devices can go."
)
@max_age_option
@common_options
@click.pass_obj
def command(
    settings: Settings,
    fleet: Sequence[str],
    pairs: bool,  # noqa: FBT001 - click passes every option by name
    hosts: bool,  # noqa: FBT001
    max_age: float | None,
) -> int:
    """Tell which classes of FLEET can go where.

    FLEET are inventories or folders of them. A class is all endpoints for which a
    decision reads the same things. Exit status: 0 if every inventory was read, 4 if
    not, and 3 if there is nothing to compare.
    """
    if pairs and hosts:
        raise UsageError("--pairs and --hosts exclude each other")
    library = settings.library
    horizon = Horizon(time.time(), max_age)
    with settings.progress("reading the fleet"):
        found = gather(fleet, lambda: Classifier(horizon, library.facts_read))
    found.errors |= library.broken(class_.endpoint for class_ in found.classes)
    with settings.progress("comparing classes"):
        grid = decide_grid([class_.endpoint for class_ in found.classes], library)
    _print(settings, found, grid, pairs=pairs, hosts=hosts)
    for error in found.errors.values():
        settings.note(error_lines(error))
    if found.errors:
        return ExitCode.FAILED
    if not found.classes:
        settings.note(note_lines(codes.FLEET_WITHOUT_ENDPOINTS))
        return ExitCode.UNDETERMINED
    if hosts and not any(class_.devices for class_ in found.classes):
        settings.note(note_lines(codes.NO_HOST_HAS_DEVICES))
        return ExitCode.UNDETERMINED
    return ExitCode.DONE


def _print(
    settings: Settings, fleet: Fleet, grid: Grid, *, pairs: bool, hosts: bool
) -> None:
    if settings.json:
        ids = [class_.id for class_ in fleet.classes]
        document = matrix_document(fleet, grid, hosts=hosts)
        settings.print_streamed(document, matrix_cells(ids, grid))
    elif settings.quiet:
        return
    elif pairs:
        settings.print_rows(PAIR_COLUMNS, pair_rows(fleet, grid))
    elif hosts:
        settings.print_rows(HOST_COLUMNS, host_rows(fleet, grid))
    else:
        settings.print_rows(CLASS_COLUMNS, class_rows(fleet, grid))
        if settings.on_terminal:
            settings.print_lines(grid_lines(grid, settings.width))
        settings.note(summary_lines(fleet, grid))
