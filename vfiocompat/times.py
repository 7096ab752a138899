# SPDX-License-Identifier: Apache-2.0
"""Points in time: RFC 3339 in UTC, how long ago they are, and how old is too old."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

__all__ = ["Horizon", "ago", "moment", "parse_duration", "timestamp"]

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_UNITS = {"": 1, "s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY, "w": 7 * _DAY}
_DURATION = r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhdw]?)"
_SKEW = 60  # seconds that the clocks of two hosts may differ by


class Horizon(msgspec.Struct, frozen=True):
    """When a question is asked, and how old what answers it may be.

    `now` is in seconds since 1970, and `max_age` in seconds; None sets no limit.
    """

    now: float
    max_age: float | None = None

    def rejects(self, moment_: str) -> str | None:
        """Say why something of a moment is not to be relied on; None if it is."""
        then = timestamp(moment_)
        if then is None:
            return "its time is none"
        if self.is_future(then):
            return "it is of the future: a clock is wrong"
        if self.max_age is not None and self.now - then > self.max_age:
            return f"it is more than {ago(self.max_age)} old"
        return None

    def is_future(self, then: float) -> bool:
        """Whether a moment has not come yet, whichever host's clock told it."""
        return then > self.now + _SKEW

    def age(self, moment_: str) -> str:
        """Say how long ago a moment was, as a person does."""
        then = timestamp(moment_)
        return "of an unknown age" if then is None else f"{ago(self.now - then)} old"


def moment(seconds: float) -> str:
    """Write seconds since 1970 as RFC 3339 in UTC.

    >>> moment(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4096)
def timestamp(text: str) -> float | None:
    """Read RFC 3339 as seconds since 1970; None if it is none, or has no time zone."""
    try:
        then = msgspec.convert(text, datetime)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return None
    # Without a zone it is another moment on every host that reads it.
    return None if then.tzinfo is None else then.timestamp()


def ago(seconds: float) -> str:
    """Say how long something lasts, in its largest unit.

    >>> ago(7300), ago(-7300), ago(86400 * 3)
    ('2 h', '-2 h', '3 d')
    """
    sign = "-" if seconds <= -1 else ""
    left = abs(seconds)
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if left >= size:
            return f"{sign}{int(left // size)} {unit}"
    return f"{sign}{int(left)} s"


def parse_duration(text: str) -> float:
    """Read how long something lasts: seconds, or a number with s, m, h, d or w.

    >>> parse_duration("90"), parse_duration("1.5h")
    (90.0, 5400.0)

    Raises:
        ValueError: it is none.

    """
    match = re.fullmatch(_DURATION, text)
    if match is None:
        raise ValueError(f"{text!r} is no duration such as 90, 15m, 12h or 7d")
    return float(match[1]) * _UNITS[match[2]]
