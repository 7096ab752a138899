# SPDX-License-Identifier: Apache-2.0
"""Which paths may hang: those on file systems that another machine or program serves.

A call on such a path may never return, and its process cannot be killed then. So a path
is followed here step by step, and no step is taken onto such a file system.
"""

from __future__ import annotations

import os
import re
import select

__all__ = ["Mounts", "hanging"]

_OF_THIS_KERNEL = """
    bcachefs bpf btrfs cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs erofs
    exfat ext2 ext3 ext4 f2fs hugetlbfs iso9660 jffs2 jfs mqueue nilfs2 ntfs3 overlay
    proc pstore ramfs reiserfs rootfs securityfs squashfs sysfs tmpfs tracefs ubifs
    udf vfat xfs zfs
    """
_LOCAL = frozenset(_OF_THIS_KERNEL.split())
"""File systems that the kernel serves by itself, from memory or a disk."""

_MOST_LINKS = 40  # as many as the kernel follows


class Mounts:
    """What is mounted: by mount point the type of its file system."""

    def __init__(self, types: dict[str, str]) -> None:
        self._types = types
        self._folders: dict[str, tuple[str, str | None]] = {}

    def hanging(self, path: str) -> str | None:
        """Name the mount point where a call on a path may hang; None if it may not."""
        try:
            folder, name = os.path.split(os.path.abspath(path))
            if ".." in path:  # behind a link that is not what it looks like
                return self._follow(os.path.join(os.getcwd(), path))[1]
            if folder not in self._folders:
                self._folders[folder] = self._follow(folder)
            real, mount = self._folders[folder]
            if mount is not None:
                return mount
            whole = f"{real.rstrip('/')}/{name}"
            if not self._may_hang(whole) and not os.path.islink(whole):
                return None
            return self._follow(whole)[1]
        except (OSError, ValueError):
            return None  # it is no path: who opens it says what is wrong

    def _follow(self, path: str) -> tuple[str, str | None]:
        """Give the real path, or how far it was followed and the mount point there."""
        at, links = "/", 0
        if self._may_hang("/"):
            return at, "/"
        left = path.split("/")[::-1]
        while left:
            part = left.pop()
            if part in {"", "."}:
                continue
            at = os.path.dirname(at) if part == ".." else f"{at.rstrip('/')}/{part}"
            if self._may_hang(at):
                return at, at
            if self._types.get(at) == "proc":
                return at, None  # its links are no paths
            try:
                target = os.readlink(at)
            except OSError:
                continue
            links += 1
            if links > _MOST_LINKS:
                return at, None
            at = "/" if target.startswith("/") else os.path.dirname(at)
            left += target.split("/")[::-1]
        return at, None

    def _may_hang(self, mount_point: str) -> bool:
        kind = self._types.get(mount_point)
        return kind is not None and kind not in _LOCAL


def hanging(path: str) -> str | None:
    """Name the mount point where a call on a path may hang; None if it may not."""
    return _table.mounts().hanging(path)


class _MountTable:
    """The kernel's table of what is mounted, which tells when it has changed."""

    def __init__(self) -> None:
        self._owner = 0
        self._number = -1
        self._known = Mounts({})

    def mounts(self) -> Mounts:
        """Give what is mounted now."""
        try:
            if self._owner != os.getpid():  # a child may have closed it
                flags = os.O_RDONLY | os.O_CLOEXEC
                self._number = os.open("/proc/self/mountinfo", flags)
                self._owner = os.getpid()
                self._known = Mounts(_mounted())
            elif self._changed():
                self._known = Mounts(_mounted())
        except OSError:
            return Mounts({})  # without a /proc nobody can tell
        return self._known

    def _changed(self) -> bool:
        poll = select.poll()
        poll.register(self._number, select.POLLPRI)
        return bool(poll.poll(0))


_table = _MountTable()


def _mounted() -> dict[str, str]:
    """Read proc(5), mountinfo: what was mounted last at a place hides the others."""
    types = {}
    with open(
        "/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape"
    ) as table:
        for line in map(os.fsdecode, table):
            mount, _, rest = line.partition(" - ")
            types[_unescaped(mount.split(" ", 5)[4])] = rest.split(" ", 1)[0]
    return types


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), path)
