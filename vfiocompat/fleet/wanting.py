# SPDX-License-Identifier: Apache-2.0
"""What has to be learnt of a fleet's classes, and where their endpoints are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.decision.needs import NOT_ASKED, Need, Wanting, needs
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.facts import can_be_stated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vfiocompat.decision.needs import Place
    from vfiocompat.fleet.cells import Cell
    from vfiocompat.fleet.classes import Fleet
    from vfiocompat.fleet.grid import Grid
    from vfiocompat.tables.library import Library

__all__ = ["of_classes", "of_grid"]

_KEPT = 8
"""Endpoints of a class that are named, as far as a fleet has kept them."""


def of_classes(fleet: Fleet, needs_of: Mapping[int, Need]) -> list[Wanting]:
    """Tell of classes, which are given by their places, where their endpoints are."""
    hosts: dict[int, list[str]] = {place: [] for place in needs_of}
    places: dict[int, list[Place]] = {place: [] for place in needs_of}
    for host in fleet.hosts if needs_of else ():
        for at, has in fleet.on_host(host):
            if at in hosts:
                hosts[at].append(host.host)
                if len(places[at]) < _KEPT:
                    known = has.members[:_KEPT]
                    places[at] += [(host.host, each.address) for each in known]
    return [
        Wanting(
            need,
            fleet.classes[at].endpoint.driver,
            (*hosts[at],),
            (*places[at],),
            fleet.classes[at].endpoints,
        )
        for at, need in needs_of.items()
    ]


def of_grid(
    fleet: Fleet, grid: Grid, rows: Sequence[int], library: Library
) -> list[Wanting]:
    """Tell what has to be learnt so that pairs from some classes are decided.

    What a table does not know of an endpoint is open against one like itself too.
    """
    found: dict[int, Need] = {}
    open_ = _columns(grid, rows, _is_open)
    open_ |= {row for row in rows if grid.verdicts(row)["undetermined"]}
    for at in sorted(open_):
        end = fleet.classes[at].endpoint
        if end.is_outdated:
            found[at] = Need((), "ask" if end.has_attribute else "scan")
        elif _is_open(grid.cell(at, at)):
            facts: dict[str, None] = {}
            for need in needs(*decide_pair(end, end, library)).values():
                facts |= dict.fromkeys(
                    each for each in need.facts if can_be_stated(end, each)
                )
            if facts:
                found[at] = Need(tuple(facts))
    for at in sorted(_columns(grid, rows, _is_unasked)):
        found[at] = found.get(at, Need()).beside(Need((), "ask"))
    return of_classes(fleet, found)


def _is_open(cell: Cell) -> bool:
    return cell.verdict == "undetermined"


def _is_unasked(cell: Cell) -> bool:
    return _is_open(cell) and not NOT_ASKED.isdisjoint(cell.codes)


def _columns(
    grid: Grid, rows: Sequence[int], is_one: Callable[[Cell], bool]
) -> set[int]:
    """Find the destinations to which some source has a pair of a kind."""
    numbers = {at for at, cell in enumerate(grid.cells) if is_one(cell)}
    left = set(range(grid.size))
    for row in rows if numbers else ():
        there = grid.row(row)
        if not numbers.isdisjoint(there):
            left -= {at for at in left if there[at] in numbers}
    return set(range(grid.size)) - left
