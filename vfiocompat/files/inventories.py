# SPDX-License-Identifier: Apache-2.0
"""The inventories of a fleet: files, and those in folders."""

from __future__ import annotations

import errno
import os
import re
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.errors import ErrorRecord, InventoryError, nearest, there_are
from vfiocompat.files.doubles import Taken, newest
from vfiocompat.files.reading import in_time, names_in, read_bytes, regular
from vfiocompat.inventory import MAX_BYTES, parse_inventory

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vfiocompat.inventory import Inventory

__all__ = [
    "Fleets",
    "host_of",
    "hosts_in",
    "inventory_files",
    "no_such_host",
    "of_no_host",
    "read_inventory",
    "shown",
    "told_host",
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


class Fleets:
    """The fleets whose hosts addresses name: paths, by what names these.

    `errors` say by path what was passed over when a host was looked for.
    """

    def __init__(self, named: Mapping[str, Sequence[str]]) -> None:
        self.named = named
        self.errors: dict[str, ErrorRecord] = {}

    @property
    def paths(self) -> list[str]:
        """All of their paths."""
        return [path for fleet in self.named.values() for path in fleet]

    def inventory_of(self, host: str) -> Inventory:
        """Read the inventory of a host in the first of them that has it.

        Of several inventories the newest counts.

        Raises:
            InventoryError: there is none, or one of them cannot be used.

        """
        if not self.named:
            raise InventoryError(
                f"{host} is a host of a fleet, and no fleet is named",
                hint="VFIOCOMPAT_FLEET names one: inventories, or folders of them",
            )
        for name, fleet in self.named.items():
            try:
                found = self._in(fleet, host)
            except InventoryError as error:
                error.detail = f"{name} names this fleet"
                raise
            if found is not None:
                return found
        missing = no_such_host([host], self.paths)
        missing.detail = f"the fleet is that of {' and '.join(self.named)}"
        raise missing

    def _in(self, fleet: Sequence[str], host: str) -> Inventory | None:
        found: dict[str, Inventory] = {}
        for path in sorted(inventory_files(fleet)):
            told = told_host(path)
            if told in {host, None}:
                try:
                    found[shown(path)] = read_inventory(path)
                except InventoryError as error:
                    if host_of(path) == host:  # it may be the newest
                        raise
                    self.errors[shown(path)] = of_no_host(shown(path), error, [host])
        taken = [
            Taken(path, each.host, each.taken_at)
            for path, each in found.items()
            if each.host == host
        ]
        used, doubles = newest(taken)
        self.errors |= doubles
        return found[used[0].path] if used else None


def of_no_host(path: str, error: InventoryError, hosts: Collection[str]) -> ErrorRecord:
    """Say of a file that cannot be used, and names no host, that it is passed over.

    It may be of a host that is asked about, whatever its name.
    """
    return ErrorRecord(
        codes.HOST_NOT_TOLD,
        f"{path} names no host: taken for one of {host_of(path)}, and passed over",
        error.summary,
        f"see whether it is of {' or '.join(sorted(hosts))}, and scan that again",
    )


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
    return InventoryError(
        f"the fleet has no host {', '.join(names)}",
        hint=there_are(close),
    )


def host_of(path: str) -> str:
    """Name the host that a broken inventory is of, as far as that can be told.

    That is the one that it names, or else the stem of its name.
    """
    return told_host(path) or os.path.basename(path).removesuffix(".json")


def told_host(path: str) -> str | None:
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
