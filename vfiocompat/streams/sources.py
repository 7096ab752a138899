# SPDX-License-Identifier: Apache-2.0
"""The head that is offered: the source's own, read now or recorded, or a sibling's."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.decision.streams import HeadUsed
from vfiocompat.diagnostics import diagnostic
from vfiocompat.errors import UsageError, error_of
from vfiocompat.host.stream import Known
from vfiocompat.streams.devices import no_head, not_offered, read_heads

if TYPE_CHECKING:
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.sysfs import Host
    from vfiocompat.tables.language.table import Table
    from vfiocompat.tables.library import Library

__all__ = ["Source", "Streaming", "source_head"]


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
    if why := no_head(source, table):
        return Source(source, told=(not_offered(f"the source: {why}"),))
    [(found, error)] = read_heads([source], host, library, streaming.now)
    if error is not None:
        _demand_opened(error)
        return Source(found, error=error, told=_instead(source, table))
    return Source(found, HeadUsed("read", source.address))


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
