# SPDX-License-Identifier: Apache-2.0
"""Inventories of which several are of one host: the newest counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from vfiocompat import codes
from vfiocompat.errors import ErrorRecord
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Taken", "newest", "twice"]


class Taken(NamedTuple):
    """An inventory's file, its host, and when it was taken."""

    path: str
    host: str
    taken_at: str


class _FromInventory(Protocol):
    """What comes from an inventory: of which host, from which file, and when taken."""

    @property
    def path(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def taken_at(self) -> str: ...


Each = TypeVar("Each", bound=_FromInventory)


def newest(several: Iterable[Each]) -> tuple[list[Each], dict[str, ErrorRecord]]:
    """Give the newest of each host, by its name; what is passed over is an error."""
    known: dict[str, Each] = {}
    errors = {}
    for each in several:
        other = known.setdefault(each.host, each)
        if other is not each:
            used, passed = other, each
            if (_taken(each), other.path) > (_taken(other), each.path):
                used, passed = each, other
            known[each.host] = used
            errors[passed.path] = twice(each.host, used.path, passed.path)
    return [known[name] for name in sorted(known)], errors


def _taken(each: _FromInventory) -> float:
    return timestamp(each.taken_at) or 0


def twice(host: str, used: str, passed: str) -> ErrorRecord:
    """Say that a host has two inventories, and which of the files is used."""
    return ErrorRecord(
        codes.HOST_TWICE,
        f"{passed} is of host {host}, as {used} is: passed over",
        None,
        "remove the older one; two hosts of one name are told apart by scan --host",
    )
