# SPDX-License-Identifier: Apache-2.0
"""What `explain` shows: diagnostic codes and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import CODES, Code, Severity
from vfiocompat.inventory import Tool
from vfiocompat.output.text import note_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.output.text import Item

__all__ = [
    "CODE_COLUMNS",
    "ExplainDocument",
    "ExplainedCode",
    "code_rows",
    "explanation_lines",
]

CODE_COLUMNS = ("code", "severity", "summary")


class ExplainedCode(msgspec.Struct, frozen=True):
    """A diagnostic code and what it means."""

    code: Code
    severity: Severity
    summary: str
    explanation: str


class ExplainDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Diagnostic codes and what they mean."""

    schema: Literal["vfiocompat.explain/1"] = "vfiocompat.explain/1"
    tool: Tool = Tool()
    codes: list[ExplainedCode]


def code_rows(codes: Iterable[Code]) -> Iterator[tuple[str, str, str]]:
    """Give one row a diagnostic code."""
    for code in codes:
        yield code, CODES[code].severity, CODES[code].summary


def explanation_lines(explained: ExplainedCode) -> Iterator[Item]:
    """Give a code's summary and its explanation."""
    yield from note_lines(explained.code)
    yield [("", "plain")]
    for line in explained.explanation.splitlines():
        yield [(line, "plain")]
