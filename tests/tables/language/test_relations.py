# SPDX-License-Identifier: Apache-2.0
"""Relations and conditions, each true, false, or not known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from vfiocompat.tables.language.kinds import KINDS
from vfiocompat.tables.language.relations import RELATIONS, compile_condition, lacks

if TYPE_CHECKING:
    from vfiocompat.tables.language.records import Condition, RelationName


@pytest.mark.parametrize(
    ("relation", "kind", "source", "destination", "held"),
    [
        ("equal", "int", "07", "7", True),
        ("equal", "text", "a", "A", False),
        ("equal", "version", "1.0", "1", True),
        ("equal", "set", "a,b", "b,a", True),
        ("equal", "set", "0x3", "0x3", True),
        ("equal", "set", "a", "0x1", None),
        ("equal", "set", "", "0x0", True),
        ("equal", "set", "", "0x1", False),
        ("equal", "hexset", "0x1a", "1A", True),
        ("equal", "hexset", "0x1a", "0x1b", False),
        ("equal", "mask", "0x3", "0x03", True),
        ("equal", "mask", "0x3", "0x7", False),
        ("equal", "range", "1..2", "1..3", False),
        ("equal", "map", "a=1", "a=1", True),
        ("not-lower", "hex", "9", "a", True),
        ("not-lower", "version", "1.10", "1.9", False),
        ("not-lower", "size", "1G", "1024M", True),
        ("not-higher", "int", "2", "1", True),
        ("not-higher", "int", "1", "2", False),
        ("same-major-minor-not-lower", "version", "1.2", "1.3", True),
        ("same-major-minor-not-lower", "version", "1.3.9", "1.3.0", True),
        ("same-major-minor-not-lower", "version", "1.3", "1.2", False),
        ("same-major-minor-not-lower", "version", "1.2", "2.3", False),
        ("subset", "set", "a", "a,b", True),
        ("subset", "set", "a,c", "a,b", False),
        ("subset", "set", "0x1", "0x3", True),
        ("subset", "set", "0x4", "0x3", False),
        ("subset", "set", "a", "0x1", None),
        ("subset", "set", "", "0x1", True),
        ("subset", "set", "a", "", False),
        ("subset", "hexset", "0x1a", "1b, 1a", True),
        ("subset", "hexset", "0x1a", "0x1b", False),
        ("subset", "hexset", "1a,1b", "0x1a", False),
        ("subset", "hexset", "", "0x1a", True),
        ("subset", "mask", "0x1", "0x3", True),
        ("subset", "mask", "0x4", "0x3", False),
        ("subset", "mask", "0x0", "0x0", True),
        ("equal", "rates", "a.3=1/2", "a.0x3=1/2", True),
        ("each-not-lower", "rates", "a.3=1/2", "a.0x3=1/2,b.3=0/0", True),
        ("each-not-lower", "rates", "a.3=1/2", "a.c=1/2", False),
        ("each-not-lower", "rates", "a.3=1/2", "a.3=2/1", False),
        ("each-not-lower", "rates", "a.3=1/2", "b.3=1/2", False),
        ("each-not-lower", "rates", "", "a.3=1/2", True),
        ("each-not-lower", "map", "a=1/2", "a=1/2,b=0", True),
        ("each-not-lower", "map", "a=1/2", "a=1/1", False),
        ("each-not-lower", "map", "a=1", "b=1", False),
        ("each-not-lower", "map", "a=1/2", "a=1", None),
        ("each-not-lower", "map", "a=1", "a=1/2", None),
        ("each-not-lower", "map", "a=2", "a=1/2", False),
        ("each-not-lower", "map", "a=1,b=1", "a=1/2,b=1", None),
        ("each-not-lower", "map", "a=2/2", "a=1", False),
        ("each-not-lower", "map", "a=1/2,b=1", "a=1,b=0", False),
        ("each-not-lower", "map", "", "", True),
    ],
)
def test_relations(
    relation: RelationName, kind: str, source: str, destination: str, held: object
) -> None:
    values = KINDS[kind].value(source), KINDS[kind].value(destination)

    assert None not in values
    assert RELATIONS[relation].compare(*values) is held


@pytest.mark.parametrize(
    ("source", "there", "held"),
    [("1", "1..3", True), ("3", "1..3", True), ("4", "1..3", False)],
)
def test_within(source: str, there: str, *, held: bool) -> None:
    compare = RELATIONS["within"].compare

    assert compare(KINDS["int"].value(source), KINDS["range"].value(there)) is held


def test_a_text_in_a_set() -> None:
    compare = RELATIONS["subset"].compare

    assert compare("a", frozenset("ab")) is True
    assert compare("c", frozenset("ab")) is False


def test_what_is_lacking_is_named() -> None:
    assert lacks(frozenset("cab"), frozenset("a")) == "b,c"
    assert lacks(0b111, 0b101) == "0x2"
    assert lacks("x", frozenset()) == "x"
    assert lacks(frozenset("a"), 0) == "a"


@pytest.mark.parametrize(
    ("kind", "condition", "text", "holds"),
    [
        ("version", ">=1.4", "1.10", True),
        ("version", ">=1.4,<2", "2.0", False),
        ("version", ">=1.4, <2", "1.5", True),
        ("version", "1.4", "1.4.0", True),
        ("int", "!=3", "3", False),
        ("int", "==3", "3", True),
        ("int", ("1", "2"), "2", True),
        ("int", ("1", "2"), "3", False),
        ("text", ">=a", ">=a", True),
        ("text", ">=a", "b", False),
        ("text", ("a", "b"), "b", True),
        ("set", "y,x", "x,y", True),
        ("set", "x,y", "x", False),
        ("set", "x,y", "0x3", None),
        ("set", "0x3", "x,y", None),
        ("set", "0x3", "0x1", False),
        ("set", ("x", "y"), "0x3", None),
        ("set", ("x", "0x3"), "0x3", True),
        ("set", ("x", "0x3"), "0x1", None),
        ("set", ("x", "0x3"), "y", None),
        ("set", ("", "x"), "0x0", True),
        ("set", ("", "0x3"), "0x1", False),
        ("set", "", "0x0", True),
        ("set", "0x0", "", True),
        ("set", "", "0x1", False),
        ("set", "0x0", "x", False),
        ("range", "1..2", "1..3", False),
        ("map", "a=1", "a=01", True),
    ],
)
def test_conditions(
    kind: str, condition: Condition, text: str, *, holds: bool | None
) -> None:
    test = compile_condition(condition, KINDS[kind].value, ordered=KINDS[kind].ordered)

    assert test(KINDS[kind].value(text)) is holds


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (">=x", "'x' is no value"),
        (">1,2", "'2' is no comparison"),
        (">=", "is no value"),
        ("=1", "is no comparison"),
        ("x", "'x' is no value"),
        ((), "an empty list"),
        (("1", "x"), "'x' is no value"),
    ],
)
def test_what_is_no_condition(condition: Condition, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        compile_condition(condition, KINDS["int"].value, ordered=True)
