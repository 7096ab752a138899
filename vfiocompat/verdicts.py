# SPDX-License-Identifier: Apache-2.0
"""The three verdicts, what one can rest on, and what tables say of a pair."""

from __future__ import annotations

from typing import Literal

import msgspec

from vfiocompat.diagnostics import Diagnostic

__all__ = ["NOT_JUDGED", "Basis", "Judgement", "Verdict"]

Verdict = Literal["compatible", "incompatible", "undetermined"]
Basis = Literal["driver", "recorded", "table", "none"]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What tables say of a pair.

    `table` is the one that speaks for it; None where there is none, or more than one.
    `failed` says that a table that might is malformed. `source` and `destination` are
    the strings that were derived.
    """

    verdict: Verdict = "undetermined"
    table: str | None = None
    findings: tuple[Diagnostic, ...] = ()
    failed: bool = False
    source: str | None = None
    destination: str | None = None


NOT_JUDGED = Judgement()
"""The judgement where no table speaks for a pair, or none was looked at."""
