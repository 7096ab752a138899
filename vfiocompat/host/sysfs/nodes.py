# SPDX-License-Identifier: Apache-2.0
"""Where endpoints are in sysfs: a node for each, before its files are read."""

from __future__ import annotations

import posixpath
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.endpoints import EndpointKind
from vfiocompat.host.sysfs.tree import DEVICES, text

if TYPE_CHECKING:
    from vfiocompat.host.batch import Operation, Reply
    from vfiocompat.host.sysfs.tree import Tree

__all__ = [
    "CREATABLE",
    "CURRENT",
    "FUNCTIONS",
    "MDEVS",
    "NVIDIA_DRIVER",
    "PARENTS",
    "TYPES",
    "Node",
    "VgpuTypes",
    "is_vfio_driver",
    "linked_path",
    "mdev_node",
    "name_of",
    "numbered_types",
    "type_node",
    "vgpu_operations",
    "vgpu_types",
]

PARENTS = "/sys/class/mdev_bus"
MDEVS = "/sys/bus/mdev/devices"
FUNCTIONS = "/sys/bus/pci/devices"
TYPES = "mdev_supported_types"
NVIDIA_DRIVER = "nvidia"
CREATABLE = "creatable_vgpu_types"
CURRENT = "current_vgpu_type"


class VgpuTypes(msgspec.Struct, frozen=True):
    """The vGPU types of an NVIDIA function, as its driver lists them now.

    `creatable` gives their names by number, and is None where the driver did not
    answer; `current` is the number of the one that the function has.
    """

    creatable: dict[str, str] | None
    current: str | None


class Node(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An endpoint's place in sysfs, before its files are read.

    `path` is its real directory, `device` the directory that has the PCI ids (the
    parent's, or the function's own), `type_path` that of an mdev's type. `attribute`
    is the one file that a path address named. `nvidia` marks a function of NVIDIA's
    vendor-specific VFIO framework, whose `type_id` is a vGPU type; `vgpu` is what its
    driver said of them, or None where it has not been asked.
    """

    kind: EndpointKind
    path: str
    device: str
    parent: str | None = None
    type_id: str | None = None
    type_path: str | None = None
    uuid: str | None = None
    attribute: str | None = None
    nvidia: bool = False
    vgpu: VgpuTypes | None = None

    @property
    def address(self) -> str:
        """The address that names this endpoint on its host."""
        if self.kind == "mdev":
            return self.uuid or ""
        if self.kind == "type":
            return f"{self.parent}/{self.type_id}"
        name = name_of(self.path)
        current = self.vgpu.current if self.vgpu else None
        return name if self.type_id in {None, current} else f"{name}/{self.type_id}"


def name_of(path: str) -> str:
    """Give the last name in a path; posixpath takes five times as long."""
    return path.rpartition("/")[2]


def is_vfio_driver(driver: str | None) -> bool:
    """Whether a PCI driver gives its functions to VFIO.

    vfio-pci and every variant driver of mainline have it in their name
    (drivers/vfio/pci/*): mlx5_vfio_pci, hisi_acc_vfio_pci, xe-vfio-pci.
    """
    return driver is not None and "vfio" in driver


def type_node(parent_path: str, parent: str, type_id: str) -> Node:
    """Make the node of an mdev type under its parent."""
    path = f"{parent_path}/{TYPES}/{type_id}"
    return Node(
        kind="type",
        path=path,
        device=parent_path,
        parent=parent,
        type_id=type_id,
        type_path=path,
    )


def mdev_node(uuid: str, path: str, link: Reply) -> Node:
    """Make the node of an mdev; `link` is its `mdev_type`, which may be missing."""
    parent_path, _, _ = path.rpartition("/")
    type_path = None if link.failure else _type_path(parent_path, link.text)
    return Node(
        kind="mdev",
        path=path,
        device=parent_path,
        parent=name_of(parent_path),
        type_id=type_path and name_of(type_path),
        type_path=type_path,
        uuid=uuid,
    )


@lru_cache(maxsize=4096)  # mdevs of one type have the same link
def _type_path(parent_path: str, link: str) -> str | None:
    """Give the directory of an mdev's type; None for a link that no kernel makes."""
    above = link.removeprefix("../")
    path = posixpath.normpath(f"{parent_path}/{above}")
    return path if above != link and path.startswith(f"{DEVICES}/") else None


def vgpu_operations(tree: Tree, path: str) -> dict[tuple[str, str], Operation]:
    """Give what to read of an NVIDIA function; its driver answers, or hangs."""
    folder = f"{path}/{NVIDIA_DRIVER}"
    return {(folder, file): tree.read(folder, file) for file in (CREATABLE, CURRENT)}


def vgpu_types(path: str, replies: dict[tuple[str, str], Reply]) -> VgpuTypes:
    """Make something of the replies to `vgpu_operations`."""
    folder = f"{path}/{NVIDIA_DRIVER}"
    listed = text(replies[folder, CREATABLE])
    current = (text(replies[folder, CURRENT]) or "").strip()
    return VgpuTypes(
        None if listed is None else numbered_types(listed),
        current if current.isascii() and current.isdigit() and current != "0" else None,
    )


def numbered_types(lines: str) -> dict[str, str]:
    """Read lines of `<id> : <name>`; a heading has no number and is passed over."""
    types = {}
    for line in lines.splitlines():
        number, _, name = map(str.strip, line.partition(":"))
        if number.isascii() and number.isdigit():
            types[number] = name
    return types


_DEPTH = "../../../devices/"


def linked_path(place: str, link: Reply) -> str:
    """Give the path a link leads to; sysfs has no links on the way to follow."""
    below = link.text.removeprefix(_DEPTH)
    if place != PARENTS and below != link.text and ".." not in below:
        return f"{DEVICES}/{below}"  # saves a tenth of the time for 10,000 mdevs
    return posixpath.normpath(f"{place}/{link.text}")
