# SPDX-License-Identifier: Apache-2.0
"""Relations between a source's value and a destination's, and conditions on one.

What is not known makes nothing hold and nothing fail: each answer is True, False, or
None where it cannot be told.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vfiocompat.tables.language.kinds import Value
    from vfiocompat.tables.language.records import Condition, RelationName

__all__ = [
    "GENERATION",
    "RELATIONS",
    "Relation",
    "Truth",
    "compile_condition",
    "equal",
    "lacks",
]

GENERATION = "generation"
"""The kind of a computed field: its values are places in an order."""

Truth = bool | None
"""Whether something holds; None where it is not known."""


class Relation(NamedTuple):
    """A relation, and which kinds of source and destination it is defined for.

    `directed` relations may hold one way and not the other.
    """

    compare: Callable[[Value, Value], Truth]
    kinds: frozenset[tuple[str, str]]
    directed: bool


def _same(*kinds: str) -> frozenset[tuple[str, str]]:
    return frozenset((kind, kind) for kind in kinds)


def equal(source: Value, destination: Value) -> Truth:
    """Tell whether two values of one kind are the same."""
    if type(source) is type(destination):
        return bool(source == destination)
    if source and destination:
        return None  # a list and a bit mask: nobody says which bit a name has
    return not source and not destination


def _subset(source: Value, destination: Value) -> Truth:
    if isinstance(source, str):
        source = frozenset((source,))
    if type(source) is not type(destination):
        return None if source and destination else not source
    if isinstance(source, int):
        return not source & ~destination
    return bool(source <= destination)


def _within(source: Value, destination: Value) -> Truth:
    low, high = destination
    return bool(low <= source <= high)


def _same_major_minor_not_lower(source: Value, destination: Value) -> Truth:
    return bool(source.major == destination.major and source.minor <= destination.minor)


def _each_not_lower(source: Value, destination: Value) -> Truth:
    held: Truth = True
    for key, numbers in source.items():
        there = destination.get(key)
        if there is None or any(map(operator.lt, there, numbers)):
            return False
        if len(there) != len(numbers):
            held = None  # one side does not tell what the other does
    return held


_ORDERED = _same("hex", "int", "version", "size", GENERATION)

RELATIONS: dict[RelationName, Relation] = {
    "equal": Relation(
        equal,
        _ORDERED | _same("text", "set", "hexset", "mask", "range", "map", "rates"),
        directed=False,
    ),
    "not-lower": Relation(operator.le, _ORDERED, directed=True),
    "not-higher": Relation(operator.ge, _ORDERED, directed=True),
    "same-major-minor-not-lower": Relation(
        _same_major_minor_not_lower, _same("version"), directed=True
    ),
    "subset": Relation(
        _subset, _same("set", "hexset", "mask") | {("text", "set")}, directed=True
    ),
    "within": Relation(
        _within, frozenset({("int", "range"), ("hex", "range")}), directed=False
    ),
    "each-not-lower": Relation(_each_not_lower, _same("map", "rates"), directed=True),
}
"""Every relation of two values; `specifier`, which has one, is a condition."""


def lacks(source: Value, destination: Value) -> str:
    """Name what of a source's set is not in the destination's."""
    if isinstance(source, str):
        return source
    missing = source  # where one is a list and the other an empty mask, or so
    if type(source) is type(destination):
        missing = (
            source & ~destination if isinstance(source, int) else source - destination
        )
    return f"{missing:#x}" if isinstance(missing, int) else ",".join(sorted(missing))


_COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMPARISON = re.compile(r"\s*+(<=|>=|==|!=|<|>)\s*+(.*\S)\s*+")


def compile_condition(
    condition: Condition, worth: Callable[[str], Value | None], *, ordered: bool
) -> Callable[[Value], Truth]:
    """Make a test of a condition: a comparison, a text, or several texts.

    Comparisons are for ordered kinds; a comma between them means that all hold.

    Raises:
        ValueError: it compares with something that is no value of the kind.

    """
    if isinstance(condition, str) and ordered and condition.lstrip()[:1] in "<>=!":
        return _comparisons(condition.split(","), worth)
    texts = (condition,) if isinstance(condition, str) else condition
    if not texts:
        raise ValueError("an empty list holds for nothing")
    return _one_of([_worth(text, worth) for text in texts])


def _one_of(values: Sequence[Value]) -> Callable[[Value], Truth]:
    types = {type(each) for each in values}

    def test(value: Value) -> Truth:
        if value in values:
            return True
        if types == {type(value)}:  # only a set has values of two types
            return False
        held = [equal(value, each) for each in values]
        return True in held or (None if None in held else False)

    return test


def _comparisons(
    terms: Sequence[str], worth: Callable[[str], Value | None]
) -> Callable[[Value], bool]:
    tests = []
    for term in terms:
        match = _COMPARISON.fullmatch(term)
        if match is None:
            raise ValueError(f"{term!r} is no comparison such as '>=1.4'")
        tests.append((_COMPARISONS[match[1]], _worth(match[2], worth)))
    return lambda value: all(compare(value, other) for compare, other in tests)


def _worth(text: str, worth: Callable[[str], Value | None]) -> Value:
    value = worth(text)
    if value is None:
        raise ValueError(f"{text!r} is no value of the field")
    return value
