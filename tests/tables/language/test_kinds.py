# SPDX-License-Identifier: Apache-2.0
"""Kinds: which texts each has, and what they are worth."""

from __future__ import annotations

import pytest
from packaging.version import Version

from vfiocompat.tables.language.kinds import KINDS

TWENTY = "9" * 20


@pytest.mark.parametrize(
    ("kind", "text", "worth"),
    [
        ("hex", "a250", 0xA250),
        ("hex", "0xA250", 0xA250),
        ("hex", "f" * 20, int("f" * 20, 16)),
        ("int", "007", 7),
        ("int", TWENTY, int(TWENTY)),
        ("text", "A40-8Q", "A40-8Q"),
        ("text", " ", " "),
        ("version", "1.10", Version("1.10")),
        ("version", "1.9.0", Version("1.9")),
        ("set", "", frozenset()),
        ("set", "b,a,b", frozenset("ab")),
        ("set", "0x5", 5),
        ("hexset", "", frozenset()),
        ("hexset", "0x1a", frozenset({"1a"})),
        ("hexset", "001B, 0x1a,1b", frozenset({"1a", "1b"})),
        ("mask", "0x0", 0),
        ("mask", "0x3F", 0x3F),
        ("range", "1..5", (1, 5)),
        ("range", "5..5", (5, 5)),
        ("size", "512", 512),
        ("size", "2K", 2048),
        ("size", "1T", 1 << 40),
        ("map", "", {}),
        ("map", "a=1/2,b=3", {"a": (1, 2), "b": (3,)}),
        ("rates", "", {}),
        ("rates", "a.3=1/02,a.0xC=3/4", {("a", 3): (1, 2), ("a", 12): (3, 4)}),
    ],
)
def test_what_a_text_is_worth(kind: str, text: str, worth: object) -> None:
    assert KINDS[kind].value(text) == worth


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("hex", ""),
        ("hex", "0x"),
        ("hex", "g"),
        ("hex", "f" * 21),
        ("int", ""),
        ("int", "-1"),
        ("int", "1.0"),
        ("int", TWENTY + "9"),
        ("int", "\u0661"),
        ("int", "\uff11"),
        ("text", ""),
        ("text", "a\nb"),
        ("text", "a?"),
        ("text", "\u00e9"),
        ("version", "v1"),
        ("version", "1."),
        ("version", "1.0rc1"),
        ("version", f"1.{TWENTY}9"),
        ("set", "a,,b"),
        ("set", ",a"),
        ("set", "a,?"),
        ("set", "a\nb"),
        ("set", "\u00e9"),
        ("map", "a\n=1"),
        ("set", "0xg"),
        ("hexset", "1a,,1b"),
        ("hexset", ",1a"),
        ("hexset", "1a, "),
        ("hexset", "1a,  1b"),
        ("hexset", "1a,1g"),
        ("hexset", "1a,?"),
        ("hexset", "f" * 21),
        ("mask", ""),
        ("mask", "0x"),
        ("mask", "0"),
        ("mask", "3f"),
        ("mask", "0X3f"),
        ("mask", "a,b"),
        ("mask", "0x3f,0x40"),
        ("mask", "0x" + "f" * 21),
        ("range", "5..1"),
        ("range", "1.5"),
        ("range", "1..?"),
        ("size", "K"),
        ("size", "1k"),
        ("size", "1.5G"),
        ("size", "1KK"),
        ("map", "a"),
        ("map", "a="),
        ("map", "a=1,a=2"),
        ("map", "a=1/"),
        ("map", "=1"),
        ("rates", "a.3=1"),
        ("rates", "a.3=1/2/3"),
        ("rates", "a=1/2"),
        ("rates", "a.=1/2"),
        ("rates", ".3=1/2"),
        ("rates", "A.3=1/2"),
        ("rates", "a.g=1/2"),
        ("rates", "a.3=1/2,"),
        ("rates", "a.3=1/2,a.0x03=1/2"),
    ],
)
def test_what_is_none_of_a_kind(kind: str, text: str) -> None:
    assert KINDS[kind].value(text) is None


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_an_example_is_one_and_nothing_may_follow_it(kind: object) -> None:
    assert kind.value(kind.example) is not None  # type: ignore[attr-defined]
    assert kind.value(f"{kind.example}\n") is None  # type: ignore[attr-defined]


def test_ordered_kinds_compare_as_numbers() -> None:
    ordered = {name for name, kind in KINDS.items() if kind.ordered}

    assert ordered == {"hex", "int", "version", "size"}
    assert KINDS["version"].value("1.10") > KINDS["version"].value("1.9")
    assert KINDS["size"].value("1G") > KINDS["size"].value("1023M")
    assert KINDS["int"].value("10") > KINDS["int"].value("9")
