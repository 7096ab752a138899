# SPDX-License-Identifier: Apache-2.0
"""libvirt, QEMU's library and the timer, by programs that a test has written."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.fleets import inventory, write
from vfiocompat import codes
from vfiocompat.doctor import programs
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from vfiocompat.doctor.found import Found

QUICK = 0.4
NOW = timestamp("2026-11-01T00:10:00Z") or 0.0


class Program(Protocol):
    def __call__(self, name: str, script: str) -> None: ...


@pytest.fixture
def program(
    _processes: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Program:
    """Write a program, which is the only one of its name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to("/bin/sh")
    (folder / "sleep").symlink_to("/bin/sleep")
    monkeypatch.setenv("PATH", str(folder))

    def written(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return written


# ---- libvirt ---------------------------------------------------------------------

SAYS = """\
case "$*" in
    *uri) echo {uri} ;;
    *) echo "Using API: QEMU 9.0.0"; echo "Running hypervisor: QEMU 7.2.0" ;;
esac"""


def test_libvirt_that_answers(program: Program) -> None:
    program("virsh", SAYS.format(uri="qemu:///system"))
    found = programs.libvirt(10)

    assert found.outcome == "pass"
    assert found.summary == "libvirt answers at qemu:///system"
    assert found.detail == "Running hypervisor: QEMU 7.2.0"


def test_a_session_of_a_user_is_not_the_systems_libvirt(program: Program) -> None:
    program("virsh", SAYS.format(uri="qemu:///session"))
    found = programs.libvirt(10)

    assert (found.outcome, found.codes) == ("warning", (codes.LIBVIRT_NOT_REACHED,))
    assert "export LIBVIRT_DEFAULT_URI=qemu:///system" in (found.hint or "")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'error: no daemon' >&2; exit 1", "virsh ended with 1"),
        ("sleep 60", "no answer in 0.4 s"),
        (SAYS.format(uri="test") + "\nexit 3", "virsh ended with 3"),
    ],
)
def test_libvirt_that_does_not_answer(program: Program, script: str, says: str) -> None:
    program("virsh", script)
    began = time.monotonic()
    found = programs.libvirt(QUICK if "sleep" in script else 10)

    assert time.monotonic() - began < 5
    assert (found.outcome, found.codes) == ("warning", (codes.LIBVIRT_NOT_REACHED,))
    assert found.summary.endswith(says)
    assert (found.detail == "error: no daemon") == ("daemon" in script)


@pytest.mark.usefixtures("program")
def test_without_virsh_there_is_nothing_to_check() -> None:
    assert programs.libvirt(10).outcome == "skipped"


def test_a_virsh_that_cannot_be_run(program: Program, tmp_path: Path) -> None:
    program("virsh", "")
    (tmp_path / "bin/virsh").write_text("no program")
    found = programs.libvirt(10)

    assert found.summary == "libvirt cannot be asked for VMs: Exec format error"


# ---- QEMU ------------------------------------------------------------------------


def test_the_library_for_qemu_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert programs.qmp().outcome == "pass"
    monkeypatch.setattr(programs, "find_spec", lambda _: None)
    found = programs.qmp()

    assert (found.outcome, found.codes) == ("warning", (codes.QMP_NOT_INSTALLED,))


# ---- the timer -------------------------------------------------------------------

TIMER = "LoadState=loaded\nActiveState={}\n"


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let systemd run, and the unit write to a folder of its own."""
    monkeypatch.setattr(programs, "_SYSTEMD", str(tmp_path))
    monkeypatch.setattr(programs, "_FOLDER", str(tmp_path / "fleet"))
    return tmp_path


def timer(inventory_: str | None = None, timeout: float = 10) -> Found:
    return programs.timer("a", inventory_, timeout, NOW)


UP = 100_000
"""How long the host is up, in seconds."""

OK = "Result=success\nExecMainExitTimestampMonotonic={}000000".format
LATE = codes.NO_SCAN_BY_ITSELF


@pytest.mark.usefixtures("systemd")
@pytest.mark.parametrize(
    ("active", "service", "code", "says"),
    [
        ("active", OK(UP - 300), None, "ended 5 min ago, and well"),
        ("active", OK(0), None, "has not run since the boot"),
        ("active", OK(UP - 7200), LATE, "ended 2 h ago"),
        ("inactive", OK(UP - 300), LATE, "scan.timer is inactive"),
        ("", "", LATE, "scan.timer is in no known state"),
        (
            "active",
            "Result=exit-code\nExecMainStatus=4",
            codes.SCAN_FAILED,
            "has failed: exit-code, exit status 4",
        ),
    ],
)
def test_the_timer_and_its_service_are_asked_for(
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    *,
    active: str,
    service: str,
    code: str | None,
    says: str,
) -> None:
    monkeypatch.setattr(time, "clock_gettime", lambda _: float(UP))
    blocks = f"{TIMER.format(active)}\nLoadState=loaded\n{service}"
    program("systemctl", f"echo '{blocks}'")
    found = timer()

    outcome = {None: "pass", LATE: "warning", codes.SCAN_FAILED: "fail"}
    assert found.outcome == outcome[code]  # type: ignore[index]
    assert found.codes == ((code,) if code else ())
    assert says in found.summary


NO_TIMER = "echo 'LoadState=not-found\n\nLoadState=not-found'"


@pytest.mark.parametrize(
    "script", [NO_TIMER, "exit 1", "echo", "sleep 60", "echo a=b; echo; echo; echo"]
)
def test_where_systemd_does_not_tell_the_inventory_does(
    program: Program, systemd: Path, script: str
) -> None:
    program("systemctl", script)
    found = timer(timeout=QUICK if "sleep" in script else 10)
    assert (found.outcome, found.codes) == ("warning", (LATE,))
    assert "a.json: No such file" in (found.detail or "")

    write(systemd / "fleet", [inventory("a")])
    assert (
        timer(timeout=QUICK).summary == f"{systemd}/fleet/a.json was taken 10 min ago"
    )


def test_without_systemd_the_fleets_inventory_of_this_host_tells(
    systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_SYSTEMD", "/nowhere")
    folder = write(systemd / "shared", [inventory("a")])
    assert timer(f"{folder}/a.json").outcome == "pass"
    old = write(systemd / "old", [inventory("a", taken_at="2026-10-31T00:00:00Z")])
    found = timer(f"{old}/a.json")

    assert (found.outcome, found.codes) == ("warning", (LATE,))
    assert found.summary == f"{old}/a.json was taken 1 d ago"


def test_the_folder_is_that_of_the_unit() -> None:
    from tests.test_share import FOLDER  # noqa: PLC0415 - of what it is about

    assert programs._FOLDER == FOLDER  # noqa: SLF001
    assert os.path.isabs(FOLDER)
