# SPDX-License-Identifier: Apache-2.0
"""The specification of a simulated host: the TOML language."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "DriverAnswers",
    "Fault",
    "Function",
    "Gpu",
    "Mdev",
    "MdevType",
    "Nvidia",
    "Nvml",
    "Parent",
    "PciIds",
    "Spec",
    "VgpuType",
    "Vm",
]

_Count = Annotated[int, Meta(ge=0)]
_Positive = Annotated[int, Meta(ge=1)]
_Number = Annotated[int, Meta(ge=1, le=0xFFFFFFFF)]
_Memory = Annotated[int, Meta(ge=1, le=1 << 40)]
_Id = Annotated[int, Meta(ge=0, le=0xFFFF)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: unknown keys are mistakes."""


class PciIds(_Table, frozen=True):
    """What a PCI device's own attributes say; `subsystem_*` default to its ids."""

    vendor: _Id
    device: _Id
    subsystem_vendor: _Id | None = None
    subsystem_device: _Id | None = None
    revision: Annotated[int, Meta(ge=0, le=0xFF)] = 0
    class_: Annotated[int, Meta(ge=0, le=0xFFFFFF)] = msgspec.field(
        name="class", default=0x120000
    )
    numa_node: Annotated[int, Meta(ge=-1)] = -1


class DriverAnswers(_Table, frozen=True):
    """A driver's answers: its version string and the ones that it loads.

    Neither `version` nor `migration = false`: there is no attribute at all.
    """

    version: str | None = None
    accepts: tuple[str, ...] | None = None
    refuses: str = "EINVAL"
    attribute: Literal["version", "migration_version", "get_version"] = "version"
    newline: Literal["optional", "required"] = "optional"
    migration: bool = True

    @property
    def has_attribute(self) -> bool:
        """Whether there is a file to read and to write."""
        return self.version is not None or not self.migration


class MdevType(DriverAnswers, frozen=True, kw_only=True):
    """One directory of mdev_supported_types.

    An instance takes `slices` of its parent's, or counts towards the type's
    own `instances`.
    """

    id: str
    name: str | None = None
    description: str | None = None
    device_api: str = "vfio-pci"
    slices: _Positive = 1
    instances: _Count | None = None
    nodes: frozenset[Literal["type", "device"]] = frozenset(("type", "device"))


class Vm(_Table, frozen=True):
    """The VM that has a device open; of a vGPU what driver its guest has loaded.

    `guest_version` is the vGPU version that this driver speaks.
    """

    uuid: str
    guest_driver: str | None = None
    guest_version: _Number | None = None


class Mdev(_Table, frozen=True):
    """A mediated device that exists from the start."""

    uuid: str
    type: str
    vm: Vm | None = None


class Parent(_Table, frozen=True):
    """A device that mediated devices are made of, PCI or virtual."""

    name: str
    class_: str | None = msgspec.field(name="class", default=None)
    driver: str | None = None
    mdev_driver: str | None = None
    pci: PciIds | None = None
    physical: str | None = None
    instances: _Count = 16
    type: tuple[MdevType, ...] = ()
    mdev: tuple[Mdev, ...] = ()


class VgpuType(_Table, frozen=True):
    """One line of creatable_vgpu_types."""

    id: _Number
    name: str


class Nvidia(_Table, frozen=True):
    """The nvidia/ directory of a function of NVIDIA's VFIO framework."""

    creatable: tuple[VgpuType, ...] = ()
    current: _Count = 0


class Function(DriverAnswers, frozen=True, kw_only=True):
    """A PCI function that is passed through whole."""

    address: str
    driver: str | None = None
    pci: PciIds | None = None
    physical: str | None = None
    vm: Vm | None = None
    nvidia: Nvidia | None = None
    attribute: Literal["version", "migration_version", "get_version"] = (
        "migration_version"
    )


class Gpu(_Table, frozen=True):
    """A GPU of NVIDIA's, as its library tells of it: the physical function.

    `memory` is in MiB; without `ecc` it has none. It loads vGPUs of GPUs with names as
    in `accepts`, or else its own, from hosts with drivers as in `accepts_drivers`.
    """

    address: str
    name: str
    memory: _Memory
    ecc: bool | None = None
    migration: bool = True
    accepts: tuple[str, ...] | None = None
    accepts_drivers: tuple[str, ...] = ("*",)
    driver: str | None = None
    pci: PciIds | None = None


class Nvml(_Table, frozen=True):
    """NVIDIA's library: the host's driver, and the vGPU versions that it takes."""

    driver: str
    range: tuple[_Number, _Number]


class Fault(_Table, frozen=True):
    """What goes wrong at an address, the first `times` times or always.

    At most one of `errno`, `hang`, `vanish`, `text` and `hex`; `delay` comes
    before any of them, or alone.
    """

    at: str
    attribute: str | None = None
    on: Literal["open", "read", "write"] | None = None
    times: _Positive | None = None
    delay: Annotated[float, Meta(ge=0)] = 0.0
    errno: str | None = None
    hang: bool = False
    vanish: bool = False
    text: str | None = None
    hex: str | None = None
    repeat: _Positive = 1

    @property
    def override(self) -> bytes | None:
        """The bytes that a read gets instead of the attribute's own."""
        if self.hex is not None:
            return bytes.fromhex(self.hex) * self.repeat
        return None if self.text is None else self.text.encode() * self.repeat


class Spec(_Table, frozen=True):
    """A simulated host."""

    schema: Literal[1]
    host: str | None = None
    kernel: str = "6.12.0-simulated"
    os_release: dict[str, str] = {}
    modules: dict[str, str] = {}
    nvml: Nvml | None = None
    gpu: tuple[Gpu, ...] = ()
    parent: tuple[Parent, ...] = ()
    function: tuple[Function, ...] = ()
    fault: tuple[Fault, ...] = ()
