# SPDX-License-Identifier: Apache-2.0
"""Addresses: how a person names an endpoint, and how an endpoint has its name."""

from __future__ import annotations

import re

import msgspec

from vfiocompat.errors import InvalidAddress, InvalidVersion
from vfiocompat.versions import VersionString

__all__ = [
    "Address",
    "FunctionAddress",
    "InventoryAddress",
    "LiteralAddress",
    "LiveAddress",
    "MdevAddress",
    "PathAddress",
    "TypeAddress",
    "address_text",
    "is_function",
    "is_uuid",
    "parse_address",
]


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
