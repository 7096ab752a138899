# SPDX-License-Identifier: Apache-2.0
"""Which tables speak for an endpoint or a pair, and which of them win."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vfiocompat.errors import ErrorRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.tables.language.records import Head
    from vfiocompat.tables.language.table import Table

__all__ = [
    "Shelved",
    "cannot_migrate",
    "concerns",
    "first_found",
    "is_bound",
    "reading_heads",
    "speaks_for",
    "whole_tables",
]

T = TypeVar("T")


class Shelved(NamedTuple):
    """A table that may speak for a pair, or what is wrong with it.

    Of several, one of a lower `rank` wins: an option's over the site's over a shipped
    one.
    """

    rank: int
    id: str
    table: Table | ErrorRecord


def whole_tables(shelf: Iterable[Shelved]) -> list[Table]:
    """Give the tables that could be loaded."""
    tables = (each.table for each in shelf)
    return [each for each in tables if not isinstance(each, ErrorRecord)]


def first_found(
    shelf: Iterable[Shelved], find: Callable[[Table], T | None]
) -> tuple[list[T], list[ErrorRecord]]:
    """Give what is found with the tables of the first rank that finds anything.

    Where one of a rank is broken nothing is found with it, nor below it: beside nothing
    come that rank's errors, since nobody knows what the table would have found.
    """
    by_rank = attrgetter("rank")
    for _, together in groupby(sorted(shelf, key=by_rank), by_rank):
        tier = list(together)
        tables = (each.table for each in tier)
        if errors := [each for each in tables if isinstance(each, ErrorRecord)]:
            return [], errors
        found = map(find, whole_tables(tier))
        if there := [each for each in found if each is not None]:
            return there, []
    return [], []


def reading_heads(shelf: Iterable[Shelved], driver: str | None) -> Table | None:
    """Give the table that reads the heads of a driver's devices, if one does.

    It is of the first rank that speaks for the driver; of several none is.
    """

    def find(table: Table) -> Table | None:
        return table if driver in table.file.drivers else None

    found, _ = first_found(shelf, find)
    only = found[0] if len(found) == 1 else None
    return only if only is not None and only.stream is not None else None


def speaks_for(head: Head, endpoint: Endpoint) -> bool:
    """Whether a table may speak for an endpoint, as far as its head tells."""
    if endpoint.driver is not None and endpoint.driver not in head.drivers:
        return False
    vendor = endpoint.vendor
    if vendor is None:  # a virtual parent has no ids; an opaque string is only asked
        told = endpoint.version is not None or endpoint.vendor_id is not None
        return endpoint.driver is not None and not told and not endpoint.is_pci
    if head.vendor is None:
        return endpoint.version is not None or endpoint.driver is not None
    return head.claims(vendor)


def concerns(head: Head, source: Endpoint, destination: Endpoint) -> bool:
    """Whether a table may decide a pair, as far as its head tells."""
    ends = source, destination
    if head.migration == "unsupported":
        return any(is_bound(head, end) for end in ends)
    return all(speaks_for(head, end) for end in ends)


def is_bound(head: Head, endpoint: Endpoint) -> bool:
    """Whether an endpoint without an attribute is bound to one of a table's drivers."""
    vendor = endpoint.vendor
    return (
        endpoint.kind != "literal"
        and endpoint.version is None
        and endpoint.lacks_attribute
        and endpoint.driver in head.drivers
        and (vendor is None or head.claims(vendor))
    )


def cannot_migrate(endpoint: Endpoint, shelf: Sequence[Shelved]) -> bool:
    """Whether tables say that the driver an endpoint is bound to migrates nothing."""
    return any(
        each.file.migration == "unsupported" and is_bound(each.file, endpoint)
        for each in whole_tables(shelf)
    )
