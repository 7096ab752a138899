# SPDX-License-Identifier: Apache-2.0
"""What `targets` shows: where a source can go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.endpoints import Problem
from vfiocompat.inventory import Tool
from vfiocompat.output.brief import brief_of
from vfiocompat.output.errors import fleet_problems
from vfiocompat.output.json import encoded
from vfiocompat.output.pairs import (
    AddressRecord,
    CheckResult,
    Counts,
    address_record,
    answer_age,
    basis_words,
    check_result,
    counts_record,
    decision_words,
)
from vfiocompat.output.standings import HostStanding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet.members import Member
    from vfiocompat.fleet.targets import HostTargets, Target, Targets
    from vfiocompat.output.standings import Standing
    from vfiocompat.pairs import Pair

__all__ = [
    "TargetsDocument",
    "host_standings",
    "target_results",
    "target_rows",
    "targets_document",
]


THIS_HOST = "this host"
"""How the host is called that nothing else is compared with."""


class TargetResult(CheckResult, frozen=True, gc=False):
    """One endpoint that the source can go to, or perhaps, as a result of `check`.

    `available_instances` is how many more of it there can be now; null where that is
    not told.
    """

    available_instances: int | None


class TargetsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source can go; of incompatible endpoints there is only the count."""

    schema: Literal["vfiocompat.targets/1"] = "vfiocompat.targets/1"
    tool: Tool = Tool()
    source: AddressRecord
    counts: Counts
    problems: list[Problem]
    results: list[TargetResult]


def targets_document(
    source: Endpoint, targets: Targets, problems: Iterable[Problem] = ()
) -> TargetsDocument:
    """Make the document of where a source can go, without its results.

    `problems` are of what could not be read, beside those of files.
    """
    return TargetsDocument(
        source=address_record(source),
        counts=counts_record(targets.counts),
        problems=[*problems, *fleet_problems(targets.errors)],
        results=[],
    )


def target_results(found: Iterable[Target]) -> Iterator[TargetResult]:
    """Give targets; what all of a class have in common is encoded once."""
    common: dict[int, CheckResult] = {}
    for host, address, free, pair in found:
        if id(pair) not in common:
            common[id(pair)] = _in_common(pair)
        like = common[id(pair)]
        version, origin = like.destination.version, like.destination.origin
        yield TargetResult(
            like.source,
            AddressRecord(address, host, version, origin),
            like.verdict,
            like.basis,
            like.channel,
            like.table,
            like.covered,
            like.head,
            like.diagnostics,
            free,
        )


def _in_common(pair: Pair) -> CheckResult:
    """Make a class's result, in which is encoded what no endpoint of it changes."""
    result = check_result(*pair)
    return msgspec.structs.replace(
        result,
        source=encoded(result.source),
        diagnostics=encoded(result.diagnostics),
    )


def target_rows(found: Iterable[Target]) -> Iterator[tuple[str, ...]]:
    """Give one row an endpoint that a source can go to, or perhaps."""
    reasons: dict[int, tuple[str, str]] = {}
    for host, address, free, pair in found:
        if id(pair) not in reasons:
            reasons[id(pair)] = pair.decision.verdict, _reason(pair)
        verdict, why = reasons[id(pair)]
        yield verdict, host or "-", address, "-" if free is None else str(free), why


def _reason(pair: Pair) -> str:
    """Say what a yes rests on, or why there is none."""
    decision = pair.decision
    if decision.verdict == "compatible":
        return basis_words(pair)
    return ", ".join(
        f"{finding.code} {finding.summary}"
        for finding in decision.diagnostics
        if finding.severity != "info"
    )


def host_standings(hosts: Iterable[HostTargets]) -> Iterator[HostStanding]:
    """Say of each host where it stands with a source."""
    said: dict[int, tuple[str, tuple[str, ...]]] = {}
    for each in hosts:
        name, pair = each.host or THIS_HOST, each.pair
        if pair is None:
            yield HostStanding(name, "cannot", "nothing there", ("it has no endpoint",))
            continue
        if id(pair) not in said:
            said[id(pair)] = _said_of(pair)
        brief, reasons = said[id(pair)]
        standing = _standing(pair, each.has_room)
        members = sorted(each.members, key=lambda one: one[0].has_room is not True)
        places = tuple(_place(*one) for one in members)
        yield HostStanding(name, standing, brief, reasons, places)


_STANDINGS: dict[bool | None, Standing] = {
    True: "can",
    False: "full",
    None: "room not known",
}


def _standing(pair: Pair, room: bool | None) -> Standing:  # noqa: FBT001 - of three
    match pair.decision.verdict:
        case "compatible":
            return _STANDINGS[room]
        case "undetermined":
            return "undetermined"
        case _:
            return "cannot"


def _said_of(pair: Pair) -> tuple[str, tuple[str, ...]]:
    """Give what is said of a class: in a few words, and in full."""
    decision = pair.decision
    if decision.verdict == "compatible":
        return "", (decision_words(decision),)
    told = [each for each in decision.diagnostics if each.severity != "info"]
    if decision.verdict == "incompatible":  # what is not known beside does not matter
        told = [each for each in told if each.severity == "error"] or told
    if decision.failed:
        return "could not be asked", tuple(map(_finding, told))
    return brief_of(told[0]) if told else "", tuple(map(_finding, told))


def _finding(finding: Diagnostic) -> str:
    """Give a finding in a line, with its errno where the words do not name it."""
    errno = finding.errno
    told = f" ({errno})" if errno and errno not in finding.summary else ""
    return f"{finding.code} {finding.summary}{told}"


def _place(member: Member, pair: Pair) -> str:
    """Say of an endpoint what is free of it."""
    free = ""
    if member.free is not None:
        free = f"   {member.free} free"
    elif member.in_use is not None:
        free = "   in use" if member.in_use else "   free"
    age = answer_age(pair)
    return f"{member.address}{free}{f'   (answer {age})' if age else ''}"
