# SPDX-License-Identifier: Apache-2.0
"""Drivers that fail or hang, users without rights, and devices that go away."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import time
from typing import TYPE_CHECKING

from tests.kernel.guest.test_attributes import GEN4, NEW, OLD, by_address, summary

if TYPE_CHECKING:
    from tests.kernel.guest.conftest import CommandLine, Driver

NOBODY = 65534


def test_ordered_errno(driver: Driver, cli: CommandLine) -> None:
    driver.load()
    driver.order(fail_errno=errno.EIO)
    run = cli("check", f"version:{GEN4}", NEW, "--format", "json")
    assert run.code == 3
    result = run.json["results"][0]
    assert summary(result) == ("undetermined", "driver", ["VFC109"])
    assert result["diagnostics"][0]["errno"] == "EIO"
    run = cli("get", OLD)
    assert (run.code, run.stdout) == (4, "")
    assert "VFC106" in run.stderr
    assert "EIO" in run.stderr
    run = cli("list", "--format", "json")
    assert run.code == 0
    attribute = by_address(run.json)[OLD]["attribute"]
    assert (attribute["state"], attribute["errno"]) == ("unreadable", "EIO")


def test_slow_driver_is_not_waited_for(driver: Driver, cli: CommandLine) -> None:
    driver.load()
    driver.order(delay_ms=20_000)
    targets = (OLD, NEW, "vct1/vct-gen5_4")
    run = cli(
        "--timeout", "1", "check", f"version:{GEN4}", *targets, "--format", "json"
    )
    assert run.code == 3
    assert run.seconds < 6
    for result in run.json["results"]:
        assert summary(result) == ("undetermined", "driver", ["VFC112"])
    run = cli("get", OLD, "--timeout", "1")
    assert run.code == 4
    assert "VFC112" in run.stderr
    assert run.seconds < 6


def test_user_without_rights(driver: Driver, cli: CommandLine) -> None:
    driver.load()
    run = cli("get", OLD, user=NOBODY)
    assert (run.code, run.stdout) == (0, f"{GEN4}\n")
    run = cli("check", OLD, NEW, "--format", "json", user=NOBODY)
    assert run.code == 4
    assert run.json["counts"]["failed"] == 1
    verdict, _, codes = summary(run.json["results"][0])
    assert (verdict, codes) == ("undetermined", ["VFC103"])
    assert run.json["results"][0]["diagnostics"][0]["errno"] == "EACCES"
    assert driver.writes() == 0


def test_devices_that_come_and_go(driver: Driver, cli: CommandLine) -> None:
    driver.load()
    stays = driver.create("vct1", "vct-gen5_2")
    child = os.fork()
    if child == 0:
        try:
            # Long enough to be read, and too short for more than to be listed.
            for pause in itertools.cycle((0.4, 0.02, 0.02, 0.1)):
                names = [driver.create("vct0", "vct-gen4_1") for _ in range(4)]
                time.sleep(pause)
                for name in names:
                    driver.remove(name)
        finally:
            os._exit(1)
    seen: set[str] = set()
    try:
        for _ in range(8):
            run = cli("list", "--format", "json")
            assert run.code == 0, run.stderr
            endpoints = by_address(run.json)
            assert endpoints[stays]["version"] == "00028086-c104-vct-gen5_2"
            seen |= {name for name in endpoints if "/" not in name} - {stays}
        # It has to be still at it, and to have been seen at it.
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        assert seen
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
