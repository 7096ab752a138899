# SPDX-License-Identifier: Apache-2.0
"""The three verdicts, what one can rest on, and what tables say of a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.diagnostics import Diagnostic, Side

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "GOODNESS",
    "GROUNDS",
    "NOT_JUDGED",
    "Basis",
    "Beyond",
    "Judgement",
    "Verdict",
    "best_of",
    "worst_of",
]

Verdict = Literal["compatible", "incompatible", "undetermined"]
Basis = Literal["driver", "recorded", "table", "none"]

GOODNESS: dict[Verdict, int] = {"incompatible": 0, "undetermined": 1, "compatible": 2}
"""How good a verdict is for who wants to migrate."""

GROUNDS: dict[Basis, int] = {"none": 0, "table": 1, "recorded": 2, "driver": 3}
"""How much a verdict can be relied on by what it rests on."""


class Beyond(msgspec.Struct, frozen=True, kw_only=True):
    """What tables say of all that a driver does not check in the head of a stream.

    `covered` are the requirements that it checks there; `complete` says that it checks
    nothing else when the rest of the stream comes.
    """

    verdict: Verdict
    findings: tuple[Diagnostic, ...]
    covered: tuple[str, ...]
    complete: bool


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What tables say of a pair.

    `table` is the one that speaks for it; None where there is none, or more than one.
    `failed` says that a table that might is malformed. `source` and `destination` are
    the strings that were derived, `by_head` the sides whose head of a stream filled
    them. `beyond` is there where the table reads heads, and the source's is known.
    """

    verdict: Verdict = "undetermined"
    table: str | None = None
    findings: tuple[Diagnostic, ...] = ()
    failed: bool = False
    source: str | None = None
    destination: str | None = None
    by_head: tuple[Side, ...] = ()
    beyond: Beyond | None = None


NOT_JUDGED = Judgement()
"""The judgement where no table speaks for a pair, or none was looked at."""

_WORST_FIRST: tuple[Verdict, ...] = ("incompatible", "undetermined", "compatible")


def worst_of(verdicts: Iterable[Verdict], none: Verdict) -> Verdict:
    """Give the verdict that holds for all of several; `none` where there are none."""
    found = set(verdicts)
    return next((verdict for verdict in _WORST_FIRST if verdict in found), none)


def best_of(verdicts: Iterable[Verdict], none: Verdict) -> Verdict:
    """Give the verdict that holds for one of several; `none` where there are none."""
    found = set(verdicts)
    return next(
        (verdict for verdict in reversed(_WORST_FIRST) if verdict in found), none
    )
