# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat device`, and what `check` and `scan` make of migration interfaces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fleets import endpoint, function, inventory, write
from vfiocompat.decision.decide import decide
from vfiocompat.endpoints import Attribute, Endpoint, MigrationInterface
from vfiocompat.inventory import Inventory
from vfiocompat.output.device import DeviceDocument

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run

FUNCTION = "0000:03:00.0"
OTHER = "0000:03:00.1"
V2 = MigrationInterface("v2", ("STOP_COPY",))
AHEAD = MigrationInterface("v2", ("STOP_COPY", "PRE_COPY"))


@pytest.fixture
def debugfs(plain_sysroot: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the debugfs of a host, of Linux 6.18."""
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(plain_sysroot))
    folder = plain_sysroot / "sys/kernel/debug/vfio"
    (folder / FUNCTION / "migration").mkdir(parents=True)
    (folder / FUNCTION / "migration/features").write_text("stop-copy\np2p\n")
    (folder / FUNCTION / "migration/state").write_text("RUNNING\n")
    (folder / OTHER).mkdir()
    return folder


def test_debugfs_tells_the_interface_and_what_it_can_do(
    debugfs: Path, run: Run
) -> None:
    assert debugfs.exists()
    result = run(f"device {FUNCTION}")
    assert result.stdout.splitlines() == [
        f"address\t{FUNCTION}",
        "interface\tv2",
        "flags\tSTOP_COPY, P2P",
        "source\tdebugfs",
    ]
    assert result.stderr == ""
    found = run(f"device {FUNCTION} --format json").document(DeviceDocument)
    assert (found.interface, found.flags) == ("v2", ("STOP_COPY", "P2P"))


def test_a_device_without_migration_operations(debugfs: Path, run: Run) -> None:
    assert debugfs.exists()
    found = run(f"device {OTHER} --format json").document(DeviceDocument)

    assert (found.interface, found.flags, found.source) == ("none", None, "debugfs")


def test_an_older_kernel_tells_no_flags(debugfs: Path, run: Run) -> None:
    (debugfs / FUNCTION / "migration/features").unlink()
    found = run(f"device {FUNCTION} --format json").document(DeviceDocument)

    assert (found.interface, found.flags) == ("v2", None)


def test_what_the_kernel_does_not_tell_is_unknown(debugfs: Path, run: Run) -> None:
    assert debugfs.exists()
    result = run("device 0000:03:00.2")

    assert result.stdout.splitlines()[1] == "interface\tunknown"
    assert "VFC129" in result.stderr
    assert "'vfiocompat device --open 0000:03:00.2'" in result.stderr
    found = run("device 0000:03:00.2 --format json").document(DeviceDocument)
    assert (found.interface, found.source) == ("unknown", None)


def test_a_driver_that_migrates_nothing_is_told_by_its_name(
    debugfs: Path, run: Run
) -> None:
    drivers = debugfs.parents[3] / "sys/bus/pci/drivers"
    (drivers / "vfio-pci").mkdir()
    bound = debugfs.parents[3] / f"sys/devices/pci0000:03/{FUNCTION}/driver"
    bound.unlink()
    bound.symlink_to("../../../bus/pci/drivers/vfio-pci")
    told = run(f"device {FUNCTION} --format json").document(DeviceDocument)
    assert (told.interface, told.source) == ("v2", "debugfs")

    (debugfs / FUNCTION).rename(debugfs / "gone")
    result = run(f"device {FUNCTION}")
    assert result.stdout.splitlines() == [
        f"address\t{FUNCTION}",
        "interface\tnone",
        "source\tdriver",
    ]
    assert result.stderr == ""


def test_it_goes_into_an_inventory_and_comes_out_of_it(
    debugfs: Path, run: Run, tmp_path: Path
) -> None:
    assert debugfs.exists()
    file = tmp_path / "node.json"
    run(f"scan --host node -o {file}")
    known = {
        each["address"]: each["migration"]
        for each in json.loads(file.read_bytes())["endpoints"]
    }
    assert known[OTHER] == {
        "interface": "none",
        "flags": None,
        "source": "debugfs",
        "version": None,
    }
    assert known["0000:03:00.2"] is None
    found = run(f"device inventory:{file}#{FUNCTION} --format json")
    assert found.document(DeviceDocument).host == "node"
    assert run("scan").document(Inventory).endpoints[0].migration is not None


def test_a_type_and_a_string_are_no_devices(run: Run, tmp_path: Path) -> None:
    there = inventory("node", endpoint("0000:41:00.0/acme-slice2", None))
    file = write(tmp_path, [there]) / "node.json"
    for address, says in (
        (f"inventory:{file}#0000:41:00.0/acme-slice2", "is a type and no device"),
        ("version:00008086-x", "is no device"),
    ):
        for option in ("", " --open"):
            result = run(f"device {address}{option}", exit_code=2)
            assert f"{address} {says}" in result.stderr


def test_a_side_without_an_interface_is_incompatible(debugfs: Path, run: Run) -> None:
    assert debugfs.exists()
    result = run(f"check {FUNCTION} {OTHER} --format json", exit_code=1).json

    [pair] = result["results"]
    assert (pair["verdict"], pair["basis"]) == ("incompatible", "none")
    assert pair["diagnostics"][0]["code"] == "VFC126"


@pytest.mark.parametrize(
    ("here", "there", "codes"),
    [
        (MigrationInterface("v1"), V2, ["VFC127"]),
        (MigrationInterface("none"), V2, ["VFC126"]),
        (V2, MigrationInterface("none"), ["VFC126"]),
        (MigrationInterface("none"), MigrationInterface("none"), ["VFC126", "VFC126"]),
        (AHEAD, V2, ["VFC128"]),
        (V2, AHEAD, []),
        (AHEAD, MigrationInterface("v2"), []),
        (AHEAD, None, []),
        (None, MigrationInterface("v1"), []),
    ],
)
def test_interfaces_are_a_precondition(
    here: MigrationInterface | None, there: MigrationInterface | None, codes: list[str]
) -> None:
    def end(migration: MigrationInterface | None) -> Endpoint:
        present = Attribute("version", "present", path="/sys/x/version", node="type")
        return Endpoint(
            kind="mdev",
            address="x",
            attribute=present,
            version="1ac1-a",
            newline=True,
            migration=migration,
        )

    decision = decide(end(here), end(there), None)
    found = [each.code for each in decision.diagnostics if each.code in {*CODES}]
    assert found == codes
    refused = {"VFC126", "VFC127"}.intersection(codes)
    assert (decision.verdict == "incompatible") == bool(refused)


CODES = ("VFC126", "VFC127", "VFC128")


def test_no_driver_is_asked_where_a_side_cannot_migrate(
    run: Run, tmp_path: Path
) -> None:
    ends = [
        endpoint("p/t", "1ac1-a", migration=MigrationInterface("none")),
        endpoint("p/u", "1ac1-a", migration=V2),
    ]
    file = write(tmp_path, [inventory("a", *ends)]) / "a.json"
    said = run(f"check inventory:{file}#p/u inventory:{file}#p/t", exit_code=1).stdout

    assert "error[VFC126]: the destination's driver has no migration interface" in said


def test_what_cannot_be_opened(
    debugfs: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert debugfs.exists()
    said = run(f"device --open {FUNCTION}", exit_code=2)
    assert "--open is for this host" in said.stderr
    monkeypatch.delenv("VFIOCOMPAT_SYSROOT")
    folder = write(tmp_path / "f", [inventory("node", function(FUNCTION, None))])
    said = run(f"device --open inventory:{folder}/node.json#{FUNCTION}", exit_code=2)
    assert "--open is for a device of this host" in said.stderr


@pytest.mark.parametrize(
    ("line", "exit_code"),
    [
        ("device", 2),
        ("device x", 2),
        ("device 0000:99:00.0", 4),
        ("device version:x", 2),
    ],
)
def test_bad_addresses(debugfs: Path, run: Run, line: str, exit_code: int) -> None:
    assert debugfs.exists()
    run(line, exit_code=exit_code)
