# SPDX-License-Identifier: Apache-2.0
"""What `doctor` shows: every check, what it found, and what to do."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import Code
from vfiocompat.doctor.found import Found, Outcome
from vfiocompat.inventory import Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.output.text import Line

__all__ = [
    "DoctorDocument",
    "answer",
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
_MARGIN = 11
_WHOLE = "    "
"""What lines begin with that are to be pasted: they are not wrapped."""

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


def answer(document: DoctorDocument) -> str:
    """Say in a line whether something is in the way.

    >>> answer(doctor_document([]))
    'nothing is in the way (0 checks passed, 0 skipped)'
    """
    names: dict[Outcome, list[str]] = {outcome: [] for outcome in _SIGNS}
    for each in document.checks:
        names[each.outcome].append(each.id)
    failed, warned = names["fail"], names["warning"]
    if not failed and not warned:
        counts = document.counts
        return (
            f"nothing is in the way ({counts.passed} checks passed, "
            f"{counts.skipped} skipped)"
        )
    noun = "check" if len(failed) == 1 else "checks"
    said = "nothing failed"
    if failed:
        said = f"{len(failed)} {noun} failed ({', '.join(failed)})"
    if warned:
        noun = "warning" if len(warned) == 1 else "warnings"
        said += f", {len(warned)} {noun} ({', '.join(warned)})"
    return said


def check_rows(document: DoctorDocument) -> Iterator[tuple[str, ...]]:
    """Give one row a check, whatever it found."""
    for each in document.checks:
        codes = ",".join(each.codes)
        cells = each.id, codes, each.summary, each.detail, each.hint
        yield each.outcome, *(cell or "-" for cell in cells)


def check_lines(
    document: DoctorDocument, width: int, *, verbose: bool
) -> Iterator[Line]:
    """Give the answer, then what failed and why, and then the rest.

    Only if `verbose` is all of a long detail shown, and that of what is well.
    """
    for line in wrap(answer(document), width, break_on_hyphens=False):
        yield [(line, "strong")]
    yield [("", "plain")]
    for outcome in _SIGNS:
        checks = [each for each in document.checks if each.outcome == outcome]
        if outcome == "skipped" and not verbose:
            yield from _together(checks, width)
            continue
        for each in checks:
            yield from _check(each, width, verbose=verbose)


def _together(checks: Sequence[CheckRecord], width: int) -> Iterator[Line]:
    """Give what was skipped for one reason once."""
    names: dict[tuple[str, str | None], list[str]] = {}
    for each in checks:
        names.setdefault((each.summary, each.hint), []).append(each.id)
    for (why, hint), ids in names.items():
        record = CheckRecord(", ".join(ids), "skipped", (), why, None, hint)
        yield from _check(record, width, verbose=False)


def _check(each: CheckRecord, width: int, *, verbose: bool) -> Iterator[Line]:
    codes = f"[{','.join(each.codes)}]" if each.codes else ""
    head = f"{_SIGNS[each.outcome]} {each.outcome}".ljust(_MARGIN - 1)
    first, *rest = _wrapped(f"{each.id}{codes}: {each.summary}", width - _MARGIN)
    yield [(head, _STYLES[each.outcome]), (f" {first}", "plain")]
    for line in rest:
        yield [(" " * _MARGIN + line, "plain")]
    if each.detail and (verbose or each.outcome != "pass"):
        yield from _detail(each.detail, width, verbose=verbose)
    if each.hint:
        yield from _hint(each.hint, width)


def _detail(detail: str, width: int, *, verbose: bool) -> Iterator[Line]:
    mark = "   |  "
    lines = detail.rstrip("\n").split("\n")
    left = 0 if verbose else len(lines) - _MOST_LINES
    if left > 0:
        lines = [*lines[:_MOST_LINES], f"and {left} more lines, which -v shows"]
    for line in lines:
        for part in _wrapped(line, width - len(mark)):
            yield [(mark, "dim"), (part, "plain")]


def _hint(hint: str, width: int) -> Iterator[Line]:
    mark, margin = "   = ", " " * _MARGIN
    for line in f"help: {hint}".split("\n"):
        if line.startswith(_WHOLE):
            yield [(margin + line.removeprefix(_WHOLE), "strong")]
            continue
        first, *rest = _wrapped(line, width - len(mark), width - _MARGIN)
        yield [(mark, "dim"), (first, "plain")]
        for part in rest:
            yield [(margin + part, "plain")]
        mark = margin


def _wrapped(line: str, width: int, following: int | None = None) -> list[str]:
    """Fold a line at its blanks only: addresses and names stay whole.

    `following` is the width of all lines but the first, if that is another one.
    """
    indent = " " * (width - following if following else 0)
    parts = wrap(
        line,
        max(width, 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [part.removeprefix(indent) for part in parts] or [""]
