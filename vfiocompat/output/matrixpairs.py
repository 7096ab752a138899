# SPDX-License-Identifier: Apache-2.0
"""What `matrix --pairs` shows: every pair of classes, those that are alike once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vfiocompat.codes import CODES
from vfiocompat.output.matrix import (
    MARKS,
    MOST,
    ONE_WAY,
    class_heading,
    is_pair_chosen,
    numbered,
    unshown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.codes import Code
    from vfiocompat.fleet.cells import Cell
    from vfiocompat.fleet.classes import Fleet
    from vfiocompat.fleet.grid import Grid
    from vfiocompat.output.matrix import Only
    from vfiocompat.output.text import Line

__all__ = ["class_pair_lines", "class_pair_rows"]


def class_pair_rows(
    fleet: Fleet, grid: Grid, rows: Sequence[int], only: Only | None
) -> Iterator[tuple[str, ...]]:
    """Give one row a pair of classes, those of some sources."""
    ids = [class_.id for class_ in fleet.classes]
    for row in rows:
        for at, cell, one_way in _pairs(grid, row, only):
            codes = ",".join(cell.codes)
            way = "one way" if one_way else "-"
            yield ids[row], ids[at], cell.verdict, cell.basis, codes, way


def class_pair_lines(
    fleet: Fleet, grid: Grid, rows: Sequence[int], only: Only | None, *, whole: bool
) -> Iterator[Line]:
    """Give each class of some, and below it the others by what became of the pair.

    The numbers are those of the grid, and what codes mean stands once, at the end.
    Unless it is to be `whole`, long lists are cut short, and say so.
    """
    where = unshown(fleet.hosts_of_classes(), rows)
    digits = len(str(grid.size))
    margin = " " * (digits + 2)
    most = sys.maxsize if whole else MOST
    codes: dict[Code, None] = {}
    for row in rows:
        alike: dict[tuple[Cell, bool], list[int]] = {}
        for at, cell, one_way in _pairs(grid, row, only):
            alike.setdefault((cell, one_way), []).append(at)
        yield [("", "plain")]
        yield class_heading(row, fleet.classes[row], digits)
        for (cell, one_way), places in sorted(alike.items(), key=_order):
            mark = ONE_WAY if one_way else MARKS[cell.verdict]
            words = f"{mark} {cell.verdict}{', one way,' if one_way else ''} with "
            why = cell.against or cell.codes
            codes |= dict.fromkeys(why)
            yield [
                (margin, "plain"),
                (words, "one way" if one_way else cell.verdict),
                (numbered(places, where, most), "plain"),
                (f"   {', '.join(why)}", "dim"),
            ]
    yield [("", "plain")]
    for code in sorted(codes):
        yield [(f"{code}  ", "strong"), (CODES[code].summary, "plain")]


def _pairs(grid: Grid, row: int, only: Only | None) -> Iterator[tuple[int, Cell, bool]]:
    """Give the pairs of a source that are asked for, by the destination's place."""
    ways = map(bool, grid.one_way(row))
    for at, (number, one_way) in enumerate(zip(grid.row(row), ways, strict=True)):
        cell = grid.cells[number]
        if is_pair_chosen(cell, one_way=one_way, only=only):
            yield at, cell, one_way


_VERDICTS = list(MARKS)


def _order(alike: tuple[tuple[Cell, bool], list[int]]) -> tuple[int, bool, int]:
    """Put what goes first, and what is not known before what does not."""
    (cell, one_way), places = alike
    return _VERDICTS.index(cell.verdict), one_way, places[0]
