# SPDX-License-Identifier: Apache-2.0
"""What needs doing, as tables: dead ends with what would help, and one-way moves."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from vfiocompat.codes import CODES
from vfiocompat.diagnostics import first_of
from vfiocompat.output.report.parts import (
    CLASS,
    NOTHING,
    Table,
    class_line,
    class_ranges,
    group_line,
    group_lines,
    number_of,
    row_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.codes import Code
    from vfiocompat.fleet.report import Outlook, Report, StuckClass
    from vfiocompat.output.text import Line
    from vfiocompat.verdicts import Verdict

__all__ = ["dead_ends", "one_way", "one_way_classes"]

_MOVES = 40
"""How many moves are named in one place."""


def dead_ends(report: Report) -> Table:
    """Give what no other host takes, of which hosts, and what would help."""
    alike: dict[tuple[Outlook, int | None, int | None], list[tuple[int, StuckClass]]]
    alike = {}
    apart: dict[Outlook, list[int]] = {}
    for stuck in report.stuck:
        if not stuck.classes:
            apart.setdefault(stuck.outlook, []).append(stuck.group)
        for each in stuck.classes:
            key = stuck.outlook, each.class_, each.closest
            alike.setdefault(key, []).append((stuck.group, each))
    rows = [
        row_of(
            class_line(report, each.class_),
            group_lines(report, [at for at, _ in several]),
            NOTHING if each.closest is None else class_line(report, each.closest),
            _verdict(each.decision.verdict if each.decision else _VERDICTS[outlook]),
            _help_line(report, each),
        )
        for (outlook, _, _), several in alike.items()
        for each in [several[0][1]]
    ]
    rows += [
        row_of(
            [("no class alone", "plain")],
            group_lines(report, at),
            NOTHING,
            _verdict(_VERDICTS[outlook]),
            [("help: ", "strong"), (_APART, "plain")],
        )
        for outlook, at in apart.items()
    ]
    return Table(
        "dead-ends",
        "Dead ends, and what would help",
        "Classes of devices that no other host takes, or none is known to: on which "
        "hosts, and what stands in the way to the closest class that another host has. "
        "Facts that are missing are stated in a file of facts.d, vfiocompat-facts(5), "
        "and are known once the host is scanned again.",
        ("Stuck", "On", "Closest", "Verdict", "In the way, and what would help"),
        rows,
    )


_VERDICTS: dict[Outlook, Verdict] = {
    "nowhere": "incompatible",
    "unknown": "undetermined",
}
_APART = "each device can go to some host, but not all to one: move them apart"


def _verdict(verdict: Verdict) -> Line:
    return [(verdict, verdict)]


def _help_line(report: Report, stuck: StuckClass) -> Line:
    """Say what stands in the way, and what would help."""
    if stuck.decision is None:
        return [("not looked for: no other host has any, or too many are stuck", "dim")]
    findings = stuck.decision.diagnostics
    said: list[Line] = [
        [(finding.code, "code"), (" ", "plain"), (finding.summary, "plain")]
        for finding in findings
        if finding.severity != "info"
    ]
    hints = [finding.hint for finding in findings if finding.hint]
    if report.grid.can_go(stuck.class_)[stuck.class_]:
        hints.append("another host with endpoints of its class takes it")
    said += [[("help: ", "strong"), (hint, "plain")] for hint in dict.fromkeys(hints)]
    return _below_each_other(said)


def one_way(report: Report) -> Table:
    """Give the moves of hosts from which not all devices can come back."""
    return Table(
        "one-way",
        "One-way moves of hosts",
        "All devices can go there, but those of the classes on the right cannot come "
        "back. A way back that is undetermined counts as none.",
        ("From", "To", "Cannot come back"),
        [
            row_of(
                group_line(report, each.group),
                group_lines(report, each.to),
                class_ranges(each.classes),
            )
            for each in report.one_way
        ],
    )


def one_way_classes(report: Report) -> Table:
    """Give what is in the way back of classes, and of which moves."""
    alike: dict[tuple[Verdict, tuple[Code, ...]], list[tuple[int, int]]] = {}
    for at, ways in enumerate(report.classes):
        for to in ways.one_way:
            cell = report.grid.cell(to, at)
            alike.setdefault((cell.verdict, cell.against), []).append((at, to))
    return Table(
        "one-way-classes",
        "One-way moves of classes",
        "What stands in the way back, and of which moves.",
        ("In the way back", "Moves", "How many"),
        [
            row_of(
                _in_the_way(verdict, against),
                _moves_line(moves),
                [(str(len(moves)), "plain")],
            )
            for (verdict, against), moves in alike.items()
        ],
    )


def _in_the_way(verdict: Verdict, against: Sequence[Code]) -> Line:
    said = [[(code, "code"), (f" {CODES[code].summary}", "plain")] for code in against]
    return _below_each_other([_verdict(verdict), *said])


def _moves_line(moves: Sequence[tuple[int, int]]) -> Line:
    """Name moves from class to class, of many the first."""
    named = [
        f"{CLASS}{number_of(at)} to {class_ranges([to for _, to in several])[0][0]}"
        for at, several in groupby(moves, key=itemgetter(0))
    ]
    return [(first_of(named, _MOVES), "plain")]


def _below_each_other(lines: Sequence[Line]) -> Line:
    """Put lines into one, each of which begins a new one."""
    return [part for line in lines for part in (("", "break"), *line)][1:]
