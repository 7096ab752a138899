# SPDX-License-Identifier: Apache-2.0
"""Which answers a scan takes over from the file that it replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.fleets import answer, endpoint, inventory
from vfiocompat.fleet.scan import keep_answers
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from vfiocompat.endpoints import RecordedAnswer

NOW = timestamp("2026-11-02T12:00:00Z")
HERE: dict[str, Any] = {"machine_id": "a" * 32, "kernel": "6.12.0"}
DRIVER: dict[str, Any] = {"facts": {"module_version": "1.0"}}


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
    yes, no, neither = (
        answer(f"1ac1-{accepted}", accepted=accepted, at=asked_at)
        for accepted in (True, False, None)
    )

    # What is no yes stands against a table's, until the driver is asked again.
    assert taken_over(yes, no, neither) == ((yes,) if kept else ()) + (no, neither)


def test_a_no_that_one_of_the_future_hid_is_taken_over() -> None:
    no = answer("1ac1-b", accepted=False)
    to_come = answer("1ac1-b", accepted=True, at="2999-01-01T00:00:00Z")

    assert taken_over(no, to_come) == taken_over(to_come, no) == (no,)


def taken_over(
    *said: RecordedAnswer,
    before: dict[str, Any] = HERE,
    now: dict[str, Any] = HERE,
    was: dict[str, Any] = DRIVER,
    is_: dict[str, Any] = DRIVER,
) -> tuple[RecordedAnswer, ...]:
    """Give the answers that an endpoint has after another scan."""
    assert NOW is not None
    old, new = (
        msgspec.structs.replace(inventory("n", each), **host)
        for each, host in (
            (endpoint("p/t", "1ac1-a", answers=said, **was), before),
            (endpoint("p/t", "1ac1-a", **is_), now),
        )
    )
    [found] = keep_answers(new, old, NOW).endpoints
    return found.answers


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        ({}, {}, True),
        ({"machine_id": None}, {}, False),
        ({}, {"machine_id": None}, False),
        ({"machine_id": None}, {"machine_id": None}, False),
        ({"machine_id": ""}, {"machine_id": ""}, False),
        ({"machine_id": "b" * 32}, {}, False),
        ({"kernel": ""}, {"kernel": ""}, False),
        ({"kernel": ""}, {}, False),
        ({"kernel": "6.1"}, {}, False),
        ({"host": "m"}, {}, False),
    ],
)
def test_answers_are_taken_over_on_the_same_host_only(
    before: dict[str, Any], now: dict[str, Any], *, kept: bool
) -> None:
    yes = answer("1ac1-b", accepted=True)
    found = taken_over(yes, before=HERE | before, now=HERE | now)

    assert found == ((yes,) if kept else ())


@pytest.mark.parametrize(
    ("was", "is_", "kept"),
    [
        (DRIVER, DRIVER, True),
        ({"build": "abc"}, {"build": "abc"}, True),
        ({"build": "abc"}, {}, False),
        ({}, {"build": "abc"}, False),
        ({}, {}, False),
        (DRIVER, DRIVER | {"build": "abc"}, False),
        (DRIVER, DRIVER | {"device_id": "0x0300"}, False),
    ],
)
def test_answers_are_taken_over_to_the_same_driver_and_device_only(
    was: dict[str, Any], is_: dict[str, Any], *, kept: bool
) -> None:
    yes = answer("1ac1-b", accepted=True)

    assert taken_over(yes, was=was, is_=is_) == ((yes,) if kept else ())
