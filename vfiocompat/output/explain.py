# SPDX-License-Identifier: Apache-2.0
"""What `explain` shows: diagnostic codes, and what they and errnos mean."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import CODES, Code, Severity
from vfiocompat.inventory import Tool
from vfiocompat.output.text import Prose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.output.text import Item, Line

__all__ = [
    "CODE_COLUMNS",
    "ExplainDocument",
    "ExplainedCode",
    "ExplainedErrno",
    "code_rows",
    "errno_lines",
    "explanation_lines",
]

CODE_COLUMNS = ("code", "severity", "summary")


class ExplainedCode(msgspec.Struct, frozen=True):
    """A diagnostic code and what it means."""

    code: Code
    severity: Severity
    summary: str
    explanation: str


class ExplainedErrno(msgspec.Struct, frozen=True):
    """An errno, and by codes what it means of each call on a version attribute."""

    name: str
    number: int
    text: str
    calls: dict[str, list[Code]]


class ExplainDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Diagnostic codes and what they mean."""

    schema: Literal["vfiocompat.explain/1"] = "vfiocompat.explain/1"
    tool: Tool = Tool()
    codes: list[ExplainedCode]
    errno: ExplainedErrno | None = None


def code_rows(codes: Iterable[Code]) -> Iterator[tuple[str, str, str]]:
    """Give one row a diagnostic code."""
    for code in codes:
        yield code, CODES[code].severity, CODES[code].summary


def errno_lines(errno: ExplainedErrno) -> Iterator[Line]:
    """Give what an errno is called, and what it means of each call."""
    yield [(errno.name, "strong"), (f" ({errno.number}): {errno.text}", "plain")]
    yield [("", "plain")]
    for call, codes in errno.calls.items():
        for code in codes:
            yield [(f"at {call}: {code} {CODES[code].summary}", "plain")]
    yield [("", "plain")]
    yield [("'vfiocompat explain CODE' says more of each", "plain")]


def explanation_lines(explained: ExplainedCode) -> Iterator[Item]:
    """Give a code's summary and its explanation.

    What is indented is to be pasted, and never broken.
    """
    code, severity = explained.code, explained.severity
    yield Prose(
        [[(f"{severity}[{code}]", severity), (f": {explained.summary}", "strong")]]
    )
    yield [("", "plain")]
    for is_prose, lines in groupby(
        explained.explanation.splitlines(), lambda line: line[:1].strip() != ""
    ):
        if is_prose:
            yield from _paragraphs(lines)
        else:
            yield from ([(line, "command")] for line in lines)


_POINT = "- "


def _paragraphs(lines: Iterable[str]) -> Iterator[Prose]:
    """Give prose by what is filled together: each point of a list by itself."""
    found: list[Prose] = []
    for line in lines:
        is_point = line.startswith(_POINT)
        if is_point or not found:
            found.append(Prose([], " " * len(_POINT) if is_point else ""))
        found[-1].lines.append([(line, "plain")])
    yield from found
