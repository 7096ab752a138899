# SPDX-License-Identifier: Apache-2.0
"""What `report` has to tell, as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.diagnostics import Diagnostic
from vfiocompat.endpoints import Problem
from vfiocompat.fleet.grid import Goes
from vfiocompat.fleet.moves import Way, places
from vfiocompat.fleet.report import Outlook
from vfiocompat.inventory import Tool
from vfiocompat.output.errors import fleet_problems
from vfiocompat.output.report.answer import ReportCounts, answer_lines, counts_of
from vfiocompat.output.report.parts import number_of
from vfiocompat.times import moment
from vfiocompat.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.fleet.report import HostLine, Report
    from vfiocompat.output.wayout import Step

__all__ = [
    "ReportDocument",
    "report_document",
    "report_moves",
]

_VERDICTS: dict[Way, Verdict] = {
    "compatible": "compatible",
    "one way": "compatible",
    "undetermined": "undetermined",
    "incompatible": "incompatible",
}


class ReportHost(msgspec.Struct, frozen=True):
    """A host, where its devices can go, and how far its inventory can be relied on.

    `goes` says whether another host takes all of them, `to` how many do, `one_way` from
    how many of those not all could come back, and `takes` of how many hosts it takes
    all. `outdated` says why its inventory counts as unknown. `problems` are the first
    that its scan met.
    """

    host: str
    path: str
    group: int
    taken_at: str
    age: str
    outdated: str | None
    endpoints: int
    devices: int
    goes: Outlook
    to: int
    one_way: int
    takes: int
    problems: list[Problem]


class ReportGroup(msgspec.Struct, frozen=True):
    """Hosts that have devices, and endpoints, of the same classes.

    `takes` are the classes that can go to an endpoint of its hosts.
    """

    number: int
    hosts: list[str]
    devices: list[str]
    classes: list[str]
    takes: list[str]


class ReportClass(msgspec.Struct, frozen=True):
    """A class: how many there are, where they can go, and what can go to them.

    `one_way` are those of `to` from which they cannot come back.
    """

    id: str
    driver: str | None
    type_id: str | None
    version: str | None
    device_api: str | None
    attribute: str
    endpoints: int
    devices: int
    hosts: int
    goes: Goes
    to: list[str]
    one_way: list[str]
    takes: list[str]


class StuckRecord(msgspec.Struct, frozen=True):
    """Devices of a class that no other host takes.

    `diagnostics` say what stands in their way to the closest class; both are empty
    where that was not looked for.
    """

    id: str
    closest: str | None
    diagnostics: tuple[Diagnostic, ...]


class DeadEnd(msgspec.Struct, frozen=True):
    """A group none of whose hosts can give all of its devices to another host.

    With `unknown` it may. Without `classes` each device can go somewhere, but not all
    to one host.
    """

    group: int
    goes: Outlook
    classes: list[StuckRecord]


class GroupMove(msgspec.Struct, frozen=True, gc=False):
    """Two groups: whether a host of the one can give all of its devices to the other's.

    `one_way` if not all of them could come back.
    """

    source: int
    destination: int
    verdict: Verdict
    one_way: bool


class TodoStep(msgspec.Struct, frozen=True):
    """What to do so that less is undetermined, and what to type or write for it."""

    what: str
    paste: str | None


class ReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A fleet at a glance: who can go where, what is stuck, and how old it all is.

    A group without devices is no source of `moves`.
    """

    schema: Literal["vfiocompat.report/1"] = "vfiocompat.report/1"
    tool: Tool = Tool()
    made_at: str
    max_age: float | None
    answer: list[str]
    counts: ReportCounts
    hosts: list[ReportHost]
    groups: list[ReportGroup]
    classes: list[ReportClass]
    dead_ends: list[DeadEnd]
    todo: list[TodoStep]
    problems: list[Problem]
    moves: list[GroupMove]


def report_document(report: Report, steps: Sequence[Step] = ()) -> ReportDocument:
    """Make the document of a report and what is to be typed, without its moves."""
    names = [class_.id for class_ in report.fleet.classes]

    def ids(places: Sequence[int]) -> list[str]:
        return [names[place] for place in places]

    return ReportDocument(
        made_at=moment(report.horizon.now),
        max_age=report.horizon.max_age,
        answer=["".join(text for text, _ in line) for line in answer_lines(report)],
        counts=counts_of(report),
        hosts=[_host(line) for line in report.hosts],
        groups=[
            ReportGroup(
                number_of(at),
                [report.fleet.hosts[place].host for place in group.hosts],
                ids(group.devices),
                ids(group.offers),
                ids(accepted),
            )
            for at, (group, accepted) in enumerate(
                zip(report.groups, report.accepted, strict=True)
            )
        ],
        classes=[
            ReportClass(
                class_.id,
                class_.endpoint.driver,
                class_.endpoint.type_id,
                class_.endpoint.version,
                class_.endpoint.device_api,
                class_.endpoint.attribute_state,
                class_.endpoints,
                class_.devices,
                class_.hosts,
                report.grid.goes(at, class_.endpoints),
                ids(report.classes[at].to),
                ids(report.classes[at].one_way),
                ids(report.classes[at].takes),
            )
            for at, class_ in enumerate(report.fleet.classes)
        ],
        dead_ends=[
            DeadEnd(
                number_of(stuck.group),
                stuck.outlook,
                [
                    StuckRecord(
                        names[each.class_],
                        None if each.closest is None else names[each.closest],
                        each.decision.diagnostics if each.decision else (),
                    )
                    for each in stuck.classes
                ],
            )
            for stuck in report.stuck
        ],
        todo=[TodoStep(said, "\n".join(pasted) or None) for said, pasted in steps],
        problems=fleet_problems(report.fleet.errors),
        moves=[],
    )


def _host(line: HostLine) -> ReportHost:
    return ReportHost(
        line.found.host,
        line.found.path,
        number_of(line.group),
        line.found.taken_at,
        line.age,
        line.outdated,
        line.endpoints,
        line.devices,
        line.outlook,
        line.to,
        line.one_way,
        line.takes,
        line.found.problems,
    )


def report_moves(report: Report) -> Iterator[GroupMove]:
    """Give every two groups of which one is a source, source by source."""
    for at, ways in enumerate(report.ways):
        for way, there in ways.each():
            for place in places(there):
                yield GroupMove(
                    number_of(at), number_of(place), _VERDICTS[way], way == "one way"
                )
