# SPDX-License-Identifier: Apache-2.0
"""The facts that a host shows of an endpoint, and where each is to be found by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint

__all__ = ["FACTS", "LIBRARY", "OF_LIBRARY", "can_be_stated", "teller"]

LIBRARY = "NVIDIA's library"
"""Who tells what sysfs does not have of NVIDIA's devices."""

_PCI = "cat /sys/bus/pci/devices/FUNCTION"
_TYPE = "cat /sys/class/mdev_bus/PARENT/mdev_supported_types/TYPE_ID"

_SMI = "nvidia-smi --query-gpu={field} --format=csv,noheader"

_FEATURES = "cat /sys/kernel/debug/vfio/DEVICE/migration/features"

FACTS = {
    "vendor_id": f"{_PCI}/vendor",
    "device_id": f"{_PCI}/device",
    "subsystem_vendor_id": f"{_PCI}/subsystem_vendor",
    "subsystem_device_id": f"{_PCI}/subsystem_device",
    "revision": f"{_PCI}/revision",
    "driver": "readlink /sys/bus/pci/devices/FUNCTION/driver",
    "module_version": "cat /sys/module/MODULE/version",
    "kernel": "uname -r",
    "type_id": "ls /sys/class/mdev_bus/PARENT/mdev_supported_types",
    "type_name": f"{_TYPE}/name",
    "type_description": f"{_TYPE}/description",
    "numa_node": f"{_PCI}/numa_node",
    "vgpu_type": f"{_PCI}/nvidia/current_vgpu_type",
    "vgpu_type_name": f"{_PCI}/physfn/virtfn*/nvidia/creatable_vgpu_types; "
    "nvidia-smi vgpu -s",
    "framework": "ls -d /sys/bus/pci/devices/FUNCTION/nvidia",
    "gpu_name": _SMI.format(field="name"),
    "gpu_memory": _SMI.format(field="memory.total"),
    "manager": _SMI.format(field="driver_version"),
    "ecc": _SMI.format(field="ecc.mode.current"),
    "range": "nvmlGetVgpuVersion on the host: the current range",
    "guest": "nvmlVgpuInstanceGetMetadata of the vGPU: guestVgpuVersion",
    "platform": "grep ID= /etc/os-release",
    "vram_quota": f"{_PCI}/physfn/sriov_admin/vfN/profile/vram_quota",
    "migration_flags": f"{_FEATURES}; vfiocompat device --open ADDRESS",
    "dirty_tracking": f"{_FEATURES}; vfiocompat device --open ADDRESS",
    "iommu_dirty_tracking": "vfiocompat explain VFC549",
    "iommufd": "vfiocompat explain VFC561",
}
"""Every fact that a table may name in `derive`, and how to learn it.

None is ever a free path: a table cannot make the program read another file.
"""

_OF_GUESTS = frozenset({"guest"})
"""Facts of what runs in a VM that has the device."""

OF_LIBRARY = frozenset({"gpu_name", "gpu_memory", "manager", "ecc", "range", "guest"})
"""Facts that NVIDIA's library tells."""

_TELLERS = {**dict.fromkeys(OF_LIBRARY, LIBRARY), "platform": "os-release"}


def teller(fact: str) -> str:
    """Name what tells a fact."""
    return _TELLERS.get(fact, "sysfs")


def can_be_stated(endpoint: Endpoint, fact: str) -> bool:
    """Whether a fact is worth stating of an endpoint that lacks it.

    A guest's is not of what no VM can have now, as a type, nor where NVIDIA's library
    tells: there nothing runs, or the guest has not loaded its driver yet.
    """
    if fact not in _OF_GUESTS:
        return True
    is_told = endpoint.vgpu_metadata or (endpoint.gpu_metadata and not endpoint.in_use)
    is_type = endpoint.is_device is False or "/" in endpoint.address
    return not is_told and not is_type
