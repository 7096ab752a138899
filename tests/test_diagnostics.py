# SPDX-License-Identifier: Apache-2.0
"""The codes: each has a name, a file that explains it, and a place that uses it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from vfiocompat import codes
from vfiocompat.codes import CODES, Code
from vfiocompat.diagnostics import Span, both_ends, counted, diagnostic, first_of

PACKAGE = Path(__file__).parent.parent / "vfiocompat"
EXPLANATIONS = {path.stem: path for path in (PACKAGE / "explanations").glob("*")}


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_well_formed(code: Code) -> None:
    assert re.fullmatch(r"VFC[1-5]\d\d", code)
    assert CODES[code].severity in {"error", "warning", "info"}
    assert CODES[code].summary == CODES[code].summary.strip().rstrip(".")


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_explained(code: Code) -> None:
    text = EXPLANATIONS[code].read_text()

    assert text == f"{text.strip()}\n"
    assert len(text) > 90
    assert max(map(len, text.splitlines())) <= 88


def test_codes_stand_in_their_order() -> None:
    assert list(CODES) == sorted(CODES)


def test_nothing_is_explained_that_is_no_code() -> None:
    assert set(EXPLANATIONS) == set(CODES)


def sources() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if path.name != "codes.py"]


@pytest.mark.slow
def test_every_code_is_used_by_its_name() -> None:
    used = {
        node.attr
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "codes"
    }

    assert {name for name in vars(codes) if name.isupper()} - {"CODES"} <= used, (
        "a code that nothing uses"
    )


def test_no_code_is_written_as_a_bare_text() -> None:
    bare = {
        f"{path.name}: {node.value}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch("VFC[0-9]+", node.value)
    }

    assert bare == set()


def test_a_text_is_a_code_or_an_error() -> None:
    assert codes.code_of("VFC101") == codes.REFUSED
    with pytest.raises(ValueError, match="VFC999"):
        codes.code_of("VFC999")


def test_a_finding_says_what_its_code_does_unless_it_is_told_otherwise() -> None:
    found = diagnostic(codes.REFUSED)

    assert (found.code, found.severity) == ("VFC101", "error")
    assert found.summary == CODES[codes.REFUSED].summary
    assert diagnostic(codes.REFUSED, "otherwise").summary == "otherwise"


def test_an_end_that_has_nothing_is_not_shown() -> None:
    assert both_ends("a", "b") == (Span("source", "a"), Span("destination", "b"))
    assert both_ends("a", None) == (Span("source", "a"),)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ""),
        (["a", "b"], "a, b"),
        (["a", "b", "c"], "a, b and 1 more"),
        (["a", "b", "c", "d"], "a, b and 2 more"),
    ],
)
def test_of_many_names_the_first_are_told(names: list[str], expected: str) -> None:
    assert first_of(names, 2) == expected


def test_numbers_are_told_in_words() -> None:
    assert counted(1, "class", "classes") == "1 class"
    assert counted(2, "class", "classes") == "2 classes"
    assert counted(1000, "host") == "1,000 hosts"
