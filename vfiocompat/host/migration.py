# SPDX-License-Identifier: Apache-2.0
"""Which migration interface an open device has, by what it says itself.

Numbers and layouts are of include/uapi/linux/vfio.h.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import struct

from vfiocompat.endpoints import Flag, MigrationInterface
from vfiocompat.host.vfio import GET, PROBE, SET, cannot, feature

__all__ = ["interface_of", "migration_region"]

_DEVICE_GET_INFO = 0x3B6B
_DEVICE_GET_REGION_INFO = 0x3B6C
_MIGRATION = 1
_DMA_LOGGING_START = 6
_FLAGS: dict[int, Flag] = {1: "STOP_COPY", 2: "P2P", 4: "PRE_COPY"}

_REGION_CAPS = 1 << 3
_REGION_INFO = struct.Struct("=IIIIQQ")
_CAP_HEADER = struct.Struct("=HHI")
_CAP_TYPE = 2
_MIGRATION_REGION = 3, 1
"""Type and subtype of the region that the first interface is."""


def interface_of(device: int) -> MigrationInterface:
    """Ask an open device for the second interface, and if it has none for the first.

    Raises:
        DeviceError: it does not answer.

    """
    try:
        (bits,) = struct.unpack("=Q", feature(device, GET | _MIGRATION, bytes(8)))
    except OSError as error:
        if error.errno != errno.ENOTTY:
            raise cannot("ask the device", error) from None
    else:
        flags = [flag for bit, flag in _FLAGS.items() if bits & bit]
        if _logs(device):
            flags.append("DIRTY_TRACKING")
        return MigrationInterface("v2", tuple(flags), "open")
    return _first_interface(device)


def _logs(device: int) -> bool:
    """Whether the device's driver tracks what the device writes to memory."""
    try:
        feature(device, SET | PROBE | _DMA_LOGGING_START)
    except OSError:
        return False
    return True


def _first_interface(device: int) -> MigrationInterface:
    """Look for the migration region among a device's regions."""
    info = bytearray(struct.pack("=IIII", 16, 0, 0, 0))
    try:
        fcntl.ioctl(device, _DEVICE_GET_INFO, info)
    except OSError as error:
        raise cannot("ask the device", error) from None
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
