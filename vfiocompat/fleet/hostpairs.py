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
    """Two hosts: whether all devices of one can go to the other, and how many."""

    source: str
    destination: str
    verdict: Verdict
    devices: int


def host_pairs(fleet: Fleet, grid: Grid) -> Iterator[HostPair]:
    """Compare every two hosts of a fleet.

    Devices are mdevs, and functions that are in use; a host without any is no source.
    Hosts that have the same classes are compared once. Room is another question.
    """
    leaving: dict[str, dict[int, int]] = {}
    offers: dict[str, frozenset[int]] = {}
    for host in fleet.hosts:
        has = list(fleet.on_host(host))
        devices = {place: each.devices for place, each in has if each.devices}
        if devices:
            leaving[host.host] = devices
        offers[host.host] = frozenset(place for place, _ in has)
    known: dict[tuple[frozenset[int], frozenset[int]], Verdict] = {}
    for source, devices in leaving.items():
        number = sum(devices.values())
        classes = frozenset(devices)
        for destination, places in offers.items():
            if destination != source:
                key = classes, places
                if key not in known:
                    known[key] = _of_host(grid, *key)
                yield HostPair(source, destination, known[key], number)


def _of_host(grid: Grid, devices: frozenset[int], places: frozenset[int]) -> Verdict:
    """Tell whether each of several classes can go to one of several others."""
    there = (
        {grid.cell(device, place).verdict for place in places} for device in devices
    )
    return worst_of((best_of(each, "incompatible") for each in there), "incompatible")
