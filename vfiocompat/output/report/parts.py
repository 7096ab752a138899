# SPDX-License-Identifier: Apache-2.0
"""What the tables of a report are made of: cells, and names of groups and classes.

A cell is a line, as in text: parts with the name of a style. `name` is that of what
others have named: hosts, types, version strings, files. `ref` is a number of a group or
a class, `code` a diagnostic's, and `break` begins a new line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vfiocompat.fleet.report import Report
    from vfiocompat.output.text import Line
    from vfiocompat.output.wayout import Step

__all__ = [
    "CLASS",
    "GROUP",
    "NOTHING",
    "Cell",
    "Row",
    "Table",
    "Todo",
    "class_line",
    "class_ranges",
    "group_line",
    "group_lines",
    "group_name",
    "hosts_line",
    "is_folded",
    "names_line",
    "number_of",
    "ranges",
    "row_of",
    "text_line",
]

CLASS, GROUP = "C", "G"
"""What stands before the number of a class, and of a group of hosts."""

NOTHING: Line = [("-", "dim")]
"""What stands where there is nothing."""

_FOLDED_FROM = 25
"""Hosts from which on those that are alike are shown as one group."""

_MOST = 30
"""How many numbers, or ranges of them, are named in one place."""

_NAMES = 8


class Cell(NamedTuple):
    """What stands in a place of a table; it may be sorted by something else."""

    line: Line
    order: float | None = None


class Todo(NamedTuple):
    """A section that says what to type."""

    steps: Sequence[Step]
    id: str = "todo"
    title: str = "What to type, so that less is undetermined"
    is_map: bool = False
    is_todo: bool = True


class Row(NamedTuple):
    """A row of a table; `anchor` is its name, where others refer to it."""

    cells: list[Cell]
    anchor: str | None = None


class Table(NamedTuple):
    """A section with a table. The first cell of a row says what the row is about.

    `columns` are headings. A long table can be searched and sorted.
    """

    id: str
    title: str
    about: str
    columns: tuple[str, ...]
    rows: list[Row]
    is_long: bool = False
    is_map: bool = False
    is_todo: bool = False


def row_of(*lines: Line) -> Row:
    """Make a row of what its cells say."""
    return Row([Cell(line) for line in lines])


def text_line(text: str | None, style: str = "name") -> Line:
    """Make a line of a text that there may be none of."""
    return [(text, style)] if text else NOTHING


def is_folded(report: Report) -> bool:
    """Whether hosts that are alike are shown as one, since there are many."""
    return len(report.hosts) >= _FOLDED_FROM


def class_line(report: Report, place: int) -> Line:
    """Name a class: its number, and what a person knows it by."""
    end = report.fleet.classes[place].endpoint
    line: Line = [(f"{CLASS}{number_of(place)}", "ref")]
    for text in (end.type_id or end.driver, end.version):
        line += [(" ", "plain"), (text, "name")] if text else []
    return line


def class_ranges(places: Sequence[int]) -> Line:
    """Name classes by their numbers."""
    return text_line(ranges(CLASS, places, _MOST), "plain")


def group_name(report: Report, at: int) -> str:
    """Name a group by its first host, and how many more there are."""
    first, *others = report.groups[at].hosts
    more = f" and {len(others)} more" if others else ""
    return f"{report.fleet.hosts[first].host}{more}"


def group_line(report: Report, at: int) -> Line:
    """Name a group, or all of its hosts where groups are not shown."""
    if not is_folded(report):
        return hosts_line(report, at)
    name = group_name(report, at)
    return [(f"{GROUP}{number_of(at)}", "ref"), (" ", "plain"), (name, "name")]


def hosts_line(report: Report, at: int) -> Line:
    """Name a group's hosts, of many the first."""
    names = [report.fleet.hosts[place].host for place in report.groups[at].hosts]
    return names_line(names, _NAMES)


def group_lines(report: Report, groups: Iterable[int], *, without: str = "") -> Line:
    """Name groups by their numbers, or their hosts but one where they are not shown."""
    if is_folded(report):
        return text_line(ranges(GROUP, groups, _MOST), "plain")
    places = sorted(place for at in groups for place in report.groups[at].hosts)
    names = [report.fleet.hosts[place].host for place in places]
    return names_line([name for name in names if name != without], _MOST)


def names_line(names: Sequence[str], most: int) -> Line:
    """List names, of many the first `most` and how many more there are."""
    line: Line = []
    for name in names[:most]:
        line += [(", ", "plain"), (name, "name")]
    if len(names) > most:
        line.append((f" and {len(names) - most} more", "plain"))
    return line[1:] or NOTHING


def number_of(place: int) -> int:
    """Give the number of a group or a class, of which the first is 1."""
    return place + 1


def ranges(letter: str, places: Iterable[int], most: int) -> str:
    """Name groups or classes by their numbers, those that follow each other at once.

    >>> ranges("C", [0, 1, 2, 6], 30)
    'C1-C3, C7'
    """
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    named = [
        "-".join(f"{letter}{number_of(place)}" for place in sorted({first, last}))
        for first, last in runs
    ]
    left = sum(last - first + 1 for first, last in runs[most:])
    more = f" and {left} more" if left else ""
    return ", ".join(named[:most]) + more
