# SPDX-License-Identifier: Apache-2.0
"""Endpoints, and whether their drivers can be asked."""

from __future__ import annotations

import msgspec

from tests.fleets import endpoint, function
from vfiocompat import codes
from vfiocompat.doctor import devices
from vfiocompat.endpoints import Problem
from vfiocompat.host.sysfs import Survey
from vfiocompat.tables.language.records import Stream

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


STREAM = Stream(via="PRE_COPY", size=24, control=0, covers=("same",), fields={})
OTHER = msgspec.structs.replace(STREAM, hazard="it remembers")


def test_which_devices_could_be_asked_by_streams_is_told() -> None:
    used = function("0000:03:00.2", None, driver="a", in_use=True)
    idle = function("0000:03:00.3", None, driver="a", in_use=False)
    harmed = function("0000:03:00.4", None, driver="b")
    streams = {"a": STREAM, "b": OTHER}
    found = devices.stream_channel(
        [TYPE, used, idle, harmed], lambda each: streams.get(each.driver or "")
    )
    assert found.outcome == "pass"
    assert found.summary == "3 devices could be asked by migration streams"
    assert found.detail == (
        "a: 0000:03:00.2, 0000:03:00.3 (1 in use)\n"
        "b: 0000:03:00.4, only read without --despite-hazard"
    )
    assert (found.hint or "").endswith("vfiocompat get --stream 0000:03:00.3")


def test_that_no_device_could_be_asked_by_its_stream_is_no_failure() -> None:
    found = devices.stream_channel([TYPE], lambda _: None)
    assert (found.outcome, found.hint) == ("pass", None)
