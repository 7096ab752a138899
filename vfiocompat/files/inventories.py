# SPDX-License-Identifier: Apache-2.0
"""The inventories of a fleet: files, and those in folders."""

from __future__ import annotations

import errno
import os
import re
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from vfiocompat.errors import InventoryError, nearest
from vfiocompat.files.reading import in_time, names_in, read_bytes, regular
from vfiocompat.inventory import MAX_BYTES, parse_inventory
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfiocompat.inventory import Inventory

__all__ = [
    "host_of",
    "hosts_in",
    "inventory_files",
    "inventory_of",
    "no_such_host",
    "read_inventory",
    "shown",
]

_HOST = re.compile(
    rb'\s*\{\s*(?:"schema"\s*:\s*"[^"\\]*"\s*,\s*)?'
    rb'(?:"tool"\s*:\s*\{[^{}]*\}\s*,\s*)?"host"\s*:\s*"([^"\\]+)"'
)
"""How a scan begins: behind anything else the name may be another thing's."""

_BEGINNING = 4096  # bytes in which a scan names its host


def inventory_files(fleet: Sequence[str]) -> list[str]:
    """Name the inventories of a fleet: files, and those in folders (`*.json`).

    Raises:
        InventoryError: one of `fleet` cannot be read, or has no inventory.

    """
    paths: list[str] = []
    for path in fleet:
        try:
            names = names_in(path)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise InventoryError(f"cannot read {path}: {why}") from None
        if names is None:
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
    name = name or path
    if (text := shown(name)) != name:
        raise InventoryError(
            f"the name of {text} is not UTF-8", hint="give the file another name"
        )
    data = _read(path, name)
    try:
        return parse_inventory(data, name)
    except InventoryError as error:
        if error.hint is None:
            command = shlex.join(["vfiocompat", "scan", "-o", name])
            error.hint = f"on its host '{command}' writes it anew"
        raise


def shown(path: str) -> str:
    """Give a path as text: of bytes that are none it has the escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def inventory_of(host: str, fleets: Mapping[str, Sequence[str]]) -> Inventory:
    """Read the inventory of a host in the first of several fleets that has it.

    Fleets are paths by what names them; of several inventories the newest counts.

    Raises:
        InventoryError: there is none, or one of them cannot be used.

    """
    if not fleets:
        raise InventoryError(
            f"{host} is a host of a fleet, and no fleet is named",
            hint="VFIOCOMPAT_FLEET names one: inventories, or folders of them",
        )
    for name, fleet in fleets.items():
        try:
            found = _inventory_in(fleet, host)
        except InventoryError as error:
            error.detail = f"{name} names this fleet"
            raise
        if found is not None:
            return found
    known = [path for fleet in fleets.values() for path in fleet]
    missing = no_such_host([host], known)
    missing.detail = f"the fleet is that of {' and '.join(fleets)}"
    raise missing


def _inventory_in(fleet: Sequence[str], host: str) -> Inventory | None:
    found = []
    errors = []
    for path in sorted(inventory_files(fleet)):
        if _told_host(path) in {host, None}:
            try:
                found.append(read_inventory(path))
            except InventoryError as error:
                errors += [error] if host_of(path) == host else []
    found = [each for each in found if each.host == host]
    if errors:  # it may be the newest
        raise errors[0]
    return max(found, key=lambda each: timestamp(each.taken_at) or 0, default=None)


def hosts_in(fleet: Sequence[str]) -> list[str]:
    """Name the hosts of a fleet, as far as the beginnings of its files tell."""
    paths: list[str] = []
    with suppress(InventoryError):
        paths = inventory_files(fleet)
    return sorted({host_of(path) for path in paths})


def no_such_host(names: Sequence[str], fleet: Sequence[str]) -> InventoryError:
    """Say which hosts a fleet has not, and which it has that are called alike."""
    known = hosts_in(fleet)
    close = [each for name in names for each in nearest(name, known)] or known[:3]
    there = ", ".join(map(shlex.quote, dict.fromkeys(close)))
    return InventoryError(
        f"the fleet has no host {', '.join(names)}",
        hint=f"there is {there}" if there else None,
    )


def host_of(path: str) -> str:
    """Name the host that a broken inventory is of, as far as that can be told.

    That is the one that it names, or else the stem of its name.
    """
    return _told_host(path) or os.path.basename(path).removesuffix(".json")


def _told_host(path: str) -> str | None:
    """Give the host that the beginning of an inventory names, if it does."""
    try:
        named = _HOST.match(in_time(path, _beginning, path))
    except OSError:
        return None
    return None if named is None else named[1].decode(errors="replace")


def _beginning(path: str) -> bytes:
    with open(regular(path, os.O_RDONLY), "rb", buffering=0) as file:
        return file.read(_BEGINNING)


def _read(path: str, name: str) -> bytes:
    try:
        return read_bytes(path, MAX_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise InventoryError(
                f"{name} is longer than an inventory may be ({MAX_BYTES >> 20} MiB)"
            ) from None
        raise InventoryError(f"cannot read {name}: {error.strerror}") from None
