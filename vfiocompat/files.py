# SPDX-License-Identifier: Apache-2.0
"""Files of ours: opened, replaced whole or not at all, and fleets of inventories."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from typing import TYPE_CHECKING

from vfiocompat.errors import InventoryError, OutputError
from vfiocompat.inventory import MAX_BYTES, parse_inventory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.inventory import Inventory

__all__ = ["inventory_files", "read_inventory", "regular", "replace", "replaceable"]


def regular(path: str, flags: int) -> int:
    """Open a file, unless it is one that may hold its reader, such as a pipe.

    Raises:
        OSError: it cannot be opened, or is no regular file.

    """
    number = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "not a regular file")
    return number


def replace(path: str, data: bytes) -> None:
    """Put a file in place of another, which stays whole whatever happens.

    The new one is written beside it, reaches the disk, and takes its name; then the
    folder reaches the disk. What killed writers left behind is removed.

    Raises:
        OutputError: it could not be written; the old file is as it was.

    """
    place = replaceable(path)
    folder, name = os.path.split(place)
    new = f"{folder}/.{name}.{os.getpid()}.new"
    try:
        _remove_leftovers(folder, name)
        try:
            _write(new, data)
            os.rename(new, place)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(new)
            raise
        _sync_folder(folder)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}",
            hint="a file that was there is as it was",
        ) from None


def replaceable(path: str) -> str:
    """Give the real path of a file that is to be replaced, or made.

    Raises:
        OutputError: something else is there, such as a device or a folder.

    """
    place = os.path.realpath(path)
    if os.path.exists(place) and not os.path.isfile(place):
        raise OutputError(f"cannot write {path}: not a regular file")
    return place


def _write(path: str, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o644), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: str) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without it has no need of it
            raise
    finally:
        os.close(number)


def _remove_leftovers(folder: str, name: str) -> None:
    """Remove what writers of this file left that were killed."""
    pattern = re.compile(rf"\.{re.escape(name)}\.([0-9]+)\.new")
    for entry in os.listdir(folder):
        match = pattern.fullmatch(entry)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            with contextlib.suppress(OSError):
                os.unlink(f"{folder}/{entry}")


def inventory_files(fleet: Sequence[str]) -> list[str]:
    """Name the inventories of a fleet: files, and those in folders (`*.json`).

    Raises:
        InventoryError: one of `fleet` cannot be read, or has no inventory.

    """
    paths: list[str] = []
    for path in fleet:
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)
            names = sorted(os.listdir(path)) if is_folder else []
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise InventoryError(f"cannot read {path}: {why}") from None
        if not is_folder:
            paths.append(path)
            continue
        found = [
            os.path.join(path, name)
            for name in names
            if name.endswith(".json") and not name.startswith(".")
        ]
        if not found:
            raise InventoryError(
                f"there is no inventory in {path}",
                hint="'vfiocompat scan -o FOLDER/' writes one, HOST.json",
            )
        paths += found
    return list(dict.fromkeys(paths))


def read_inventory(path: str, name: str | None = None) -> Inventory:
    """Read an inventory from its file, which errors call by its `name`.

    Raises:
        InventoryError: it cannot be read, or is none.

    """
    return parse_inventory(_read(path, name or path), name or path)


def _read(path: str, name: str) -> bytes:
    try:
        with open(path, "rb", opener=regular, buffering=0) as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise InventoryError(
                    f"{name} is longer than an inventory may be ({MAX_BYTES >> 20} MiB)"
                )
            return file.readall()
    except OSError as error:
        raise InventoryError(f"cannot read {name}: {error.strerror}") from None
