# SPDX-License-Identifier: Apache-2.0
"""Addresses: how a person names an endpoint, and how an endpoint has its name."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.errors import InvalidAddress, InvalidVersion
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "PCI_PARTS",
    "Address",
    "FleetAddress",
    "FunctionAddress",
    "InventoryAddress",
    "LiteralAddress",
    "LiveAddress",
    "MdevAddress",
    "MdevPrefix",
    "PathAddress",
    "TypeAddress",
    "address_text",
    "is_function",
    "is_uuid",
    "parse_address",
    "parse_function",
    "pci_address",
]


class MdevAddress(msgspec.Struct, frozen=True):
    """The UUID of an mdev device, in lower case as sysfs has it."""

    uuid: str


class MdevPrefix(msgspec.Struct, frozen=True):
    """The beginning of an mdev's UUID, as a person types it; no file has one."""

    prefix: str


class TypeAddress(msgspec.Struct, frozen=True):
    """An mdev type under its parent, or a type of an NVIDIA function."""

    parent: str
    type_id: str


class FunctionAddress(msgspec.Struct, frozen=True):
    """A PCI function by its address, as sysfs has it: `0000:03:00.4`."""

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


class FleetAddress(msgspec.Struct, frozen=True):
    """An endpoint on a host of a fleet."""

    host: str
    endpoint: str


LiveAddress = MdevAddress | MdevPrefix | TypeAddress | FunctionAddress | PathAddress
Address = LiveAddress | LiteralAddress | InventoryAddress | FleetAddress
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ANY_UUID = "00000000-0000-0000-0000-000000000000"
_SHORTEST = 4  # characters of a UUID
PCI_PARTS = {"domain": 0xFFFFFFFF, "bus": 0xFF, "slot": 0x1F, "function": 7}
"""The parts of a PCI address in their order, and the highest number of each."""

_PCI = re.compile(
    r"(?:(?:0[xX])?(?P<domain>[0-9a-fA-F]+):)?"
    r"(?:0[xX])?(?P<bus>[0-9a-fA-F]+):"
    r"(?:0[xX])?(?P<slot>[0-9a-fA-F]+)"
    r"\.(?P<function>[0-9]+)"
)
_PCI_NUMBER = "[0-9a-fA-FxX]*"
_PARENT = r"[a-zA-Z][^:]*|[0-9a-f]+\.[0-3]\.[0-9a-f]{4}"
"""A parent that is no PCI device: a name, or a subchannel of s390."""


def is_uuid(name: str) -> bool:
    """Whether a name is that of an mdev device."""
    return _UUID.fullmatch(name) is not None


def is_function(name: str) -> bool:
    """Whether a name is that of a PCI function, spelled as in sysfs."""
    return parse_function(name) == name


def parse_function(text: str) -> str | None:
    """Read a PCI address, and spell it as sysfs does; None if it is none.

    It is read as QEMU reads `host` (hw/core/qdev-properties-system.c,
    set_pci_host_devaddr), but for blanks and signs: in hex, with any number of digits,
    and in domain 0 where it names none.

    >>> parse_function("3:0.4")
    '0000:03:00.4'
    """
    match = _PCI.fullmatch(text)
    if match is None:
        return None
    try:
        return pci_address({part: int(match[part] or "0", 16) for part in PCI_PARTS})
    except ValueError:
        return None


def pci_address(numbers: Mapping[str, int | None]) -> str:
    """Spell a PCI address as Linux does, of the numbers of its `PCI_PARTS`.

    The spelling is that of drivers/pci/probe.c, pci_setup_device. A number that could
    not be read is None.

    Raises:
        ValueError: its argument is the part that cannot be this number.

    """
    for part, highest in PCI_PARTS.items():
        number = numbers[part]
        if number is None or not 0 <= number <= highest:
            raise ValueError(part)
    return "{domain:04x}:{bus:02x}:{slot:02x}.{function:d}".format_map(numbers)


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
    found = _in_fleet(text) or _on_host(text)
    if found is None:
        raise InvalidAddress(f"{text!r} is not an address", hint=_hint(text))
    return found


def _on_host(text: str) -> LiveAddress | None:
    """Read how an endpoint is named on its host."""
    if text.startswith("/"):
        return PathAddress(text)
    if is_uuid(text.lower()):
        return MdevAddress(text.lower())
    if len(text) >= _SHORTEST and is_uuid(text.lower() + _ANY_UUID[len(text) :]):
        return MdevPrefix(text.lower())
    parent, slash, type_id = text.partition("/")
    function = parse_function(parent)
    if not slash:
        return None if function is None else FunctionAddress(function)
    is_type = _is_name(parent) and _is_name(type_id)
    return TypeAddress(function or parent, type_id) if is_type else None


def _in_fleet(text: str) -> FleetAddress | None:
    """Read HOST:ADDRESS; what may be a PCI address of this host is none."""
    host, colon, endpoint = text.partition(":")
    parent, slash, _ = endpoint.partition("/")
    function = _PCI.fullmatch(parent)
    if not colon or not _is_name(host) or parse_function(text.partition("/")[0]):
        return None
    if slash and parent and not function and not re.fullmatch(_PARENT, parent):
        return None
    if _on_host(endpoint) is None:
        return None
    if function is not None and function["domain"] is None:
        if re.fullmatch(_PCI_NUMBER, host):
            return None
        raise InvalidAddress(
            f"{text!r} has no domain: behind a host's name a PCI address needs it",
            hint=f"write {shlex.quote(f'{host}:0000:{endpoint}')}",
        )
    return FleetAddress(host, endpoint)


def _in_inventory(text: str) -> InventoryAddress:
    path, hash_, endpoint = text.removeprefix("inventory:").rpartition("#")
    file = path if hash_ else endpoint
    if not file or "\0" in file or (hash_ and not endpoint):
        raise InvalidAddress(f"{text!r} is not inventory:FILE#ADDRESS")
    if hash_ and not isinstance(parse_address(endpoint), LiveAddress):
        raise InvalidAddress(f"{endpoint!r} is not the address of an endpoint")
    return InventoryAddress(file, endpoint if hash_ else None)


def address_text(address: Address) -> str | None:
    """Write an address as an endpoint has it; None if one cannot."""
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
        return f"a literal version string is written {shlex.quote(f'version:{text}')}"
    return "see 'vfiocompat explain VFC502' for the forms an address has"


def _looks_like_version(text: str) -> bool:
    try:
        return VersionString.parse(text).vendor is not None
    except InvalidVersion:
        return False
