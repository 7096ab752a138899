# SPDX-License-Identifier: Apache-2.0
"""What `targets` shows: where a source can go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.diagnostics import Diagnostic
from vfiocompat.endpoints import Problem
from vfiocompat.inventory import Tool
from vfiocompat.output.errors import fleet_problems
from vfiocompat.output.pairs import (
    AddressRecord,
    Counts,
    address_record,
    basis_words,
    check_result,
    counts_record,
)
from vfiocompat.verdicts import Basis, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet.targets import Target, Targets
    from vfiocompat.output.pairs import CheckResult
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


class TargetResult(msgspec.Struct, frozen=True):
    """One endpoint that the source can go to, or perhaps, as a result of `check`.

    `available_instances` is how many more of it there can be now; null where that is
    not told.
    """

    source: AddressRecord
    destination: AddressRecord
    verdict: Verdict
    basis: Basis
    table: str | None
    diagnostics: tuple[Diagnostic, ...]
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


def target_results(found: Iterable[Target]) -> Iterator[bytes]:
    """Give targets as JSON; what all of a class have in common is encoded once."""
    encode = msgspec.json.encode
    common: dict[int, tuple[bytes, bytes]] = {}
    for target in found:
        key = id(target.pair)
        if key not in common:
            common[key] = _target_in_common(check_result(*target.pair))
        start, middle = common[key]
        yield b"".join(
            (
                start,
                encode(target.address),
                b',"host":',
                encode(target.host),
                middle,
                encode(target.free),
                b"}",
            )
        )


def _target_in_common(result: CheckResult) -> tuple[bytes, bytes]:
    """Encode a TargetResult, but for its address, its host and what is free of it."""
    encode = msgspec.json.encode
    there = result.destination
    start = b'{"source":%s,"destination":{"address":' % encode(result.source)
    names = "verdict", "basis", "table", "diagnostics"
    rest = [
        b'"%s":%s' % (name.encode(), encode(getattr(result, name))) for name in names
    ]
    middle = b',"version":%s,"origin":%s},%s,"available_instances":' % (
        encode(there.version),
        encode(there.origin),
        b",".join(rest),
    )
    return start, middle


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
