# SPDX-License-Identifier: Apache-2.0
"""What a VM's devices stand for at its destination, as its domain XML carries it there.

At the destination the XML names devices of that host, which are to load the state of
others. Which these are only the source knows, so it writes their endpoints beside.
libvirt passes `<metadata>` on, one element of a namespace, and compares none of it
(src/conf/domain_conf.c, virDomainDefCheckABIStabilityFlags).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
from lxml import etree

from vfiocompat.errors import DomainError, InventoryError
from vfiocompat.inventory import Inventory, parse_inventory

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

__all__ = ["Manifest", "read_manifest", "write_manifest"]

_OURS = "urn:vfiocompat:vm:1"
_OUR = f"{{{_OURS}}}"


class Manifest(msgspec.Struct, frozen=True):
    """What the devices in domain XML stand for, as `vm --xml` writes it into that.

    `host` is the one that the XML is for; `devices` gives by the address of a device
    there that of the device whose state it is to load, and `inventory` has those.
    """

    host: str
    devices: dict[str, str]
    inventory: Inventory


def read_manifest(root: Element, path: str) -> Manifest | None:
    """Read the manifest in domain XML; None if there is none.

    Raises:
        DomainError: there is one, and it cannot be used.

    """
    element = root.find(f"metadata/{_OUR}vm")
    if element is None:
        return None
    name = f"{path}: the manifest in it"
    inventory = element.findtext(f"{_OUR}inventory") or ""
    try:
        known = parse_inventory(inventory.encode(), name)
    except InventoryError as error:
        raise DomainError(error.summary, detail=error.detail, hint=error.hint) from None
    devices = {
        each.get("is", ""): each.get("was", "")
        for each in element.iterfind(f"{_OUR}device")
    }
    return Manifest(element.get("host", ""), devices, known)


def write_manifest(root: Element, manifest: Manifest) -> None:
    """Put a manifest into domain XML, in place of one that may be there."""
    metadata = root.find("metadata")
    if metadata is None:
        metadata = etree.SubElement(root, "metadata")
    for old in metadata.findall(f"{_OUR}vm"):
        metadata.remove(old)
    ours = etree.SubElement(
        metadata, f"{_OUR}vm", {"host": manifest.host}, nsmap={"vfiocompat": _OURS}
    )
    for is_, was in manifest.devices.items():
        etree.SubElement(ours, f"{_OUR}device", {"is": is_, "was": was})
    inventory = etree.SubElement(ours, f"{_OUR}inventory")
    # As ASCII, so that no character of it is one that XML cannot hold.
    inventory.text = json.dumps(msgspec.to_builtins(manifest.inventory))
