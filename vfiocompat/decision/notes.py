# SPDX-License-Identifier: Apache-2.0
"""What is told beside a decision, and does not change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.decision.errnos import ANSWERS, VERDICT_OF
from vfiocompat.diagnostics import Diagnostic, diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.codes import Code
    from vfiocompat.diagnostics import Side
    from vfiocompat.endpoints import Endpoint, Facts
    from vfiocompat.verdicts import Judgement

__all__ = [
    "beside_answer",
    "derivations",
    "for_information",
    "is_full",
    "not_identified",
    "notes",
    "softened",
    "stated_of_pair",
]


def is_full(destination: Endpoint) -> bool:
    """Whether a function is not of this type, and cannot become one of it now."""
    return (
        destination.is_function_as_type
        and destination.available_instances == 0
        and not destination.in_use
    )


def notes(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    """Find what is to be told of a pair, whatever the verdict is."""
    full = (diagnostic(codes.TYPE_NOT_CREATABLE_NOW, path=destination.path),)
    return (
        *(full if is_full(destination) else ()),
        *_pre_copy(source, destination),
        *_not_needed(source, destination),
    )


def _pre_copy(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    """Warn of a source that copies ahead, into a destination that does not."""
    here, there = source.migration, destination.migration
    if here is None or there is None or here.flags is None or there.flags is None:
        return ()
    if "PRE_COPY" in here.flags and "PRE_COPY" not in there.flags:
        return (diagnostic(codes.NO_PRE_COPY_THERE),)
    return ()


def _not_needed(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    sides = ("source", source), ("destination", destination)
    return tuple(
        diagnostic(
            codes.FACTS_NOT_NEEDED, f"{side}: the facts stated of it were not needed"
        )
        for side, endpoint in sides
        if endpoint.version is not None and stated_of_pair(endpoint)
    )


_OF_INTERFACE = frozenset(
    {"migration_flags", "dirty_tracking", "iommu_dirty_tracking", "iommufd"}
)
"""Facts of a migration interface: a pair's decision reads them where tables name them,
and a whole VM's always."""


def stated_of_pair(endpoint: Endpoint, names: Iterable[str] = ()) -> Facts:
    """Give what is stated of an endpoint that a pair's decision may read.

    `names` are facts that tables read of it.
    """
    unread = _OF_INTERFACE.difference(names)
    return {name: text for name, text in endpoint.stated.items() if name not in unread}


def beside_answer(code: Code, judgement: Judgement) -> list[Diagnostic]:
    """Give what tables add to a driver's answer: its explanation, or their doubts."""
    if judgement.failed:
        return [softened(finding) for finding in judgement.findings]
    if code not in ANSWERS or judgement.table is None:
        return []
    if judgement.verdict == VERDICT_OF[code]:
        return list(judgement.findings)
    if judgement.verdict == "undetermined":
        return []
    doubt = diagnostic(
        codes.TABLE_DISAGREES,
        f"table {judgement.table} says {judgement.verdict}, the driver says otherwise",
        table=judgement.table,
    )
    return [doubt, *map(softened, judgement.findings)]


def softened(finding: Diagnostic) -> Diagnostic:
    """Let what would be an error be a warning, where it does not decide."""
    if finding.severity != "error":
        return finding
    return msgspec.structs.replace(finding, severity="warning")


def for_information(finding: Diagnostic) -> Diagnostic:
    """Let a finding that changes nothing be for information."""
    return msgspec.structs.replace(finding, severity="info")


def derivations(judgement: Judgement) -> list[Diagnostic]:
    """Tell which strings tables made of facts."""
    sides: tuple[tuple[Side, str | None], ...] = (
        ("source", judgement.source),
        ("destination", judgement.destination),
    )
    return [
        diagnostic(
            codes.STRING_DERIVED,
            f"the {side}'s string is derived {_from(side in judgement.by_head)}",
            detail=text,
        )
        for side, text in sides
        if text is not None
    ]


def _from(by_head: bool) -> str:  # noqa: FBT001 - only here
    return "from the head of its migration stream" if by_head else "from facts"


def not_identified(source: Endpoint, destination: Endpoint) -> str | None:
    """Say of which PCI devices nobody knows whose they are: no table knows, either."""
    sides = [
        f"the {side}'s vendor id is not known"
        for side, each in (("source", source), ("destination", destination))
        if each.kind != "literal"
        and each.version is None
        and each.vendor_id is None
        and each.is_pci
    ]
    return "\n".join(sides) or None
