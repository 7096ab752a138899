# SPDX-License-Identifier: Apache-2.0
"""An outcome put into words: what fails or is not known, where, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.diagnostics import Diagnostic, diagnostic
from vfiocompat.language.derive import learn, state
from vfiocompat.language.kinds import UNKNOWN
from vfiocompat.language.reasons import REASONS, At, End, words
from vfiocompat.language.relations import GENERATION, lacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.language.formats import Format, Stop
    from vfiocompat.language.records import Exemption, Requirement
    from vfiocompat.language.table import Outcome, Table

__all__ = ["findings", "tried"]


def findings(
    table: Table, outcome: Outcome, source: End, destination: End
) -> Iterator[Diagnostic]:
    """Give every reason for an outcome: what fails, then what is not known.

    What is not known is left out where something fails anyway.
    """
    exceptions = list(zip(table.file.exception, outcome.applied, strict=False))
    for exception, applied in exceptions:
        if exception.verdict is not None and applied:
            yield _denied(table, exception, source, destination)
    for requirement, held in zip(table.file.requirement, outcome.held, strict=True):
        if held is False:
            yield _failing(table, requirement, source, destination)
        elif held is None and outcome.verdict == "undetermined":
            yield _unknown(table, requirement, source, destination)
    for exception, applied in exceptions:
        denies = exception.verdict is not None
        if denies and applied is None and outcome.verdict == "undetermined":
            yield _maybe_denied(table, exception, source, destination)
        elif not denies and applied:
            yield _of(
                table,
                exception,
                diagnostic(
                    "VFC222",
                    f"an exception lifts {', '.join(exception.lifts)}",
                ),
            )
    if outcome.verdict == "compatible":
        yield diagnostic(
            "VFC209", f"every requirement of table {table.id} holds", table=table.id
        )


def tried(stopped: Sequence[tuple[str, Format, Stop]], text: str) -> str:
    """Show the formats tried on a string, and where the nearest one stopped.

    `stopped` has a name to show for each format, and where it stopped.
    """
    (name, form, stop), *others = sorted(stopped, key=lambda each: -each[2].position)
    return "\n".join(
        [
            f"{text}",
            f"{' ' * stop.position}^ expected {stop.expected}",
            f"{name}: {form.text}",
            *(f"{name}: {form.text}" for name, form, _ in others),
        ]
    )


# ---- requirements ----------------------------------------------------------------


def _failing(
    table: Table, requirement: Requirement, source: End, destination: End
) -> Diagnostic:
    ends = _ends(table, requirement, source, destination)
    reason = REASONS[requirement.relation](requirement, *ends)
    shown = [
        (at, _shortage(requirement, *ends) if at.end is destination else at.stands_for)
        for at in _sides(requirement, *ends)
    ]
    found = diagnostic(
        reason.code, reason.summary, detail=_underlined(shown), hint=reason.hint
    )
    return _of(table, requirement, found)


def _shortage(requirement: Requirement, source: At, destination: At) -> str:
    """Say what the destination's value is short of, or what it stands for."""
    if requirement.relation == "subset":
        return f"lacks {lacks(source.value, destination.value)}"
    return destination.stands_for


def _unknown(
    table: Table, requirement: Requirement, source: End, destination: End
) -> Diagnostic:
    ends = _sides(requirement, *_ends(table, requirement, source, destination))
    unknown = [at for at in ends if at.value is None]
    if not unknown:
        names = words(requirement.field)
        found = diagnostic(
            "VFC220",
            f"the two values of {names} cannot be compared",
            detail=_underlined([(at, at.stands_for) for at in ends]),
        )
        return _of(table, requirement, found)
    sides = " and ".join(f"the {at.end.side}'s {words(at.field)}" for at in unknown)
    found = diagnostic(
        "VFC220",
        f"{sides} {'is' if len(unknown) == 1 else 'are'} not known",
        detail=_underlined([(at, _why_unknown(at)) for at in unknown]),
        hint="; ".join(dict.fromkeys(_remedy(table, at) for at in unknown)),
    )
    return _of(table, requirement, found)


def _why_unknown(at: At) -> str:
    if at.text is None:
        return f"format {at.end.reading.format} has no {words(at.field)}"
    if at.text == UNKNOWN:
        return "not known"
    return f"in no {words(at.field)} of the table"


def _remedy(table: Table, at: At) -> str:
    """Say what to do so that a field is known."""
    how = learn(table, at.field)
    ask = f"; to learn it: {how}" if how else ""
    if at.text is None and not at.end.derived:
        formats = [
            form.name
            for form in table.formats
            if table.fields.origins.get(at.field, at.field) in form.kinds
        ]
        return f"needs a version string of format {' or '.join(formats)}"
    if at.text not in {None, UNKNOWN}:
        return f"the table {table.id} does not know {at.text}: a site's table may"
    if at.end.derived:
        option = "--fact" if at.end.side == "source" else "--destination-fact"
        return f"state it with {option} {state(table, at.field)}=VALUE{ask}"
    return f"write the {at.end.side}'s {words(at.field)} in place of ?{ask}"


# ---- exceptions ------------------------------------------------------------------


def _denied(
    table: Table, exception: Exemption, source: End, destination: End
) -> Diagnostic:
    ends = _conditioned(table, exception, source, destination)
    found = diagnostic(
        "VFC208", detail=_underlined([(at, at.stands_for) for at in ends])
    )
    return _of(table, exception, found)


def _maybe_denied(
    table: Table, exception: Exemption, source: End, destination: End
) -> Diagnostic:
    ends = _conditioned(table, exception, source, destination)
    unknown = [at for at in ends if at.value is None]
    found = diagnostic(
        "VFC221",
        detail=_underlined([(at, _why_unknown(at)) for at in unknown]),
        hint="; ".join(dict.fromkeys(_remedy(table, at) for at in unknown)),
    )
    return _of(table, exception, found)


def _conditioned(
    table: Table, exception: Exemption, source: End, destination: End
) -> list[At]:
    return [
        _at(table, end, field)
        for end in (source, destination)
        for field in getattr(exception, end.side)
    ]


def _of(table: Table, rule: Requirement | Exemption, found: Diagnostic) -> Diagnostic:
    """Say of a finding which rule of the table is behind it, and why that is so."""
    whose = f" (a policy of {rule.policy})" if rule.policy else ""
    return diagnostic(
        found.code,
        found.summary,
        detail=found.detail,
        hint=found.hint,
        table=table.id,
        requirement=rule.id,
        why=f"{rule.why}{whose}",
    )


# ---- fields ----------------------------------------------------------------------


def _ends(
    table: Table, requirement: Requirement, source: End, destination: End
) -> tuple[At, At]:
    other = requirement.destination_field or requirement.field
    return _at(table, source, requirement.field), _at(table, destination, other)


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


def _underlined(ends: Sequence[tuple[At, str]]) -> str:
    """Show each end's string with its field underlined, and a remark."""
    lines = []
    shown = None
    for at, remark in ends:
        if at.end is not shown:
            lines.append(f"{at.end.side:<11}  {at.end.reading.version.text}")
        shown = at.end
        piece = at.end.reading.pieces.get(at.field)
        if piece is not None:
            width = max(1, piece.end - piece.start)
            line = f"{' ' * (13 + piece.start)}{'^' * width} {remark}"
            lines.append(line.rstrip())
        elif remark:
            lines.append(f"{'':<13}({remark})")
    return "\n".join(lines)
