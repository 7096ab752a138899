# SPDX-License-Identifier: Apache-2.0
"""Scans of one file take turns, and know of calls that drivers still hold.

Beside the file is its state, `.FILE.state`: who scans now, under a lock that goes away
with the process, and which processes earlier scans had to leave behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.errors import OutputError
from vfiocompat.host.held import HeldCalls, lives
from vfiocompat.times import ago, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Overlap", "Turn", "turn"]

_PAUSE = 0.05  # seconds between two looks at a lock


class _Holder(msgspec.Struct, frozen=True):
    """Who scans: since when, by the wall clock and by one that nobody sets."""

    host: str
    pid: int
    since: str
    uptime: float


class _State(msgspec.Struct, frozen=True):
    """What scans of one file tell those that come after them."""

    boot: str = ""
    holder: _Holder | None = None
    held: tuple[HeldCalls, ...] = ()


class Overlap(Exception):
    """Another scan is at work; its text says which."""


class Turn:
    """A scan's turn: what is held, and what is to be told to the next one."""

    def __init__(self, file: int, held: Sequence[HeldCalls]) -> None:
        self._file = file
        self.held = tuple(held)

    def leave(self, more: Sequence[HeldCalls]) -> None:
        """Note which processes are left behind, beside those that still were."""
        self.held += tuple(more)
        _store(self._file, _State(_boot(), held=self.held))


@contextlib.contextmanager
def turn(path: str, *, wait: float = 0, stale: float | None = None) -> Iterator[Turn]:
    """Take the turn to scan into a file; wait for it up to `wait` seconds.

    Raises:
        Overlap: another scan has it.
        OutputError: another one has had it for more than `stale` seconds, or the
            folder cannot be written to.

    """
    folder, name = os.path.split(os.path.realpath(path))
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        file = os.open(f"{folder}/.{name}.state", flags, 0o644)
    except OSError as error:
        raise OutputError(f"cannot write in {folder}: {error.strerror}") from None
    try:
        _lock(file, path, wait, stale)
        state = _load(file)
        alive = [held for held in state.held if state.boot == _boot() and lives(held)]
        try:
            _store(file, _State(_boot(), _myself(), tuple(alive)))
        except OSError as error:
            raise OutputError(f"cannot write in {folder}: {error.strerror}") from None
        current = Turn(file, alive)
        try:
            yield current
        finally:
            with contextlib.suppress(OSError):
                _store(file, _State(_boot(), held=current.held))
    finally:
        os.close(file)


def _lock(file: int, path: str, wait: float, stale: float | None) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        except OSError as error:
            raise OutputError(f"cannot lock {path}: {error.strerror}") from None
        else:
            return
        holder, age = _who(_load(file))
        if stale is not None and age > stale:
            raise OutputError(
                f"{holder} has been writing {path} for {ago(age)}, longer than --stale",
                hint="see what it does, and end it if it is stuck",
                code=codes.SCAN_STUCK,
            )
        if time.monotonic() >= deadline:
            raise Overlap(f"{holder} has been writing {path} for {ago(age)}")
        time.sleep(_PAUSE)


def _who(state: _State) -> tuple[str, float]:
    """Say who holds a lock, and for how many seconds."""
    holder = state.holder
    if holder is None:  # it has the lock, and has not said so yet
        return "another scan", 0
    age = 0.0
    if state.boot == _boot():
        age = _uptime() - holder.uptime
    return f"process {holder.pid} on {holder.host} (since {holder.since})", age


def _myself() -> _Holder:
    return _Holder(os.uname().nodename, os.getpid(), moment(time.time()), _uptime())


def _uptime() -> float:
    """Seconds since the boot, suspended ones too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _load(file: int) -> _State:
    """Read the state; one that is cut off, or another's, tells nothing."""
    try:
        return msgspec.json.decode(os.pread(file, 1 << 20, 0), type=_State)
    except (msgspec.DecodeError, OSError, RecursionError, UnicodeDecodeError):
        return _State()


def _store(file: int, state: _State) -> None:
    data = msgspec.json.encode(state) + b"\n"
    os.pwrite(file, data, 0)
    os.ftruncate(file, len(data))
