# SPDX-License-Identifier: Apache-2.0
"""What follows of a driver's answer to the head of a stream, or of none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.decision.decisions import Decision
from vfiocompat.decision.errnos import VERDICT_OF
from vfiocompat.decision.notes import beside_answer, derivations, softened
from vfiocompat.decision.said import as_said
from vfiocompat.decision.streams import old_heads
from vfiocompat.diagnostics import SIDES, Diagnostic, diagnostic

if TYPE_CHECKING:
    from vfiocompat.decision.streams import Streamed
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.verdicts import Basis, Judgement

__all__ = ["by_head", "by_stream", "not_offered"]


def by_head(
    finding: Diagnostic,
    source: Endpoint,
    destination: Endpoint,
    judgement: Judgement,
    told: tuple[Diagnostic, ...],
) -> Decision:
    """Decide by what a driver said of the head of the source's stream.

    Its yes covers what it checks there: the rest is decided by the table, which may
    read both ends' heads. Since a head was recorded its host may have changed: a yes is
    none then, and a no needs the table's.
    """
    said = VERDICT_OF.get(finding.code)
    if said == "compatible":
        found = _taken(finding, destination, judgement, told)
    else:
        found = as_said(finding, source, destination, judgement, told)
    found = msgspec.structs.replace(found, channel="stream")
    sides = {"source", *(judgement.by_head if said == "compatible" else ())}
    old = old_heads(source, destination, sorted(sides, key=SIDES.index))
    if not old or said is None:
        return found
    stands = found.verdict == judgement.verdict == "incompatible"
    return msgspec.structs.replace(
        found,
        verdict="incompatible" if stands else "undetermined",
        diagnostics=(*old, *found.diagnostics),
    )


def _taken(
    finding: Diagnostic,
    destination: Endpoint,
    judgement: Judgement,
    told: tuple[Diagnostic, ...],
) -> Decision:
    """Decide where the driver took the head, and the table has the rest."""
    basis: Basis = "recorded" if destination.recorded else "driver"
    beyond = judgement.beyond
    if beyond is None:
        later = diagnostic(
            codes.CHECKED_LATER,
            "no table says what else has to hold, so the driver's yes is not enough",
            hint="see 'vfiocompat tables list' for the tables of this driver",
        )
        return Decision(
            verdict="undetermined", basis=basis, diagnostics=(finding, later, *told)
        )
    found = [finding, *beyond.findings]
    if beyond.verdict == "compatible":
        found += beside_answer(finding.code, judgement)
        if not beyond.complete:
            found.append(
                diagnostic(
                    codes.CHECKED_LATER,
                    detail="in the head it checks " + ", ".join(beyond.covered),
                    table=judgement.table,
                )
            )
    return Decision(
        verdict=beyond.verdict,
        basis=basis,
        table=judgement.table,
        covered=beyond.covered,
        diagnostics=(*found, *derivations(judgement), *told),
    )


def by_stream(decision: Decision, streamed: Streamed) -> Decision:
    """Add to a decision by a head whose that was; a made one leaves no yes."""
    offer = streamed.offer
    told = list(streamed.told)
    verdict = decision.verdict
    if offer is not None and offer.made:
        told.insert(0, diagnostic(codes.HEAD_MADE))
        verdict = "undetermined" if verdict == "compatible" else verdict
    error = streamed.error
    failed = error is not None and error.code == codes.DEVICE_NOT_RUNNING
    return msgspec.structs.replace(
        decision,
        verdict="undetermined" if failed else verdict,
        head=streamed.used,
        diagnostics=(*decision.diagnostics, *told),
        failed=failed or decision.failed,
    )


def not_offered(decision: Decision, streamed: Streamed) -> Decision:
    """Add to a decision why the destination was not asked by its stream.

    Where nothing else decides, a device that could not be opened is a failure.
    """
    told = list(streamed.told)
    if decision.verdict == "undetermined":  # where it could have helped
        told = [msgspec.structs.replace(each, severity="warning") for each in told]
    error = streamed.error
    failed = error is not None and decision.verdict == "undetermined"
    if error is not None:
        found = diagnostic(error.code, error.summary, hint=error.hint)
        told.insert(0, found if failed else softened(found))
    elif streamed.offer is not None:
        told.append(
            diagnostic(
                codes.HEAD_NOT_OFFERED,
                "the recorded head is not as long as its driver's, or has a value that "
                "the table does not know, so it was not offered",
            )
        )
    return msgspec.structs.replace(
        decision,
        basis="none" if failed else decision.basis,
        head=decision.head or (streamed.used if decision.channel == "stream" else None),
        diagnostics=(*decision.diagnostics, *told),
        failed=failed or decision.failed,
    )
