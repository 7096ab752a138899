# SPDX-License-Identifier: Apache-2.0
"""What follows of what a destination's driver said, now or earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.decision.decisions import Decision
from vfiocompat.decision.errnos import COULD_NOT_ASK, VERDICT_OF
from vfiocompat.decision.notes import beside_answer, derivations
from vfiocompat.decision.preconditions import type_not_known

if TYPE_CHECKING:
    from vfiocompat.codes import Code
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.verdicts import Basis, Judgement, Verdict

__all__ = ["as_said"]


def as_said(
    finding: Diagnostic,
    source: Endpoint,
    destination: Endpoint,
    judgement: Judgement,
    told: tuple[Diagnostic, ...],
) -> Decision:
    """Decide by what the destination's driver said, now or earlier.

    Where that was neither yes nor no, a table's no stands, and its yes does not.
    """
    code = finding.code
    failed = code in COULD_NOT_ASK
    if code not in VERDICT_OF and not failed and judgement.verdict == "incompatible":
        return Decision(
            verdict="incompatible",
            basis="table",
            table=judgement.table,
            diagnostics=(*judgement.findings, finding, *derivations(judgement), *told),
        )
    asked: Basis = "recorded" if destination.recorded else "driver"
    return Decision(
        verdict=_as_of_type(VERDICT_OF.get(code, "undetermined"), source, destination),
        basis="none" if failed else asked,
        table=judgement.table,
        diagnostics=(
            finding,
            *beside_answer(code, judgement),
            *_type_not_known(code, source, destination),
            *told,
        ),
        failed=failed,
    )


def _as_of_type(verdict: Verdict, source: Endpoint, destination: Endpoint) -> Verdict:
    """Give a driver's verdict, or none where it is about sources of one type only."""
    if verdict == "compatible" and destination.answers_for_its_type:
        known = None not in {source.type_id, destination.type_id}
        return verdict if known else "undetermined"
    return verdict


def _type_not_known(
    code: Code, source: Endpoint, destination: Endpoint
) -> tuple[Diagnostic, ...]:
    """Say why a driver's yes is none."""
    verdict = VERDICT_OF.get(code, "undetermined")
    if _as_of_type(verdict, source, destination) == verdict:
        return ()
    return (type_not_known(source, destination),)
