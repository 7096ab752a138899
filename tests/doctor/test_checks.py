# SPDX-License-Identifier: Apache-2.0
"""All checks: their order, and what becomes of one that goes wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from vfiocompat import codes
from vfiocompat.doctor.checks import CHECKS, Check, Subject, examine
from vfiocompat.doctor.found import Found, passed
from vfiocompat.errors import InventoryError
from vfiocompat.host.sysfs import Host
from vfiocompat.tables.library import Library
from vfiocompat.tables.stated import SiteFacts, Stated
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from pathlib import Path

    from vfiocompat.host.sysfs.kernel import Kernel


def subject(root: Path, *fleet: str) -> Subject:
    """Look at a host that is in a folder."""
    config = str(root / "etc")
    return Subject(
        Host(str(root)),
        Library(config=config),
        Stated(site=SiteFacts(config)),
        fleet,
        sysroot=str(root),
        config=config,
        timeout=5.0,
        horizon=Horizon(0.0, 86400.0),
    )


def test_names_are_words_and_each_is_another_one() -> None:
    names = [check.id for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", name) for name in names)


def test_one_that_goes_wrong_fails_and_the_others_are_made(tmp_path: Path) -> None:
    def raises(_: Subject) -> Found:
        raise InventoryError("no such thing", detail="in it", hint="look")

    def breaks(_: Subject) -> Found:
        raise ZeroDivisionError("by zero")

    checks = Check("a", raises), Check("b", breaks), Check("c", lambda _: passed("c"))
    first, second, third = (found for _, found in examine(subject(tmp_path), checks))

    assert first.outcome == second.outcome == "fail"
    assert (first.codes, first.hint) == ((codes.INVENTORY_UNUSABLE,), "look")
    assert second.codes == (codes.BUG,)
    assert "ZeroDivisionError: by zero" in second.summary
    assert second.detail is None, "a traceback helps nobody here"
    assert third.outcome == "pass"


@pytest.mark.usefixtures("_processes")
def test_a_host_without_sysfs_fails_once_and_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    kernel = Host.kernel

    def tried(host: Host) -> Kernel:
        tries.append(host)
        return kernel(host)

    monkeypatch.setattr(Host, "kernel", tried)
    found = dict(examine(subject(tmp_path)))

    failed = [name for name, each in found.items() if each.outcome == "fail"]
    assert failed == ["sysfs"]
    assert found["sysfs"].codes == (codes.NO_SYSFS,)
    assert found["kernel"].summary == "there is no sysfs to look at"
    assert len(tries) == 2, "to see that there is none, and to tell why"


@pytest.mark.usefixtures("_processes")
def test_of_another_host_nothing_of_this_machine_is_told(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    found = dict(examine(subject(tmp_path)))

    for name in ("user", "processes", "libvirt", "timer"):
        assert found[name].outcome == "skipped"
        assert str(tmp_path) in found[name].summary
    assert found["debugfs"].summary == f"{tmp_path} has no debugfs"
    assert found["endpoints"].outcome == "warning"
    assert found["channel-attribute"].outcome == "skipped"
    assert found["channel-stream"].outcome == "skipped"


@pytest.mark.usefixtures("_processes")
def test_a_fleet_of_which_nothing_is_left_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    found = dict(examine(subject(tmp_path, str(tmp_path / "nowhere"))))

    assert found["fleet"].outcome == "fail"
    for name in ("fleet-ages", "fleet-hosts", "fleet-answers"):
        assert found[name].summary == "no inventory of FLEET can be used"
