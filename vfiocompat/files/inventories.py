# SPDX-License-Identifier: Apache-2.0
"""The inventories of a fleet: files, and those in folders."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from vfiocompat.errors import InventoryError
from vfiocompat.files.reading import names_in, read_bytes
from vfiocompat.inventory import MAX_BYTES, parse_inventory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.inventory import Inventory

__all__ = ["inventory_files", "read_inventory"]


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
    return parse_inventory(_read(path, name or path), name or path)


def _read(path: str, name: str) -> bytes:
    try:
        return read_bytes(path, MAX_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise InventoryError(
                f"{name} is longer than an inventory may be ({MAX_BYTES >> 20} MiB)"
            ) from None
        raise InventoryError(f"cannot read {name}: {error.strerror}") from None
