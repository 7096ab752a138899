# SPDX-License-Identifier: Apache-2.0
"""Scans of one file take turns."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vfiocompat.errors import OutputError
from vfiocompat.fleet import turns
from vfiocompat.fleet.turns import Overlap, turn
from vfiocompat.host import held
from vfiocompat.host.held import HeldCalls, held_calls

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def another(path: Path) -> Iterator[int]:
    """Let another process have the turn."""
    ready, begun = os.pipe()
    child = os.fork()
    if child == 0:
        with turn(str(path)):
            os.write(begun, b"x")
            time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_one_after_the_other(tmp_path: Path) -> None:
    for _ in range(2):
        with turn(str(tmp_path / "f")) as current:
            assert current.held == ()


@pytest.mark.usefixtures("_processes")
def test_another_scan_is_named(tmp_path: Path) -> None:
    with (
        another(tmp_path / "f") as child,
        pytest.raises(Overlap, match=f"process {child} on "),
        turn(str(tmp_path / "f")),
    ):
        pass


@pytest.mark.usefixtures("_processes")
def test_a_lock_that_is_held_too_long_is_an_error(tmp_path: Path) -> None:
    with another(tmp_path / "f") as child:
        time.sleep(0.2)
        with (
            pytest.raises(OutputError) as caught,
            turn(str(tmp_path / "f"), stale=0.1),
        ):
            pass

    assert caught.value.code == "VFC406"
    assert f"process {child} on {os.uname().nodename}" in caught.value.summary


@pytest.mark.usefixtures("_processes")
def test_waiting_ends_in_time(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        another(tmp_path / "f"),
        pytest.raises(Overlap),
        turn(str(tmp_path / "f"), wait=0.3),
    ):
        pass

    assert 0.3 <= time.monotonic() - began < 5


@pytest.mark.usefixtures("_processes")
def test_one_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with another(tmp_path / "f"):
        pass
    with turn(str(tmp_path / "f"), stale=0) as current:
        assert current.held == ()


@pytest.mark.usefixtures("_processes")
def test_what_is_held_is_told_to_the_next_until_it_ends(tmp_path: Path) -> None:
    file = str(tmp_path / "f")
    ready, begun = os.pipe()
    child = os.fork()
    if child == 0:
        mine = held_calls(["/sys/a"])
        os.write(begun, json.dumps([mine.pid, mine.started]).encode())
        time.sleep(60)
        os._exit(0)
    pid, started = json.loads(os.read(ready, 100))
    left = HeldCalls(pid, started, ("/sys/a",))
    with turn(file) as current:
        current.leave([left, HeldCalls(pid, started - 1, ("/sys/b",))])
    with turn(file) as current:
        assert current.held == (left,)
    os.kill(child, signal.SIGKILL)  # it is a zombie now, which holds nothing
    while True:
        with turn(file) as current:
            if current.held == ():
                break
        time.sleep(0.01)
    os.waitpid(child, 0)


SPOILED = b'{"boot": "%s", "held": [{"pid": %d, "started": 1, "paths": ["/sys"]}]}'
BOOT = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()


@pytest.mark.parametrize(
    "state",
    [b"", b"{", b"[]", b'{"held": 1}', b"\xff" * 9, SPOILED % (BOOT, 10**18)],
)
def test_a_spoiled_state_tells_nothing(tmp_path: Path, state: bytes) -> None:
    (tmp_path / ".f.state").write_bytes(state)
    with turn(str(tmp_path / "f")) as current:
        assert current.held == ()


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write in"), turn(f"{tmp_path}/no/f"):
        pass


def test_a_state_that_cannot_be_written_again_stops_no_inventory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with turn(str(tmp_path / "f")) as current:

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "pwrite", full)
        current.leave([held_calls(["/sys/a"])])
        current.replace(b"x")

    assert (tmp_path / "f").read_bytes() == b"x"


@pytest.mark.usefixtures("_processes")
def test_a_lock_whose_scan_was_killed_ages(tmp_path: Path) -> None:
    """What it has left may have the lock: a reader, or a child that has its file."""
    with another(tmp_path / "f"):
        file = os.open(tmp_path / ".f.state", os.O_RDONLY)
    fcntl.flock(file, fcntl.LOCK_EX)
    began = time.monotonic()
    with turn(str(tmp_path / "f")):
        assert 1 < time.monotonic() - began < 5
    os.close(file)


@pytest.mark.usefixtures("_processes")
def test_a_turn_is_one_scans_whose_state_was_put_aside(tmp_path: Path) -> None:
    """Who has the lock of a file that has lost its name has no turn."""
    state = tmp_path / ".f.state"
    state.write_text("{}")
    old = os.open(state, os.O_RDONLY)
    fcntl.flock(old, fcntl.LOCK_EX)
    with turn(str(tmp_path / "f")):
        assert state.stat().st_ino != os.fstat(old).st_ino
        with pytest.raises(Overlap), turn(str(tmp_path / "f")):
            pass
    os.close(old)


@pytest.mark.usefixtures("_processes")
def test_a_scan_that_proc_does_not_show_has_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a unit with ProtectProc= others' processes are not seen."""
    with another(tmp_path / "f") as child:
        myself = HeldCalls(os.getpid(), 1, ())
        monkeypatch.setattr(turns, "held_calls", lambda _: myself)
        monkeypatch.setattr(held, "_stat", lambda _: None)
        with (
            pytest.raises(Overlap, match=f"process {child} on "),
            turn(str(tmp_path / "f")),
        ):
            pass
