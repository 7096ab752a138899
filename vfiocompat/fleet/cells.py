# SPDX-License-Identifier: Apache-2.0
"""What counts of the decision on a pair of classes, and what is demanded beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from vfiocompat.codes import Code
from vfiocompat.verdicts import Basis, Verdict

if TYPE_CHECKING:
    from vfiocompat.decision.decisions import Decision
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.pairs import Pair

__all__ = ["Cell", "Demand", "cell_of"]


class Cell(msgspec.Struct, frozen=True):
    """What is decided of a pair: the same for all pairs in its situation.

    `against` are those of its codes that stand in its way.
    """

    verdict: Verdict
    basis: Basis
    codes: tuple[Code, ...]
    against: tuple[Code, ...] = ()


def cell_of(decision: Decision, before: Decision | None = None) -> Cell:
    """Give what counts of a decision; `before` is the one without what is demanded.

    Where a demand has overruled that, nothing else stands in the way.
    """
    found = decision.diagnostics
    codes = dict.fromkeys(finding.code for finding in found)
    overruled: tuple[Diagnostic, ...] = ()
    if before is not None and before.verdict != decision.verdict:
        overruled = before.diagnostics
    against = dict.fromkeys(
        finding.code
        for finding in found
        if finding.severity in _AGAINST[decision.verdict] and finding not in overruled
    )
    return Cell(decision.verdict, decision.basis, tuple(codes), tuple(against))


_AGAINST: dict[Verdict, set[str]] = {
    "compatible": set(),
    "undetermined": {"error", "warning"},
    "incompatible": {"error"},
}


class Demand(Protocol):
    """What somebody demands of pairs beside what decides them."""

    def reads(self, endpoint: Endpoint) -> object:
        """Give what of either end of a pair it depends on, beside what is decided."""

    def of(self, pair: Pair) -> Decision:
        """Give the decision on a pair, with what is demanded."""
