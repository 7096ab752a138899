# SPDX-License-Identifier: Apache-2.0
"""What a check found: an outcome, in words, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.errors import ErrorRecord

__all__ = [
    "Found",
    "Outcome",
    "error_words",
    "failed",
    "of_error",
    "passed",
    "skipped",
    "warned",
]

Outcome = Literal["pass", "warning", "fail", "skipped"]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found.

    A warning makes answers fewer or weaker; a failure makes some impossible or wrong.
    `detail` and `hint` may have several lines; those that begin with four blanks are
    to be pasted as they stand.
    """

    outcome: Outcome
    summary: str
    codes: tuple[Code, ...] = ()
    detail: str | None = None
    hint: str | None = None


def passed(
    summary: str, *, detail: str | None = None, hint: str | None = None
) -> Found:
    """Say that all is well."""
    return Found(outcome="pass", summary=summary, detail=detail, hint=hint)


def warned(
    summary: str, *codes: Code, detail: str | None = None, hint: str | None = None
) -> Found:
    """Say what makes answers fewer or weaker."""
    return Found(
        outcome="warning", summary=summary, codes=codes, detail=detail, hint=hint
    )


def failed(
    summary: str, *codes: Code, detail: str | None = None, hint: str | None = None
) -> Found:
    """Say what makes answers impossible or wrong."""
    return Found(outcome="fail", summary=summary, codes=codes, detail=detail, hint=hint)


def skipped(why: str, *, hint: str | None = None) -> Found:
    """Say why there is nothing to check."""
    return Found(outcome="skipped", summary=why, hint=hint)


def of_error(error: ErrorRecord) -> Found:
    """Make an error the failure of a check."""
    return failed(error.summary, error.code, detail=error.detail, hint=error.hint)


def error_words(errors: Iterable[ErrorRecord]) -> str:
    """Give what several errors say, each with its own lines."""
    return "\n".join(
        f"{each.summary}\n{each.detail}" if each.detail else each.summary
        for each in errors
    )
