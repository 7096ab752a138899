# SPDX-License-Identifier: Apache-2.0
"""Heads of sources offered to destinations, each of which is opened once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.decision.answers import is_asked_by_stream
from vfiocompat.decision.streams import Asked, Streamed
from vfiocompat.diagnostics import diagnostic
from vfiocompat.streams.devices import errand_of, no_head, not_offered, with_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.sysfs import Host
    from vfiocompat.streams.allowed import Streaming
    from vfiocompat.streams.sources import Source
    from vfiocompat.tables.language.table import Table
    from vfiocompat.tables.library import Library

__all__ = ["may_harm", "offer_all"]


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
    heads = [
        tuple(
            dict.fromkeys(
                source.known
                for source, plan in zip(sources, plans, strict=True)
                if plan[at] is _TO_OFFER
            )
        )
        for at in range(len(destinations))
    ]
    errands = {
        at: errand._replace(heads=heads[at])
        for at, end in enumerate(destinations)
        if any(plan[at] is not None for plan in plans)
        and any(_concerns(source.endpoint, end) for source in sources)
        and (errand := errand_of(end, library)) is not None
    }
    replies = streaming.ask(host, errands.values())
    answers = dict(zip(errands, replies, strict=True))
    known = [
        with_head(end, answers[at].head) if at in answers else end
        for at, end in enumerate(destinations)
    ]
    rows: list[list[Streamed | None]] = []
    for source, plan in zip(sources, plans, strict=True):
        row: list[Streamed | None] = list(plan)
        for at, (asked, _) in answers.items():
            place = heads[at].index(source.known) if plan[at] is _TO_OFFER else None
            row[at] = _came(plan[at], source, asked, place, streaming)
        rows.append(row)
    return known, rows


def _concerns(source: Endpoint, end: Endpoint) -> bool:
    """Whether the head of a destination may matter to a source."""
    return source.driver in {None, end.driver}


def _came(
    plan: Streamed | None,
    source: Source,
    asked: Asked,
    place: int | None,
    streaming: Streaming,
) -> Streamed | None:
    """Say what came of a plan; `place` is that of its head among those offered.

    A device that does not run any more is told of, whatever it was opened for.
    """
    if plan is None:
        return None
    if place is None:
        lost = asked.error is not None and asked.error.code == codes.DEVICE_NOT_RUNNING
        return msgspec.structs.replace(plan, error=asked.error) if lost else plan
    passed = streaming.passed_over("destination", asked.error)
    return Streamed(
        offer=asked.offers[place] if place < len(asked.offers) else None,
        error=asked.error if passed is None else None,
        used=source.used,
        told=source.told if passed is None else (passed, *source.told),
    )


_TO_OFFER = Streamed()
"""Stands for what is to come of an offer."""


def _plan(
    source: Source, end: Endpoint, library: Library, streaming: Streaming
) -> Streamed | None:
    """Say whether a head is offered to a destination; if not, why."""
    if not is_asked_by_stream(source.endpoint, end):
        asked_earlier = end.recorded and source.used is not None
        return Streamed(used=source.used, told=source.told) if asked_earlier else None
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
        return Streamed(told=(may_harm(table),))
    return _TO_OFFER


def may_harm(table: Table) -> Diagnostic:
    """Say why nothing is offered to the drivers of a table that names a hazard."""
    assert table.stream is not None
    return diagnostic(
        codes.ASK_MAY_HARM,
        detail=table.stream.hazard,
        hint="--despite-hazard asks it all the same",
        table=table.id,
    )
