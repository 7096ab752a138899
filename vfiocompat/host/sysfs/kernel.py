# SPDX-License-Identifier: Apache-2.0
"""What the kernel of a host has of VFIO, and which of what it tells can be read."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.errors import errno_name
from vfiocompat.host.sysfs.debugfs import DEBUGFS
from vfiocompat.host.sysfs.endpoints import KERNEL
from vfiocompat.host.sysfs.tree import text
from vfiocompat.host.vfio import OUTERMOST

if TYPE_CHECKING:
    from vfiocompat.host.batch import Reply
    from vfiocompat.host.sysfs.tree import Tree

__all__ = ["Kernel", "is_writable", "kernel_of"]

_MODULES = "/sys/module"
_PLACES = {
    "/sys/class/vfio": "vfio",
    "/sys/class/vfio-dev": "vfio",
    "/sys/bus/pci/drivers/vfio-pci": "vfio_pci",
    "/sys/bus/mdev": "mdev",
}
"""What there is only with a module: one that is built in may have no folder."""

_MOUNT_POINT = os.path.dirname(DEBUGFS)


class Debugfs(msgspec.Struct, frozen=True):
    """Whether debugfs tells of VFIO devices, or why it does not.

    It is `silent` where it can be read, and has no directory of VFIO; `absent` where
    the kernel has none, or the root of another host does not show it. `errno` says why
    it is unreadable; None where it did not answer.
    """

    state: Literal["told", "silent", "unmounted", "unreadable", "absent"]
    errno: str | None = None


class Kernel(msgspec.Struct, frozen=True):
    """A host's kernel.

    `modules` are those of VFIO that are there, loaded or built in; None where there is
    no /sys/module to tell. `sees_all` says whether no process is hidden from us.
    """

    release: str | None
    modules: tuple[str, ...] | None
    debugfs: Debugfs
    sees_all: bool


def kernel_of(tree: Tree) -> Kernel:
    """Look at the kernel of a host."""
    replies = tree.run(
        {
            "release": tree.read(KERNEL, "osrelease"),
            "modules": tree.list(_MODULES),
            "debugfs": tree.list(_MOUNT_POINT),
            "vfio": tree.list(DEBUGFS),
            "processes": tree.link("/proc/1/ns", "pid"),
        }
        | {place: tree.list(place) for place in _PLACES}
    )
    return Kernel(
        text(replies["release"]) or None,
        _modules(replies),
        _debugfs(replies["debugfs"], replies["vfio"]),
        replies["processes"].text == OUTERMOST,
    )


def is_writable(tree: Tree) -> bool:
    """Whether sysfs is mounted for writing, which in a container it often is not."""
    return not os.statvfs(tree.outside("/sys")).f_flag & os.ST_RDONLY


def _modules(replies: dict[str, Reply]) -> tuple[str, ...] | None:
    if replies["modules"].failure is not None:
        return None
    found = {
        name for name in replies["modules"].names if "vfio" in name or name == "mdev"
    }
    found |= {name for place, name in _PLACES.items() if replies[place].failure is None}
    return tuple(sorted(found))


def _debugfs(mounted: Reply, vfio: Reply) -> Debugfs:
    if vfio.failure is None:
        return Debugfs("told")
    failure = mounted.failure or vfio.failure
    if failure.errno != errno.ENOENT:
        return Debugfs(
            "unreadable", errno_name(failure.errno) if failure.errno else None
        )
    if mounted.failure is not None:
        return Debugfs("absent")
    # An empty directory is the kernel's mount point, and nothing is mounted.
    return Debugfs("silent" if mounted.names else "unmounted")
