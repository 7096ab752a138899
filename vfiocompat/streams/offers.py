# SPDX-License-Identifier: Apache-2.0
"""Heads of sources offered to destinations, each of which is opened once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.decision.preconditions import preconditions
from vfiocompat.decision.streams import Streamed
from vfiocompat.diagnostics import diagnostic
from vfiocompat.streams.devices import errand_of, no_head, not_offered, with_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.stream import Known
    from vfiocompat.host.sysfs import Host
    from vfiocompat.streams.sources import Source, Streaming
    from vfiocompat.tables.language.table import Table
    from vfiocompat.tables.library import Library

__all__ = ["offer_all"]


def offer_all(
    sources: Sequence[Source],
    destinations: Sequence[Endpoint],
    host: Host,
    library: Library,
    streaming: Streaming,
) -> tuple[list[Endpoint], list[list[Streamed | None]]]:
    """Offer sources' heads to destinations, each of which is opened once.

    Gives the destinations with their own heads, and for each source what came of each
    of them; None where it was not asked by its stream, and nothing is to be told.
    """
    plans = [
        [_plan(source, end, library, streaming) for end in destinations]
        for source in sources
    ]
    heads: dict[int, tuple[Known, ...]] = {}
    for at in range(len(destinations)):
        wanted = [
            source.known
            for source, plan in zip(sources, plans, strict=True)
            if plan[at] is _TO_OFFER
        ]
        heads[at] = tuple(dict.fromkeys(wanted))
    errands = {
        at: errand._replace(heads=heads[at])
        for at, end in enumerate(destinations)
        if any(plan[at] is not None for plan in plans)
        and (errand := errand_of(end, library)) is not None
    }
    answers = dict(
        zip(
            errands,
            host.ask_streams(list(errands.values()), streaming.now) if errands else [],
            strict=True,
        )
    )
    known = [
        with_head(end, answers[at].head) if at in answers else end
        for at, end in enumerate(destinations)
    ]
    for source, plan in zip(sources, plans, strict=True):
        for at, each in enumerate(plan):
            if each is _TO_OFFER:
                asked = answers[at].asked
                place = heads[at].index(source.known)
                plan[at] = Streamed(
                    offer=asked.offers[place] if place < len(asked.offers) else None,
                    error=asked.error,
                    used=source.used,
                    told=source.told,
                )
    return known, [list(plan) for plan in plans]


_TO_OFFER = Streamed()
"""Stands for what is to come of an offer."""


def _plan(
    source: Source, end: Endpoint, library: Library, streaming: Streaming
) -> Streamed | None:
    """Say whether a head is offered to a destination; if not, why."""
    if end.recorded or end.has_attribute or preconditions(source.endpoint, end):
        return None
    if source.used is None:
        return Streamed(error=source.error, told=source.told)
    table = library.reading_heads(end)
    if why := no_head(end, table):
        return Streamed(told=(not_offered(f"the destination: {why}"),))
    assert source.endpoint.head
    if source.endpoint.head.driver != end.driver:
        why = f"the head is of {source.endpoint.head.driver}, and it has {end.driver}"
        return Streamed(told=(not_offered(f"the destination: {why}"),))
    assert table is not None
    assert table.stream is not None
    if table.stream.hazard is not None and not streaming.despite_hazard:
        return Streamed(told=(_may_harm(table),))
    return _TO_OFFER


def _may_harm(table: Table) -> Diagnostic:
    assert table.stream is not None
    return diagnostic(
        codes.ASK_MAY_HARM,
        detail=table.stream.hazard,
        hint="--despite-hazard asks it all the same",
        table=table.id,
    )
