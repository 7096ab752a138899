# SPDX-License-Identifier: Apache-2.0
"""Formats: how a text is taken apart, and where it does not match."""

from __future__ import annotations

import re

import pytest

from vfiocompat.tables.language.formats import Piece, Stop, compile_format

FORM = compile_format("r2", "{device:hex}-npu-{slices:int}-{features:set}")


def test_fields_are_found_where_they_stand() -> None:
    assert FORM.read("0100-npu-2-a,b") == {
        "device": Piece("0100", 0, 4),
        "slices": Piece("2", 9, 10),
        "features": Piece("a,b", 11, 14),
    }


def test_a_field_runs_to_the_next_literal_and_the_last_to_the_end() -> None:
    form = compile_format("f", "{a:text}-{b:text}")
    found = form.read("x-y-z")

    assert isinstance(found, dict)
    assert [piece.text for piece in found.values()] == ["x", "y-z"]


def test_unknown_values_and_empty_sets() -> None:
    found = FORM.read("?-npu-?-")

    assert isinstance(found, dict)
    assert [piece.text for piece in found.values()] == ["?", "?", ""]


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", 0, "device, followed by '-npu-'"),
        ("0100", 0, "device, followed by '-npu-'"),
        ("zz-npu-2-a", 0, "device, a hex such as a250"),
        ("0100-npu-x-a", 9, "slices, an int such as 8"),
        ("0100-npu-2", 9, "slices, followed by '-'"),
        ("0100-npu-2-a,,b", 11, "features, a set such as a,b"),
    ],
)
def test_it_is_told_where_a_format_stops(
    text: str, position: int, expected: str
) -> None:
    assert FORM.read(text) == Stop(position, expected)


def test_a_text_that_does_not_even_begin_so() -> None:
    form = compile_format("f", "hisi:{a:int}")

    assert form.read("hiss:1") == Stop(3, "'hisi:'", begun=False)
    assert form.read("hisi:x") == Stop(5, "a, an int such as 8", begun=True)


def test_a_literal_at_the_end_must_end_it() -> None:
    form = compile_format("f", "a{x:int}b")

    assert isinstance(form.read("a1b"), dict)
    assert form.read("a1bc") == Stop(3, "the end")
    assert form.read("a1") == Stop(1, "x, followed by 'b'")


def test_a_format_without_fields_and_with_braces() -> None:
    assert compile_format("f", "x").read("x") == {}
    assert isinstance(compile_format("f", "{{{a:int}}}").read("{7}"), dict)


def test_what_is_written_is_read_again() -> None:
    texts = {"device": "0100", "features": "a"}

    assert FORM.write(texts) == "0100-npu-?-a"
    found = FORM.read(FORM.write(texts))
    assert isinstance(found, dict)
    assert {name: piece.text for name, piece in found.items()} == texts | {
        "slices": "?"
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{a:int}{b:int}", "no literal parts a and b"),
        ("{a:int}-{a:int}", "the field a is there twice"),
        ("{a}", "a has the kind ''; the kinds are hex, "),
        ("{a:colour}", "a has the kind 'colour'"),
        ("{:int}", "'' is not the name of a field"),
        ("{A:int}", "'A' is not the name"),
        ("{a.b:int}", "'a.b' is not the name"),
        ("{a[0]:int}", "is not the name"),
        ("{a!r:int}", "'a' is not the name"),
        ("{format:text}", "format is a field of every string"),
        ("{vendor_spelling:text}", "vendor_spelling is a field of every string"),
        ("{vendor_text:text}", "vendor_text is a field of every string"),
        ("{a:{b}}", "a has the kind '{b}'"),
        ("{a", "expected '}'"),
        ("a}", "write {{ and }}"),
        ("caf\u00e9", "not printable ASCII"),
        ("a\n", "not printable ASCII"),
    ],
)
def test_what_is_no_format(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        compile_format("f", text)
