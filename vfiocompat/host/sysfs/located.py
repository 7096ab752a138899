# SPDX-License-Identifier: Apache-2.0
"""Where devices are that are to be opened, and what their streams' heads rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.errors import ErrorRecord, VfiocompatError
from vfiocompat.host.sysfs.endpoints import KERNEL
from vfiocompat.host.sysfs.lookup import find
from vfiocompat.host.sysfs.modules import MODULES, NOTE, build_of_note
from vfiocompat.host.sysfs.nodes import name_of
from vfiocompat.host.sysfs.tree import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.addresses import LiveAddress
    from vfiocompat.host.sysfs.tree import Tree

__all__ = ["Located", "locate"]

_RANDOM = f"{KERNEL}/random"


class Located(msgspec.Struct, frozen=True):
    """A device's directory and IOMMU group, and who writes the head of its stream.

    `error` says why there is no such device. A device that is in no group has none.
    """

    path: str = ""
    group: str = ""
    srcversion: str | None = None
    build_id: str | None = None
    kernel: str | None = None
    boot_id: str | None = None
    error: ErrorRecord | None = None

    @property
    def build(self) -> str | None:
        """What tells the builds of its driver's module apart."""
        return self.build_id or self.srcversion


def locate(tree: Tree, addresses: Sequence[LiveAddress]) -> list[Located]:
    """Find the devices at addresses."""
    paths: list[str | ErrorRecord] = []
    for address in addresses:
        try:
            paths.append(find(tree, address).path)
        except VfiocompatError as error:
            paths.append(error.record)
    found = [path for path in paths if isinstance(path, str)]
    links = tree.run(
        {(path, "iommu_group"): tree.link(path, "iommu_group") for path in found}
        | {(path, "module"): tree.link(f"{path}/driver", "module") for path in found}
    )
    modules = {path: name_of(links[path, "module"].text) for path in found}
    files = tree.run(
        {
            (name, file): tree.read(f"{MODULES}/{name}{folder}", file)
            for name in filter(None, set(modules.values()))
            for folder, file in (("", "srcversion"), ("/notes", NOTE))
        }
        | {
            ("", "osrelease"): tree.read(KERNEL, "osrelease"),
            ("", "boot_id"): tree.read(_RANDOM, "boot_id"),
        }
    )
    located = []
    for path in paths:
        if not isinstance(path, str):
            located.append(Located(error=path))
            continue
        module = modules[path]
        sources = files.get((module, "srcversion"))
        note = files.get((module, NOTE))
        located.append(
            Located(
                path,
                name_of(links[path, "iommu_group"].text),
                (text(sources) or None) if sources else None,
                build_of_note(note) if note else None,
                text(files["", "osrelease"]),
                text(files["", "boot_id"]),
            )
        )
    return located
