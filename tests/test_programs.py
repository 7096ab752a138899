# SPDX-License-Identifier: Apache-2.0
"""Other programs, whatever they do."""

from __future__ import annotations

import time

import pytest

from vfiocompat.programs import Said, run_program

pytestmark = pytest.mark.usefixtures("_processes")


def run(script: str, timeout: float = 10, most: int = 1 << 20) -> Said:
    return run_program(["sh", "-c", script], time.monotonic() + timeout, most)


def test_what_it_prints_and_ends_with_is_given() -> None:
    said = run("echo out; echo err >&2; exit 3")

    assert said == (3, b"out\n", b"err\n")
    assert said.complaint == "err"
    assert run("").complaint is None


def test_it_speaks_no_other_language() -> None:
    assert run('printf %s "$LC_ALL"').out == b"C"


@pytest.mark.parametrize("script", ["sleep 60", "exec >&- 2>&-; sleep 60", "sleep 60&"])
def test_it_is_not_waited_for(script: str) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        run(script, 0.3)

    assert time.monotonic() - began < 5


def test_it_may_print_only_so_much() -> None:
    assert len(run("yes; sleep 60", most=100).out) > 100


def test_one_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        run_program(["/nowhere/program"], time.monotonic() + 10, 1)
