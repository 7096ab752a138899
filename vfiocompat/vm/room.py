# SPDX-License-Identifier: Apache-2.0
"""Giving each of a VM's devices an instance of its own at the destination.

An assignment is a matching of devices and instances. What makes it more is that mdev
types of one parent share its capacity: how many instances of a type can be created is
told for each type alone, and creating one changes the numbers of the others. So an
assignment that creates instances of two types on one parent may turn out to be none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import rustworkx

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

__all__ = ["Closeness", "Placement", "Seat", "Wishes", "place"]

Result = TypeVar("Result")

_TRIES = 100  # matchings that are tried before it counts as not known


class Closeness(NamedTuple):
    """How close an endpoint is to what a device needs: the greater of two is closer.

    `verdict` is greater the better that is, and `ground` (0 to 3) the more it can be
    relied on.
    """

    verdict: int
    same_type: bool = False
    same_driver: bool = False
    ground: int = 0


class Seat(NamedTuple):
    """An endpoint that devices can be given.

    `free` is how many can have it, None if that is not known. `single` names the one
    device that it is, or that it can become, as others may too; None of a type, of
    which there can be more. `pool` names the parent whose capacity it shares with
    others, None if it shares none. `made` says that it has to be created first.
    """

    free: int | None
    single: str | None = None
    pool: str | None = None
    made: bool = False

    def most(self, number: int) -> int:
        """Give how many of `number` devices can have it at the very most."""
        limit = number if self.single is None else min(1, number)
        return limit if self.free is None else min(self.free, limit)


Wishes = Mapping[int, Closeness]
"""The seats that a device can have: by their columns, or each by its own number."""


class Placement(NamedTuple):
    """Whether there is room for all devices, and how.

    `seats` gives each device's seat by its number; without room it is empty, and
    `devices` compete for `wanted`.
    """

    room: bool | None
    seats: dict[int, int]
    devices: tuple[int, ...] = ()
    wanted: tuple[int, ...] = ()


def place(
    wishes: Sequence[Wishes],
    seats: Sequence[Seat],
    columns: Sequence[int] | None = None,
    known: dict[object, Placement] | None = None,
) -> Placement:
    """Find an assignment of all devices to seats.

    `wishes` are each device's, by column, and `columns` say which one a seat is of;
    without them each is a column of its own. Something is found once for wishes that
    are one object, and for several calls with the same wishes where `known` keeps it.

    There is room if an assignment exists that rests on nothing unknown and on each
    device's best verdict; there is none if none exists even if what is unknown turns
    out well.
    """
    if columns is None:
        columns = range(len(seats))
    simple = _each_its_best(wishes, seats, columns)
    if simple is not None:
        return Placement(room=True, seats=simple)
    known = {} if known is None else known
    alike = _alike(seats, columns)
    if alike not in known:
        by_seat = _each(wishes, partial(_by_seat, columns=columns))
        known[alike] = _matched(by_seat, seats)
    return known[alike]


def _alike(seats: Sequence[Seat], columns: Sequence[int]) -> object:
    """Give all of seats that matters: which have a name, not what that is."""
    known: dict[str | None, int] = {None: 0}
    names = (name for seat in seats for name in (seat.single, seat.pool))
    numbers = [known.setdefault(name, len(known)) for name in names]
    return *columns, *numbers, *((seat.free, seat.made) for seat in seats)


def _each(wishes: Sequence[Wishes], change: Callable[[Wishes], Result]) -> list[Result]:
    """Make something of each device's wishes, and once of those that are one object."""
    known = {id(each): each for each in wishes}
    changed = {key: change(each) for key, each in known.items()}
    return [changed[id(each)] for each in wishes]


def _by_seat(wishes: Wishes, columns: Sequence[int]) -> Wishes:
    return {at: wishes[column] for at, column in enumerate(columns) if column in wishes}


# ---- where no device is in another's way -----------------------------------------


def _each_its_best(
    wishes: Sequence[Wishes], seats: Sequence[Seat], columns: Sequence[int]
) -> dict[int, int] | None:
    """Give each device what is best for it by itself, if they surely can all have that.

    No assignment is better then, and no matching has to be looked for.
    """
    offered = set(columns)
    sure: dict[tuple[int, bool], list[int]] = {}
    for at, seat in enumerate(seats):
        if seat.free:
            sure.setdefault((columns[at], seat.made), []).append(at)
    used = _Given(seats, len(wishes))
    found = {}
    bests = _each(wishes, partial(_bests, offered=offered, sure=sure))
    for device, left in enumerate(bests):
        while left and not used.take(left[-1]):
            left.pop()  # what is used up stays so
        if not left:
            return None
        found[device] = left[-1]
    return found


def _bests(
    wishes: Wishes,
    offered: AbstractSet[int],
    sure: Mapping[tuple[int, bool], Sequence[int]],
) -> list[int]:
    """Name the best seats that a device can have; the last is taken first.

    `sure` are those that are surely free, by column and by whether they are `made`.
    """
    columns = wishes.keys() & offered
    verdict = max((wishes[column].verdict for column in columns), default=None)
    groups: dict[tuple[bool, Closeness], list[int]] = {}
    for column in columns:
        closeness = wishes[column]
        if closeness.verdict == verdict:
            for made in (True, False):
                if free := sure.get((column, made)):
                    groups.setdefault((not made, closeness), []).extend(free)
    return sorted(groups[max(groups)]) if groups else []


class _Given:
    """What devices are given so far, in a way that surely holds.

    A parent gives instances of one type, and one device becomes one thing.
    """

    def __init__(self, seats: Sequence[Seat], devices: int) -> None:
        self._seats = seats
        self._devices = devices
        self._times: Counter[int] = Counter()
        self._parents: dict[str | None, int] = {}
        self._singles: dict[str | None, int] = {}

    def take(self, at: int) -> bool:
        """Give a seat to one more device, if that can be; tell whether it could."""
        seat = self._seats[at]
        if (
            self._times[at] >= seat.most(self._devices)
            or self._parents.get(seat.pool, at) != at
            or self._singles.get(seat.single, at) != at
        ):
            return False
        self._times[at] += 1
        if seat.pool is not None:
            self._parents[seat.pool] = at
        if seat.single is not None:
            self._singles[seat.single] = at
        return True


# ---- where a matching has to be looked for ---------------------------------------


def _matched(wishes: Sequence[Wishes], seats: Sequence[Seat]) -> Placement:
    """Find an assignment by wishes for seats."""
    certain = _certain(wishes, seats)
    if certain is not None:
        return Placement(room=True, seats=certain)
    found = _match(wishes, seats)
    if len(found) == len(wishes):
        return Placement(room=None, seats=found)
    devices, wanted = _competing(wishes, seats, found)
    return Placement(room=False, seats={}, devices=devices, wanted=wanted)


def _certain(wishes: Sequence[Wishes], seats: Sequence[Seat]) -> dict[int, int] | None:
    """Find an assignment that surely holds: of a parent it creates one type only.

    One is missed where none gives each parent one device, and others are rare: which
    type each parent is to give is a search that is cut after a while.
    """
    sure = _each(wishes, partial(_sure, seats=seats))
    if not all(sure):
        return None
    found = _match(sure, seats)
    if len(found) < len(wishes) or _holds(found, seats):
        return found if len(found) == len(wishes) else None
    spread = _match(sure, seats, one_each=True)
    if len(spread) == len(wishes) and _holds(spread, seats):
        return spread
    return _searched(sure, seats)


def _searched(wishes: Sequence[Wishes], seats: Sequence[Seat]) -> dict[int, int] | None:
    """Try which type each parent is to give, for a while."""
    left_out: list[frozenset[int]] = [frozenset()]
    for _ in range(_TRIES):
        if not left_out:
            return None
        without = left_out.pop()
        allowed = _each(wishes, partial(_without, left_out=without))
        enough = _bound(allowed, seats) >= len(wishes)
        found = _match(allowed, seats) if enough else {}
        if len(found) < len(wishes):
            continue
        clash = _clash(found, seats)
        if clash is None:
            return found
        # Try again with each seat of one of these parents as its only one; what most
        # devices have now is tried first.
        parent, used = clash
        rivals = {at for each in allowed for at in each if seats[at].pool == parent}
        left_out += [
            without | (rivals - {at})
            for at in sorted(rivals, key=lambda at: (used[at], -at))
        ]
    return None


def _sure(wishes: Wishes, seats: Sequence[Seat]) -> Wishes:
    """Give the wishes of the best verdict, for what is surely free."""
    best = max(wishes.values(), default=Closeness(0)).verdict
    return {
        at: closeness
        for at, closeness in wishes.items()
        if closeness.verdict == best and seats[at].free
    }


def _without(wishes: Wishes, left_out: AbstractSet[int]) -> Wishes:
    return {at: closeness for at, closeness in wishes.items() if at not in left_out}


def _bound(wishes: Sequence[Wishes], seats: Sequence[Seat]) -> int:
    """Say how many devices can surely have a seat at the most: of a parent one type."""
    most: dict[int | str, int] = {}
    for at in {at for each in wishes for at in each}:
        seat = seats[at]
        key = at if (group := seat.pool or seat.single) is None else group
        most[key] = max(most.get(key, 0), seat.most(len(wishes)))
    return sum(most.values())


def _clash(
    found: Mapping[int, int], seats: Sequence[Seat]
) -> tuple[str, Counter[int]] | None:
    """Find the most used parent of several seats, and how often each of those is."""
    by_parent: dict[str, Counter[int]] = {}
    for at in found.values():
        if (parent := seats[at].pool) is not None:
            by_parent.setdefault(parent, Counter())[at] += 1
    several = [each for each in by_parent.items() if len(each[1]) > 1]
    return max(several, key=lambda each: each[1].total(), default=None)


def _holds(found: Mapping[int, int], seats: Sequence[Seat]) -> bool:
    """Whether an assignment surely holds."""
    used = _Given(seats, len(found))
    return all(used.take(at) for at in found.values())


def _match(
    wishes: Sequence[Wishes], seats: Sequence[Seat], *, one_each: bool = False
) -> dict[int, int]:
    """Give as many devices as possible a seat each, better ones first.

    Seats that are one device are one node, and with `one_each` those of one parent are
    too. A seat that several devices can have is as many nodes.
    """
    number = len(wishes)
    nodes: dict[int | str, range] = {}
    places: dict[int, range] = {}
    size = number
    for at in sorted({at for each in wishes for at in each}):
        seat = seats[at]
        most = seat.most(number)
        key = at if seat.single is None else seat.single
        if one_each and seat.pool is not None:
            key, most = f"parent {seat.pool}", min(1, most)
        if key not in nodes and most:
            nodes[key] = range(size, size + most)
            size += most
        places[at] = nodes.get(key, range(0)) if seat.free != 0 else range(0)
    edges = _each(wishes, partial(_edges, seats=seats, places=places))
    graph: rustworkx.PyGraph[None, int] = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from([None] * size)
    graph.add_edges_from(
        [
            (device, node, weight)
            for device, each in enumerate(edges)
            for node, (weight, _) in each.items()
        ]
    )
    pairs = rustworkx.max_weight_matching(graph, max_cardinality=True, weight_fn=int)
    return {min(pair): edges[min(pair)][max(pair)][1] for pair in sorted(pairs)}


def _edges(
    wishes: Wishes, seats: Sequence[Seat], places: Mapping[int, range]
) -> dict[int, tuple[int, int]]:
    """Give the nodes that a device can have, each with its weight and the best seat."""
    best = max(wishes.values(), default=Closeness(0)).verdict
    found: dict[int, tuple[int, int]] = {}
    for at, closeness in wishes.items():
        weight = _weight(closeness, seats[at], best)
        for node in places[at]:
            if found.get(node, (0, 0))[0] < weight:
                found[node] = weight, at
    return found


def _weight(closeness: Closeness, seat: Seat, best: int) -> int:
    """Pack how good a seat is for a device into an integer: rustworkx takes no tuple.

    From what counts most to what counts least: that it has the best verdict that the
    device can have, that it is known how much is free, that it is there already, and
    how close it is otherwise. What is no worse than nothing weighs something.
    """
    _, same_type, same_driver, ground = closeness
    parts = closeness.verdict == best, seat.free is not None, not seat.made
    weight = 0
    for part in (*parts, same_type, same_driver):
        weight = weight * 2 + part
    return weight * 4 + ground + 1


def _competing(
    wishes: Sequence[Wishes], seats: Sequence[Seat], found: Mapping[int, int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Name devices that want too few seats between them, and those seats.

    From a device without a seat: who has the seats that it wants, what those want, and
    so on. There are more of them than seats (Hall's theorem).
    """

    def place_of(at: int) -> int | str:
        return at if (single := seats[at].single) is None else single

    left = [device for device in range(len(wishes)) if device not in found][:1]
    devices: set[int] = set()
    wanted: set[int] = set()
    while left:
        device = left.pop()
        devices.add(device)
        wanted |= wishes[device].keys()
        places = {place_of(at) for at in wishes[device]}
        left += [
            other
            for other, at in found.items()
            if place_of(at) in places and other not in devices
        ]
    return tuple(sorted(devices)), tuple(sorted(wanted))
