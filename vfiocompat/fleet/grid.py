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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import msgspec

from vfiocompat.children import aside_all, workers
from vfiocompat.codes import Code
from vfiocompat.decision.answers import is_real, things
from vfiocompat.decision.notes import stated_of_pair
from vfiocompat.decision.reads import reads
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.ends import doubts_head, read_end
from vfiocompat.tables.heads import rest_of
from vfiocompat.tables.language.table import Reading, Table
from vfiocompat.verdicts import Basis, Verdict, worst_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vfiocompat.decision.decisions import Decision
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint, Thing
    from vfiocompat.pairs import Pair
    from vfiocompat.tables.language.relations import Truth
    from vfiocompat.tables.language.table import Outcome, Values
    from vfiocompat.tables.library import Library

__all__ = ["Cell", "Demand", "Goes", "Grid", "cell_of", "decide_grid", "decide_rows"]

Goes = Literal["elsewhere", "to its like", "unknown", "nowhere"]
"""Where endpoints can go: to another class, only to others of their own, or not.

It is `unknown` where nothing is known to take them, and something may.
"""

_WORTH_A_PROCESS = 20_000  # pairs


class Cell(msgspec.Struct, frozen=True):
    """What is decided of a pair: the same for all pairs in its situation.

    `against` are those of its codes that stand in its way.
    """

    verdict: Verdict
    basis: Basis
    codes: tuple[Code, ...]
    against: tuple[Code, ...] = ()


def cell_of(decision: Decision, before: Decision | None = None) -> Cell:
    """Give what counts of a decision; `before` is the one without what is demanded.

    Where a demand has overruled that, nothing else stands in the way.
    """
    found = decision.diagnostics
    codes = dict.fromkeys(finding.code for finding in found)
    overruled: tuple[Diagnostic, ...] = ()
    if before is not None and before.verdict != decision.verdict:
        overruled = before.diagnostics
    against = dict.fromkeys(
        finding.code
        for finding in found
        if finding.severity in _AGAINST[decision.verdict] and finding not in overruled
    )
    return Cell(decision.verdict, decision.basis, tuple(codes), tuple(against))


_AGAINST: dict[Verdict, set[str]] = {
    "compatible": set(),
    "undetermined": {"error", "warning"},
    "incompatible": {"error"},
}


class Demand(Protocol):
    """What somebody demands of pairs beside what decides them."""

    def reads(self, endpoint: Endpoint) -> object:
        """Give what of either end of a pair it depends on, beside what is decided."""

    def of(self, pair: Pair) -> Decision:
        """Give the decision on a pair, with what is demanded."""


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


def decide_grid(endpoints: Sequence[Endpoint], library: Library) -> Grid:
    """Decide every pair of endpoints."""
    size = len(endpoints)
    number = workers() if size * size > _WORTH_A_PROCESS else 1
    rows = [range(at, size, number) for at in range(number)]
    tasks = [partial(_rows, endpoints, library, each) for each in rows]
    parts = aside_all(tasks, _Rows, "comparing classes") if number > 1 else [tasks[0]()]
    return _joined(size, rows, parts)


def decide_rows(
    sources: Sequence[Endpoint],
    destinations: Sequence[Endpoint],
    library: Library,
    demand: Demand | None = None,
) -> list[list[Cell]]:
    """Decide each of some sources with every destination, with what is demanded."""
    situations = _Situations([*destinations, *sources], library, demand)
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
    rows: range,
) -> _Rows:
    situations = _Situations(endpoints, library)
    numbers = array("I")
    for row in rows:
        numbers.extend(situations.row(row))
    return _Rows(situations.cells, numbers.tobytes())


class _End(NamedTuple):
    """What of an endpoint a decision reads, beside what tables make of its string.

    `alike` is equal for endpoints that decisions cannot tell apart otherwise.
    """

    alike: int
    type_id: str | None
    version: str | None
    values: dict[str, Values]


class _Situations:
    """Reduces pairs to situations, and decides each of those once."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        library: Library,
        demand: Demand | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._library = library
        self._demand = demand
        self._numbers: dict[Any, int] = {}
        self._patterns: dict[Any, dict[tuple[Truth, ...], int]] = {}
        self._tables: dict[tuple[int, int, object], Table | None] = {}
        self.cells: list[Cell] = []
        alike: dict[Any, int] = {}
        self._ends = [_end(endpoint, library, alike, demand) for endpoint in endpoints]
        self._answers = [
            {answer.thing: answer for answer in endpoint.answers}
            for endpoint in endpoints
        ]
        self._columns: dict[tuple[int, bool], list[int]] = {}
        for at, end in enumerate(self._ends):
            # Where a destination compares types or has answers, pairs differ by them.
            endpoint = endpoints[at]
            own = bool(endpoint.answers) or endpoint.answers_for_its_type
            self._columns.setdefault((end.alike, own), []).append(at)

    def row(self, source: int) -> array[int]:
        """Decide a source with every destination."""
        numbers = array("I", bytes(4 * len(self._ends)))
        end = self._ends[source]
        asked = things(self._endpoints[source])
        for (alike, own), columns in self._columns.items():
            if own:
                for column in columns:
                    about = self._about(end, asked, column)
                    table = self._table(source, column, (end.alike, alike, about))
                    numbers[column] = self._number(source, column, table, about)
                continue
            table = self._table(source, columns[0], (end.alike, alike, None))
            if table is None:
                number = self._number(source, columns[0], None, None)
                for column in columns:
                    numbers[column] = number
                continue
            self._by_table(source, table, columns, numbers)
        return numbers

    def _by_table(
        self, source: int, table: Table, columns: Sequence[int], numbers: array[int]
    ) -> None:
        """Decide a source with destinations that only a table tells apart."""
        values = self._ends[source].values[table.id]
        key = self._ends[source].alike, self._ends[columns[0]].alike, table.id
        known = self._patterns.setdefault(key, {})
        outcome = table.outcome
        ends = self._ends
        for column in columns:
            pattern = _pattern(outcome(values, ends[column].values[table.id]))
            number = known.get(pattern)
            if number is None:
                number = known[pattern] = self._decided(source, column)
            numbers[column] = number

    def _about(self, end: _End, asked: Sequence[Thing], column: int) -> object:
        """Give what of a pair depends on the source's type, and on its very bytes."""
        destination = self._endpoints[column]
        types = None
        if destination.answers_for_its_type:
            there = destination.type_id
            types = end.type_id is None, there is None, end.type_id == there
        known = self._answers[column]
        said = [known[thing] for thing in asked if thing in known]
        rejected: Collection[str] = ()
        if said and destination.recorded:
            rejected = destination.recorded.rejected_answers
        answers = [
            (each.is_of_head, each.channel, each.accepted, each.about in rejected)
            for each in said
        ]
        return types, bool(asked), tuple(answers)

    def _number(
        self, source: int, column: int, table: Table | None, about: object
    ) -> int:
        ends = self._ends[source], self._ends[column]
        pattern: tuple[Truth, ...] = ()
        if table is not None:
            values = ends[0].values[table.id], ends[1].values[table.id]
            pattern = _pattern(table.outcome(*values))
            if table.stream is not None:  # what a driver's yes to a head leaves open
                pattern += _pattern(rest_of(table).outcome(*values))
        key = ends[0].alike, ends[1].alike, about, table and table.id, pattern
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._decided(source, column)
        return number

    def _table(
        self, source: int, column: int, key: tuple[int, int, object]
    ) -> Table | None:
        """Give the table that decides pairs like this one, or has its say in them."""
        if key not in self._tables:
            pair = decide_pair(
                self._endpoints[source], self._endpoints[column], self._library
            )
            wanted = pair.decision.table
            shelf = self._library.shelf(
                self._endpoints[source], self._endpoints[column]
            )
            self._tables[key] = next(
                (
                    each.table
                    for each in shelf
                    if isinstance(each.table, Table)
                    and each.id == wanted
                    and wanted in self._ends[source].values
                    and wanted in self._ends[column].values
                ),
                None,
            )
        return self._tables[key]

    def _decided(self, source: int, column: int) -> int:
        """Decide a pair as `check` does, for all that are in its situation."""
        pair = decide_pair(
            self._endpoints[source], self._endpoints[column], self._library
        )
        decision = self._demand.of(pair) if self._demand else pair.decision
        self.cells.append(cell_of(decision, pair.decision))
        return len(self.cells) - 1


def _pattern(outcome: Outcome) -> tuple[Truth, ...]:
    """Give all that a table's findings depend on, but for the strings themselves."""
    if not outcome.applied:
        return tuple(outcome.held)
    return (*outcome.held, *outcome.bare, *outcome.applied)


def _end(
    endpoint: Endpoint, library: Library, alike: dict[Any, int], demand: Demand | None
) -> _End:
    values = {}
    read = []
    for each in library.speaking_for(endpoint):
        reading: object = None
        doubts = False
        if isinstance(each.table, Table):
            doubts = doubts_head(each.table, endpoint) is not None
            reading = read_end(each.table, endpoint) if each.table.formats else None
            if isinstance(reading, Reading):
                values[each.id] = reading.values
        read.append((each.id, isinstance(reading, Reading), doubts))
    *_, common = reads(endpoint, ())
    vendor = endpoint.vendor
    key = (
        common,
        vendor and (vendor.namespace, vendor.number),
        endpoint.version is None and (endpoint.vendor_id,),
        bool(stated_of_pair(endpoint)),
        is_real(endpoint),
        tuple(read),
        demand and demand.reads(endpoint),
    )
    return _End(
        alike.setdefault(key, len(alike)), endpoint.type_id, endpoint.version, values
    )
