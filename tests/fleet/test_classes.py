# SPDX-License-Identifier: Apache-2.0
"""Classes: what is alike for a decision is one class, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.fleets import HISI_2, TAKEN, answer, endpoint, function, inventory, write
from vfiocompat.endpoints import Attribute, MigrationInterface
from vfiocompat.errors import InventoryError
from vfiocompat.fleet import read as gathering
from vfiocompat.fleet.classes import Classifier, Fleet, Place, class_id
from vfiocompat.fleet.read import Inventories, gather
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from pathlib import Path

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
    assert classes(*ends, about="1ac1-x") == [0, 1, 2]
    assert classes(*ends, about="1ac1-y") == [0, 0, 0]


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

    assert classes(*ends, without=Place("a", frozenset({"p/t"}))) == [0]
    assert classes(*ends, without=Place("a")) == []
    assert classes(*ends, without=Place("b")) == [0, 1]


def test_an_id_is_the_same_in_every_fleet_and_of_every_host() -> None:
    ids = set()
    for host, path in (("a", "p/t"), ("b", "q/t")):
        classifier = Classifier(NOW, LIBRARY.facts_read)
        found = inventory(host, endpoint("x/y", "1ac1-z"), endpoint(path, "1ac1-a"))
        _, numbers = classifier.sorted(found)
        ids.add(class_id(classifier.classes[numbers[1]]))

    assert len(ids) == 1


# ---- reading fleets --------------------------------------------------------------


def gathered(*fleet: Path, hosts: tuple[str, ...] = ()) -> Fleet:
    def classifier() -> Classifier:
        return Classifier(NOW, LIBRARY.facts_read, wanted=lambda _: True)

    return gather([str(each) for each in fleet], classifier, hosts)


def summary(fleet: Fleet) -> dict[str | None, tuple[int, int]]:
    return {
        each.endpoint.version: (each.endpoints, each.hosts) for each in fleet.classes
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(
        tmp_path / "fleet",
        [
            inventory("a", endpoint("p/t", "1ac1-a"), endpoint("q/t", "1ac1-a")),
            inventory("b", endpoint("p/t", "1ac1-a"), endpoint("p/u", "1ac1-b")),
            inventory("c"),
        ],
    )


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("processes", [1, 3])
def test_endpoints_and_hosts_are_counted(
    folder: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if processes > 1:
        monkeypatch.setattr(gathering, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr(gathering, "workers", lambda: processes)
    monkeypatch.chdir(folder.parent)
    known = gather(
        ["fleet"],
        lambda: Classifier(NOW, LIBRARY.facts_read, wanted=lambda _: True),
    )

    assert summary(known) == {"1ac1-a": (3, 2), "1ac1-b": (1, 1)}
    assert [host.host for host in known.hosts] == ["a", "b", "c"]
    members = {
        (host.host, known.classes[place].endpoint.version, member.address, member.free)
        for host in known.hosts
        for place, share in known.shares(host)
        for member in share.members
    }
    assert members == {
        ("a", "1ac1-a", "p/t", 2),
        ("a", "1ac1-a", "q/t", 2),
        ("b", "1ac1-a", "p/t", 2),
        ("b", "1ac1-b", "p/u", 2),
    }


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("processes", [1, 2])
def test_of_two_inventories_of_a_host_the_newer_counts(
    folder: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr(gathering, "workers", lambda: processes)
    newer = inventory("a", endpoint("p/t", "1ac1-n"), taken_at="2026-11-02T00:00:00Z")
    (folder / "z.json").write_bytes(msgspec.json.encode(newer))
    known = gathered(folder)

    assert summary(known) == {"1ac1-a": (1, 1), "1ac1-b": (1, 1), "1ac1-n": (1, 1)}
    [error] = known.errors.values()
    assert error.code == "VFC408"
    assert (
        error.summary
        == f"{folder}/a.json is of host a, as {folder}/z.json is: passed over"
    )
    hosts = Inventories([str(folder)])
    assert hosts["a"] == newer
    assert list(hosts.errors.values()) == [error]
    assert list(hosts) == ["a", "b", "c"]


def test_what_cannot_be_used_is_named_and_the_rest_is_used(folder: Path) -> None:
    (folder / "x.json").write_text("{")
    known = gathered(folder)

    [(path, error)] = known.errors.items()
    assert (path, error.code) == (f"{folder}/x.json", "VFC401")
    assert summary(known)["1ac1-b"] == (1, 1)


def test_a_fleet_of_which_nothing_can_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    for read in (gathered, lambda path: Inventories([str(path)])):
        with pytest.raises(InventoryError, match=r"x\.json"):
            read(tmp_path)


def test_hosts_are_chosen_by_name(folder: Path) -> None:
    assert summary(gathered(folder, hosts=("a",))) == {"1ac1-a": (2, 1)}
    with pytest.raises(InventoryError, match="no host moon"):
        gathered(folder, hosts=("moon",))


def test_an_old_inventory_is_a_class_of_its_own() -> None:
    old = inventory("a", function("x", HISI_2))
    classifier = Classifier(Horizon(NOW.now + 100, 10), LIBRARY.facts_read)
    classifier.sorted(old)

    [stands] = classifier.classes
    assert stands.recorded
    assert stands.recorded.rejected == "it is more than 10 s old"
