# SPDX-License-Identifier: Apache-2.0
"""What a VM's devices are given at its destination, and the VM's XML there."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.addresses import (
    FunctionAddress,
    MdevAddress,
    TypeAddress,
    address_text,
)
from vfiocompat.errors import InventoryError
from vfiocompat.inventory import Inventory
from vfiocompat.vm.instances import instance_address
from vfiocompat.vm.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.vm.domain import Domain
    from vfiocompat.vm.migration import Migration
    from vfiocompat.vm.model import DeviceAddress, Vm, VmDevice

__all__ = ["Given", "give", "xml_there"]


class Given(NamedTuple):
    """A device's endpoint at the destination, and the address that it has there then.

    `first` is the command that makes it, where it is not there yet.
    """

    device: VmDevice
    endpoint: str
    address: DeviceAddress
    first: str | None

    @property
    def text(self) -> str:
        """The address, as an endpoint has it."""
        return address_text(self.address) or ""


def give(
    vm: Vm, endpoints: Mapping[VmDevice, Endpoint], taken: Collection[str]
) -> tuple[Given, ...]:
    """Say what devices are given, and how that is made where it is not there yet.

    `taken` are addresses that the host has.

    Raises:
        InventoryError: an endpoint has an address that no host has.

    """
    known = set(taken)
    found = []
    for device, endpoint in endpoints.items():
        given = _given(vm, device, endpoint, known)
        known.add(given.text)
        found.append(given)
    return tuple(found)


def _given(
    vm: Vm, device: VmDevice, endpoint: Endpoint, taken: Collection[str]
) -> Given:
    name = endpoint.address
    match instance_address(name, endpoint.kind):
        case MdevAddress() | FunctionAddress() as there:
            return Given(device, name, there, None)
        case TypeAddress(parent, type_id) if endpoint.kind == "type":
            uuid = _new_uuid(vm, device, taken)
            types = f"/sys/class/mdev_bus/{parent}/mdev_supported_types"
            create = shlex.quote(f"{types}/{type_id}/create")
            return Given(device, name, MdevAddress(uuid), f"echo {uuid} > {create}")
        case TypeAddress(parent, type_id):
            current = f"/sys/bus/pci/devices/{parent}/nvidia/current_vgpu_type"
            first = f"echo {shlex.quote(type_id)} > {shlex.quote(current)}"
            return Given(device, name, FunctionAddress(parent), first)
        case None:
            raise InventoryError(
                f"{name!r} is no address that an endpoint of a host has"
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


def xml_there(
    domain: Domain,
    migration: Migration,
    given: Sequence[Given],
    host: str | None,
    *,
    here: str,
    now: str,
) -> str | None:
    """Give a VM's XML for a host; None where not every device has a place there.

    `here` is what this host is called, which is meant where `host` is None.

    Raises:
        DomainError: a device cannot become what it is given.

    """
    there = {each.device: each.address for each in given}
    if len(there) < len(migration.devices):
        return None
    manifest = None
    if given:
        devices = {each.text: each.device.text for each in given}
        manifest = Manifest(host or here, devices, _inventory(migration, here, now))
    addresses = [there.get(device) for device in migration.vm.devices]
    return domain.rewritten(addresses, manifest).decode()


def _inventory(migration: Migration, here: str, now: str) -> Inventory:
    """Say what the devices of a VM are before its way."""
    [first, *_] = migration.sources
    return Inventory(
        host=first.host or here,
        machine_id=None,
        taken_at=first.recorded.taken_at if first.recorded else now,
        kernel=first.facts.get("kernel", ""),
        endpoints=[
            msgspec.structs.replace(
                source,
                recorded=msgspec.UNSET,
                origin=None if source.version is None else "attribute",
            )
            for source in migration.sources
        ],
        problems=[],
    )
