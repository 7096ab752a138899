# SPDX-License-Identifier: Apache-2.0
"""Where endpoints are in sysfs: a node for each, before its files are read."""

from __future__ import annotations

import errno
import posixpath
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.endpoints import Kind
from vfiocompat.sysfs.tree import DEVICES, Tree, problem, text

if TYPE_CHECKING:
    from vfiocompat.batch import Reply
    from vfiocompat.endpoints import Problem

__all__ = [
    "CREATABLE",
    "FUNCTIONS",
    "MDEVS",
    "NVIDIA",
    "PARENTS",
    "TYPES",
    "Node",
    "function_nodes",
    "is_vfio_driver",
    "linked_path",
    "mdev_node",
    "type_node",
]

PARENTS = "/sys/class/mdev_bus"
MDEVS = "/sys/bus/mdev/devices"
FUNCTIONS = "/sys/bus/pci/devices"
TYPES = "mdev_supported_types"
NVIDIA = "nvidia"
CREATABLE = "creatable_vgpu_types"
CURRENT = "current_vgpu_type"


class Node(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An endpoint's place in sysfs, before its files are read.

    `path` is its real directory, `device` the directory that has the PCI ids (the
    parent's, or the function's own), `type_path` that of an mdev's type. `attribute`
    is the one file that a path address named; `type_id` of a function is an NVIDIA
    vGPU type, `creatable` the types it lists now, and `current` the one it has.
    """

    kind: Kind
    path: str
    device: str
    parent: str | None = None
    type_id: str | None = None
    type_path: str | None = None
    uuid: str | None = None
    attribute: str | None = None
    creatable: dict[str, str] = {}
    current: str | None = None

    @property
    def address(self) -> str:
        """The address that names this endpoint on its host."""
        if self.kind == "mdev":
            return self.uuid or ""
        if self.kind == "type":
            return f"{self.parent}/{self.type_id}"
        name = posixpath.basename(self.path)
        if self.type_id is None or self.type_id == self.current:
            return name
        return f"{name}/{self.type_id}"


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
    type_path = None
    if link.failure is None:
        type_path = posixpath.normpath(f"{path}/{link.text}")
        if not type_path.startswith(f"{DEVICES}/"):
            type_path = None  # no kernel makes such a link
    parent_path, _, _ = path.rpartition("/")
    return Node(
        kind="mdev",
        path=path,
        device=parent_path,
        parent=posixpath.basename(parent_path),
        type_id=type_path and posixpath.basename(type_path),
        type_path=type_path,
        uuid=uuid,
    )


def function_nodes(
    tree: Tree, paths: dict[str, str], problems: list[Problem]
) -> dict[str, Node]:
    """Make nodes of functions, with the vGPU types that NVIDIA's list for them."""
    files = tree.run(
        {
            (name, file): tree.read(f"{path}/{NVIDIA}", file)
            for name, path in paths.items()
            for file in (CREATABLE, CURRENT)
        }
    )
    nodes = {}
    for name, path in paths.items():
        for file in (CREATABLE, CURRENT):
            failure = files[name, file].failure
            if failure is not None and failure.errno != errno.ENOENT:
                problems.append(problem(f"{path}/{NVIDIA}/{file}", failure))
        current = (text(files[name, CURRENT]) or "").strip()
        nodes[name] = Node(
            kind="function",
            path=path,
            device=path,
            creatable=_vgpu_types(text(files[name, CREATABLE]) or ""),
            current=current if current not in {"", "0"} else None,
            type_id=current if current not in {"", "0"} else None,
        )
    return nodes


def _vgpu_types(lines: str) -> dict[str, str]:
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
