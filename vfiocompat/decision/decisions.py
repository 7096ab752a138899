# SPDX-License-Identifier: Apache-2.0
"""What a decision is, and what becomes of it beside what else is asked or found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat import codes
from vfiocompat.decision.streams import HeadUsed
from vfiocompat.diagnostics import Diagnostic, diagnostic
from vfiocompat.verdicts import GROUNDS, Basis, Verdict, worst_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vfiocompat.errors import ErrorRecord

__all__ = [
    "Channel",
    "Decision",
    "beside",
    "channel_of",
    "leaves_no_yes",
    "not_found",
    "required",
    "whole",
    "worst",
]

Channel = Literal["attribute", "nvml", "stream"]
"""How a driver can be asked."""

_CHANNELS: dict[str | None, Channel] = {
    None: "attribute",
    "attribute": "attribute",
    "nvml": "nvml",
    "stream": "stream",
}


def channel_of(name: str | None) -> Channel | None:
    """Give the channel of a recorded answer; None is one that is not known here."""
    return _CHANNELS.get(name)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, what it rests on, and every reason for it.

    `channel` is how the driver was asked. Of one that took a head `covered` are the
    requirements that it checked, and `head` says whose it was. `failed` marks an
    undetermined pair whose destination could not be asked at all.
    """

    verdict: Verdict
    basis: Basis
    channel: Channel | None = None
    table: str | None = None
    covered: tuple[str, ...] | None = None
    head: HeadUsed | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    failed: bool = False


def required(decision: Decision, basis: Basis) -> Decision:
    """Give a decision, or none where what it rests on is weaker than a basis."""
    if decision.verdict != "compatible":
        return decision
    if GROUNDS[decision.basis] >= GROUNDS[basis]:
        return decision
    by = {"table": "a table", "recorded": "a recorded answer"}.get(decision.basis, "")
    doubt = diagnostic(
        codes.WEAKER_THAN_REQUIRED,
        f"compatible by {by}, and --require asks for {basis}",
    )
    return msgspec.structs.replace(
        decision, verdict="undetermined", diagnostics=(doubt, *decision.diagnostics)
    )


def beside(decision: Decision, finding: Diagnostic, *, doubt: bool = False) -> Decision:
    """Give a pair's decision with what else was found; an error of it overrules it.

    A warning leaves a yes undetermined if it is a `doubt`. What overrules a decision,
    or doubts it, stands first.
    """
    verdict = decision.verdict
    if finding.severity == "error":
        verdict = "incompatible"
    elif doubt and finding.severity == "warning" and verdict == "compatible":
        verdict = "undetermined"
    overruled = verdict != decision.verdict
    found = (*decision.diagnostics, finding)
    if overruled or doubt:
        found = (finding, *decision.diagnostics)
    if not overruled:
        return msgspec.structs.replace(decision, diagnostics=found)
    return Decision(verdict=verdict, basis="none", diagnostics=found)


_LEAVES_OPEN = frozenset(
    {
        codes.P2P_NOT_KNOWN,
        codes.TRACKING_NOT_KNOWN,
        codes.VIRTUAL_IOMMU,
        codes.QEMU_CANNOT_MIGRATE,
        codes.QEMU_REFUSES,
        codes.MULTIFD_DEMANDED,
        codes.BESIDE_NOT_MIGRATED,
        codes.CONFIG_FILE_NOT_READ,
        codes.DISK_BY_VFIO,
        codes.MEMORY_PROTECTED,
    }
)
"""What QEMU demands of a whole VM, where it is not known: it leaves no yes."""


def whole(verdicts: Iterable[Verdict], findings: Sequence[Diagnostic]) -> Verdict:
    """Give the verdict of a VM: the worst of its devices' and of what is demanded.

    One without devices is compatible: it has nothing that could not be loaded.
    """
    if any(finding.severity == "error" for finding in findings):
        return "incompatible"
    known = list(verdicts)
    if any(map(leaves_no_yes, findings)):
        known.append("undetermined")
    return worst_of(known, "compatible")


def leaves_no_yes(finding: Diagnostic) -> bool:
    """Whether what was found of a whole VM forbids a yes, or leaves it open."""
    return finding.severity == "error" or finding.code in _LEAVES_OPEN


def not_found(error: ErrorRecord) -> Decision:
    """Give the decision on a pair whose destination is not there."""
    finding = diagnostic(
        error.code,
        error.summary,
        detail=error.detail,
        hint=error.hint,
        spans=error.spans,
    )
    return Decision(
        verdict="undetermined", basis="none", diagnostics=(finding,), failed=True
    )


def worst(decisions: tuple[Decision, ...]) -> Verdict:
    """Give the verdict that stands for several pairs; no pair is undetermined."""
    return worst_of((decision.verdict for decision in decisions), "undetermined")
