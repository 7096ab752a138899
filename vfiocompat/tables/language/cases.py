# SPDX-License-Identifier: Apache-2.0
"""A table's own cases: whether it says what they say, and whether they say enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.errors import InvalidVersion
from vfiocompat.tables.language.relations import RELATIONS, equal
from vfiocompat.tables.language.table import Outcome, Reading, Table
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.tables.language.records import Case

__all__ = ["case_mistakes"]


class _Tried(NamedTuple):
    """A case, both its strings as they were read, and what came of them."""

    key: str
    case: Case
    source: Reading
    destination: Reading
    outcome: Outcome


def case_mistakes(table: Table) -> Iterator[str]:
    """Run every case; give each mistake as `key: what is wrong`."""
    tried: list[_Tried] = []
    for number, case in enumerate(table.file.case):
        key = f"case[{number}]"
        ends = []
        for side in ("source", "destination"):
            found = _read(table, getattr(case, side))
            if isinstance(found, str):
                yield f"{key}.{side}: {found}"
            else:
                ends.append(found)
        if len(ends) == 2:  # noqa: PLR2004 - both sides
            source, destination = ends
            outcome = table.outcome(source.values, destination.values)
            tried.append(_Tried(key, case, source, destination, outcome))
    for each in tried:
        yield from _verdict(table, each)
    yield from _coverage(table, tried)
    yield from _reverses(table, tried)
    yield from _selves(table, tried)


def _read(table: Table, text: str) -> Reading | str:
    """Read a case's string, or say why it is none of the table's."""
    try:
        version = VersionString.parse(text)
    except InvalidVersion as error:
        return error.summary
    if not table.file.claims(version.vendor):
        wanted = (
            f"the vendor {table.file.vendor}" if table.file.vendor else "any vendor"
        )
        return f"{text!r} is not of {wanted}"
    found = table.read(version)
    if isinstance(found, Reading):
        return found
    tried = "; ".join(
        f"{form.name} stops at byte {stop.position}, expecting {stop.expected}"
        for form, stop in zip(table.formats, found, strict=True)
    )
    return f"no format matches {text!r}: {tried}"


def _verdict(table: Table, tried: _Tried) -> Iterator[str]:
    key, case, _, _, outcome = tried
    by = table.decided_by(outcome)
    because = f", decided by {', '.join(by)}" if by else ""
    if outcome.verdict != case.verdict:
        yield (
            f"{key}.verdict: {case.verdict} is expected, the table says "
            f"{outcome.verdict}{because}"
        )
    elif case.decided_by is not None and sorted(case.decided_by) != sorted(by):
        wanted = ", ".join(case.decided_by) or "nothing"
        found = ", ".join(by) or "nothing"
        yield f"{key}.decided_by: {wanted} is expected, it is {found}"


def _coverage(table: Table, tried: list[_Tried]) -> Iterator[str]:
    """Demand that cases show each requirement both ways, and each exception."""
    for number, requirement in enumerate(table.file.requirement):
        shown = {each.outcome.bare[number] for each in tried}
        for held, word in ((True, "holds"), (False, "fails")):
            if held not in shown:
                yield f"requirement[{number}]: {requirement.id} {word} in no case"
    deciding = {
        id_
        for each in tried
        for id_ in table.decided_by(each.outcome) + table.lifting(each.outcome)
    }
    for number, exception in enumerate(table.file.exception):
        if exception.id not in deciding:
            yield f"exception[{number}]: {exception.id} decides no case"


def _reverses(table: Table, tried: list[_Tried]) -> Iterator[str]:
    """Demand of each accepted pair from a lower to a higher value its reverse."""
    stated = {(each.case.source, each.case.destination) for each in tried}
    for key, case, source, destination, outcome in tried:
        swapped = case.destination, case.source
        if outcome.verdict != "compatible" or swapped in stated:
            continue
        higher = [
            requirement.id
            for requirement in table.file.requirement
            if requirement.relation != "specifier"
            and RELATIONS[requirement.relation].directed
            and _differ(table, requirement.field, source, destination)
        ]
        if higher:
            yield (
                f"{key}: goes from a lower to a higher value ({', '.join(higher)}), "
                "so state the reverse pair as a case too"
            )


def _differ(table: Table, field: str, source: Reading, destination: Reading) -> bool:
    place = table.fields.places[field]
    ends = source.values[place], destination.values[place]
    return ends[0] is not ends[1] if None in ends else not equal(*ends)


def _selves(table: Table, tried: list[_Tried]) -> Iterator[str]:
    """Demand that a string is compatible with itself.

    Not of what a specifier or a deny refuses on its own, nor of what is not known.
    """
    if table.file.migration is not None:
        return
    one_sided = {
        requirement.id
        for requirement in table.file.requirement
        if requirement.relation == "specifier"
    } | {exception.id for exception in table.file.exception}
    seen = set()
    for each in tried:
        for side, reading in (
            ("source", each.source),
            ("destination", each.destination),
        ):
            text = reading.version.text
            if text in seen:
                continue
            seen.add(text)
            outcome = table.outcome(reading.values, reading.values)
            against = set(table.decided_by(outcome)) - one_sided
            if outcome.verdict == "incompatible" and against:
                yield (
                    f"{each.key}.{side}: {text!r} is not compatible with itself: "
                    f"{', '.join(sorted(against))}"
                )
