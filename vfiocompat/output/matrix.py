# SPDX-License-Identifier: Apache-2.0
"""What `matrix` shows: a fleet's classes, and every pair of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import Code
from vfiocompat.endpoints import Problem
from vfiocompat.fleet.grid import Goes
from vfiocompat.fleet.hostpairs import HostPair, host_pairs
from vfiocompat.inventory import Tool
from vfiocompat.output.errors import fleet_problems
from vfiocompat.output.json import encoded
from vfiocompat.verdicts import Basis, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.fleet.classes import Class, Fleet
    from vfiocompat.fleet.grid import Grid
    from vfiocompat.output.text import Line

__all__ = [
    "CLASS_COLUMNS",
    "HOST_COLUMNS",
    "PAIR_COLUMNS",
    "MatrixDocument",
    "class_rows",
    "grid_lines",
    "host_rows",
    "matrix_cells",
    "matrix_document",
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


class MatrixClass(msgspec.Struct, frozen=True):
    """A class of a fleet, and how many endpoints on how many hosts are of it.

    `version` is null where the endpoints have no version attribute; `goes` says where
    they can go.
    """

    id: str
    version: str | None
    type_id: str | None
    driver: str | None
    device_api: str | None
    attribute: str
    endpoints: int
    hosts: int
    goes: Goes


class MatrixCell(msgspec.Struct, frozen=True, gc=False):
    """A pair of classes; `one_way` if the source can go there and not come back."""

    source: str
    destination: str
    verdict: Verdict
    basis: Basis
    codes: tuple[Code, ...]
    one_way: bool


class MatrixCounts(msgspec.Struct, frozen=True):
    """How many pairs of classes ended how, each class with itself included."""

    compatible: int
    incompatible: int
    undetermined: int


class MatrixDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Every pair of a fleet's classes; every pair of its hosts with `--hosts`."""

    schema: Literal["vfiocompat.matrix/1"] = "vfiocompat.matrix/1"
    tool: Tool = Tool()
    classes: list[MatrixClass]
    counts: MatrixCounts
    problems: list[Problem]
    hosts: list[HostPair] = []
    cells: list[MatrixCell]


def matrix_document(fleet: Fleet, grid: Grid, *, hosts: bool) -> MatrixDocument:
    """Make the document of every pair of a fleet's classes, without its cells."""
    counts: Counter[Verdict] = Counter()
    for row in range(grid.size):
        counts += grid.verdicts(row)
    return MatrixDocument(
        classes=[
            _class(class_, grid.goes(row, class_.endpoints))
            for row, class_ in enumerate(fleet.classes)
        ],
        hosts=list(host_pairs(fleet, grid)) if hosts else [],
        counts=MatrixCounts(
            counts["compatible"], counts["incompatible"], counts["undetermined"]
        ),
        problems=fleet_problems(fleet.errors),
        cells=[],
    )


def _class(class_: Class, goes: Goes) -> MatrixClass:
    """Make the record of a class."""
    endpoint = class_.endpoint
    return MatrixClass(
        class_.id,
        endpoint.version,
        endpoint.type_id,
        endpoint.driver,
        endpoint.device_api,
        endpoint.attribute_state,
        class_.endpoints,
        class_.hosts,
        goes,
    )


def matrix_cells(ids: Sequence[str], grid: Grid) -> Iterator[MatrixCell]:
    """Give every pair of classes, row by row; what many have is encoded once."""
    cells = [
        msgspec.structs.replace(cell, codes=encoded(cell.codes)) for cell in grid.cells
    ]
    for row, source in enumerate(ids):
        ways = map(bool, grid.one_way(row))
        for destination, number, way in zip(ids, grid.row(row), ways, strict=True):
            cell = cells[number]
            yield MatrixCell(
                source, destination, cell.verdict, cell.basis, cell.codes, way
            )


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
            grid.goes(row, class_.endpoints),
            endpoint.type_id or "-",
            endpoint.driver or "-",
            endpoint.version or "-",
        )


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
    """Give the grid of all pairs, a mark each, if it fits."""
    digits = len(str(grid.size))
    yield [("", "plain")]
    if digits + 1 + 2 * grid.size > width:
        text = f"a grid of {grid.size} classes does not fit here: --pairs lists it"
        yield [(text, "dim")]
        return
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
        grid.goes(row, class_.endpoints) == "nowhere"
        for row, class_ in enumerate(fleet.classes)
    )
    text = (
        f"{endpoints} endpoints of {len(fleet.classes)} classes on "
        f"{len(fleet.hosts)} hosts; pairs of classes: {words or 'none'}; "
        f"{one_way} one way; {nowhere} classes can go nowhere"
    )
    yield [(text, "plain")]


def host_rows(fleet: Fleet, grid: Grid) -> Iterator[tuple[str, ...]]:
    """Give one row for each two hosts: whether all devices can go to the other."""
    for pair in host_pairs(fleet, grid):
        yield pair.source, pair.destination, pair.verdict, str(pair.devices)
