# SPDX-License-Identifier: Apache-2.0
"""A whole VM and where it can go, as a document and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.codes import CODES, NO_ENDPOINT_LOADS, Code
from vfiocompat.diagnostics import Diagnostic
from vfiocompat.endpoints import Problem
from vfiocompat.inventory import Tool
from vfiocompat.output.brief import brief
from vfiocompat.output.errors import fleet_problems
from vfiocompat.output.pairs import CheckResult, bases_words, check_result, pair_lines
from vfiocompat.output.standings import HostStanding
from vfiocompat.output.text import finding_lines
from vfiocompat.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vfiocompat.errors import ErrorRecord
    from vfiocompat.output.standings import Standing
    from vfiocompat.output.text import Item, Line
    from vfiocompat.vm.hosts import HostResult, Outlook
    from vfiocompat.vm.model import Vm
    from vfiocompat.vm.plan import Given
    from vfiocompat.vm.report import HostReport

__all__ = [
    "HERE",
    "PLAN_COLUMNS",
    "VmDocument",
    "headline",
    "plan_lines",
    "plan_rows",
    "report_lines",
    "result_rows",
    "vm_document",
    "vm_standings",
]

HERE = "here"
"""How this host is written, among those of a fleet."""

PLAN_COLUMNS = ("device", "endpoint", "address")

_ROOM = {True: "yes", False: "no", None: "-"}
_ROOM_WORDS = {True: "room for all", False: "no room", None: "room not known"}


class VmRecord(msgspec.Struct, frozen=True):
    """Which VM it is, as far as its description tells."""

    name: str | None
    uuid: str | None
    machine: str | None


class Assigned(msgspec.Struct, frozen=True):
    """A device's endpoint at the destination, and the address it has there then.

    `first` is the command that makes it, null where it is there already.
    """

    device: str
    endpoint: str
    address: str
    first: str | None


class VmDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Where a VM can go.

    `host` is the one that takes it best, and what follows is about it: `verdict` is of
    compatibility alone, and `room` says whether there is an instance for each device,
    null where that is not known. `assignment` is complete or empty. `allowed`,
    `undetermined` and `not_allowed` have every host, `xml` is the VM's there.
    """

    schema: Literal["vfiocompat.vm/1"] = "vfiocompat.vm/1"
    tool: Tool = Tool()
    vm: VmRecord
    host: str | None
    verdict: Verdict
    room: bool | None
    diagnostics: tuple[Diagnostic, ...]
    devices: list[CheckResult]
    assignment: list[Assigned]
    allowed: list[str]
    undetermined: dict[str, tuple[Code, ...]]
    not_allowed: dict[str, tuple[Code, ...]]
    problems: list[Problem]
    xml: str | None = None


def vm_document(
    vm: Vm,
    best: HostReport,
    results: Sequence[HostResult],
    errors: Mapping[str, ErrorRecord],
    xml: str | None,
    *,
    problems: Iterable[Problem] = (),
) -> VmDocument:
    """Make the document of where a VM can go; `best` is the host that takes it best.

    `problems` are of what could not be read, beside `errors`.
    """

    def codes(outlook: Outlook) -> dict[str, tuple[Code, ...]]:
        return {_name(each): each.codes for each in results if each.outlook == outlook}

    return VmDocument(
        vm=VmRecord(vm.name, vm.uuid, vm.machine),
        host=_name(best.result),
        verdict=best.result.verdict,
        room=best.result.room,
        diagnostics=best.findings,
        devices=[check_result(*pair) for pair in best.pairs],
        assignment=[
            Assigned(each.device.text, each.endpoint, each.text, each.first)
            for each in best.given
        ],
        allowed=list(codes("allowed")),
        undetermined=codes("undetermined"),
        not_allowed=codes("not_allowed"),
        problems=[*problems, *fleet_problems(errors)],
        xml=xml,
    )


def _name(result: HostResult) -> str:
    return result.host or HERE


def report_lines(vm: Vm, report: HostReport, *, verbose: bool) -> Iterator[Item]:
    """Give what one host makes of a VM: all of it, and then each device."""
    yield headline(vm, report.result)
    for finding in report.findings:
        yield from finding_lines(finding)
    for pair in report.pairs:
        yield from pair_lines(pair, verbose=verbose)


def headline(vm: Vm, result: HostResult) -> Line:
    """Say in a line whether a host takes a VM."""
    number = len(vm.devices)
    said = [f"{number} VFIO device{'' if number == 1 else 's'}"]
    if result.room is not None or result.verdict != "incompatible":
        said.append(_ROOM_WORDS[result.room])
    return [
        (result.verdict, result.verdict),
        (f": {vm.name or 'the VM'} -> {_name(result)}   ", "plain"),
        (f"({', '.join(said)})", "dim"),
    ]


def result_rows(results: Iterable[HostResult]) -> Iterator[tuple[str, ...]]:
    """Give one row a host, in their order."""
    for result in results:
        room = _ROOM[result.room]
        yield result.outlook, _name(result), result.verdict, room, _why(result)


def _why(result: HostResult) -> str:
    """Say what a yes rests on, or what stands in the way."""
    if result.outlook == "allowed":
        return bases_words(result.bases) or "-"
    return ", ".join(f"{code} {CODES[code].summary}" for code in result.codes)


def vm_standings(results: Iterable[HostResult]) -> Iterator[HostStanding]:
    """Say of each host where it stands with a VM."""
    for result in results:
        codes = [code for code in result.codes if code not in _SUMS] or result.codes
        reasons = tuple(f"{code} {CODES[code].summary}" for code in codes)
        if result.outlook == "allowed":
            reasons = (bases_words(result.bases),) if result.bases else ()
        yield HostStanding(
            _name(result),
            _standing(result),
            brief(codes[0]) if codes else "",
            reasons,
        )


_SUMS = frozenset({NO_ENDPOINT_LOADS})
"""What says only that there is a reason."""


def _standing(result: HostResult) -> Standing:
    if result.outlook == "allowed":
        return "can"
    if result.verdict == "incompatible":
        return "cannot"
    if result.room is False:
        return "full" if result.verdict == "compatible" else "cannot"
    return "room not known" if result.verdict == "compatible" else "undetermined"


def plan_rows(report: HostReport) -> Iterator[tuple[str, ...]]:
    """Give one row a device: where it goes, and for programs what to do there first.

    The last of these names the host, as the first line does for people.
    """
    host = _name(report.result)
    for each in report.given:
        yield each.device.text, each.endpoint, each.text, each.first or "-", host


def plan_lines(given: Iterable[Given]) -> Iterator[Line]:
    """Give the commands of a plan by themselves: in a column they would be folded."""
    for each in given:
        if each.first:
            yield [(each.first, "command")]
