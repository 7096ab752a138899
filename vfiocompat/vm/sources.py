# SPDX-License-Identifier: Apache-2.0
"""What the devices of a VM are, before it goes: which endpoints, of which host."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat import codes
from vfiocompat.errors import VmError
from vfiocompat.find import look
from vfiocompat.inventory import recorded
from vfiocompat.pairs import usable
from vfiocompat.vm.libvirt import host_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.sysfs import Host
    from vfiocompat.inventory import Inventory
    from vfiocompat.streams import Streaming
    from vfiocompat.tables.library import Library
    from vfiocompat.tables.stated import Stated
    from vfiocompat.times import Horizon
    from vfiocompat.vm.manifest import Manifest
    from vfiocompat.vm.model import Vm
    from vfiocompat.vm.read import Description

__all__ = ["Site", "find_sources"]

_SHOWN = 5  # hosts that are named in an error


class Site(NamedTuple):
    """This host, and what is known on it: tables, what is stated, and the time.

    With `streaming` its devices may be opened and asked.
    """

    host: Host
    library: Library
    stated: Stated
    horizon: Horizon
    streaming: Streaming | None = None


def find_sources(
    description: Description,
    site: Site,
    inventories: Mapping[str, Inventory] | None,
    *,
    arrives: bool,
) -> tuple[Endpoint, ...]:
    """Find what the devices of a VM are, before it goes.

    It is on a host of the `inventories`, or on this one where they are None. Of a VM
    that `arrives` here the devices have the addresses of this host already; the
    manifest in its XML says what they were, or an inventory of another host where they
    have the same addresses.

    Raises:
        VfiocompatError: one is not there, or cannot be asked, or nothing tells.

    """
    vm = description.vm
    if not vm.moved:
        return ()
    if arrives:
        return _before_arrival(description, site, inventories)
    if inventories is not None:
        known = _of_connection(description, inventories)
        return _in_inventories(vm, known.values(), site.horizon)
    if description.remote is not None:
        raise VmError(
            f"{description.where} comes from another host, by {description.remote}, "
            "and its devices are there",
            hint="name the inventory of that host with --from",
            code=codes.VM_DEVICE_ABSENT,
        )
    return _here(vm, site)


def _of_connection(
    description: Description, inventories: Mapping[str, Inventory]
) -> Mapping[str, Inventory]:
    """Leave of inventories that of the host to which the connection to libvirt goes.

    Hosts that are equally made have the same addresses, so another one's would do.

    Raises:
        VmError: there is none of it.

    """
    name = host_named(description.remote or "")
    if name is None:
        return inventories
    for host in inventories:
        if _is_called(host, name):
            return {host: inventories[host]}
    raise VmError(
        f"{description.where} comes from host {name}, which no inventory of --from "
        "is of",
        hint="name that host's inventory; if it has another name there, write the XML "
        "to a file and name that: domain:FILE",
        code=codes.VM_DEVICE_ABSENT,
    )


def _is_called(host: str, name: str) -> bool:
    """Whether two names are one host's: one may be its name without the domain."""
    one, other = host.lower(), name.lower()
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _before_arrival(
    description: Description, site: Site, inventories: Mapping[str, Inventory] | None
) -> tuple[Endpoint, ...]:
    vm, domain = description.vm, description.domain
    mine = site.host.name()
    manifest = None if domain is None else domain.manifest()
    others = None
    if inventories is not None:
        others = (each for host, each in inventories.items() if host != mine)
    if manifest is not None and manifest.host == mine:
        _demand_current(vm, manifest, others or ())
        return _of_manifest(vm, manifest, site.horizon)
    if others is not None:
        return _in_inventories(vm, others, site.horizon)
    if manifest is None:
        raise VmError(
            "nothing tells what the VM's devices were before they came here",
            hint="make its XML with 'vfiocompat vm --xml' where it runs, or name the "
            "inventory of that host with --from",
            code=codes.DEVICES_BEFORE_NOT_KNOWN,
        )
    raise VmError(
        f"{description.where} was made for host {manifest.host}, not for this one",
        hint="make it again, or name the inventory of the VM's host with --from",
        code=codes.XML_FOR_ANOTHER_HOST,
    )


def _here(vm: Vm, site: Site) -> tuple[Endpoint, ...]:
    """Find and read the devices of a VM of this host."""
    found = look(
        [device.address for device in vm.moved],
        site.host,
        site.library.drivers,
        ask="all",
        horizon=site.horizon,
    )
    for device, (endpoint, error) in zip(vm.moved, found, strict=True):
        if endpoint is None:
            assert error is not None
            raise VmError(
                f"the VM's device {device.text} is not on this host",
                detail=error.summary,
                hint="of a VM that runs elsewhere name its host's inventory with "
                "--from",
                code=codes.VM_DEVICE_ABSENT,
            )
    return tuple(site.stated.of_source(usable(each), site.library) for each in found)


def _demand_current(
    vm: Vm, manifest: Manifest, inventories: Iterable[Inventory]
) -> None:
    """See that a manifest is not left from an earlier migration to this host.

    Raises:
        VmError: inventories say that the VM comes from another host.

    """
    wanted = {device.text for device in vm.moved}
    having = [
        each.host
        for each in inventories
        if wanted <= {endpoint.address for endpoint in each.endpoints}
    ]
    if having and manifest.inventory.host not in having:
        raise VmError(
            f"the manifest in the XML says that the VM comes from "
            f"{manifest.inventory.host}, and {having[0]} has its devices",
            hint="it may be left from an earlier migration: make the XML again",
            code=codes.XML_FOR_ANOTHER_HOST,
        )


def _of_manifest(vm: Vm, manifest: Manifest, horizon: Horizon) -> tuple[Endpoint, ...]:
    """Find what the devices of a VM were, as its XML says."""
    inventory = manifest.inventory
    known = {endpoint.address: endpoint for endpoint in inventory.endpoints}
    found = []
    for device in vm.moved:
        was = known.get(manifest.devices.get(device.text, ""))
        if was is None:
            raise VmError(
                f"the manifest in the XML does not tell what {device.text} was",
                hint="the XML was changed since 'vfiocompat vm --xml' made it",
                code=codes.DEVICES_BEFORE_NOT_KNOWN,
            )
        found.append(recorded(was, inventory, horizon))
    return tuple(found)


def _in_inventories(
    vm: Vm, inventories: Iterable[Inventory], horizon: Horizon
) -> tuple[Endpoint, ...]:
    """Find what the devices of a VM are in the inventory of the host that it is on.

    Of several inventories that is the one that has all of them.

    Raises:
        VmError: no inventory has them all, or more than one.

    """
    wanted = {device.text for device in vm.moved}
    lacking: dict[str, list[str]] = {}
    found: dict[str, list[Endpoint]] = {}
    for inventory in inventories:
        known = {endpoint.address: endpoint for endpoint in inventory.endpoints}
        if absent := sorted(wanted - known.keys()):
            lacking[inventory.host] = absent
            continue
        found[inventory.host] = [
            recorded(known[device.text], inventory, horizon) for device in vm.moved
        ]
    if len(found) == 1:
        [endpoints] = found.values()
        return tuple(endpoints)
    if found:
        raise VmError(
            f"{len(found)} hosts have all of the VM's devices: "
            f"{', '.join(sorted(found)[:_SHOWN])}",
            hint="name the inventory of the host that it runs on with --from",
            code=codes.SEVERAL_VM_HOSTS,
        )
    shown = sorted(lacking.items(), key=lambda each: (len(each[1]), each[0]))[:_SHOWN]
    raise VmError(
        "no host of --from has all of the VM's devices",
        detail="\n".join(f"{host} has no {', '.join(each)}" for host, each in shown),
        hint="scan the host that the VM runs on again",
        code=codes.VM_DEVICE_ABSENT,
    )
