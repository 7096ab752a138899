# SPDX-License-Identifier: Apache-2.0
"""Folders to write in, and by whose links they are found.

A link is followed only if nobody but us and root can have made it: it lies in a folder
that is ours or root's, and that either nobody else may write to, or that is sticky,
with a link that is ours or root's. The kernel's fs.protected_symlinks is less strict,
and not set everywhere. A folder that was found stays open, so that nobody can put
another in its place.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Place", "is_ours", "open_place", "place_of"]

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MOST_LINKS = 40  # as many as the kernel follows


class Place(NamedTuple):
    """Where a file is, or is to be: a folder that is open, and a name in it."""

    folder: int
    name: str
    path: str


@contextlib.contextmanager
def place_of(path: str) -> Iterator[Place]:
    """Open the folder of a file that is to be written; raises as `open_place` does."""
    place = open_place(path)
    try:
        yield place
    finally:
        os.close(place.folder)


def open_place(path: str) -> Place:
    """Open the folder of a file that is to be written.

    A link in the file's place is followed if it may be; else it is what is replaced.

    Raises:
        OutputError: there is no such folder, it is behind a link that somebody else may
            have made, or what is there is no file.

    """
    try:
        walk = _Walk(path)
        try:
            return walk.place()
        finally:
            os.close(walk.at)
    except ValueError as error:
        raise OutputError(f"cannot write {path!r}: {error}") from None
    except OSError as error:
        raise OutputError(
            f"cannot write in {os.path.dirname(path) or '.'}: {error.strerror}"
        ) from None


class _Walk:
    """The way to a file, one step after the other."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._links = 0
        self._left = path.split("/")[::-1]
        self.at = os.open("/" if path.startswith("/") else ".", os.O_PATH | _FOLDER)

    def place(self) -> Place:
        """Take every step; give the folder and the name at the end."""
        while True:
            name = self._left.pop()
            if not any(self._left):
                if self._step_by_link(name):
                    continue
                self._demand_file(name)
                return Place(os.open(".", _FOLDER, dir_fd=self.at), name, self._path)
            if name in {"", "."}:
                continue
            try:
                self._enter(os.open(name, os.O_PATH | _FOLDER, dir_fd=self.at))
            except OSError as error:
                if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
                    raise
                if self._step_by_link(name):
                    continue
                if self._is_link(name):
                    raise OutputError(
                        f"cannot write {self._path}: somebody else may have made the "
                        f"link {name} in it",
                        hint="name the folder itself",
                    ) from None
                raise

    def _enter(self, folder: int) -> None:
        os.close(self.at)
        self.at = folder

    def _is_link(self, name: str) -> bool:
        try:
            return stat.S_ISLNK(os.lstat(name, dir_fd=self.at).st_mode)
        except FileNotFoundError:
            return False

    def _step_by_link(self, name: str) -> bool:
        """Go on where a link leads, if there is one that may be followed."""
        if not self._is_link(name) or not self._trusts(name):
            return False
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(name, dir_fd=self.at)
        if target.startswith("/"):
            self._enter(os.open("/", os.O_PATH | _FOLDER))
        self._left += target.split("/")[::-1]
        return True

    def _trusts(self, name: str) -> bool:
        """Whether nobody but us and root can have made a link."""
        trusted = {0, os.geteuid()}
        folder = os.fstat(self.at)
        if folder.st_uid not in trusted:
            return False
        if not folder.st_mode & _OTHERS_WRITE:
            return True
        link = os.lstat(name, dir_fd=self.at)
        # One with another name may be root's, and put here by whom you like.
        sticky = folder.st_mode & stat.S_ISVTX
        return bool(sticky) and link.st_uid in trusted and link.st_nlink == 1

    def _demand_file(self, name: str) -> None:
        try:
            mode = os.lstat(name, dir_fd=self.at).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
            raise OutputError(f"cannot write {self._path}: not a regular file")


def is_ours(place: Place, number: int) -> bool:
    """Whether an open file is one that we have made, and that only we can change."""
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode) or found.st_mode & _OTHERS_WRITE:
        return False
    return found.st_uid == os.geteuid() or found.st_uid == _owner_here(place)


def _owner_here(place: Place) -> int | None:
    """Tell whose a file is that we make in a folder: a server of NFS may map us."""
    name = f".{place.name}.{os.getpid()}.who"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        number = os.open(name, flags, 0o600, dir_fd=place.folder)
    except OSError:
        return None
    try:
        os.unlink(name, dir_fd=place.folder)
        return os.fstat(number).st_uid
    finally:
        os.close(number)
