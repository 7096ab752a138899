# SPDX-License-Identifier: Apache-2.0
"""Devices and seats matched: as many devices as possible, each with its own.

It is a flow: one unit from each device over a place that it can have, to the end. Seats
that are one device, or one parent, are one place.
"""

from __future__ import annotations

from functools import partial
from heapq import nlargest
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.vm.seats import Closeness, different, for_each

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vfiocompat.vm.seats import Seat, Wishes

__all__ = ["Work", "match"]

Place = tuple[str, int | str]
"""A seat by its number, a device that several seats are, or a parent."""

_END: Place = ("end", "")


class Work:
    """How much may still be done to find matchings; a unit takes some 1 us."""

    def __init__(self, left: int) -> None:
        self._left = left

    def begin(self, units: int) -> bool:
        """Begin something that takes as many units; tell whether they were left."""
        self._left -= units
        return self._left >= 0


class _Choice(NamedTuple):
    """The seat that a device has at a place; a greater one is better."""

    weight: int
    seat: int


_Choices = dict[Place, _Choice]


def match(
    wishes: Sequence[Wishes],
    seats: Sequence[Seat],
    work: Work,
    *,
    one_each: bool = False,
) -> dict[int, int] | None:
    """Give as many devices as possible a seat each, better ones first.

    With `one_each` a parent is given to one device. None if that is too much work.
    """
    number = len(wishes)
    kinds = different(wishes)
    if not work.begin(sum(map(len, kinds))):
        return None
    places: dict[int, Place] = {}
    most: dict[Place, int] = {}
    for at in sorted({at for each in kinds for at in each}):
        seat = seats[at]
        if limit := seat.most(number):
            places[at] = place = _place(at, seat, one_each=one_each)
            most.setdefault(place, min(1, limit) if place[0] == "parent" else limit)
    choices = for_each(wishes, partial(_choices, seats=seats, places=places))
    found = _undisputed(choices, most)
    if found is None:
        found = _by_flow(choices, most, work)
    return found


def _place(at: int, seat: Seat, *, one_each: bool) -> Place:
    if one_each and seat.pool is not None:
        return "parent", seat.pool
    return ("seat", at) if seat.single is None else ("device", seat.single)


def _choices(
    wishes: Wishes, seats: Sequence[Seat], places: Mapping[int, Place]
) -> _Choices:
    """Give the places that a device can have, each with the best seat there."""
    best = max(wishes.values(), default=Closeness(0)).verdict
    found: _Choices = {}
    for at, closeness in wishes.items():
        if (place := places.get(at)) is not None:
            weight = _weight(closeness, seats[at], best)
            if place not in found or found[place].weight < weight:
                found[place] = _Choice(weight, at)
    return found


def _weight(closeness: Closeness, seat: Seat, best: int) -> int:
    """Pack how good a seat is for a device into an integer.

    From what counts most to what counts least: that it has the best verdict that the
    device can have, that it is known how much is free, that it is there already, and
    how close it is otherwise.
    """
    _, same_type, same_driver, ground = closeness
    parts = closeness.verdict == best, seat.free is not None, not seat.made
    weight = 0
    for part in (*parts, same_type, same_driver):
        weight = weight * 2 + part
    return weight * 4 + ground


_HEAVIEST = 127
"""What the best of all seats weighs."""


def _undisputed(
    choices: Sequence[_Choices], most: Mapping[Place, int]
) -> dict[int, int] | None:
    """Give each device what is best for it, if no other is in its way."""
    left = dict(most)
    found = {}
    for device, bests in enumerate(for_each(choices, _bests)):
        while bests and not left[bests[-1]]:
            bests.pop()  # what is used up stays so
        if bests:
            left[bests[-1]] -= 1
            found[device] = choices[device][bests[-1]].seat
        elif choices[device]:
            return None
    return found


def _bests(choices: _Choices) -> list[Place]:
    """Name the places that are best for a device; the last is taken first."""
    best = max((choice.weight for choice in choices.values()), default=None)
    found = [place for place, choice in choices.items() if choice.weight == best]
    return found[::-1]


def _by_flow(
    choices: Sequence[_Choices], most: Mapping[Place, int], work: Work
) -> dict[int, int] | None:
    """Find the flow of the least cost; devices with the same choices are one node."""
    groups: dict[int, list[int]] = {}
    for device, each in enumerate(choices):
        groups.setdefault(id(each), []).append(device)
    members = {min(group): group for group in groups.values()}
    # There is no use for more places than there are devices: one of them is free.
    wanted = {
        first: nlargest(len(choices), choices[first].items(), key=_by_weight)
        for first in members
    }
    if not work.begin(len(members) * sum(map(len, wanted.values())) // 4):
        return None
    from networkx import DiGraph, network_simplex  # noqa: PLC0415 - 100 ms, and rare

    graph = DiGraph()
    graph.add_node(_END, demand=len(choices))
    for first, heaviest in wanted.items():
        graph.add_node(first, demand=-len(members[first]))
        graph.add_edge(first, _END, weight=len(choices) * (_HEAVIEST + 1))
        for place, choice in heaviest:
            graph.add_edge(first, place, weight=_HEAVIEST - choice.weight)
            graph.add_edge(place, _END, weight=0, capacity=most[place])
    _, flow = network_simplex(graph)
    return {
        device: choices[first][place].seat
        for first, group in members.items()
        for device, place in zip(group, _given(flow[first]), strict=False)
    }


def _by_weight(item: tuple[Place, _Choice]) -> int:
    return item[1].weight


def _given(flow: Mapping[Place, int]) -> Iterator[Place]:
    """Give the places that units flow over, each as often as one does."""
    for place, units in flow.items():
        if place != _END:
            yield from repeat(place, units)
