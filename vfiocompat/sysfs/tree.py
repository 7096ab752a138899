# SPDX-License-Identifier: Apache-2.0
"""File operations below a root that stands for `/`, each bounded in time.

Paths are always as seen inside the root (`/sys/...`), and so are those in errors.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self, TypeVar

from vfiocompat.endpoints import Problem
from vfiocompat.errors import SysfsError, VfiocompatError, errno_name
from vfiocompat.worker import Operation, Probe, Worker

if TYPE_CHECKING:
    from types import TracebackType

    from vfiocompat.worker import Failure, Reply

__all__ = ["DEVICES", "Tree", "problem", "text"]

DEVICES = "/sys/devices"
"""Every device's real directory is somewhere below this one."""

Key = TypeVar("Key")


class Tree:
    """One host's /sys, read through a Worker.

    `root` is the directory that stands for `/`; below another than `/` itself, FUSE
    counts as sysfs. A held call costs `timeout` seconds once per batch.

    Raises:
        VfiocompatError: there is no directory `sys` in `root`.

    """

    def __init__(self, root: str = "/", timeout: float = 5.0) -> None:
        self._root = os.path.realpath(root).rstrip("/")
        self._worker = Worker(timeout)
        sys = self.run({"sys": self.resolve("/sys")})["sys"].failure
        if sys is not None:
            self.close()
            why = "the file system does not answer"
            raise VfiocompatError(
                f"there is no sysfs at {self._root}/sys: "
                + (why if sys.stage == "timeout" else os.strerror(sys.errno)),
                hint="--sysroot names the directory that stands for /, the one that "
                "holds sys",
                code="VFC507",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the child that reads."""
        self._worker.close()

    def run(self, operations: dict[Key, Operation]) -> dict[Key, Reply]:
        """Run operations as one batch, and give each key its reply.

        Raises:
            SysfsError: the reading process could not be made, or has died.

        """
        try:
            replies = self._worker.run(list(operations.values()))
        except OSError as error:
            raise SysfsError(
                f"the process that reads sysfs failed: {error.strerror}",
                path=self._root or "/",
                errno_name=errno_name(error.errno or 0),
            ) from error
        return dict(zip(operations, replies, strict=True))

    def inside(self, path: str) -> str:
        """Give a real path as it is seen inside the root."""
        return path.removeprefix(self._root)

    # What to run; `tree` builds operations so that nobody else knows the root.

    def list(self, path: str) -> Operation:
        """List the names in a directory."""
        return Operation("list", self._root + path)

    def link(self, path: str, name: str) -> Operation:
        """Read the target of a symbolic link."""
        return Operation("link", self._root + path, (name,))

    def resolve(self, path: str) -> Operation:
        """Find out where a path really is, and what it is."""
        directory, _, name = path.rpartition("/")
        return Operation("resolve", self._root + (directory or "/"), (name,))

    def find(self, path: str, *names: str) -> Operation:
        """Find the first of several names that exists in a directory."""
        return Operation("find", self._root + path, names)

    def read(self, path: str, *names: str) -> Operation:
        """Read the first of several files that exists in a directory."""
        return Operation("read", self._root + path, names)

    def probe(self, path: str, name: str, data: bytes) -> Operation:
        """Write to a version attribute, if it is one."""
        allowed = ("sysfs", "fuse") if self._root else ("sysfs",)
        where = self._root + DEVICES
        return Operation(
            "probe", self._root + path, (name,), Probe(data, where, allowed)
        )


def text(reply: Reply) -> str | None:
    """Give what a small file held, without its newline; None if it gave nothing.

    Text that is not UTF-8 keeps its bytes as visible escapes.
    """
    if reply.failure is not None:
        return None
    return reply.data.decode("utf-8", "backslashreplace").removesuffix("\n")


def problem(path: str, failure: Failure) -> Problem:
    """Record that something could not be read while the rest could."""
    if failure.stage == "timeout":
        return Problem(path, "read", None, "VFC112")
    code = "VFC113" if failure.gone else "VFC505"
    return Problem(path, failure.stage, errno_name(failure.errno), code)
