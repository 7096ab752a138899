# SPDX-License-Identifier: Apache-2.0
"""VMs for tests: domain XML with VFIO devices, and endpoints that take them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.fleets import endpoint
from vfiocompat.addresses import is_uuid

if TYPE_CHECKING:
    from pathlib import Path

    from vfiocompat.endpoints import Endpoint

__all__ = [
    "VM_UUID",
    "addresses_in",
    "domain",
    "domain_file",
    "hostdev",
    "mdev",
    "told_to_migrate",
    "uuids",
    "vgpu",
    "with_processes",
]

VM_UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


def uuids(number: int, group: int = 1) -> list[str]:
    """Make UUIDs of mdevs; those of another group are others."""
    return [f"83b8f4f2-509f-382f-3c1e-{group:04x}fa{at:06x}" for at in range(number)]


def hostdev(address: str, name: str, managed: str = "no", also: str = "") -> str:
    """Write how libvirt attaches an mdev or a PCI function.

    `also` are attributes of an mdev; `managed` is interface for a network interface
    (which libvirt does not manage).
    """
    kind, model, where = "mdev", f" model='vfio-pci' {also}", f"uuid='{address}'"
    if not is_uuid(address):
        number, bus, rest = address.split(":")
        slot, _, function = rest.partition(".")
        kind, model = "pci", f" managed='{managed}'"
        where = (
            f"domain='0x{number}' bus='0x{bus}' slot='0x{slot}' function='0x{function}'"
        )
    if managed == "interface":
        return (
            "    <interface type='hostdev' managed='no'>"
            f"<source><address type='pci' {where}/></source></interface>\n"
        )
    return (
        f"    <hostdev mode='subsystem' type='{kind}'{model}>"
        f"<source><address {where}/></source><alias name='{name}'/></hostdev>\n"
    )


def domain(
    *devices: str,
    name: str = "web",
    uuid: str = VM_UUID,
    machine: str = "pc-q35-9.1",
    managed: str = "no",
    also: str = "",
    more: str = "",
    after: str = "",
) -> str:
    """Write domain XML of a VM with mdevs and PCI functions.

    `managed` and `also` are as for `hostdev`, `more` are devices too, and `after`
    stands behind all of them.
    """
    attached = "".join(
        hostdev(each, f"ua-{at}", managed, also) for at, each in enumerate(devices)
    )
    whose = f"  <uuid>{uuid}</uuid>\n" if uuid else ""
    return (
        f"<domain type='kvm'>\n  <name>{name}</name>\n{whose}"
        f"  <os><type arch='x86_64' machine='{machine}'>hvm</type></os>\n"
        f"  <devices>\n{attached}{more}  </devices>\n{after}</domain>\n"
    )


def told_to_migrate(devices: int = 1) -> str:
    """Write that QEMU is to migrate devices that track no writes, too."""
    each = "".join(
        f"<qemu:device alias='ua-{at}'><qemu:frontend><qemu:property "
        "name='enable-migration' type='string' value='on'/></qemu:frontend>"
        "</qemu:device>"
        for at in range(devices)
    )
    namespace = "http://libvirt.org/schemas/domain/qemu/1.0"
    return f"<qemu:override xmlns:qemu='{namespace}'>{each}</qemu:override>"


def domain_file(folder: Path, *devices: str, name: str = "web", **more: str) -> str:
    """Write domain XML to a file, and give what the command line calls it."""
    file = folder / f"{name}.xml"
    file.write_text(domain(*devices, name=name, **more))
    return f"domain:{file}"


def addresses_in(xml: str) -> list[str]:
    """Give the addresses of the devices in domain XML that is written by `domain`."""
    found = []
    for attributes in re.findall(r"<address ([^>]*)/>", xml):
        parts = dict(re.findall(r"(\w+)=[\"']([^\"']*)[\"']", attributes))
        numbers = [parts.get(name, "") for name in ("domain", "bus", "slot")]
        function = "{}:{}:{}.{}".format(*numbers, parts.get("function", ""))
        found.append(parts.get("uuid") or function.replace("0x", ""))
    return found


def mdev(uuid: str, version: str | None, **more: object) -> Endpoint:
    """Make an mdev of the type t of the parent p, of which nobody tells its use."""
    fields: dict[str, object] = {
        "kind": "mdev",
        "parent": "p",
        "type_id": "t",
        "uuid": uuid,
        "available_instances": None,
        "stated": {"migration_flags": "STOP_COPY,P2P", "dirty_tracking": "yes"},
    }
    return endpoint(uuid, version, **(fields | more))


def vgpu(function: str, type_id: str, *, current: bool = False) -> Endpoint:
    """Make a function of NVIDIA's: what it is, or what it could become."""
    return endpoint(
        function if current else f"{function}/{type_id}",
        None,
        kind="function",
        parent=None,
        type_id=type_id,
        driver="nvidia",
        vendor_id="0x10de",
        device_id="0x2bb9",
        available_instances=0 if current else 1,
        in_use=current,
        facts={"vgpu_type": type_id, "module_version": "580.65.06"},
    )


def with_processes(root: Path, folder: Path) -> Path:
    """Give a host a /proc that tells that nobody uses a device."""
    (folder / "proc/1/ns").mkdir(parents=True)
    (folder / "proc/1/ns/pid").symlink_to("pid:[4026531836]")
    (folder / "proc/sys").symlink_to(root / "proc/sys")
    (folder / "sys").symlink_to(root / "sys")
    return folder
