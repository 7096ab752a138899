# SPDX-License-Identifier: Apache-2.0
"""Situations: all that the verdict on a pair, and its codes, can depend on.

Each is decided once, as `check` decides a pair.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

from vfiocompat.decision.answers import gpu_things, is_real, things
from vfiocompat.decision.gpus import to_compare
from vfiocompat.decision.notes import stated_of_pair
from vfiocompat.decision.nvml import same_vgpu_type
from vfiocompat.decision.reads import reads
from vfiocompat.fleet.cells import cell_of
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.ends import doubts_head, read_end
from vfiocompat.tables.heads import rest_of, rest_of_gpu
from vfiocompat.tables.language.table import Reading, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vfiocompat.decision.gpus import Comparisons
    from vfiocompat.endpoints import Endpoint, Thing
    from vfiocompat.fleet.cells import Cell, Demand
    from vfiocompat.tables.language.relations import Truth
    from vfiocompat.tables.language.table import Outcome, Values
    from vfiocompat.tables.library import Library

__all__ = ["Situations"]


class _End(NamedTuple):
    """What of an endpoint a decision reads, beside what tables make of its string.

    `alike` is equal for endpoints that decisions cannot tell apart otherwise.
    """

    alike: int
    type_id: str | None
    version: str | None
    values: dict[str, Values]


class Situations:
    """Reduces pairs to situations, and decides each of those once."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        library: Library,
        compared: Comparisons,
        demand: Demand | None = None,
    ) -> None:
        self._compared = compared
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
            # Where a destination compares types, has answers, or is on a GPU, pairs
            # differ by them.
            endpoint = endpoints[at]
            own = bool(endpoint.answers or endpoint.gpu_metadata)
            own = own or endpoint.answers_for_its_type
            self._columns.setdefault((end.alike, own), []).append(at)

    def row(self, source: int) -> array[int]:
        """Decide a source with every destination."""
        numbers = array("I", bytes(4 * len(self._ends)))
        end = self._ends[source]
        asked = things(self._endpoints[source])
        for (alike, own), columns in self._columns.items():
            if own:
                for column in columns:
                    about = self._about(source, asked, column)
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

    def _about(self, row: int, asked: Sequence[Thing], column: int) -> object:
        """Give what of a pair depends on the source's type, and on its very bytes."""
        destination = self._endpoints[column]
        types = None
        if destination.answers_for_its_type:
            here, there = self._ends[row].type_id, destination.type_id
            types = here is None, there is None, here == there
        known = self._answers[column]
        source = self._endpoints[row]
        of_gpu: object = None
        if (ends := to_compare(source, destination)) is not None:
            asked = [*asked, *gpu_things(source, destination)]
            same = same_vgpu_type(source, destination)
            of_gpu = self._compared.get(ends), same
        said = [known[thing] for thing in asked if thing in known]
        rejected: Collection[str] = ()
        if said and destination.recorded:
            rejected = destination.recorded.rejected_answers
        answers = [
            (
                each.is_of_head,
                each.channel,
                each.accepted,
                each.limits,
                each.about in rejected,
            )
            for each in said
        ]
        return types, bool(asked), tuple(answers), of_gpu

    def _number(
        self, source: int, column: int, table: Table | None, about: object
    ) -> int:
        ends = self._ends[source], self._ends[column]
        pattern: tuple[Truth, ...] = ()
        if table is not None:
            values = ends[0].values[table.id], ends[1].values[table.id]
            pattern = _pattern(table.outcome(*values))
            # What a driver's yes to a head leaves open, or to a vGPU's metadata.
            if table.stream is not None:
                pattern += _pattern(rest_of(table).outcome(*values))
            if to_compare(self._endpoints[source], self._endpoints[column]):
                pattern += _pattern(rest_of_gpu(table).outcome(*values))
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
            ends = self._endpoints[source], self._endpoints[column]
            pair = decide_pair(*ends, self._library, compared=self._compared)
            wanted = pair.decision.table
            shelf = self._library.shelf(*ends)
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
        ends = self._endpoints[source], self._endpoints[column]
        pair = decide_pair(*ends, self._library, compared=self._compared)
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
