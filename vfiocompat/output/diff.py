# SPDX-License-Identifier: Apache-2.0
"""What `diff` shows: what changed between two fleets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import CODES
from vfiocompat.diagnostics import first_of
from vfiocompat.endpoints import Problem
from vfiocompat.fleet.diff import GONE, Change, Path
from vfiocompat.inventory import Tool
from vfiocompat.output.errors import fleet_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.fleet.diff import Comparison

__all__ = ["DIFF_COLUMNS", "DiffDocument", "diff_document", "diff_rows"]

_SHOWN = 3  # hosts at an end of a path

DIFF_COLUMNS = ("what", "source or host", "destination or address", "why")


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
    """Pairs of classes that only one of two fleets has a way between.

    Of `unknown` ones nobody knows any more whether there is one.
    """

    lost: list[Path]
    unknown: list[Path]
    gained: list[Path]


class NamedClass(msgspec.Struct, frozen=True):
    """What a class that is named in a path is made of."""

    id: str
    version: str | None
    type_id: str | None
    driver: str | None


class Move(msgspec.Struct, frozen=True):
    """On which hosts endpoints of the class `old` are of `new` now; None is none."""

    old: str | None
    new: str | None
    hosts: list[str]


class DiffDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What changed between two fleets."""

    schema: Literal["vfiocompat.diff/1"] = "vfiocompat.diff/1"
    tool: Tool = Tool()
    endpoints: EndpointChanges
    paths: PathChanges
    classes: list[NamedClass]
    moves: list[Move]
    problems: list[Problem]


def diff_document(found: Comparison, errors: Mapping[str, ErrorRecord]) -> DiffDocument:
    """Make the document of what changed."""
    named = {name for path in _all_paths(found) for name in _class_names(path)}
    return DiffDocument(
        endpoints=EndpointChanges(
            [Named(*name) for name in found.added],
            [Named(*name) for name in found.removed],
            found.changed,
        ),
        paths=PathChanges(found.lost, found.unknown, found.gained),
        classes=[
            NamedClass(id_, endpoint.version, endpoint.type_id, endpoint.driver)
            for id_, endpoint in found.classes.items()
            if id_ in named
        ],
        moves=[
            Move(old, new, hosts)
            for (old, new), hosts in found.hosts.items()
            if old in named or new in named
        ],
        problems=fleet_problems(errors),
    )


def _all_paths(found: Comparison) -> list[Path]:
    return found.lost + found.unknown + found.gained


def _class_names(path: Path) -> set[str]:
    """Name every class that a path is about."""
    return {path.source, path.destination, *(path.became or ())}


def diff_rows(found: Comparison) -> Iterator[tuple[str, str, str, str]]:
    """Give one row a change, those that matter most first."""
    for what, paths in (
        ("lost", found.lost),
        ("not known", found.unknown),
        ("gained", found.gained),
    ):
        yield from dict.fromkeys(_paths(what, paths, found))  # no row twice
    for host, address in found.removed:
        yield "removed", host, address, "-"
    for host, address in found.added:
        yield "added", host, address, "-"
    for change in found.changed:
        values = "; ".join(
            f"{name}: {old or 'none'} -> {new or 'none'}"
            for name, (old, new) in change.values.items()
        )
        yield "changed", change.host, change.address, values


def _paths(
    what: str, paths: Iterable[Path], found: Comparison
) -> Iterator[tuple[str, str, str, str]]:
    hosts = _Hosts(found, side=what == "gained")
    for path in paths:
        ends = (path.source, path.destination)
        source, destination = (_label(found.classes, end) for end in ends)
        why = f"{_why(what, path, found)}; {hosts.of(path)}"
        yield what, source, destination, why


def _why(what: str, path: Path, found: Comparison) -> str:
    """Say why a path is there in one fleet only."""
    if path.codes == (GONE,) and what == "gained":
        return "there was no such endpoint before"
    why = ", ".join(
        f"{code} {CODES[code].summary}"
        for code in path.codes
        if CODES[code].severity == "error" or path.verdict == "undetermined"
    )
    if path.became is None:
        return why
    ends = " -> ".join(_label(found.classes, id_) for id_ in path.became)
    when = "before" if what == "gained" else "now"
    return f"{when} {ends}: {why or ', '.join(path.codes)}"


class _Hosts:
    """On which hosts the classes of a fleet are, and what they are in the other one.

    `side` is 0 for the older fleet, 1 for the newer.
    """

    def __init__(self, found: Comparison, side: int) -> None:
        self._of: dict[tuple[str, str | None], list[str]] = {}
        everywhere: dict[str, set[str]] = {}
        for ends, hosts in found.hosts.items():
            here, there = ends[side], ends[1 - side]
            if here is not None:
                self._of[here, there] = hosts
                everywhere.setdefault(here, set()).update(hosts)
        self._everywhere = {class_: sorted(of) for class_, of in everywhere.items()}

    def of(self, path: Path) -> str:
        """Name the hosts whose endpoints a path goes between."""
        ends = path.source, path.destination
        if path.became is None:
            source, destination = (self._everywhere[end] for end in ends)
        else:
            moves = zip(ends, path.became, strict=True)
            source, destination = (self._of[move] for move in moves)
        return f"from {first_of(source, _SHOWN)} to {first_of(destination, _SHOWN)}"


def _label(classes: dict[str, Endpoint], id_: str) -> str:
    """Name a class by what people know it by, and by its id."""
    endpoint = classes[id_]
    words = endpoint.version or " ".join(
        filter(None, (endpoint.driver, endpoint.type_id))
    )
    return f"{words} ({id_})" if words else id_
