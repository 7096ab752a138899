# SPDX-License-Identifier: Apache-2.0
"""What has to be learnt so that undetermined pairs are decided: facts, and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from vfiocompat import codes
from vfiocompat.decision.answers import is_real
from vfiocompat.diagnostics import SIDES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vfiocompat.decision.decisions import Decision
    from vfiocompat.diagnostics import Side
    from vfiocompat.endpoints import Endpoint

__all__ = ["NOT_ASKED", "Again", "Need", "Place", "Wanting", "needs", "wanting"]

Again = Literal["ask", "scan"]
"""What the host of an endpoint has to do again: a scan that asks drivers, or one."""

Place = tuple[str | None, str]
"""An endpoint by its host, which is None for this one, and its address."""

NOT_ASKED = frozenset({codes.ANSWER_NOT_RECORDED, codes.ANSWER_TOO_OLD})
"""What is told of a driver that has not answered, or not lately."""


class Need(NamedTuple):
    """What is to be learnt of an endpoint: facts that can be stated, or a new scan."""

    facts: tuple[str, ...] = ()
    again: Again | None = None

    def beside(self, other: Need) -> Need:
        """Give all that two pairs need of an endpoint; who asks also scans."""
        again = {self.again, other.again} - {None}
        facts = dict.fromkeys(self.facts + other.facts)
        return Need(
            tuple(facts), "ask" if "ask" in again else self.again or other.again
        )


class Wanting(NamedTuple):
    """Endpoints that are alike, of which something is to be learnt.

    They are `number`, on `hosts`. Of many `places` has the first ones, and none where
    nobody has kept them.
    """

    need: Need
    driver: str | None
    hosts: tuple[str | None, ...]
    places: tuple[Place, ...] = ()
    number: int = 1


def needs(
    source: Endpoint, destination: Endpoint, decision: Decision
) -> dict[Side, Need]:
    """Tell what has to be learnt of the ends of a pair, if it is undetermined.

    A driver that was not asked is told of beside a table, too: under a demand for
    more than a table it decides.
    """
    if decision.verdict != "undetermined":
        return {}
    found = decision.diagnostics
    again: dict[Side, Again] = {}
    if source.is_outdated:
        again["source"] = "scan"
    if destination.is_outdated:
        asks = is_real(source) and destination.has_attribute
        again["destination"] = "ask" if asks else "scan"
    if any(finding.code in NOT_ASKED for finding in found):
        again["destination"] = "ask"
    facts = {
        side: dict.fromkeys(
            each.fact
            for finding in found
            for each in finding.missing
            if each.side == side
        )
        for side in SIDES
    }
    return {
        side: Need(tuple(facts[side]), again.get(side))
        for side in SIDES
        if facts[side] or side in again
    }


def wanting(
    pairs: Iterable[tuple[Endpoint, Endpoint, Decision]],
    sides: Collection[Side] = SIDES,
) -> list[Wanting]:
    """Give the ends of pairs of which something is to be learnt, each once."""
    known: dict[Place, Need] = {}
    drivers: dict[Place, str | None] = {}
    for source, destination, decision in pairs:
        ends: dict[Side, Endpoint] = {"source": source, "destination": destination}
        found = needs(source, destination, decision)
        for side, need in found.items():
            if side not in sides:
                continue
            end = ends[side]
            place = end.host, end.address
            known[place] = known.get(place, Need()).beside(need)
            drivers[place] = end.driver
    return [
        Wanting(need, drivers[place], (place[0],), (place,))
        for place, need in known.items()
    ]
