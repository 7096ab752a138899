# SPDX-License-Identifier: Apache-2.0
"""A host of plain files with two GPUs, one of each of NVIDIA's frameworks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.nvml.fake import mdev_of, vm_of

if TYPE_CHECKING:
    from pathlib import Path

GPU = "0000:41:00.0"
VIRTUAL = "0000:41:00.4"
OTHER_GPU = "0000:42:00.0"
OTHER = "0000:42:00.4"


def make_host(root: Path) -> Path:
    """Make a host with an mdev on a virtual function, and a function that is a vGPU."""
    bus = root / "sys/bus/pci/devices"
    bus.mkdir(parents=True)
    for physical, virtual in ((GPU, VIRTUAL), (OTHER_GPU, OTHER)):
        for name in (physical, virtual):
            device = root / f"sys/devices/pci0000:40/{name}"
            device.mkdir(parents=True)
            (device / "vendor").write_text("0x10de\n")
            (device / "device").write_text("0x2235\n")
            (device / "driver").symlink_to("../../../bus/pci/drivers/nvidia")
            (bus / name).symlink_to(f"../../../devices/pci0000:40/{name}")
        link = root / f"sys/devices/pci0000:40/{virtual}/physfn"
        link.symlink_to(f"../{physical}")
    parent = root / f"sys/devices/pci0000:40/{VIRTUAL}"
    (parent / "mdev_supported_types/nvidia-557").mkdir(parents=True)
    (parent / "mdev_supported_types/nvidia-557/name").write_text("NVIDIA A40-8Q\n")
    (parent / mdev_of(1)).mkdir()
    (parent / mdev_of(1) / "mdev_type").symlink_to("../mdev_supported_types/nvidia-557")
    for place, name, target in (
        ("class/mdev_bus", VIRTUAL, VIRTUAL),
        ("bus/mdev/devices", mdev_of(1), f"{VIRTUAL}/{mdev_of(1)}"),
    ):
        (root / "sys" / place).mkdir(parents=True)
        up = "../" * len(place.split("/"))
        (root / "sys" / place / name).symlink_to(f"{up}devices/pci0000:40/{target}")
    nvidia = root / f"sys/devices/pci0000:40/{OTHER}/nvidia"
    nvidia.mkdir()
    (nvidia / "current_vgpu_type").write_text("558\n")
    (nvidia / "creatable_vgpu_types").write_text("ID : vGPU Name\n")
    in_use(root, OTHER, vm_of(2))
    (root / "etc").mkdir()
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/os-release").write_text('ID="rhel"\nVERSION_ID="9.6"\n')
    return root


def tell_boards(root: Path) -> None:
    """Let the functions of a host's vGPUs tell which boards they are on."""
    for name in (VIRTUAL, OTHER):
        device = root / f"sys/devices/pci0000:40/{name}"
        (device / "subsystem_device").write_text("0x145a\n")


def in_use(root: Path, function: str, vm: str) -> None:
    """Let a QEMU have a function open, by its group."""
    for process, link in ((1, "/dev/null"), (77, "/dev/vfio/9")):
        (root / f"proc/{process}/fd").mkdir(parents=True)
        (root / f"proc/{process}/fd/3").symlink_to(link)
    (root / "proc/1/ns").mkdir()
    (root / "proc/1/ns/pid").symlink_to("pid:[4026531836]")
    words = ["qemu-system-x86_64", "-uuid", vm.upper(), "-device", "vfio-pci"]
    (root / "proc/77/cmdline").write_text("\0".join(words) + "\0")
    group = root / "sys/kernel/iommu_groups/9/devices"
    group.mkdir(parents=True)
    (group / function).symlink_to(f"../../../../devices/pci0000:40/{function}")
