# SPDX-License-Identifier: Apache-2.0
"""What `diff` shows: what changed between two fleets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import CODES
from vfiocompat.diagnostics import counted, first_of
from vfiocompat.endpoints import Problem
from vfiocompat.fleet.diff import GONE, Change, Path
from vfiocompat.inventory import Tool
from vfiocompat.output.errors import fleet_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.fleet.diff import Comparison
    from vfiocompat.output.text import Line

__all__ = [
    "DiffDocument",
    "diff_answer",
    "diff_document",
    "diff_lines",
    "diff_rows",
    "within_lines",
]

_SHOWN = 3  # hosts at an end of a path

_LISTED = 8  # hosts that changed, and endpoints of one


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


def diff_answer(found: Comparison) -> Line:
    """Say in a line how many paths there are no more, or now."""
    paths = [
        (counted(len(found.lost), "path") + " lost", found.lost),
        (f"{len(found.unknown)} not known any more", found.unknown),
        (f"{len(found.gained)} gained", found.gained),
    ]
    ends = [
        (f"{counted(len(found.removed), 'endpoint')} removed", found.removed),
        (f"{len(found.added)} added", found.added),
        (f"{len(found.changed)} changed", found.changed),
    ]
    said = [", ".join(text for text, there in part if there) for part in (paths, ends)]
    said[0] = said[0] or "no path is lost or gained"
    style = "undetermined" if found.unknown else "compatible"
    return [("; ".join(filter(None, said)), "incompatible" if found.lost else style)]


_STYLES = {"lost": "incompatible", "not known": "undetermined", "gained": "compatible"}


def diff_lines(found: Comparison, *, whole: bool) -> Iterator[Line]:
    """Give what changed for a person: paths with their hosts, then endpoints."""
    for what, style in _STYLES.items():
        listed = [*dict.fromkeys(_paths(what, found))]
        if listed:
            yield [("", "plain")]
            yield [(what, style), (f"  {counted(len(listed), 'path')}", "dim")]
        for source, destination, why, hosts in listed:
            yield [(f"  {source} -> {destination}", "strong")]
            yield [("    ", "dim"), (hosts, "plain")]
            yield [("    ", "dim"), (why, "plain")]
    for word, names in (("removed", found.removed), ("added", found.added)):
        if names:
            yield [("", "plain")]
            yield [(word, "strong"), (f"  {counted(len(names), 'endpoint')}", "dim")]
            yield from _on_hosts(names, whole=whole)
    alike: dict[str, list[tuple[str, str]]] = {}
    for change in found.changed:
        alike.setdefault(_values(change), []).append((change.host, change.address))
    for values, names in alike.items():
        yield [("", "plain")]
        yield [("changed", "strong"), (f"  {counted(len(names), 'endpoint')}", "dim")]
        yield [("  ", "plain"), (values, "plain")]
        yield from _on_hosts(names, whole=whole)


def within_lines(host: str) -> Iterator[Line]:
    """Say of two inventories of one host that no path leaves it."""
    said = f"only paths within {host} were compared: name two folders with the "
    yield [
        (f"{said}inventories of all hosts, and those to the others are too", "plain")
    ]


def _on_hosts(names: Iterable[tuple[str, str]], *, whole: bool) -> Iterator[Line]:
    """Name endpoints, those of a host in one line."""
    of_host: dict[str, list[str]] = {}
    for host, address in names:
        of_host.setdefault(host, []).append(address)
    shown = len(of_host) if whole else _LISTED
    for host, addresses in [*of_host.items()][:shown]:
        most = len(addresses) if whole else _LISTED
        yield [
            (f"  {host}  ", "strong"),
            (first_of(sorted(addresses), most), "plain"),
        ]
    if len(of_host) > shown:
        yield [(f"  and {counted(len(of_host) - shown, 'more host')}", "dim")]


def diff_rows(found: Comparison) -> Iterator[tuple[str, str, str, str]]:
    """Give one row a change, those that matter most first."""
    for what in _STYLES:
        for source, destination, why, hosts in dict.fromkeys(_paths(what, found)):
            yield what, source, destination, f"{why}; {hosts}"
    for host, address in found.removed:
        yield "removed", host, address, "-"
    for host, address in found.added:
        yield "added", host, address, "-"
    for change in found.changed:
        yield "changed", change.host, change.address, _values(change)


def _values(change: Change) -> str:
    return "; ".join(
        f"{name}: {old or 'none'} -> {new or 'none'}"
        for name, (old, new) in change.values.items()
    )


def _paths(what: str, found: Comparison) -> Iterator[tuple[str, str, str, str]]:
    """Give source, destination, why and the hosts of each path of a kind."""
    paths = {"lost": found.lost, "not known": found.unknown, "gained": found.gained}
    hosts = _Hosts(found, side=what == "gained")
    for path in paths[what]:
        ends = (path.source, path.destination)
        source, destination = (_label(found.classes, end) for end in ends)
        yield source, destination, _why(what, path, found), hosts.of(path)


def _why(what: str, path: Path, found: Comparison) -> str:
    """Say why a path is there in one fleet only."""
    if path.codes == (GONE,) and what == "gained":
        return "there were no two such endpoints before"
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
