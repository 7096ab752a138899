# SPDX-License-Identifier: Apache-2.0
"""Fleets of any size, written as inventories: hosts that are alike, and not quite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.endpoints import Attribute, Endpoint
from vfiocompat.inventory import Inventory

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["strings", "write_fleet"]

PARENT = "/sys/devices/pci0000:00/0000:00:00.0"


def strings(number: int) -> list[str]:
    """Make version strings of HiSilicon accelerators, all different."""
    return [
        f"19e5-hisi:device={0xA250 + at % 6:x}:qp={1 + at // 12}:iso=0:"
        f"magic={'v2' if at // 6 % 2 else 'v1'}:major=1"
        for at in range(number)
    ]


def write_fleet(folder: Path, *, hosts: int, endpoints: int, classes: int) -> None:
    """Write a host's inventory a file; every host has the classes in another order."""
    folder.mkdir(parents=True, exist_ok=True)
    each = endpoints // hosts
    known = [_encoded(text) for text in strings(classes)]
    for host in range(hosts):
        parts = [
            known[(host * 37 + at) % classes].replace(
                b"0000:00:00.0", b"0000:%02x:%02x.%x" % (at >> 8, at >> 3 & 31, at & 7)
            )
            for at in range(each)
        ]
        empty = Inventory(
            host=f"node-{host:05}",
            machine_id=f"{host:032x}",
            taken_at="2026-11-01T00:00:00Z",
            kernel="6.12.0",
            endpoints=[],
            problems=[],
        )
        text = msgspec.json.encode(empty)
        whole = text.replace(b'"endpoints":[]', b'"endpoints":[%s]' % b",".join(parts))
        (folder / f"node-{host:05}.json").write_bytes(whole)


def _encoded(text: str) -> bytes:
    """Encode an endpoint with a version string, as a scan writes it."""
    return msgspec.json.encode(
        Endpoint(
            kind="function",
            address="0000:00:00.0",
            driver="hisi_acc_vfio_pci",
            vendor_id="0x19e5",
            device_id="0xa251",
            device_api="vfio-pci",
            in_use=False,
            facts={
                "vendor_id": "0x19e5",
                "device_id": "0xa251",
                "subsystem_vendor_id": "0x19e5",
                "subsystem_device_id": "0x0000",
                "revision": "0x21",
                "numa_node": "1",
                "driver": "hisi_acc_vfio_pci",
                "kernel": "6.12.0",
            },
            attribute=Attribute(
                "migration_version",
                "present",
                path=f"{PARENT}/migration_version",
                node="device",
            ),
            version=text,
            newline=True,
            origin="attribute",
        )
    )
