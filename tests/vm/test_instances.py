# SPDX-License-Identifier: Apache-2.0
"""What a host has for devices: how many can have an endpoint, and what it shares."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.fleets import QAT_1, endpoint, qat
from tests.machines import mdev, uuids, vgpu
from vfiocompat.vm.instances import Instances, in_order, seat_of
from vfiocompat.vm.seats import Seat

A = "1ac1-a"
[ONE] = uuids(1)


@pytest.mark.parametrize(("in_use", "free"), [(True, 0), (None, None), (False, 1)])
def test_what_is_there_is_one_device(*, in_use: bool | None, free: int | None) -> None:
    assert seat_of(mdev(ONE, A, in_use=in_use)) == Seat(free, ONE)
    there = qat("0000:03:00.1", QAT_1, in_use=in_use)
    assert seat_of(there) == Seat(free, "0000:03:00.1")


@pytest.mark.parametrize(("in_use", "free"), [(True, None), (None, None), (False, 1)])
def test_a_vgpu_type_that_is_set_does_not_tell_that_a_vm_has_it(
    *, in_use: bool | None, free: int | None
) -> None:
    is_one = replace(vgpu("0000:c1:00.4", "7", current=True), in_use=in_use)
    assert seat_of(is_one) == Seat(free, "0000:c1:00.4")


def test_types_share_their_parents_capacity() -> None:
    ends = [endpoint(name, A) for name in ("p/t", "p/u", "q/t")]
    of_p, of_q = (Seat(2, pool=parent, made=True) for parent in "pq")
    assert [seat_of(end) for end in ends] == [of_p, of_p, of_q]


def test_functions_share_a_gpu_that_nobody_names() -> None:
    names = ("0000:c1:00.4", "0000:c1:00.5")
    assert [seat_of(vgpu(name, "7")) for name in names] == [
        Seat(1, name, "0000:c1", made=True) for name in names
    ]


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        *(("type", address) for address in ("p/t\u202e", "p/", ONE, "0000:03:00.1")),
        *(("mdev", address) for address in ("p/t", "0000:03:00.1", "nonsense")),
        *(("function", address) for address in (ONE, "p/7", "0000:03:00.1/x")),
    ],
)
def test_an_address_that_no_host_has_is_given_to_nobody(
    kind: str, address: str
) -> None:
    assert seat_of(endpoint(address, A, kind=kind)).free == 0


def test_endpoints_are_in_the_order_of_their_addresses() -> None:
    ends = [endpoint(name, A, available_instances=at) for at, name in enumerate("cab")]
    ends = [replace(end, address=f"{end.address}/t") for end in ends]
    has = Instances.of(ends, (7, 8, 9))
    assert has.columns == [8, 9, 7]
    assert [seat.free for seat in has.seats] == [1, 2, 0]
    assert [end.address for end in in_order(ends)] == ["a/t", "b/t", "c/t"]
