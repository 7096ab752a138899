# SPDX-License-Identifier: Apache-2.0
"""Groups of hosts that are alike, and where their devices can go together."""

from __future__ import annotations

from array import array
from itertools import product
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from vfiocompat.endpoints import Endpoint
from vfiocompat.fleet.cells import Cell
from vfiocompat.fleet.classes import Class, Fleet, HostClasses
from vfiocompat.fleet.grid import Grid
from vfiocompat.fleet.hostpairs import host_pairs
from vfiocompat.fleet.moves import Reach, groups_of, places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.verdicts import Verdict

CELLS = [
    Cell(verdict, "table", ())
    for verdict in ("compatible", "incompatible", "undetermined")
]
YES, NO, OPEN = range(3)


def grid(*rows: Sequence[int]) -> Grid:
    return Grid(len(rows), CELLS, array("I", [cell for row in rows for cell in row]))


def fleet(size: int, **hosts: dict[int, int | tuple[int, int]]) -> Fleet:
    """Make a fleet of hosts: by class how many of its endpoints are devices.

    Of two numbers the other one says of how many more nobody knows it.
    """
    found = [
        HostClasses(
            f"{name}.json",
            name,
            "",
            msgspec.Raw(
                msgspec.msgpack.encode(
                    [
                        (
                            class_,
                            4,
                            *(each if isinstance(each, tuple) else (each, 0)),
                            (),
                        )
                        for class_, each in has.items()
                    ]
                )
            ),
        )
        for name, has in hosts.items()
    ]
    classes = [
        Class(str(at), Endpoint(kind="type", address=""), hosts=1) for at in range(size)
    ]
    return Fleet(classes, found, {}, [list(range(size))])


def told(found: Fleet, pairs: Grid) -> set[tuple[str, str, str]]:
    """Give every two hosts with the way from one to the other."""
    groups = groups_of(found)
    names = [[found.hosts[at].host for at in group.hosts] for group in groups]
    return {
        (source, destination, way)
        for at, ways in enumerate(Reach(pairs, groups).ways())
        for way, there in ways.each()
        for to in places(there)
        for source, destination in product(names[at], names[to])
        if source != destination
    }


def test_hosts_with_the_same_classes_are_one_group_however_many_of_each() -> None:
    found = fleet(2, a={0: 1, 1: 0}, b={0: 3, 1: 0}, c={0: 0, 1: 0}, d={1: 0, 0: 2})

    assert [group.hosts for group in groups_of(found)] == [(0, 1, 3), (2,)]


def test_a_way_is_one_way_where_not_all_devices_can_come_back() -> None:
    found = fleet(3, a={0: 1, 2: 1}, b={1: 0, 2: 0}, c={0: 0, 2: 0})
    pairs = grid([YES, YES, NO], [NO, YES, NO], [NO, NO, YES])

    assert told(found, pairs) == {
        ("a", "b", "one way"),
        ("a", "c", "compatible"),
    }


def test_a_device_may_come_back_to_another_class_of_its_host() -> None:
    found = fleet(3, a={0: 1, 2: 0}, b={1: 0})
    back = grid([YES, YES, NO], [NO, YES, YES], [NO, NO, YES])

    assert told(found, back) == {("a", "b", "compatible")}


def test_a_way_back_that_is_undetermined_is_none() -> None:
    found = fleet(2, a={0: 1}, b={1: 0})

    assert told(found, grid([YES, YES], [OPEN, YES])) == {("a", "b", "one way")}


def test_all_devices_count_and_the_worst_decides() -> None:
    found = fleet(3, a={0: 1, 1: 1}, b={1: 0, 2: 0}, c={2: 0}, d={0: 0, 1: 0})
    pairs = grid([YES, NO, OPEN], [NO, YES, NO], [NO, NO, YES])

    assert told(found, pairs) == {
        ("a", "b", "undetermined"),
        ("a", "c", "incompatible"),
        ("a", "d", "compatible"),
    }


def test_hosts_of_one_group_go_to_each_other_and_none_to_itself() -> None:
    alone = grid([YES])
    assert told(fleet(1, a={0: 1}), alone) == set()
    assert told(fleet(1, a={0: 1}, b={0: 1}), alone) == {
        ("a", "b", "compatible"),
        ("b", "a", "compatible"),
    }
    assert told(fleet(1, a={0: 1}, b={0: 1}), grid([NO])) == {
        ("a", "b", "incompatible"),
        ("b", "a", "incompatible"),
    }


def test_sources_are_those_whose_devices_are_taken() -> None:
    found = fleet(2, a={0: 1}, b={1: 0}, c={1: 1})
    groups = groups_of(found)
    ways = Reach(grid([YES, YES], [NO, YES]), groups).ways()

    for at, there in product(range(len(groups)), repeat=2):
        assert ways[there].sources >> at & 1 == ways[at].arrives >> there & 1


def test_what_may_have_to_go_leaves_open_what_does_not_take_it() -> None:
    found = fleet(2, a={0: 1, 1: (0, 1)}, b={0: 0}, c={0: 0, 1: 0})

    assert told(found, grid([YES, NO], [NO, YES])) == {
        ("a", "b", "undetermined"),
        ("a", "c", "compatible"),
    }
    assert told(fleet(1, a={0: (0, 1)}, b={0: 0}), grid([NO])) == {
        ("a", "b", "undetermined")
    }


@pytest.mark.parametrize("seed", range(20))
def test_ways_are_as_pairs_of_hosts_say(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - examples
    size = random.randrange(1, 7)
    pairs = grid(*(random.choices((YES, NO, OPEN), k=size) for _ in range(size)))
    hosts: dict[str, dict[int, int | tuple[int, int]]] = {
        f"h{at}": {
            class_: (random.randrange(2), random.randrange(2))
            for class_ in random.sample(range(size), random.randint(0, size))
        }
        for at in range(8)
    }
    found = fleet(size, **hosts)
    verdicts: dict[str, Verdict] = {
        "compatible": "compatible",
        "one way": "compatible",
        "undetermined": "undetermined",
        "incompatible": "incompatible",
    }

    assert {(one, other, verdicts[way]) for one, other, way in told(found, pairs)} == {
        (pair.source, pair.destination, pair.verdict)
        for pair in host_pairs(found, pairs)
    }
    assert one_way(found, pairs) == {
        (one, other) for one, other, way in told(found, pairs) if way == "one way"
    }


def one_way(found: Fleet, pairs: Grid) -> set[tuple[str, str]]:
    """Find the pairs of hosts from which a device cannot come back, one by one."""
    has = {host.host: list(found.on_host(host)) for host in found.hosts}
    stuck = set()
    for pair in host_pairs(found, pairs):
        offers = [
            [place for place, _ in has[end]] for end in (pair.source, pair.destination)
        ]
        for device, each in has[pair.source]:
            back = any(
                pairs.can_go(device)[there] and pairs.can_go(there)[here]
                for here, there in product(*offers)
            )
            leaves = each.devices or each.unknown
            if leaves and pair.verdict == "compatible" and not back:
                stuck.add((pair.source, pair.destination))
    return stuck
