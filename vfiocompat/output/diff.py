# SPDX-License-Identifier: Apache-2.0
"""What `diff` shows: what changed between two fleets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import CODES
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


class DiffDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What changed between two fleets."""

    schema: Literal["vfiocompat.diff/1"] = "vfiocompat.diff/1"
    tool: Tool = Tool()
    endpoints: EndpointChanges
    paths: PathChanges
    classes: list[NamedClass]
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
    for path in paths:
        if path.codes == (GONE,) and what == "gained":
            why = "there was no such endpoint before"
            yield _row(what, path, found, why)
            continue
        why = ", ".join(
            f"{code} {CODES[code].summary}"
            for code in path.codes
            if CODES[code].severity == "error" or path.verdict == "undetermined"
        )
        if path.became is not None:
            ends = " -> ".join(_label(found.classes, id_) for id_ in path.became)
            when = "before" if what == "gained" else "now"
            why = f"{when} {ends}: {why or ', '.join(path.codes)}"
        yield _row(what, path, found, why)


def _row(
    what: str, path: Path, found: Comparison, why: str
) -> tuple[str, str, str, str]:
    ends = path.source, path.destination
    source, destination = (_label(found.classes, end) for end in ends)
    return what, source, destination, why


def _label(classes: dict[str, Endpoint], id_: str) -> str:
    """Name a class by what people know it by, and by its id."""
    endpoint = classes[id_]
    words = endpoint.version or " ".join(
        filter(None, (endpoint.driver, endpoint.type_id))
    )
    return f"{words} ({id_})" if words else id_
