# SPDX-License-Identifier: Apache-2.0
"""One pair, as a record and in words: what `check`, `targets` and `vm` show of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.decision.answers import gpu_things
from vfiocompat.decision.decisions import Channel
from vfiocompat.decision.streams import HeadUsed
from vfiocompat.diagnostics import Diagnostic
from vfiocompat.endpoints import Origin
from vfiocompat.output.text import finding_lines
from vfiocompat.verdicts import Basis, Verdict

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from vfiocompat.decision.decisions import Decision
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.output.text import Item
    from vfiocompat.pairs import Pair

__all__ = [
    "AddressRecord",
    "CheckResult",
    "Counts",
    "address_record",
    "answer_age",
    "bases_words",
    "basis_words",
    "check_result",
    "counts_record",
    "decision_words",
    "pair_lines",
]

_BASIS: dict[Basis, tuple[str, str]] = {
    "driver": ("decided by the driver", "decided by the drivers"),
    "recorded": (
        "by a recorded answer of the driver",
        "by recorded answers of the drivers",
    ),
    "table": ("by table {table}", "by tables"),
    "none": ("no driver was asked", "no driver was asked"),
}
"""What one verdict rests on, and what several do."""

_BY_STREAM: dict[Basis, tuple[str, str]] = {
    "driver": ("by the head of its stream", "by the heads of their streams"),
    "recorded": (
        "by a recorded answer to the head of its stream",
        "by recorded answers to the heads of their streams",
    ),
}
"""The same where drivers were asked by migration streams."""

_UNDECIDED: dict[Basis, str] = {
    "driver": "not settled by the driver",
    "recorded": "not settled by a recorded answer",
}
"""Why there is no verdict, where there is something to rest it on."""


class AddressRecord(msgspec.Struct, frozen=True, gc=False):
    """One end of a pair."""

    address: str
    host: str | None
    version: str | None
    origin: Origin | None


class CheckResult(msgspec.Struct, frozen=True):
    """One pair, its verdict, and every reason."""

    source: AddressRecord
    destination: AddressRecord
    verdict: Verdict
    basis: Basis
    channel: Channel | None
    table: str | None
    covered: tuple[str, ...] | None
    head: HeadUsed | None
    diagnostics: tuple[Diagnostic, ...]


class Counts(msgspec.Struct, frozen=True):
    """How many pairs ended how; `failed` ones could not be asked about."""

    compatible: int
    incompatible: int
    undetermined: int
    failed: int


def check_result(
    source: Endpoint, destination: Endpoint, decision: Decision
) -> CheckResult:
    """Make the record of one checked pair."""
    return CheckResult(
        address_record(source),
        address_record(destination),
        decision.verdict,
        decision.basis,
        decision.channel,
        decision.table,
        decision.covered,
        decision.head,
        decision.diagnostics,
    )


def address_record(endpoint: Endpoint) -> AddressRecord:
    """Make the record of one end of a pair."""
    return AddressRecord(
        endpoint.address, endpoint.host, endpoint.version, endpoint.origin
    )


def counts_record(counts: Counter[str]) -> Counts:
    """Make the record of how many pairs there are of each verdict."""
    return Counts(
        counts["compatible"],
        counts["incompatible"],
        counts["undetermined"],
        counts["failed"],
    )


def basis_words(pair: Pair) -> str:
    """Say what a verdict rests on, and of a recorded answer how old it is."""
    decision = pair.decision
    basis = _based(decision)[0].format(table=decision.table)
    if decision.verdict == "undetermined":
        basis = _UNDECIDED.get(decision.basis, basis)
    age = answer_age(pair)
    return f"{basis}, {age}" if age and decision.basis == "recorded" else basis


def answer_age(pair: Pair) -> str | None:
    """Say how old the recorded answer is that decides a pair, if one does."""
    source, destination, _ = pair
    ages = destination.recorded.ages if destination.recorded else {}
    about = [
        source.version or "",
        *(each for _, each in gpu_things(source, destination)),
    ]
    return next((ages[each] for each in about if each in ages), None)


def _based(decision: Decision) -> tuple[str, str]:
    own = _BASIS[decision.basis]
    by_stream = decision.channel == "stream"
    return _BY_STREAM.get(decision.basis, own) if by_stream else own


def pair_lines(pair: Pair, *, verbose: bool) -> Iterator[Item]:
    """Give the block of one pair: its verdict, what that rests on, and every reason.

    Findings that are for information only are shown when `verbose`.
    """
    source, destination, decision = pair
    why = "could not be asked" if decision.failed else basis_words(pair)
    yield [
        (decision.verdict, decision.verdict),
        (f": {_place(source)} -> {_place(destination)}   ", "plain"),
        (f"({why})", "dim"),
    ]
    for finding in decision.diagnostics:
        if verbose or finding.severity != "info":
            yield from finding_lines(finding)


def _place(endpoint: Endpoint) -> str:
    """Say where an endpoint is; of one in an inventory also on which host."""
    if endpoint.host is None:
        return endpoint.address
    return f"{endpoint.address} on {endpoint.host}"


def decision_words(decision: Decision) -> str:
    """Say what verdicts rest on that one decision stands for."""
    basis = decision.basis
    if decision.channel == "stream" and basis in _BY_STREAM:
        return _BY_STREAM[basis][1]
    return bases_words([basis], decision.table)


def bases_words(bases: Iterable[Basis], table: str | None = None) -> str:
    """Say what the verdicts of several pairs rest on; `table` if it is one for all."""
    if table is not None:
        return ", ".join(_BASIS[basis][0].format(table=table) for basis in bases)
    return ", ".join(_BASIS[basis][1] for basis in bases)
