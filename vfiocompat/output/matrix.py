# SPDX-License-Identifier: Apache-2.0
"""What `matrix` shows: a fleet's classes, and every pair of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import Code
from vfiocompat.diagnostics import counted, first_of
from vfiocompat.endpoints import Problem
from vfiocompat.fleet.grid import Goes
from vfiocompat.fleet.hostpairs import HostPair
from vfiocompat.inventory import Tool
from vfiocompat.output.brief import brief
from vfiocompat.output.errors import fleet_problems
from vfiocompat.output.json import encoded
from vfiocompat.verdicts import Basis, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet.cells import Cell
    from vfiocompat.fleet.classes import Class, Fleet
    from vfiocompat.fleet.grid import Grid
    from vfiocompat.output.text import Line

__all__ = [
    "MARKS",
    "MOST",
    "ONE_WAY",
    "MatrixDocument",
    "Only",
    "chosen_rows",
    "class_heading",
    "class_lines",
    "class_rows",
    "grid_lines",
    "is_pair_chosen",
    "matrix_answer",
    "matrix_cells",
    "matrix_document",
    "numbered",
    "unshown",
]

Only = Literal["compatible", "one-way", "dead-ends"]
"""What of a matrix may be asked for alone."""

MARKS: dict[Verdict, str] = {
    "compatible": "+",
    "incompatible": "-",
    "undetermined": "?",
}

ONE_WAY = ">"

MOST = 8
"""Hosts of a class, and classes that it goes to, that a terminal shows."""


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


def matrix_document(
    fleet: Fleet, grid: Grid, pairs: Sequence[HostPair]
) -> MatrixDocument:
    """Make the document of every pair of a fleet's classes, without its cells.

    `pairs` are those of its hosts, where they are asked for.
    """
    counts: Counter[Verdict] = Counter()
    for row in range(grid.size):
        counts += grid.verdicts(row)
    return MatrixDocument(
        classes=[
            _class(class_, grid.goes(row, class_.endpoints))
            for row, class_ in enumerate(fleet.classes)
        ],
        hosts=[*pairs],
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


def matrix_cells(
    ids: Sequence[str], grid: Grid, rows: Sequence[int], only: Only | None
) -> Iterator[MatrixCell]:
    """Give pairs of classes, row by row; what many have is encoded once."""
    cells = [
        msgspec.structs.replace(cell, codes=encoded(cell.codes)) for cell in grid.cells
    ]
    for row in rows:
        ways = map(bool, grid.one_way(row))
        for destination, number, way in zip(ids, grid.row(row), ways, strict=True):
            cell = cells[number]
            if only is None or is_pair_chosen(cell, one_way=way, only=only):
                yield MatrixCell(
                    ids[row], destination, cell.verdict, cell.basis, cell.codes, way
                )


def class_rows(
    fleet: Fleet, grid: Grid, rows: Sequence[int]
) -> Iterator[tuple[str, ...]]:
    """Give one row a class: how many there are, and to how many others it can go.

    One column counts those that it cannot come back from; the last one names hosts.
    """
    hosts = fleet.hosts_of_classes()
    for row in rows:
        class_ = fleet.classes[row]
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
            ",".join(hosts[row]),
        )


def class_lines(
    fleet: Fleet, grid: Grid, rows: Sequence[int], *, whole: bool
) -> Iterator[Line]:
    """Give a class in a few lines: what it is, where it is, and where it can go.

    The numbers are those of the grid.
    """
    hosts = fleet.hosts_of_classes()
    digits = len(str(grid.size))
    margin = " " * (digits + 2)
    where = unshown(hosts, rows)
    for row in rows:
        class_ = fleet.classes[row]
        yield [("", "plain")]
        yield class_heading(row, class_, digits)
        most = len(hosts[row]) if whole else MOST
        number = counted(class_.endpoints, "endpoint")
        yield [(f"{margin}{number} on {first_of(hosts[row], most)}", "plain")]
        words, style = _goes(grid, row, class_.endpoints, where)
        yield [(margin, "plain"), (words, style)]


def unshown(
    hosts: Sequence[Sequence[str]], rows: Iterable[int]
) -> dict[int, Sequence[str]]:
    """Give the hosts of classes that are not shown themselves, by their places."""
    shown = {*rows}
    return {at: each for at, each in enumerate(hosts) if at not in shown}


def class_heading(row: int, class_: Class, digits: int) -> Line:
    """Name a class by its number in the grid, what people know it by, and its id."""
    return [
        (f"{row + 1:>{digits}}  ", "dim"),
        (_label(class_.endpoint), "strong"),
        (f"   {class_.id}", "dim"),
    ]


def _label(endpoint: Endpoint) -> str:
    """Name a class by what people know it by."""
    words = endpoint.type_id, endpoint.driver, endpoint.version
    return "  ".join(filter(None, words)) or "(nothing is known of it)"


def _goes(
    grid: Grid, row: int, endpoints: int, where: Mapping[int, Sequence[str]]
) -> tuple[str, str]:
    """Say where the endpoints of a class can go, and in which colour.

    `where` are the hosts of the classes that are not shown themselves.
    """
    one_way = [at for at, is_one in enumerate(grid.one_way(row)) if is_one]
    there = [at for at, can in enumerate(grid.can_go(row)) if can and at != row]
    back = [at for at in there if at not in one_way]
    to = [f"to {numbered(back, where)}"] if back else []
    if one_way:
        to.append(f"to {numbered(one_way, where)} (one way)")
    if grid.can_go(row)[row] and endpoints > 1:
        to.append("within its own class" if to else "within its own class only")
    said = [f"goes {' and '.join(to)}"] if to else []
    if open_ := grid.verdicts(row)["undetermined"]:
        number = counted(open_, "class", "classes")
        said.append(f"undetermined with {number} ({_open_why(grid, [row])})")
    if not said:
        return "goes nowhere: a dead end", "incompatible"
    style = "compatible" if back or not one_way else "one way"
    if not there and not grid.can_go(row)[row]:
        style = "undetermined"
    return ", ".join(said), style


def _open_why(grid: Grid, rows: Iterable[int]) -> str:
    """Say in a few words why pairs from some classes are open, most of them first."""
    cells: Counter[int] = Counter()
    for row in rows:
        cells.update(Counter(grid.row(row)))
    why: Counter[str] = Counter()
    for number, times in cells.items():
        cell = grid.cells[number]
        if cell.verdict == "undetermined":
            why[brief(cell.against[0]) if cell.against else "nobody knows"] += times
    return first_of([reason for reason, _ in why.most_common()], _REASONS)


_REASONS = 2


def numbered(
    places: Sequence[int], where: Mapping[int, Sequence[str]], most: int = MOST
) -> str:
    """Name classes by their numbers in the grid, and `where` those are not shown."""
    return first_of(
        [
            f"{at + 1} on {first_of(where[at], _HOSTS)}" if at in where else f"{at + 1}"
            for at in places
        ],
        most,
    )


_HOSTS = 2  # hosts of a class that is not shown itself


def chosen_rows(
    fleet: Fleet, grid: Grid, hosts: Collection[str], only: Only | None
) -> list[int]:
    """Choose classes: those of some hosts, if any are named, and of one kind."""
    there = {
        row
        for host in fleet.hosts
        if host.host in hosts
        for row, _ in fleet.on_host(host)
    }
    return [
        row
        for row, class_ in enumerate(fleet.classes)
        if (not hosts or row in there)
        and (only is None or _is_one(grid, row, class_.endpoints, only))
    ]


def _is_one(grid: Grid, row: int, endpoints: int, only: Only) -> bool:
    match only:
        case "one-way":
            return any(grid.one_way(row))
        case "dead-ends":
            return grid.goes(row, endpoints) == "nowhere"
        case _:
            return grid.goes(row, endpoints) in {"elsewhere", "to its like"}


def is_pair_chosen(cell: Cell, *, one_way: bool, only: Only | None) -> bool:
    """Whether a pair of classes is of the kind that is asked for."""
    match only:
        case "compatible":
            return cell.verdict == "compatible"
        case "one-way":
            return one_way
        case _:
            return True


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
            mark = ONE_WAY if one_way else MARKS[verdict]
            line.append((f"{mark} ", "one way" if one_way else verdict))
        yield line
    legend = (
        "rows go to columns: + compatible, > one way, - incompatible, ? undetermined"
    )
    yield [(legend, "dim")]


def matrix_answer(
    fleet: Fleet, grid: Grid, rows: Sequence[int], hosts: Collection[str] = ()
) -> Line:
    """Say in a line where classes of a fleet can go; of `hosts` if any are named."""
    found = [(row, grid.goes(row, fleet.classes[row].endpoints)) for row in rows]
    goes = Counter(each for _, each in found)
    why = _open_why(grid, [row for row, each in found if each == "unknown"])
    one_way = sum(any(grid.one_way(row)) for row in rows)
    ends = "a dead end" if goes["nowhere"] == 1 else "dead ends"
    have = "has" if one_way == 1 else "have"
    said = [
        (f"{goes['elsewhere']} can go to another class", goes["elsewhere"]),
        (f"{goes['to its like']} only within their own", goes["to its like"]),
        (f"of {goes['unknown']} it is not known ({why})", goes["unknown"]),
        (f"{goes['nowhere']} nowhere: {ends}", goes["nowhere"]),
        (f"{one_way} {have} a one-way move", one_way),
    ]
    number = counted(len(rows), "class", "classes")
    where = first_of([*hosts], MOST) if hosts else counted(len(fleet.hosts), "host")
    words = "; ".join(text for text, is_there in said if is_there)
    style = "compatible" if not goes["nowhere"] + goes["unknown"] else "undetermined"
    return [(f"{number} on {where}: {words or 'nothing to compare'}", style)]
