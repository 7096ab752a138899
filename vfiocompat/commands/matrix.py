# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat matrix`: which classes of a fleet can go where."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, get_args

import click

from vfiocompat import codes
from vfiocompat.commands.arguments import fleet_argument
from vfiocompat.commands.classes import exit_code, read_classes
from vfiocompat.commands.options import common_options, max_age_option
from vfiocompat.commands.scans import scans_of
from vfiocompat.errors import ExitCode, UsageError
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.fleet.hostpairs import host_pairs
from vfiocompat.fleet.wanting import of_grid
from vfiocompat.output.hostpairs import (
    chosen_hosts,
    host_lines,
    host_rows,
    hosts_answer,
)
from vfiocompat.output.matrix import (
    Only,
    chosen_rows,
    class_lines,
    class_rows,
    grid_lines,
    matrix_answer,
    matrix_cells,
    matrix_document,
)
from vfiocompat.output.matrixpairs import class_pair_lines, class_pair_rows
from vfiocompat.output.text import note_lines
from vfiocompat.output.wayout import wayout_lines
from vfiocompat.pairs import compare_gpus
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.fleet.classes import Fleet
    from vfiocompat.fleet.grid import Grid
    from vfiocompat.output.text import Item, Line

__all__ = ["command"]


@click.command("matrix")
@fleet_argument()
@click.option("--pairs", is_flag=True, help="Tell of every pair of classes.")
@click.option(
    "--hosts",
    is_flag=True,
    help="Tell host by host where all of its devices can go together.",
)
@click.option(
    "--host",
    "named",
    metavar="HOST",
    multiple=True,
    help="Only from this host of FLEET; may be repeated.",
)
@click.option(
    "--only",
    type=click.Choice(get_args(Only)),
    help="Only what can go, what cannot come back, or what can go nowhere.",
)
@max_age_option
@common_options
@click.pass_obj
def command(  # noqa: PLR0917 - click passes every option by name
    settings: Settings,
    fleet: Sequence[str],
    pairs: bool,  # noqa: FBT001
    hosts: bool,  # noqa: FBT001
    named: Sequence[str],
    only: Only | None,
    max_age: float | None,
) -> int:
    """Tell which classes of FLEET can go where.

    FLEET are inventories or folders of them. A class is all endpoints that are alike
    for a decision. Exit status: 0 if every inventory was read, 4 if
    not, and 3 if there is nothing to compare.
    """
    if pairs and hosts:
        raise UsageError("--pairs and --hosts exclude each other")
    library = settings.library
    horizon = Horizon(time.time(), max_age)
    found = read_classes(settings, fleet, horizon, named)
    with settings.progress("comparing classes"):
        ends = [class_.endpoint for class_ in found.classes]
        compared = compare_gpus(ends, ends, settings.host)
        grid = decide_grid(ends, library, compared)
    chosen = _Chosen(named, only)
    if settings.json:
        _print_document(settings, found, grid, chosen, hosts=hosts)
    elif not settings.quiet:

        def todo() -> Iterator[Item]:
            rows = [] if only else chosen_rows(found, grid, *chosen)
            return wayout_lines(
                of_grid(found, grid, rows, library),
                settings.config,
                scans=scans_of(fleet, found.files),
                whole=settings.verbose,
            )

        if hosts:
            _print_hosts(settings, found, grid, chosen, todo)
        else:
            _print_classes(settings, found, grid, chosen, todo, pairs=pairs)
    ended = exit_code(settings, found)
    has_devices = any(class_.devices for class_ in found.classes)
    if hosts and ended == ExitCode.DONE and not has_devices:
        settings.note(note_lines(codes.NO_HOST_HAS_DEVICES))
        return ExitCode.UNDETERMINED
    return ended


_Todo = Callable[[], "Iterable[Item]"]
"""What makes the lines that say what needs doing."""


class _Chosen(NamedTuple):
    """What is asked for: of some hosts, if any are named, and of one kind."""

    hosts: Sequence[str]
    only: Only | None


def _print_document(
    settings: Settings, fleet: Fleet, grid: Grid, chosen: _Chosen, *, hosts: bool
) -> None:
    ids = [class_.id for class_ in fleet.classes]
    every = [*host_pairs(fleet, grid)] if hosts else []
    pairs = [*chosen_hosts(every, *chosen)]
    rows = chosen_rows(fleet, grid, *chosen)
    cells = matrix_cells(ids, grid, rows, chosen.only)
    settings.print_streamed(matrix_document(fleet, grid, pairs), cells)


def _print_hosts(
    settings: Settings, fleet: Fleet, grid: Grid, chosen: _Chosen, todo: _Todo
) -> None:
    every = [*host_pairs(fleet, grid)]
    pairs = chosen_hosts(every, *chosen)
    settings.print_answered(
        lambda: hosts_answer(chosen_hosts(every, chosen.hosts, None)),
        lambda: host_lines(pairs, whole=settings.verbose),
        host_rows(pairs),
        todo,
    )


def _print_classes(
    settings: Settings,
    fleet: Fleet,
    grid: Grid,
    chosen: _Chosen,
    todo: _Todo,
    *,
    pairs: bool,
) -> None:
    rows = chosen_rows(fleet, grid, *chosen)

    def answer() -> Line:
        every = chosen_rows(fleet, grid, chosen.hosts, None)
        return matrix_answer(fleet, grid, every, chosen.hosts)

    def lines() -> Iterator[Item]:
        whole = settings.verbose
        if pairs:
            yield from class_pair_lines(fleet, grid, rows, chosen.only, whole=whole)
            return
        yield from class_lines(fleet, grid, rows, whole=settings.verbose)
        if chosen == ((), None):
            yield from grid_lines(grid, settings.width)

    listed = (
        class_pair_rows(fleet, grid, rows, chosen.only)
        if pairs
        else class_rows(fleet, grid, rows)
    )
    settings.print_answered(answer, lines, listed, todo)
