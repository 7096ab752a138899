# SPDX-License-Identifier: Apache-2.0
"""A real device opened, with and without migration operations, held and not allowed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.kernel.guest.conftest import CommandLine, Driver


def test_the_device_says_which_interface_it_has(
    driver: Driver, cli: CommandLine
) -> None:
    driver.load()
    able, unable = (
        driver.create("vct0", "vct-gen4_2"),
        driver.create("vct0", "vct-nomig_1"),
    )

    closed = cli("device", able)
    assert (closed.code, closed.stdout.splitlines()[1]) == (0, "interface\tunknown")
    opened = cli("device", "--open", able, "--format", "json")
    assert opened.code == 0
    assert opened.json["interface"] == "v2"
    assert opened.json["flags"] == ["STOP_COPY"]
    assert opened.json["source"] == "open"
    assert "VFC525" in opened.stderr
    none = cli("device", "--open", unable, "--format", "json")
    assert (none.code, none.json["interface"]) == (0, "none")


def test_whether_a_device_is_used_is_in_an_inventory(
    driver: Driver, cli: CommandLine
) -> None:
    driver.load()
    device = driver.create("vct0", "vct-gen4_2")
    group = Path(os.readlink(f"/sys/bus/mdev/devices/{device}/iommu_group")).name

    def in_use() -> bool | None:
        scanned = cli("scan", "--format", "json").json["endpoints"]
        [found] = [each for each in scanned if each["address"] == device]
        used: bool | None = found["in_use"]
        return used

    assert in_use() is False
    held = os.open(f"/dev/vfio/{group}", os.O_RDWR)
    try:
        assert in_use() is True
    finally:
        os.close(held)


def test_what_is_in_use_or_not_allowed_or_no_device_is_told_apart(
    driver: Driver, cli: CommandLine
) -> None:
    driver.load()
    device = driver.create("vct0", "vct-gen4_2")
    group = Path(os.readlink(f"/sys/bus/mdev/devices/{device}/iommu_group")).name

    held = os.open(f"/dev/vfio/{group}", os.O_RDWR)
    try:
        used = cli("device", "--open", device)
    finally:
        os.close(held)
    assert used.code == 4
    assert f"process {os.getpid()} has {device} open" in used.stderr
    assert "VFC520" in used.stderr
    denied = cli("device", "--open", device, user=65534)
    assert denied.code == 4
    assert "VFC521" in denied.stderr
    of_type = cli("device", "--open", "vct0/vct-gen4_2")
    assert of_type.code == 2
    assert "is a type and no device" in of_type.stderr
    assert cli("device", "--open", device).code == 0
