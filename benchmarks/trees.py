# SPDX-License-Identifier: Apache-2.0
"""Plain files in the shape of sysfs, as many as a benchmark needs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TYPES = 4


def make_tree(sys: Path, *, parents: int, mdevs: int) -> None:
    """Make parents with four mdev types each, and so many mdevs a parent."""
    bus = sys / "class/mdev_bus"
    devices = sys / "bus/mdev/devices"
    bus.mkdir(parents=True)
    devices.mkdir(parents=True)
    for number in range(parents):
        _make_parent(sys, number, mdevs)


def _make_parent(sys: Path, number: int, mdevs: int) -> None:
    domain, device = divmod(number, 256)
    name = f"{domain:04x}:{device:02x}:00.0"
    where = f"devices/pci{domain:04x}:00/{name}"
    parent = sys / where
    for index in range(TYPES):
        folder = parent / f"mdev_supported_types/acme-{index}"
        (folder / "devices").mkdir(parents=True)
        (folder / "name").write_text(f"Acme {index}\n")
        (folder / "device_api").write_text("vfio-pci\n")
        (folder / "available_instances").write_text("4\n")
        (folder / "description").write_text(f"slices: {index}\n")
        (folder / "create").write_text("")
        (folder / "version").write_text(f"1ac1-0100-npu-{index}-1.9\n")
    (parent / "vendor").write_text("0x1ac1\n")
    (parent / "device").write_text("0x0100\n")
    (parent / "driver").symlink_to("../../../bus/pci/drivers/acme")
    (sys / "class/mdev_bus" / name).symlink_to(f"../../{where}")
    for index in range(mdevs):
        identity = str(uuid.UUID(int=(number << 16 | index) + (1 << 120)))
        folder = parent / identity
        folder.mkdir()
        (folder / "mdev_type").symlink_to(
            f"../mdev_supported_types/acme-{index % TYPES}"
        )
        (folder / "version").write_text(f"1ac1-0100-npu-{index % TYPES}-1.9\n")
        (folder / "remove").write_text("")
        link = sys / "bus/mdev/devices" / identity
        link.symlink_to(f"../../../{where}/{identity}")
