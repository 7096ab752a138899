# SPDX-License-Identifier: Apache-2.0
"""Why a requirement fails, relation by relation, and what would make it hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat import codes
from vfiocompat.tables.language.kinds import UNKNOWN
from vfiocompat.tables.language.relations import GENERATION, lacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfiocompat.codes import Code
    from vfiocompat.diagnostics import Side
    from vfiocompat.tables.language.kinds import Value
    from vfiocompat.tables.language.records import (
        Condition,
        RelationName,
        Requirement,
    )
    from vfiocompat.tables.language.table import Reading

__all__ = ["REASONS", "At", "End", "Reason", "demanded", "words"]


class End(NamedTuple):
    """One end of a pair: which side it is, its string, and whether that is derived."""

    side: Side
    reading: Reading
    derived: bool


class At(NamedTuple):
    """A field at one end: what it is worth, and what that stands for if not itself."""

    end: End
    field: str
    kind: str
    value: Value | None
    stands_for: str

    @property
    def text(self) -> str | None:
        """The field's text; None where the string's format has no such field."""
        piece = self.end.reading.pieces.get(self.field)
        if piece is not None:
            return piece.text
        return str(self.value) if self.value is not None else None

    @property
    def is_untold(self) -> bool:
        """Whether the string leaves it out, or says that it is not known."""
        return self.text is None or UNKNOWN in self.text

    @property
    def named(self) -> str:
        """The value as a person names it."""
        return self.stands_for if self.kind == GENERATION else self.text or "empty"


class Reason(NamedTuple):
    """A diagnostic's code, what is wrong with the pair, and what would be right."""

    code: Code
    summary: str
    hint: str


def words(field: str) -> str:
    """Give a field's name as it stands in a sentence."""
    return field.replace("_", " ")


def demanded(condition: Condition | None) -> str:
    """Give a condition as it stands in a sentence."""
    return condition if isinstance(condition, str) else " or ".join(condition or ())


def _not_lower(_: Requirement, source: At, destination: At) -> Reason:
    return _ordered(codes.LOWER, source, destination, "lower", ("higher", ">="))


def _not_higher(_: Requirement, source: At, destination: At) -> Reason:
    return _ordered(codes.HIGHER, source, destination, "higher", ("lower", "<="))


def _ordered(
    code: Code, source: At, destination: At, wrong: str, right: tuple[str, str]
) -> Reason:
    name = words(destination.field)
    if source.kind == GENERATION:
        return Reason(
            code,
            f"the destination is of a {wrong} {name}",
            f"needs a destination of {name} {source.named} or {right[0]}",
        )
    return Reason(
        code,
        f"the destination's {name} is {wrong}",
        f"needs {name} {right[1]} {source.named} on the destination",
    )


def _equal(_: Requirement, source: At, destination: At) -> Reason:
    name = words(destination.field)
    return Reason(
        codes.NOT_EQUAL,
        f"source and destination differ in {name}",
        f"needs a destination whose {name} is {source.named}",
    )


def _same_major(_: Requirement, source: At, destination: At) -> Reason:
    name = words(destination.field)
    version = source.value
    assert version is not None
    lowest = f"{version.major}.{version.minor}"
    return Reason(
        codes.OTHER_MAJOR_OR_LOWER,
        f"the destination's {name} is of another major version, or lower",
        f"needs {name} >= {lowest} and < {version.major + 1} on the destination",
    )


def _subset(_: Requirement, source: At, destination: At) -> Reason:
    missing = lacks(source.value, destination.value)
    return Reason(
        codes.LACKING,
        f"the destination's {words(destination.field)} lacks what the source has",
        f"needs {words(destination.field)} with {missing} on the destination",
    )


def _within(_: Requirement, source: At, destination: At) -> Reason:
    name, theirs = words(source.field), words(destination.field)
    return Reason(
        codes.OUTSIDE_RANGE,
        f"the source's {name} is not within the destination's {theirs}",
        f"needs a destination whose {theirs} includes {source.named}",
    )


def _each_not_lower(_: Requirement, source: At, destination: At) -> Reason:
    name = words(destination.field)
    return Reason(
        codes.MISSING_OR_LOWER,
        f"something of the source's {name} is missing at the destination, or lower",
        f"needs {name} of at least {source.named} on the destination",
    )


def _specifier(requirement: Requirement, source: At, destination: At) -> Reason:
    at = source if requirement.side == "source" else destination
    wanted = demanded(requirement.specifier)
    return Reason(
        codes.CONDITION_NOT_MET,
        f"the {at.end.side}'s {words(at.field)} is not {wanted}",
        f"needs {words(at.field)} {wanted} on the {at.end.side}",
    )


REASONS: dict[RelationName, Callable[[Requirement, At, At], Reason]] = {
    "not-lower": _not_lower,
    "not-higher": _not_higher,
    "equal": _equal,
    "same-major-minor-not-lower": _same_major,
    "subset": _subset,
    "within": _within,
    "each-not-lower": _each_not_lower,
    "specifier": _specifier,
}
"""What to say where a requirement of each relation fails."""
