# SPDX-License-Identifier: Apache-2.0
"""Giving each of a VM's devices an instance of its own at the destination.

An assignment is a matching of devices and instances. What makes it more is that mdev
types of one parent share its capacity: how many instances of a type can be created is
told for each type alone, and creating one changes the numbers of the others. So an
assignment that creates instances of two types on one parent may turn out to be none.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.vm.matching import Work, match
from vfiocompat.vm.seats import Closeness, different, for_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from vfiocompat.vm.seats import Seat, Wishes

__all__ = ["Placement", "place"]

_TRIES = 100  # matchings that are tried before it counts as not known
_WORK = 2_000_000
"""How much work they may be: some 2 s, and as much for one that rests on anything."""

_WIDEST = 1_000_000
"""How many seats devices can have, each by itself, before nothing is looked for."""


class Placement(NamedTuple):
    """Whether there is room for all devices, and how.

    `seats` gives each device's seat by its number; without room it is empty, and
    `devices` compete for `wanted`. `is_cut` says that there were too many of both for
    an assignment to be looked for.
    """

    room: bool | None
    seats: dict[int, int]
    devices: tuple[int, ...] = ()
    wanted: tuple[int, ...] = ()
    is_cut: bool = False


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
    if _width(wishes, columns) > _WIDEST:
        return _NOT_LOOKED_FOR
    simple = _each_its_best(wishes, seats, columns)
    if simple is not None:
        return Placement(room=True, seats=simple)
    known = {} if known is None else known
    alike = _alike(seats, columns)
    if alike not in known:
        by_seat = for_each(wishes, partial(_by_seat, columns=columns))
        known[alike] = _matched(by_seat, seats)
    return known[alike]


_NOT_LOOKED_FOR = Placement(room=None, seats={}, is_cut=True)


def _width(wishes: Sequence[Wishes], columns: Sequence[int]) -> int:
    """Count the seats that devices can have; devices that are alike count once."""
    times = Counter(columns)
    return sum(
        times[column]
        for each in different(wishes)
        for column in each.keys() & times.keys()
    )


def _alike(seats: Sequence[Seat], columns: Sequence[int]) -> object:
    """Give all of seats that matters: which have a name, not what that is."""
    known: dict[str | None, int] = {None: 0}
    names = (name for seat in seats for name in (seat.single, seat.pool))
    numbers = [known.setdefault(name, len(known)) for name in names]
    return *columns, *numbers, *((seat.free, seat.made) for seat in seats)


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
    bests = for_each(wishes, partial(_bests, offered=offered, sure=sure))
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
    certain = _certain(wishes, seats, Work(_WORK))
    if certain is not None:
        return Placement(room=True, seats=certain)
    found = match(wishes, seats, Work(_WORK))
    if found is None:
        return _NOT_LOOKED_FOR
    if len(found) == len(wishes):
        return Placement(room=None, seats=found)
    devices, wanted = _competing(wishes, seats, found)
    return Placement(room=False, seats={}, devices=devices, wanted=wanted)


def _certain(
    wishes: Sequence[Wishes], seats: Sequence[Seat], work: Work
) -> dict[int, int] | None:
    """Find an assignment that surely holds: of a parent it creates one type only.

    One is missed where none gives each parent one device, and others are rare: which
    type each parent is to give is a search that is cut after a while.
    """
    sure = for_each(wishes, partial(_sure, seats=seats))
    if not all(sure):
        return None
    found = match(sure, seats, work)
    if found is None or len(found) < len(wishes):
        return None
    if _holds(found, seats):
        return found
    spread = match(sure, seats, work, one_each=True)
    if spread and len(spread) == len(wishes) and _holds(spread, seats):
        return spread
    return _searched(sure, seats, work)


def _searched(
    wishes: Sequence[Wishes], seats: Sequence[Seat], work: Work
) -> dict[int, int] | None:
    """Try which type each parent is to give, for a while."""
    left_out: list[frozenset[int]] = [frozenset()]
    for _ in range(_TRIES):
        if not left_out:
            return None
        without = left_out.pop()
        allowed = for_each(wishes, partial(_without, left_out=without))
        enough = _bound(allowed, seats) >= len(wishes)
        found = match(allowed, seats, work) if enough else {}
        if found is None:
            return None
        if len(found) < len(wishes):
            continue
        clash = _clash(found, seats)
        if clash is None:
            return found
        # Try again with each seat of one of these parents as its only one; what most
        # devices have now is tried first.
        parent, used = clash
        rivals = {
            at for each in different(allowed) for at in each if seats[at].pool == parent
        }
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
    for at in {at for each in different(wishes) for at in each}:
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


def _competing(
    wishes: Sequence[Wishes], seats: Sequence[Seat], found: Mapping[int, int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Name devices that want too few seats between them, and those seats.

    From a device without a seat: who has the seats that it wants, what those want, and
    so on. There are more of them than seats (Hall's theorem).
    """

    def place_of(at: int) -> int | str:
        return at if (single := seats[at].single) is None else single

    having: dict[int | str, list[int]] = {}
    for device, at in found.items():
        having.setdefault(place_of(at), []).append(device)
    left = [device for device in range(len(wishes)) if device not in found][:1]
    devices: set[int] = set()
    wanted: set[int] = set()
    known: set[int] = set()
    while left:
        device = left.pop()
        devices.add(device)
        if id(wishes[device]) not in known:
            known.add(id(wishes[device]))
            new = wishes[device].keys() - wanted
            wanted |= new
            left += [each for at in new for each in having.pop(place_of(at), ())]
    return tuple(sorted(devices)), tuple(sorted(wanted))
