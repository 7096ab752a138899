# SPDX-License-Identifier: Apache-2.0
"""File operations below a root that stands for `/`, each bounded in time.

Paths are always as seen inside the root (`/sys/...`), and so are those in errors.
"""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING, TypeVar

from vfiocompat import codes
from vfiocompat.endpoints import Problem
from vfiocompat.errors import VfiocompatError, errno_name
from vfiocompat.host.batch import Batch, Failure, Operation, Probe, Reply

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["DEVICES", "Tree", "problem", "text"]

DEVICES = "/sys/devices"
"""Every device's real directory is somewhere below this one."""

Key = TypeVar("Key")


class Tree:
    """One host's /sys, below the directory `root` that stands for `/`.

    Below another root than `/` itself, FUSE counts as sysfs. A held call costs
    `timeout` seconds once a batch, and leaves a thread behind: see `children`.
    """

    def __init__(
        self, root: str, timeout: float, held: Collection[str] = frozenset()
    ) -> None:
        self._root = os.path.abspath(root).rstrip("/")
        self._timeout = timeout
        self._held = held
        self.left: list[str] = []
        """Files and directories that drivers hold: their calls have not returned."""

    def settle(self) -> None:
        """Find out where the root really is, and make sure that it has a sysfs.

        To be called first, in the child: it may hang, as everything here may.

        Raises:
            VfiocompatError: there is no directory `sys` in the root.

        """
        replies = self.run({"root": self.resolve("/sys"), "sys": self.list("/sys")})
        failure = replies["root"].failure or replies["sys"].failure
        if failure is not None:
            why = "the file system does not answer"
            if failure.stage != "timeout":
                why = os.strerror(failure.errno)
            raise VfiocompatError(
                f"there is no sysfs at {self._root}/sys: {why}",
                hint="--sysroot names the directory that stands for /, so it must "
                "hold one named sys",
                code=codes.NO_SYSFS,
            )
        self._root = replies["root"].text.rstrip("/")

    def run(self, operations: dict[Key, Operation]) -> dict[Key, Reply]:
        """Run operations as one batch, and give each key its reply.

        What an earlier process still waits for is not called again: VFC115.
        """
        refused = self._refused(operations) if self._held else {}
        asked = [each for key, each in operations.items() if key not in refused]
        replies = Batch(asked, self._timeout).run()
        for operation, reply in zip(asked, replies, strict=True):
            if reply.failure is not None and reply.failure.stage == "timeout":
                self.left += self._held_by(operation, reply.failure)
        found = iter(replies)
        return {key: refused.get(key) or next(found) for key in operations}

    def _refused(self, operations: dict[Key, Operation]) -> dict[Key, Reply]:
        """Refuse operations that would call what an earlier process waits for."""
        refused = {}
        for key, operation in operations.items():
            held = [path for path in self._paths(operation) if path in self._held]
            if held:
                name = posixpath.basename(held[0])
                refused[key] = Reply(
                    Failure("refused", name=name, code=codes.CALL_STILL_HELD)
                )
        return refused

    def _held_by(self, operation: Operation, failure: Failure) -> list[str]:
        """Name what an operation still waits for: the file that it was at, or all."""
        return [
            path
            for path in self._paths(operation)
            if failure.name in {"", posixpath.basename(path)}
        ]

    def _paths(self, operation: Operation) -> list[str]:
        """Name what an operation may call, as seen inside the root."""
        directory = self.inside(operation.directory)
        return [f"{directory}/{name}" for name in operation.names] or [directory]

    def inside(self, path: str) -> str:
        """Give a real path as it is seen inside the root."""
        return path.removeprefix(self._root)

    def outside(self, path: str) -> str:
        """Give a path inside the root as it is seen outside."""
        return self._root + path

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
        return Problem(path, "read", None, codes.NO_ANSWER_IN_TIME)
    if failure.stage == "refused":
        assert failure.code is not None
        return Problem(path, "open", None, failure.code)
    code = codes.DEVICE_GONE if failure.gone else codes.SYSFS_UNREADABLE
    return Problem(path, failure.stage, errno_name(failure.errno), code)
