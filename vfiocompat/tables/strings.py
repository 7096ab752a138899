# SPDX-License-Identifier: Apache-2.0
"""Version strings that tables make for endpoints without an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.tables.ends import reads_head
from vfiocompat.tables.judge import derivation

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint, Origin
    from vfiocompat.tables.library import Library
    from vfiocompat.tables.stated import Stated

__all__ = ["derive_string", "derived"]


def derive_string(endpoint: Endpoint, library: Library, stated: Stated) -> Endpoint:
    """Give an endpoint without an attribute the string that a table derives for it.

    It stays as it is where no table does, or several do; one whose attribute cannot be
    read gets no other string.

    Raises:
        UsageError, FactError: what is stated cannot be used.

    """
    if endpoint.kind == "literal" or endpoint.version is not None:
        return endpoint
    if not endpoint.lacks_attribute:
        return endpoint
    known = stated.of_source(endpoint, library)
    found = derivation(known, library.speaking_for(known))
    if found is None:
        return known
    table, reading = found
    return derived(known, reading.version.text, by_head=reads_head(table, known))


def derived(endpoint: Endpoint, text: str | None, *, by_head: bool) -> Endpoint:
    """Show an endpoint with the string that was derived for it; none is written.

    `by_head` says that the head of its stream filled it.
    """
    if text is None:
        return endpoint
    origin: Origin = "stream" if by_head else "derived"
    return msgspec.structs.replace(endpoint, version=text, origin=origin)
