# SPDX-License-Identifier: Apache-2.0
"""How long `vm` takes for a VM with many devices, beside decoding the fleet.

The peer is one process that loads click and msgspec, decodes the same files into the
same records, and does nothing else. First no device of the VM is like another, and no
two hosts in a row offer the same. Then hosts have parents with mdev types that share
their capacity, so that room for all devices has to be looked for.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.fleet import DECODE
from benchmarks.fleets import write_fleet, write_types
from benchmarks.pairs import compare
from vfiocompat.inventory import Inventory

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint, EndpointKind

HOSTS = 1_000
ENDPOINTS = 50_000
CLASSES = 300
DEVICES = 16
PARENTS = 20
TYPES = 8

_ABLE = {"migration_flags": "STOP_COPY,P2P", "dirty_tracking": "yes"}
"""What QEMU demands of the devices that a VM has."""

_FUNCTION = """
<hostdev mode='subsystem' type='pci' managed='yes'><source>
  <address domain='0x{0}' bus='0x{1}' slot='0x{2}' function='0x{3}'/>
</source></hostdev>"""
_MDEV = """
<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>
  <address uuid='{0}'/>
</source></hostdev>"""


def domain(devices: list[Endpoint]) -> str:
    """Write the XML of a VM with some devices."""
    written = "".join(
        _MDEV.format(each.address)
        if each.uuid
        else _FUNCTION.format(*each.address.replace(".", ":").split(":"))
        for each in devices
    )
    return f"<domain type='kvm'><name>big</name><devices>{written}</devices></domain>"


def measure(folder: Path, kind: EndpointKind, limit: float) -> None:
    """Measure a VM that hosts take; its devices are the first ones of one of them."""
    fleet = folder / "fleet"
    first = msgspec.json.decode(
        (fleet / "node-00000.json").read_bytes(), type=Inventory
    )
    able = [msgspec.structs.replace(each, stated=_ABLE) for each in first.endpoints]
    source = msgspec.structs.replace(first, host="source", endpoints=able)
    (folder / "source.json").write_bytes(msgspec.json.encode(source))
    devices = [each for each in first.endpoints if each.kind == kind][:DEVICES]
    (folder / "vm.xml").write_text(domain(devices))
    peer = [sys.executable, "-c", f"import click, msgspec\n{DECODE}", str(fleet)]
    ours = [
        *(sys.executable, "-m", "vfiocompat", "vm", f"domain:{folder / 'vm.xml'}"),
        *(str(fleet), "--from", str(folder / "source.json")),
    ]
    compare(ours, peer, rounds=21, limit=limit)


def main() -> None:
    """Measure both fleets; the inventory of the VM's host is one of its own."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as name:
        print(f"{DEVICES} functions, {ENDPOINTS} endpoints of {HOSTS} hosts")
        folder = Path(name, "functions")
        write_fleet(folder / "fleet", hosts=HOSTS, endpoints=ENDPOINTS, classes=CLASSES)
        measure(folder, "function", limit=4)
        print(f"{DEVICES} mdevs, {PARENTS} parents of {TYPES} types on {HOSTS} hosts")
        folder = Path(name, "types")
        write_types(folder / "fleet", hosts=HOSTS, parents=PARENTS, types=TYPES)
        measure(folder, "mdev", limit=3)


if __name__ == "__main__":
    main()
