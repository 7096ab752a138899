# SPDX-License-Identifier: Apache-2.0
"""What a table reads of an endpoint: its string, or what its facts and head make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.tables.heads import decode, doubted
from vfiocompat.tables.language.derive import derive
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.tables.language.formats import Stop
    from vfiocompat.tables.language.table import Reading, Table

__all__ = ["doubts_head", "read_end", "reads_head"]


def read_end(table: Table, endpoint: Endpoint) -> Reading | list[Stop] | None:
    """Read an endpoint's string with a table, or that which the table derives.

    None where there is no string and none can be derived.
    """
    if endpoint.version is not None:
        return table.read(VersionString.parse(endpoint.version))
    known = endpoint.known, endpoint.stated, endpoint.vendor_id
    if not reads_head(table, endpoint):
        return derive(table, *known)
    assert table.stream is not None
    assert endpoint.head
    return derive(table, *known, decode(table.stream, endpoint.head.exact_bytes()))


def reads_head(table: Table, endpoint: Endpoint) -> bool:
    """Whether a table makes an endpoint's string of the head of its stream."""
    has = table.stream is not None and bool(endpoint.head) and not endpoint.version
    return has and doubts_head(table, endpoint) is None


def doubts_head(table: Table, endpoint: Endpoint) -> str | None:
    """Say why a recorded head cannot be the endpoint's, as a table reads it.

    One that was read now is. Beside a string no decision reads facts.
    """
    if table.stream is None or not endpoint.recorded or not endpoint.head:
        return None
    known = endpoint.known if endpoint.version is None else {}
    return doubted(table, endpoint.head.exact_bytes(), known)
