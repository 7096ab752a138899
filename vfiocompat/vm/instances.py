# SPDX-License-Identifier: Apache-2.0
"""What a host has for a VM's devices: instances that are there, or can be created."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.addresses import (
    FunctionAddress,
    MdevAddress,
    TypeAddress,
    is_function,
    parse_address,
)
from vfiocompat.errors import InvalidAddress
from vfiocompat.vm.seats import Seat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vfiocompat.endpoints import Endpoint, EndpointKind

__all__ = ["InstanceAddress", "Instances", "in_order", "instance_address", "seat_of"]

InstanceAddress = MdevAddress | FunctionAddress | TypeAddress
"""Where a host has an instance, or creates one."""

_SAME = 1 << 14  # seats that are remembered: hosts that are alike have the same again


class Instances(NamedTuple):
    """What a host has for a VM: of each endpoint its seat, and in which column it is.

    A column has what is decided of endpoints that are alike. The endpoints are those
    of the host `in_order`.
    """

    columns: list[int]
    seats: list[Seat]

    @classmethod
    def of(cls, endpoints: Sequence[Endpoint], columns: Sequence[int]) -> Instances:
        """Make the instances that endpoints are; `columns` has that of each."""
        order = sorted(range(len(endpoints)), key=lambda at: endpoints[at].address)
        return cls(
            [columns[at] for at in order], [seat_of(endpoints[at]) for at in order]
        )


def in_order(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """Give endpoints in the order of their addresses."""
    return sorted(endpoints, key=attrgetter("address"))


def seat_of(endpoint: Endpoint) -> Seat:
    """Say how many devices an endpoint can take, and what it shares that with.

    A type may have a name that no address can hold, and an inventory may hold what no
    host has: of such there is none to give.
    """
    return _seat(
        endpoint.address,
        endpoint.kind,
        endpoint.type_id,
        endpoint.is_vgpu,
        endpoint.parent,
        endpoint.available_instances,
        endpoint.in_use,
    )


@lru_cache(maxsize=_SAME)
def _seat(  # noqa: PLR0917 - by keywords it takes longer to look one up
    address: str,
    kind: EndpointKind,
    type_id: str | None,
    is_vgpu: bool,  # noqa: FBT001 - as an endpoint has it
    parent: str | None,
    free: int | None,
    in_use: bool | None,  # noqa: FBT001 - as an endpoint has it
) -> Seat:
    """Make a seat.

    Of an mdev or a function that is there already it is not always told whether it is
    used. Which vGPU types a function of NVIDIA's can be, or be the parent of, rests on
    what the other functions of its GPU are.
    """
    unused = None if in_use is None else int(not in_use)
    match kind, instance_address(address, kind):
        case _, None:
            return Seat(0, address)
        case "type", TypeAddress(name):
            return Seat(free, pool=_gpu(name) if is_vgpu else name, made=True)
        case _, TypeAddress(name):
            return Seat(free, name, _gpu(parent or name), made=True)
        case _, MdevAddress(name):
            return Seat(unused, name)
        case _, FunctionAddress(name):
            # That a function has a type does not say that a VM has it.
            return Seat(None if type_id is not None and not unused else unused, name)


def _gpu(function: str) -> str:
    """Name the GPU that a function is of: those of one are on one bus."""
    return function.rpartition(":")[0]


def instance_address(address: str, kind: EndpointKind) -> InstanceAddress | None:
    """Read where an endpoint is; None where no host can have one of its kind."""
    try:
        found = parse_address(address)
    except InvalidAddress:
        return None
    match found:
        case MdevAddress() if kind == "mdev":
            return found
        case FunctionAddress() if kind == "function":
            return found
        case TypeAddress() if kind == "type":
            return found
        case TypeAddress(name, type_id) if kind == "function":
            # NVIDIA numbers the types that functions have.
            is_type = type_id.isascii() and type_id.isdigit()
            return found if is_function(name) and is_type else None
        case _:
            return None
