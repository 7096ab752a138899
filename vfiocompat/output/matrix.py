# SPDX-License-Identifier: Apache-2.0
"""A fleet's classes as text: where each can go, and the grid of all pairs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vfiocompat.fleet.grid import host_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.fleet.classes import Fleet
    from vfiocompat.fleet.grid import Grid
    from vfiocompat.output.text import Line
    from vfiocompat.verdicts import Verdict

__all__ = [
    "CLASS_COLUMNS",
    "HOST_COLUMNS",
    "PAIR_COLUMNS",
    "class_rows",
    "grid_lines",
    "host_rows",
    "pair_rows",
    "summary_lines",
]

CLASS_COLUMNS = (
    "class",
    "endpoints",
    "hosts",
    "to",
    "one way",
    "undetermined",
    "goes",
    "type",
    "driver",
    "version",
)
PAIR_COLUMNS = ("source", "destination", "verdict", "basis", "codes", "way")
HOST_COLUMNS = ("source", "destination", "verdict", "devices")

_MARKS: dict[Verdict, str] = {
    "compatible": "+",
    "incompatible": "-",
    "undetermined": "?",
}
_ONE_WAY = ">"


def class_rows(fleet: Fleet, grid: Grid) -> Iterator[tuple[str, ...]]:
    """Give one row a class: how many there are, and to how many others it can go.

    `one way` counts those that it cannot come back from.
    """
    for row, class_ in enumerate(fleet.classes):
        to = sum(grid.can_go(row)) - grid.can_go(row)[row]
        one_way = sum(grid.one_way(row))
        endpoint = class_.endpoint
        yield (
            class_.id,
            str(class_.endpoints),
            str(class_.hosts),
            str(to),
            str(one_way),
            str(grid.verdicts(row)["undetermined"]),
            grid.goes(row, class_.endpoints),
            endpoint.type_id or "-",
            endpoint.driver or "-",
            endpoint.version or "-",
        )


def pair_rows(fleet: Fleet, grid: Grid) -> Iterator[tuple[str, ...]]:
    """Give one row a pair of classes."""
    ids = [class_.id for class_ in fleet.classes]
    for row, source in enumerate(ids):
        ways = grid.one_way(row)
        for destination, number, one_way in zip(ids, grid.row(row), ways, strict=True):
            cell = grid.cells[number]
            codes = ",".join(cell.codes)
            way = "one way" if one_way else "-"
            yield source, destination, cell.verdict, cell.basis, codes, way


def grid_lines(grid: Grid, width: int) -> Iterator[Line]:
    """Give the grid of all pairs, a mark each, if it fits."""
    digits = len(str(grid.size))
    yield [("", "plain")]
    if digits + 1 + 2 * grid.size > width:
        text = f"a grid of {grid.size} classes does not fit here: --pairs lists it"
        yield [(text, "dim")]
        return
    numbers = [str(at + 1)[-1] for at in range(grid.size)]
    yield [(f"{'':<{digits}} {' '.join(numbers)}", "dim")]
    for row in range(grid.size):
        line: Line = [(f"{row + 1:>{digits}} ", "dim")]
        for number, one_way in zip(grid.row(row), grid.one_way(row), strict=True):
            verdict = grid.cells[number].verdict
            mark = _ONE_WAY if one_way else _MARKS[verdict]
            line.append((f"{mark} ", verdict))
        yield line
    legend = (
        "rows go to columns: + compatible, > one way, - incompatible, ? undetermined"
    )
    yield [(legend, "dim")]


def summary_lines(fleet: Fleet, grid: Grid) -> Iterator[Line]:
    """Say how many pairs of classes there are of each verdict."""
    counts: Counter[Verdict] = Counter()
    one_way = 0
    for row in range(grid.size):
        counts += grid.verdicts(row)
        one_way += sum(grid.one_way(row))
    endpoints = sum(class_.endpoints for class_ in fleet.classes)
    words = ", ".join(f"{counts[word]} {word}" for word in _MARKS if counts[word])
    nowhere = sum(
        grid.goes(row, class_.endpoints) == "nowhere"
        for row, class_ in enumerate(fleet.classes)
    )
    text = (
        f"{endpoints} endpoints of {len(fleet.classes)} classes on "
        f"{len(fleet.hosts)} hosts; pairs of classes: {words or 'none'}; "
        f"{one_way} one way; {nowhere} classes can go nowhere"
    )
    yield [(text, "plain")]


def host_rows(fleet: Fleet, grid: Grid) -> Iterator[tuple[str, ...]]:
    """Give one row for each two hosts: whether all devices can go to the other."""
    for pair in host_pairs(fleet, grid):
        yield pair.source, pair.destination, pair.verdict, str(pair.devices)
