# SPDX-License-Identifier: Apache-2.0
"""What `targets` shows: where a source can go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.endpoints import Problem
from vfiocompat.inventory import Tool
from vfiocompat.output.errors import fleet_problems
from vfiocompat.output.json import encoded
from vfiocompat.output.pairs import (
    AddressRecord,
    CheckResult,
    Counts,
    address_record,
    basis_words,
    check_result,
    counts_record,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet.targets import Target, Targets
    from vfiocompat.output.text import Line
    from vfiocompat.pairs import Pair

__all__ = [
    "TARGET_COLUMNS",
    "TargetsDocument",
    "target_results",
    "target_rows",
    "targets_document",
    "targets_line",
]

TARGET_COLUMNS = ("verdict", "host", "address", "free", "why")

_VERDICTS = ("compatible", "undetermined", "incompatible", "failed")


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


def targets_document(source: Endpoint, targets: Targets) -> TargetsDocument:
    """Make the document of where a source can go, without its results."""
    return TargetsDocument(
        source=address_record(source),
        counts=counts_record(targets.counts),
        problems=fleet_problems(targets.errors),
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
            like.table,
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


def targets_line(counts: Mapping[str, int]) -> Iterator[Line]:
    """Say how many endpoints there are of each verdict."""
    each = ", ".join(f"{counts[word]} {word}" for word in _VERDICTS if counts[word])
    yield [(f"{sum(counts.values())} endpoints: {each or 'none'}", "plain")]
