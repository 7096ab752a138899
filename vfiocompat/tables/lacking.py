# SPDX-License-Identifier: Apache-2.0
"""What a table would have to know of an endpoint to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.tables.ends import read_end
from vfiocompat.tables.facts import can_be_stated
from vfiocompat.tables.language.derive import learn, state
from vfiocompat.tables.language.kinds import UNKNOWN
from vfiocompat.tables.language.table import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.tables.language.records import Exemption
    from vfiocompat.tables.language.table import Outcome, Table

__all__ = ["Lacking", "lacking"]


class Lacking(NamedTuple):
    """What is not known of an endpoint.

    `facts` are names that an operator can state, each with how it is learnt, if that is
    told. `values` are those that the table has in none of its generations, by field.
    """

    facts: dict[str, str | None]
    values: dict[str, str]


def lacking(table: Table, endpoint: Endpoint) -> Lacking:
    """Say why a table leaves an endpoint open against one like itself.

    What is open there is so against any other. Nothing is lacking of an endpoint that
    the table cannot read.
    """
    found = Lacking({}, {})
    reading = read_end(table, endpoint)
    if not isinstance(reading, Reading):
        return found
    outcome = table.outcome(reading.values, reading.values)
    for field in dict.fromkeys(_open_fields(table, outcome)):
        if reading.values[table.fields.places[field]] is not None:
            continue
        piece = reading.pieces.get(field)
        if piece is None or UNKNOWN in piece.text:
            name = state(table, field)
            if can_be_stated(endpoint, name):
                found.facts[name] = learn(table, field)
        else:
            found.values[field] = piece.text
    return found


def _open_fields(table: Table, outcome: Outcome) -> Iterator[str]:
    """Name the fields of rules that leave a pair open."""
    if outcome.verdict != "undetermined":
        return
    held = dict(
        zip((each.id for each in table.file.requirement), outcome.held, strict=True)
    )
    for requirement, bare in zip(table.file.requirement, outcome.bare, strict=True):
        if held[requirement.id] is None and bare is None:
            yield requirement.field
            if requirement.destination_field is not None:
                yield requirement.destination_field
    for exception, applied in zip(table.file.exception, outcome.applied, strict=False):
        lifts_open = any(held[each] is None for each in exception.lifts)
        if applied is None and (exception.verdict is not None or lifts_open):
            yield from _fields(exception)


def _fields(exception: Exemption) -> Iterator[str]:
    yield from exception.source
    yield from exception.destination
