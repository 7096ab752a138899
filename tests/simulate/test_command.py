# SPDX-License-Identifier: Apache-2.0
"""A command that runs on a simulated host: what it sees, and what is left of that."""

from __future__ import annotations

import fcntl
import importlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import termios
import time
from typing import TYPE_CHECKING

import pytest

from tests.conftest import HUNG, PROGRAM, SOON
from vfiocompat.errors import SimulationError
from vfiocompat.simulate.command import run_on_host
from vfiocompat.simulate.spec import Spec

from .conftest import ROOT, cannot_test, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Run, RunProcess

pytestmark = pytest.mark.usefixtures("_processes")

HOST = shlex.quote(str(ROOT / "examples/two-generations.toml"))
FAULTS = shlex.quote(str(ROOT / "examples/faults.toml"))
PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder where hosts are mounted, of which nothing may be left."""
    if reason := why_not():
        cannot_test(reason)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    assert os.listdir(folder) == []


def started(line: str) -> subprocess.Popen[str]:
    """Start a simulation whose command prints a line when it is there."""
    process = subprocess.Popen(
        [*PROGRAM, "simulate", *shlex.split(line)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    return process


def test_the_command_sees_the_host_and_nothing_else_is_said(
    place: Path, run_process: RunProcess
) -> None:
    said = run_process(
        f"simulate {HOST} -- {PYTHON} -m vfiocompat get 0000:3b:00.0/acme-slice2 "
        "--format text"
    )
    assert (said.stdout, said.stderr) == ("1ac1-0100-npu-2-1.9-a,b\n", "")
    said = run_process(f"simulate {HOST} -- sh -c 'echo $VFIOCOMPAT_SYSROOT; pwd'")
    root, here = said.stdout.splitlines()
    assert os.path.dirname(root) == str(place)
    assert here == os.getcwd()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("command", "status"),
    [("true", 0), ("sh -c 'exit 3'", 3), ("sh -c 'kill -9 $$'", 137)],
)
def test_its_exit_status_is_that_of_the_command(
    run_process: RunProcess, command: str, status: int
) -> None:
    run_process(f"simulate {HOST} -- {command}", exit_code=status)


@pytest.mark.usefixtures("place")
def test_stdin_is_the_commands(run_process: RunProcess) -> None:
    assert run_process(f"simulate {HOST} -- cat", stdin=b"in").stdout == "in"


@pytest.mark.usefixtures("place")
def test_a_command_that_cannot_be_run(run_process: RunProcess) -> None:
    said = run_process(f"simulate {HOST} -- /no/such", exit_code=4)
    assert "cannot run /no/such: No such file or directory" in said.stderr
    said = run_process(f"simulate {HOST} -- /tmp --format json", exit_code=4)
    assert "cannot run /tmp: Permission denied" in said.stderr


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2"])
def test_a_signal_is_the_commands(name: str) -> None:
    script = f'trap "exit 7" {name}; echo there; while :; do sleep 0.05; done'
    process = started(f"{HOST} -- sh -c {shlex.quote(script)}")
    process.send_signal(getattr(signal, f"SIG{name}"))
    process.communicate(timeout=HUNG)
    assert process.returncode == 7


@pytest.mark.usefixtures("place")
def test_a_command_that_a_fault_holds_can_be_ended() -> None:
    script = """
        echo there
        read x < $VFIOCOMPAT_SYSROOT/sys/class/mdev_bus/0000:3b:00.0/\
mdev_supported_types/acme-hang/version
    """
    process = started(f"{FAULTS} -- sh -c {shlex.quote(script)}")
    time.sleep(0.3)
    began = time.monotonic()
    process.terminate()
    process.communicate(timeout=HUNG)
    assert process.returncode == 128 + signal.SIGTERM
    assert time.monotonic() - began < SOON


COUNT = """
import signal, time
count = []
signal.signal(signal.SIGINT, lambda *_: count.append(1))
print("there", flush=True)
for _ in range(10): time.sleep(0.1)
raise SystemExit(len(count))
"""


def _take_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.usefixtures("place")
def test_ctrl_c_on_a_terminal_reaches_the_command_once() -> None:
    ours, terminal = os.openpty()
    shell = [sys.executable, "-c", COUNT]
    process = subprocess.Popen(
        [*PROGRAM, "simulate", *shlex.split(HOST), "--", *shell],
        stdin=terminal,
        stdout=subprocess.PIPE,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - no thread runs here
    )
    os.close(terminal)
    assert process.stdout is not None
    assert process.stdout.readline() == b"there\n"
    os.write(ours, b"\x03")
    process.communicate(timeout=HUNG)
    os.close(ours)
    assert process.returncode == 1


def test_without_fuse_it_is_said_what_to_do_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_name: str) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(importlib, "import_module", missing)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(SimulationError) as caught:
        run_on_host(Spec(schema=1), ["true"])
    assert caught.value.hint == "pip install 'vfiocompat[simulate]'"
    assert os.listdir(tmp_path) == []
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


@pytest.mark.parametrize(
    "words", ["", "--", "-- x", "x", "x --", "x y z", "x y -- z", "-- x --"]
)
def test_there_is_a_place_or_a_command_but_not_both(run: Run, words: str) -> None:
    said = run(f"simulate {words}", exit_code=2).stderr
    assert "COMMAND" in said or "SPEC" in said


@pytest.mark.parametrize("words", ["-- x y", "-- x -- y", "x -- y --format json"])
def test_options_end_where_they_are_said_to(run: Run, words: str) -> None:
    said = run(f"simulate {words}", exit_code=4)
    assert said.stdout == ""
    assert "cannot read x" in said.stderr
