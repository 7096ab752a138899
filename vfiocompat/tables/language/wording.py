# SPDX-License-Identifier: Apache-2.0
"""An outcome put into words: what fails or is not known, where, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.diagnostics import Diagnostic, Missing, Span, diagnostic
from vfiocompat.tables.language.derive import learn, state
from vfiocompat.tables.language.reasons import REASONS, At, End, demanded, words
from vfiocompat.tables.language.relations import GENERATION, lacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.diagnostics import Side
    from vfiocompat.tables.language.formats import Format, Stop
    from vfiocompat.tables.language.records import Exemption, Requirement
    from vfiocompat.tables.language.table import Outcome, Table

__all__ = ["findings", "unmatched"]


class _Pair(NamedTuple):
    """A table, and both ends as it reads them.

    `told` is what was said to do so that something is known.
    """

    table: Table
    source: End
    destination: End
    told: set[tuple[Side, _Way]]


def findings(
    table: Table, outcome: Outcome, source: End, destination: End
) -> Iterator[Diagnostic]:
    """Give every reason for an outcome: what fails, then what is not known.

    What is not known is left out where something fails anyway. What to do about it is
    said once, with the first reason that it would settle.
    """
    pair = _Pair(table, source, destination, set())
    exceptions = list(zip(table.file.exception, outcome.applied, strict=False))
    denies = [each for each in exceptions if each[0].verdict is not None]
    lifts = [each for each in exceptions if each[0].verdict is None]
    for exception, applied in denies:
        if applied:
            yield _denied(pair, exception)
    maybe = [exception for exception, applied in lifts if applied is None]
    held = zip(table.file.requirement, outcome.held, outcome.bare, strict=True)
    for requirement, holds, bare in held:
        if holds is False:
            yield _failing(pair, requirement)
        elif holds is None and outcome.verdict == "undetermined" and bare is None:
            yield _unknown(pair, requirement)
        elif holds is None and outcome.verdict == "undetermined":
            left_open = requirement.otherwise == "undetermined"
            yield (
                _left_open(pair, requirement)
                if left_open
                else _maybe_lifted(pair, requirement, maybe)
            )
    if outcome.verdict == "undetermined":
        maybe = [exception for exception, applied in denies if applied is None]
        yield from _maybe_denied(pair, maybe)
    for exception in (exception for exception, applied in lifts if applied):
        summary = f"an exception lifts {', '.join(exception.lifts)}"
        yield _of(table, diagnostic(codes.REQUIREMENT_LIFTED, summary), exception)
    if outcome.verdict == "compatible":
        summary = f"every requirement of table {table.id} holds"
        yield diagnostic(codes.REQUIREMENTS_HOLD, summary, table=table.id)


def unmatched(
    side: Side, text: str, stopped: Sequence[tuple[str, Format, Stop]]
) -> Diagnostic:
    """Say of a string that no format matches, and where the nearest one stopped.

    `stopped` has a name to show for each format that was tried, and where it stopped.
    """
    nearest_first = sorted(stopped, key=lambda each: -each[2].position)
    at, expected, _ = nearest_first[0][2]
    end = min(at + 1, len(text))
    return diagnostic(
        codes.NO_FORMAT_MATCHES,
        f"no format of a table matches the {side}'s string",
        detail="\n".join(f"{name}: {form.text}" for name, form, _ in nearest_first),
        spans=(Span(side, text, at, end, f"expected {expected}"),),
    )


# ---- requirements ----------------------------------------------------------------


def _failing(pair: _Pair, requirement: Requirement) -> Diagnostic:
    ends = _ends(pair, requirement)
    reason = REASONS[requirement.relation](requirement, *ends)
    spans = tuple(
        _span(at, _label(requirement, at, *ends)) for at in _sides(requirement, *ends)
    )
    found = diagnostic(reason.code, reason.summary, hint=reason.hint, spans=spans)
    return _of(pair.table, found, requirement)


def _label(requirement: Requirement, at: At, source: At, destination: At) -> str:
    """Say what a value stands for, or what the destination's is short of."""
    if requirement.relation == "subset" and at is destination:
        return f"lacks {lacks(source.value, destination.value)}"
    return at.stands_for


def _unknown(pair: _Pair, requirement: Requirement) -> Diagnostic:
    ends = _sides(requirement, *_ends(pair, requirement))
    unknown = [at for at in ends if at.value is None]
    if not unknown:
        names = words(requirement.field)
        summary = f"the two values of {names} cannot be compared"
        if requirement.relation == "specifier":
            wanted = demanded(requirement.specifier)
            side = requirement.side
            summary = f"the {side}'s {names} cannot be compared with {wanted}"
        found = diagnostic(
            codes.VALUE_NOT_KNOWN,
            summary,
            spans=tuple(_span(at, at.stands_for) for at in ends),
        )
        return _of(pair.table, found, requirement)
    whose: dict[str, list[str]] = {}
    for at in unknown:
        whose.setdefault(words(at.field), []).append(f"the {at.end.side}'s")
    what = " and ".join(f"{' and '.join(sides)} {of}" for of, sides in whose.items())
    found = diagnostic(
        codes.VALUE_NOT_KNOWN,
        f"nothing is known of {what}",
        hint=_remedies(pair, unknown),
        missing=_missing(pair.table, unknown),
        spans=tuple(_span(at, _why_unknown(at)) for at in unknown),
    )
    return _of(pair.table, found, requirement)


def _why_unknown(at: At) -> str:
    if at.value is not None:
        return "names and a mask do not compare"
    if at.text is None:
        return f"format {at.end.reading.format} has no {words(at.field)}"
    if at.is_untold:
        return "not known"
    return f"in no {words(at.field)} of the table"


def _left_open(pair: _Pair, requirement: Requirement) -> Diagnostic:
    """Say of a requirement that does not hold that nobody knows what follows."""
    fails = _failing(pair, requirement)
    found = diagnostic(
        codes.LEFT_OPEN,
        f"{fails.summary}, and what follows from that is not known",
        hint=fails.hint,
        spans=fails.spans,
    )
    return _of(pair.table, found, requirement)


def _maybe_lifted(
    pair: _Pair, requirement: Requirement, exceptions: Sequence[Exemption]
) -> Diagnostic:
    """Say of a requirement that fails that an exception may lift it."""
    fails = _failing(pair, requirement)
    unknown = [
        at
        for exception in exceptions
        if requirement.id in exception.lifts
        for at in _undecided(pair, exception)
    ]
    found = diagnostic(
        codes.VALUE_NOT_KNOWN,
        f"{fails.summary}, and whether an exception lifts that is not known",
        hint=_remedies(pair, unknown),
        missing=_missing(pair.table, unknown),
        spans=fails.spans,
    )
    return _of(pair.table, found, requirement)


def _remedies(pair: _Pair, unknown: Sequence[At]) -> str | None:
    """Say what to do so that fields are known, and how each is learnt.

    What was said for another reason is not said again: None if that is all.
    """
    remedies: list[str] = []
    for field in dict.fromkeys(at.field for at in unknown):
        ends = [at for at in unknown if at.field == field]
        ways: dict[_Way, list[Side]] = {}
        for at in ends:
            way, side = _way(pair.table, at), at.end.side
            if (side, way) not in pair.told:
                pair.told.add((side, way))
                ways.setdefault(way, []).append(side)
        if ways:
            asked = any(at.is_untold for at in ends)
            how = learn(pair.table, field) if asked else None
            told = [way.at(sides) for way, sides in ways.items()]
            remedies.append(
                " and ".join(told) + (f"; to learn it: {how}" if how else "")
            )
    return "; ".join(remedies) or None


class _Way(NamedTuple):
    """What to do so that a field is known, and whether that is done to an end."""

    text: str
    is_of_end: bool

    def at(self, sides: Sequence[Side]) -> str:
        """Say it of the ends of some sides."""
        whose = f" of the {' and the '.join(sides)}" if self.is_of_end else ""
        return f"{self.text}{whose}"


def _missing(table: Table, unknown: Sequence[At]) -> tuple[Missing, ...]:
    """Name the facts that can be stated so that fields are known."""
    found = [
        Missing(at.end.side, state(table, at.field))
        for at in unknown
        if at.end.derived and at.is_untold
    ]
    return tuple(dict.fromkeys(found))


def _way(table: Table, at: At) -> _Way:
    """Say what to do so that a field is known at an end."""
    if at.text is None and not at.end.derived:
        formats = [
            form.name
            for form in table.formats
            if table.fields.origins.get(at.field, at.field) in form.kinds
        ]
        of = " or ".join(formats)
        return _Way(f"needs a version string of format {of}", is_of_end=False)
    if not at.is_untold:
        text = f"the table {table.id} does not know {at.text}: a site's table may"
        return _Way(text, is_of_end=False)
    if at.end.derived:
        return _Way(f"state {state(table, at.field)}", is_of_end=True)
    return _Way(f"in place of ? write the {words(at.field)}", is_of_end=True)


# ---- exceptions ------------------------------------------------------------------


def _denied(pair: _Pair, exception: Exemption) -> Diagnostic:
    ends = _conditioned(pair, exception)
    found = diagnostic(
        codes.EXCEPTION_REFUSES, spans=tuple(_span(at, at.stands_for) for at in ends)
    )
    return _of(pair.table, found, exception)


def _maybe_denied(pair: _Pair, exceptions: Sequence[Exemption]) -> Iterator[Diagnostic]:
    """Say what has to be known to tell whether exceptions apply, each thing once."""
    groups: dict[str, tuple[list[At], list[Exemption]]] = {}
    for exception in exceptions:
        unknown = _undecided(pair, exception)
        key = " ".join(f"{at.end.side} {at.field}" for at in unknown)
        groups.setdefault(key, (unknown, []))[1].append(exception)
    for unknown, same in groups.values():
        found = diagnostic(
            codes.EXCEPTION_NOT_KNOWN,
            hint=_remedies(pair, unknown),
            missing=_missing(pair.table, unknown),
            spans=tuple(_span(at, _why_unknown(at)) for at in unknown),
        )
        yield _of(pair.table, found, *same)


def _conditioned(pair: _Pair, exception: Exemption) -> list[At]:
    return [
        _at(pair.table, end, field)
        for end in (pair.source, pair.destination)
        for field in getattr(exception, end.side)
    ]


def _undecided(pair: _Pair, exception: Exemption) -> list[At]:
    """Give the values that may meet an exception's conditions or not."""
    fields = pair.table.fields
    return [
        at
        for at in _conditioned(pair, exception)
        if at.value is None
        or fields.condition(at.field, getattr(exception, at.end.side)[at.field])(
            at.value
        )
        is None
    ]


def _of(table: Table, found: Diagnostic, *rules: Requirement | Exemption) -> Diagnostic:
    """Say of a finding which rules of the table are behind it, and why that is so."""
    reasons = [
        f"{rule.why} (a policy of {rule.policy})" if rule.policy else rule.why
        for rule in rules
    ]
    return msgspec.structs.replace(
        found,
        table=table.id,
        requirement=", ".join(rule.id for rule in rules),
        why="; ".join(dict.fromkeys(reasons)),
    )


# ---- fields ----------------------------------------------------------------------


def _ends(pair: _Pair, requirement: Requirement) -> tuple[At, At]:
    other = requirement.destination_field or requirement.field
    return (
        _at(pair.table, pair.source, requirement.field),
        _at(pair.table, pair.destination, other),
    )


def _sides(requirement: Requirement, source: At, destination: At) -> list[At]:
    """Give the ends that a requirement is about."""
    if requirement.relation != "specifier":
        return [source, destination]
    return [source if requirement.side == "source" else destination]


def _at(table: Table, end: End, field: str) -> At:
    value = end.reading.values[table.fields.places[field]]
    kind = table.fields.kinds[field]
    stands_for = ""
    if value is not None and kind == GENERATION:
        stands_for = table.fields.names[field][value]
    elif value is not None and kind == "size":
        stands_for = _size(value)
    return At(end, field, kind, value, stands_for)


def _size(number: int) -> str:
    """Give a number of bytes in the largest unit that leaves no rest.

    >>> _size(2048 << 20)
    '2 GiB'
    """
    for shift, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if number and not number % (1 << shift):
            return f"{number >> shift} {unit}"
    return f"{number} bytes"


def _span(at: At, label: str) -> Span:
    """Show a field in its end's string, or that string if it has no such field."""
    side, reading, _ = at.end
    text = reading.version.text
    piece = reading.pieces.get(at.field)
    if piece is None:
        return Span(side, text, label=label)
    return Span(side, text, piece.start, piece.end, label)
