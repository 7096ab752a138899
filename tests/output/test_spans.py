# SPDX-License-Identifier: Apache-2.0
"""Spans as lines: where carets stand, and what is said beside them."""

from __future__ import annotations

import doctest

import pytest

from vfiocompat import codes
from vfiocompat.diagnostics import Span, both_ends, diagnostic
from vfiocompat.output import spans
from vfiocompat.output.spans import drawn
from vfiocompat.output.text import finding_lines, plain


@pytest.mark.parametrize(
    ("span", "below"),
    [
        (Span(None, "abcdef", 2, 4, "label"), ["  ^^ label"]),
        (Span(None, "abcdef", 2, 4), ["  ^^"]),
        (Span(None, "abcdef", 0, 6, "label"), ["^^^^^^ label"]),
        (Span(None, "abcdef", 2, 2, "empty"), ["  ^ empty"]),
        (Span(None, "abcdef", 6, 6, "cut short"), ["      ^ cut short"]),
        (Span(None, "abcdef", 0, 1), ["^"]),
        (Span(None, "abcdef", label="of it all"), ["(of it all)"]),
        (Span(None, "abcdef"), []),
    ],
)
def test_what_stands_below_a_text(span: Span, below: list[str]) -> None:
    assert list(drawn([span])) == ["abcdef", *below]


def test_a_label_that_has_no_room_behind_its_carets_stands_before_them() -> None:
    found = [Span("source", "abcdefghijklmnopqrst", 18, 19, "not known")]

    assert list(drawn(found, width=33)) == [
        "source       abcdefghijklmnopqrst",
        "                     not known ^",
    ]


def test_a_label_that_has_room_at_neither_side_of_its_carets_stands_below() -> None:
    found = [Span(None, "abcdefghijklmnopqrst", 8, 9, "not known at all")]

    assert list(drawn(found, width=20)) == [
        "abcdefghijklmnopqrst",
        "        ^",
        "    not known at all",
    ]


def test_a_text_is_given_once_with_all_that_is_underlined_in_it() -> None:
    found = [
        Span("source", "abc", 0, 1, "one"),
        Span("source", "abc", 2, 3, "two"),
        Span("destination", "abc", label="three"),
    ]

    assert list(drawn(found)) == [
        "source       abc",
        "             ^ one",
        "               ^ two",
        "destination  abc",
        "             (three)",
    ]


def test_nothing_is_drawn_of_nothing() -> None:
    assert list(drawn([])) == []


def test_texts_of_both_ends_stand_below_each_other() -> None:
    assert list(drawn(both_ends("a", "b"))) == ["source       a", "destination  b"]


def test_details_come_after_spans() -> None:
    found = diagnostic(
        codes.RECORDED_NO, detail="asked\nlong ago", spans=both_ends("a", "b")
    )

    assert list(plain(finding_lines(found)))[1:] == [
        "   |  source       a",
        "   |  destination  b",
        "   |  asked",
        "   |  long ago",
    ]


def test_the_one_string_that_no_format_matches_has_no_side_before_it() -> None:
    spans = (Span("source", "abc", 1, 2, "expected x"),)
    found = diagnostic(codes.NO_FORMAT_MATCHES, detail="f: {x:int}", spans=spans)

    assert list(plain(finding_lines(found)))[1:] == [
        "   |  abc",
        "   |   ^ expected x",
        "   |  f: {x:int}",
    ]


def test_escapes_in_a_text_do_not_reach_a_terminal() -> None:
    found = diagnostic(codes.MDEV_TYPE_DIFFERS, spans=both_ends("a\x1b[31m", "b\nc"))

    assert list(plain(finding_lines(found)))[1:] == [
        "   |  source       a\\x1b[31m",
        "   |  destination  b\\nc",
    ]


def test_the_example_holds() -> None:
    assert tuple(doctest.testmod(spans)) == (0, 2)
