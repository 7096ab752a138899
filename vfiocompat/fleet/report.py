# SPDX-License-Identifier: Apache-2.0
"""A fleet at a glance: who can go where, what is stuck and what would help, how old."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from vfiocompat.decision.gpus import NOTHING_COMPARED
from vfiocompat.fleet.moves import Reach, bits, groups_of, places
from vfiocompat.fleet.wanting import of_grid
from vfiocompat.pairs import decide_pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.decision.decisions import Decision
    from vfiocompat.decision.gpus import Comparisons
    from vfiocompat.decision.needs import Wanting
    from vfiocompat.fleet.classes import Fleet, HostClasses
    from vfiocompat.fleet.grid import Grid
    from vfiocompat.fleet.moves import Group, Ways
    from vfiocompat.tables.library import Library
    from vfiocompat.times import Horizon

__all__ = [
    "ClassMoves",
    "HostLine",
    "OneWay",
    "Outlook",
    "Report",
    "Stuck",
    "StuckClass",
    "report_on",
]

Outlook = Literal["elsewhere", "unknown", "nowhere", "no devices"]
"""Whether another host takes all devices of a host, or may."""

_EXPLAINED = 100
"""Of how many classes it is looked for what would help."""


class HostLine(NamedTuple):
    """A host: its group, how much it has, and how far its inventory can be relied on.

    `to` counts hosts that take all of its devices, `one_way` those of them from which
    these could not all come back, and `takes` hosts all of whose devices it takes.
    `outdated` says why its inventory does not count, if it does not.
    """

    found: HostClasses
    group: int
    endpoints: int
    devices: int
    outlook: Outlook
    to: int
    one_way: int
    takes: int
    age: str
    outdated: str | None


class StuckClass(NamedTuple):
    """Devices of a class that no other host takes.

    `closest` is the class to which the least stands in the way, and `decision` says
    what does. Both are None where no other host has any, or it was not looked for.
    """

    class_: int
    closest: int | None
    decision: Decision | None


class Stuck(NamedTuple):
    """Hosts whose devices no other host takes, or none is known to.

    Where `classes` is empty each device can go somewhere, but not all to one host.
    """

    group: int
    outlook: Outlook
    classes: tuple[StuckClass, ...]


class OneWay(NamedTuple):
    """Hosts whose devices can all go to those of other groups, and not all come back.

    `classes` are those of the devices that cannot, from one of these at least.
    """

    group: int
    to: tuple[int, ...]
    classes: tuple[int, ...]


class ClassMoves(NamedTuple):
    """Which classes a class can go to, and from which of them it cannot come back.

    `takes` are those that can go to it. No class is among its own.
    """

    to: tuple[int, ...]
    one_way: tuple[int, ...]
    takes: tuple[int, ...]


class Report(NamedTuple):
    """All that is told of a fleet. Groups and classes are named by their places.

    `accepted` has for each group the classes that can go to an endpoint of its hosts,
    and `wanting` is what has to be learnt so that nothing is undetermined.
    """

    fleet: Fleet
    grid: Grid
    horizon: Horizon
    groups: list[Group]
    ways: list[Ways]
    accepted: list[tuple[int, ...]]
    hosts: list[HostLine]
    stuck: list[Stuck]
    one_way: list[OneWay]
    classes: list[ClassMoves]
    wanting: list[Wanting]


def report_on(
    fleet: Fleet,
    grid: Grid,
    library: Library,
    horizon: Horizon,
    compared: Comparisons = NOTHING_COMPARED,
) -> Report:
    """Tell of a fleet, every pair of whose classes was decided.

    `compared` is as for `decide_pair`.
    """
    groups = groups_of(fleet)
    reach = Reach(grid, groups)
    ways = reach.ways()
    outlooks = [_outlook(each, group) for each, group in zip(ways, groups, strict=True)]
    search = _Search(fleet, grid, library, reach, compared)
    return Report(
        fleet,
        grid,
        horizon,
        groups,
        ways,
        [tuple(reach.accepted(at)) for at in range(len(groups))],
        _hosts(fleet, horizon, groups, ways, outlooks),
        [
            Stuck(at, outlook, search.stuck(group))
            for at, (group, outlook) in enumerate(zip(groups, outlooks, strict=True))
            if outlook in {"unknown", "nowhere"}
        ],
        list(_one_way(groups, ways, reach)),
        list(_class_moves(grid)),
        of_grid(fleet, grid, range(grid.size), library),
    )


def _outlook(ways: Ways, group: Group) -> Outlook:
    if not group.leaving:
        return "no devices"
    if ways.arrives:
        return "elsewhere"
    return "unknown" if ways.undetermined else "nowhere"


def _hosts(
    fleet: Fleet,
    horizon: Horizon,
    groups: Sequence[Group],
    ways: Sequence[Ways],
    outlooks: Sequence[Outlook],
) -> list[HostLine]:
    """Give each host, in the order of the fleet."""
    lines: dict[int, HostLine] = {}
    for at, (group, each) in enumerate(zip(groups, ways, strict=True)):

        def number(there: int, at: int = at) -> int:
            """Count the hosts of some groups, without the one in question."""
            hosts = sum(len(groups[place].hosts) for place in places(there))
            return hosts - (there >> at & 1)

        to, one_way, takes = map(number, (each.arrives, each.one_way, each.sources))
        for place in group.hosts:
            host = fleet.hosts[place]
            has = [found for _, found in fleet.on_host(host)]
            lines[place] = HostLine(
                host,
                at,
                sum(found.endpoints for found in has),
                sum(found.devices for found in has),
                outlooks[at],
                to,
                one_way,
                takes,
                horizon.age(host.taken_at),
                horizon.rejects(host.taken_at),
            )
    return [lines[place] for place in range(len(fleet.hosts))]


class _Search:
    """Looks for devices that no other host takes, and for what would help them."""

    def __init__(
        self,
        fleet: Fleet,
        grid: Grid,
        library: Library,
        reach: Reach,
        compared: Comparisons,
    ) -> None:
        self._compared = compared
        self._classes = fleet.classes
        self._grid = grid
        self._library = library
        self._reach = reach
        self._every = bits(range(grid.size))
        self._alone = bits(
            at for at, each in enumerate(fleet.classes) if each.hosts == 1
        )
        self._known: dict[tuple[int, int], StuckClass] = {}

    def stuck(self, group: Group) -> tuple[StuckClass, ...]:
        """Give the devices of a group's hosts that no other host takes."""
        # What only this host has, no other one has.
        others = self._every & ~(bits(group.offers) & self._alone)
        return tuple(
            self._explained(device, others)
            for device in group.leaving
            if not self._reach.yes[device] & others
        )

    def _explained(self, device: int, others: int) -> StuckClass:
        key = device, others
        if key not in self._known:
            near = None
            if len(self._known) < _EXPLAINED:
                distance = partial(self._distance, device)
                near = min(places(others), key=distance, default=None)
            self._known[key] = StuckClass(device, near, self._decided(device, near))
        return self._known[key]

    def _distance(self, device: int, place: int) -> tuple[int, ...]:
        """Say how much stands in the way of a device's class to another.

        Of several that are as close the next ones are: classes are in an order.
        """
        cell = self._grid.cell(device, place)
        here, there = self._classes[device].endpoint, self._classes[place].endpoint
        return (
            there.driver != here.driver,
            cell.verdict == "incompatible",
            len(cell.against),
            there.type_id != here.type_id,
            abs(place - device),
        )

    def _decided(self, device: int, near: int | None) -> Decision | None:
        if near is None:
            return None
        ends = self._classes[device].endpoint, self._classes[near].endpoint
        return decide_pair(*ends, self._library, compared=self._compared).decision


def _one_way(
    groups: Sequence[Group], ways: Sequence[Ways], reach: Reach
) -> Iterator[OneWay]:
    """Give the groups from which moves are one way."""
    for at, each in enumerate(ways):
        if each.one_way:
            leaving = groups[at].leaving
            stays = [one for one in leaving if each.one_way & ~reach.back(at, one)]
            yield OneWay(at, tuple(places(each.one_way)), tuple(stays))


def _class_moves(grid: Grid) -> Iterator[ClassMoves]:
    takes: list[list[int]] = [[] for _ in range(grid.size)]
    rows = []
    for row in range(grid.size):
        to = [at for at, yes in enumerate(grid.can_go(row)) if yes and at != row]
        for at in to:
            takes[at].append(row)
        one_way = tuple(at for at, yes in enumerate(grid.one_way(row)) if yes)
        rows.append((tuple(to), one_way))
    for (there, one_way), from_ in zip(rows, takes, strict=True):
        yield ClassMoves(there, one_way, tuple(from_))
