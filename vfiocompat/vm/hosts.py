# SPDX-License-Identifier: Apache-2.0
"""What hosts make of a whole VM: its devices' verdicts, and room for all of them.

Compatibility and capacity are apart. A device's verdict is the best that some endpoint
of the host has for it; whether there is an instance for each of them is the room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat import codes
from vfiocompat.codes import Code
from vfiocompat.decision.decisions import leaves_no_yes, whole
from vfiocompat.fleet.cells import Cell
from vfiocompat.fleet.grid import decide_rows
from vfiocompat.verdicts import GOODNESS, GROUNDS, Basis, Verdict
from vfiocompat.vm.room import Placement, place
from vfiocompat.vm.seats import Closeness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfiocompat.decision.gpus import Comparisons
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.tables.library import Library
    from vfiocompat.vm.instances import Instances
    from vfiocompat.vm.migration import Migration
    from vfiocompat.vm.seats import Wishes

__all__ = ["HostResult", "HostResults", "Outlook", "nothing", "rank"]

Outlook = Literal["allowed", "undetermined", "not_allowed"]
"""Whether a host takes the whole VM: its devices can be loaded, and there is room."""

_RANKS: dict[Outlook, int] = {"allowed": 0, "undetermined": 1, "not_allowed": 2}

_BEST = 3
"""How close is what loads a device's state: one beside what is like it, or is not."""


class HostResult(msgspec.Struct, frozen=True):
    """What a host makes of a VM; `host` is None for this one.

    `verdict` is of compatibility alone, `codes` are of everything that stands in the
    way, and `bases` what a yes rests on. `ends` name for each device, by its number
    among the host's `Instances`, the endpoint that it is given, or else the one that
    comes closest; None where there is none at all. `placement` is None where room was
    not looked for.
    """

    host: str | None
    verdict: Verdict
    codes: tuple[Code, ...]
    bases: tuple[Basis, ...]
    ends: tuple[int | None, ...]
    placement: Placement | None

    @property
    def room(self) -> bool | None:
        """Whether there is an instance for each device, None if that is not known."""
        return None if self.placement is None else self.placement.room

    @property
    def outlook(self) -> Outlook:
        """Whether the host takes the whole VM."""
        if self.verdict == "incompatible" or self.room is False:
            return "not_allowed"
        if self.verdict == "compatible" and self.room:
            return "allowed"
        return "undetermined"


def nothing(outdated: str | None, *, as_is: bool, is_managed: bool = False) -> Cell:
    """Give what is decided of a device for which there is no endpoint at all.

    `outdated` says why the host's inventory does not count, `as_is` that the device is
    to keep its address, and `is_managed` that libvirt binds a function on arrival.
    """
    if outdated:
        return Cell("undetermined", "none", (), (codes.INVENTORY_TOO_OLD,))
    if is_managed:
        return Cell("undetermined", "none", (), (codes.BOUND_ON_ARRIVAL,))
    if as_is:  # another one may be there, or come
        return Cell("undetermined", "none", (), (codes.ADDRESS_ABSENT,))
    return Cell("incompatible", "none", (), (codes.NO_ENDPOINT_LOADS,))


def rank(result: HostResult) -> tuple[int, int]:
    """Say which hosts come first: those that take the VM, and those that lack least."""
    return _RANKS[result.outlook], -GOODNESS[result.verdict]


class HostResults:
    """Gives what one host after another makes of a VM.

    `alike` names for each device the first one that is like it, and `rows` have what
    is decided of that one with `ends`, the endpoints that columns stand for.
    """

    def __init__(
        self,
        migration: Migration,
        ends: Sequence[Endpoint],
        alike: Sequence[int],
        rows: Mapping[int, Sequence[Cell]],
    ) -> None:
        self._as_is = migration.as_is
        self._names = [device.text for device in migration.devices]
        self._managed = [device.is_managed for device in migration.devices]
        self._findings = migration.findings
        self._alike = alike
        self._rows = rows
        closeness = {
            at: _closeness(migration.sources[at], ends, row) for at, row in rows.items()
        }
        self._ranks = {at: _ranks(closeness[at], row) for at, row in rows.items()}
        self._known: dict[object, Placement] = {}
        wishes = {at: _wishes(each) for at, each in closeness.items()}
        self._wishes = [wishes[at] for at in alike]

    @classmethod
    def recorded(
        cls,
        migration: Migration,
        ends: Sequence[Endpoint],
        library: Library,
        compared: Comparisons,
    ) -> HostResults:
        """Decide a VM's devices with endpoints of inventories.

        `compared` is as for `decide_pair`.
        """
        alike = migration.alike(library)
        several: dict[object, list[int]] = {}
        for at in dict.fromkeys(alike):
            several.setdefault(migration.demanding(at), []).append(at)
        rows: dict[int, Sequence[Cell]] = {}
        for group in several.values():  # of each the same is demanded
            sources = [migration.sources[at] for at in group]
            demand = migration.demand(group[0])
            found = decide_rows(sources, ends, library, demand, compared)
            rows |= zip(group, found, strict=True)
        return cls(migration, ends, alike, rows)

    def result(
        self, host: str | None, has: Instances, outdated: str | None = None
    ) -> HostResult:
        """Give what a host makes of the VM; `host` is None for this one.

        `outdated` says why its inventory does not count.
        """
        own = self._own(has) if self._as_is else None
        closest = self._closest(has, own)
        cells = [
            self._closest_cell(device, has, end, outdated)
            for device, end in enumerate(closest)
        ]
        placement = None
        is_open = None not in closest and all(
            each.verdict != "incompatible" for each in cells
        )
        if is_open and not (outdated and cells):  # what it has may be gone
            placement = self._placement(has, own)
        given = placement.seats if placement else {}
        for device, at in given.items():
            cell = self._cell(device, has, at)
            if cell.verdict == cells[device].verdict:  # else it is a second choice
                cells[device] = cell
        return HostResult(
            host=host,
            verdict=whole([cell.verdict for cell in cells], self._findings),
            codes=self._codes(cells, placement),
            bases=tuple(dict.fromkeys(cell.basis for cell in cells)),
            ends=tuple(given.get(device, end) for device, end in enumerate(closest)),
            placement=placement,
        )

    def _own(self, has: Instances) -> list[list[int]]:
        """Give for each device the endpoints that are called as it is."""
        places: dict[str | None, list[int]] = {}
        for at, seat in enumerate(has.seats):
            if not seat.made:
                places.setdefault(seat.single, []).append(at)
        return [places.get(name, []) for name in self._names]

    def _closest(
        self, has: Instances, own: Sequence[Sequence[int]] | None
    ) -> list[int | None]:
        """Give for each device the endpoint that comes closest to what it needs."""
        ranks = {
            at: list(map(each.__getitem__, has.columns))
            for at, each in self._ranks.items()
        }
        if own is not None:
            return [
                max(each, key=ranks[at].__getitem__, default=None)
                for at, each in zip(self._alike, own, strict=True)
            ]
        first = {
            at: each.index(max(each)) if each else None for at, each in ranks.items()
        }
        return [first[at] for at in self._alike]

    def _closest_cell(
        self, device: int, has: Instances, end: int | None, outdated: str | None
    ) -> Cell:
        """Give what is decided of a device with what comes closest, if there is that.

        That no function of a host is fit now is no answer where libvirt binds another.
        """
        if end is not None:
            cell = self._cell(device, has, end)
            if self._as_is or cell.verdict != "incompatible":
                return cell
            if not self._managed[device]:
                return cell
        return nothing(outdated, as_is=self._as_is, is_managed=self._managed[device])

    def _placement(
        self, has: Instances, own: Sequence[Sequence[int]] | None
    ) -> Placement:
        """Find room for all devices."""
        if own is None:
            found = place(self._wishes, has.seats, has.columns, self._known)
            if found.room is False and any(self._managed):
                return self._without_managed(has)
            return found
        wishes = [
            {at: each[has.columns[at]] for at in seats if has.columns[at] in each}
            for each, seats in zip(self._wishes, own, strict=True)
        ]
        return place(wishes, has.seats)

    def _without_managed(self, has: Instances) -> Placement:
        """Find room for the devices that libvirt binds no function for, at least."""
        left = [at for at, managed in enumerate(self._managed) if not managed]
        found = place([self._wishes[at] for at in left], has.seats, has.columns)
        if found.room is not False:
            return Placement(room=None, seats={})
        return found._replace(devices=tuple(left[at] for at in found.devices))

    def _cell(self, device: int, has: Instances, at: int) -> Cell:
        """Give what is decided of a device with an endpoint of a host."""
        return self._rows[self._alike[device]][has.columns[at]]

    def _codes(
        self, cells: Sequence[Cell], placement: Placement | None
    ) -> tuple[Code, ...]:
        """Name everything that stands in the way, each once."""
        found: dict[Code, None] = {}
        for cell in cells:
            found |= dict.fromkeys(cell.against)
            if cell.verdict == "incompatible" and not self._as_is:
                found[codes.NO_ENDPOINT_LOADS] = None
        found |= dict.fromkeys(
            each.code for each in self._findings if leaves_no_yes(each)
        )
        if placement is not None and not placement.room:
            unknown = placement.room is None
            found[codes.ROOM_NOT_KNOWN if unknown else codes.NO_ROOM] = None
        return tuple(found)


def _closeness(
    source: Endpoint, ends: Sequence[Endpoint], row: Sequence[Cell]
) -> list[Closeness]:
    """Say of each column how close it is to what a device needs."""
    return [
        Closeness(
            _verdict(cell, source, end),
            end.type_id == source.type_id,
            end.driver == source.driver,
            GROUNDS[cell.basis],
        )
        for cell, end in zip(row, ends, strict=True)
    ]


def _verdict(cell: Cell, source: Endpoint, end: Endpoint) -> int:
    """Grade a verdict: of two that are not known, one about a like device is better."""
    if cell.verdict == "compatible":
        return _BEST
    is_like = (source.driver, source.vendor_id, source.device_id) == (
        end.driver,
        end.vendor_id,
        end.device_id,
    )
    return GOODNESS[cell.verdict] * (2 if is_like else 1)


def _ranks(closeness: Sequence[Closeness], row: Sequence[Cell]) -> list[int]:
    """Rank the columns of a row, the closest one highest.

    Of those that are as close the one with the fewest codes is. Columns that rank alike
    have the same ones, so hosts that are alike are told the same in whatever order they
    have their endpoints.
    """
    keys = [
        (each, -len(cell.against), cell.against)
        for each, cell in zip(closeness, row, strict=True)
    ]
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return [places[key] for key in keys]


def _wishes(closeness: Sequence[Closeness]) -> Wishes:
    """Give the columns that can load a device's state, or perhaps."""
    return {at: each for at, each in enumerate(closeness) if each.verdict}
