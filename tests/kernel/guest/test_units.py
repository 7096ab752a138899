# SPDX-License-Identifier: Apache-2.0
"""The units for systemd as they are shipped, started by the guest's systemd."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.guest.conftest import PARAMETERS, REPOSITORY
from tests.kernel.guest.test_attributes import GEN4, GEN5, NEW, NOMIG, OLD, by_address

if TYPE_CHECKING:
    from tests.kernel.guest.conftest import Driver

SCAN, ASK = "vfiocompat-scan.service", "vfiocompat-ask.service"
FLEET = Path("/var/lib/vfiocompat/fleet")
READ_BY_SYSTEMD = Path("/run/systemd/system")
INSTALLED = Path("/opt/vfiocompat")
"""Not in a home, as the interpreter and the repository may be."""

ATTRIBUTE = (
    f"/sys/devices/virtual/vct/vct1/mdev_supported_types/{Path(NEW).name}/version"
)
HIDDEN = ("/home/hidden", "/root/hidden", "/tmp/hidden", "/dev/vfio/vfio")
WRITTEN = (
    *("/etc/x", "/home/x", "/root/x", "/run/x", "/tmp/x", "/usr/x", "/var/lib/x"),
    *("/proc/sys/kernel/core_pattern", "/sys/fs/cgroup/cgroup.procs"),
    *(f"{PARAMETERS}/delay_ms", ATTRIBUTE),
)

TRY = f"""#!/bin/sh
for file in {" ".join(HIDDEN)}; do [ -e $file ] && echo sees $file; done
for file in {" ".join(WRITTEN)}; do (: >>$file) && echo writes $file; done
readlink /proc/1/fd/0 >/dev/null && echo sees open files
mount -t tmpfs tmpfs /mnt && umount /mnt && echo mounts
unshare --user true && echo makes a namespace
systemctl --quiet is-active kept.target && echo asks systemd
grep -E "^(NoNewPrivs|CapEff|CapBnd|Seccomp):" /proc/self/status
"""
"""It says what a process may do, of what any process of root's may."""

PROGRAM = f"""#!/bin/sh
{INSTALLED}/try >$STATE_DIRECTORY/may 2>/dev/null
export PYTHONPATH={INSTALLED}/project:{INSTALLED}/packages
export LD_LIBRARY_PATH={INSTALLED}/python/lib
exec {INSTALLED}/python/bin/python{sys.version_info[0]}.{sys.version_info[1]} \
  -m vfiocompat "$@"
"""

CONFINED = {"NoNewPrivs:\t1", "Seccomp:\t2"} | {
    f"{which}:\t{1 << 1:016x}"  # CAP_DAC_OVERRIDE
    for which in ("CapEff", "CapBnd")
}

ENDED_WELL = {"Result": "success", "ExecMainStatus": "0"}


def run(*command: str | Path) -> str:
    """Run a command that has to succeed; else show what systemd's journal says too."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        journal = ["journalctl", "--no-pager", "--lines=20", "--output=cat"]
        subprocess.run(journal, check=False)
        pytest.fail(f"{command}: {done.stderr}")
    return done.stdout


def start(unit: str) -> dict[str, str]:
    """Start a unit, and give how it ended."""
    run("systemctl", "start", unit)
    shown = run("systemctl", "show", "--property=Result,ExecMainStatus", unit)
    return dict(line.split("=", 1) for line in shown.splitlines())


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture(scope="module")
def _units(_in_the_guest: None) -> None:
    for name, source in (
        ("project", str(REPOSITORY)),
        ("packages", sysconfig.get_path("purelib")),
        ("python", sys.base_prefix),
    ):
        (INSTALLED / name).mkdir(parents=True)
        run("busybox", "mount", "--bind", source, INSTALLED / name)
    program(INSTALLED / "try", TRY)
    program(Path("/usr/local/bin/vfiocompat"), PROGRAM)

    for name in (SCAN, ASK):
        shutil.copy(REPOSITORY / "share/systemd" / name, READ_BY_SYSTEMD)
    for file in Path("/usr/lib/systemd/system").glob("systemd-journald[.-]*[et]"):
        shutil.copy(file, READ_BY_SYSTEMD)
    # What no unit knows systemd forgets as it ends, and how.
    kept = f"[Unit]\nAfter={SCAN} {ASK}\n"
    (READ_BY_SYSTEMD / "kept.target").write_text(kept)
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "systemd-journald.service", "kept.target")


def inventory() -> Any:  # noqa: ANN401 - JSON
    [file] = FLEET.glob("*.json")
    status = file.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o644, 0, 0)
    return json.loads(file.read_bytes())


def may() -> set[str]:
    return set((FLEET / "may").read_text().splitlines())


@pytest.mark.usefixtures("_units")
def test_scans_have_what_they_need_and_no_more(driver: Driver) -> None:
    driver.load()
    device = driver.create("vct0", "vct-gen4_2")
    for file in HIDDEN[:3]:
        Path(file).touch()
    unconfined = set(run(INSTALLED / "try").splitlines())
    assert {f"sees {file}" for file in HIDDEN} <= unconfined
    assert {f"writes {file}" for file in WRITTEN} <= unconfined
    assert {
        "sees open files",
        "mounts",
        "makes a namespace",
        "asks systemd",
    } <= unconfined

    assert start(SCAN) == ENDED_WELL
    assert may() == {"writes /tmp/x", *CONFINED}
    assert driver.writes() == 0
    known = by_address(inventory())
    assert len(known) == 8 + 1
    assert known[OLD]["version"] == known[device]["version"] == GEN4
    assert known[NEW]["version"] == GEN5
    assert known[NOMIG]["attribute"]["errno"] == "ENODEV"
    assert known[device]["in_use"] is None
    assert not any(endpoint["answers"] for endpoint in known.values())

    assert start(ASK) == ENDED_WELL
    assert may() == {"writes /tmp/x", f"writes {ATTRIBUTE}", *CONFINED}
    assert driver.writes() > 0
    answers = by_address(inventory())[NEW]["answers"]
    accepted = {answer["version"]: answer["accepted"] for answer in answers}
    assert accepted[GEN4] is accepted[GEN5] is True
    assert accepted["00028086-c104-vct-gen5_4"] is False
    assert (FLEET.stat().st_mode & 0o777, FLEET.owner()) == (0o755, "root")


@pytest.mark.usefixtures("_units")
def test_what_a_driver_holds_is_left_behind(driver: Driver) -> None:
    """The unit does not wait for a child that nobody can kill, or fail of it."""
    driver.load()
    driver.order(hold_ms=12000)
    processes = Path("/sys/fs/cgroup/system.slice", SCAN, "cgroup.procs")

    assert start(SCAN)["Result"] == "success"
    assert processes.read_text()
    assert by_address(inventory())[NEW]["attribute"]["code"] == "VFC112"
    deadline = time.monotonic() + 30
    while processes.exists() and processes.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.2)
