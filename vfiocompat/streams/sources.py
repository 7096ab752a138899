# SPDX-License-Identifier: Apache-2.0
"""The head that is offered: the source's own, read now or recorded, or a sibling's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.addresses import parse_address
from vfiocompat.contradictions import changed
from vfiocompat.decision.answers import heads_matter
from vfiocompat.decision.streams import HeadUsed
from vfiocompat.diagnostics import diagnostic
from vfiocompat.errors import UsageError, error_of
from vfiocompat.find import survey
from vfiocompat.host.stream import Known
from vfiocompat.streams.devices import no_head, not_offered, read_heads

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint, Head, Recorded
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.sysfs import Host
    from vfiocompat.streams.allowed import Streaming
    from vfiocompat.tables.language.table import Table
    from vfiocompat.tables.library import Library

__all__ = ["Source", "source_head"]


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
    source: Endpoint,
    destinations: Sequence[Endpoint],
    host: Host,
    library: Library,
    streaming: Streaming,
) -> Source:
    """Give a source with the head of its stream, if it can be had.

    Raises:
        UsageError: a sibling is named that cannot stand for it.
        VfiocompatError: a head could not be read from a device that could be opened.

    """
    if source.recorded and source.head:
        source = _of_now(source, source.recorded, source.head, host)
        assert source.recorded
        used = HeadUsed("recorded", source.address, bool(source.recorded.changed))
        return Source(source, used)
    table = library.reading_heads(source)
    if streaming.sibling is not None:
        return _of_sibling(source, table, host, library, streaming)
    if why := no_head(source, table):
        return Source(source, told=(not_offered(f"the source: {why}"),))
    if not any(heads_matter(source, each) for each in destinations):
        return Source(source)
    return _read(source, destinations, host, library, streaming)


def _read(
    source: Endpoint,
    destinations: Sequence[Endpoint],
    host: Host,
    library: Library,
    streaming: Streaming,
) -> Source:
    """Read the head of a source of this host, whose driver's a table reads."""
    [(found, error)] = read_heads([source], host, library, streaming)
    if error is None:
        return Source(found, HeadUsed("read", source.address))
    _demand_opened(error)
    if error.code == codes.DEVICE_IN_USE:
        ends = {each.address for each in destinations}
        hint = _instead(source, ends, host, library)
        error = msgspec.structs.replace(error, hint=hint)
    if (passed := streaming.passed_over("source", error)) is not None:
        return Source(found, told=(passed,))
    return Source(found, error=error)


def _of_now(source: Endpoint, known: Recorded, head: Head, host: Host) -> Endpoint:
    """Say of a recorded head what has changed since, if it is of this very host.

    No device is opened.
    """
    here = host.identity()
    if not known.machine_id or known.machine_id != here.machine_id:
        return source
    [place] = host.located([parse_address(source.address)])  # type: ignore[list-item]
    now = changed(head, here.boot_id, here.kernel, place.build)
    every = tuple(dict.fromkeys((*known.changed, *now)))
    return msgspec.structs.replace(
        source, recorded=msgspec.structs.replace(known, changed=every)
    )


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


def _instead(
    source: Endpoint,
    ends: Collection[str],
    host: Host,
    library: Library,
) -> str:
    """Say what else may give the head of a source that is in use.

    That is an idle device, if there is one rather none of the destinations' `ends`.
    """
    table = library.reading_heads(source)
    assert table is not None
    hint = "name it in an inventory of 'vfiocompat scan --stream' that has its head"
    idle = [
        each.address
        for each in survey(host, library.drivers).endpoints
        if each.in_use is False and each.address != source.address
        if _cannot_stand(each, source, table) is None
    ]
    if idle:
        sibling = min(idle, key=lambda address: address in ends)
        hint += f", or let an idle device stand for it: --sibling {sibling}"
    return hint


def _cannot_stand(sibling: Endpoint, source: Endpoint, table: Table) -> str | None:
    """Say why the head of a device cannot stand for that of the source."""
    if source.recorded:
        return "it stands for a source of this host only"
    if (why := no_head(sibling, table)) is not None:
        return why
    if sibling.driver != source.driver:
        return f"it has the driver {sibling.driver}, the source {source.driver}"
    assert table.stream is not None
    if table.stream.sibling == "none":
        return "no other device's head may stand for one's own"
    of_type = table.stream.sibling == "type"
    own, other = (
        each.type_id if of_type else each.parent for each in (source, sibling)
    )
    if own is not None and own == other:
        return None
    whose = "type" if of_type else "parent or physical function"
    return f"it is not of the source's {whose} {own or '(not known)'}"


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
    if table is None:
        raise UsageError("--sibling: no table reads the head of the source's driver")
    if (why := _cannot_stand(sibling, source, table)) is not None:
        pair = f"{sibling.address} cannot stand for {source.address}"
        raise UsageError(f"--sibling: {pair}: {why}")
    [(found, error)] = read_heads([sibling], host, library, streaming)
    if error is not None:
        raise error_of(error)
    told = diagnostic(
        codes.HEAD_OF_SIBLING,
        f"the head of {sibling.address} stands for that of {source.address}",
        table=table.id,
    )
    known = msgspec.structs.replace(source, head=found.head)
    return Source(known, HeadUsed("sibling", sibling.address), told=(told,))
