# SPDX-License-Identifier: Apache-2.0
"""Formats: how a proprietary part is taken apart into named fields.

A field runs to the first occurrence of the literal that follows it, the last one to
the end. So nothing is ever tried twice, and reading is linear in the text's length.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import NamedTuple

from vfiocompat.tables.language.kinds import KINDS, UNKNOWN, Kind

__all__ = ["RESERVED", "Format", "Piece", "Stop", "compile_format"]

RESERVED = ("format", "vendor_spelling", "vendor_text")
"""Fields that every version string has, whatever its format."""

MAX_FIELDS = 100
"""How many fields a format may have: what is done with them is done for all pairs."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Piece(NamedTuple):
    """A field as it stands in a text: from `start` to `end`."""

    text: str
    start: int
    end: int


class Stop(NamedTuple):
    """Where a format ceases to match a text, and what it expected there.

    `begun` says that the text has at least what the format begins with.
    """

    position: int
    expected: str
    begun: bool = True


class _Part(NamedTuple):
    """A field, and the literal that follows it."""

    name: str
    kind: Kind
    literal: str

    def gives_back(self, text: str) -> bool:
        """Whether a text of the field ends there where it is read again."""
        written = text + self.literal
        return not self.literal or written.find(self.literal) == len(text)


class Format(NamedTuple):
    """A format taken apart: a literal, then fields with a literal after each."""

    name: str
    text: str
    head: str
    parts: tuple[_Part, ...]

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of each field."""
        return {part.name: part.kind.name for part in self.parts}

    def read(self, text: str) -> dict[str, Piece] | Stop:
        """Take a text apart, or say where it does not match."""
        if not text.startswith(self.head):
            return Stop(_common(text, self.head), repr(self.head), begun=False)
        at = len(self.head)
        pieces = {}
        for name, kind, literal in self.parts:
            end = text.find(literal, at) if literal else len(text)
            if end < 0:
                return Stop(at, f"{name}, followed by {literal!r}")
            piece = text[at:end]
            if kind.value(piece) is None and not kind.is_unknown(piece):
                article = "an" if kind.name == "int" else "a"
                wanted = f"{name}, {article} {kind.name} such as {kind.example}"
                return Stop(at, wanted)
            pieces[name] = Piece(piece, at, end)
            at = end + len(literal)
        return pieces if at == len(text) else Stop(at, "the end")

    def write(self, texts: dict[str, str]) -> str:
        """Put a text together; a field that is not given is unknown."""
        return self.head + "".join(
            f"{texts.get(part.name, UNKNOWN)}{part.literal}" for part in self.parts
        )


def compile_format(name: str, text: str) -> Format:
    """Take a format apart.

    Raises:
        ValueError: it is none; the message says why.

    """
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{error}; write {{{{ and }}}} for braces") from None
    if not (text.isascii() and text.isprintable()):
        raise ValueError("not printable ASCII")
    head = ""
    parts: list[_Part] = []
    for literal, field, kind, conversion in parsed:
        if parts:
            parts[-1] = parts[-1]._replace(literal=parts[-1].literal + literal)
        else:
            head += literal
        if field is None:
            continue
        if len(parts) == MAX_FIELDS:
            raise ValueError(f"more than {MAX_FIELDS} fields")
        if parts and not parts[-1].literal:
            raise ValueError(f"no literal parts {parts[-1].name} and {field}")
        _demand_field(field, kind or "", conversion, {part.name for part in parts})
        parts.append(_Part(field, KINDS[kind or ""], ""))
    return Format(name, text, head, tuple(parts))


def _demand_field(name: str, kind: str, conversion: str | None, seen: set[str]) -> None:
    if not _NAME.fullmatch(name) or conversion:
        raise ValueError(f"{name!r} is not the name of a field ([a-z][a-z0-9_]*)")
    if name in RESERVED:
        raise ValueError(f"{name} is a field of every string and cannot be another")
    if name in seen:
        raise ValueError(f"the field {name} is there twice")
    if kind not in KINDS:
        raise ValueError(
            f"{name} has the kind {kind!r}; the kinds are {', '.join(KINDS)}"
        )


def _common(text: str, other: str) -> int:
    """Give how many characters two texts begin with in common."""
    pairs = zip(text, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), len(text))
