# SPDX-License-Identifier: Apache-2.0
"""Fleets of any size, written as inventories: hosts that are alike, and not quite."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from vfiocompat.endpoints import Attribute, Endpoint
from vfiocompat.inventory import Inventory

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["strings", "write_fleet", "write_types", "write_used"]

DEVICES = ("a251", "a256", "a259")
PARENT = "/sys/devices/pci0000:00/0000:00:00.0"


def strings(number: int) -> list[str]:
    """Make version strings of HiSilicon accelerators, all different."""
    return [
        f"19e5-hisi:device={DEVICES[at % 3]}:rev=30:qp={1 + at // 12}:"
        f"iso={at // 6 % 2}:magic={'v2' if at // 3 % 2 else 'v1'}:major=1"
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


def write_types(folder: Path, *, hosts: int, parents: int, types: int) -> None:
    """Write hosts whose parents all have the same mdev types, one file a host.

    How many of each are free differs from host to host. Each host has two mdevs of
    each type beside, which are used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = [
        msgspec.json.decode(_encoded(text), type=Endpoint) for text in strings(types)
    ]
    for host in range(hosts):
        endpoints = []
        for parent, at in product(range(parents), range(types)):
            name = f"0000:{parent:02x}:00.0"
            endpoints.append(
                msgspec.structs.replace(
                    known[at],
                    kind="type",
                    address=f"{name}/acme-{at}",
                    parent=name,
                    type_id=f"acme-{at}",
                    available_instances=1
                    + (host * 7919 ^ (parent * types + at) * 104729) // 64 % 3,
                    in_use=None,
                )
            )
        endpoints += [
            msgspec.structs.replace(
                each,
                kind="mdev",
                address=str(UUID(int=host << 16 | at)),
                uuid=str(UUID(int=host << 16 | at)),
                parent="0000:ff:00.0",
                type_id=f"acme-{at % types}",
                in_use=True,
            )
            for at, each in enumerate(known * 2)
        ]
        inventory = Inventory(
            host=f"node-{host:05}",
            machine_id=f"{host:032x}",
            taken_at="2026-11-01T00:00:00Z",
            kernel="6.12.0",
            endpoints=endpoints,
            problems=[],
        )
        (folder / f"node-{host:05}.json").write_bytes(msgspec.json.encode(inventory))


def write_used(
    folder: Path, *, hosts: int, kinds: int, classes: int, taken_at: str
) -> None:
    """Write hosts of several kinds, each with 48 functions of which 8 are in use.

    A host has functions of 6 of the classes, and those in use are of the first two.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = [
        msgspec.json.decode(_encoded(text), type=Endpoint) for text in strings(classes)
    ]
    for host in range(hosts):
        kind = host % kinds
        first, step = kind * 5 % classes, 1 + kind * 5 // classes
        endpoints = [
            msgspec.structs.replace(
                known[(first + at % 6 * step) % classes],
                address=f"0000:{at >> 8:02x}:{at >> 3:02x}.{at & 7}",
                in_use=at % 6 < 2 and at < 24,
            )
            for at in range(48)
        ]
        inventory = Inventory(
            host=f"node-{host:05}",
            machine_id=f"{host:032x}",
            taken_at=taken_at,
            kernel="6.12.0",
            endpoints=endpoints,
            problems=[],
        )
        (folder / f"node-{host:05}.json").write_bytes(msgspec.json.encode(inventory))


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
                "revision": "0x30",
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
