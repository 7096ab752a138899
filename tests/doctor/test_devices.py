# SPDX-License-Identifier: Apache-2.0
"""Endpoints, and whether their drivers can be asked."""

from __future__ import annotations

from tests.fleets import endpoint, function
from vfiocompat import codes
from vfiocompat.doctor import devices
from vfiocompat.endpoints import Problem
from vfiocompat.host.sysfs import Survey

TYPE = endpoint("p/t", "1ac1-x")
FUNCTION = function("0000:03:00.1", None)


def test_endpoints_are_counted_by_their_kinds() -> None:
    found = devices.endpoints(Survey([TYPE, FUNCTION, FUNCTION], []))

    assert found.outcome == "pass"
    assert found.summary == "3 endpoints: 1 mdev type, 2 VFIO functions"


def test_a_host_without_any_is_told() -> None:
    found = devices.endpoints(Survey([], []))
    assert (found.outcome, found.codes) == ("warning", (codes.NO_ENDPOINTS,))


def test_what_could_not_be_read_is_told() -> None:
    problems = [
        Problem("/sys/a", "read", None, codes.NO_ANSWER_IN_TIME),
        Problem("/sys/b", "read", "EIO", codes.SYSFS_UNREADABLE),
    ]
    found = devices.endpoints(Survey([TYPE], problems))

    assert found.outcome == "warning"
    assert found.codes == (codes.NO_ANSWER_IN_TIME, codes.SYSFS_UNREADABLE)
    assert found.detail == (
        "VFC112 /sys/a: the driver did not answer in time\n"
        "VFC505 /sys/b: a path of sysfs could not be read (EIO)"
    )


def test_no_attribute_is_the_usual_case_and_said_so() -> None:
    asked = devices.attribute_channel([TYPE, FUNCTION])
    assert asked.summary.startswith("1 of 2 endpoints have a version attribute")
    none = devices.attribute_channel([FUNCTION])
    assert none.outcome == "pass"
    assert "answers come from tables" in none.summary
    assert none.hint is not None


def test_sysfs_that_is_read_only_fails_only_where_there_is_something_to_write() -> None:
    assert devices.writable([TYPE], is_writable=True).outcome == "pass"
    assert devices.writable([FUNCTION], is_writable=False).outcome == "skipped"
    found = devices.writable([FUNCTION, TYPE], is_writable=False)
    assert (found.outcome, found.codes) == ("fail", (codes.SYSFS_READ_ONLY,))
