# SPDX-License-Identifier: Apache-2.0
"""Asking drivers by the heads of migration streams: which are read, and who gets them.

A device is opened only by a command that was told to (`--stream`), only where a table
says where its driver's head is, and only while nobody has it open.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.addresses import parse_address
from vfiocompat.decision.preconditions import preconditions
from vfiocompat.decision.streams import HeadUsed, Streamed
from vfiocompat.diagnostics import diagnostic
from vfiocompat.errors import UsageError, error_of
from vfiocompat.host.stream import Known
from vfiocompat.host.sysfs.asking import ToAsk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint, Head
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.sysfs import Host
    from vfiocompat.tables.language.table import Table
    from vfiocompat.tables.library import Library

__all__ = ["Source", "Streaming", "offer_all", "read_heads", "source_head"]

_IS_DEVICE = frozenset({"mdev", "function"})


class Streaming(NamedTuple):
    """That devices may be opened and asked, and what else was allowed.

    `sibling` is an idle device whose head is to stand for the source's.
    """

    now: float
    despite_hazard: bool = False
    sibling: Endpoint | None = None


class Source(NamedTuple):
    """A source with its head, and whose that is; or why it has none.

    `error` says that the device could not be opened.
    """

    endpoint: Endpoint
    used: HeadUsed | None = None
    error: ErrorRecord | None = None
    told: tuple[Diagnostic, ...] = ()

    @property
    def known(self) -> Known:
        """The head as it is offered."""
        assert self.endpoint.head
        assert self.used is not None
        recorded = self.used.origin == "recorded"
        return Known(self.endpoint.head.exact_bytes(), recorded)


def read_heads(
    endpoints: Sequence[Endpoint], host: Host, library: Library, now: float
) -> list[tuple[Endpoint, ErrorRecord | None]]:
    """Read the heads of this host's devices; give each with what went wrong.

    Those of which no table reads a head are not opened, and are as they were.
    """
    found: list[tuple[Endpoint, ErrorRecord | None]] = [
        (endpoint, None) for endpoint in endpoints
    ]
    errands = {
        at: errand
        for at, endpoint in enumerate(endpoints)
        if (errand := _errand(endpoint, library)) is not None
    }
    answers = host.ask_streams(list(errands.values()), now) if errands else []
    for at, (asked, head) in zip(errands, answers, strict=True):
        found[at] = _with_head(endpoints[at], head), asked.error
    return found


def source_head(
    source: Endpoint, host: Host, library: Library, streaming: Streaming
) -> Source:
    """Give a source with the head of its stream, if it can be had.

    Raises:
        UsageError: a sibling is named that cannot stand for it.
        VfiocompatError: a head could not be read from a device that could be opened.

    """
    if source.recorded and source.head:
        used = HeadUsed("recorded", source.address, bool(source.recorded.changed))
        return Source(source, used)
    table = library.reading_heads(source)
    if streaming.sibling is not None:
        return _of_sibling(source, table, host, library, streaming)
    if why := _no_head(source, table):
        return Source(source, told=(_not_offered(f"the source: {why}"),))
    [(found, error)] = read_heads([source], host, library, streaming.now)
    if error is not None:
        _demand_opened(error)
        return Source(found, error=error, told=_instead(source, table))
    return Source(found, HeadUsed("read", source.address))


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
        and (errand := _errand(end, library)) is not None
    }
    answers = dict(
        zip(
            errands,
            host.ask_streams(list(errands.values()), streaming.now) if errands else [],
            strict=True,
        )
    )
    known = [
        _with_head(end, answers[at].head) if at in answers else end
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
    if why := _no_head(end, table):
        return Streamed(told=(_not_offered(f"the destination: {why}"),))
    assert source.endpoint.head
    if source.endpoint.head.driver != end.driver:
        why = f"the head is of {source.endpoint.head.driver}, and it has {end.driver}"
        return Streamed(told=(_not_offered(f"the destination: {why}"),))
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


def _not_offered(why: str) -> Diagnostic:
    return diagnostic(codes.HEAD_NOT_OFFERED, why)


def _no_head(endpoint: Endpoint, table: Table | None) -> str | None:
    """Say why an endpoint of this host has no head that could be read."""
    if endpoint.kind == "literal":
        return "a version string has no migration stream"
    if endpoint.kind not in _IS_DEVICE:
        return "a type has no migration stream: name a device"
    if endpoint.recorded:
        return "its inventory has no head: scan its host with --stream"
    if table is None:
        driver = endpoint.driver or "of no name"
        return f"no table says where the head of the driver {driver} is"
    return None


def _errand(endpoint: Endpoint, library: Library) -> ToAsk | None:
    """Say how to ask a device of this host; None where it cannot be asked so."""
    table = library.reading_heads(endpoint)
    if _no_head(endpoint, table) is not None:
        return None
    assert table is not None
    assert table.stream is not None
    assert endpoint.driver is not None
    address = parse_address(endpoint.address)
    return ToAsk(address, endpoint.driver, table.stream)  # type: ignore[arg-type]


def _with_head(endpoint: Endpoint, head: Head | None) -> Endpoint:
    return endpoint if head is None else msgspec.structs.replace(endpoint, head=head)


_NOT_OPENED = frozenset(
    {
        codes.DEVICE_IN_USE,
        codes.DEVICE_NOT_PERMITTED,
        codes.NO_IOMMU,
        codes.NO_DEVICE_NODE,
        codes.DEVICE_NOT_OPENED,
    }
)


def _demand_opened(error: ErrorRecord) -> None:
    """Raise what went wrong with a source that could be opened."""
    if error.code not in _NOT_OPENED:
        raise error_of(error)


def _instead(source: Endpoint, table: Table | None) -> tuple[Diagnostic, ...]:
    """Say what else may give the head of a source that could not be opened."""
    assert table is not None
    assert table.stream is not None
    hint = "name it in an inventory of 'scan --stream' from when it was idle"
    of = {"type": "of the same type", "parent": "of the same parent"}
    if (whose := of.get(table.stream.sibling)) is not None:
        hint += f", or an idle device {whose} with --sibling ADDRESS"
    summary = f"{source.address} could not be opened, so it has no head to offer"
    return (diagnostic(codes.HEAD_NOT_OFFERED, summary, hint=hint),)


def _of_sibling(
    source: Endpoint,
    table: Table | None,
    host: Host,
    library: Library,
    streaming: Streaming,
) -> Source:
    """Give a source with the head of an idle device that may stand for it."""
    sibling = streaming.sibling
    assert sibling is not None
    address = shlex.quote(sibling.address)
    if table is None or table.stream is None:
        raise UsageError(f"--sibling {address}: no table reads the source's head")
    of = {
        "none": ("no other device's head may stand for one's own", False),
        "type": (
            f"it is not of the source's type {source.type_id}",
            source.type_id is not None and sibling.type_id == source.type_id,
        ),
        "parent": (
            "it is not of the source's parent or physical function",
            source.parent is not None and sibling.parent == source.parent,
        ),
    }
    why, may_stand = of[table.stream.sibling]
    if not may_stand or sibling.driver != source.driver or source.recorded:
        if source.recorded:
            why = "it stands for a source of this host only"
        elif may_stand:
            why = f"it has the driver {sibling.driver}, the source {source.driver}"
        pair = f"{address} cannot stand for {source.address}"
        raise UsageError(f"--sibling {pair}: {why}")
    [(found, error)] = read_heads([sibling], host, library, streaming.now)
    if error is not None:
        raise error_of(error)
    told = diagnostic(
        codes.HEAD_OF_SIBLING,
        f"the head of {sibling.address} stands for that of {source.address}",
        table=table.id,
    )
    known = msgspec.structs.replace(source, head=found.head)
    return Source(known, HeadUsed("sibling", sibling.address), told=(told,))
