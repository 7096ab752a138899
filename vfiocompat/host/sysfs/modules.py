# SPDX-License-Identifier: Apache-2.0
"""Modules of drivers: which version and which build of one is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.host.sysfs.nodes import name_of
from vfiocompat.host.sysfs.tree import text

if TYPE_CHECKING:
    from collections.abc import Collection

    from vfiocompat.host.batch import Reply
    from vfiocompat.host.sysfs.tree import Tree

__all__ = [
    "MODULES",
    "NOTE",
    "NO_MODULE",
    "Module",
    "build_of_note",
    "modules_of",
]

_DRIVERS = "/sys/bus/pci/drivers"
MODULES = "/sys/module"
NOTE = ".note.gnu.build-id"
_VGPU_MANAGER = {"nvidia": "nvidia_vgpu_vfio"}
"""Modules that tell a driver's version in place of its own.

KubeVirt reads NVIDIA's vGPU manager version there; on hosts of the vendor-specific VFIO
framework the module may be missing, and the driver's own tells it.
"""


class Module(msgspec.Struct, frozen=True):
    """What tells a driver's module from another: its version, and which build it is."""

    version: str | None
    build: str | None


NO_MODULE = Module(None, None)


def modules_of(tree: Tree, drivers: Collection[str]) -> dict[str, Module]:
    """Read which module each of some PCI drivers has, by the name of the driver."""
    owners = tree.run(
        {driver: tree.link(f"{_DRIVERS}/{driver}", "module") for driver in drivers}
    )
    modules = {
        driver: name_of(link.text) or driver.replace("-", "_")
        for driver, link in owners.items()
    }
    managers = [_VGPU_MANAGER[name] for name in drivers if name in _VGPU_MANAGER]
    replies = tree.run(
        {
            (name, file): tree.read(f"{MODULES}/{name}{folder}", file)
            for name in {*modules.values(), *managers}
            for folder, file in (("", "version"), ("", "srcversion"), ("/notes", NOTE))
        }
    )
    versions = {name: text(replies[name, "version"]) for name, _ in replies}
    return {
        driver: Module(
            versions.get(_VGPU_MANAGER.get(driver, "")) or versions[module] or None,
            _build(replies[module, NOTE], replies[module, "srcversion"]),
        )
        for driver, module in modules.items()
    }


def _build(note: Reply, sources: Reply) -> str | None:
    """Tell a build of a module by the note that the linker made, else by its sources.

    The note is a struct elf_note of include/uapi/linux/elf.h: three numbers, the name
    "GNU", the id.
    """
    return build_of_note(note) or text(sources) or None


def build_of_note(note: Reply) -> str | None:
    """Give the id in the note of a module's build."""
    return note.data[16:].hex() or None
