# SPDX-License-Identifier: Apache-2.0
"""A host's tree as the operations that FUSE calls, faults included.

What the kernel's own file system of sysfs, kernfs, does is done here: the mode
bits count for root too, the first read and one at offset 0 ask the driver and others
go on in the same text, and a driver sees one page of a write at most.
"""

from __future__ import annotations

import itertools
import os
import stat
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from vfiocompat.simulate.errnos import failure
from vfiocompat.simulate.faults import Faults
from vfiocompat.simulate.tree import PAGE, Directory, DriverFile, Link

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.simulate.host import SimulatedHost
    from vfiocompat.simulate.spec import Fault

__all__ = ["FileSystem"]


@dataclass(eq=False)
class _Open:
    """An open file: its attribute, and the text that a read has got."""

    attribute: DriverFile
    text: bytes | None = None


class FileSystem:
    """The operations, under the names by which mfusepy looks for them."""

    use_ns = True

    def __init__(self, host: SimulatedHost, faults: Iterable[Fault] = ()) -> None:
        self.started = threading.Event()
        self._host = host
        self._faults = Faults(faults)
        self._ending = threading.Event()
        self._open: dict[int, _Open] = {}
        self._numbers = itertools.count(1)
        self._born = time.time_ns()

    def end(self) -> None:
        """Let go of every call that is held: each fails with ECONNABORTED."""
        self._ending.set()

    def let_go(self) -> None:
        """Let those calls fail so that are held now; later ones are held again."""
        held, self._ending = self._ending, threading.Event()
        held.set()

    def init_with_config(self, _connection: object, config: Any) -> None:  # noqa: ANN401
        """Say how we are to be called, before the first call."""
        # Every read(2) and write(2) is to come here, and nothing is remembered.
        config.direct_io = 1
        config.attr_timeout = config.entry_timeout = config.negative_timeout = 0.0
        self.started.set()

    # ---- names

    def getattr(self, path: str, _handle: int | None = None) -> dict[str, int]:
        """Describe a node."""
        node = self._host.tree.find(path)
        if isinstance(node, Directory):
            mode, size = stat.S_IFDIR | 0o755, 0
        elif isinstance(node, Link):
            mode, size = stat.S_IFLNK | 0o777, len(node.target)
        else:
            mode, size = stat.S_IFREG | node.mode, node.size
        times = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), self._born)
        # Whoever runs the simulation is its root.
        owner = {"st_uid": os.getuid(), "st_gid": os.getgid()}
        return {"st_mode": mode, "st_nlink": 1, "st_size": size, **owner, **times}

    def readdir(self, path: str, _handle: int) -> list[str]:
        """List a directory."""
        node = self._host.tree.find(path)
        if not isinstance(node, Directory):
            raise failure("ENOTDIR")
        return [".", "..", *node.entries]

    def readlink(self, path: str) -> str:
        """Give the target of a link."""
        node = self._host.tree.find(path)
        if not isinstance(node, Link):
            raise failure("EINVAL")
        return node.target

    def create(self, _path: str, _mode: int, _flags: int = 0) -> NoReturn:
        """Refuse O_CREAT of a name that is not there."""
        raise failure("EACCES")

    def truncate(self, path: str, _length: int, _handle: int | None = None) -> None:
        """Take O_TRUNC and ignore it, as sysfs does."""
        self._host.tree.find(path)

    def mkdir(self, _path: str, _mode: int) -> NoReturn:
        """Refuse: only drivers make directories."""
        raise failure("EPERM")

    def unlink(self, _path: str) -> NoReturn:
        """Refuse: only drivers remove attributes and directories."""
        raise failure("EPERM")

    rmdir = unlink

    # ---- attributes

    def open(self, path: str, flags: int) -> int:
        """Open an attribute: the mode bits are for root too."""
        attribute = self._host.tree.find(path)
        if not isinstance(attribute, DriverFile):
            raise failure("EISDIR")
        access = flags & os.O_ACCMODE
        reads, writes = access != os.O_WRONLY, access != os.O_RDONLY
        if (reads and not attribute.mode & 0o444) or (
            writes and not attribute.mode & 0o222
        ):
            raise failure("EACCES")
        self._suffer(attribute, "open")
        handle = next(self._numbers)
        self._open[handle] = _Open(attribute)
        return handle

    def release(self, _path: str, handle: int) -> None:
        """Forget a file after its last close(2)."""
        del self._open[handle]

    def read(self, _path: str, size: int, offset: int, handle: int) -> bytes:
        """Ask the driver first and at offset 0, and go on in its text at others."""
        file = self._open[handle]
        if offset == 0 or file.text is None:
            file.text = self._show(file.attribute)
        return file.text[offset : offset + size]

    def write(self, _path: str, data: bytes, _offset: int, handle: int) -> int:
        """Hand the driver what is written, a page of it at most."""
        attribute = self._open[handle].attribute
        self._check_present(attribute)
        self._suffer(attribute, "write")
        page = data[:PAGE]
        if attribute.store is None:
            raise failure("EIO")
        attribute.store(page)
        return len(page)

    def _show(self, attribute: DriverFile) -> bytes:
        self._check_present(attribute)
        fault = self._suffer(attribute, "read")
        if fault is not None and fault.override is not None:
            return fault.override
        if attribute.show is None:
            raise failure("EIO")
        return attribute.show()

    def _check_present(self, attribute: DriverFile) -> None:
        if attribute.gone:
            raise failure("ENODEV")

    def _suffer(self, attribute: DriverFile, call: str) -> Fault | None:
        """Let the fault that is due happen; return it if the call goes on."""
        fault = self._faults.due(attribute, call)
        if fault is None:
            return None
        if fault.delay:
            self._hold(fault.delay)
        if fault.hang:
            self._hold(None)
        if fault.vanish:
            self._host.vanish(fault.at)
            raise failure("ENODEV")
        if fault.errno is not None:
            raise failure(fault.errno)
        return fault

    def _hold(self, seconds: float | None) -> None:
        if self._ending.wait(seconds):
            raise failure("ECONNABORTED")
