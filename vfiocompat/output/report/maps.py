# SPDX-License-Identifier: Apache-2.0
"""The maps of a report: who can go where, as a grid of ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.fleet.moves import places
from vfiocompat.output.report.parts import (
    GROUP,
    class_line,
    group_name,
    is_folded,
    number_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.fleet.moves import Way, Ways
    from vfiocompat.fleet.report import Report

__all__ = ["WAYS", "Map", "class_map", "host_map"]


WAYS: tuple[Way | None, ...] = (
    None,
    "compatible",
    "one way",
    "undetermined",
    "incompatible",
)
"""Each way at the number that stands for it in a map; None is no way at all."""


class Map(NamedTuple):
    """Who can go where: sources in rows, destinations in columns.

    Both have a number, as people are shown it, and a name. `rows` have numbers of
    `WAYS`.
    """

    id: str
    title: str
    about: str
    sources: list[tuple[str, str]]
    destinations: list[tuple[str, str]]
    rows: list[bytes]


def host_map(report: Report) -> Map:
    """Give the map of hosts, or of groups of them; those without devices go nowhere."""
    about = "All devices of a host on the left can go to a host at the top, or not."
    if is_folded(report):
        about += " Hosts that are alike are one group."
        named = [
            (f"{GROUP}{number_of(at)}", group_name(report, at))
            for at in range(len(report.groups))
        ]
        rows = [_row(ways, len(named)) for ways in report.ways]
    else:
        named = [
            (str(number_of(at)), line.found.host)
            for at, line in enumerate(report.hosts)
        ]
        rows = list(_host_by_host(report))
    sources = [at for at, row in enumerate(rows) if any(row)]
    return Map(
        "map-hosts",
        "Which hosts can go where",
        about,
        [named[at] for at in sources],
        named,
        [rows[at] for at in sources],
    )


def _row(ways: Ways, size: int) -> bytes:
    row = bytearray(size)
    for way, there in ways.each():
        for place in places(there):
            row[place] = WAYS.index(way)
    return bytes(row)


def _host_by_host(report: Report) -> Iterator[bytes]:
    rows = [_row(ways, len(report.groups)) for ways in report.ways]
    groups = [line.group for line in report.hosts]
    for at, group in enumerate(groups):
        row = bytearray(rows[group][there] for there in groups)
        row[at] = WAYS.index(None)
        yield bytes(row)


def class_map(report: Report) -> Map:
    """Give the map of classes, each with itself included."""
    grid = report.grid
    named = []
    for at in range(grid.size):
        (number, _), *rest = class_line(report, at)
        named.append((number, "".join(text for text, _ in rest).strip()))
    numbers = bytes(WAYS.index(cell.verdict) for cell in grid.cells)
    rows = []
    for row in range(grid.size):
        ways = bytearray(map(numbers.__getitem__, grid.row(row)))
        for there, one_way in enumerate(grid.one_way(row)):
            if one_way:
                ways[there] = WAYS.index("one way")
        rows.append(bytes(ways))
    return Map(
        "map-classes",
        "Which classes can go where",
        "Endpoints of a class on the left can go to a class at the top, or not.",
        named,
        named,
        rows,
    )
