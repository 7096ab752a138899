# SPDX-License-Identifier: Apache-2.0
"""What a diagnostic code is: what it says every time, and how much that weighs."""

from __future__ import annotations

from typing import Literal, NamedTuple, NewType

__all__ = [
    "CODES",
    "Code",
    "Said",
    "Severity",
    "code_of",
    "error_code",
    "info_code",
    "warning_code",
]

Severity = Literal["error", "warning", "info"]

Code = NewType("Code", str)
"""A code. A text that is none has another type, so it cannot be taken for one."""


class Said(NamedTuple):
    """What a code says every time, and how much it weighs."""

    severity: Severity
    summary: str


CODES: dict[Code, Said] = {}
"""Every code, and what it says."""


def code_of(text: str) -> Code:
    """Give the code that a text names.

    Raises:
        ValueError: there is none.

    """
    if text not in CODES:
        raise ValueError(f"{text!r} is no code")
    return Code(text)


def error_code(code: str, summary: str) -> Code:
    """Make a code of what forbids, or ends a command."""
    return _code(code, "error", summary)


def warning_code(code: str, summary: str) -> Code:
    """Make a code of what leaves something open."""
    return _code(code, "warning", summary)


def info_code(code: str, summary: str) -> Code:
    """Make a code of what is only told."""
    return _code(code, "info", summary)


def _code(code: str, severity: Severity, summary: str) -> Code:
    CODES[Code(code)] = Said(severity, summary)
    return Code(code)
