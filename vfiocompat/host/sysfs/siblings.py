# SPDX-License-Identifier: Apache-2.0
"""What a physical function, and the other virtual ones of it, tell of a virtual one."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from vfiocompat.host.sysfs.nodes import CREATABLE, NVIDIA_DRIVER, numbered_types
from vfiocompat.host.sysfs.tree import DEVICES, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vfiocompat.endpoints import Facts
    from vfiocompat.host.batch import Reply
    from vfiocompat.host.sysfs.nodes import Node
    from vfiocompat.host.sysfs.tree import Tree

__all__ = ["PHYSICAL", "sibling_facts"]

PHYSICAL = "physfn"
"""The link of a virtual function to its physical one (drivers/pci/iov.c)."""

_VIRTUAL = "virtfn"
"""What the physical one's links to its virtual ones begin with; numbers follow."""

_XE_DRIVER = "xe-vfio-pci"
_QUOTA = "sriov_admin/vf{number}/profile"
"""Where Xe has a virtual function's quota; it numbers them from 1 (Linux 7.0,
Documentation/ABI/testing/sysfs-driver-intel-xe-sriov)."""


def sibling_facts(
    tree: Tree,
    nodes: Sequence[Node],
    drivers: Mapping[str, str | None],
    physical: dict[str, Reply],
) -> dict[tuple[str, str | None], Facts]:
    """Read facts of nodes elsewhere than in their own files, by path and type.

    `drivers` has the driver of each device by its path, `physical` the link of each
    function to its physical one.
    """
    functions = [node for node in nodes if node.vgpu is not None]
    owners = _owners(physical)
    names = _type_names(tree, functions, owners)
    facts: dict[tuple[str, str | None], Facts] = {}
    for node in functions:
        name = names[owners.get(node.path, node.path)].get(node.type_id or "")
        if name:
            facts[node.path, node.type_id] = {"vgpu_type_name": name}
    xe = {path: gpu for path, gpu in owners.items() if drivers[path] == _XE_DRIVER}
    for path, quota in _quotas(tree, xe).items():
        facts[path, None] = {"vram_quota": quota}
    return facts


def _type_names(
    tree: Tree, functions: Sequence[Node], owners: dict[str, str]
) -> dict[str, dict[str, str]]:
    """Name the vGPU types of GPUs by number, as all of their functions list them.

    A function whose driver did not answer is no reason to ask that driver again.
    """
    names: dict[str, dict[str, str]] = {}
    for node in functions:
        listed = (node.vgpu and node.vgpu.creatable) or {}
        names.setdefault(owners.get(node.path, node.path), {}).update(listed)
    lacking = {
        gpu
        for node in functions
        if (gpu := owners.get(node.path)) is not None
        and node.vgpu is not None
        and node.vgpu.creatable is not None
        and node.type_id is not None
        and node.type_id not in names[gpu]
    }
    for gpu, paths in _virtual(tree, lacking).items():
        others = [path for path in paths.values() if path not in owners]
        replies = tree.run(
            {path: tree.read(f"{path}/{NVIDIA_DRIVER}", CREATABLE) for path in others}
        )
        for reply in replies.values():
            names[gpu] |= numbered_types(text(reply) or "")
    return names


def _quotas(tree: Tree, owners: Mapping[str, str]) -> dict[str, str]:
    """Read how much VRAM functions of Xe have, in bytes, by their paths.

    `owners` are their physical functions.
    """
    numbers = {
        (gpu, path): number
        for gpu, found in _virtual(tree, owners.values()).items()
        for number, path in found.items()
    }
    replies = tree.run(
        {
            path: tree.read(
                f"{gpu}/{_QUOTA.format(number=numbers[gpu, path] + 1)}", "vram_quota"
            )
            for path, gpu in owners.items()
            if (gpu, path) in numbers
        }
    )
    return {path: said for path, reply in replies.items() if (said := text(reply))}


def _owners(links: dict[str, Reply]) -> dict[str, str]:
    """Give the path of the physical function of each path that has a link to it."""
    owners = {
        path: posixpath.normpath(f"{path}/{link.text}")
        for path, link in links.items()
        if link.failure is None
    }
    return {path: gpu for path, gpu in owners.items() if gpu.startswith(f"{DEVICES}/")}


def _virtual(tree: Tree, physical: Iterable[str]) -> dict[str, dict[int, str]]:
    """Find the virtual functions of physical ones: their paths by number."""
    listed = tree.run({path: tree.list(path) for path in dict.fromkeys(physical)})
    links = tree.run(
        {
            (path, name): tree.link(path, name)
            for path, reply in listed.items()
            for name in reply.names
            if name.startswith(_VIRTUAL) and name.removeprefix(_VIRTUAL).isdecimal()
        }
    )
    found: dict[str, dict[int, str]] = {path: {} for path in listed}
    for (path, name), link in links.items():
        if link.failure is None:
            at = int(name.removeprefix(_VIRTUAL))
            found[path][at] = posixpath.normpath(f"{path}/{link.text}")
    return found
