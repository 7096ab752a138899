# SPDX-License-Identifier: Apache-2.0
"""Pairs of hosts: whether all devices of one can go to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.verdicts import Verdict, best_of, worst_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.fleet.classes import Fleet
    from vfiocompat.fleet.grid import Grid

__all__ = ["HostPair", "host_pairs"]


class HostPair(msgspec.Struct, frozen=True):
    """Two hosts: whether all devices of one can go to the other, and how many.

    Of `unknown` endpoints more nobody knows whether they are devices.
    """

    source: str
    destination: str
    verdict: Verdict
    devices: int
    unknown: int = 0

    @property
    def number(self) -> str:
        """How many devices there are, as far as that is known."""
        most = f" to {self.devices + self.unknown}" if self.unknown else ""
        return f"{self.devices}{most}"


def host_pairs(fleet: Fleet, grid: Grid) -> Iterator[HostPair]:
    """Compare every two hosts of a fleet.

    Devices are mdevs, and functions that are in use; a host without any is no source.
    Hosts that have the same classes are compared once. Room is another question.
    """
    leaving: dict[str, tuple[frozenset[int], frozenset[int], int, int]] = {}
    offers: dict[str, frozenset[int]] = {}
    for host in fleet.hosts:
        has = list(fleet.on_host(host))
        devices = {place: each.devices for place, each in has if each.devices}
        unknown = {place: each.unknown for place, each in has if each.unknown}
        if devices or unknown:
            numbers = sum(devices.values()), sum(unknown.values())
            leaving[host.host] = frozenset(devices), frozenset(unknown), *numbers
        offers[host.host] = frozenset(place for place, _ in has)
    known: dict[tuple[frozenset[int], ...], Verdict] = {}
    for source, (sure, unsure, *counts) in leaving.items():
        for destination, places in offers.items():
            if destination != source:
                key = sure, unsure, places
                if key not in known:
                    known[key] = _of_host(grid, *key)
                yield HostPair(source, destination, known[key], *counts)


def _of_host(
    grid: Grid,
    devices: frozenset[int],
    unknown: frozenset[int],
    places: frozenset[int],
) -> Verdict:
    """Tell whether each of several classes can go to one of several others.

    One of which nobody knows whether it has to go refuses nothing.
    """

    def best(class_: int) -> Verdict:
        there = {grid.cell(class_, place).verdict for place in places}
        return best_of(there, "incompatible")

    found = {best(class_) for class_ in devices}
    if {best(class_) for class_ in unknown} - {"compatible"}:
        found.add("undetermined")
    return worst_of(found, "compatible")
