# SPDX-License-Identifier: Apache-2.0
"""A VFIO device held by raw calls of the kernel's uAPI.

Nothing of the program is used: what these calls give is what the program has to meet.
Numbers and layouts are of include/uapi/linux/vfio.h and iommufd.h.
"""

from __future__ import annotations

import array
import enum
import errno
import fcntl
import os
import struct
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

WAY = os.environ.get("VFIOCOMPAT_TEST_WAY", "group")
"""How devices are opened: through their `group`, or by their own node, `cdev`."""

BUSY = "EINVAL" if WAY == "cdev" else "EBUSY"
"""What one gets who opens a device that is open."""

GROUP_SET_CONTAINER = 0x3B68
SET_IOMMU = 0x3B66
GROUP_GET_DEVICE_FD = 0x3B6A
DEVICE_GET_INFO = 0x3B6B
DEVICE_RESET = 0x3B6F
DEVICE_FEATURE = 0x3B75
DEVICE_BIND_IOMMUFD = 0x3B76
MIG_GET_PRECOPY_INFO = 0x3B79

TYPE1V2 = 3
GET, SET = 1 << 16, 1 << 17
MIGRATION, STATE, SIZE = 1, 2, 9
"""Features."""

STOP_COPY, PRE_COPY = 1, 4
"""Flags of the feature MIGRATION."""


class State(enum.IntEnum):
    """A migration state."""

    ERROR = 0
    STOP = 1
    RUNNING = 2
    STOP_COPY = 3
    RESUMING = 4
    PRE_COPY = 6


class Device:
    """An open device, by the UUID of its mdev."""

    def __init__(self, name: str) -> None:
        self._held: list[int] = []
        folder = f"/sys/bus/mdev/devices/{name}"
        try:
            if WAY == "cdev":
                self.file = self._open_node(folder)
            else:
                self.file = self._open_in_group(folder, name)
        except OSError:
            self.close()
            raise

    def _open_node(self, folder: str) -> int:
        [node] = os.listdir(f"{folder}/vfio-dev")
        file, iommufd = (
            self._open(f"/dev/vfio/devices/{node}"),
            self._open("/dev/iommu"),
        )
        bind = bytearray(struct.pack("=IIiI", 16, 0, iommufd, 0))
        fcntl.ioctl(file, DEVICE_BIND_IOMMUFD, bind)
        return file

    def _open_in_group(self, folder: str, name: str) -> int:
        group = os.path.basename(os.readlink(f"{folder}/iommu_group"))
        container, opened = (
            self._open("/dev/vfio/vfio"),
            self._open(f"/dev/vfio/{group}"),
        )
        fcntl.ioctl(opened, GROUP_SET_CONTAINER, array.array("i", [container]))
        fcntl.ioctl(container, SET_IOMMU, TYPE1V2)
        file = bytearray(name.encode() + b"\0")
        self._held.append(int(fcntl.ioctl(opened, GROUP_GET_DEVICE_FD, file)))
        return self._held[-1]

    def _open(self, node: str) -> int:
        self._held.append(os.open(node, os.O_RDWR | os.O_CLOEXEC))
        return self._held[-1]

    def close(self) -> None:
        """Close it, and the files of its sessions."""
        while self._held:
            os.close(self._held.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _feature(self, number: int, data: bytes) -> bytes:
        feature = bytearray(struct.pack("=II", 8 + len(data), number) + data)
        fcntl.ioctl(self.file, DEVICE_FEATURE, feature)
        return bytes(feature[8:])

    @property
    def flags(self) -> int:
        """What it can do for a migration."""
        return int.from_bytes(self._feature(GET | MIGRATION, bytes(8)), "little")

    @property
    def size(self) -> int:
        """How much a migration would move."""
        return int.from_bytes(self._feature(GET | SIZE, bytes(8)), "little")

    def state(self) -> State:
        """The state that it is in."""
        return State(struct.unpack("=Ii", self._feature(GET | STATE, bytes(8)))[0])

    def to(self, state: State) -> int:
        """Change the state; give the file of the session that this begins, or -1.

        It is closed with the device.
        """
        answer = self._feature(SET | STATE, struct.pack("=Ii", state, -1))
        data = int(struct.unpack("=Ii", answer)[1])
        if data >= 0:
            self._held.append(data)
        return data

    @property
    def says_it_resets(self) -> bool:
        """Whether it says that it can be reset."""
        info = bytearray(struct.pack("=IIII", 16, 0, 0, 0))
        fcntl.ioctl(self.file, DEVICE_GET_INFO, info)
        return bool(info[4] & 1)

    def reset(self) -> None:
        """Reset it."""
        fcntl.ioctl(self.file, DEVICE_RESET)


def initial_bytes(data: int) -> int:
    """Ask a session of PRE_COPY how many bytes come first."""
    info = bytearray(struct.pack("=IIQQ", 24, 0, 0, 0))
    fcntl.ioctl(data, MIG_GET_PRECOPY_INFO, info)
    return int(struct.unpack("=IIQQ", info)[2])


def failure(call: Callable[..., object], *arguments: object) -> str | None:
    """Name the errno that a call fails with; None where it does not."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return None
