# SPDX-License-Identifier: Apache-2.0
"""Scans of one file take turns, and know of calls that drivers still hold.

Beside the file is its state, `.FILE.state`: who scans now, under a lock that goes away
with the process, and which processes earlier scans had to leave behind. Only we can
open it, so that nobody else can hold the lock: a state that others have made, or can
write, is put aside, and so is one that is locked while no scan says that it is at work.

Where the folder may hang, all that is done in it is done by a process that may be left
behind; it has the lock then.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from vfiocompat import codes
from vfiocompat.errors import OutputError
from vfiocompat.files.folders import Place, is_ours, open_place
from vfiocompat.files.mounts import hanging
from vfiocompat.files.reading import read_open, regular
from vfiocompat.files.replacing import put
from vfiocompat.host.held import HeldCalls, held_calls, lives
from vfiocompat.inventory import MAX_BYTES
from vfiocompat.times import ago, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Overlap", "Turn", "turn"]

Result = TypeVar("Result")

_PAUSE = 0.05  # seconds between two looks at a lock
_GRACE = 1.0  # seconds after which who has the lock must have said so
_TRIES = 8  # for a state that others remove while it is opened


class _Holder(msgspec.Struct, frozen=True):
    """Who scans: since when, by the wall clock and by one that nobody sets.

    `started` is when the process began, as in HeldCalls.
    """

    host: str
    pid: int
    since: str
    uptime: float
    started: int = 0


class _State(msgspec.Struct, frozen=True):
    """What scans of one file tell those that come after them."""

    boot: str = ""
    holder: _Holder | None = None
    held: tuple[HeldCalls, ...] = ()


class _Call(Protocol):
    """Calls a function that touches a folder: here, or in a process of its own."""

    def __call__(self, function: Callable[..., Result], *given: object) -> Result: ...


def _directly(function: Callable[..., Result], *given: object) -> Result:
    return function(*given)


class Overlap(Exception):
    """Another scan is at work; its text says which."""


class Turn:
    """A scan's turn: what is held, the file that is there, and the one to come."""

    def __init__(self, call: _Call, place: Place, state: int) -> None:
        self._call = call
        self._place = place
        self._state = state
        self._holder: _Holder | None = _myself()
        self.held: tuple[HeldCalls, ...] = ()

    @property
    def path(self) -> str:
        """The file's path, as it was given."""
        return self._place.path

    def begin(self) -> None:
        """See which calls are still held, and say that this scan is at work."""
        known = self._call(_load, self._state)
        if known.boot == _boot():
            self.held = tuple(held for held in known.held if lives(held))
        self._store()

    def leave(self, more: Sequence[HeldCalls]) -> None:
        """Note which processes are left behind, beside those that still were.

        Where that cannot be written the next scan asks them again: no reason to have no
        inventory.
        """
        self.held += tuple(more)
        with contextlib.suppress(OSError):
            self._store()

    def end(self) -> None:
        """Say that this scan is not at work any more."""
        self._holder = None
        self.leave(())
        for number in (self._state, self._place.folder):
            with contextlib.suppress(OSError):
                self._call(os.close, number)

    def before(self) -> bytes | None:
        """Read the file that is to be replaced, if there is one.

        Raises:
            OSError: it cannot be read, or somebody else may have written it.

        """
        return self._call(_before, self._place)

    def replace(self, data: bytes) -> None:
        """Replace the file.

        Raises:
            OutputError: it could not be written.

        """
        try:
            self._call(put, self._place, data)
        except OSError as error:
            raise OutputError(
                f"cannot write {self._place.path}: {error.strerror}"
            ) from None

    def _store(self) -> None:
        self._call(_store, self._state, _State(_boot(), self._holder, self.held))


@contextlib.contextmanager
def turn(
    path: str, *, wait: float = 0, stale: float | None = None, timeout: float = 5.0
) -> Iterator[Turn]:
    """Take the turn to scan into a file; wait for it up to `wait` seconds.

    Raises:
        Overlap: another scan has it.
        OutputError: another one has had it for more than `stale` seconds, or the folder
            cannot be written to, or does not answer in `timeout` seconds.

    """
    with _caller(path, timeout) as call:
        try:
            place = call(open_place, path)
            state = _locked(call, place, wait, stale)
            current = Turn(call, place, state)
            current.begin()
        except OSError as error:
            folder = os.path.dirname(path) or "."
            raise OutputError(f"cannot write in {folder}: {error.strerror}") from None
        try:
            yield current
        finally:
            current.end()


@contextlib.contextmanager
def _caller(path: str, timeout: float) -> Iterator[_Call]:
    """Give what calls functions that touch the folder of a file."""
    if hanging(path) is None:
        yield _directly
        return
    from vfiocompat.files.aside import Aside  # noqa: PLC0415 - few folders may hang

    with Aside(timeout) as process:
        yield process.call


def _locked(call: _Call, place: Place, wait: float, stale: float | None) -> int:
    """Open the state, and lock it; raises as `turn` does."""
    deadline = time.monotonic() + wait
    nobody_since: float | None = None
    number = call(_open_state, place)
    while not call(_lock, place, number):
        state = call(_load, number)
        now = time.monotonic()
        if _may_be_at_work(state):
            nobody_since = None
            _demand_patience(state, place.path, stale)
            if now >= deadline:
                holder, age = _who(state)
                raise Overlap(f"{holder} has been writing {place.path} for {ago(age)}")
        else:
            nobody_since = nobody_since or now
            if now - nobody_since > _GRACE:
                call(_discard, place, number)
        call(os.close, number)
        time.sleep(_PAUSE)
        number = call(_open_state, place)
    return number


def _may_be_at_work(state: _State) -> bool:
    """Whether the scan that says it has the lock may be alive."""
    holder = state.holder
    if holder is None:
        return False
    if state.boot == _boot():
        return lives(HeldCalls(holder.pid, holder.started, ()))
    return holder.host != os.uname().nodename


def _demand_patience(state: _State, path: str, stale: float | None) -> None:
    holder, age = _who(state)
    if stale is not None and age > stale:
        raise OutputError(
            f"{holder} has been writing {path} for {ago(age)}, longer than --stale",
            hint="see what it does, and end it if it is stuck",
            code=codes.SCAN_STUCK,
        )


def _who(state: _State) -> tuple[str, float]:
    """Say who holds a lock, and for how many seconds."""
    holder = state.holder
    assert holder is not None
    age = _uptime() - holder.uptime if state.boot == _boot() else 0.0
    return f"process {holder.pid} on {holder.host} (since {holder.since})", age


def _myself() -> _Holder:
    me = held_calls(())
    now = moment(time.time())
    return _Holder(os.uname().nodename, me.pid, now, _uptime(), me.started)


def _uptime() -> float:
    """Seconds since the boot, suspended ones too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


# ---- in the folder ---------------------------------------------------------------


def _before(place: Place) -> bytes | None:
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW
        number = regular(place.name, flags, place.folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "somebody else may have made this link") from None
    if not is_ours(place, number):
        os.close(number)
        raise OSError(errno.EPERM, "somebody else may have written it")
    return read_open(number, MAX_BYTES)


def _open_state(place: Place) -> int:
    """Open the state, and make it if there is none that only we can have written."""
    name = f".{place.name}.state"
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    for _ in range(_TRIES):
        with contextlib.suppress(FileExistsError):
            new = flags | os.O_CREAT | os.O_EXCL
            return os.open(name, new, 0o600, dir_fd=place.folder)
        with contextlib.suppress(FileNotFoundError):
            try:
                number = regular(name, flags, place.folder)
            except FileNotFoundError:
                raise
            except OSError:  # a link, another user's, or no file at all
                os.unlink(name, dir_fd=place.folder)
                continue
            if is_ours(place, number) and os.fstat(number).st_nlink == 1:
                os.fchmod(number, 0o600)  # earlier versions let everybody read it
                return number
            os.close(number)
            os.unlink(name, dir_fd=place.folder)
    raise OSError(errno.EAGAIN, f"somebody else changes {name} all the time")


def _lock(place: Place, number: int) -> bool:
    """Lock the state, if nobody else has; it has to be the one that has the name."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return _is_named(place, number)


def _is_named(place: Place, number: int) -> bool:
    try:
        there = os.lstat(f".{place.name}.state", dir_fd=place.folder)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(number))


def _discard(place: Place, number: int) -> None:
    """Remove the state that somebody has locked who is no scan."""
    if _is_named(place, number):
        os.unlink(f".{place.name}.state", dir_fd=place.folder)


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
