# SPDX-License-Identifier: Apache-2.0
"""Lines and tables at any width: nothing is lost, and nothing split that is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfiocompat.diagnostics import Span, both_ends
from vfiocompat.output.layout import fitted, tabled, width_of
from vfiocompat.output.spans import Spans
from vfiocompat.output.text import Prose

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.output.text import Item, Line

WORDS = st.lists(
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1),
    min_size=1,
)


def shown(lines: Iterable[Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def at(width: int, *items: Item) -> list[str]:
    return shown(fitted(items, width))


@given(WORDS, st.integers(10, 120))
def test_no_word_is_lost_or_split(words: list[str], width: int) -> None:
    text = " ".join(words)
    lines = at(width, [("  ", "dim"), (text, "plain")])
    assert " ".join(lines).split() == text.split()
    for line in lines:
        # What is too wide is one token, or a quotation, behind its indent.
        assert width_of(line) <= width or len(line.split()) == 1 or "'" in line


def test_a_value_that_has_no_room_beside_its_name_stands_below_it() -> None:
    rows = [("a", "0123456789", "one two"), ("b", "x", "one")]
    assert shown(tabled(["key", "name", "words"], rows, 14)) == [
        "a",
        "  name",
        "    0123456789",
        "  words  one",
        "         two",
        "b",
        "  name   x",
        "  words  one",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a={b:int}", ["   |  a={b:int}"]),
        ("a={b:int}:c={d:hex}", ["   |  a={b:int}", "   |  :c={d:hex}"]),
        ("t, f: {b:int}-x{c:set}", ["   |  t, f:", "   |  {b:int}", "   |  -x{c:set}"]),
        ("{a:int}}x}", ["   |  {a:int}}x}"]),
        (
            "{long_name_of_a:hex}{b:int}",
            ["   |  {long_name_of_a:hex}", "   |  {b:int}"],
        ),
    ],
)
def test_a_format_is_broken_between_its_fields(text: str, expected: list[str]) -> None:
    lines = at(16, [("   |  ", "dim"), (text, "format")])
    assert lines == expected


@pytest.mark.parametrize(
    ("first", "rest", "expected"),
    [
        ("", "one two three", ["one two", "    three"]),
        ("  ", "one two three", ["  one two", "      three"]),
        ("   |  ", "ab cd", ["   |  ab", "   |  cd"]),
        ("   = ", "help: x y", ["   = help:", "     x y"]),
        ("  --> ", "/sys/a/b/c/d/e", ["  --> /sys/a/b/c/d/e"]),
        ("", "type 'a b c d e f' now", ["type", "    'a b c d e f'", "    now"]),
        ("", "host's own name", ["host's own", "    name"]),
    ],
)
def test_what_goes_on_is_indented(first: str, rest: str, expected: list[str]) -> None:
    assert at(10, [(first, "dim"), (rest, "plain")]) == expected


def test_styles_go_on_in_the_next_line() -> None:
    [one, other] = fitted([[("abc ", "dim"), ("def ghi", "strong")]], 8)
    assert one == [("abc ", "dim"), ("def", "strong")]
    assert other == [("    ", "dim"), ("ghi", "strong")]


def test_a_command_stays_whole() -> None:
    line: Line = [("  ", "dim"), ("echo 1 > /sys/a/b", "command")]
    assert at(10, line) == ["  echo 1 > /sys/a/b"]


def test_a_paragraph_is_filled_anew_only_where_it_does_not_fit() -> None:
    filled = Prose([[("one two three", "plain")], [("four", "strong")]], "  ")
    assert at(13, filled) == ["one two three", "four"]
    assert at(9, filled) == ["one two", "  three", "  four"]


def test_wide_and_joining_characters_count_as_they_are_shown() -> None:
    assert width_of("日本") == 4
    assert width_of("e\u0301") == 1
    assert at(9, [("日本 日本 日本", "plain")]) == ["日本 日本", "    日本"]


def test_what_a_terminal_would_act_on_is_made_visible_first() -> None:
    assert at(20, [("\x1b[31m a \u202e", "plain")]) == ["\\x1b[31m a \\u202e"]


LONG = "1ac1-" + "0" * 40 + "-BAD-" + "1" * 40


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_long_string_is_trimmed_around_what_is_underlined(width: int) -> None:
    begin = LONG.index("BAD")
    span = Span("source", LONG, begin, begin + 3, "low")
    text, carets = at(width, Spans([span], "   |  "))
    assert len(text) <= width
    assert text.startswith("   |  source       ...")
    assert text.endswith("...")
    assert carets.index("^^^") == text.index("BAD")
    assert carets.endswith("^^^ low")


@given(st.text("ab-", min_size=1, max_size=200), st.data())
def test_what_is_underlined_is_the_same_at_every_width(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, min(len(text), start + 8)))
    width = data.draw(st.integers(40, 120))
    line, carets = at(width, Spans([Span(None, text, start, end)], ""))
    assert len(line) <= width
    first, number = carets.index("^"), carets.count("^")
    assert line[first : first + number] == text[start:end]


@pytest.mark.parametrize("whole", [True, False])
def test_the_whole_string_is_there_if_asked_for(*, whole: bool) -> None:
    lines = shown(fitted([Spans(both_ends(LONG, LONG), "")], 60, whole=whole))
    assert [LONG in line for line in lines] == [whole, whole]


HEADS = ("name", "number", "why")
ROWS = [
    ("0000:3b:00.0/acme-slice1", "1", "it is full"),
    ("83b8f4f2-509f-382f-3c1e-e6bfe0fa2001", "12", "the destination has no room left"),
]


def test_a_table_that_fits_has_columns() -> None:
    assert shown(tabled(HEADS, ROWS, 80)) == [
        "NAME                                  NUMBER  WHY",
        "0000:3b:00.0/acme-slice1              1       it is full",
        f"{ROWS[1][0]}  12      the destination has no room left",
    ]


def test_prose_in_the_last_column_is_wrapped_there() -> None:
    assert shown(tabled(HEADS, ROWS, 72))[-2:] == [
        "83b8f4f2-509f-382f-3c1e-e6bfe0fa2001  12      the destination has no",
        "                                              room left",
    ]


def test_a_table_that_does_not_fit_is_a_block_a_row() -> None:
    assert shown(tabled(HEADS, ROWS, 60)) == [
        "0000:3b:00.0/acme-slice1",
        "  number  1",
        "  why     it is full",
        "83b8f4f2-509f-382f-3c1e-e6bfe0fa2001",
        "  number  12",
        "  why     the destination has no room left",
    ]


@given(
    st.lists(st.tuples(*[st.text("ab:/. -", min_size=1).filter(str.strip)] * 3)),
    st.integers(20, 100),
)
def test_no_cell_of_a_table_is_split_or_lost(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    text = " ".join(" ".join(shown(tabled(HEADS, rows, width))).split())
    for row in rows:
        for cell in row:
            if cell.strip() != "-":
                assert " ".join(cell.split()) in text


def test_a_table_without_rows_is_its_head() -> None:
    assert shown(tabled(HEADS, [], 80)) == ["NAME  NUMBER  WHY"]
