# SPDX-License-Identifier: Apache-2.0
"""Whether there is room for all of a VM's devices, and which of them compete."""

from __future__ import annotations

import time
from collections import Counter
from itertools import count, product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfiocompat.vm.room import Placement, place
from vfiocompat.vm.seats import Closeness, Seat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Wishes = dict[int, Closeness]

BEST, SECOND = Closeness(2), Closeness(1)
names = count()


def mdev_type(free: int | None, parent: str = "p") -> Seat:
    return Seat(free, pool=parent, made=True)


def device(free: int | None) -> Seat:
    return Seat(free, single=f"device {next(names)}")


# ---- examples --------------------------------------------------------------------


def test_no_devices_have_room_anywhere() -> None:
    assert place([], []) == Placement(room=True, seats={})
    assert place([], [mdev_type(0)]) == Placement(room=True, seats={})


@pytest.mark.parametrize(
    ("free", "room"), [(2, True), (1, True), (0, False), (None, None)]
)
@pytest.mark.parametrize("seat", [mdev_type, device])
def test_one_device_has_room_where_something_is_free(
    *, seat: Callable[[int | None], Seat], free: int | None, room: bool | None
) -> None:
    found = place([{0: BEST}], [seat(free)])

    assert found.room is room
    assert found.seats == ({} if room is False else {0: 0})


def test_a_device_without_any_seat_competes_for_none() -> None:
    assert place([{}], [device(1)]) == Placement(room=False, seats={}, devices=(0,))


@pytest.mark.parametrize(("free", "room"), [(3, True), (2, True), (1, False)])
def test_one_type_tells_by_itself_how_many_instances_it_has(
    *, free: int, room: bool
) -> None:
    found = place([{0: BEST}, {0: BEST}], [mdev_type(free)])

    assert found.room is room
    if room:
        assert found.seats == {0: 0, 1: 0}


def test_two_types_of_one_parent_share_what_nobody_tells() -> None:
    found = place([{0: BEST}, {1: BEST}], [mdev_type(4), mdev_type(2)])
    assert found == Placement(room=None, seats={0: 0, 1: 1})


def test_two_types_of_different_parents_share_nothing() -> None:
    found = place([{0: BEST}, {1: BEST}], [mdev_type(1, "p"), mdev_type(1, "q")])
    assert found == Placement(room=True, seats={0: 0, 1: 1})


def test_another_assignment_avoids_two_types_of_one_parent() -> None:
    seats = [mdev_type(1, "p"), mdev_type(1, "p"), mdev_type(1, "q")]

    found = place([{0: BEST, 2: BEST}, {1: BEST}], seats)
    assert found == Placement(room=True, seats={0: 2, 1: 1})
    found = place([{0: BEST}, {1: BEST, 2: BEST}], seats)
    assert found == Placement(room=True, seats={0: 0, 1: 2})


def test_several_parents_are_each_left_one_type() -> None:
    """Of four parents with two types each, only one choice of types has room."""
    seats = [mdev_type(1, f"p{at // 2}") for at in range(8)]
    wishes = [{0: BEST, 2: BEST}, {1: BEST, 4: BEST}, {3: BEST, 6: BEST}, {7: BEST}]

    assert place(wishes, seats) == Placement(room=True, seats={0: 0, 1: 4, 2: 3, 3: 7})


def test_one_parent_can_take_all_devices_by_one_type() -> None:
    seats = [mdev_type(2), mdev_type(2)]
    wishes = [{0: BEST, 1: BEST}, {1: BEST}]
    assert place(wishes, seats) == Placement(room=True, seats={0: 1, 1: 1})


def test_what_is_there_shares_nothing_with_what_is_created_beside_it() -> None:
    found = place([{0: BEST}, {1: BEST}], [device(1), mdev_type(1)])
    assert found == Placement(room=True, seats={0: 0, 1: 1})


@pytest.mark.parametrize("first", [True, False])
def test_what_is_there_is_better_than_what_has_to_be_created(*, first: bool) -> None:
    seats = [device(1), mdev_type(3)] if first else [mdev_type(3), device(1)]
    found = place([{0: BEST, 1: BEST}], seats)
    assert found == Placement(room=True, seats={0: 0 if first else 1})


def test_only_one_device_gets_what_is_there() -> None:
    found = place([{0: BEST, 1: BEST}] * 2, [device(1), mdev_type(3)])

    assert found.room
    assert sorted(found.seats.values()) == [0, 1]


def test_room_is_found_among_what_is_surely_free() -> None:
    """That an mdev is used is likely where nobody tells: a type is better."""
    found = place([{0: BEST, 1: BEST}], [device(None), mdev_type(1)])
    assert found == Placement(room=True, seats={0: 1})


def test_what_is_surely_free_is_given_even_where_another_device_has_no_such() -> None:
    seats = [device(None), mdev_type(1), device(None)]
    found = place([{0: BEST, 1: BEST}, {2: BEST}], seats)
    assert found == Placement(room=None, seats={0: 1, 1: 2})


def test_a_second_choice_is_no_certain_room() -> None:
    assert place([{0: SECOND}], [device(1)]).room, "if it is no second choice"
    found = place([{0: BEST, 1: SECOND}] * 2, [device(1), device(1)])
    assert found.room is None
    assert sorted(found.seats.values()) == [0, 1]


def test_a_best_choice_is_taken_before_a_second_that_is_there() -> None:
    found = place([{0: SECOND, 1: BEST}], [device(1), mdev_type(None)])
    assert found == Placement(room=None, seats={0: 1})


def test_a_second_choice_lets_another_have_its_only_one() -> None:
    found = place([{0: BEST, 1: SECOND}, {0: BEST}], [device(1), device(1)])
    assert found == Placement(room=None, seats={0: 1, 1: 0})


def test_a_second_choice_that_is_full_is_none() -> None:
    found = place([{0: BEST, 1: SECOND}, {0: BEST}], [device(1), device(0)])
    assert found == Placement(room=False, seats={}, devices=(0, 1), wanted=(0, 1))


# ---- who competes ----------------------------------------------------------------


def test_those_who_compete_are_named_and_the_others_not() -> None:
    wishes = [{0: BEST}, {1: BEST}, {0: BEST}, {2: BEST}]
    found = place(wishes, [device(1), device(1), mdev_type(5)])
    assert found == Placement(room=False, seats={}, devices=(0, 2), wanted=(0,))


def test_all_that_they_want_between_them_is_named() -> None:
    wishes = [{0: BEST}, {0: BEST, 1: BEST}, {1: BEST}, {2: BEST}]
    found = place(wishes, [device(1) for _ in range(3)])
    assert found == Placement(room=False, seats={}, devices=(0, 1, 2), wanted=(0, 1))


def test_what_is_full_is_named_beside_what_is_too_little() -> None:
    found = place([{0: BEST, 1: BEST}] * 2, [device(1), mdev_type(0)])
    assert found == Placement(room=False, seats={}, devices=(0, 1), wanted=(0, 1))


def test_more_devices_than_instances_compete() -> None:
    found = place([{0: BEST}] * 3, [mdev_type(2)])
    assert found == Placement(room=False, seats={}, devices=(0, 1, 2), wanted=(0,))


def test_an_untold_number_is_no_reason_for_a_no() -> None:
    found = place([{0: BEST}] * 3, [mdev_type(None)])
    assert found == Placement(room=None, seats={0: 0, 1: 0, 2: 0})


# ---- by column -------------------------------------------------------------------


def test_seats_of_one_column_are_wished_for_together() -> None:
    seats = [mdev_type(1, f"p{at}") for at in range(4)]
    found = place([{7: BEST}, {7: BEST}, {8: BEST}], seats, [7, 8, 7, 9])
    assert found.room
    assert sorted([found.seats[0], found.seats[1]]) == [0, 2]
    assert found.seats[2] == 1


def test_what_was_found_for_others_that_are_alike_is_taken() -> None:
    known: dict[object, Placement] = {}
    wishes = [{0: BEST}, {1: BEST}]
    for parents in ("pp", "qq", "pq"):
        seats = [mdev_type(1, parent) for parent in parents]
        assert place(wishes, seats, [0, 1], known) == place(wishes, seats)
    assert len(known) == 1, "of the last there is room at once"


# ---- what holds of all of them ---------------------------------------------------

often = settings(max_examples=600)

FUNCTIONS = st.sampled_from(["a", "b", "c"])
SEATS = st.one_of(
    st.builds(Seat, st.sampled_from([None, 0, 1]), FUNCTIONS),
    st.builds(
        Seat,
        st.sampled_from([None, 0, 1]),
        FUNCTIONS,
        st.just("gpu"),
        made=st.just(True),  # noqa: FBT003
    ),
    st.builds(
        Seat,
        st.sampled_from([None, 0, 1, 1, 2, 3]),
        pool=st.sampled_from(["p", "p", "q"]),
        made=st.just(True),  # noqa: FBT003
    ),
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Wishes], list[Seat]]:
    seats = draw(st.lists(SEATS, max_size=4))
    liking = st.sampled_from([None, SECOND, BEST, BEST])
    wish = st.tuples(*[liking] * len(seats)).map(
        lambda likings: {at: each for at, each in enumerate(likings) if each}
    )
    return draw(st.lists(wish, max_size=4)), seats


def assignments(wishes: Sequence[Wishes]) -> Iterator[dict[int, int]]:
    for seats in product(*wishes):
        yield dict(enumerate(seats))


def is_possible(found: Mapping[int, int], seats: Sequence[Seat]) -> bool:
    """Whether nobody is given too much; what a device can become is one device."""
    used = Counter(found.values())
    single = Counter(seats[at].single for at in found.values())
    del single[None]
    return max(single.values(), default=0) <= 1 and all(
        free is None or times <= free
        for at, times in used.items()
        for free in [seats[at].free]
    )


def is_certain(
    found: Mapping[int, int], wishes: Sequence[Wishes], seats: Sequence[Seat]
) -> bool:
    used = set(found.values())
    parents = [seats[at].pool for at in used if seats[at].pool is not None]
    return (
        is_possible(found, seats)
        and all(
            wishes[number][at] == max(wishes[number].values())
            for number, at in found.items()
        )
        and all(seats[at].free is not None for at in used)
        and len(parents) == len(set(parents))
    )


@often
@given(situations())
def test_room_is_what_trying_everything_finds(
    situation: tuple[list[Wishes], list[Seat]],
) -> None:
    wishes, seats = situation
    possible = [each for each in assignments(wishes) if is_possible(each, seats)]
    certain = [each for each in possible if is_certain(each, wishes, seats)]
    expected = True if certain else None if possible else False

    found = place(wishes, seats)

    assert found.room is expected
    if found.room is True:
        assert found.seats in certain
    if found.room is None:
        assert found.seats in possible
    if found.room is not False:
        assert (found.devices, found.wanted) == ((), ())


@often
@given(situations())
def test_those_who_compete_want_more_than_there_is_and_nothing_else(
    situation: tuple[list[Wishes], list[Seat]],
) -> None:
    wishes, seats = situation
    found = place(wishes, seats)
    if found.room is not False:
        return
    assert found.seats == {}
    assert found.devices == tuple(sorted(set(found.devices)))
    assert {at for each in found.devices for at in wishes[each]} == set(found.wanted)
    there = {
        seats[at].single or at: seats[at].most(len(found.devices))
        for at in sorted(found.wanted, key=lambda at: seats[at].free != 0)
    }
    assert sum(there.values()) < len(found.devices)


@often
@given(situations())
def test_as_little_as_can_be_is_created(
    situation: tuple[list[Wishes], list[Seat]],
) -> None:
    """It holds where no two types share: a clash is not avoided at the least cost."""
    wishes, shared = situation
    seats = [
        seat._replace(
            pool=f"p{at}" if seat.pool else None,
            single=f"d{at}" if seat.single else None,
        )
        for at, seat in enumerate(shared)
    ]
    found = place(wishes, seats)
    if not found.room:
        return

    def created(seats_of: Mapping[int, int]) -> int:
        return sum(seats[at].made for at in seats_of.values())

    certain = [each for each in assignments(wishes) if is_certain(each, wishes, seats)]
    assert created(found.seats) == min(map(created, certain))


@often
@given(situations())
def test_the_same_question_has_the_same_answer(
    situation: tuple[list[Wishes], list[Seat]],
) -> None:
    """A plan, and XML that is made later, are to agree."""
    assert place(*situation) == place(*situation)


# ---- many ------------------------------------------------------------------------


def test_room_on_four_parents_of_four_types_is_found() -> None:
    """The parents give types 0, 3, 1 and 2, each as many as are needed."""
    free = [[6, 2, 6, 5], [1, 6, 3, 5], [2, 3, 4, 0], [1, 2, 5, 4]]
    seats = [
        mdev_type(number, f"p{parent}")
        for parent, numbers in enumerate(free)
        for number in numbers
    ]
    wishes = [{4 * parent + at % 4: BEST for parent in range(4)} for at in range(6)]

    sure = {0: 0, 4: 0, 1: 9, 5: 9, 2: 14, 3: 7}
    assert is_certain(sure, wishes, seats)
    assert place(wishes, seats).room is True


def test_a_device_is_not_taken_as_it_is_and_as_what_it_can_become() -> None:
    seats = [
        Seat(1, "f0"),
        Seat(1, "f0", "gpu", made=True),
        Seat(1, "f1", "gpu", made=True),
        Seat(1, "f1", "gpu", made=True),
    ]
    found = place([{0: BEST}, {1: Closeness(2, same_type=True), 2: BEST}], seats)
    assert found == Placement(room=True, seats={0: 0, 1: 2})


@pytest.mark.parametrize(
    ("devices", "parents", "types", "free", "room"),
    [
        (16, 8, 4, 16, True),
        (8, 4, 4, 16, True),
        (6, 6, 6, 1, True),
        (16, 16, 16, 1, True),
        (16, 20, 8, 1, True),
        (16, 9, 8, 2, True),
        (16, 15, 16, 16, None),
        (16, 1, 16, 16, None),
    ],
)
def test_many_devices_and_types_cost_little(
    *, devices: int, parents: int, types: int, free: int, room: bool | None
) -> None:
    """A parent gives one type for certain: more types than parents are not certain."""
    seats = [mdev_type(free, f"p{parent}") for parent in range(parents)] * types
    wishes = [
        {parent + parents * (number % types): BEST for parent in range(parents)}
        for number in range(devices)
    ]
    began = time.process_time()
    found = place(wishes, seats)

    assert time.process_time() - began < 1
    assert found.room is room
    assert len(found.seats) == devices
    if room:
        assert is_certain(found.seats, wishes, seats)


def test_a_hopeless_search_is_not_begun() -> None:
    """Of fewer parents than devices each can surely give one."""
    seats = [mdev_type(1, f"p{parent}") for parent in range(15)] * 16
    wishes = [
        {parent + 15 * (number % 16): BEST for parent in range(15)}
        for number in range(16)
    ]
    began = time.process_time()
    assert place(wishes, seats).room is None
    assert time.process_time() - began < 0.5


def free(number: int) -> list[Seat]:
    return [device(1) for _ in range(number)]


def contested(devices: int, seats: int) -> list[Wishes]:
    """Make wishes of devices that all like the same seats best, and are not alike."""
    return [
        {at: Closeness(2, ground=at * 7 % 4) for at in range(seats)}
        for _ in range(devices)
    ]


OF_TYPES = [{at * 4 % 360 + more: BEST for more in range(20)} for at in range(90)]
ALIKE = [dict.fromkeys(range(2000), BEST)] * 1024


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wishes", "seats", "room"),
    [
        (OF_TYPES, [mdev_type(90)] * 360, None),
        (contested(80, 80), free(80), True),
        (contested(80, 79), free(79), False),
        (
            contested(80, 160),
            [mdev_type(2, f"p{at // 3}") for at in range(160)],
            True,
        ),
        (ALIKE, free(2000), True),
        (ALIKE, [mdev_type(1)] * 2000, None),
        (ALIKE, [mdev_type(0)] * 2000, False),
    ],
    ids=map(str, range(7)),
)
def test_many_devices_that_compete_cost_little(
    wishes: list[Wishes], seats: list[Seat], *, room: bool | None
) -> None:
    began = time.process_time()
    found = place(wishes, seats)

    assert time.process_time() - began < 5
    assert found.room is room
    assert not found.is_cut


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wishes", "seats"),
    [
        (contested(300, 300), free(300)),
        ([dict.fromkeys(range(8000), BEST) for _ in range(200)], [device(0)] * 8000),
    ],
    ids=["hard", "wide"],
)
def test_what_is_too_much_is_not_looked_for(
    wishes: list[Wishes], seats: list[Seat]
) -> None:
    """It is told by how much it is, not by a clock: the same on every machine."""
    began = time.process_time()
    found = place(wishes, seats)

    assert time.process_time() - began < 5
    assert found == Placement(room=None, seats={}, is_cut=True)
