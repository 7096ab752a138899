# SPDX-License-Identifier: Apache-2.0
"""A program with threads gets the same answers, and is never forked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vfiocompat import check, children
from vfiocompat.addresses import FunctionAddress
from vfiocompat.children import aside_all, workers
from vfiocompat.errors import NoSuchEndpoint, VfiocompatError
from vfiocompat.host.held import lives
from vfiocompat.host.sysfs import Host as LiveHost

from .commands.hosts import DESTINATION, PAIR, PARENT, SOURCE, fault, mdev_type

if TYPE_CHECKING:
    from vfiocompat import CheckResult

    from .conftest import Host

TASKS = Path("/proc/self/task")
HANGS = "hang = true"
FUNCTIONS = "0000:03:00.0", "0000:03:00.1"


# ---- answers -------------------------------------------------------------------


def check_beside(pair: tuple[str, str], root: Path, times: int) -> list[CheckResult]:
    """Check a pair in several threads at once."""
    with ThreadPoolExecutor(times) as pool:
        running = [
            pool.submit(check, *pair, sysroot=str(root), timeout=3.0)
            for _ in range(times)
        ]
        return [each.result() for each in running]


def test_a_host_of_plain_files_is_read_as_without_threads(
    plain_sysroot: Path, request: pytest.FixtureRequest
) -> None:
    alone = check(*FUNCTIONS, sysroot=str(plain_sysroot))
    request.getfixturevalue("threads")

    assert check_beside(FUNCTIONS, plain_sysroot, 3) == [alone] * 3


def test_drivers_are_asked_as_without_threads(
    host: Host, request: pytest.FixtureRequest
) -> None:
    root = host(PAIR)
    alone = check(SOURCE, DESTINATION, sysroot=str(root))
    request.getfixturevalue("threads")

    assert (alone.verdict, alone.basis) == ("compatible", "driver")
    assert check_beside((SOURCE, DESTINATION), root, 2) == [alone] * 2


@pytest.mark.usefixtures("threads")
def test_a_driver_that_hangs_costs_one_time_out(host: Host) -> None:
    held = f"{PARENT}/acme-hang"
    root = host(PAIR + mdev_type("acme-hang") + fault(held, HANGS))
    began = time.monotonic()
    [result] = check_beside((SOURCE, held), root, 1)

    assert 3 <= time.monotonic() - began < 2 * 3
    assert result.verdict == "undetermined"
    assert "VFC112" in [finding.code for finding in result.diagnostics]


@pytest.mark.usefixtures("threads")
def test_what_a_driver_holds_is_left_behind_and_is_no_child_of_ours(
    host: Host,
) -> None:
    root = host(PAIR + mdev_type("acme-hang") + fault(f"{PARENT}/acme-hang", HANGS))
    here = LiveHost(str(root), 0.3)
    here.survey()
    ours = "".join(each.read_text() for each in TASKS.glob("*/children")).split()

    assert [lives(held) for held in here.left] == [True]
    assert str(here.left[0].pid) not in ours


def test_every_question_to_a_host_is_answered_as_without_threads(
    plain_sysroot: Path, request: pytest.FixtureRequest
) -> None:
    here = LiveHost(str(plain_sysroot), held={"/sys/held"})
    alone = here.survey(), here.identity()
    request.getfixturevalue("threads")

    assert (here.survey(), here.identity()) == alone
    with pytest.raises(VfiocompatError, match="no IOMMU group"):
        here.open_device(FunctionAddress(FUNCTIONS[0]))


@pytest.mark.usefixtures("threads")
def test_trouble_is_of_the_same_kind(plain_sysroot: Path) -> None:
    with pytest.raises(NoSuchEndpoint):
        check("0000:99:00.0", FUNCTIONS[0], sysroot=str(plain_sysroot))


def test_warnings_as_errors_and_a_program_without_a_file_do_no_harm(
    plain_sysroot: Path,
) -> None:
    program = (
        "import threading\n"
        "from vfiocompat import check\n"
        "over = threading.Event()\n"
        "threading.Thread(target=over.wait).start()\n"
        f"print(check(*{FUNCTIONS}, sysroot={str(plain_sysroot)!r}).verdict)\n"
        "over.set()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-"],
        input=program,
        env=os.environ | {"PYTHONWARNINGS": "error"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert (done.stdout, done.stderr) == ("undetermined\n", "")


# ---- the helper ----------------------------------------------------------------


def warn() -> list[str]:
    warnings.warn("a task may", stacklevel=1)
    return sys.path


@pytest.mark.usefixtures("threads")
def test_the_helper_has_our_path_and_no_warnings_as_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONWARNINGS", "error")

    assert aside_all([warn], list[str], "warning") == [sys.path]


def program(folder: Path, *lines: str) -> str:
    path = folder / "program"
    path.write_text("\n".join(("#!/bin/sh", *lines)))
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (None, "no Python has forked for it: sys.executable is empty"),
        (["exit 7"], "program: exit status 7"),
        (["echo no module >&2", "exit 1"], "program: no module"),
        (["exec sleep 60"], "program does not end"),
    ],
    ids=["none", "another", "broken", "a daemon"],
)
@pytest.mark.usefixtures("threads")
def test_a_program_that_is_no_python_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[str] | None,
    says: str,
) -> None:
    executable = "" if lines is None else program(tmp_path, *lines)
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(children, "_HELPER_ENDS", 1.0)

    with pytest.raises(VfiocompatError, match=says) as caught:
        aside_all([os.getpid], int, "testing")
    assert "the Python that vfiocompat is installed for" in (caught.value.hint or "")


@pytest.mark.usefixtures("threads")
def test_a_program_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    with pytest.raises(
        VfiocompatError, match=r"testing could not be started: .*python"
    ):
        aside_all([os.getpid], int, "testing")


@pytest.mark.usefixtures("threads")
def test_what_only_computes_stays_in_this_process() -> None:
    assert workers() == 1
