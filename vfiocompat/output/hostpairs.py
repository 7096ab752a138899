# SPDX-License-Identifier: Apache-2.0
"""What `matrix --hosts` shows: whole hosts, and which others take all they have."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vfiocompat.diagnostics import counted, first_of
from vfiocompat.output.matrix import MARKS, MOST
from vfiocompat.verdicts import Verdict, best_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from vfiocompat.fleet.hostpairs import HostPair
    from vfiocompat.output.matrix import Only
    from vfiocompat.output.text import Line

__all__ = ["chosen_hosts", "host_lines", "host_rows", "hosts_answer"]


def host_rows(pairs: Iterable[HostPair]) -> Iterator[tuple[str, ...]]:
    """Give one row for each two hosts: whether all devices can go to the other."""
    for pair in pairs:
        yield pair.source, pair.destination, pair.verdict, pair.number


def chosen_hosts(
    pairs: Sequence[HostPair], hosts: Collection[str], only: Only | None
) -> Iterator[HostPair]:
    """Give of all pairs of hosts those from some, if any are named, and of one kind."""
    go = {
        (each.source, each.destination)
        for each in pairs
        if each.verdict == "compatible"
    }
    leave = {source for source, _ in go}
    for each in pairs:
        if hosts and each.source not in hosts:
            continue
        there = each.source, each.destination
        is_one = {
            None: True,
            "compatible": there in go,
            "one-way": there in go and there[::-1] not in go,
            "dead-ends": each.source not in leave and each.verdict == "incompatible",
        }[only]
        if is_one:
            yield each


def host_lines(pairs: Iterable[HostPair], *, whole: bool) -> Iterator[Line]:
    """Give each host and where all its devices can go; those alike stand once.

    Unless it is to be `whole`, long lists are cut short, and say so.
    """
    to: dict[str, dict[Verdict, list[str]]] = {}
    devices = {}
    for pair in pairs:
        to.setdefault(pair.source, {}).setdefault(pair.verdict, []).append(
            pair.destination
        )
        devices[pair.source] = pair.number
    alike: dict[object, list[str]] = {}
    for source, there in to.items():
        key = tuple((verdict, tuple(names)) for verdict, names in there.items())
        alike.setdefault((key, devices[source]), []).append(source)
    for sources in alike.values():
        number = devices[sources[0]]
        what = "device" if number == "1" else "devices"
        most = sys.maxsize if whole else MOST
        yield [("", "plain")]
        yield [
            (first_of(sources, most), "strong"),
            (f"   {number} {what}{' each' if len(sources) > 1 else ''}", "dim"),
        ]
        for verdict, words in _TO.items():
            if names := to[sources[0]].get(verdict):
                yield [
                    (f"  {MARKS[verdict]} {words} ", verdict),
                    (first_of(names, most), "plain"),
                ]


_TO: dict[Verdict, str] = {
    "compatible": "all can go to",
    "undetermined": "not known of",
    "incompatible": "not to",
}


def hosts_answer(pairs: Iterable[HostPair]) -> Line:
    """Say in a line which hosts can be emptied into another."""
    verdicts: dict[str, set[Verdict]] = {}
    unsure = set()
    for pair in pairs:
        verdicts.setdefault(pair.source, set()).add(pair.verdict)
        if not pair.devices:
            unsure.add(pair.source)
    best: dict[Verdict, list[str]] = {}
    for host, each in verdicts.items():
        best.setdefault(best_of(each, "incompatible"), []).append(host)
    said = [
        f"{len(best[verdict])} {words}: {first_of(best[verdict], _NAMED)}"
        for verdict, words in _BEST.items()
        if verdict in best
    ] or ["nothing to compare"]
    number = _with_devices(len(verdicts) - len(unsure), len(unsure))
    style = "compatible" if "compatible" in best else "undetermined"
    return [(f"{number}; {'; '.join(said)} (room is not looked at)", style)]


_NAMED = 3  # hosts that the answer names of each kind

_BEST: dict[Verdict, str] = {
    "compatible": "can give all of them to another host",
    "undetermined": "not known",
    "incompatible": "cannot",
}


def _with_devices(sure: int, unsure: int) -> str:
    """Count hosts that have devices, and those that may have some."""
    if not unsure:
        return f"{counted(sure, 'host')} {'has' if sure == 1 else 'have'} devices"
    if not sure:
        return f"{counted(unsure, 'host')} may have devices"
    return (
        f"{counted(sure, 'host')} {'has' if sure == 1 else 'have'} devices, "
        f"{unsure} more may have some"
    )
