# SPDX-License-Identifier: Apache-2.0
"""How long `vm` takes for a VM with many devices, beside decoding the fleet.

The peer is one process that loads click and msgspec, decodes the same files into the
same records, and does nothing else. No device of the VM is like another, and no two
hosts in a row offer the same.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.fleet import DECODE
from benchmarks.fleets import write_fleet
from benchmarks.pairs import compare
from vfiocompat.inventory import Inventory

HOSTS = 1_000
ENDPOINTS = 50_000
CLASSES = 300
DEVICES = 16

_DEVICE = """
<hostdev mode='subsystem' type='pci' managed='yes'><source>
  <address domain='0x{0}' bus='0x{1}' slot='0x{2}' function='0x{3}'/>
</source></hostdev>"""


def domain(addresses: list[str]) -> str:
    """Write the XML of a VM with functions at some addresses."""
    devices = "".join(
        _DEVICE.format(*address.replace(".", ":").split(":")) for address in addresses
    )
    return f"<domain type='kvm'><name>big</name><devices>{devices}</devices></domain>"


def main() -> None:
    """Measure a VM that some hosts take, from an inventory of its host."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as name:
        folder = Path(name)
        fleet = folder / "fleet"
        write_fleet(fleet, hosts=HOSTS, endpoints=ENDPOINTS, classes=CLASSES)
        first = msgspec.json.decode(
            (fleet / "node-00000.json").read_bytes(), type=Inventory
        )
        source = msgspec.structs.replace(first, host="source")
        (folder / "source.json").write_bytes(msgspec.json.encode(source))
        addresses = [each.address for each in first.endpoints[:DEVICES]]
        (folder / "vm.xml").write_text(domain(addresses))
        peer = [sys.executable, "-c", f"import click, msgspec\n{DECODE}", str(fleet)]
        ours = [
            *(sys.executable, "-m", "vfiocompat", "vm", f"domain:{folder / 'vm.xml'}"),
            *(str(fleet), "--from", str(folder / "source.json")),
        ]
        print(f"{DEVICES} devices, {ENDPOINTS} endpoints of {HOSTS} hosts")
        compare(ours, peer, rounds=21, limit=2)


if __name__ == "__main__":
    main()
