# SPDX-License-Identifier: Apache-2.0
"""Giving each of a VM's devices an instance of its own at the destination.

An assignment is a matching of devices and instances. What makes it more is that mdev
types of one parent share its capacity: how many instances of a type can be created is
told for each type alone, and creating one changes the numbers of the others. So an
assignment that creates instances of two types on one parent may turn out to be none.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import rustworkx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Placement", "Seat", "Wish", "place"]

_TRIES = 100  # matchings that are tried before it counts as not known


class Wish(NamedTuple):
    """How good a seat is for a device.

    `best` says that it has the best verdict that the device can have; `closeness` (0
    to 15) is higher the more alike both are.
    """

    best: bool
    closeness: int = 0


class Seat(NamedTuple):
    """An endpoint that devices can be given.

    `free` is how many can have it, None if that is not known. `single` names the one
    device that it is, or that it can become, as others may too; None of a type, of
    which there can be more. `shares` names the parent whose capacity it shares with
    others, None if it shares none. `made` says that it has to be created first.
    """

    free: int | None
    single: str | None = None
    shares: str | None = None
    made: bool = False

    def most(self, number: int) -> int:
        """Give how many of `number` devices can have it at the very most."""
        limit = number if self.single is None else min(1, number)
        return limit if self.free is None else min(self.free, limit)


class Placement(NamedTuple):
    """Whether there is room for all devices, and how.

    `seats` gives each device's seat by its number; without room it is empty, and
    `devices` compete for `wanted`.
    """

    room: bool | None
    seats: Mapping[int, int]
    devices: tuple[int, ...] = ()
    wanted: tuple[int, ...] = ()


def place(wishes: Sequence[Mapping[int, Wish]], seats: Sequence[Seat]) -> Placement:
    """Find an assignment of all devices to seats.

    `wishes` say of each device which seats it can have. There is room if an assignment
    exists that rests on nothing unknown and on each device's best verdict; there is
    none if none exists even if what is unknown turns out well.
    """
    certain = _certain(wishes, seats)
    if certain is not None:
        return Placement(room=True, seats=certain)
    found = _match(wishes, seats)
    if len(found) == len(wishes):
        return Placement(room=None, seats=found)
    devices, wanted = _competing(wishes, seats, found)
    return Placement(room=False, seats={}, devices=devices, wanted=wanted)


def _certain(
    wishes: Sequence[Mapping[int, Wish]], seats: Sequence[Seat]
) -> dict[int, int] | None:
    """Find an assignment that surely holds: of a parent it creates one type only.

    One is missed where none gives each parent one device, and others are rare: which
    type each parent is to give is a search that is cut after a while.
    """
    sure = [
        {at: wish for at, wish in each.items() if wish.best and seats[at].free}
        for each in wishes
    ]
    found = _match(sure, seats)
    if len(found) < len(wishes) or not _clashes(found, seats):
        return found if len(found) == len(wishes) else None
    spread = _match(sure, seats, one_each=True)
    if len(spread) == len(wishes) and not _is_one_twice(spread, seats):
        return spread
    if _bound(sure, seats) < len(wishes):
        return None
    left_out: list[frozenset[int]] = [frozenset()]
    for _ in range(_TRIES):
        if not left_out:
            return None
        without = left_out.pop()
        allowed = [
            {at: wish for at, wish in each.items() if at not in without}
            for each in sure
        ]
        if _bound(allowed, seats) < len(wishes):
            continue
        found = _match(allowed, seats)
        if len(found) < len(wishes):
            continue
        clashes = _clashes(found, seats)
        if not clashes:
            return found
        # Try again with each seat of one of these parents as its only one; what most
        # devices have now is tried first.
        parent, used = clashes[0]
        rivals = {at for each in allowed for at in each if seats[at].shares == parent}
        left_out += [
            without | (rivals - {at})
            for at in sorted(rivals, key=lambda at: (used[at], -at))
        ]
    return None


def _bound(wishes: Sequence[Mapping[int, Wish]], seats: Sequence[Seat]) -> int:
    """Say how many devices can surely have a seat at the most: of a parent one type."""
    most: dict[int | str, int] = {}
    for at in {at for each in wishes for at in each}:
        seat = seats[at]
        key = at if (group := seat.shares or seat.single) is None else group
        most[key] = max(most.get(key, 0), seat.most(len(wishes)))
    return sum(most.values())


def _clashes(
    found: Mapping[int, int], seats: Sequence[Seat]
) -> list[tuple[str, Counter[int]]]:
    """Give the parents of which an assignment uses several seats, and how often each.

    The one that is used most comes first.
    """
    by_parent: dict[str, Counter[int]] = {}
    for at in found.values():
        if (parent := seats[at].shares) is not None:
            by_parent.setdefault(parent, Counter())[at] += 1
    several = [each for each in by_parent.items() if len(each[1]) > 1]
    return sorted(several, key=lambda each: -each[1].total())


def _is_one_twice(found: Mapping[int, int], seats: Sequence[Seat]) -> bool:
    """Whether an assignment uses one device as it is, and as what it can become."""
    used = [name for at in found.values() if (name := seats[at].single) is not None]
    return len(used) > len(set(used))


def _match(
    wishes: Sequence[Mapping[int, Wish]],
    seats: Sequence[Seat],
    *,
    one_each: bool = False,
) -> dict[int, int]:
    """Give as many devices as possible a seat each, better ones first.

    What is surely free is better than what may be, and what is there already better
    than what has to be created. Seats that are one device are one node, and with
    `one_each` those of one parent are too.
    """
    number = len(wishes)

    def place_of(at: int) -> tuple[str | int, int]:
        """Name the node of a seat, and say how many devices it takes."""
        seat = seats[at]
        if one_each and seat.shares is not None:
            return f"parent {seat.shares}", min(1, seat.most(number))
        return at if seat.single is None else seat.single, seat.most(number)

    nodes: dict[int | str, range] = {}
    size = number
    places = {at: place_of(at) for at in sorted({at for each in wishes for at in each})}
    for key, most in places.values():
        if key not in nodes and most:
            nodes[key] = range(size, size + most)
            size += most
    edges: dict[tuple[int, int], tuple[int, int]] = {}  # its weight, and the seat
    for device, each in enumerate(wishes):
        for at, wish in each.items():
            seat = seats[at]
            if seat.free == 0:
                continue
            known, there = seat.free is not None, not seat.made
            weight = 1 + wish.closeness + 16 * there + 32 * known + 64 * wish.best
            for node in nodes[places[at][0]]:
                if edges.get((device, node), (0, 0))[0] < weight:
                    edges[device, node] = weight, at
    graph: rustworkx.PyGraph[None, int] = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from([None] * size)
    graph.add_edges_from([(*ends, weight) for ends, (weight, _) in edges.items()])
    pairs = rustworkx.max_weight_matching(graph, max_cardinality=True, weight_fn=int)
    return {min(pair): edges[min(pair), max(pair)][1] for pair in sorted(pairs)}


def _competing(
    wishes: Sequence[Mapping[int, Wish]],
    seats: Sequence[Seat],
    found: Mapping[int, int],
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
