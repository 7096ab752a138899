# SPDX-License-Identifier: Apache-2.0
"""Kinds of fields: which texts each has, and what they are worth.

Every grammar is ASCII and deterministic: quantifiers are possessive, so that a text is
matched in one pass whatever it holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "UNKNOWN", "Kind", "Value"]

Value = Any
"""What a field's text is worth: values of one kind compare with each other.

hex, int and size: int. text: str. version: packaging's Version. set: a frozenset of
texts, or an int for a bit mask. hexset: a frozenset of texts, each number in one
spelling. mask: an int. range: (low, high). map: a dict of tuples. rates: one of pairs,
by a name and a mask.
"""

UNKNOWN = "?"
"""How a version string writes a value that is not known, and what of a text is not."""

_NUMBER = "[0-9]{1,20}+"
_HEX = "[0-9a-fA-F]{1,20}+"
_HEX_ITEM = f"(?:0x)?+{_HEX}"
_ITEM = r"[ -+\-->@-~]++"  # printable, but for , and ?
_ENTRY = rf"[ -+\-.0-<>@-~]++={_NUMBER}(?:/{_NUMBER})*+"  # but for , = / and ?
_RATE = rf"[a-z][a-z0-9_-]*+\.{_HEX_ITEM}={_NUMBER}/{_NUMBER}"
_SIZES = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


class Kind(NamedTuple):
    """One kind of field. `ordered` kinds have a lower and a higher value."""

    name: str
    grammar: re.Pattern[str]
    worth: Callable[[str], Value]
    ordered: bool
    example: str

    def value(self, text: str) -> Value:
        """Give what a text is worth; None if it is no value of this kind."""
        return self.worth(text) if self.grammar.fullmatch(text) else None

    def is_unknown(self, text: str) -> bool:
        """Tell whether a text stands for a value that is not known."""
        return text == UNKNOWN or (self.name == "text" and UNKNOWN in text)


def _hex(text: str) -> int:
    return int(text, 16)


def _version(text: str) -> Value:
    from packaging.version import Version  # noqa: PLC0415 - few tables need it

    return Version(text)


def _set(text: str) -> frozenset[str] | int:
    if text[:2] == "0x":
        return int(text, 16)
    return frozenset(text.split(",")) if text else frozenset()


def _hexset(text: str) -> frozenset[str]:
    return frozenset(f"{int(one, 16):x}" for one in (text.split(",") if text else ()))


def _range(text: str) -> tuple[int, int] | None:
    low, _, high = text.partition("..")
    return (int(low), int(high)) if int(low) <= int(high) else None


def _size(text: str) -> int:
    unit = text[-1] if text[-1] in _SIZES else ""
    return int(text.removesuffix(unit)) << _SIZES[unit]


def _map(text: str) -> dict[str, tuple[int, ...]] | None:
    entries: dict[str, tuple[int, ...]] = {}
    for entry in text.split(",") if text else ():
        key, _, numbers = entry.partition("=")
        if key in entries:
            return None
        entries[key] = tuple(map(int, numbers.split("/")))
    return entries


def _rates(text: str) -> dict[tuple[str, int], tuple[int, ...]] | None:
    rates: dict[tuple[str, int], tuple[int, ...]] = {}
    for entry in text.split(",") if text else ():
        key, _, numbers = entry.partition("=")
        name, _, mask = key.partition(".")
        if (name, int(mask, 16)) in rates:
            return None
        rates[name, int(mask, 16)] = tuple(map(int, numbers.split("/")))
    return rates


def _kind(
    name: str,
    grammar: str,
    worth: Callable[[str], Value],
    example: str,
    *,
    ordered: bool = False,
) -> Kind:
    return Kind(name, re.compile(grammar), worth, ordered, example)


KINDS = {
    kind.name: kind
    for kind in (
        _kind("hex", _HEX_ITEM, _hex, "a250", ordered=True),
        _kind("int", _NUMBER, int, "8", ordered=True),
        _kind("text", "[ ->@-~]++", str, "A40-8Q"),  # but for ?
        _kind("version", rf"{_NUMBER}(?:\.{_NUMBER})*+", _version, "1.9", ordered=True),
        _kind("set", f"0x{_HEX}|(?!0x)(?:{_ITEM}(?:,{_ITEM})*+)?+", _set, "a,b"),
        _kind("hexset", f"(?:{_HEX_ITEM}(?:, ?+{_HEX_ITEM})*+)?+", _hexset, "1a,0x1b"),
        _kind("mask", f"0x{_HEX}", _hex, "0x3f"),
        _kind("range", rf"{_NUMBER}\.\.{_NUMBER}", _range, "1..5"),
        _kind("size", f"{_NUMBER}[KMGT]?+", _size, "512M", ordered=True),
        _kind("map", f"(?:{_ENTRY}(?:,{_ENTRY})*+)?+", _map, "a=1/2,b=3"),
        _kind("rates", f"(?:{_RATE}(?:,{_RATE})*+)?+", _rates, "a.3=1/2,b.0xc=3/4"),
    )
}
"""Every kind by its name, as a format writes it after the colon."""
