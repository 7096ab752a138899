# SPDX-License-Identifier: Apache-2.0
"""What `doctor` shows: every check, what it found, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import Code
from vfiocompat.diagnostics import counted
from vfiocompat.doctor.found import Found, Outcome
from vfiocompat.inventory import Tool
from vfiocompat.output.text import detail_lines, help_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.output.text import Line

__all__ = [
    "DoctorDocument",
    "answer_line",
    "check_lines",
    "check_rows",
    "doctor_document",
]

_SIGNS: dict[Outcome, str] = {"fail": "x", "warning": "!", "pass": "+", "skipped": "-"}
"""Outcomes in the order in which a person is told, each with its sign."""

_STYLES: dict[Outcome, str] = {
    "fail": "error",
    "warning": "warning",
    "pass": "compatible",
    "skipped": "dim",
}
_MOST_LINES = 8
"""How many lines of a detail are shown."""


class CheckRecord(msgspec.Struct, frozen=True):
    """One check: its name, its outcome, and what to do."""

    id: str
    outcome: Outcome
    codes: tuple[Code, ...]
    summary: str
    detail: str | None
    hint: str | None


class OutcomeCounts(msgspec.Struct, frozen=True, rename={"passed": "pass"}):
    """How many checks had which outcome."""

    passed: int
    warning: int
    fail: int
    skipped: int


class DoctorDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What answers depend on, checked."""

    schema: Literal["vfiocompat.doctor/1"] = "vfiocompat.doctor/1"
    tool: Tool = Tool()
    counts: OutcomeCounts
    checks: list[CheckRecord]


def doctor_document(found: Iterable[tuple[str, Found]]) -> DoctorDocument:
    """Make the document of what checks found."""
    checks = [
        CheckRecord(id_, each.outcome, each.codes, each.summary, each.detail, each.hint)
        for id_, each in found
    ]
    outcomes = [each.outcome for each in checks]
    counts = OutcomeCounts(
        *(outcomes.count(each) for each in ("pass", "warning", "fail", "skipped"))
    )
    return DoctorDocument(checks=checks, counts=counts)


def answer_line(document: DoctorDocument) -> Line:
    """Say whether something is in the way.

    >>> answer_line(doctor_document([]))
    [('nothing is in the way (0 checks passed, 0 skipped)', 'compatible')]
    """
    counts = document.counts
    if not counts.fail and not counts.warning:
        passed = counted(counts.passed, "check")
        said = f"nothing is in the way ({passed} passed, {counts.skipped} skipped)"
        return [(said, _STYLES["pass"])]
    said = "nothing failed"
    if counts.fail:
        number = counted(counts.fail, "check")
        said = f"{number} failed ({_names(document, 'fail')})"
    if counts.warning:
        number = counted(counts.warning, "warning")
        said += f", {number} ({_names(document, 'warning')})"
    return [(said, _STYLES["fail" if counts.fail else "warning"])]


def _names(document: DoctorDocument, outcome: Outcome) -> str:
    return ", ".join(each.id for each in document.checks if each.outcome == outcome)


def check_rows(document: DoctorDocument) -> Iterator[tuple[str, ...]]:
    """Give one row a check, whatever it found."""
    for each in document.checks:
        codes = ",".join(each.codes)
        cells = each.id, codes, each.summary, each.detail, each.hint
        yield each.outcome, *(cell or "-" for cell in cells)


def check_lines(document: DoctorDocument, *, verbose: bool) -> Iterator[Line]:
    """Give what failed and why, and then the rest.

    Only if `verbose` is all of a long detail shown, and that of what is well.
    """
    yield [("", "plain")]
    for outcome in _SIGNS:
        checks = [each for each in document.checks if each.outcome == outcome]
        if outcome == "skipped" and not verbose:
            checks = _together(checks)
        for each in checks:
            yield from _check(each, verbose=verbose)


def _together(checks: Iterable[CheckRecord]) -> list[CheckRecord]:
    """Make one of all that were skipped for one reason."""
    names: dict[tuple[str, str | None], list[str]] = {}
    for each in checks:
        names.setdefault((each.summary, each.hint), []).append(each.id)
    return [
        CheckRecord(", ".join(ids), "skipped", (), why, None, hint)
        for (why, hint), ids in names.items()
    ]


def _check(each: CheckRecord, *, verbose: bool) -> Iterator[Line]:
    codes = f"[{','.join(each.codes)}]" if each.codes else ""
    head = f"{_SIGNS[each.outcome]} {each.outcome:<9}"
    yield [
        (head, _STYLES[each.outcome]),
        (f"{each.id}{codes}: {each.summary}", "plain"),
    ]
    if each.detail and (verbose or each.outcome != "pass"):
        yield from _detail(each.detail, verbose=verbose)
    yield from help_lines(each.hint)


def _detail(detail: str, *, verbose: bool) -> Iterator[Line]:
    lines = [*detail_lines(detail)]
    left = 0 if verbose else len(lines) - _MOST_LINES
    yield from lines[:_MOST_LINES] if left > 0 else lines
    if left > 0:
        yield from detail_lines(f"and {counted(left, 'more line')}, which -v shows")
