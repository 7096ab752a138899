# SPDX-License-Identifier: Apache-2.0
"""A VFIO device opened, to ask the kernel which migration interface it has.

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
from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.endpoints import Flag, MigrationInterface
from vfiocompat.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "OUTERMOST",
    "OpenNodes",
    "holders",
    "migration_region",
    "open_migration",
    "open_nodes",
]

_GROUP_GET_STATUS = 0x3B67
_GROUP_SET_CONTAINER = 0x3B68
_SET_IOMMU = 0x3B66
_GROUP_GET_DEVICE_FD = 0x3B6A
_DEVICE_GET_INFO = 0x3B6B
_DEVICE_GET_REGION_INFO = 0x3B6C
_DEVICE_FEATURE = 0x3B75
_DEVICE_BIND_IOMMUFD = 0x3B76

_TYPE1V2_IOMMU = 3
_VIABLE = 1
_FEATURE_MIGRATION = 1
_FEATURE_DMA_LOGGING_START = 6
_GET, _SET, _PROBE = 1 << 16, 1 << 17, 1 << 18
_FLAGS: dict[int, Flag] = {1: "STOP_COPY", 2: "P2P", 4: "PRE_COPY"}

_REGION_CAPS = 1 << 3
_REGION_INFO = struct.Struct("=IIIIQQ")
_CAP_HEADER = struct.Struct("=HHI")
_CAP_TYPE = 2
_MIGRATION_REGION = 3, 1
"""Type and subtype of the region that the first interface is."""

_DEV = "/dev/vfio"


def open_migration(device: str) -> MigrationInterface:
    """Open a device, by its directory in sysfs, and ask for its migration interface.

    Raises:
        DeviceError: it cannot be opened; the code says why.

    """
    group = _group(device)
    own = _own_node(device)
    unsafe = f"{_DEV}/noiommu-{group}"
    nodes = [f"{_DEV}/{group}", unsafe] + ([own] if own is not None else [])
    for pid in holders(nodes):
        raise DeviceError(
            f"process {pid} has {os.path.basename(device)} open",
            hint="a device that is in use is not opened: ask its user",
            code=codes.DEVICE_IN_USE,
        )
    if os.path.exists(unsafe):
        raise DeviceError(
            f"{os.path.basename(device)} has no IOMMU: its node is {unsafe}",
            hint="switch the IOMMU on: see 'vfiocompat explain VFC522'",
            code=codes.NO_IOMMU,
        )
    with contextlib.ExitStack() as files:
        file = None
        if own is not None and os.path.exists("/dev/iommu"):
            file = _open_own(own, files)
        if file is None:
            file = _open_in_group(group, os.path.basename(device), files)
        return _ask(file)


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


def _open_files(folder: str) -> Iterator[str]:
    """Give what a process has open; what it closes meanwhile is passed over."""
    for file in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"{folder}/{file}")


_NODE = re.compile(r"(?:/dev)?/vfio/((?:noiommu-)?[0-9]+|devices/vfio[0-9]+)")
OUTERMOST = "pid:[4026531836]"
"""The first namespace of processes (include/linux/proc_ns.h, PROC_PID_INIT_INO)."""


def _group(device: str) -> str:
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
        raise _cannot(f"open {path}", error) from None


def _cannot(do: str, error: OSError) -> DeviceError:
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
        raise _cannot(f"open {name} in group {group}", error) from None
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
        raise _cannot(f"open {node}", error) from None
    return device


def _ask(device: int) -> MigrationInterface:
    """Ask an open device for the second interface, and if it has none for the first."""
    feature = bytearray(struct.pack("=IIQ", 16, _FEATURE_MIGRATION | _GET, 0))
    try:
        fcntl.ioctl(device, _DEVICE_FEATURE, feature)
    except OSError as error:
        if error.errno != errno.ENOTTY:
            raise _cannot("ask the device", error) from None
    else:
        (bits,) = struct.unpack_from("=Q", feature, 8)
        flags = [flag for bit, flag in _FLAGS.items() if bits & bit]
        if _logs(device):
            flags.append("DIRTY_TRACKING")
        return MigrationInterface("v2", tuple(flags), "open")
    return _first_interface(device)


def _logs(device: int) -> bool:
    """Whether the device's driver tracks what the device writes to memory."""
    probe = struct.pack("=II", 8, _FEATURE_DMA_LOGGING_START | _SET | _PROBE)
    try:
        fcntl.ioctl(device, _DEVICE_FEATURE, bytearray(probe))
    except OSError:
        return False
    return True


def _first_interface(device: int) -> MigrationInterface:
    """Look for the migration region among a device's regions."""
    info = bytearray(struct.pack("=IIII", 16, 0, 0, 0))
    try:
        fcntl.ioctl(device, _DEVICE_GET_INFO, info)
    except OSError as error:
        raise _cannot("ask the device", error) from None
    _, _, regions, _ = struct.unpack("=IIII", info)
    for index in range(regions):
        with contextlib.suppress(OSError):
            region = _region(device, index)
            version = migration_region(region)
            if version is not None:
                return MigrationInterface("v1", None, "open", version)
    return MigrationInterface("none", None, "open")


def _region(device: int, index: int) -> bytes:
    """Read what the kernel says of a region, with its capabilities."""
    region = bytearray(_REGION_INFO.pack(_REGION_INFO.size, 0, index, 0, 0, 0))
    fcntl.ioctl(device, _DEVICE_GET_REGION_INFO, region)
    size = _REGION_INFO.unpack_from(region)[0]
    if size > _REGION_INFO.size:
        region = bytearray(size)
        _REGION_INFO.pack_into(region, 0, size, 0, index, 0, 0, 0)
        fcntl.ioctl(device, _DEVICE_GET_REGION_INFO, region)
    return bytes(region)


def migration_region(region: bytes) -> int | None:
    """Find the capability that says that a region is the migration region.

    Gives its version, None if there is none. `region` is a struct vfio_region_info with
    its chain of struct vfio_info_cap_header; a chain that leaves it or runs in a circle
    ends there.
    """
    _, flags, _, offset, _, _ = _REGION_INFO.unpack_from(region)
    seen: set[int] = set()
    while flags & _REGION_CAPS and offset and offset not in seen:
        seen.add(offset)
        if offset + _CAP_HEADER.size > len(region):
            break
        kind, version, following = _CAP_HEADER.unpack_from(region, offset)
        about = offset + _CAP_HEADER.size
        if kind == _CAP_TYPE and about + 8 <= len(region):
            type_: tuple[int, int] = struct.unpack_from("=II", region, about)
            if type_ == _MIGRATION_REGION:
                return int(version)
        offset = following
    return None
