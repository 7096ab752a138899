# SPDX-License-Identifier: Apache-2.0
"""What is found of endpoints: a code, in words, and what of a text it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import CODES, Code, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "SIDES",
    "Diagnostic",
    "Side",
    "Span",
    "both_ends",
    "counted",
    "diagnostic",
    "first_of",
]

Side = Literal["source", "destination"]

SIDES: tuple[Side, Side] = ("source", "destination")


class Span(msgspec.Struct, frozen=True):
    """What is to be shown of a text, and which of its characters are underlined.

    `start` and `end` count characters, half open. Both are 0 where nothing is
    underlined: then the finding, and the label, are about the text as a whole. Equal
    ones further on are a place without characters of its own: a field that is empty, or
    the end of a text that is cut short. `label` says what stands there, and may be
    empty. `side` is None where the text is of neither side.
    """

    side: Side | None
    text: str
    start: int = 0
    end: int = 0
    label: str = ""


def both_ends(source: str | None, destination: str | None) -> tuple[Span, ...]:
    """Show what each of two ends has, and nothing of one that has none."""
    ends = zip(SIDES, (source, destination), strict=True)
    return tuple(Span(side, text) for side, text in ends if text is not None)


def counted(number: int, noun: str, several: str | None = None) -> str:
    """Give a number of things in words: `1 host`, `2 hosts`, `2 classes`."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def first_of(names: Sequence[str], most: int) -> str:
    """List names, of many the first `most` and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


class Missing(msgspec.Struct, frozen=True):
    """A fact that would decide, and whose it is; an operator can state it."""

    side: Side
    fact: str


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: its code, and where and why it was found here.

    `spans` show what it is about, as data: how that is drawn is up to the output.
    `errno` is symbolic (`"EINVAL"`), `path` a sysfs path as seen inside the
    sysroot. `table`, and its `requirement` or exception, are what is behind it, and
    `why` is what the table says of that. `missing` are facts that can be stated.
    """

    code: Code
    severity: Severity
    summary: str
    detail: str | None = None
    hint: str | None = None
    errno: str | None = None
    path: str | None = None
    requirement: str | None = None
    table: str | None = None
    why: str | None = None
    spans: tuple[Span, ...] = ()
    missing: tuple[Missing, ...] = ()


def diagnostic(
    code: Code,
    summary: str | None = None,
    *,
    detail: str | None = None,
    hint: str | None = None,
    errno: str | None = None,
    path: str | None = None,
    table: str | None = None,
    requirement: str | None = None,
    why: str | None = None,
    spans: tuple[Span, ...] = (),
    missing: tuple[Missing, ...] = (),
) -> Diagnostic:
    """Make a Diagnostic of a code, whose summary is the default."""
    said = CODES[code]
    return Diagnostic(
        code=code,
        severity=said.severity,
        summary=summary or said.summary,
        detail=detail,
        hint=hint,
        errno=errno,
        path=path,
        table=table,
        requirement=requirement,
        why=why,
        spans=spans,
        missing=missing,
    )
