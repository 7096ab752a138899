# SPDX-License-Identifier: Apache-2.0
"""Running a function in a child process that may be left behind.

A read(2) or write(2) that a driver holds cannot be ended from outside, and a process
with a held thread cannot be reaped. So whatever touches a device's files runs in a
child that has none of our pipes, hears no Ctrl-C, and is never waited for: it sends
its result and goes away by itself, as soon as the driver lets it.

A process that has threads must not fork: a lock that another thread holds stays locked
in the child for ever. There a helper forks the children: a fresh Python, which is given
the functions, and is waited for since it ends at once. That takes a hundred times as
long as a fork.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import struct
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec

from vfiocompat import codes
from vfiocompat.errors import Bug, ErrorRecord, VfiocompatError, error_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Task = Callable[[], object]

__all__ = [
    "Followed",
    "aside_all",
    "follow_all",
    "fork_all",
    "fork_aside",
    "has_threads",
    "workers",
]

Result = TypeVar("Result")

_CHUNK = 1 << 20
_LENGTH = struct.Struct("=I")
_STANDARD = 3  # descriptors that every program takes for its own
_HELPER_ENDS = 60.0  # seconds; one that has not ended is no Python
_HELPER = """
import os, pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from vfiocompat.children import fork_all
fork_all(*pickle.load(sys.stdin.buffer))
os._exit(0)
"""


def has_threads() -> bool:
    """Whether this process has other threads, be they Python's or not."""
    try:
        return len(os.listdir("/proc/self/task")) > 1
    except OSError:
        return True  # without a /proc nobody can tell


def workers() -> int:
    """Give how many processes are worth it: one a core, or one where none is forked."""
    return 1 if has_threads() else len(os.sched_getaffinity(0))


class _Outcome(msgspec.Struct, Generic[Result]):
    """What a task returned, alone in a tuple, or the error that it raised."""

    value: tuple[Result, ...] = ()
    error: ErrorRecord | None = None


def aside_all(
    tasks: Sequence[Callable[[], Result]],
    result: type[Result],
    doing: str,
    timeout: float | None = None,
) -> list[Result]:
    """Run functions at once, each in a child, and give what they return.

    `result` is the type of that; it goes through MessagePack. `doing` says in an error
    what they do. `timeout` is how many seconds to wait for the next; None where
    functions see to that themselves. Where this process has threads they are pickled.

    Raises:
        VfiocompatError: what a function raised, or a child could not be made, has died,
            or did not answer in time.

    """
    with ExitStack() as ours:
        try:
            pipes = _start(tasks, ours)
            decoder = msgspec.msgpack.Decoder(_Outcome[result])  # type: ignore[valid-type]
            return [_value(decoder.decode(_receive(pipe, timeout))) for pipe in pipes]
        except TimeoutError:
            why = "the process that asks for it did not answer in time"
            raise VfiocompatError(why, code=codes.NO_ANSWER_IN_TIME) from None
        except OSError as error:
            why = f"a process for {doing} could not be started: {error}"
            raise VfiocompatError(why) from error
        except msgspec.DecodeError as error:
            hint = "the kernel's log tells if it was killed for want of memory"
            why = f"the process that was {doing} has died"
            raise VfiocompatError(why, hint=hint) from error


class Followed(NamedTuple, Generic[Result]):
    """What a child told one after the other, and why it did not come to its end."""

    told: list[Result]
    error: ErrorRecord | None


def follow_all(
    tasks: Sequence[Callable[[], Iterable[Result]]],
    result: type[Result],
    doing: str,
    timeout: float,
) -> list[Followed[Result]]:
    """Run functions at once, each in a child, and give what each tells until it ends.

    What one of them tells is known though it dies, raises, or is silent for `timeout`
    seconds: then it is left behind. The rest is as for `aside_all`.

    Raises:
        VfiocompatError: a child could not be made.

    """
    decoder = msgspec.msgpack.Decoder(result)
    with ExitStack() as ours:
        try:
            pipes = _start(tasks, ours, tell=True)
        except OSError as error:
            why = f"a process for {doing} could not be started: {error}"
            raise VfiocompatError(why) from error
        messages = {pipe: bytearray() for pipe in pipes}
        silent = _fill(messages, timeout)
    found = []
    for pipe in pipes:
        told, rest = _told(messages[pipe])
        found.append(
            Followed(
                [decoder.decode(each) for each in told],
                _not_ended(rest, doing, silent=pipe in silent),
            )
        )
    return found


def _fill(messages: Mapping[int, bytearray], timeout: float) -> set[int]:
    """Read all pipes to their ends; give those on which nothing came for too long."""
    deadlines = dict.fromkeys(messages, time.monotonic() + timeout)
    silent = set()
    while deadlines:
        wait = max(0.0, min(deadlines.values()) - time.monotonic())
        ready = select.select(list(deadlines), [], [], wait)[0]
        now = time.monotonic()
        for pipe in ready:
            part = os.read(pipe, _CHUNK)
            messages[pipe].extend(part)
            deadlines[pipe] = now + timeout
            if not part:
                del deadlines[pipe]
        for pipe in [pipe for pipe, until in deadlines.items() if until <= now]:
            silent.add(pipe)
            del deadlines[pipe]
    return silent


def _told(message: bytearray) -> tuple[list[bytes], bytes]:
    """Take a child's message apart: what it told, and how it ended."""
    told = []
    rest = memoryview(message)  # whose parts are not copied
    while len(rest) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(rest)
        end = _LENGTH.size + length
        if length == 0 or len(rest) < end:
            break
        told.append(bytes(rest[_LENGTH.size : end]))
        rest = rest[end:]
    return told, bytes(rest)


def _not_ended(rest: bytes, doing: str, *, silent: bool) -> ErrorRecord | None:
    """Say why a child did not come to its end, if it did not."""
    if silent:
        why = f"the process that was {doing} did not answer in time"
        return VfiocompatError(why, code=codes.NO_ANSWER_IN_TIME).record
    try:
        end = msgspec.msgpack.decode(rest[_LENGTH.size :], type=_Outcome[None])
    except msgspec.DecodeError:
        hint = "the kernel's log tells if it was killed for want of memory"
        return VfiocompatError(
            f"the process that was {doing} has died", hint=hint
        ).record
    return end.error


def _start(tasks: Sequence[Task], ours: ExitStack, *, tell: bool = False) -> list[int]:
    """Have each task done by a child; give the pipes on which they send the results.

    With `tell` they are functions that give several, each of which is sent at once.
    """
    readers: list[int] = []
    writers: list[int] = []
    with ExitStack() as theirs:
        for _ in tasks:
            reader, writer = os.pipe()
            ours.callback(os.close, reader)
            theirs.callback(os.close, writer)
            # A standard stream may be closed, and is opened anew in the child.
            writer = fcntl.fcntl(writer, fcntl.F_DUPFD_CLOEXEC, _STANDARD)
            theirs.callback(os.close, writer)
            readers.append(reader)
            writers.append(writer)
        if tell:
            pairs = zip(tasks, writers, strict=True)
            tasks = [partial(_tell_all, *pair) for pair in pairs]
        _begin(tasks, writers)
    return readers


def fork_aside(task: Task, pipe: int) -> None:
    """Fork a child that has nothing of ours but a pipe, which its task may use.

    Raises:
        VfiocompatError: this process has threads, and no Python has forked for it.

    """
    _begin([task], [pipe])


def _begin(tasks: Sequence[Task], pipes: Sequence[int]) -> None:
    (_have_forked if has_threads() else fork_all)(tasks, pipes)


def _receive(pipe: int, timeout: float | None) -> bytearray:
    """Read until the child closes the pipe; if it has died, that is not all."""
    if not select.select([pipe], [], [], timeout)[0]:
        raise TimeoutError
    message = bytearray()
    while part := os.read(pipe, _CHUNK):
        message += part
    return message


def _value(outcome: _Outcome[Result]) -> Result:
    """Give what a task returned, or raise what it raised."""
    if outcome.error is not None:
        raise error_of(outcome.error)
    return outcome.value[0]


# ---- the helper ----------------------------------------------------------------


def _have_forked(tasks: Sequence[Task], pipes: Sequence[int]) -> None:
    """Have children forked by a helper, which has our path and the pipes, and no more.

    Raises:
        VfiocompatError: there is no Python that can.
        OSError: it cannot be started.

    """
    import pickle  # noqa: PLC0415 - only a process with threads needs them
    import subprocess  # noqa: PLC0415

    if not sys.executable:
        raise _no_helper("sys.executable is empty")
    try:
        subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", _HELPER],
            input=pickle.dumps(sys.path) + pickle.dumps((tasks, pipes)),
            pass_fds=pipes,
            capture_output=True,
            start_new_session=True,
            timeout=_HELPER_ENDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise _no_helper(f"{sys.executable} does not end") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="backslashreplace").splitlines()
        why = said[-1] if said else f"exit status {error.returncode}"
        raise _no_helper(f"{sys.executable}: {why}") from None


def _no_helper(why: str) -> VfiocompatError:
    return VfiocompatError(
        f"this process has threads, and no Python has forked for it: {why}",
        hint="sys.executable has to be the Python that vfiocompat is installed for",
    )


# ---- the child -----------------------------------------------------------------

_unreaped: set[int] = set()
"""Children that have not been reaped; a driver may hold one for ever."""


def fork_all(tasks: Sequence[Task], pipes: Sequence[int]) -> None:
    """Fork a child for each task, which sends on its pipe what the task returns."""
    _reap()
    for task, pipe in zip(tasks, pipes, strict=True):
        _unreaped.add(_fork(task, pipe))


def _reap() -> None:
    """Let those go that have ended since."""
    for pid in list(_unreaped):
        try:
            ended = os.waitpid(pid, os.WNOHANG) != (0, 0)
        except ChildProcessError:
            ended = True  # who uses us reaps children too
        if ended:
            _unreaped.discard(pid)


def _fork(task: Task, pipe: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            gc.disable()  # all that a child makes goes with it
            _keep_only(pipe)
            _send(pipe, msgspec.msgpack.encode(_run(task)))
            # The exit below closes nothing while a driver holds a thread.
            os.close(pipe)
        finally:
            os._exit(0)  # past every handler and buffer that is the parent's
    return pid


def _run(task: Callable[[], Result]) -> _Outcome[Result]:
    try:
        return _Outcome(value=(task(),))
    except VfiocompatError as error:
        return _Outcome(error=error.record)
    except Exception as error:  # noqa: BLE001 - the parent reports it as a bug
        return _Outcome(error=Bug.of_exception(error).record)


def _tell_all(task: Task, pipe: int) -> None:
    """Send on a pipe what a function gives, each with its length before it, then 0."""
    told = task()
    assert isinstance(told, Iterable)
    try:
        for each in told:
            data = msgspec.msgpack.encode(each)
            _send(pipe, _LENGTH.pack(len(data)) + data)
    finally:
        _send(pipe, _LENGTH.pack(0))


def _keep_only(pipe: int) -> None:
    """Leave the parent's session, folder and descriptors, but for one pipe."""
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(_STANDARD):
        os.dup2(null, standard)
    os.closerange(_STANDARD, pipe)
    os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))


def _send(pipe: int, message: bytes) -> None:
    rest = memoryview(message)
    while rest:
        rest = rest[os.write(pipe, rest) :]
