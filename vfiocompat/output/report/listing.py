# SPDX-License-Identifier: Apache-2.0
"""Everything there is, as tables: hosts, groups of them, classes, and problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.fleet.moves import places
from vfiocompat.output.report.answer import counted
from vfiocompat.output.report.parts import (
    CLASS,
    GROUP,
    NOTHING,
    Cell,
    Row,
    Table,
    class_ranges,
    group_lines,
    hosts_line,
    is_folded,
    number_of,
    row_of,
    text_line,
)
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.fleet.report import HostLine, Report
    from vfiocompat.output.text import Line

__all__ = ["classes", "groups", "hosts", "problems"]

_GOES = {
    "elsewhere": ("elsewhere", "compatible"),
    "unknown": ("unknown", "undetermined"),
    "nowhere": ("nowhere", "incompatible"),
    "no devices": ("no devices", "dim"),
}


def hosts(report: Report) -> Table:
    """Give each host: where its devices can go, whose it takes, and how old that is."""
    first = ("Host", "Its devices go", "To", "Takes all of")
    folded = is_folded(report)
    return Table(
        "hosts",
        "Hosts",
        "Where all devices of a host can go together, and of which hosts it takes all. "
        "Whether there is room for them is another question.",
        (
            *first,
            "Group" if folded else "Takes classes",
            "Devices",
            "Endpoints",
            "Inventory",
            "Problems",
        ),
        [
            Row(
                [
                    *(_counted(line) if folded else _named(report, line)),
                    *_rest(report, line),
                ]
            )
            for line in report.hosts
        ],
        is_long=True,
    )


def _counted(line: HostLine) -> Iterator[Cell]:
    """Say of a host of many how many others there are, and what its group is."""
    yield Cell([(line.found.host, "name")])
    yield Cell(_goes(line))
    one_way = f", {line.one_way} one way" if line.one_way else ""
    to = f"{counted(line.to, 'host')}{one_way}" if line.to else None
    yield Cell(text_line(to, "plain"), line.to)
    takes = counted(line.takes, "host") if line.takes else None
    yield Cell(text_line(takes, "plain"), line.takes)
    yield Cell([(f"{GROUP}{number_of(line.group)}", "ref")])


def _named(report: Report, line: HostLine) -> Iterator[Cell]:
    """Say of a host of few which others there are, and of which classes it takes."""
    host = line.found.host
    yield Cell([(host, "name")])
    yield Cell(_goes(line))
    ways = report.ways[line.group]
    to: Line = []
    for there, said in ((ways.compatible, _NO_MORE), (ways.one_way, _ONE_WAY)):
        names = group_lines(report, places(there), without=host)
        if names != NOTHING:
            to += [*([("", "break")] if to else []), *names, *said]
    yield Cell(to or NOTHING)
    yield Cell(group_lines(report, places(ways.sources), without=host))
    yield Cell(class_ranges(report.accepted[line.group]))


_NO_MORE: Line = []
_ONE_WAY: Line = [(" ", "plain"), ("one way", "one way")]


def _goes(line: HostLine) -> Line:
    if line.to and line.to == line.one_way:
        return [("elsewhere, one way", "one way")]
    return [_GOES[line.outlook]]


def _rest(report: Report, line: HostLine) -> Iterator[Cell]:
    """Give what is told of every host alike."""
    yield Cell([(str(line.devices), "plain")])
    yield Cell([(str(line.endpoints), "plain")])
    said: Line = [(line.age, "plain"), (" ", "plain"), (line.found.taken_at, "time")]
    if line.outdated is not None:
        said += [("", "break"), (f"not relied on: {line.outdated}", "warning")]
    yield Cell(said, report.horizon.now - (timestamp(line.found.taken_at) or 0))
    number = len(line.found.problems)
    yield Cell([(str(number), "warning" if number else "plain")])


def groups(report: Report) -> Table:
    """Give each group of hosts that are alike."""
    rows = []
    for at, (group, ways) in enumerate(zip(report.groups, report.ways, strict=True)):
        name = f"{GROUP}{number_of(at)}"
        row = row_of(
            [(name, "plain")],
            hosts_line(report, at),
            class_ranges(group.devices),
            group_lines(report, places(ways.compatible)),
            group_lines(report, places(ways.one_way)),
            group_lines(report, places(ways.sources)),
            class_ranges(report.accepted[at]),
        )
        rows.append(row._replace(anchor=name))
    return Table(
        "groups",
        "Groups of hosts that are alike",
        "They have devices, and endpoints, of the same classes.",
        (
            "Group",
            "Hosts",
            "Have devices of",
            "These go to",
            "These go one way to",
            "Take all of",
            "Take classes",
        ),
        rows,
        is_long=True,
    )


def classes(report: Report) -> Table:
    """Give each class: what it is, where it can go, and what can go to it."""
    rows = []
    for at, class_ in enumerate(report.fleet.classes):
        name, end, ways = f"{CLASS}{number_of(at)}", class_.endpoint, report.classes[at]
        row = row_of(
            [(name, "plain")],
            text_line(end.driver),
            text_line(end.type_id),
            text_line(end.version),
            [(report.grid.goes(at, class_.endpoints), "plain")],
            class_ranges([to for to in ways.to if to not in set(ways.one_way)]),
            class_ranges(ways.one_way),
            class_ranges(ways.takes),
            [(str(class_.endpoints), "plain")],
            [(str(class_.devices), "plain")],
            [(str(class_.hosts), "plain")],
            [(class_.id, "dim")],
        )
        rows.append(row._replace(anchor=name))
    return Table(
        "classes",
        "Classes",
        "A class is all endpoints for which a decision reads the same things. Its name "
        "is the same in every fleet; its number is that of this page only.",
        (
            "Class",
            "Driver",
            "Type",
            "Version",
            "Goes",
            "To",
            "One way to",
            "Takes",
            "Endpoints",
            "Devices",
            "Hosts",
            "Name",
        ),
        rows,
        is_long=True,
    )


def problems(report: Report) -> Table:
    """Give files that could not be used, and what scans could not read."""
    rows = []
    for path, error in report.fleet.errors.items():
        said: Line = [(error.summary, "plain")]
        for text in (error.detail or "").split("\n"):
            said += [("", "break"), (text, "plain")] if text else []
        if error.hint:
            said += [("", "break"), ("help: ", "strong"), (error.hint, "plain")]
        rows.append(row_of([(path, "name")], [(error.code, "code")], said))
    for line in report.hosts:
        for problem in line.found.problems:
            why = f" ({problem.errno})" if problem.errno else ""
            rows.append(
                row_of(
                    [(line.found.host, "name")],
                    [(problem.code, "code")],
                    [(problem.path, "name"), (f" {problem.operation}{why}", "plain")],
                )
            )
    return Table(
        "problems",
        "Problems",
        "Files that could not be used; and what scans could not read, the first few of "
        "each host.",
        ("File, or host", "Code", "What is wrong"),
        rows,
    )
