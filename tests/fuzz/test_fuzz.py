# SPDX-License-Identifier: Apache-2.0
"""A few hundred cases find nothing, and what is planted is found."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING, Any

from tests.fuzz import strings
from tests.fuzz.running import SUBJECTS, run
from vfiocompat.output import text
from vfiocompat.tables.language.table import Table
from vfiocompat.vm import qemuargs

if TYPE_CHECKING:
    import pytest

    from vfiocompat.tables.language.table import Outcome

SEED = 1
CASES = range(400)


def test_random_input_finds_nothing() -> None:
    found = run(SEED, CASES)

    assert found.failures == []
    assert found.cases.total() == len(CASES)
    assert found.cases.keys() == {subject.name for subject in SUBJECTS}


def subjects_that_fail() -> set[str]:
    return {each.subject for each in run(SEED, CASES).failures}


def test_an_exception_that_is_not_ours_is_found_and_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("planted")

    monkeypatch.setattr(qemuargs, "_property", broken)
    first, *_ = run(SEED, CASES).failures

    assert "KeyError" in first.why
    assert "broken" in first.why
    assert run(SEED, [first.number]).failures == [first]


def test_a_yes_in_spite_of_what_fails_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Table.outcome

    def broken(table: Table, *values: Any) -> Outcome:  # noqa: ANN401 - as it is called
        return outcome(table, *values)._replace(verdict="compatible")

    monkeypatch.setattr(Table, "outcome", broken)
    assert "strings" in subjects_that_fail()


def test_text_that_a_terminal_acts_on_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "visible", str)
    assert subjects_that_fail() >= {"text", "pair"}


def test_what_takes_too_long_is_found() -> None:
    why = [each.why for each in run(SEED, CASES, limit=0.0001).failures]

    assert why
    assert set(why) == {"it takes more than 0.0001 s"}


def test_no_garbage_is_collected_while_a_case_has_its_time() -> None:
    """What is raised in a callback of that would be lost."""
    left = []

    def look(*_: object) -> None:
        left.append(signal.getitimer(signal.ITIMER_VIRTUAL)[0])

    before = gc.get_threshold()
    gc.callbacks.append(look)
    gc.set_threshold(20)
    try:
        run(SEED, CASES)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(look)

    assert set(left) == {0.0}


def test_a_head_that_nobody_may_offer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "whole", lambda *_: True)
    assert "head" in subjects_that_fail()
