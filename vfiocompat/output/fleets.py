# SPDX-License-Identifier: Apache-2.0
"""The documents about fleets, as records: their fields are the JSON's names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.diagnostics import Code, Diagnostic
from vfiocompat.endpoints import Problem
from vfiocompat.fleet.diff import Change, Path
from vfiocompat.fleet.grid import Goes, HostPair, host_pairs
from vfiocompat.inventory import Tool
from vfiocompat.output.documents import (
    AddressRecord,
    Counts,
    address_record,
    check_result,
)
from vfiocompat.verdicts import Basis, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.fleet.classes import Class, Fleet
    from vfiocompat.fleet.diff import Comparison
    from vfiocompat.fleet.grid import Grid
    from vfiocompat.fleet.targets import Target, Targets
    from vfiocompat.output.documents import CheckResult

__all__ = [
    "DiffDocument",
    "MatrixDocument",
    "TargetsDocument",
    "class_names",
    "diff_document",
    "fleet_problems",
    "matrix_cells",
    "matrix_class",
    "matrix_document",
    "target_results",
    "targets_document",
]


class TargetResult(msgspec.Struct, frozen=True):
    """One endpoint that the source can go to, or perhaps, as a result of `check`.

    `available_instances` is how many more of it there can be now; null where that is
    not told.
    """

    source: AddressRecord
    destination: AddressRecord
    verdict: Verdict
    basis: Basis
    table: str | None
    diagnostics: tuple[Diagnostic, ...]
    available_instances: int | None


class TargetsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source can go; of incompatible endpoints there is only the count."""

    schema: Literal["vfiocompat.targets/1"] = "vfiocompat.targets/1"
    tool: Tool = Tool()
    source: AddressRecord
    counts: Counts
    problems: list[Problem]
    results: list[TargetResult]


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


class MatrixCell(msgspec.Struct, frozen=True):
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


class Named(msgspec.Struct, frozen=True):
    """An endpoint by its host and its address there."""

    host: str
    address: str


class EndpointChanges(msgspec.Struct, frozen=True):
    """Endpoints that only one of two fleets has, and those that are not as before."""

    added: list[Named]
    removed: list[Named]
    changed: list[Change]


class PathChanges(msgspec.Struct, frozen=True):
    """Pairs of classes that only one of two fleets has a way between."""

    lost: list[Path]
    gained: list[Path]


class NamedClass(msgspec.Struct, frozen=True):
    """What a class that is named in a path is made of."""

    id: str
    version: str | None
    type_id: str | None
    driver: str | None


class DiffDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What changed between two fleets."""

    schema: Literal["vfiocompat.diff/1"] = "vfiocompat.diff/1"
    tool: Tool = Tool()
    endpoints: EndpointChanges
    paths: PathChanges
    classes: list[NamedClass]
    problems: list[Problem]


def targets_document(source: Endpoint, targets: Targets) -> TargetsDocument:
    """Make the document of where a source can go, without its results."""
    counts = targets.counts
    return TargetsDocument(
        source=address_record(source),
        counts=Counts(
            counts["compatible"],
            counts["incompatible"],
            counts["undetermined"],
            counts["failed"],
        ),
        problems=fleet_problems(targets.errors),
        results=[],
    )


def target_results(found: Iterable[Target]) -> Iterator[bytes]:
    """Give targets as JSON; what all of a class have in common is encoded once."""
    encode = msgspec.json.encode
    common: dict[int, tuple[bytes, bytes]] = {}
    for target in found:
        key = id(target.pair)
        if key not in common:
            common[key] = _target_in_common(check_result(*target.pair))
        start, middle = common[key]
        yield b"".join(
            (
                start,
                encode(target.address),
                b',"host":',
                encode(target.host),
                middle,
                encode(target.free),
                b"}",
            )
        )


def _target_in_common(result: CheckResult) -> tuple[bytes, bytes]:
    """Encode a TargetResult, but for its address, its host and what is free of it."""
    encode = msgspec.json.encode
    there = result.destination
    start = b'{"source":%s,"destination":{"address":' % encode(result.source)
    names = "verdict", "basis", "table", "diagnostics"
    rest = [
        b'"%s":%s' % (name.encode(), encode(getattr(result, name))) for name in names
    ]
    middle = b',"version":%s,"origin":%s},%s,"available_instances":' % (
        encode(there.version),
        encode(there.origin),
        b",".join(rest),
    )
    return start, middle


def matrix_document(fleet: Fleet, grid: Grid, *, hosts: bool) -> MatrixDocument:
    """Make the document of every pair of a fleet's classes, without its cells."""
    counts: Counter[Verdict] = Counter()
    for row in range(grid.size):
        counts += grid.verdicts(row)
    return MatrixDocument(
        classes=[
            matrix_class(class_, grid.goes(row, class_.endpoints))
            for row, class_ in enumerate(fleet.classes)
        ],
        hosts=list(host_pairs(fleet, grid)) if hosts else [],
        counts=MatrixCounts(
            counts["compatible"], counts["incompatible"], counts["undetermined"]
        ),
        problems=fleet_problems(fleet.errors),
        cells=[],
    )


def diff_document(found: Comparison, errors: Mapping[str, ErrorRecord]) -> DiffDocument:
    """Make the document of what changed."""
    named = {name for path in found.lost + found.gained for name in class_names(path)}
    return DiffDocument(
        endpoints=EndpointChanges(
            [Named(*name) for name in found.added],
            [Named(*name) for name in found.removed],
            found.changed,
        ),
        paths=PathChanges(found.lost, found.gained),
        classes=[
            NamedClass(id_, endpoint.version, endpoint.type_id, endpoint.driver)
            for id_, endpoint in found.classes.items()
            if id_ in named
        ],
        problems=fleet_problems(errors),
    )


def class_names(path: Path) -> set[str]:
    """Name every class that a path is about."""
    return {path.source, path.destination, *(path.became or ())}


def matrix_class(class_: Class, goes: Goes) -> MatrixClass:
    """Make the record of a class."""
    endpoint = class_.endpoint
    attribute = endpoint.attribute
    return MatrixClass(
        class_.id,
        endpoint.version,
        endpoint.type_id,
        endpoint.driver,
        endpoint.device_api,
        attribute.state if attribute is not None else "absent",
        class_.endpoints,
        class_.hosts,
        goes,
    )


def matrix_cells(ids: Sequence[str], grid: Grid) -> Iterator[bytes]:
    """Give every pair of classes as JSON, row by row."""
    encode = msgspec.json.encode
    names = [encode(each) for each in ids]
    rest = [
        b',"verdict":%s,"basis":%s,"codes":%s,"one_way":'
        % (encode(cell.verdict), encode(cell.basis), encode(cell.codes))
        for cell in grid.cells
    ]
    for row, source in enumerate(names):
        start = b'{"source":%s,"destination":' % source
        ways = map(_WAYS.__getitem__, grid.one_way(row))
        for name, number, way in zip(names, grid.row(row), ways, strict=True):
            yield start + name + rest[number] + way


_WAYS = b"false}", b"true}"


def fleet_problems(errors: Mapping[str, ErrorRecord]) -> list[Problem]:
    """Make problems of inventories that could not be used."""
    return [Problem(path, "load", None, each.code) for path, each in errors.items()]
