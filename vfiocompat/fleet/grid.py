# SPDX-License-Identifier: Apache-2.0
"""Deciding every pair of a fleet's classes.

Most pairs are alike: what their decisions rest on is the same, or a table finds the
same of their strings. So each pair is first reduced to its situation, which is all that
the verdict and the codes can depend on, and each situation is decided once, as `check`
decides a pair.
"""

from __future__ import annotations

from array import array
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.children import aside_all, workers
from vfiocompat.decision.gpus import NOTHING_COMPARED
from vfiocompat.fleet.cells import Cell
from vfiocompat.fleet.situations import Situations
from vfiocompat.verdicts import Verdict, worst_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.decision.gpus import Comparisons
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet.cells import Demand
    from vfiocompat.tables.library import Library

__all__ = ["Goes", "Grid", "decide_grid", "decide_rows"]

Goes = Literal["elsewhere", "to its like", "unknown", "nowhere"]
"""Where endpoints can go: to another class, only to others of their own, or not.

It is `unknown` where nothing is known to take them, and something may.
"""

_WORTH_A_PROCESS = 20_000  # pairs


class _Rows(msgspec.Struct):
    """Some rows of a grid: a number for each pair, which counts in `cells`."""

    cells: list[Cell]
    numbers: bytes


class Grid:
    """Every pair of several endpoints, sources in rows and destinations in columns."""

    def __init__(self, size: int, cells: list[Cell], numbers: array[int]) -> None:
        self.size = size
        self.cells = cells
        self._numbers = numbers
        yes = [cell.verdict == "compatible" for cell in cells]
        self._yes = bytes(map(yes.__getitem__, numbers))

    def row(self, source: int) -> array[int]:
        """Give a source's pairs, as numbers in `cells`."""
        return self._numbers[source * self.size : (source + 1) * self.size]

    def cell(self, source: int, destination: int) -> Cell:
        """Give one pair."""
        return self.cells[self._numbers[source * self.size + destination]]

    def can_go(self, source: int) -> bytes:
        """Say of each destination whether a source can go there: 1 or 0."""
        return self._yes[source * self.size : (source + 1) * self.size]

    def one_way(self, source: int) -> bytes:
        """Say of each destination whether a source can go there, and not come back."""
        there = int.from_bytes(self.can_go(source))
        back = int.from_bytes(self._yes[source :: self.size])
        return (there & ~back).to_bytes(self.size)

    def goes(self, source: int, endpoints: int) -> Goes:
        """Say where the endpoints of a class can go, of which there are so many."""
        there = self.can_go(source)
        if sum(there) > there[source]:
            return "elsewhere"
        if there[source] and endpoints > 1:
            return "to its like"
        return "unknown" if self.verdicts(source)["undetermined"] else "nowhere"

    def least(self, sources: Sequence[int], destination: int) -> Verdict:
        """Give the verdict that holds for all of several sources: the worst."""
        found = {self.cell(source, destination).verdict for source in sources}
        return worst_of(found, "incompatible")

    def verdicts(self, source: int) -> Counter[Verdict]:
        """Count a source's pairs by verdict."""
        counts: Counter[Verdict] = Counter()
        for number, times in Counter(self.row(source)).items():
            counts[self.cells[number].verdict] += times
        return counts


def decide_grid(
    endpoints: Sequence[Endpoint],
    library: Library,
    compared: Comparisons = NOTHING_COMPARED,
) -> Grid:
    """Decide every pair of endpoints; `compared` is as for `decide_pair`."""
    size = len(endpoints)
    number = workers() if size * size > _WORTH_A_PROCESS else 1
    rows = [range(at, size, number) for at in range(number)]
    tasks = [partial(_rows, endpoints, library, compared, each) for each in rows]
    parts = aside_all(tasks, _Rows, "comparing classes") if number > 1 else [tasks[0]()]
    return _joined(size, rows, parts)


def decide_rows(
    sources: Sequence[Endpoint],
    destinations: Sequence[Endpoint],
    library: Library,
    demand: Demand | None = None,
    compared: Comparisons = NOTHING_COMPARED,
) -> list[list[Cell]]:
    """Decide each of some sources with every destination, with what is demanded."""
    situations = Situations([*destinations, *sources], library, compared, demand)
    size = len(destinations)
    rows = [situations.row(size + at)[:size] for at in range(len(sources))]
    return [[situations.cells[number] for number in row] for row in rows]


def _joined(size: int, rows: Sequence[range], parts: Sequence[_Rows]) -> Grid:
    """Put rows in their places, with cells numbered alike."""
    places: dict[Cell, int] = {}
    numbers = array("I", bytes(4 * size * size))
    for each, part in zip(rows, parts, strict=True):
        renumbered = [places.setdefault(cell, len(places)) for cell in part.cells]
        found = array("I")
        found.frombytes(part.numbers)
        for at, row in enumerate(each):
            start = at * size
            numbers[row * size : (row + 1) * size] = array(
                "I", [renumbered[number] for number in found[start : start + size]]
            )
    return Grid(size, list(places), numbers)


def _rows(
    endpoints: Sequence[Endpoint],
    library: Library,
    compared: Comparisons,
    rows: range,
) -> _Rows:
    situations = Situations(endpoints, library, compared)
    numbers = array("I")
    for row in rows:
        numbers.extend(situations.row(row))
    return _Rows(situations.cells, numbers.tobytes())
