# SPDX-License-Identifier: Apache-2.0
"""Endpoints: everything that can be the source or the destination of a migration.

An endpoint is a value: what it is, where it is, and what its files said. It knows
nothing of how they are read, so one from a host's sysfs, one from a literal and one
from a saved file are decided alike.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.errors import InvalidAddress, InvalidVersion
from vfiocompat.versions import VendorId, VersionString

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ATTRIBUTE_NAMES",
    "MIGRATION_VERSION",
    "Address",
    "Attribute",
    "Endpoint",
    "Facts",
    "Flag",
    "FunctionAddress",
    "InventoryAddress",
    "LiteralAddress",
    "LiveAddress",
    "MdevAddress",
    "Migration",
    "Origin",
    "PathAddress",
    "Problem",
    "Recorded",
    "RecordedAnswer",
    "TypeAddress",
    "address_text",
    "attribute_names",
    "identified",
    "is_function",
    "is_uuid",
    "literal",
    "missing",
    "parse_address",
    "read_name",
    "written_name",
]

Kind = Literal["type", "mdev", "function", "literal", "missing"]
Origin = Literal["attribute", "literal", "recorded", "derived"]
Facts = dict[str, str]

MIGRATION_VERSION = "migration_version"
"""The name whose answer, at an mdev type, is about sources of that type only."""

ATTRIBUTE_NAMES = (MIGRATION_VERSION, "version", "get_version")
"""The names that a version attribute is read by, the ones that win first.

`version` is the name of v1 and v2 of the 2019 patches, `migration_version` that of
v3 to v5, and `get_version` with `check_version` the pair of the March 2019 thread.
"""

_WRITTEN = {"get_version": "check_version"}


def attribute_names(kind: Kind) -> tuple[str, ...]:
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


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """An endpoint's version attribute: which file it is, and how reading it went.

    `path` is as seen inside the sysroot: the file, or where it would be. `node` says
    whose directory holds it: an mdev without its own uses that of its type. `code` is
    the diagnostic that tells why an attribute is unreadable.
    """

    name: str | None
    state: Literal["present", "absent", "unreadable"]
    errno: str | None = None
    path: str | None = None
    node: Literal["type", "device"] | None = None
    code: str | None = None


Flag = Literal["STOP_COPY", "P2P", "PRE_COPY", "DIRTY_TRACKING"]
"""What a v2 interface can do: VFIO_MIGRATION_* of include/uapi/linux/vfio.h."""


class Migration(msgspec.Struct, frozen=True):
    """Which migration interface the kernel offers for a device.

    `flags` are what a v2 one can do; None where that was not told. `source` says who
    told: the kernel's debugfs, the driver by its name, or the device, which was opened.
    `version` is that of a v1 one's region.
    """

    interface: Literal["none", "v1", "v2"]
    flags: tuple[Flag, ...] | None = None
    source: Literal["debugfs", "driver", "open"] = "debugfs"
    version: int | None = None


class RecordedAnswer(msgspec.Struct, frozen=True):
    """What this endpoint's driver said of one source string, and when."""

    version: str
    accepted: bool | None
    errno: str | None
    asked_at: str


class Recorded(msgspec.Struct, frozen=True):
    """Which inventory an endpoint comes from.

    `rejected` says why that is too old to be relied on, or of no known age, and
    `rejected_answers` the same of drivers' answers, by the string they are about.
    `ages` says how old those are that can be relied on.
    """

    host: str
    taken_at: str
    rejected: str | None = None
    rejected_answers: dict[str, str] = {}
    ages: dict[str, str] = {}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An mdev type, an mdev, a PCI function, or a literal string in their place.

    `parent` is the parent device's sysfs name. `newline` says whether the attribute
    ended its string with one; `facts` were read, `stated` is what an operator says of
    it; `available_instances` and `in_use` are None where that is not told, and
    `migration` where the kernel does not. `vfio` is false for a PCI function that no
    VFIO driver is bound to. `recorded` is there where it comes from an inventory: such
    an endpoint cannot be asked.
    """

    kind: Kind
    address: str
    parent: str | None = None
    type_id: str | None = None
    uuid: str | None = None
    driver: str | None = None
    vendor_id: str | None = None
    device_id: str | None = None
    device_api: str | None = None
    available_instances: int | None = None
    in_use: bool | None = None
    facts: Facts = {}
    stated: Facts = {}
    attribute: Attribute | None = None
    migration: Migration | None = None
    version: str | None = None
    newline: bool | None = None
    origin: Origin | None = None
    answers: tuple[RecordedAnswer, ...] = ()
    vfio: bool = True
    recorded: Recorded | msgspec.UnsetType = msgspec.UNSET

    @property
    def host(self) -> str | None:
        """The host whose inventory it comes from; None for one of this host."""
        return self.recorded.host if self.recorded else None

    @property
    def path(self) -> str | None:
        """The attribute, or the endpoint's directory where that has none."""
        return self.attribute.path if self.attribute else None

    @property
    def vendor(self) -> VendorId | None:
        """The vendor that the string names; without a string, the PCI vendor."""
        if self.version is not None:
            return VersionString.parse(self.version).vendor
        try:
            return VendorId("pci", int(self.vendor_id or "", 16), "bare")
        except ValueError:
            return None

    def exact_bytes(self) -> bytes | None:
        """Give what a write to a destination must carry: the source's own bytes."""
        if self.version is None:
            return None
        return (self.version + ("\n" if self.newline else "")).encode("ascii")


def identified(endpoint: Endpoint, drivers: Iterable[str]) -> Endpoint:
    """Give an endpoint of a virtual parent the driver that its type's id begins with.

    The mdev core names a type `<driver>-<name>` (drivers/vfio/mdev/mdev_sysfs.c,
    mdev_type_add), and a virtual parent has no `driver` link to tell it.
    """
    if endpoint.driver is not None or endpoint.type_id is None:
        return endpoint
    prefixes = [name for name in drivers if endpoint.type_id.startswith(f"{name}-")]
    if not prefixes or endpoint.kind == "function":
        return endpoint
    return msgspec.structs.replace(endpoint, driver=max(prefixes, key=len))


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


# ---- addresses ---------------------------------------------------------------


class MdevAddress(msgspec.Struct, frozen=True):
    """The UUID of an mdev device, in lower case as sysfs has it."""

    uuid: str


class TypeAddress(msgspec.Struct, frozen=True):
    """An mdev type under its parent, or a type of an NVIDIA function."""

    parent: str
    type_id: str


class FunctionAddress(msgspec.Struct, frozen=True):
    """A PCI function: domain, bus, device and function in hex."""

    function: str


class PathAddress(msgspec.Struct, frozen=True):
    """A path below /sys: an endpoint's directory, or its attribute."""

    path: str


class LiteralAddress(msgspec.Struct, frozen=True):
    """A version string in place of a device."""

    text: str


class InventoryAddress(msgspec.Struct, frozen=True):
    """An endpoint in an inventory; None where that has only one."""

    file: str
    endpoint: str | None


LiveAddress = MdevAddress | TypeAddress | FunctionAddress | PathAddress
Address = LiveAddress | LiteralAddress | InventoryAddress

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_FUNCTION = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


def is_uuid(name: str) -> bool:
    """Whether a name is that of an mdev device."""
    return _UUID.fullmatch(name) is not None


def is_function(name: str) -> bool:
    """Whether a name is that of a PCI function."""
    return _FUNCTION.fullmatch(name) is not None


def parse_address(text: str) -> Address:
    """Read an address as a person types it.

    Raises:
        InvalidAddress: it has none of the known forms.

    """
    if text.startswith("version:"):
        return LiteralAddress(text.removeprefix("version:"))
    if text.startswith("inventory:"):
        return _in_inventory(text)
    if not text.isprintable():
        raise InvalidAddress(f"an address has no characters such as in {text!r}")
    if text.startswith("/"):
        return PathAddress(text)
    if is_uuid(text.lower()):
        return MdevAddress(text.lower())
    if is_function(text.lower()):
        return FunctionAddress(text.lower())
    parent, slash, type_id = text.partition("/")
    if slash and _is_name(parent) and _is_name(type_id):
        name = parent.lower() if is_function(parent.lower()) else parent
        return TypeAddress(name, type_id)
    raise InvalidAddress(
        f"{text!r} is not an address",
        hint=_hint(text),
    )


def _in_inventory(text: str) -> InventoryAddress:
    path, hash_, endpoint = text.removeprefix("inventory:").rpartition("#")
    file = path if hash_ else endpoint
    if not file or "\0" in file or (hash_ and not endpoint):
        raise InvalidAddress(f"{text!r} is not inventory:FILE#ADDRESS")
    if hash_ and isinstance(parse_address(endpoint), LiteralAddress | InventoryAddress):
        raise InvalidAddress(f"{endpoint!r} is not the address of an endpoint")
    return InventoryAddress(file, endpoint if hash_ else None)


def address_text(address: Address) -> str | None:
    """Write an address as an endpoint has it; None for a path or a literal."""
    match address:
        case MdevAddress(uuid):
            return uuid
        case FunctionAddress(function):
            return function
        case TypeAddress(parent, type_id):
            return f"{parent}/{type_id}"
        case _:
            return None


def _is_name(text: str) -> bool:
    """Whether a part of an address can be the name of one sysfs directory."""
    return text not in {"", ".", ".."} and "/" not in text


def _hint(text: str) -> str:
    if _looks_like_version(text):
        return f"a literal version string is written version:{text}"
    return "see 'vfiocompat explain VFC502' for the forms an address has"


def _looks_like_version(text: str) -> bool:
    try:
        return VersionString.parse(text).vendor is not None
    except InvalidVersion:
        return False
