# SPDX-License-Identifier: Apache-2.0
"""Endpoints: everything that can be the source or the destination of a migration.

An endpoint is a value: what it is, where it is, and what its files said. It knows
nothing of how they are read, so one from a host's sysfs, one from a literal and one
from a saved file are decided alike.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from vfiocompat.addresses import is_function
from vfiocompat.versions import VendorId, VersionString

__all__ = [
    "ATTRIBUTE_NAMES",
    "MIGRATION_VERSION",
    "NVIDIA_VENDOR",
    "OWN_FACTS",
    "Attribute",
    "Endpoint",
    "EndpointKind",
    "Facts",
    "Flag",
    "Head",
    "MigrationInterface",
    "Origin",
    "Problem",
    "Recorded",
    "RecordedAnswer",
    "Thing",
    "attribute_names",
    "literal",
    "missing",
    "read_name",
    "written_name",
]

EndpointKind = Literal["type", "mdev", "function", "literal", "missing"]
Origin = Literal["attribute", "literal", "recorded", "derived", "stream"]
"""Where a string is from; of `stream` a table filled it from a head."""
Facts = dict[str, str]
MIGRATION_VERSION = "migration_version"
"""The name whose answer, at an mdev type, is about sources of that type only."""

ATTRIBUTE_NAMES = (MIGRATION_VERSION, "version", "get_version")
"""The names that a version attribute is read by, the ones that win first.

`version` is the name of v1 and v2 of the 2019 patches, `migration_version` that of
v3 to v5, and `get_version` with `check_version` the pair of the March 2019 thread.
"""

NVIDIA_VENDOR = "0x10de"
"""NVIDIA's PCI vendor id, as sysfs has it."""

_ID = re.compile("(0x)?[0-9a-fA-F]{1,8}")
_WRITTEN = {"get_version": "check_version"}


def attribute_names(kind: EndpointKind) -> tuple[str, ...]:
    """Names under which an endpoint's own directory may hold the attribute.

    In a PCI function's directory a file named `version` may be anything.
    """
    return ATTRIBUTE_NAMES[:1] if kind == "function" else ATTRIBUTE_NAMES


def written_name(name: str) -> str:
    """Name of the file that is written, for an attribute read under `name`."""
    return _WRITTEN.get(name, name)


def read_name(file: str) -> str | None:
    """Name under which the attribute that a file belongs to is read, if it is one."""
    if file in _WRITTEN.values():
        return next(name for name, written in _WRITTEN.items() if written == file)
    return file if file in ATTRIBUTE_NAMES else None


AttributeState = Literal["present", "absent", "unreadable"]


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """An endpoint's version attribute: which file it is, and how reading it went.

    `path` is as seen inside the sysroot: the file, or where it would be. `node` says
    whose directory holds it: an mdev without its own uses that of its type. `code` is
    the diagnostic that tells why an attribute is unreadable. `stage` says of one that
    could not even be opened that it was not: so no driver said anything.
    """

    name: str | None
    state: AttributeState
    errno: str | None = None
    path: str | None = None
    node: Literal["type", "device"] | None = None
    code: str | None = None
    stage: Literal["open"] | msgspec.UnsetType = msgspec.UNSET


Flag = Literal["STOP_COPY", "P2P", "PRE_COPY", "DIRTY_TRACKING"]
"""What a v2 interface can do: VFIO_MIGRATION_* of include/uapi/linux/vfio.h."""


class MigrationInterface(msgspec.Struct, frozen=True):
    """Which migration interface the kernel offers for a device.

    `flags` are what a v2 one can do; None where that was not told. `source` says who
    told: the kernel's debugfs, the driver by its name, or the device, which was opened.
    `version` is that of a v1 one's region.
    """

    interface: Literal["none", "v1", "v2"]
    flags: tuple[Flag, ...] | None = None
    source: Literal["debugfs", "driver", "open"] = "debugfs"
    version: int | None = None


Thing = tuple[Literal["string", "head", "gpu"], str]
"""What a driver is asked about: a version string, or by its SHA-256 in hex a head, or
what NVIDIA's says of a vGPU and a GPU."""


class RecordedAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What this endpoint's driver said of one source string or head, and when.

    `channel` is how it was asked, by its attribute if none is told; in another channel
    the question may be no string. `question` is the SHA-256 of what was asked, in hex,
    `limits` are of what a no of NVML is about, and `left` how a VM may be moved all the
    same. An answer to a head has of who gave it what `Head` has of who wrote one.
    """

    version: str | None
    accepted: bool | None
    errno: str | None
    asked_at: str
    channel: str | None = None
    question: str | None = None
    limits: tuple[str, ...] = ()
    driver: str | None = None
    srcversion: str | None = None
    build_id: str | None = None
    kernel: str | None = None
    boot_id: str | None = None
    left: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """What it is about: a string, or the hash of what else was asked."""
        return self.version or self.question or ""

    @property
    def is_of_head(self) -> bool:
        """Whether it is about the head of a migration stream."""
        return self.channel == "stream" and self.version is None

    @property
    def is_of_gpu(self) -> bool:
        """Whether it is about the metadata of a vGPU and of this endpoint's GPU."""
        return self.channel == "nvml" and self.version is None

    @property
    def thing(self) -> Thing:
        """What it is about, told apart by what kind of thing that is."""
        kind: Literal["head", "gpu"] = "head" if self.is_of_head else "gpu"
        return kind if self.is_of_head or self.is_of_gpu else "string", self.about


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first bytes of a device's migration stream, in hex, and who wrote them.

    `srcversion` and `build_id` tell builds of the driver's module apart; `boot_id` is
    random(4)'s, of the host's boot.
    """

    data: str
    driver: str | None
    srcversion: str | None
    build_id: str | None
    kernel: str | None
    boot_id: str | None
    taken_at: str

    def exact_bytes(self) -> bytes:
        """Give the bytes."""
        return bytes.fromhex(self.data)


class Recorded(msgspec.Struct, frozen=True):
    """Which inventory an endpoint comes from.

    `rejected` says why that is too old to be relied on, or of no known age, and
    `rejected_answers` the same of some of its answers, by the string they are about.
    `ages` says how old the others are. `changed` names what has, or may have, since the
    head of its stream was read.
    """

    host: str
    taken_at: str
    rejected: str | None = None
    rejected_answers: dict[str, str] = {}
    ages: dict[str, str] = {}
    changed: tuple[str, ...] = ()
    machine_id: str | msgspec.UnsetType = msgspec.UNSET


Instances = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
"""How many instances can be created: what sysfs prints for an unsigned int."""


OWN_FACTS = frozenset({"vendor_id", "device_id", "driver", "type_id"})
"""Facts that are fields of an endpoint, too; the type of a function is no mdev type."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An mdev type, an mdev, a PCI function, or a literal string in their place.

    `parent` is the parent device's sysfs name. `newline` says whether the attribute
    ended its string with one; `facts` were read, `stated` is what an operator says of
    it; `available_instances` and `in_use` are None where that is not told, and
    `migration` where the kernel does not. `vfio` is false for a PCI function that no
    VFIO driver is bound to. `build` tells builds of its driver's module apart.
    `head` is that of its migration stream, where it was read. `gpu` is the address of
    NVIDIA's GPU that it is on, `vgpu_metadata` is of the vGPU that it is, in base64;
    `gpu_metadata` is of its GPU, which is told once for all in documents: not here.
    `recorded` is there where it comes from an inventory: such an endpoint cannot be
    asked.
    """

    kind: EndpointKind
    address: str
    parent: str | None = None
    type_id: str | None = None
    uuid: str | None = None
    driver: str | None = None
    vendor_id: str | None = None
    device_id: str | None = None
    device_api: str | None = None
    available_instances: Instances | None = None
    in_use: bool | None = None
    facts: Facts = {}
    stated: Facts = {}
    attribute: Attribute | None = None
    migration: MigrationInterface | None = None
    version: str | None = None
    newline: bool | None = None
    origin: Origin | None = None
    answers: tuple[RecordedAnswer, ...] = ()
    vfio: bool = True
    build: str | msgspec.UnsetType = msgspec.UNSET
    head: Head | msgspec.UnsetType = msgspec.UNSET
    gpu: str | msgspec.UnsetType = msgspec.UNSET
    vgpu_metadata: str | msgspec.UnsetType = msgspec.UNSET
    gpu_metadata: str | msgspec.UnsetType = msgspec.UNSET
    recorded: Recorded | msgspec.UnsetType = msgspec.UNSET

    @property
    def host(self) -> str | None:
        """The host whose inventory it comes from; None for one of this host."""
        return self.recorded.host if self.recorded else None

    @property
    def is_outdated(self) -> bool:
        """Whether its inventory is too old: nothing that it says is relied on then."""
        return bool(self.recorded and self.recorded.rejected)

    @property
    def attribute_state(self) -> AttributeState:
        """How reading its version attribute went; `absent` where it has none."""
        return "absent" if self.attribute is None else self.attribute.state

    @property
    def has_attribute(self) -> bool:
        """Whether it has a version attribute that can be read."""
        return self.attribute_state == "present"

    @property
    def lacks_attribute(self) -> bool:
        """Whether it has no version attribute; one that cannot be read is one."""
        return self.attribute_state == "absent"

    @property
    def answers_for_its_type(self) -> bool:
        """Whether its attribute is defined for sources of its own type only.

        Where nothing tells whose directory holds an mdev's, it may be the type's.
        """
        attribute = self.attribute
        return (
            attribute is not None
            and attribute.node != "device"
            and self.kind != "function"
            and attribute.name == MIGRATION_VERSION
        )

    @property
    def is_vgpu(self) -> bool:
        """Whether it is a vGPU of NVIDIA's: an mdev, or a function as one of types."""
        return self.vendor_id == NVIDIA_VENDOR and self.type_id is not None

    @property
    def is_device(self) -> bool | None:
        """Whether a virtual machine may have it now; None where that is not known."""
        if self.in_use is None and self.kind == "function" and self.vfio:
            return None  # who scanned could not see what has it open
        return bool(self.in_use) or self.kind == "mdev"

    def told(self, name: str) -> str | None:
        """Give a fact that it says itself, that was read, or that is stated of it."""
        stated = self.stated.get(name, "")
        stated = "" if "?" in stated else stated
        return self.own(name) or self.facts.get(name) or stated or None

    @property
    def is_function_as_type(self) -> bool:
        """Whether it is a PCI function as one of the types that it is or can become."""
        return self.kind == "function" and self.type_id is not None

    @property
    def is_pci(self) -> bool:
        """Whether it or its parent is a PCI function: of that sysfs tells ids."""
        return self.kind == "function" or is_function(self.parent or "")

    @property
    def names_its_driver(self) -> bool:
        """Whether its driver is told by its type's id alone: its parent is virtual."""
        return self.driver is None and self.type_id is not None and not self.is_pci

    @property
    def known(self) -> Facts:
        """What is known without a statement: its facts, and what it says itself."""
        own = {name: text for name in OWN_FACTS if (text := self.own(name))}
        return own | {name: text for name, text in self.facts.items() if text}

    def own(self, name: str) -> str | None:
        """Give a fact that it says itself; None if it does not."""
        says = name in OWN_FACTS and not (name == "type_id" and self.kind == "function")
        return getattr(self, name) if says else None

    @property
    def path(self) -> str | None:
        """The attribute, or the endpoint's directory where that has none."""
        return self.attribute.path if self.attribute else None

    @property
    def vendor(self) -> VendorId | None:
        """The vendor that the string names; without a string, the PCI vendor."""
        if self.version is not None:
            return VersionString.parse(self.version).vendor
        if self.vendor_id is None or not _ID.fullmatch(self.vendor_id):
            return None
        return VendorId("pci", int(self.vendor_id, 16), "bare")

    def exact_bytes(self) -> bytes | None:
        """Give what a write to a destination must carry: the source's own bytes."""
        if self.version is None:
            return None
        return (self.version + ("\n" if self.newline else "")).encode("ascii")


class Problem(msgspec.Struct, frozen=True):
    """Something that could not be read while the rest could."""

    path: str
    operation: str
    errno: str | None
    code: str


def literal(text: str, type_id: str | None = None) -> Endpoint:
    """Make the endpoint that a literal version string stands for.

    It is written with one newline, as `echo` does.

    Raises:
        InvalidVersion: the string is none.

    """
    version = VersionString.parse(text)
    return Endpoint(
        kind="literal",
        address=f"version:{version.text}",
        type_id=type_id,
        version=version.text,
        newline=True,
        origin="literal",
    )


def missing(address: str) -> Endpoint:
    """Make the endpoint that stands for an address where there is none."""
    return Endpoint(kind="missing", address=address)
