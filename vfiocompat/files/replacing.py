# SPDX-License-Identifier: Apache-2.0
"""Files of ours, which are replaced whole or not at all.

What is written goes into a new file, never into one that is there: that may have
another name elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from typing import TYPE_CHECKING

from vfiocompat.errors import OutputError
from vfiocompat.files.folders import place_of
from vfiocompat.files.reading import in_time

if TYPE_CHECKING:
    from vfiocompat.files.folders import Place

__all__ = ["put", "replace"]


def replace(path: str, data: bytes) -> None:
    """Put a file in place of another, which stays whole whatever happens.

    Raises:
        OutputError: it could not be written, or not in time; the old file is as it was,
            unless it is said that it is not.

    """
    try:
        in_time(path, _replace, path, data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None


def _replace(path: str, data: bytes) -> None:
    with place_of(path) as place:
        put(place, data)


def put(place: Place, data: bytes) -> None:
    """Put a file in place of another, as `replace` does.

    The new one is written beside it, reaches the disk, and takes its name; then the
    folder reaches the disk. What killed writers left behind is removed.
    """
    new = f".{place.name}.{os.getpid()}.new"
    try:
        _remove_leftovers(place)
        try:
            _write(place, new, data)
            os.rename(new, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(new, dir_fd=place.folder)
            raise
    except OSError as error:
        raise OutputError(
            f"cannot write {place.path}: {error.strerror}",
            hint="a file that was there is as it was",
        ) from None
    try:
        _sync_folder(place)
    except OSError as error:
        raise OutputError(
            f"{place.path} was replaced, but it is not sure that a disk has it: "
            f"{error.strerror}",
            hint="it is the new file now; after a power failure it may be the old one",
        ) from None


def _write(place: Place, name: str, data: bytes) -> None:
    with open(_made(place, name), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _made(place: Place, name: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, 0o644, dir_fd=place.folder)
    except FileExistsError:  # nobody else has our number now
        os.unlink(name, dir_fd=place.folder)
        return os.open(name, flags, 0o644, dir_fd=place.folder)


def _sync_folder(place: Place) -> None:
    try:
        os.fsync(place.folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without it has no need of it
            raise


def _remove_leftovers(place: Place) -> None:
    """Remove what writers of this file left that were killed."""
    pattern = re.compile(rf"\.{re.escape(place.name)}\.([0-9]+)\.(new|who)")
    for entry in os.listdir(place.folder):
        match = pattern.fullmatch(entry)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            with contextlib.suppress(OSError):
                os.unlink(entry, dir_fd=place.folder)
