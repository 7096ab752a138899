# SPDX-License-Identifier: Apache-2.0
"""What `explain` shows: diagnostic codes, and what they and errnos mean."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import CODES, Code, Severity
from vfiocompat.inventory import Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.output.text import Line

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


def errno_lines(errno: ExplainedErrno, width: int | None) -> Iterator[Line]:
    """Give what an errno is called, and what it means of each call."""
    yield [(errno.name, "strong"), (f" ({errno.number}): {errno.text}", "plain")]
    yield [("", "plain")]
    for call, codes in errno.calls.items():
        for code in codes:
            said = f"at {call}: {code} {CODES[code].summary}"
            yield from ([(line, "plain")] for line in _wrapped(said, width))
    yield [("", "plain")]
    yield [("'vfiocompat explain CODE' says more of each", "plain")]


def explanation_lines(explained: ExplainedCode, width: int | None) -> Iterator[Line]:
    """Give a code's summary and its explanation, whose prose is as wide as `width`.

    What is indented is to be pasted, and never broken.
    """
    code, severity = explained.code, explained.severity
    first, *rest = _wrapped(f"{severity}[{code}]: {explained.summary}", width)
    head = f"{severity}[{code}]"
    yield [(head, severity), (first.removeprefix(head), "strong")]
    yield from ([(line, "strong")] for line in rest)
    yield [("", "plain")]
    for is_prose, lines in groupby(
        explained.explanation.splitlines(), lambda line: line[:1].strip() != ""
    ):
        whole = _wrapped("\n".join(lines), width if is_prose else None)
        style = "plain" if is_prose else "command"
        yield from ([(line, style)] for line in whole)


def _wrapped(text: str, width: int | None) -> list[str]:
    """Wrap prose at words, unless every line of it fits."""
    lines = text.split("\n")
    if width is None or max(map(len, lines)) <= width:
        return lines
    import textwrap  # noqa: PLC0415 - costs start-up time

    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
