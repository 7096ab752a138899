# SPDX-License-Identifier: Apache-2.0
"""Which devices can be asked by their streams, and their own heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.addresses import parse_address
from vfiocompat.diagnostics import diagnostic
from vfiocompat.host.stream import Errand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint, Head
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.sysfs import Host
    from vfiocompat.streams.allowed import Streaming
    from vfiocompat.tables.language.table import Table
    from vfiocompat.tables.library import Library

__all__ = [
    "errand_of",
    "gives_head",
    "lacks_head",
    "no_head",
    "not_offered",
    "read_heads",
    "with_head",
]

_IS_DEVICE = frozenset({"mdev", "function"})


def read_heads(
    endpoints: Sequence[Endpoint], host: Host, library: Library, streaming: Streaming
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
        if (errand := errand_of(endpoint, library)) is not None
    }
    answers = streaming.ask(host, errands.values())
    for at, (asked, head) in zip(errands, answers, strict=True):
        found[at] = with_head(endpoints[at], head), asked.error
    return found


def no_head(endpoint: Endpoint, table: Table | None) -> str | None:
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


def lacks_head(endpoint: Endpoint, library: Library) -> Diagnostic | None:
    """Say why an endpoint has no head, if no table reads one of it."""
    if endpoint.head:
        return None
    why = no_head(endpoint, library.reading_heads(endpoint))
    return None if why is None else not_offered(f"{endpoint.address}: {why}")


def gives_head(endpoint: Endpoint, library: Library) -> bool:
    """Whether an endpoint is a device of this host whose head can be read."""
    return endpoint.lacks_attribute and errand_of(endpoint, library) is not None


def errand_of(endpoint: Endpoint, library: Library) -> Errand | None:
    """Say how to ask a device of this host; None where it cannot be asked so."""
    table = library.reading_heads(endpoint)
    if no_head(endpoint, table) is not None:
        return None
    assert table is not None
    assert table.stream is not None
    assert endpoint.driver is not None
    address = parse_address(endpoint.address)
    return Errand(address, endpoint.driver, table.stream)  # type: ignore[arg-type]


def with_head(endpoint: Endpoint, head: Head | None) -> Endpoint:
    """Give a device with the head that it gave, if it did."""
    return endpoint if head is None else msgspec.structs.replace(endpoint, head=head)


def not_offered(why: str) -> Diagnostic:
    """Say why no head was offered."""
    return diagnostic(codes.HEAD_NOT_OFFERED, why)
