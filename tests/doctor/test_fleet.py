# SPDX-License-Identifier: Apache-2.0
"""A fleet's inventories, as they can be relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.fleets import answer, endpoint, inventory, write
from vfiocompat import codes
from vfiocompat.doctor import fleet
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from vfiocompat.doctor.fleet import Members
    from vfiocompat.inventory import Inventory

NOW = timestamp("2026-11-01T06:00:00Z") or 0.0
HORIZON = Horizon(NOW, 86400.0)
STRING = endpoint("p/t", "1ac1-x")
ASKED = endpoint("p/t", "1ac1-x", answers=(answer("1ac1-y", accepted=True),))
NONE = endpoint("p/t", None)


def members(folder: Path, *hosts: Inventory) -> Members:
    return fleet.read_members([str(write(folder, list(hosts)))])


def of_machine(host: str, id_: str | None) -> Inventory:
    return msgspec.structs.replace(inventory(host, STRING), machine_id=id_)


def test_a_fleet_that_is_well(tmp_path: Path) -> None:
    found = members(tmp_path, inventory("a", ASKED), inventory("b", NONE))

    assert fleet.readable(found).summary == "2 hosts can be read"
    assert fleet.ages(found, HORIZON).summary == "the oldest inventory is 6 h old"
    assert fleet.clones(found).outcome == "pass"
    assert fleet.answers(found).outcome == "pass"


def test_what_cannot_be_read_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path / "f", [inventory("a", ASKED)])
    (tmp_path / "f/b.json").write_text("{")
    (tmp_path / "empty").mkdir()
    places = [str(tmp_path / name) for name in ("f", "empty", "nowhere")]
    found = fleet.read_members(places)

    assert [each.host for each in found.members] == ["a"]
    told = fleet.readable(found)
    assert (told.outcome, told.codes) == ("fail", (codes.INVENTORY_UNUSABLE,))
    assert told.summary == "3 files of the fleet cannot be used, 1 host can"
    for part in ("b.json", "there is no inventory in", "nowhere"):
        assert part in (told.detail or "")


def test_a_fleet_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    found = fleet.read_members([str(tmp_path / "nowhere")])
    assert found.members == []
    assert fleet.readable(found).outcome == "fail"


def test_a_host_that_is_there_twice_is_told(tmp_path: Path) -> None:
    write(tmp_path / "1", [inventory("a", STRING)])
    write(tmp_path / "2", [inventory("a", STRING)])
    found = fleet.read_members([str(tmp_path / "1"), str(tmp_path / "2")])

    assert fleet.readable(found).codes == (codes.HOST_TWICE,)


def test_inventories_that_are_old_are_told_by_host(tmp_path: Path) -> None:
    old = inventory("a", STRING, taken_at="2026-10-01T00:00:00Z")
    found = fleet.ages(members(tmp_path, old, inventory("b", STRING)), HORIZON)

    assert (found.outcome, found.codes) == ("warning", (codes.INVENTORY_TOO_OLD,))
    assert found.summary == "1 host not scanned for too long"
    assert found.detail == ("a: taken at 2026-10-01T00:00:00Z, it is more than 1 d old")


def test_inventories_of_the_future_fail_since_they_never_count(tmp_path: Path) -> None:
    ahead = inventory("a", STRING, taken_at="2026-11-01T09:00:00Z")
    old = inventory("b", STRING, taken_at="2026-10-01T00:00:00Z")
    found = fleet.ages(members(tmp_path, ahead, old), HORIZON)

    assert found.outcome == "fail"
    assert found.summary.startswith("1 host scanned in the future")
    assert "it is of the future: a clock is wrong" in (found.detail or "")


def test_a_second_that_a_clock_is_ahead_is_no_future(tmp_path: Path) -> None:
    ahead = inventory("a", STRING, taken_at="2026-11-01T06:00:01Z")
    assert fleet.ages(members(tmp_path, ahead), HORIZON).outcome == "pass"


def test_hosts_with_one_machine_id_are_told(tmp_path: Path) -> None:
    hosts = [of_machine("a", "11"), of_machine("b", "11"), of_machine("c", "22")]
    hosts += [of_machine("d", None), of_machine("e", None)]
    found = fleet.clones(members(tmp_path, *hosts))

    assert (found.outcome, found.codes) == ("warning", (codes.MACHINE_TWICE,))
    assert found.detail == "11: a, b"


def test_drivers_that_nobody_has_asked_are_told(tmp_path: Path) -> None:
    hosts = inventory("a", STRING), inventory("b", ASKED), inventory("c", NONE)
    found = fleet.answers(members(tmp_path / "3", *hosts))
    assert (found.outcome, found.detail) == ("warning", "a")
    assert found.codes == (codes.ANSWER_NOT_RECORDED,)

    alone = members(tmp_path / "1", inventory("a", STRING))
    assert fleet.answers(alone).outcome == "pass", "there is nothing to ask about"
    nobody = members(tmp_path / "0", inventory("c", NONE))
    assert fleet.answers(nobody).summary == "no host has a driver that can be asked"
