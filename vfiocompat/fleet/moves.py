# SPDX-License-Identifier: Apache-2.0
"""Hosts that are alike, as groups, and which of them take all devices of which.

What can be told of two hosts depends only on the classes of the one's devices and of
the other's endpoints, so hosts that have the same are compared once. A set, of classes
or of groups, is a number with a bit for each place: there may be a million pairs.
"""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.fleet.classes import Fleet
    from vfiocompat.fleet.grid import Grid

__all__ = [
    "Group",
    "Reach",
    "Way",
    "Ways",
    "bits",
    "groups_of",
    "places",
]

Way = Literal["compatible", "one way", "undetermined", "incompatible"]
"""What becomes of all devices of one host on another.

`one way` is compatible, but not all of them can come back: a way back that is
undetermined counts as none.
"""


class Group(NamedTuple):
    """Hosts that have devices, and endpoints, of the same classes.

    `hosts` are places in the fleet's hosts, the others places in its classes. Of
    endpoints of the classes in `unsure` nobody knows whether they are devices.
    """

    hosts: tuple[int, ...]
    devices: tuple[int, ...]
    unsure: tuple[int, ...]
    offers: tuple[int, ...]

    @property
    def leaving(self) -> tuple[int, ...]:
        """The classes of what has to go, or may have to."""
        return self.devices + self.unsure


def groups_of(fleet: Fleet) -> list[Group]:
    """Sort a fleet's hosts into groups; those that have similar classes are near."""
    found: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for at, host in enumerate(fleet.hosts):
        has = sorted(fleet.on_host(host), key=lambda each: each[0])
        devices = tuple(place for place, each in has if each.devices)
        unsure = tuple(
            place for place, each in has if each.unknown and not each.devices
        )
        offers = tuple(place for place, _ in has)
        found.setdefault((devices, unsure, offers), []).append(at)
    ordered = sorted(found, key=lambda key: (not key[0], key))
    return [Group(tuple(found[key]), *key) for key in ordered]


class Ways(NamedTuple):
    """Where all devices of a group's hosts can go together, as sets of groups.

    A host without devices goes nowhere, and none to itself. `sources` are the groups
    all of whose devices its own hosts take.
    """

    compatible: int
    one_way: int
    undetermined: int
    incompatible: int
    sources: int

    @property
    def arrives(self) -> int:
        """Where all of them arrive, whether or not they can come back."""
        return self.compatible | self.one_way

    def each(self) -> tuple[tuple[Way, int], ...]:
        """Give each way with its groups."""
        return (
            ("compatible", self.compatible),
            ("one way", self.one_way),
            ("undetermined", self.undetermined),
            ("incompatible", self.incompatible),
        )


class Reach:
    """Which classes can go where.

    `yes` has for each class those that it can go to, `taken` the groups that have an
    endpoint of one of these.
    """

    def __init__(self, grid: Grid, groups: Sequence[Group]) -> None:
        self._groups = groups
        rows = range(grid.size)
        may = bytes(cell.verdict != "incompatible" for cell in grid.cells)
        self.yes = [_set(grid.can_go(row)) for row in rows]
        having = [0] * grid.size
        for at, group in enumerate(groups):
            for place in group.offers:
                having[place] |= 1 << at
        self._having = having
        self.taken = [self._at(there) for there in self.yes]
        self._maybe_taken = [
            self._at(_set(bytes(map(may.__getitem__, grid.row(row))))) for row in rows
        ]

    def _at(self, classes: int) -> int:
        """Give the groups that have an endpoint of one of some classes."""
        return reduce(or_, map(self._having.__getitem__, places(classes)), 0)

    def accepted(self, at: int) -> list[int]:
        """Give the classes that can go to an endpoint of a group's hosts."""
        return [class_ for class_, groups in enumerate(self.taken) if groups >> at & 1]

    def back(self, at: int, device: int) -> int:
        """Give the groups from which a group's device can come back to its host."""
        coming = bits(
            there for there in places(self.yes[device]) if self.taken[there] >> at & 1
        )
        return self._at(coming)

    def ways(self) -> list[Ways]:
        """Say of each group where all devices of its hosts can go."""
        every = (1 << len(self._groups)) - 1
        found = []
        for at, group in enumerate(self._groups):
            if not group.leaving:
                found.append(Ways(0, 0, 0, 0, 0))
                continue
            others = every & ~(1 << at) if len(group.hosts) == 1 else every
            # What only may have to go refuses nothing; not taken, it leaves open.
            yes = reduce(and_, (self.taken[each] for each in group.leaving), others)
            maybe = reduce(
                and_, (self._maybe_taken[each] for each in group.devices), others
            )
            both = reduce(and_, (self.back(at, each) for each in group.leaving), yes)
            found.append(Ways(both, yes & ~both, maybe & ~yes, others & ~maybe, 0))
        sources = [0] * len(found)
        for at, ways in enumerate(found):
            for there in places(ways.arrives):
                sources[there] |= 1 << at
        return [
            ways._replace(sources=each)
            for ways, each in zip(found, sources, strict=True)
        ]


def bits(places: Iterable[int]) -> int:
    """Make a set of places, which are different."""
    return sum(1 << place for place in places)


def places(found: int) -> Iterator[int]:
    """Give the places that a set has, in their order."""
    while found:
        lowest = found & -found
        yield lowest.bit_length() - 1
        found ^= lowest


def _set(flags: bytes) -> int:
    """Make a set of flags, which are 1 or 0 each."""
    return int(flags[::-1].translate(_DIGITS) or b"0", 2)


_DIGITS = bytes.maketrans(b"\0\1", b"01")
