# SPDX-License-Identifier: Apache-2.0
"""How the hosts of a fleet are to be scanned again, as a command tells it."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from vfiocompat.addresses import InventoryAddress, parse_address
from vfiocompat.output.wayout import Scans

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vfiocompat.endpoints import Endpoint

__all__ = ["file_of", "scans_of"]


def scans_of(
    fleet: Iterable[str],
    files: Mapping[str, str],
    sources: Iterable[Endpoint] = (),
) -> Scans:
    """Tell how hosts of a fleet are scanned again; `files` are their inventories.

    An inventory stands for its folder: a scan that asks about one alone would drop the
    answers about others. Paths are absolute, since it is typed elsewhere. Drivers can
    be asked only about strings that the fleet has, so `sources` have to be there.
    """
    folders = [*dict.fromkeys(map(_folder, fleet))]
    names = {host: os.path.abspath(path) for host, path in files.items()}
    first: tuple[str, str | None] | None = None
    kinds = {each.kind for each in sources if each.host is None}
    if kinds == {"literal"}:
        first = (
            "FLEET needs a host that has the source's string: a literal is on none",
            None,
        )
    elif kinds:
        folder = f"{folders[0]}/" if folders else "FLEET/"
        command = shlex.join(["vfiocompat", "scan", "-o", folder])
        first = "first, so that FLEET has the source, on this host:", command
    return Scans(folders, names, first)


def file_of(text: str) -> list[str]:
    """Give the inventory that an address names, if it names one."""
    address = parse_address(text)
    return [address.file] if isinstance(address, InventoryAddress) else []


def _folder(path: str) -> str:
    whole = os.path.abspath(path)
    return os.path.dirname(whole) if whole.endswith(".json") else whole
