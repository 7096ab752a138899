# SPDX-License-Identifier: Apache-2.0
"""A report as Markdown, for a ticket: the answer, what needs doing, and the hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.output.report.advice import dead_ends, one_way, one_way_classes
from vfiocompat.output.report.answer import answer_lines
from vfiocompat.output.report.listing import classes, groups, hosts, problems
from vfiocompat.output.report.parts import Todo, is_folded
from vfiocompat.output.visible import visible
from vfiocompat.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.fleet.report import Report
    from vfiocompat.output.report.parts import Table
    from vfiocompat.output.text import Line
    from vfiocompat.output.wayout import Step

__all__ = ["markdown"]

_MOST = 50
"""How many rows of a table a ticket has."""

_ESCAPES = {ord(char): f"\\{char}" for char in "\\`*_[]~$!#^"} | {
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord("|"): "&#124;",
}
"""A bar is no end of a cell, and nothing that others have named is markup."""


def markdown(report: Report, steps: Sequence[Step] = ()) -> Iterator[str]:
    """Write a report as lines of Markdown, with the steps of what is to be typed."""
    yield "# Where the devices of this fleet can go"
    yield ""
    for line in answer_lines(report):
        yield f"- {_text(line)}"
    yield ""
    yield f"Made at {moment(report.horizon.now)} by vfiocompat."
    yield from _table(dead_ends(report))
    yield from _todo(steps)
    for table in (one_way(report), one_way_classes(report)):
        yield from _table(table)
    folded = is_folded(report)
    for table in (groups(report) if folded else hosts(report), classes(report)):
        yield from _table(table)
    yield from _table(problems(report))


def _todo(steps: Sequence[Step]) -> Iterator[str]:
    """Write what is to be typed as code, which is what is indented; no line ends it."""
    if steps:
        yield ""
        yield f"## {Todo(steps).title}"
    for step in steps:
        yield ""
        yield _escaped(step.said)
        if step.pasted:
            yield ""
            yield from (f"    {visible(text)}" for text in step.pasted)


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        return
    yield ""
    yield f"## {table.title}"
    yield ""
    yield f"| {' | '.join(table.columns)} |"
    yield f"|{' --- |' * len(table.columns)}"
    for row in table.rows[:_MOST]:
        yield f"| {' | '.join(_text(cell.line) for cell in row.cells)} |"
    if len(table.rows) > _MOST:
        yield ""
        yield f"And {len(table.rows) - _MOST} more."


def _text(line: Line) -> str:
    """Write a line in one, with what others have named as code.

    Code by its tag: between backticks nothing can be escaped.
    """
    return "".join(
        "<br>"
        if style == "break"
        else f"<code>{_escaped(text)}</code>"
        if style == "name"
        else f"**{_escaped(text.strip())}** "
        if style == "strong"
        else _escaped(text)
        for text, style in line
    )


def _escaped(text: str) -> str:
    return visible(text).translate(_ESCAPES)
