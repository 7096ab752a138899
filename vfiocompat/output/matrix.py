# SPDX-License-Identifier: Apache-2.0
"""A fleet's classes as text: where each can go, and the grid of all pairs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.fleet import Class, Fleet
    from vfiocompat.grid import Grid
    from vfiocompat.output.text import Line
    from vfiocompat.verdicts import Verdict

__all__ = [
    "CLASS_COLUMNS",
    "HOST_COLUMNS",
    "PAIR_COLUMNS",
    "class_rows",
    "grid_lines",
    "host_rows",
    "pair_rows",
    "summary_lines",
]

CLASS_COLUMNS = (
    "class",
    "endpoints",
    "hosts",
    "to",
    "one way",
    "undetermined",
    "goes",
    "type",
    "driver",
    "version",
)
PAIR_COLUMNS = ("source", "destination", "verdict", "basis", "codes", "way")
HOST_COLUMNS = ("source", "destination", "verdict", "devices")

_MARKS: dict[Verdict, str] = {
    "compatible": "+",
    "incompatible": "-",
    "undetermined": "?",
}
_ONE_WAY = ">"


def class_rows(fleet: Fleet, grid: Grid) -> Iterator[tuple[str, ...]]:
    """Give one row a class: how many there are, and to how many others it can go.

    `one way` counts those that it cannot come back from.
    """
    for row, class_ in enumerate(fleet.classes):
        to = sum(grid.can_go(row)) - grid.can_go(row)[row]
        one_way = sum(grid.one_way(row))
        endpoint = class_.endpoint
        yield (
            class_.id,
            str(class_.endpoints),
            str(class_.hosts),
            str(to),
            str(one_way),
            str(grid.verdicts(row)["undetermined"]),
            _goes(grid, row, class_),
            endpoint.type_id or "-",
            endpoint.driver or "-",
            endpoint.version or "-",
        )


def _goes(grid: Grid, row: int, class_: Class) -> str:
    """Say whether endpoints of a class can go anywhere: to their like, or others."""
    there = grid.can_go(row)
    if sum(there) > there[row]:
        return "elsewhere"
    if there[row] and class_.endpoints > 1:
        return "to its like"
    return "unknown" if grid.verdicts(row)["undetermined"] else "nowhere"


def pair_rows(fleet: Fleet, grid: Grid) -> Iterator[tuple[str, ...]]:
    """Give one row a pair of classes."""
    ids = [class_.id for class_ in fleet.classes]
    for row, source in enumerate(ids):
        ways = grid.one_way(row)
        for destination, number, one_way in zip(ids, grid.row(row), ways, strict=True):
            cell = grid.cells[number]
            codes = ",".join(cell.codes)
            way = "one way" if one_way else "-"
            yield source, destination, cell.verdict, cell.basis, codes, way


def grid_lines(grid: Grid, width: int) -> Iterator[Line]:
    """Give the grid of all pairs, a mark each; nothing where it does not fit."""
    digits = len(str(grid.size))
    if digits + 1 + 2 * grid.size > width:
        return
    yield [("", "plain")]
    numbers = [str(at + 1)[-1] for at in range(grid.size)]
    yield [(f"{'':<{digits}} {' '.join(numbers)}", "dim")]
    for row in range(grid.size):
        line: Line = [(f"{row + 1:>{digits}} ", "dim")]
        for number, one_way in zip(grid.row(row), grid.one_way(row), strict=True):
            verdict = grid.cells[number].verdict
            mark = _ONE_WAY if one_way else _MARKS[verdict]
            line.append((f"{mark} ", verdict))
        yield line
    legend = (
        "rows go to columns: + compatible, > one way, - incompatible, ? undetermined"
    )
    yield [(legend, "dim")]


def summary_lines(fleet: Fleet, grid: Grid) -> Iterator[Line]:
    """Say how many pairs of classes there are of each verdict."""
    counts: Counter[Verdict] = Counter()
    one_way = 0
    for row in range(grid.size):
        counts += grid.verdicts(row)
        one_way += sum(grid.one_way(row))
    endpoints = sum(class_.endpoints for class_ in fleet.classes)
    words = ", ".join(f"{counts[word]} {word}" for word in _MARKS if counts[word])
    nowhere = sum(
        _goes(grid, row, class_) == "nowhere"
        for row, class_ in enumerate(fleet.classes)
    )
    text = (
        f"{endpoints} endpoints of {len(fleet.classes)} classes on "
        f"{len(fleet.hosts)} hosts; pairs of classes: {words or 'none'}; "
        f"{one_way} one way; {nowhere} classes can go nowhere"
    )
    yield [(text, "plain")]


# ---- whole hosts ---------------------------------------------------------------


def host_rows(fleet: Fleet, grid: Grid) -> Iterator[tuple[str, ...]]:
    """Give one row for each two hosts: whether all devices of one can go to the other.

    Devices are mdevs, and functions that are in use; a host without any is no source.
    Hosts that have the same classes are compared once.
    """
    leaving: dict[str, dict[int, int]] = {}
    offers: dict[str, frozenset[int]] = {}
    for host in fleet.hosts:
        shares = list(fleet.shares(host))
        leaving[host.host] = {
            place: share.devices for place, share in shares if share.devices
        }
        offers[host.host] = frozenset(place for place, _ in shares)
    known: dict[tuple[frozenset[int], frozenset[int]], Verdict] = {}
    for source, devices in leaving.items():
        if not devices:
            continue
        number = str(sum(devices.values()))
        classes = frozenset(devices)
        for destination, places in offers.items():
            if destination != source:
                key = classes, places
                if key not in known:
                    known[key] = _of_host(grid, *key)
                yield source, destination, known[key], number


def _of_host(grid: Grid, devices: frozenset[int], places: frozenset[int]) -> Verdict:
    """Tell whether each of several classes can go to one of several others."""
    verdicts = set()
    for device in devices:
        there = {grid.cell(device, place).verdict for place in places}
        order: tuple[Verdict, ...] = ("compatible", "undetermined")
        verdicts.add(next((word for word in order if word in there), "incompatible"))
    order = ("incompatible", "undetermined", "compatible")
    return next(word for word in order if word in verdicts)
