# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat explain`: what every code means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from vfiocompat.diagnostics import CODES
from vfiocompat.output.documents import ErrorDocument, ExplainDocument

if TYPE_CHECKING:
    from tests.conftest import Run


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(run: Run, code: str) -> None:
    known = CODES[code]
    result = run(f"explain {code}")
    head = f"{known.severity}[{code}]: {known.summary}\n\n"
    assert result.stdout == f"{head}{known.explanation}\n"
    assert result.stderr == ""
    assert max(len(line) for line in known.explanation.splitlines()) <= 88


def test_severities_and_numbers() -> None:
    for code, known in CODES.items():
        assert re.fullmatch(r"VFC[1-5]\d\d", code)
        assert known.severity in {"error", "warning", "info"}
        assert known.summary[-1] != "."
        assert known.explanation.strip() == known.explanation
        assert len(known.explanation) > len(known.summary)


def test_code_in_lower_case(run: Run) -> None:
    assert run("explain vfc101").stdout == run("explain VFC101").stdout


def test_json(run: Run) -> None:
    document = run("explain VFC101 --format json").document(ExplainDocument)
    [explained] = document.codes
    known = CODES["VFC101"]
    assert explained.code == "VFC101"
    assert (explained.severity, explained.summary) == (known.severity, known.summary)
    assert explained.explanation == known.explanation


def test_list(run: Run) -> None:
    rows = [line.split("\t") for line in run("explain --list").stdout.splitlines()]
    assert rows == [
        [code, known.severity, known.summary] for code, known in CODES.items()
    ]
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
