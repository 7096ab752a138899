# SPDX-License-Identifier: Apache-2.0
"""Results as text: what a line says and in which order, with or without a terminal.

A line is a list of parts, each a text and the name of a style. `plain` joins them for a
pipe; for a terminal `layout` fits them to its width, and `terminal` gives the styles
colours. All of them make visible what a driver wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat import codes
from vfiocompat.codes import CODES, Code
from vfiocompat.output.spans import Spans, drawn
from vfiocompat.output.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.codes import Severity
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Problem
    from vfiocompat.errors import ErrorRecord

__all__ = [
    "Item",
    "Line",
    "Prose",
    "detail_lines",
    "error_lines",
    "finding_lines",
    "help_lines",
    "note_lines",
    "nothing_lines",
    "plain",
    "problem_lines",
]

Line = list[tuple[str, str]]


class Prose(NamedTuple):
    """A paragraph as somebody has filled it, which a narrower terminal fills anew.

    Lines that go on with it begin with an indent then.
    """

    lines: list[Line]
    indent: str = ""


Item = Line | Spans | Prose
"""A line, or what is drawn or filled once it is known how wide the terminal is."""

_GUTTER = "   |  "

_OF_EXCEPTIONS = {
    codes.EXCEPTION_REFUSES,
    codes.EXCEPTION_NOT_KNOWN,
    codes.REQUIREMENT_LIFTED,
}
_OF_FORMATS = {codes.NO_FORMAT_MATCHES}
"""Findings whose details are formats of tables, which are long."""

_SIDE_IS_TOLD = {codes.NO_FORMAT_MATCHES}
"""Findings about one string, whose side their summary names."""


def plain(items: Iterable[Item]) -> Iterator[str]:
    """Give lines without their styles, however long they are."""
    for item in items:
        if isinstance(item, Spans):
            for line in drawn(item.spans, sides=item.sides):
                yield visible(f"{item.gutter}{line}")
        else:
            for each in item.lines if isinstance(item, Prose) else [item]:
                yield visible("".join(text for text, _ in each))


def finding_lines(finding: Diagnostic) -> Iterator[Item]:
    """Give what was found, where, why, and what would help."""
    yield _head(finding.severity, finding.code, finding.summary)
    if finding.path:
        yield [("  --> ", "dim"), (finding.path, "plain")]
    sides = finding.code not in _SIDE_IS_TOLD
    style = "format" if finding.code in _OF_FORMATS else "plain"
    yield from _body(Spans(finding.spans, _GUTTER, sides), finding.detail, style)
    if finding.table:
        kind = "exception" if finding.code in _OF_EXCEPTIONS else "requirement"
        rule = f", {kind} {finding.requirement}" if finding.requirement else ""
        why = f": {finding.why}" if finding.why else ""
        yield [("   = ", "dim"), (f"table {finding.table}{rule}{why}", "plain")]
    yield from help_lines(finding.hint)


def error_lines(error: ErrorRecord) -> Iterator[Item]:
    """Give what a command that has no result says instead, or what it passed over."""
    yield _head("error" if error.fails else "info", error.code, error.summary)
    yield from _body(Spans(error.spans, _GUTTER), error.detail)
    yield from help_lines(error.hint)


def _head(severity: Severity, code: str, summary: str) -> Line:
    return [(f"{severity}[{code}]", severity), (f": {summary}", "strong")]


def _body(spans: Spans, detail: str | None, style: str = "plain") -> Iterator[Item]:
    if spans.spans:
        yield spans
    yield from detail_lines(detail, style)


def detail_lines(detail: str | None, style: str = "plain") -> Iterator[Line]:
    """Give what is told beside a summary, behind a drawn margin."""
    # At newlines only: other ends of lines may be a driver's.
    for line in detail.rstrip("\n").split("\n") if detail else ():
        yield [(_GUTTER, "dim"), (line, style)]


def help_lines(hint: str | None) -> Iterator[Line]:
    """Give what would help; lines that begin with four blanks are to be pasted."""
    mark = "   = "
    for line in f"help: {hint}".split("\n") if hint else ():
        yield [(mark, "dim"), (line, "command" if line.startswith("    ") else "plain")]
        mark = " " * len(mark)


def note_lines(
    code: Code, detail: str | None = None, hint: str | None = None
) -> Iterator[Item]:
    """Say something that is no result and no error, of what, and what to do."""
    yield _head(CODES[code].severity, code, CODES[code].summary)
    yield from detail_lines(detail)
    yield from help_lines(hint)


def nothing_lines() -> Iterator[Item]:
    """Say why a listing is empty."""
    return note_lines(codes.NO_ENDPOINTS)


def problem_lines(problems: Iterable[Problem]) -> Iterator[Line]:
    """Give a line for each thing that could not be read; its path may be long."""
    for problem in problems:
        what = _PROBLEMS.get(problem.code, "could not be read")
        why = f" ({problem.errno})" if problem.errno else ""
        yield [
            (f"warning[{problem.code}]", "warning"),
            (f": {what}{why}: {problem.path}", "plain"),
        ]


_PROBLEMS: dict[str, str] = {
    codes.NO_ANSWER_IN_TIME: "no answer in time",
    codes.FACT_UNUSABLE: "what is stated of it cannot be used",
    codes.DEVICE_GONE: "went away while it was read",
    codes.VERSION_EMPTY: "the driver printed an empty string",
    codes.VERSION_TOO_LONG: "the driver printed a string that is too long",
    codes.VERSION_NOT_PRINTABLE: (
        "the driver printed bytes that are not printable ASCII"
    ),
}
