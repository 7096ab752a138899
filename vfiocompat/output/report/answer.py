# SPDX-License-Identifier: Apache-2.0
"""What a report says first: in plain words what matters most, with counts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.output.report.parts import names_line
from vfiocompat.times import ago, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.fleet.report import Report
    from vfiocompat.output.text import Line

__all__ = [
    "ReportCounts",
    "answer_lines",
    "counted",
    "counts_of",
]

_NAMED = 5
"""How many hosts the answer names."""


class ReportCounts(msgspec.Struct, frozen=True):
    """How many there are of everything that the answer tells.

    `sources` are hosts that have devices, or may have some, of which `elsewhere`,
    `unknown` and `nowhere` are told apart. `moves` are pairs of hosts of which one
    takes all devices of the other, and `one_way` those of them from which not all could
    come back.
    """

    hosts: int
    endpoints: int
    devices: int
    classes: int
    sources: int
    elsewhere: int
    unknown: int
    nowhere: int
    moves: int
    one_way: int
    outdated: int
    with_problems: int
    unusable: int


def counts_of(report: Report) -> ReportCounts:
    """Count what the answer tells."""
    hosts, errors = report.hosts, report.fleet.errors
    outlooks = Counter(line.outlook for line in hosts)
    return ReportCounts(
        hosts=len(hosts),
        endpoints=sum(line.endpoints for line in hosts),
        devices=sum(line.devices for line in hosts),
        classes=len(report.fleet.classes),
        sources=len(hosts) - outlooks["no devices"],
        elsewhere=outlooks["elsewhere"],
        unknown=outlooks["unknown"],
        nowhere=outlooks["nowhere"],
        moves=sum(line.to for line in hosts),
        one_way=sum(line.one_way for line in hosts),
        outdated=sum(line.outdated is not None for line in hosts),
        with_problems=sum(bool(line.found.problems) for line in hosts),
        unusable=len(errors),
    )


# ---- the answer in plain words ---------------------------------------------------


def answer_lines(report: Report) -> Iterator[Line]:
    """Say what matters most, first whether hosts can be emptied into others.

    The style of a line is that of its first part: a verdict, or how bad it is.
    """
    counts = counts_of(report)
    unsure = any(
        not line.devices and line.outlook != "no devices" for line in report.hosts
    )
    yield _who_can_go(
        counts, "that have or may have devices" if unsure else "with devices"
    )
    for outlook, style, one, several in _NOT_ELSEWHERE:
        names = [line.found.host for line in report.hosts if line.outlook == outlook]
        if names:
            said = one if len(names) == 1 else several.format(len(names))
            yield [(f"{said}: ", style), *names_line(names, _NAMED)]
    if counts.moves:
        yield _moves(counts)
    yield _inventories(report, counts)
    yield from _doubts(report, counts)


_NOT_ELSEWHERE = (
    (
        "nowhere",
        "incompatible",
        "1 host is a dead end, since no other takes all of its devices",
        "{} hosts are dead ends, since no other takes all of their devices",
    ),
    (
        "unknown",
        "undetermined",
        "Of 1 host it is undetermined whether another takes all of its devices",
        "Of {} hosts it is undetermined whether another takes all of their devices",
    ),
)


def _who_can_go(counts: ReportCounts, with_devices: str) -> Line:
    if not counts.sources:
        what = "No host has a device now" if counts.hosts else "There is no host"
        return [(f"{what}, so nothing is told of whole hosts.", "undetermined")]
    style = "compatible" if counts.elsewhere == counts.sources else "incompatible"
    if counts.elsewhere + counts.unknown == counts.sources != counts.elsewhere:
        style = "undetermined"
    of = f"{counts.elsewhere} of {counted(counts.sources, 'host')} {with_devices}"
    return [(f"{of} can give all of them to another host.", style)]


def _moves(counts: ReportCounts) -> Line:
    if not counts.one_way:
        could = f"{counted(counts.moves, 'move')} from host to host could be made"
        return [(f"{could}, and each of them back.", "compatible")]
    of = f"{counts.one_way} of {counted(counts.moves, 'move')} from host to host"
    verb = "is" if counts.one_way == 1 else "are"
    return [(f"{of} {verb} one way: not all devices could come back.", "one way")]


def _inventories(report: Report, counts: ReportCounts) -> Line:
    said = (
        f"{counted(counts.hosts, 'host')} with {counted(counts.endpoints, 'endpoint')}"
        f" of {counted(counts.classes, 'class')}, {counts.devices} of them devices"
    )
    times = [timestamp(line.found.taken_at) for line in report.hosts]
    known = [time for time in times if time is not None]
    if not known:
        return [(f"{said}.", "plain")]
    oldest = report.hosts[times.index(min(known))].found.host
    age = ago(report.horizon.now - min(known))
    return [(f"{said}; the oldest inventory is {age} old: ", "plain"), (oldest, "name")]


def _doubts(report: Report, counts: ReportCounts) -> Iterator[Line]:
    """Tell of inventories that do not count, or not in full."""
    outdated = [line.found.host for line in report.hosts if line.outdated is not None]
    if outdated:
        what = f"{counted(counts.outdated, 'inventory')} not relied on: too old, or of"
        yield [
            (f"{what} the future: ", "warning"),
            *names_line(outdated, _NAMED),
        ]
    troubled = [line.found.host for line in report.hosts if line.found.problems]
    if troubled:
        what = f"{counted(len(troubled), 'host')} not read in full by the scan: "
        yield [(what, "warning"), *names_line(troubled, _NAMED)]
    if counts.unusable:
        what = f"{counted(counts.unusable, 'file')} could not be used: "
        paths = list(report.fleet.errors)
        yield [(what, "error"), *names_line(paths, _NAMED)]


_PLURALS = {"class": "classes", "inventory": "inventories"}


def counted(number: int, what: str) -> str:
    """Say how many there are of something, by its singular."""
    return f"{number} {what if number == 1 else _PLURALS.get(what, what + 's')}"
