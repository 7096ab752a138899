# SPDX-License-Identifier: Apache-2.0
"""Which devices of a host somebody uses: sysfs does not tell, open files do."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.host.vfio import open_nodes, vm_of

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.sysfs.tree import Tree

__all__ = ["Used", "used_devices", "with_use"]

_GROUPS = "/sys/kernel/iommu_groups"
_OWN_NODES = "/sys/class/vfio-dev"


class Used(msgspec.Struct, frozen=True):
    """The devices that somebody has open; `complete` says that there are no others.

    `vms` are the UUIDs of the VMs that have them, where a QEMU names its own.
    """

    names: frozenset[str]
    complete: bool
    vms: dict[str, str] = {}


def used_devices(tree: Tree) -> Used:
    """Find the devices whose node, or whose group's, a process has open.

    Who has a group has all of its devices: nobody else can use another one of them.
    """
    proc = tree.outside("/proc")
    held = open_nodes(proc)
    nodes = {posixpath.basename(node): node for node in held.nodes}
    own = {name for name, node in nodes.items() if "/devices/" in node}
    groups = tree.run(
        {
            name: tree.list(f"{_GROUPS}/{name.removeprefix('noiommu-')}/devices")
            for name in nodes.keys() - own
        }
    )
    links = tree.run(
        {name: tree.link(f"{_OWN_NODES}/{name}", "device") for name in own}
    )
    devices = {node: group.names for node, group in groups.items()}
    devices |= {node: (posixpath.basename(link.text),) for node, link in links.items()}
    names = {name for each in devices.values() for name in each}
    vms: dict[str, str] = {}
    for node, found_there in devices.items():
        if (vm := vm_of(proc, held.nodes[nodes[node]])) is not None:
            vms |= dict.fromkeys(found_there, vm)
    found = [reply.failure for reply in (*groups.values(), *links.values())]
    return Used(frozenset(names - {""}), held.complete and not any(found), vms)


def with_use(endpoint: Endpoint, used: Used) -> Endpoint:
    """Give a device with whether somebody uses it, as far as that is known.

    A function of NVIDIA's that has its vGPU type, and that nobody uses, is an instance
    of that type that can be had.
    """
    if endpoint.kind == "type" or "/" in endpoint.address:
        return endpoint
    in_use = endpoint.address in used.names or (False if used.complete else None)
    if in_use is None:
        return endpoint
    free = endpoint.available_instances
    if endpoint.is_function_as_type and not in_use:
        free = 1
    return msgspec.structs.replace(endpoint, in_use=in_use, available_instances=free)
