# SPDX-License-Identifier: Apache-2.0
"""What is told of a fleet: hosts, dead ends and what would help, one-way moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.fleets import QAT_1, QAT_2, TAKEN, endpoint, inventory, qat
from vfiocompat.endpoints import Problem
from vfiocompat.fleet.classes import PROBLEMS_KEPT, Classifier, merge
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.fleet.report import Report, report_on
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.inventory import Inventory

LIBRARY = Library(config="/nonexistent")
NOW = Horizon((timestamp(TAKEN) or 0) + 3600)


def report(*inventories: Inventory, horizon: Horizon = NOW) -> Report:
    """Tell of a fleet."""
    classifier = Classifier(horizon, LIBRARY.facts_read)
    for each in inventories:
        classifier.add(f"{each.host}.json", each)
    fleet = merge([classifier.reduced({})])
    grid = decide_grid([class_.endpoint for class_ in fleet.classes], LIBRARY)
    return report_on(fleet, grid, LIBRARY, horizon)


def host(name: str, version: str | None, **more: object) -> Inventory:
    """Make a host that has one function, in use."""
    in_use = qat("0000:03:00.1", version, in_use=True)
    return msgspec.structs.replace(inventory(name, in_use), **more)


def idle(address: str, version: str | None) -> Endpoint:
    """Make a function that nobody uses."""
    return qat(address, version, in_use=False)


def test_each_host_is_told_where_its_devices_go_and_whose_it_takes() -> None:
    old, new = host("old", QAT_1), host("new", QAT_2)
    found = report(old, new, inventory("empty", idle("0000:03:00.1", QAT_2)))

    assert [
        (line.found.host, line.outlook, line.to, line.one_way, line.takes)
        for line in found.hosts
    ] == [
        ("empty", "no devices", 0, 0, 2),
        ("new", "elsewhere", 1, 0, 1),
        ("old", "elsewhere", 2, 2, 0),
    ]
    assert [(line.devices, line.endpoints) for line in found.hosts] == [
        (0, 1),
        (1, 1),
        (1, 1),
    ]
    assert {line.age for line in found.hosts} == {"1 h old"}


def test_a_host_whose_functions_may_be_in_use_is_told_among_those_that_may_go() -> None:
    used = qat("0000:03:00.1", QAT_2)  # nobody knows whether
    found = report(host("old", QAT_1), inventory("perhaps", used))

    outlooks = {line.found.host: line.outlook for line in found.hosts}
    assert outlooks == {"old": "elsewhere", "perhaps": "unknown"}


def test_a_dead_end_has_the_closest_class_and_what_would_help() -> None:
    found = report(
        host("new", QAT_2),
        host("old", QAT_1),
        inventory("x", endpoint("p/t", "1ac1-x")),
    )

    [stuck] = found.stuck
    [class_] = stuck.classes
    assert stuck.outlook == "nowhere"
    assert class_.closest is not None
    assert class_.decision is not None
    assert found.fleet.classes[class_.class_].endpoint.version == QAT_2
    assert found.fleet.classes[class_.closest].endpoint.version == QAT_1
    assert "needs capabilities with 0x40 on the destination" in {
        finding.hint for finding in class_.decision.diagnostics
    }


def test_what_may_go_elsewhere_is_no_dead_end() -> None:
    unknown = idle("0000:03:00.2", None)
    found = report(host("a", QAT_1), inventory("b", unknown))

    assert [stuck.outlook for stuck in found.stuck] == ["unknown"]
    assert found.hosts[0].outlook == "unknown"


def test_devices_that_go_to_different_hosts_are_not_stuck() -> None:
    both = inventory(
        "both",
        qat("0000:03:00.1", QAT_2, in_use=True),
        qat("0000:03:00.2", QAT_2.replace("4924", "4925"), in_use=True),
    )
    found = report(both, host("x", QAT_2), host("y", QAT_2.replace("4924", "4925")))

    assert [(stuck.outlook, stuck.classes) for stuck in found.stuck] == [
        ("nowhere", ())
    ]


def test_a_host_alone_has_nowhere_to_go_and_nothing_is_close() -> None:
    [stuck] = report(host("a", QAT_1)).stuck

    assert [(each.closest, each.decision) for each in stuck.classes] == [(None, None)]


def test_one_way_moves_name_what_cannot_come_back() -> None:
    found = report(host("old", QAT_1), host("new", QAT_2))

    [move] = found.one_way
    [stays] = move.classes
    assert found.fleet.classes[stays].endpoint.version == QAT_1
    assert [each.one_way for each in found.classes] == [(1,), ()]
    assert [each.takes for each in found.classes] == [(), (0,)]


def test_what_is_too_old_counts_as_unknown_and_is_told() -> None:
    fresh = host("fresh", QAT_1)
    old = host("old", QAT_1, taken_at="2026-10-01T00:00:00Z")
    found = report(fresh, old, horizon=Horizon(NOW.now, 86400))

    assert [line.outdated for line in found.hosts] == [None, "it is more than 1 d old"]
    assert [line.outlook for line in found.hosts] == ["unknown", "unknown"]


def test_the_first_problems_of_a_scan_are_kept() -> None:
    problems = [Problem(f"/sys/{at}", "read", "EIO", "VFC106") for at in range(99)]
    found = report(host("a", QAT_1, problems=problems))

    assert found.hosts[0].found.problems == problems[:PROBLEMS_KEPT]


def test_a_fleet_of_nothing_has_nothing_to_tell() -> None:
    found = report(inventory("a"))

    assert (found.stuck, found.one_way, found.classes) == ([], [], [])
    assert [line.outlook for line in found.hosts] == ["no devices"]
