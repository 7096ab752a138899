# SPDX-License-Identifier: Apache-2.0
"""Results as text: what a line says and in which order, with or without a terminal.

A line is a list of parts, each a text and the name of a style. `plain` joins them;
`terminal` gives the styles colours. Both make visible what a driver wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.diagnostics import CODES
from vfiocompat.output.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.decide import Decision
    from vfiocompat.diagnostics import Diagnostic, Severity
    from vfiocompat.endpoints import Attribute, Endpoint, Problem
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.versions import VersionString

__all__ = [
    "CODE_COLUMNS",
    "LIST_COLUMNS",
    "SHORT_LIST_COLUMNS",
    "Line",
    "check_lines",
    "code_rows",
    "error_lines",
    "explanation_lines",
    "finding_lines",
    "list_rows",
    "nothing_lines",
    "parse_rows",
    "plain",
    "problem_lines",
]

Line = list[tuple[str, str]]

LIST_COLUMNS = (
    "kind",
    "address",
    "parent",
    "type",
    "driver",
    "api",
    "free",
    "attribute",
    "version",
)
SHORT_LIST_COLUMNS = ("address", "type", "driver", "free", "attribute", "version")
"""Those that fit a terminal; an address tells the kind and a type's parent."""

CODE_COLUMNS = ("code", "severity", "summary")

_BASIS = {
    "driver": "decided by the driver",
    "recorded": "by a recorded answer of the driver",
    "table": "by a table",
    "none": "no driver was asked",
}


def plain(lines: Iterable[Line]) -> Iterator[str]:
    """Give lines without their styles."""
    for line in lines:
        yield visible("".join(text for text, _ in line))


def list_rows(
    endpoints: Iterable[Endpoint], columns: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Give one row an endpoint, `-` where sysfs tells nothing."""
    for endpoint in endpoints:
        free = endpoint.available_instances
        cells = {
            "kind": endpoint.kind,
            "address": endpoint.address,
            "parent": endpoint.parent,
            "type": endpoint.type_id,
            "driver": endpoint.driver,
            "api": endpoint.device_api,
            "free": None if free is None else str(free),
            "attribute": _attribute(endpoint.attribute),
            "version": endpoint.version,
        }
        yield tuple(cells[column] or "-" for column in columns)


def _attribute(attribute: Attribute | None) -> str:
    if attribute is None or attribute.state == "absent":
        return "absent"
    if attribute.state == "present":
        return attribute.name or "present"
    return f"unreadable ({attribute.errno or attribute.code})"


def parse_rows(version: VersionString) -> Iterator[tuple[str, str]]:
    """Give the parts of a version string, each with its name."""
    yield "text", version.text
    if version.vendor is None:
        yield "vendor", "none: the string is opaque"
    else:
        yield "vendor", f"{version.vendor.namespace}:{version.vendor.id}"
        yield "spelling", version.vendor.spelling
    yield "proprietary", version.proprietary


def code_rows(codes: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Give one row a diagnostic code."""
    for code in codes:
        yield code, CODES[code].severity, CODES[code].summary


def explanation_lines(code: str) -> Iterator[Line]:
    """Give a code's summary and its explanation."""
    known = CODES[code]
    yield _head(known.severity, code, known.summary)
    yield [("", "plain")]
    for line in known.explanation.splitlines():
        yield [(line, "plain")]


def check_lines(
    pairs: Sequence[tuple[Endpoint, Endpoint, Decision]], *, verbose: bool
) -> Iterator[Line]:
    """Give a block for each pair, and the sum of them where there are several.

    Findings that are for information only are shown when `verbose`.
    """
    for source, destination, decision in pairs:
        ends = f"{source.address} -> {destination.address}"
        why = "could not be asked" if decision.failed else _BASIS[decision.basis]
        yield [
            (decision.verdict, decision.verdict),
            (f": {ends}   ", "plain"),
            (f"({why})", "dim"),
        ]
        for finding in decision.diagnostics:
            if verbose or finding.severity != "info":
                yield from finding_lines(finding)
    if len(pairs) > 1:
        yield _sum(decision for _, _, decision in pairs)


def _sum(decisions: Iterable[Decision]) -> Line:
    words = [
        "could not be asked" if decision.failed else decision.verdict
        for decision in decisions
    ]
    each = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return [(f"{len(words)} pairs: {each}", "plain")]


def finding_lines(finding: Diagnostic) -> Iterator[Line]:
    """Give what was found, where, why, and what would help."""
    yield _head(finding.severity, finding.code, finding.summary)
    if finding.path:
        yield [("  --> ", "dim"), (finding.path, "plain")]
    yield from _body(finding.detail, finding.hint)


def error_lines(error: ErrorRecord) -> Iterator[Line]:
    """Give what a command that has no result says instead."""
    yield _head("error", error.code, error.summary)
    yield from _body(error.detail, error.hint)


def _head(severity: Severity, code: str, summary: str) -> Line:
    return [(f"{severity}[{code}]", severity), (f": {summary}", "strong")]


def _body(detail: str | None, hint: str | None) -> Iterator[Line]:
    # At newlines only: other ends of lines may be a driver's.
    for line in detail.rstrip("\n").split("\n") if detail else ():
        yield [("   |  ", "dim"), (line, "plain")]
    if hint:
        yield [("   = ", "dim"), (f"help: {hint}", "plain")]


def nothing_lines() -> Iterator[Line]:
    """Say why a listing is empty."""
    nothing = CODES["VFC506"]
    yield _head(nothing.severity, "VFC506", nothing.summary)


def problem_lines(problems: Iterable[Problem]) -> Iterator[Line]:
    """Give a line for each thing that could not be read."""
    for problem in problems:
        why = f" ({problem.errno})" if problem.errno else ""
        yield [
            (f"warning[{problem.code}]", "warning"),
            (f": {problem.path}: {_PROBLEMS[problem.code]}{why}", "plain"),
        ]


class _Problems(dict[str, str]):
    def __missing__(self, code: str) -> str:
        return "could not be read"


_PROBLEMS = _Problems(
    VFC112="no answer in time",
    VFC113="went away while it was read",
    VFC301="the driver printed an empty string",
    VFC302="the driver printed a string that is too long",
    VFC303="the driver printed bytes that are not printable ASCII",
)
