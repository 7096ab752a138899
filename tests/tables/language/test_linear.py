# SPDX-License-Identifier: Apache-2.0
"""Reading a string takes steps in proportion to its length, whatever the table.

No clock: what reads characters is counted, or has a shape that cannot go back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.tables.test_shipped import TABLES
from vfiocompat.tables.language import kinds
from vfiocompat.tables.language.formats import compile_format
from vfiocompat.tables.language.kinds import KINDS

if TYPE_CHECKING:
    from vfiocompat.tables.language.formats import Format

INVITING = {
    "one literal, many fields": "-".join(f"{{f{at}:text}}" for at in range(40)) + "-x",
    "literals that overlap": "--".join(f"{{f{at}:text}}" for at in range(20)) + "---",
    "a long literal": "{a:text}" + "-" * 200 + "{b:text}" + "-" * 200 + "x",
    "lists in lists": "{a:set},{b:set}={c:map},{d:map}",
    "numbers": "{a:version}.{b:version}.{c:int}..{d:range}",
}
TEXTS = ["-", "-a", "a,", "1.", "1..", "a=1/2,", "0x", "?", "9", "--x"]


class Counted(str):
    """A text that counts the characters that searches go over."""

    __slots__ = ("steps",)
    steps: list[int]

    def find(self, *args: Any) -> int:  # noqa: ANN401 - as str has it
        found = str.find(self, *args)
        start = args[1] if len(args) > 1 else 0
        self.steps[0] += (len(self) if found < 0 else found) - start + 1
        return found


def steps(form: Format, text: str) -> int:
    """Count what a search goes over, and what each field's grammar is asked about."""
    counted = Counted(text)
    counted.steps = [0]
    found = form.read(counted)
    pieces = found.values() if isinstance(found, dict) else ()
    return counted.steps[0] + sum(len(piece.text) for piece in pieces)


@pytest.mark.parametrize("unit", TEXTS)
@pytest.mark.parametrize("name", INVITING)
def test_twice_the_length_takes_twice_the_steps(name: str, unit: str) -> None:
    form = compile_format("f", INVITING[name])
    lengths = [500, 1000, 2000, 4000]
    taken = [steps(form, (unit * length)[:length]) for length in lengths]
    for length, number in zip(lengths, taken, strict=True):
        assert number <= 3 * length + 100


@pytest.mark.parametrize("unit", TEXTS)
@pytest.mark.parametrize("name", TABLES)
def test_shipped_formats_are_read_in_one_pass(name: str, unit: str) -> None:
    for form in TABLES[name].formats:
        text = form.head + (unit * 4000)[:4000]
        assert steps(form, text) <= 3 * len(text) + 100


def repeats(pattern: Any) -> list[tuple[str, int]]:  # noqa: ANN401 - re's own trees
    """Name every repeat in a parsed pattern, with how often it may repeat."""
    found = []
    for name, argument in pattern:
        if str(name).endswith("_REPEAT"):
            found.append((str(name), int(argument[1])))
        for part in argument if isinstance(argument, tuple | list) else [argument]:
            if isinstance(part, re._parser.SubPattern):  # type: ignore[attr-defined] # noqa: SLF001 - nothing else tells
                found += repeats(part)
            elif isinstance(part, list):
                for each in part:
                    found += repeats(each)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_grammar_can_go_back(kind: str) -> None:
    """A possessive repeat never gives back what it took, so there is no second try."""
    tree = re._parser.parse(KINDS[kind].grammar.pattern)  # type: ignore[attr-defined] # noqa: SLF001
    found = repeats(tree)
    assert found
    assert {name for name, _ in found} == {"POSSESSIVE_REPEAT"}


def test_the_search_for_repeats_finds_them() -> None:
    tree = re._parser.parse(r"(?:a+|(b*)c)?")  # type: ignore[attr-defined] # noqa: SLF001
    names = [name for name, _ in repeats(tree)]
    assert names.count("MAX_REPEAT") == 3


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_any_length_are_refused_or_read(kind: str) -> None:
    """No text raises: Python refuses to convert more than 4,300 digits."""
    for digits in (20, 21, 4095):
        for text in ("9" * digits, f"0x{'9' * digits}", f"a={'9' * digits}"):
            value = KINDS[kind].value(text)
            if digits > 20 and kind in {"hex", "int", "size", "range", "version"}:
                assert value is None
    assert kinds.KINDS["int"].value("9" * 20) == int("9" * 20)
