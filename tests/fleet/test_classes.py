# SPDX-License-Identifier: Apache-2.0
"""Classes: what is alike for a decision is one class, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleets import QAT_2, TAKEN, answer, endpoint, function, inventory, qat
from vfiocompat.endpoints import Attribute, MigrationInterface, literal
from vfiocompat.fleet.classes import Classifier, HostAddresses, class_id
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint

LIBRARY = Library(config="/nonexistent")
NOW = Horizon(timestamp(TAKEN) or 0)


def classes(*endpoints: Endpoint, horizon: Horizon = NOW, **more: object) -> list[int]:
    """Give the class of each endpoint, as numbers."""
    classifier = Classifier(horizon, LIBRARY.facts_read, **more)  # type: ignore[arg-type]
    return classifier.sorted(inventory("a", *endpoints))[1]


def test_place_and_capacity_do_not_matter() -> None:
    assert classes(
        endpoint("p/t", "1ac1-a"),
        endpoint("q/t", "1ac1-a", available_instances=0, in_use=True, kind="mdev"),
        endpoint("r/t", "1ac1-a", facts={"numa_node": "1", "kernel": "6.1"}),
    ) == [0, 0, 0]


@pytest.mark.parametrize(
    "other",
    [
        endpoint("p/t", "1ac1-b"),
        endpoint("p/t", None),
        endpoint("p/u", "1ac1-a"),
        endpoint("p/t", "1ac1-a", driver="x"),
        endpoint("p/t", "1ac1-a", device_api="vfio-ap"),
        endpoint("p/t", "1ac1-a", vfio=False),
        endpoint("p/t", "1ac1-a", migration=MigrationInterface("none")),
        endpoint("p/t", "1ac1-a", answers=(answer("1ac1-a", accepted=True),)),
    ],
)
def test_what_a_decision_reads_matters(other: Endpoint) -> None:
    assert classes(endpoint("p/t", "1ac1-a"), other) == [0, 1]


def test_of_facts_those_that_tables_read_matter() -> None:
    facts = {"device_id": "0xa251", "numa_node": "0"}
    assert classes(
        function("a", None, facts=facts),
        function("b", None, facts=facts | {"numa_node": "1"}),
        function("c", None, facts=facts | {"device_id": "0xa250"}),
        function("d", None, facts=facts, stated={"magic": "v2"}),
    ) == [0, 0, 1, 2]


def test_answers_that_differ_make_classes_but_not_when_they_were_given() -> None:
    def asked(*, accepted: bool | None, at: str = TAKEN) -> Endpoint:
        return endpoint(
            "p/t", "1ac1-a", answers=(answer("1ac1-x", accepted=accepted, at=at),)
        )

    early = "2026-10-01T00:00:00Z"
    ends = [asked(accepted=True), asked(accepted=True, at=early), asked(accepted=False)]

    assert classes(*ends) == [0, 0, 1]
    week = Horizon(NOW.now, 7 * 86400)
    assert classes(*ends, horizon=week) == [0, 1, 2]
    assert classes(*ends, about=[literal("1ac1-x")]) == [0, 1, 2]
    assert classes(*ends, about=[literal("1ac1-y")]) == [0, 0, 0]


def test_whose_directory_has_the_attribute_matters_for_one_name_only() -> None:
    def ends(name: str) -> list[Endpoint]:
        return [
            endpoint("p/t", "1ac1-a", attribute=Attribute(name, "present", node=node))
            for node in ("type", "device")
        ]

    assert classes(*ends("version")) == [0, 0]
    assert classes(*ends("migration_version")) == [0, 1]


def test_an_endpoint_or_a_host_can_be_left_out() -> None:
    ends = endpoint("p/t", "1ac1-a"), endpoint("p/u", "1ac1-a")

    assert classes(*ends, without=HostAddresses("a", frozenset({"p/t"}))) == [0]
    assert classes(*ends, without=HostAddresses("a")) == []
    assert classes(*ends, without=HostAddresses("b")) == [0, 1]


def test_an_id_is_the_same_in_every_fleet_and_of_every_host() -> None:
    ids = set()
    for host, path in (("a", "p/t"), ("b", "q/t")):
        classifier = Classifier(NOW, LIBRARY.facts_read)
        found = inventory(host, endpoint("x/y", "1ac1-z"), endpoint(path, "1ac1-a"))
        _, numbers = classifier.sorted(found)
        ids.add(class_id(classifier.classes[numbers[1]]))

    assert len(ids) == 1


def test_an_old_inventory_is_a_class_of_its_own() -> None:
    old = inventory("a", qat("x", QAT_2))
    classifier = Classifier(Horizon(NOW.now + 100, 10), LIBRARY.facts_read)
    classifier.sorted(old)

    [stands] = classifier.classes
    assert stands.recorded
    assert stands.recorded.rejected == "it is more than 10 s old"
