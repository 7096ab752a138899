# SPDX-License-Identifier: Apache-2.0
"""Results as text: what a line says and in which order, with or without a terminal.

A line is a list of parts, each a text and the name of a style. `plain` joins them;
`terminal` gives the styles colours. Both make visible what a driver wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.codes import CODES, Code
from vfiocompat.output.spans import drawn
from vfiocompat.output.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.codes import Severity
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Problem
    from vfiocompat.errors import ErrorRecord

__all__ = [
    "Line",
    "error_lines",
    "finding_lines",
    "note_lines",
    "nothing_lines",
    "plain",
    "problem_lines",
]

Line = list[tuple[str, str]]

_OF_EXCEPTIONS = {
    codes.EXCEPTION_REFUSES,
    codes.EXCEPTION_NOT_KNOWN,
    codes.REQUIREMENT_LIFTED,
}
_SIDE_IS_TOLD = {codes.NO_FORMAT_MATCHES}
"""Findings about one string, whose side their summary names."""


def plain(lines: Iterable[Line]) -> Iterator[str]:
    """Give lines without their styles."""
    for line in lines:
        yield visible("".join(text for text, _ in line))


def finding_lines(finding: Diagnostic) -> Iterator[Line]:
    """Give what was found, where, why, and what would help."""
    yield _head(finding.severity, finding.code, finding.summary)
    if finding.path:
        yield [("  --> ", "dim"), (finding.path, "plain")]
    spans = drawn(finding.spans, sides=finding.code not in _SIDE_IS_TOLD)
    yield from _body(spans, finding.detail)
    if finding.table:
        kind = "exception" if finding.code in _OF_EXCEPTIONS else "requirement"
        rule = f", {kind} {finding.requirement}" if finding.requirement else ""
        why = f": {finding.why}" if finding.why else ""
        yield [("   = ", "dim"), (f"table {finding.table}{rule}{why}", "plain")]
    yield from _help(finding.hint)


def error_lines(error: ErrorRecord) -> Iterator[Line]:
    """Give what a command that has no result says instead."""
    yield _head("error", error.code, error.summary)
    yield from _body(drawn(error.spans), error.detail)
    yield from _help(error.hint)


def _head(severity: Severity, code: str, summary: str) -> Line:
    return [(f"{severity}[{code}]", severity), (f": {summary}", "strong")]


def _body(spans: Iterable[str], detail: str | None) -> Iterator[Line]:
    # At newlines only: other ends of lines may be a driver's.
    told = detail.rstrip("\n").split("\n") if detail else ()
    for line in (*spans, *told):
        yield [("   |  ", "dim"), (line, "plain")]


def _help(hint: str | None) -> Iterator[Line]:
    if hint:
        yield [("   = ", "dim"), (f"help: {hint}", "plain")]


def note_lines(
    code: Code, detail: str | None = None, hint: str | None = None
) -> Iterator[Line]:
    """Say something that is no result and no error, of what, and what to do."""
    yield _head(CODES[code].severity, code, CODES[code].summary)
    yield from _body((), detail)
    yield from _help(hint)


def nothing_lines() -> Iterator[Line]:
    """Say why a listing is empty."""
    return note_lines(codes.NO_ENDPOINTS)


def problem_lines(problems: Iterable[Problem]) -> Iterator[Line]:
    """Give a line for each thing that could not be read."""
    for problem in problems:
        what = _PROBLEMS.get(problem.code, "could not be read")
        why = f" ({problem.errno})" if problem.errno else ""
        yield [
            (f"warning[{problem.code}]", "warning"),
            (f": {problem.path}: {what}{why}", "plain"),
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
