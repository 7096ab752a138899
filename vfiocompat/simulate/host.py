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
from vfiocompat.simulate.nvml import (
    LIBRARY,
    Running,
    mdev_vgpu_type,
    specification,
)
from vfiocompat.simulate.spec import DriverAnswers
from vfiocompat.simulate.tree import DriverFile, FileTree

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfiocompat.simulate.spec import (
        Function,
        MdevType,
        Nvidia,
        Nvml,
        Parent,
        PciIds,
        Spec,
        Vm,
    )

__all__ = ["SimulatedHost"]

_UUID = re.compile(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(rb"\+?(0[xX][0-9a-fA-F]+|[0-9]+)\n?")


class SimulatedHost:
    """The tree, whose root stands for `/`, and what happens on a write to it.

    `library` is what stands for NVIDIA's, if the specification has one.
    """

    def __init__(self, spec: Spec, library: bytes | None = None) -> None:
        self.tree = FileTree()
        self._lock = threading.RLock()
        self._numbers = itertools.count()
        self._mdevs: dict[str, Callable[[], None]] = {}
        self._processes: dict[str, int] = {}
        self._running: dict[str, Running] = {}
        self.tree.directory("sys/bus/pci/devices")
        self._about(spec)
        others = {each.name for each in spec.parent}
        others |= {each.address for each in spec.function}
        for gpu in spec.gpu:
            if gpu.address not in others:
                self._add_pci(gpu.address, gpu.driver or "nvidia", gpu.pci)
        for parent in spec.parent:
            self._add_parent(parent)
        for function in spec.function:
            self._add_function(function)
        if spec.nvml is not None and library is not None:
            self._add_library(spec, spec.nvml, library)

    def vanish(self, owner: str) -> None:
        """Take away a type, an mdev or a function, as if unplugged."""
        with self._lock:
            give_back = self._mdevs.pop(owner, None)
            if give_back:
                give_back()
            self._running.pop(owner, None)
            self.tree.remove(owner)

    def _about(self, spec: Spec) -> None:
        if spec.host is not None:
            self.tree.text("proc/sys/kernel/hostname", spec.host)
        self.tree.text("proc/sys/kernel/osrelease", spec.kernel)
        self.tree.text("etc/machine-id", _digest(spec.host)[:32])
        if spec.os_release:
            lines = [f'{name}="{text}"' for name, text in spec.os_release.items()]
            self.tree.text("etc/os-release", "\n".join(lines))
        own = {} if spec.nvml is None else {"nvidia": spec.nvml.driver}
        for module, version in (own | spec.modules).items():
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

    def _add_pci(
        self,
        address: str,
        driver: str | None,
        ids: PciIds | None,
        physical: str | None = None,
    ) -> str:
        """Add a PCI device; return its path."""
        path = _pci_path(address)
        self._add_device(path, "sys/bus/pci", driver)
        if physical is not None:
            above = _pci_path(physical)
            entries = self.tree.directory(above).entries
            number = sum(name.startswith("virtfn") for name in entries)
            self.tree.link(f"{path}/physfn", above)
            self.tree.link(f"{above}/virtfn{number}", path)
        if ids is not None:
            for name, text in _pci_attributes(ids).items():
                self.tree.text(f"{path}/{name}", text, address)
        return path

    def _add_vfio(self, path: str, vm: Vm | None = None) -> None:
        """Add what VFIO adds to a device: its IOMMU group and vfio-dev.

        A VM that has it open has its group: by the QEMU that runs it.
        """
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
        if vm is not None:
            opened = f"proc/{self._process(vm.uuid)}/fd/{number}"
            tree.outward_link(opened, f"/dev/vfio/{number}", name)

    def _process(self, vm: str) -> int:
        """Find the QEMU that runs a VM, or start it; give its number."""
        if not self._processes:  # they are told from those of a container by this
            self.tree.outward_link("proc/1/ns/pid", "pid:[4026531836]")
            self.tree.directory("proc/1/fd")
        if vm not in self._processes:
            process = 1000 + len(self._processes)
            words = ["qemu-system-x86_64", "-uuid", vm, ""]
            line = DriverFile(0o444, show=lambda: "\0".join(words).encode())
            self.tree.attribute(f"proc/{process}/cmdline", line)
            self._processes[vm] = process
        return self._processes[vm]

    def _add_library(self, spec: Spec, nvml: Nvml, library: bytes) -> None:
        """Add what stands for NVIDIA's library, and what it answers from."""

        def told() -> bytes:
            with self._lock:
                return specification(spec, nvml, self._running.values()).encode()

        file = DriverFile(0o755, show=lambda: library, size=len(library))
        self.tree.attribute(LIBRARY, file)
        self.tree.attribute(f"{LIBRARY}.spec", DriverFile(0o444, show=told))

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
            path = self._add_pci(
                parent.name, parent.driver, parent.pci, parent.physical
            )
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
            creators[mdev.type](mdev.uuid.encode(), mdev.vm)
            number = mdev_vgpu_type(mdev.type)
            if mdev.vm is not None and number is not None:
                gpu = parent.physical or parent.name
                running = Running(gpu, number, mdev.uuid, mdev.vm)
                self._running[mdev.uuid] = running

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
    ) -> Callable[[bytes, Vm | None], None]:
        """Add a type's directory; return what its `create` does, for a VM too."""
        tree = self.tree
        path = f"{parent_path}/mdev_supported_types/{kind.id}"
        owner = f"{parent.name}/{kind.id}"
        prefix, _, name = kind.id.partition("-")
        driver = parent.mdev_driver or prefix

        def create(data: bytes, vm: Vm | None = None) -> None:
            uuid = _uuid(data)
            with self._lock:
                if uuid in self._mdevs:
                    raise failure("EEXIST")
                capacity.take(kind)
                self._mdevs[uuid] = lambda: capacity.give_back(kind)
                self._add_mdev(f"{parent_path}/{uuid}", path, kind, driver, vm)

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

    def _add_mdev(
        self, path: str, type_path: str, kind: MdevType, driver: str, vm: Vm | None
    ) -> None:
        tree = self.tree
        uuid = basename(path)

        def remove(data: bytes) -> None:
            if _number(data):
                self.vanish(uuid)

        self._add_device(path, "sys/bus/mdev", driver)
        tree.link(f"{path}/mdev_type", type_path)
        tree.link(f"{type_path}/devices/{uuid}", path, uuid)
        tree.attribute(f"{path}/remove", DriverFile(0o200, store=remove), uuid)
        self._add_vfio(path, vm)
        if "device" in kind.nodes:
            self._add_migration(path, kind, uuid)

    # ---- functions that are passed through whole

    def _add_function(self, function: Function) -> None:
        owner = function.address
        path = self._add_pci(owner, function.driver, function.pci, function.physical)
        # Every VFIO driver of PCI in mainline has "vfio" in its name.
        if function.nvidia is not None or "vfio" in (function.driver or ""):
            self._add_vfio(path, function.vm)
        self._add_migration(path, function, owner)
        if function.nvidia is not None:
            self._add_nvidia(f"{path}/nvidia", function.nvidia, owner)
            current, vm = function.nvidia.current, function.vm
            if current and vm is not None:
                gpu = function.physical or owner
                self._running[owner] = Running(gpu, current, None, vm)

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
                if not number:
                    self._running.pop(owner, None)

        creatable = DriverFile(0o444, lambda: b"" if current else lines)
        chosen = DriverFile(0o644, lambda: b"%d\n" % current, store)
        self.tree.attribute(f"{path}/creatable_vgpu_types", creatable, owner)
        self.tree.attribute(f"{path}/current_vgpu_type", chosen, owner)


def _pci_path(address: str) -> str:
    return f"sys/devices/pci{address.rpartition(':')[0]}/{address}"


_ANSWERS = DriverAnswers.__struct_fields__


def _drivers(spec: Spec) -> dict[str, list[object]]:
    """Collect what each driver answers: one that answers otherwise is another build."""
    found: dict[str, list[object]] = {}
    for parent in spec.parent:
        if parent.driver is not None:
            found.setdefault(parent.driver, []).append(parent.type)
    for function in spec.function:
        if function.driver is not None:
            found.setdefault(function.driver, []).append(
                {name: getattr(function, name) for name in _ANSWERS}
            )
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
