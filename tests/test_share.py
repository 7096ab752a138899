# SPDX-License-Identifier: Apache-2.0
"""What runs scans by itself: the units and the line for cron are run as they stand."""

from __future__ import annotations

import configparser
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands.hosts import PAIR
from tests.simulate.conftest import cannot_test, why_not
from vfiocompat.inventory import Inventory, parse_inventory

if TYPE_CHECKING:
    from tests.conftest import Host

ROOT = Path(__file__).parent.parent
SYSTEMD = ROOT / "share/systemd"
FOLDER = "/var/lib/vfiocompat/fleet"
PROGRAM = Path(sys.executable).parent / "vfiocompat"


def unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(SYSTEMD / name)
    return parser


@pytest.mark.usefixtures("_processes")
def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        cannot_test("systemd-analyze is not installed")
    for file in SYSTEMD.iterdir():
        text = file.read_text().replace("ExecStart=vfiocompat", f"ExecStart={PROGRAM}")
        (tmp_path / file.name).write_text(text)
    files = sorted(map(str, tmp_path.iterdir()))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files],
        capture_output=True,
        text=True,
        check=False,
    )

    assert len(files) == 4
    assert (said.returncode, said.stderr, said.stdout) == (0, "", "")


def test_what_only_reads_cannot_write_to_sys() -> None:
    scan, ask = unit("vfiocompat-scan.service"), unit("vfiocompat-ask.service")

    assert scan["Service"]["ProtectKernelTunables"] == "yes"
    assert ask["Service"]["ReadWritePaths"] == "/sys/devices"
    assert "--ask" not in scan["Service"]["ExecStart"]
    assert "--ask" in ask["Service"]["ExecStart"]
    differ = {
        key
        for key in {*scan["Service"], *ask["Service"]}
        if scan["Service"].get(key) != ask["Service"].get(key)
    }
    assert differ == {"ExecStart", "ReadWritePaths", "TimeoutStartSec"}


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("name", ["vfiocompat-scan", "vfiocompat-ask"])
def test_a_unit_can_do_little_more_than_it_has_to(name: str) -> None:
    if shutil.which("systemd-analyze") is None:
        cannot_test("systemd-analyze is not installed")
    said = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=yes",
            "--threshold=15",
            "--no-pager",
            str(SYSTEMD / f"{name}.service"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    match = re.search(r"exposure level for \S+: ([0-9.]+)", said.stdout)

    assert match is not None, said.stderr
    assert float(match[1]) <= 1.5
    assert said.returncode == 0


def confined() -> None:
    """Take from this process what the units take, as far as that needs no systemd."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    libc.prctl(_NO_NEW_CODE, 1, 0, 0, 0)  # since Linux 6.3
    for capability in range(64):
        if capability != _DAC_OVERRIDE:
            libc.prctl(_DROP_CAPABILITY, capability, 0, 0, 0)
    os.umask(0o022)


_NO_NEW_PRIVILEGES, _DROP_CAPABILITY, _NO_NEW_CODE = 38, 24, 65
_DAC_OVERRIDE = 1


@pytest.mark.parametrize("name", ["vfiocompat-scan", "vfiocompat-ask"])
def test_a_scan_needs_no_more_than_its_unit_has(
    shared_host: Host, tmp_path: Path, name: str
) -> None:
    root = shared_host(PAIR)
    fleet = tmp_path / "fleet"
    fleet.mkdir()
    fleet.chmod(0o755)
    service = unit(f"{name}.service")["Service"]
    line = service["ExecStart"].replace(FOLDER, str(fleet)).split()
    assert service["CapabilityBoundingSet"] == "CAP_DAC_OVERRIDE"
    for at in range(2):
        if at:  # CAP_DAC_OVERRIDE is for a folder of another user's
            os.chown(fleet, 65534, 65534)
        command = [str(PROGRAM), *line[1:], "--sysroot", str(root), "--host", "n"]
        if "--ask" in command and not at:
            subprocess.run(
                [PROGRAM, "--sysroot", root, "scan", "--host", "n", "-o", f"{fleet}/"],
                check=True,
            )
        said = subprocess.run(
            command, preexec_fn=confined, capture_output=True, text=True, check=False
        )
        assert (said.returncode, said.stdout, said.stderr) == (0, "", "")

    known = json.loads((fleet / "n.json").read_bytes())
    assert len(known["endpoints"]) == 2
    assert any(each["answers"] for each in known["endpoints"]) == ("--ask" in line)


@pytest.mark.parametrize("name", ["vfiocompat-scan", "vfiocompat-ask"])
def test_a_timer_starts_its_service_and_spreads_hosts(name: str) -> None:
    timer = unit(f"{name}.timer")

    assert (SYSTEMD / f"{name}.service").exists()
    assert timer["Timer"]["RandomizedDelaySec"]
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert unit(f"{name}.service")["Service"]["SuccessExitStatus"] == "1 3"


def cron_lines() -> tuple[dict[str, str], list[str]]:
    """Read the file as cron(8) does: variables, and commands after time and user."""
    variables, commands = {}, []
    for line in (ROOT / "share/cron.d/vfiocompat").read_text().splitlines():
        if match := re.fullmatch(r"([A-Z]+)=(.*)", line):
            variables[match[1]] = match[2]
        elif line and not line.startswith("#"):
            *times, user, command = line.split(None, 6)
            assert len(times) == 5
            assert user == "root"
            assert "%" not in command, "cron makes newlines of these"
            commands.append(command)
    return variables, commands


def test_cron_runs_its_lines_in_silence(plain_sysroot: Path, tmp_path: Path) -> None:
    variables, commands = cron_lines()
    fleet = tmp_path / "fleet"
    fleet.mkdir()
    services = [
        unit(f"vfiocompat-{name}.service")["Service"] for name in ("scan", "ask")
    ]
    assert commands == [
        f"timeout {each['TimeoutStartSec'].removesuffix('in')} {each['ExecStart']}"
        for each in services
    ]
    for command in commands:
        line = command.replace(FOLDER, str(fleet))
        line = line.replace(
            "vfiocompat scan", f"vfiocompat --sysroot {plain_sysroot} scan"
        )
        path = f"{PROGRAM.parent}:{variables['PATH']}"
        said = subprocess.run(
            [
                "env",
                "-i",
                "HOME=/root",
                "SHELL=/bin/sh",
                f"PATH={path}",
                "/bin/sh",
                "-c",
                line,
            ],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert (said.returncode, said.stdout, said.stderr) == (0, "", ""), line

    [file] = fleet.glob("*.json")
    assert len(json.loads(file.read_bytes())["endpoints"]) == 40
    assert "/usr/local/bin" in variables["PATH"].split(":")


# ---- the example fleets ----------------------------------------------------------

FLEET = ROOT / "examples/fleet"
GPU_FLEET = ROOT / "examples/gpu-fleet"


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("fleet", [FLEET, GPU_FLEET], ids=lambda fleet: fleet.name)
def test_an_example_fleet_is_as_it_is_made(fleet: Path, tmp_path: Path) -> None:
    if reason := why_not():
        cannot_test(reason)
    subprocess.run([ROOT / "tools/example-fleet", fleet.name, tmp_path], check=True)

    def settled(folder: Path) -> dict[str, str]:
        times = re.compile(
            r'"(taken_at|asked_at|version)":"([-0-9TZ:]{20}|\d+\.\d+\.\d+)"'
        )
        return {
            file.name: times.sub("", file.read_text()) for file in folder.glob("*.json")
        }

    assert settled(tmp_path).keys() == settled(fleet).keys()
    for name, text in settled(fleet).items():
        if name != "node-e.json":  # which is cut off at some place
            assert settled(tmp_path)[name] == text, "run tools/example-fleet"


def test_the_example_fleet_has_whatever_a_fleet_may_have() -> None:
    import msgspec  # noqa: PLC0415

    known = {}
    for file in sorted(FLEET.glob("node-[a-d].json")):
        known[file.stem] = msgspec.json.decode(file.read_bytes(), type=Inventory)

    strings = {
        endpoint.version.split("-")[1]
        for each in known.values()
        for endpoint in each.endpoints
        if endpoint.version
    }
    assert strings == {"0100", "0200", "0300"}
    vendors = {each.vendor_id for one in known.values() for each in one.endpoints}
    assert vendors == {"0x1ac1", "0x19e5"}
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode((FLEET / "node-e.json").read_bytes())


def test_the_gpu_fleet_has_what_nvidias_hosts_differ_by() -> None:
    files = sorted(GPU_FLEET.glob("*.json"))
    known = [parse_inventory(file.read_bytes(), file.name) for file in files]
    endpoints = [each for one in known for each in one.endpoints]
    gpus = [gpu for one in known for gpu in one.gpus or ()]
    facts = [each.facts for each in endpoints]

    assert len(known) == len(gpus) == 6
    assert {gpu.name for gpu in gpus} == {"NVIDIA A40", "NVIDIA H100 PCIe"}
    assert {gpu.ecc for gpu in gpus} == {"on", "off"}
    assert len({gpu.driver_version for gpu in gpus}) == 2
    assert {each["framework"] for each in facts} == {"mdev", "vendor"}
    assert "NVIDIA H100-1-10C" in {each.get("vgpu_type_name") for each in facts}
    running = [each for each in endpoints if each.vgpu_metadata]
    assert len(running) == 5
    assert sum("guest" in each.facts for each in running) == 4
    assert not any(each.stated for each in endpoints)
    assert not any(one.problems for one in known)
