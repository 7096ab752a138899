# SPDX-License-Identifier: Apache-2.0
"""Points in time, durations, and what is too old."""

from __future__ import annotations

import pytest

from vfiocompat.times import Horizon, ago, moment, parse_duration, timestamp

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("1.5h", 5400),
        ("15m", 900),
        ("7d", 604800),
        ("1w", 604800),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "-1", "h", "1x", "1 h", "1e9", "9" * 20, "\uff11"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


def test_a_moment_is_written_and_read() -> None:
    assert timestamp(moment(NOW)) == NOW
    assert timestamp("2027-01-15T10:00:00+02:00") == timestamp("2027-01-15T08:00:00Z")


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "9" * 400, "2027-13-01T00:00:00Z"),
        *("2027-01-15T08:00:00", "2027-01-15 08:00:00", "2027-01-15"),  # without a zone
    ],
)
def test_what_is_no_moment(text: str) -> None:
    assert timestamp(text) is None
    assert Horizon(NOW).rejects(text) == "its time is none"


def test_what_is_too_old_is_rejected() -> None:
    horizon = Horizon(NOW, max_age=3600)

    assert horizon.rejects(moment(NOW - 3600)) is None
    assert horizon.rejects(moment(NOW - 3601)) == "it is more than 1 h old"
    assert Horizon(NOW).rejects(moment(0)) is None


def test_the_future_is_rejected_but_for_a_little_skew() -> None:
    assert Horizon(NOW).rejects(moment(NOW + 30)) is None
    why = Horizon(NOW).rejects(moment(NOW + 3600))
    assert why is not None
    assert "future" in why


def test_how_long_ago() -> None:
    assert [ago(each) for each in (0, 59, 60, 7200, 3 * 86400, -7200)] == [
        "0 s",
        "59 s",
        "1 min",
        "2 h",
        "3 d",
        "-2 h",
    ]
