# SPDX-License-Identifier: Apache-2.0
"""What QEMU says of migrating a test device, and that what it holds is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kernel.guest.qemu import QemuEndedError, running_qemu

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kernel.guest.conftest import CommandLine, Driver

KNOWS_V2 = (8, 2)
"""From here on QEMU migrates such devices, several of them too."""

V1 = "VFIO device doesn't support migration"
NO_P2P = (
    "Multiple VFIO devices migration is supported only if all of them support P2P "
    "migration"
)


def test_a_device_that_qemu_holds(
    driver: Driver, cli: CommandLine, tmp_path: Path
) -> None:
    driver.load(log_dirty=1)
    device = driver.create("vct0", "vct-gen4_2")

    with running_qemu(tmp_path, device) as qemu:
        used = cli("device", "--open", device)
        at = "/machine/peripheral/hostdev0"
        sysfsdev = qemu("qom-get", path=at, property="sysfsdev")
        blocked = qemu.blocked
        v2 = qemu.version >= KNOWS_V2
    assert used.code == 4
    assert f"process {qemu.pid} has {device} open" in used.stderr
    assert "VFC520" in used.stderr
    assert sysfsdev == f"/sys/bus/mdev/devices/{device}"
    assert blocked == ([] if v2 else [V1])
    opened = cli("device", "--open", device, "--format", "json")
    assert opened.code == 0
    assert opened.json["flags"] == ["STOP_COPY", "DIRTY_TRACKING"]


def test_why_qemu_would_not_migrate(driver: Driver, tmp_path: Path) -> None:
    driver.load()
    able, unable = (
        driver.create("vct0", "vct-gen4_2"),
        driver.create("vct0", "vct-nomig_1"),
    )
    with running_qemu(tmp_path, able, unable) as qemu:
        blocked = qemu.blocked
    if qemu.version < KNOWS_V2:
        assert blocked == [V1, V1]
        return
    assert len(blocked) == 2
    assert blocked[0].startswith(f"{able}: VFIO device doesn't support device ")
    assert blocked[0].endswith("dirty tracking")
    assert blocked[1] == f"{unable}: VFIO migration is not supported in kernel"

    with running_qemu(tmp_path, f"{able},enable-migration=on") as qemu:
        assert qemu.blocked == []
    with running_qemu(tmp_path, f"{able},enable-migration=off") as qemu:
        assert qemu.blocked == [f"{able}: Migration is disabled for VFIO device"]
    with (
        pytest.raises(QemuEndedError, match="VFIO migration is not supported"),
        running_qemu(tmp_path, f"{unable},enable-migration=on"),
    ):
        pass


@pytest.mark.parametrize("flags", [1, 3])
def test_two_devices_have_to_support_p2p(
    driver: Driver, tmp_path: Path, flags: int
) -> None:
    driver.load(log_dirty=1, mig_flags=flags)
    devices = driver.create("vct0", "vct-gen4_2"), driver.create("vct1", "vct-gen5_2")
    with running_qemu(tmp_path, *devices) as qemu:
        blocked = qemu.blocked
    if qemu.version < KNOWS_V2:
        assert blocked == [V1, V1]
    elif flags == 1:
        assert blocked == [NO_P2P]
    else:
        assert blocked == []


def test_a_whole_vm_that_runs(driver: Driver, cli: CommandLine, tmp_path: Path) -> None:
    """Its two devices are of one generation, and another one loads their state.

    A QEMU that knows only the first migration interface says no whatever the driver
    says; both are told. What QEMU holds is no free instance of its host.
    """
    driver.load(log_dirty=1, mig_flags=3)
    one, two = (driver.create("vct0", "vct-gen4_1") for _ in range(2))
    with running_qemu(tmp_path, one, two) as qemu:
        v2 = qemu.version >= KNOWS_V2
        asked = cli("vm", f"qmp:{qemu.other_monitor}", "here", "--format", "json")
        plan = cli("vm", f"qmp:{qemu.other_monitor}", "here", "--plan")
        assert qemu("query-status")["status"] == "prelaunch"
    told = asked.json
    codes = [each["code"] for each in told["diagnostics"]]
    if v2:
        assert (asked.code, told["verdict"], codes) == (0, "compatible", [])
    else:
        assert (asked.code, told["verdict"]) == (1, "incompatible")
        assert codes == ["VFC537", "VFC537", "VFC533", "VFC533"]
    assert told["room"] is True
    assert [each["source"]["address"] for each in told["devices"]] == [one, two]
    assert {each["verdict"] for each in told["devices"]} == {"compatible"}
    assert {each["basis"] for each in told["devices"]} == {"driver"}
    ends = [each["endpoint"] for each in told["assignment"]]
    assert len(ends) == 2
    assert not {one, two} & set(ends)
    assert [line.split("\t")[1] for line in plan.stdout.splitlines()] == ends
