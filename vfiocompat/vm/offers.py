# SPDX-License-Identifier: Apache-2.0
"""What endpoints offer to a VM's devices, and what a device is given."""

from __future__ import annotations

import shlex
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.addresses import (
    FunctionAddress,
    MdevAddress,
    TypeAddress,
    is_function,
    parse_address,
)
from vfiocompat.errors import InvalidAddress, InventoryError
from vfiocompat.vm.room import Seat

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vfiocompat.endpoints import EndpointKind
    from vfiocompat.fleet.classes import Member
    from vfiocompat.vm.model import DeviceAddress, Vm, VmDevice

__all__ = ["Given", "Offer", "give"]


class Offer(NamedTuple):
    """An endpoint of a destination, and which column of the cells is about it."""

    address: str
    kind: EndpointKind
    column: int
    seat: Seat

    @classmethod
    def of(cls, member: Member, column: int) -> Offer:
        """Make the offer that an endpoint of a host is.

        A type may have a name that no address can hold, and an inventory may hold what
        no host has: of such there is none to give.
        """
        given = _can_be_given(member.address, member.kind)
        seat = _seat(member) if given else Seat(0)
        return cls(member.address, member.kind, column, seat)


@lru_cache(maxsize=4096)  # hosts that are alike have the same addresses
def _can_be_given(address: str, kind: EndpointKind) -> bool:
    try:
        place = parse_address(address)
    except InvalidAddress:
        return False
    match kind, place:
        case ("mdev", MdevAddress()) | ("function", FunctionAddress()):
            return True
        case "type", TypeAddress():
            return True
        case "function", TypeAddress(parent, type_id):  # NVIDIA numbers its types
            return is_function(parent) and type_id.isascii() and type_id.isdigit()
        case _:
            return False


def _seat(member: Member) -> Seat:
    """Say how many devices an endpoint can take, and what it shares that with.

    Of an mdev or a function that is there already it is not always told whether it is
    used. Which vGPU types a function of NVIDIA's can be, or be the parent of, rests on
    what the other functions of its GPU are.
    """
    first, slash, _ = member.address.partition("/")
    if member.kind == "type":
        shares = first
        if (member.type_id or "").startswith("nvidia-"):
            shares = _gpu(first)
        return Seat(member.free, shares=shares, made=True)
    if slash:
        shares = _gpu(member.parent or first)
        return Seat(member.free, first, shares, made=True)
    unused = None if member.in_use is None else int(not member.in_use)
    if member.kind == "function" and member.type_id is not None and not unused:
        unused = None  # that a function has a type does not say that a VM has it
    return Seat(unused, first)


def _gpu(function: str) -> str:
    """Name the GPU that a function is of: those of one are on one bus."""
    return function.rpartition(":")[0]


class Given(NamedTuple):
    """A device's endpoint at the destination, and the address that it has there then.

    `first` is the command that makes it, where it is not there yet.
    """

    device: VmDevice
    endpoint: str
    address: DeviceAddress
    first: str | None


def give(
    vm: Vm, offers: Mapping[VmDevice, Offer], taken: Collection[str]
) -> tuple[Given, ...]:
    """Say what devices are given, and how that is made where it is not there yet.

    `taken` are addresses that the host has.

    Raises:
        InventoryError: an endpoint has an address that no host has.

    """
    known = set(taken)
    found = []
    for device, offer in offers.items():
        given = _given(vm, device, offer, known)
        known.add(getattr(given.address, "uuid", ""))
        found.append(given)
    return tuple(found)


def _given(vm: Vm, device: VmDevice, offer: Offer, taken: Collection[str]) -> Given:
    try:
        place = parse_address(offer.address)
    except InvalidAddress:
        place = None
    match place:
        case MdevAddress() | FunctionAddress():
            return Given(device, offer.address, place, None)
        case TypeAddress(parent, type_id) if offer.kind == "type":
            uuid = _new_uuid(vm, device, taken)
            types = f"/sys/class/mdev_bus/{parent}/mdev_supported_types"
            create = shlex.quote(f"{types}/{type_id}/create")
            return Given(
                device, offer.address, MdevAddress(uuid), f"echo {uuid} > {create}"
            )
        case TypeAddress(parent, type_id):
            current = f"/sys/bus/pci/devices/{parent}/nvidia/current_vgpu_type"
            first = f"echo {shlex.quote(type_id)} > {shlex.quote(current)}"
            return Given(device, offer.address, FunctionAddress(parent), first)
        case _:
            raise InventoryError(
                f"{offer.address!r} is no address that an endpoint of a host has"
            )


def _new_uuid(vm: Vm, device: VmDevice, taken: Collection[str]) -> str:
    """Name an mdev that is to be created: as it is called now, if that can be.

    The same VM and device always give the same name, so that a plan and the XML that is
    made later agree.
    """
    if isinstance(device.address, MdevAddress) and device.text not in taken:
        return device.text
    import uuid  # noqa: PLC0415 - costs start-up time, and is rare

    number = 0
    while True:
        name = f"vfiocompat:{vm.uuid}:{vm.name}:{device.text}:{number}"
        found = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
        if found not in taken:
            return found
        number += 1
