# SPDX-License-Identifier: Apache-2.0
"""Which answers a scan takes over from the file that it replaces."""

from __future__ import annotations

import pytest

from tests.fleets import answer, endpoint, inventory
from vfiocompat.fleet.scan import keep_answers
from vfiocompat.times import timestamp

NOW = timestamp("2026-11-02T12:00:00Z")


@pytest.mark.parametrize(
    ("asked_at", "kept"),
    [
        ("2026-11-02T12:00:00Z", True),
        ("2026-11-02T14:00:00+02:00", True),
        ("2026-11-03T01:00:00+14:00", True),
        ("2026-11-02T12:00:01Z", False),
        ("2026-11-02T11:00:00-02:00", False),
        ("2026-11-02T11:00:00", False),
        ("", False),
    ],
)
def test_an_answer_of_the_future_is_not_taken_over(
    asked_at: str, *, kept: bool
) -> None:
    assert NOW is not None
    said = answer("1ac1-b", accepted=True, at=asked_at)
    before = inventory("n", endpoint("p/t", "1ac1-a", answers=(said,)))
    [found] = keep_answers(
        inventory("n", endpoint("p/t", "1ac1-a")), before, NOW
    ).endpoints

    assert found.answers == ((said,) if kept else ())
