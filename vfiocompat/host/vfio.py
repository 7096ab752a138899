# SPDX-License-Identifier: Apache-2.0
"""A VFIO device opened, and who has one open.

Opening is intrusive: the driver may reset the device, and only one user can have it. So
it is done on demand only, and not while a process has it open. Numbers and layouts are
of include/uapi/linux/vfio.h and iommufd.h.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "GET",
    "OUTERMOST",
    "PROBE",
    "SET",
    "OpenNodes",
    "cannot",
    "feature",
    "group_of",
    "holders",
    "open_nodes",
    "opened",
    "vm_of",
]

_GROUP_GET_STATUS = 0x3B67
_GROUP_SET_CONTAINER = 0x3B68
_SET_IOMMU = 0x3B66
_GROUP_GET_DEVICE_FD = 0x3B6A
_DEVICE_FEATURE = 0x3B75
_DEVICE_BIND_IOMMUFD = 0x3B76

_TYPE1V2_IOMMU = 3
_VIABLE = 1

GET, SET, PROBE = 1 << 16, 1 << 17, 1 << 18
"""What a request is to do with a feature: VFIO_DEVICE_FEATURE_*."""

_DEV = "/dev/vfio"

_LINE = 1 << 20  # bytes of a command line that are looked at


@contextlib.contextmanager
def opened(device: str) -> Iterator[int]:
    """Open a device, by its directory in sysfs, and close it in the end.

    Through its own node where the kernel has iommufd, else in its group. Whether a
    process has a node open costs a look at all processes. The kernel lets nobody open a
    group that is open (drivers/vfio/group.c, vfio_group_fops_open); the node of a
    device it does, until one binds it.

    Raises:
        DeviceError: it cannot be opened; the code says why.

    """
    name = os.path.basename(device)
    group = group_of(device)
    own = _own_node(device) if os.path.exists("/dev/iommu") else None
    unsafe = f"{_DEV}/noiommu-{group}"
    has_iommu = not os.path.exists(unsafe)
    if own is not None or not has_iommu:
        _demand_unused(name, [f"{_DEV}/{group}", unsafe, *([own] if own else [])])
    if not has_iommu:
        raise DeviceError(
            f"{name} has no IOMMU: its node is {unsafe}",
            hint="switch the IOMMU on: see 'vfiocompat explain VFC522'",
            code=codes.NO_IOMMU,
        )
    with contextlib.ExitStack() as files:
        file = None if own is None else _open_own(own, files)
        if file is None:
            try:
                file = _open_in_group(group, name, files)
            except DeviceError as error:
                if error.code == codes.DEVICE_IN_USE:
                    _demand_unused(name, [f"{_DEV}/{group}"])
                raise
        yield file


def _demand_unused(name: str, nodes: list[str]) -> None:
    """Raise if a process has a device open, and name it."""
    for pid in holders(nodes):
        raise DeviceError(
            f"process {pid} has {name} open",
            hint="a device that is in use is not opened: ask its user",
            code=codes.DEVICE_IN_USE,
        )


def holders(nodes: list[str], proc: str = "/proc") -> Iterator[int]:
    """Name for each of several device nodes that is open a process that has it."""
    held = open_nodes(proc).nodes
    return (held[node] for node in nodes if node in held)


class OpenNodes(msgspec.Struct, frozen=True):
    """Which nodes of VFIO are open, and one process that has each.

    `complete` says that no process was passed over: then no other node is open.
    """

    nodes: dict[str, int]
    complete: bool


def open_nodes(proc: str) -> OpenNodes:
    """Find which devices, or groups of them, a process of a host has open.

    A QEMU of libvirt's has a /dev of its own, so a node's path may be told without the
    directory that it is mounted on. `proc` may be that of a container, in which the
    processes outside are not seen.
    """
    nodes: dict[str, int] = {}
    try:
        complete = os.readlink(f"{proc}/1/ns/pid") == OUTERMOST
        processes = os.listdir(proc)
    except OSError:
        return OpenNodes({}, complete=False)
    for process in processes:
        if not process.isdigit():
            continue
        try:
            for link in _open_files(f"{proc}/{process}/fd"):
                match = _NODE.fullmatch(link)
                if match is not None:
                    nodes.setdefault(f"{_DEV}/{match[1]}", int(process))
        except (FileNotFoundError, ProcessLookupError):  # it ended
            continue
        except OSError:
            complete = False
    return OpenNodes(nodes, complete)


def vm_of(proc: str, process: int) -> str | None:
    """Give the UUID of the VM that a process runs, if it is a QEMU that names one."""
    try:
        with open(f"{proc}/{process}/cmdline", "rb") as file:
            words = file.read(_LINE).split(b"\0")
    except OSError:
        return None
    for option, word in pairwise(words):
        if option in {b"-uuid", b"--uuid"}:
            return word.decode(errors="replace").lower()
    return None


def _open_files(folder: str) -> Iterator[str]:
    """Give what a process has open; what it closes meanwhile is passed over."""
    for file in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"{folder}/{file}")


_NODE = re.compile(r"(?:/dev)?/vfio/((?:noiommu-)?[0-9]+|devices/vfio[0-9]+)")
OUTERMOST = "pid:[4026531836]"
"""The first namespace of processes (include/linux/proc_ns.h, PROC_PID_INIT_INO)."""


def group_of(device: str) -> str:
    """Give the number of a device's IOMMU group.

    Raises:
        DeviceError: it is in none.

    """
    try:
        return os.path.basename(os.readlink(f"{device}/iommu_group"))
    except OSError:
        raise DeviceError(
            f"{os.path.basename(device)} is in no IOMMU group",
            hint="switch the IOMMU on: see 'vfiocompat explain VFC522'",
            code=codes.NO_IOMMU,
        ) from None


def _own_node(device: str) -> str | None:
    """Name the device's own node, of kernels with iommufd; None without one."""
    with contextlib.suppress(OSError):
        for name in os.listdir(f"{device}/vfio-dev"):
            node = f"{_DEV}/devices/{name}"
            if os.path.exists(node):
                return node
    return None


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise cannot(f"open {path}", error) from None


def cannot(do: str, error: OSError) -> DeviceError:
    """Say why something could not be done with a device."""
    what = f"cannot {do}: {errno.errorcode.get(error.errno or 0, error.errno)}"
    if error.errno == errno.EBUSY:
        return DeviceError(
            what, hint="somebody uses the device", code=codes.DEVICE_IN_USE
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return DeviceError(what, hint="run it as root", code=codes.DEVICE_NOT_PERMITTED)
    if error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        hint = "see that vfio is loaded and the device bound to a VFIO driver"
        return DeviceError(what, hint=hint, code=codes.NO_DEVICE_NODE)
    return DeviceError(what, code=codes.DEVICE_NOT_OPENED)


def _open_in_group(group: str, name: str, files: contextlib.ExitStack) -> int:
    """Open a device through its group, in a container of its own."""
    if not os.path.isdir(_DEV):
        raise DeviceError(
            f"there is no {_DEV}",
            hint="load the module vfio",
            code=codes.NO_DEVICE_NODE,
        )
    container = _open(f"{_DEV}/vfio")
    files.callback(os.close, container)
    opened = _open(f"{_DEV}/{group}")
    files.callback(os.close, opened)
    status = bytearray(struct.pack("=II", 8, 0))
    try:
        fcntl.ioctl(opened, _GROUP_GET_STATUS, status)
        if not struct.unpack("=II", status)[1] & _VIABLE:
            raise DeviceError(
                f"group {group} is not viable",
                hint="bind every function of the group to a VFIO driver",
                code=codes.DEVICE_NOT_OPENED,
            )
        fcntl.ioctl(opened, _GROUP_SET_CONTAINER, struct.pack("=i", container))
        fcntl.ioctl(container, _SET_IOMMU, _TYPE1V2_IOMMU)
        # In a bytearray: with bytes Python gives the buffer back, not the descriptor.
        device = int(
            fcntl.ioctl(opened, _GROUP_GET_DEVICE_FD, bytearray(name.encode() + b"\0"))
        )
    except OSError as error:
        raise cannot(f"open {name} in group {group}", error) from None
    files.callback(os.close, device)
    return device


def _open_own(node: str, files: contextlib.ExitStack) -> int | None:
    """Open a device by its own node, bound to an iommufd; None where it has none."""
    device = _open(node)
    files.callback(os.close, device)
    iommufd = _open("/dev/iommu")
    files.callback(os.close, iommufd)
    bind = bytearray(struct.pack("=IIiI", 16, 0, iommufd, 0))
    try:
        fcntl.ioctl(device, _DEVICE_BIND_IOMMUFD, bind)
    except OSError as error:
        if error.errno == errno.ENOTTY:
            return None
        if error.errno == errno.EINVAL:  # somebody has bound it: vfio_df_open
            error = OSError(errno.EBUSY, "")
        raise cannot(f"open {node}", error) from None
    return device


def feature(device: int, what: int, data: bytes = b"") -> bytes:
    """Ask an open device for a feature, or set it; give what it wrote in `data`.

    Raises:
        OSError: the device refuses, or does not know it (ENOTTY).

    """
    buffer = bytearray(struct.pack("=II", 8 + len(data), what) + data)
    fcntl.ioctl(device, _DEVICE_FEATURE, buffer)
    return bytes(buffer[8:])
