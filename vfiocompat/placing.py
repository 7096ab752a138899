# SPDX-License-Identifier: Apache-2.0
"""Giving each of a VM's devices an instance of its own at the destination.

An assignment is a matching of devices and instances. What makes it more is that mdev
types of one parent share its capacity: how many instances of a type can be created is
told for each type alone, and creating one changes the numbers of the others. So an
assignment that creates instances of two types on one parent may turn out to be none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import rustworkx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["BEST", "SECOND", "Placement", "Seat", "place"]

BEST, SECOND = 2, 1
"""How good an instance is for a device: of its best verdict, or of the one below."""

_TRIES = 64  # matchings that are tried before it counts as not known


class Seat(NamedTuple):
    """An endpoint that devices can be given.

    `free` is how many can have it, None if that is not known. `shares` names the parent
    whose capacity it shares with others; None if it shares none. `made` says that an
    instance of it has to be created first.
    """

    free: int | None
    shares: str | None = None
    made: bool = False


class Placement(NamedTuple):
    """Whether there is room for all devices, and how.

    `seats` gives each device's seat by its number; without room it is empty, and
    `devices` compete for `wanted`.
    """

    room: bool | None
    seats: Mapping[int, int]
    devices: tuple[int, ...] = ()
    wanted: tuple[int, ...] = ()


def place(wishes: Sequence[Mapping[int, int]], seats: Sequence[Seat]) -> Placement:
    """Find an assignment of all devices to seats.

    There is room if one exists that rests on nothing unknown and on each device's best
    verdict; there is none if none exists even if what is unknown turns out well.
    """
    certain = _certain(wishes, seats)
    if certain is not None:
        return Placement(room=True, seats=certain)
    hoped = [
        {seat: liking for seat, liking in wish.items() if seats[seat].free != 0}
        for wish in wishes
    ]
    most = [len(wishes) if seat.free is None else seat.free for seat in seats]
    found = _match(hoped, seats, most)
    if len(found) == len(wishes):
        return Placement(room=None, seats=found)
    devices, wanted = _competing(wishes, hoped, found)
    return Placement(room=False, seats={}, devices=devices, wanted=wanted)


def _certain(
    wishes: Sequence[Mapping[int, int]], seats: Sequence[Seat]
) -> dict[int, int] | None:
    """Find an assignment that surely holds: on a parent it creates of one type only."""
    sure = [
        {
            seat: BEST
            for seat, liking in wish.items()
            if liking == BEST and seats[seat].free
        }
        for wish in wishes
    ]
    most = [seat.free or 0 for seat in seats]
    left_out: list[frozenset[int]] = [frozenset()]
    for _ in range(_TRIES):
        if not left_out:
            return None
        without = left_out.pop()
        allowed = [
            {seat: liking for seat, liking in wish.items() if seat not in without}
            for wish in sure
        ]
        found = _match(allowed, seats, most)
        if len(found) < len(wishes):
            continue
        clash = next(_clashes(found, seats), None)
        if clash is None:
            return found
        # Try again with each seat of that parent as its only one.
        rivals = {
            seat for wish in allowed for seat in wish if seats[seat].shares == clash
        }
        left_out += [
            without | (rivals - {seat}) for seat in sorted(rivals, reverse=True)
        ]
    return None


def _clashes(found: Mapping[int, int], seats: Sequence[Seat]) -> Iterator[str]:
    """Name the parents of which an assignment uses several seats."""
    by_parent: dict[str, set[int]] = {}
    for seat in found.values():
        if (parent := seats[seat].shares) is not None:
            by_parent.setdefault(parent, set()).add(seat)
    return (parent for parent, used in by_parent.items() if len(used) > 1)


def _match(
    wishes: Sequence[Mapping[int, int]], seats: Sequence[Seat], most: Sequence[int]
) -> dict[int, int]:
    """Give as many devices as possible a seat each, better ones first.

    What is there already is better than what has to be created.
    """
    number = len(wishes)
    owners: list[int] = []  # of each node that follows the devices', its seat
    nodes: dict[int, range] = {}
    for seat in sorted({seat for wish in wishes for seat in wish}):
        start = number + len(owners)
        owners += [seat] * min(most[seat], number)
        nodes[seat] = range(start, number + len(owners))
    graph: rustworkx.PyGraph[None, int] = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from([None] * (number + len(owners)))
    graph.add_edges_from(
        [
            (device, node, 2 * liking + (not seats[seat].made))
            for device, wish in enumerate(wishes)
            for seat, liking in wish.items()
            for node in nodes[seat]
        ]
    )
    pairs = rustworkx.max_weight_matching(graph, max_cardinality=True, weight_fn=int)
    return {min(pair): owners[max(pair) - number] for pair in sorted(pairs)}


def _competing(
    wishes: Sequence[Mapping[int, int]],
    hoped: Sequence[Mapping[int, int]],
    found: Mapping[int, int],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Name devices that want too few seats between them, and those seats.

    From a device without a seat: who has the seats that it wants, what those want, and
    so on. There are more of them than seats (Hall's theorem).
    """
    left = [device for device in range(len(wishes)) if device not in found][:1]
    devices: set[int] = set()
    wanted: set[int] = set()
    while left:
        device = left.pop()
        devices.add(device)
        wanted |= set(wishes[device])
        left += [
            other
            for other, seat in found.items()
            if seat in hoped[device] and other not in devices
        ]
    return tuple(sorted(devices)), tuple(sorted(wanted))
