# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat explain`: what every code means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import vfiocompat
from vfiocompat import codes
from vfiocompat.codes import CODES, Code
from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.explain import ExplainDocument

if TYPE_CHECKING:
    from tests.conftest import Run

EXPLANATIONS = Path(vfiocompat.__file__).parent / "explanations"


def explanation(code: Code) -> str:
    return (EXPLANATIONS / f"{code}.txt").read_text().rstrip("\n")


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(run: Run, code: Code) -> None:
    result = run(f"explain {code}")
    head = f"{CODES[code].severity}[{code}]: {CODES[code].summary}\n\n"
    assert result.stdout == f"{head}{explanation(code)}\n"
    assert result.stderr == ""


def test_code_in_lower_case(run: Run) -> None:
    assert run("explain vfc101").stdout == run("explain VFC101").stdout


def test_json(run: Run) -> None:
    document = run("explain VFC101 --format json").document(ExplainDocument)
    [explained] = document.codes
    known = codes.REFUSED
    assert explained.code == "VFC101"
    assert (explained.severity, explained.summary) == (
        CODES[known].severity,
        CODES[known].summary,
    )
    assert explained.explanation == explanation(known)


def test_list(run: Run) -> None:
    rows = [line.split("\t") for line in run("explain --list").stdout.splitlines()]
    assert rows == [[code, CODES[code].severity, CODES[code].summary] for code in CODES]
    document = run("explain --list --format json").document(ExplainDocument)
    assert [explained.code for explained in document.codes] == list(CODES)


@pytest.mark.parametrize(
    ("code", "nearest"), [("101", "VFC101"), ("VF101", "VFC101"), ("nonsense", "")]
)
def test_unknown_code(run: Run, code: str, nearest: str) -> None:
    result = run(f"explain {code}", exit_code=2)
    assert result.stdout == ""
    assert f"the nearest is {nearest or 'VFC'}" in result.stderr
    document = run(f"explain {code} --format json", exit_code=2).document(ErrorDocument)
    assert document.error.code == "VFC501"


@pytest.mark.parametrize("line", ["explain", "explain VFC101 --list", "explain a b"])
def test_one_code_or_all(run: Run, line: str) -> None:
    assert run(line, exit_code=2).stdout == ""


NOTHING = "There is nothing to confirm by hand: "


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_how_to_confirm_it_by_hand_or_that_nothing_is(
    code: Code,
) -> None:
    text = explanation(code)
    steps = re.findall(r"^Confirm it by hand\b[^:]*:\n    \S", text, re.MULTILINE)

    assert bool(steps) != (NOTHING in text)
    assert max(map(len, text.splitlines())) <= 88
