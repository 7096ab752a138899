# SPDX-License-Identifier: Apache-2.0
"""Equal reads, equal decision: what is alike may be decided once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.anyendpoint import COMPARED, any_endpoints, changed
from tests.fleets import QAT_1, answer, endpoint, inventory, qat
from vfiocompat.decision.gpus import NOTHING_COMPARED
from vfiocompat.decision.reads import (
    Reads,
    answers_read,
    question_reads,
    reads,
    reads_recorded,
    rests_on,
    standing,
)
from vfiocompat.endpoints import Attribute, Endpoint, MigrationInterface, Recorded
from vfiocompat.inventory import recorded
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from vfiocompat.decision.decisions import Decision

LIBRARY = Library(config="/nonexistent")
NOW = Horizon(timestamp("2026-11-05T00:00:00Z") or 0)


def names(end: Endpoint) -> tuple[str, ...]:
    return LIBRARY.facts_read(end.driver) if end.version is None else ()


def read(end: Endpoint) -> Reads:
    return reads(end, names(end))


def decided(source: Endpoint, destination: Endpoint) -> tuple[object, ...]:
    """Decide a pair, and give all of it but words that name who it is about.

    That is with what NVIDIA's driver says now, and without.
    """
    return tuple(
        _but_for_words(
            decide_pair(source, destination, LIBRARY, compared=compared).decision
        )
        for compared in (NOTHING_COMPARED, COMPARED)
    )


def _but_for_words(decision: Decision) -> tuple[object, ...]:
    return (
        decision.verdict,
        decision.basis,
        decision.table,
        decision.failed,
        [
            (found.code, found.severity, found.errno, found.requirement, found.why)
            for found in decision.diagnostics
        ],
    )


@st.composite
def two_and_a_third(draw: st.DrawFn) -> tuple[Endpoint, Endpoint, Endpoint]:
    one = draw(any_endpoints())
    third = draw(st.one_of(any_endpoints(), changed(one)))
    return one, draw(changed(one)), third


@settings(max_examples=1500)
@given(two_and_a_third())
def test_what_changes_a_decision_changes_the_reads(
    ends: tuple[Endpoint, Endpoint, Endpoint],
) -> None:
    """The other way round: with equal reads every decision is equal."""
    one, other, third = ends
    if read(one) == read(other):
        assert hash(read(one)) == hash(read(other))
        assert decided(one, third) == decided(other, third)
        assert decided(third, one) == decided(third, other)


@settings(max_examples=1000)
@given(any_endpoints(recorded=True), any_endpoints())
def test_what_stands_for_a_class_has_its_reads_and_its_decisions(
    one: Endpoint, third: Endpoint
) -> None:
    assert isinstance(one.recorded, Recorded)
    stands = standing(one, names(one), one.recorded, one.answers)

    assert read(stands) == read(one)
    assert decided(stands, third) == decided(one, third)
    assert decided(third, stands) == decided(third, one)


@settings(max_examples=300)
@given(any_endpoints(recorded=False), any_endpoints(recorded=False))
def test_a_fleet_tells_the_same_endpoints_apart_as_a_single_check(
    one: Endpoint, other: Endpoint
) -> None:
    """As they are in a file, and as they are when they were made of it."""
    ends = [end for end in (one, other) if end.kind != "literal"]
    host = inventory("a", *ends)
    outdated = False
    raw = [reads_recorded(end, names(end), outdated) for end in ends]
    made = [read(recorded(end, host, NOW)) for end in ends]

    assert raw == made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("address", "0000:41:00.0/t"),
        ("parent", "0000:41:00.0"),
        ("uuid", "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"),
        ("device_id", "0x1234"),
        ("available_instances", 7),
        ("in_use", True),
        ("facts", {"numa_node": "1"}),
        ("newline", False),
        ("build", "abc"),
    ],
)
def test_what_no_decision_reads_makes_no_difference(name: str, value: object) -> None:
    one = endpoint("0000:03:00.0/t", "1ac1-a")

    assert read(msgspec.structs.replace(one, **{name: value})) == read(one)


def test_where_an_attribute_is_matters_only_if_it_is_about_a_type() -> None:
    at_type, at_device = (
        [
            endpoint("a/b", "1ac1-a", attribute=Attribute(name, "present", node=node))
            for name in ("version", "migration_version")
        ]
        for node in ("type", "device")
    )

    assert read(at_type[0]) == read(at_device[0])
    assert read(at_type[1]) != read(at_device[1])


def test_a_function_that_cannot_become_a_type_now_is_told_apart() -> None:
    """Else of two hosts that are alike only one would be told of it (VFC131)."""
    full, free = (
        qat("0000:03:00.4/7", QAT_1, type_id="7", available_instances=number)
        for number in (0, 1)
    )
    used = msgspec.structs.replace(full, in_use=True)

    assert read(full) != read(free)
    assert read(used) == read(free)


def test_of_answers_it_is_read_whether_they_count() -> None:
    told = [answer("1ac1-a", accepted=True), answer("1ac1-b", accepted=False)]

    assert answers_read(told, lambda _: False) != answers_read(told, lambda _: True)
    assert answers_read(told, str) != answers_read(told[::-1], str)


def test_a_question_is_the_bytes_and_what_forbids_to_put_it() -> None:
    one = endpoint("a/t", "1ac1-a")
    others = [
        msgspec.structs.replace(one, newline=False),
        msgspec.structs.replace(one, type_id="u"),
        msgspec.structs.replace(one, device_api="vfio-ap"),
        msgspec.structs.replace(one, vfio=False),
        msgspec.structs.replace(one, migration=MigrationInterface("v1")),
    ]

    assert question_reads(one) == question_reads(endpoint("b/t", "1ac1-a"))
    assert len({question_reads(each) for each in [one, *others]}) == len(others) + 1


def test_answers_rest_on_the_driver_and_its_string_and_not_on_instances() -> None:
    facts = {"module_version": "1", "revision": "0x01"}
    one = endpoint("a/t", "1ac1-a", facts=facts, build="abc")
    others = [
        msgspec.structs.replace(one, **{name: value})
        for name, value in (
            ("facts", facts | {"module_version": "2"}),
            ("facts", facts | {"revision": "0x02"}),
            ("facts", facts | {"subsystem_vendor_id": "0x1234"}),
            ("facts", facts | {"subsystem_device_id": "0x1234"}),
            ("facts", facts | {"type_name": "other"}),
            ("facts", {"module_version": "1"}),
            ("vendor_id", "0x1ac2"),
            ("device_id", "0x0300"),
            ("driver", "other"),
            ("version", "1ac1-b"),
            ("build", "abd"),
            ("build", msgspec.UNSET),
        )
    ]

    assert rests_on(one) == rests_on(msgspec.structs.replace(one, in_use=True))
    assert all(rests_on(one) != rests_on(other) for other in others)


@pytest.mark.parametrize(
    "known", [{"facts": {"module_version": "1"}}, {"build": "abc"}]
)
def test_of_a_driver_whose_module_is_not_known_nothing_is_known(
    known: dict[str, object],
) -> None:
    assert rests_on(endpoint("a/t", "1ac1-a", facts={"revision": "0x01"})) is None
    assert rests_on(endpoint("a/t", "1ac1-a", **known)) is not None
