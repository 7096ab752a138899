# SPDX-License-Identifier: Apache-2.0
"""Running a function in a child process that may be left behind.

A read(2) or write(2) that a driver holds cannot be ended from outside, and a process
with a held thread cannot be reaped. So whatever touches a device's files runs in a
child that has none of our pipes, hears no Ctrl-C, and is never waited for: it sends
its result and goes away by itself, as soon as the driver lets it.
"""

from __future__ import annotations

import errno
import gc
import os
import select
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from vfiocompat.diagnostics import Code
from vfiocompat.errors import Bug, ErrorRecord, VfiocompatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["aside_all", "workers"]

Result = TypeVar("Result")

_CHUNK = 1 << 20


def workers() -> int:
    """Give how many processes are worth it: one a core."""
    return len(os.sched_getaffinity(0))


class _Outcome(msgspec.Struct, Generic[Result]):
    """What a task returned, alone in a tuple, or the error that it raised."""

    value: tuple[Result, ...] = ()
    error: ErrorRecord | None = None


def aside_all(
    tasks: Sequence[Callable[[], Result]],
    result: type[Result],
    timeout: float | None = None,
) -> list[Result]:
    """Run functions at once, each in a child, and give what they return.

    `result` is the type of that; it goes through MessagePack. `timeout` is how many
    seconds to wait for the next; None where functions see to that themselves.

    Raises:
        VfiocompatError: what a function raised, or a child could not be made, has died,
            or did not answer in time.

    """
    decoder = msgspec.msgpack.Decoder(_Outcome[result])  # type: ignore[valid-type]
    try:
        pipes = [_start(task) for task in tasks]
        return [_value(decoder.decode(_receive(pipe, timeout))) for pipe in pipes]
    except TimeoutError:
        why = "the process that asks for it did not answer in time"
        raise VfiocompatError(why, code=Code.NO_ANSWER_IN_TIME) from None
    except (OSError, msgspec.DecodeError) as error:
        why = f"the process that reads sysfs failed: {error}"
        raise VfiocompatError(why) from error


def _value(outcome: _Outcome[Result]) -> Result:
    """Give what a task returned, or raise what it raised."""
    if outcome.error is None:
        return outcome.value[0]
    kind = Bug if outcome.error.code == Bug.code else VfiocompatError
    raise kind.of(outcome.error)


def _start(task: Callable[[], object]) -> int:
    """Fork a child that runs a task; give the pipe on which it sends the result."""
    pipe, child_pipe = os.pipe()
    if os.fork() == 0:
        try:
            gc.disable()  # all that a child makes goes with it
            _keep_only(child_pipe)
            _send(child_pipe, msgspec.msgpack.encode(_run(task)))
            # The exit below closes nothing while a driver holds a thread.
            os.close(child_pipe)
        finally:
            os._exit(0)  # past every handler and buffer that is the parent's
    os.close(child_pipe)
    return pipe


def _run(task: Callable[[], Result]) -> _Outcome[Result]:
    try:
        return _Outcome(value=(task(),))
    except VfiocompatError as error:
        return _Outcome(error=error.record)
    except Exception as error:  # noqa: BLE001 - the parent reports it as a bug
        return _Outcome(error=Bug.of_exception(error).record)


def _keep_only(pipe: int) -> None:
    """Leave the parent's session, folder and descriptors, but for one pipe."""
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        if standard != pipe:
            os.dup2(null, standard)
    os.closerange(3, pipe)
    os.closerange(max(3, pipe + 1), os.sysconf("SC_OPEN_MAX"))


def _send(pipe: int, message: bytes) -> None:
    rest = memoryview(message)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _receive(pipe: int, timeout: float | None) -> bytearray:
    """Read until the child closes the pipe; a child that died has sent nothing."""
    message = bytearray()
    try:
        if not select.select([pipe], [], [], timeout)[0]:
            raise TimeoutError(errno.ETIMEDOUT, "no answer in time")
        while part := os.read(pipe, _CHUNK):
            message += part
    finally:
        os.close(pipe)
    if not message:
        raise ChildProcessError(errno.ECHILD, "the process that reads it has died")
    return message
