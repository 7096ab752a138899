# SPDX-License-Identifier: Apache-2.0
"""Directories, links and attributes in memory, as sysfs has them.

A node belongs to an owner, the address of the device that it is part of, and
goes when the owner goes.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from vfiocompat.simulate.errnos import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["PAGE", "AnyFile", "Directory", "DriverFile", "FileTree", "Link"]

PAGE = 4096
"""The size that sysfs tells of every attribute, whatever its text."""


@dataclass(eq=False)
class Directory:
    """Names and what they stand for."""

    entries: dict[str, AnyFile] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Link:
    """A symbolic link."""

    target: str


@dataclass(eq=False)
class DriverFile:
    """A file whose reads and writes are calls of a driver.

    `show` and `store` raise OSError with the errno that the caller gets.
    `gone` is set when its device is removed: a descriptor may outlive it.
    """

    mode: int
    show: Callable[[], bytes] | None = None
    store: Callable[[bytes], None] | None = None
    size: int = PAGE
    owner: str = ""
    name: str = ""
    gone: bool = False


AnyFile: TypeAlias = Directory | Link | DriverFile


class FileTree:
    """A tree of nodes by path; paths are relative to its root."""

    def __init__(self) -> None:
        self.root = Directory()
        self._owned: defaultdict[str, list[str]] = defaultdict(list)

    def find(self, path: str) -> AnyFile:
        """Return the node at a path, links not followed; or raise ENOENT, ENOTDIR."""
        node: AnyFile = self.root
        for name in filter(None, path.split("/")):
            if not isinstance(node, Directory):
                raise failure("ENOTDIR")
            try:
                node = node.entries[name]
            except KeyError:
                raise failure("ENOENT") from None
        return node

    def directory(self, path: str, owner: str = "") -> Directory:
        """Return the directory at a path, made with those above it if need be."""
        node: AnyFile = self.root
        for name in filter(None, path.split("/")):
            assert isinstance(node, Directory), path
            node = node.entries.setdefault(name, Directory())
        assert isinstance(node, Directory), path
        if owner:
            self._owned[owner].append(path)
        return node

    def attribute(self, path: str, attribute: DriverFile, owner: str = "") -> None:
        """Put an attribute at a path."""
        above, attribute.name = posixpath.split(path)
        attribute.owner = owner
        self.directory(above).entries[attribute.name] = attribute

    def text(self, path: str, text: str, owner: str = "") -> None:
        """Put a read-only attribute with a constant text at a path."""
        data = text.removesuffix("\n").encode() + b"\n"
        self.attribute(path, DriverFile(0o444, show=lambda: data), owner)

    def link(self, path: str, target: str, owner: str = "") -> None:
        """Put a link at a path: relative, as sysfs has them, to another path."""
        above = posixpath.dirname(path)
        self.outward_link(path, posixpath.relpath(target, above), owner)

    def outward_link(self, path: str, target: str, owner: str = "") -> None:
        """Put a link at a path, with its target as it is."""
        above, name = posixpath.split(path)
        self.directory(above).entries[name] = Link(target)
        if owner:
            self._owned[owner].append(path)

    def remove(self, owner: str) -> None:
        """Take away the directories and links of an owner, with what is below."""
        for path in reversed(self._owned.pop(owner, [])):
            above, name = posixpath.split(path)
            try:
                directory = self.find(above)
            except OSError:
                continue  # it went before, with what it was in
            if isinstance(directory, Directory) and name in directory.entries:
                for attribute in _attributes(directory.entries.pop(name)):
                    attribute.gone = True


def _attributes(node: AnyFile) -> Iterator[DriverFile]:
    if isinstance(node, DriverFile):
        yield node
    elif isinstance(node, Directory):
        for entry in node.entries.values():
            yield from _attributes(entry)
