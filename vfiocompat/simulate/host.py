# SPDX-License-Identifier: Apache-2.0
"""A simulated host: the tree of its specification, and how it changes."""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
from functools import partial
from posixpath import basename
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.addresses import is_function
from vfiocompat.simulate import answers
from vfiocompat.simulate.capacity import Capacity
from vfiocompat.simulate.errnos import failure
from vfiocompat.simulate.tree import DriverFile, FileTree

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfiocompat.simulate.spec import (
        DriverAnswers,
        Function,
        MdevType,
        Nvidia,
        Parent,
        PciIds,
        Spec,
    )

__all__ = ["SimulatedHost"]

_UUID = re.compile(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(rb"\+?(0[xX][0-9a-fA-F]+|[0-9]+)\n?")


class SimulatedHost:
    """The tree, whose root stands for `/`, and what happens on a write to it."""

    def __init__(self, spec: Spec) -> None:
        self.tree = FileTree()
        self._lock = threading.RLock()
        self._numbers = itertools.count()
        self._mdevs: dict[str, Callable[[], None]] = {}
        self.tree.directory("sys/bus/pci/devices")
        self._about(spec)
        for parent in spec.parent:
            self._add_parent(parent)
        for function in spec.function:
            self._add_function(function)

    def vanish(self, owner: str) -> None:
        """Take away a type, an mdev or a function, as if unplugged."""
        with self._lock:
            give_back = self._mdevs.pop(owner, None)
            if give_back:
                give_back()
            self.tree.remove(owner)

    def _about(self, spec: Spec) -> None:
        if spec.host is not None:
            self.tree.text("proc/sys/kernel/hostname", spec.host)
        self.tree.text("proc/sys/kernel/osrelease", spec.kernel)
        self.tree.text("etc/machine-id", _digest(spec.host)[:32])
        for module, version in spec.modules.items():
            self.tree.text(f"sys/module/{module}/version", version)
        for driver, answers_of in _drivers(spec).items():
            module = driver.replace("-", "_")
            srcversion = _digest(answers_of)[:23].upper()
            self.tree.text(f"sys/module/{module}/srcversion", srcversion)

    # ---- what all devices have; each is named by the last part of its path

    def _add_device(self, path: str, bus: str, driver: str | None) -> None:
        """Add a device of a bus, and the links to and from its driver."""
        tree = self.tree
        name = basename(path)
        tree.directory(path, name)
        tree.link(f"{path}/subsystem", bus)
        tree.link(f"{bus}/devices/{name}", path, name)
        if driver is not None:
            tree.link(f"{path}/driver", f"{bus}/drivers/{driver}")
            tree.link(f"{bus}/drivers/{driver}/{name}", path, name)

    def _add_pci(self, address: str, driver: str | None, ids: PciIds | None) -> str:
        """Add a PCI device; return its path."""
        path = f"sys/devices/pci{address.rpartition(':')[0]}/{address}"
        self._add_device(path, "sys/bus/pci", driver)
        if ids is not None:
            for name, text in _pci_attributes(ids).items():
                self.tree.text(f"{path}/{name}", text, address)
        return path

    def _add_vfio(self, path: str) -> None:
        """Add what VFIO adds to a device: its IOMMU group and vfio-dev."""
        tree = self.tree
        name = basename(path)
        number = next(self._numbers)
        group = f"sys/kernel/iommu_groups/{number}"
        tree.directory(group, name)
        tree.link(f"{group}/devices/{name}", path)
        tree.link(f"{path}/iommu_group", group)
        vfio = f"{path}/vfio-dev/vfio{number}"
        tree.link(f"{vfio}/device", path)
        tree.link(f"{vfio}/subsystem", "sys/class/vfio-dev")
        tree.link(f"sys/class/vfio-dev/vfio{number}", vfio, name)

    def _add_migration(self, path: str, driver: DriverAnswers, owner: str) -> None:
        """Add the version attribute, or the pair of them, that a driver answers."""
        if not driver.has_attribute:
            return
        show = partial(answers.show, driver)
        store = partial(answers.accept, driver)
        if driver.attribute == "get_version":
            files = {
                "get_version": DriverFile(0o444, show=show),
                "check_version": DriverFile(0o200, store=store),
            }
        else:
            files = {driver.attribute: DriverFile(0o644, show, store)}
        for name, attribute in files.items():
            self.tree.attribute(f"{path}/{name}", attribute, owner)

    # ---- mediated devices

    def _add_parent(self, parent: Parent) -> None:
        if is_function(parent.name):
            path = self._add_pci(parent.name, parent.driver, parent.pci)
        else:
            path = self._add_virtual(parent)
        self.tree.link(f"sys/class/mdev_bus/{parent.name}", path)
        self.tree.directory("sys/bus/mdev/devices")
        self.tree.directory(f"{path}/mdev_supported_types")
        capacity = Capacity(parent)
        creators = {
            kind.id: self._add_type(path, parent, kind, capacity)
            for kind in parent.type
        }
        for mdev in parent.mdev:
            creators[mdev.type](mdev.uuid.encode())

    def _add_virtual(self, parent: Parent) -> str:
        """Add a device without a bus: it lies under its class."""
        kind = parent.class_ or parent.name.rstrip("0123456789") or parent.name
        path = f"sys/devices/virtual/{kind}/{parent.name}"
        self.tree.directory(path, parent.name)
        self.tree.link(f"{path}/subsystem", f"sys/class/{kind}")
        self.tree.link(f"sys/class/{kind}/{parent.name}", path)
        return path

    def _add_type(
        self, parent_path: str, parent: Parent, kind: MdevType, capacity: Capacity
    ) -> Callable[[bytes], None]:
        """Add a type's directory; return what its `create` does."""
        tree = self.tree
        path = f"{parent_path}/mdev_supported_types/{kind.id}"
        owner = f"{parent.name}/{kind.id}"
        prefix, _, name = kind.id.partition("-")
        driver = parent.mdev_driver or prefix

        def create(data: bytes) -> None:
            uuid = _uuid(data)
            with self._lock:
                if uuid in self._mdevs:
                    raise failure("EEXIST")
                capacity.take(kind)
                self._mdevs[uuid] = lambda: capacity.give_back(kind)
                self._add_mdev(f"{parent_path}/{uuid}", path, kind, driver)

        tree.directory(path, owner)
        tree.directory(f"{path}/devices")
        tree.text(f"{path}/name", kind.name or name or kind.id, owner)
        tree.text(f"{path}/device_api", kind.device_api, owner)
        if kind.description is not None:
            tree.text(f"{path}/description", kind.description, owner)
        available = DriverFile(0o444, lambda: b"%d\n" % capacity.available(kind))
        tree.attribute(f"{path}/available_instances", available, owner)
        tree.attribute(f"{path}/create", DriverFile(0o200, store=create), owner)
        if "type" in kind.nodes:
            self._add_migration(path, kind, owner)
        return create

    def _add_mdev(self, path: str, type_path: str, kind: MdevType, driver: str) -> None:
        tree = self.tree
        uuid = basename(path)

        def remove(data: bytes) -> None:
            if _number(data):
                self.vanish(uuid)

        self._add_device(path, "sys/bus/mdev", driver)
        tree.link(f"{path}/mdev_type", type_path)
        tree.link(f"{type_path}/devices/{uuid}", path, uuid)
        tree.attribute(f"{path}/remove", DriverFile(0o200, store=remove), uuid)
        self._add_vfio(path)
        if "device" in kind.nodes:
            self._add_migration(path, kind, uuid)

    # ---- functions that are passed through whole

    def _add_function(self, function: Function) -> None:
        owner = function.address
        path = self._add_pci(owner, function.driver, function.pci)
        # Every VFIO driver of PCI in mainline has "vfio" in its name.
        if function.nvidia is not None or "vfio" in (function.driver or ""):
            self._add_vfio(path)
        self._add_migration(path, function, owner)
        if function.nvidia is not None:
            self._add_nvidia(f"{path}/nvidia", function.nvidia, owner)

    def _add_nvidia(self, path: str, nvidia: Nvidia, owner: str) -> None:
        """Add the directory of NVIDIA's framework: a function has one vGPU or none."""
        lines = b"".join(
            f"{kind.id} : {kind.name}\n".encode() for kind in nvidia.creatable
        )
        identifiers = {kind.id for kind in nvidia.creatable}
        current = nvidia.current

        def store(data: bytes) -> None:
            nonlocal current
            number = _number(data)
            with self._lock:
                if number and current:
                    raise failure("EBUSY")
                if number and number not in identifiers:
                    raise failure("EINVAL")
                current = number

        creatable = DriverFile(0o444, lambda: b"" if current else lines)
        chosen = DriverFile(0o644, lambda: b"%d\n" % current, store)
        self.tree.attribute(f"{path}/creatable_vgpu_types", creatable, owner)
        self.tree.attribute(f"{path}/current_vgpu_type", chosen, owner)


def _drivers(spec: Spec) -> dict[str, list[object]]:
    """Collect what each driver answers: one that answers otherwise is another build."""
    found: dict[str, list[object]] = {}
    for parent in spec.parent:
        if parent.driver is not None:
            found.setdefault(parent.driver, []).append(parent.type)
    for function in spec.function:
        if function.driver is not None:
            found.setdefault(function.driver, []).append(function)
    return found


def _digest(value: object) -> str:
    encoded = msgspec.json.encode(value, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()


def _pci_attributes(ids: PciIds) -> dict[str, str]:
    """Return the attributes of a PCI device, spelled as the kernel does."""
    subsystem = ids.subsystem_vendor, ids.subsystem_device
    vendor, device = (
        own if other is None else other
        for own, other in zip((ids.vendor, ids.device), subsystem, strict=True)
    )
    return {
        "vendor": f"0x{ids.vendor:04x}",
        "device": f"0x{ids.device:04x}",
        "subsystem_vendor": f"0x{vendor:04x}",
        "subsystem_device": f"0x{device:04x}",
        "revision": f"0x{ids.revision:02x}",
        "class": f"0x{ids.class_:06x}",
        "numa_node": str(ids.numa_node),
    }


def _uuid(data: bytes) -> str:
    """Read a UUID as `create` does: 36 bytes, and one more of any kind."""
    match = _UUID.match(data)
    if match is None or len(data) > match.end() + 1:
        raise failure("EINVAL")
    return match[0].decode().lower()


def _number(data: bytes) -> int:
    """Read a number as kstrtoul() does in base 0."""
    match = _NUMBER.fullmatch(data)
    if match is None:
        raise failure("EINVAL")
    digits = match[1]
    octal = digits.startswith(b"0") and digits.isdigit()
    try:
        return int(digits, 8 if octal else 0)
    except ValueError:
        raise failure("EINVAL") from None
