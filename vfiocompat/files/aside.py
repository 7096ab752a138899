# SPDX-License-Identifier: Apache-2.0
"""Calls that may hang, made by a process that may be left behind.

It does one call after the other, and ends when nobody is at the other end any more. If
one does not return in time the process is given up: no signal ends it.
"""

from __future__ import annotations

import errno
import os
import pickle
import select
import socket
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from vfiocompat.children import fork_aside
from vfiocompat.errors import Bug, ErrorRecord, VfiocompatError, error_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["Aside", "no_answer"]

Given = ParamSpec("Given")
Result = TypeVar("Result")

_CHUNK = 1 << 20
_LENGTH = 8  # bytes that say how long a message is


class _Reply(NamedTuple):
    """What a call returned, or raised."""

    value: object = None
    failure: tuple[int | None, str] | None = None
    error: ErrorRecord | None = None


def no_answer(seconds: float) -> TimeoutError:
    """Make the error of a call that has not returned in time."""
    return TimeoutError(errno.ETIMEDOUT, f"no answer in {seconds:g} s")


class Aside:
    """A process that makes calls for us; each is waited for `timeout` seconds."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.owner = os.getpid()
        self._lost: OSError | None = None
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(0)
        with theirs:
            fork_aside(partial(_serve, theirs.fileno()), theirs.fileno())

    def __enter__(self) -> Self:
        """Give the process."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let it go."""
        self.close()

    def close(self) -> None:
        """Let it go: it ends as soon as it can."""
        self._socket.close()

    def forget(self) -> None:
        """Let go of what a parent process had: its descriptor may be another's here."""
        self._socket.detach()

    def call(
        self,
        function: Callable[Given, Result],
        *given: Given.args,
        **named: Given.kwargs,
    ) -> Result:
        """Have a function called, and give what it returns.

        Raises:
            OSError: it has raised one, or has not returned in time, or its process has
                died.
            VfiocompatError: it has raised one.

        """
        if self._lost is not None:
            raise self._lost
        request = pickle.dumps((_folder(), function, given, named))
        # What takes long to send takes long to write, too.
        until = time.monotonic() + self.timeout + len(request) / _CHUNK
        try:
            self._send(request, until)
            reply = pickle.loads(self._receive(until))  # noqa: S301 - our own child's
        except OSError as error:
            self._lost = error
            self.close()
            raise
        if reply.failure is not None:
            raise OSError(*reply.failure)
        if reply.error is not None:
            raise error_of(reply.error)
        result: Result = reply.value
        return result

    def _send(self, message: bytes, until: float) -> None:
        rest = memoryview(len(message).to_bytes(_LENGTH) + message)
        while rest:
            self._wait(select.POLLOUT, until)
            rest = rest[self._socket.send(rest[:_CHUNK]) :]

    def _receive(self, until: float) -> bytes:
        length = int.from_bytes(self._part(_LENGTH, until))
        return self._part(length, until)

    def _part(self, length: int, until: float) -> bytes:
        message = bytearray()
        while len(message) < length:
            self._wait(select.POLLIN, until)
            part = self._socket.recv(min(_CHUNK, length - len(message)))
            if not part:
                raise OSError(errno.EIO, "the process that was to do it has died")
            message += part
        return bytes(message)

    def _wait(self, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise no_answer(self.timeout)


def _folder() -> str:
    """Give where relative paths begin."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "/"


# ---- the process -----------------------------------------------------------------


def _serve(number: int) -> None:
    """Do one call after the other, until nobody wants more."""
    with socket.socket(fileno=number) as caller, caller.makefile("rwb") as stream:
        while length := stream.read(_LENGTH):
            request = stream.read(int.from_bytes(length))
            reply = pickle.dumps(_called(*pickle.loads(request)))  # noqa: S301 - ours
            stream.write(len(reply).to_bytes(_LENGTH) + reply)
            stream.flush()


def _called(
    folder: str,
    function: Callable[..., object],
    given: tuple[object, ...],
    named: dict[str, object],
) -> _Reply:
    try:
        os.chdir(folder)
        return _Reply(function(*given, **named))
    except VfiocompatError as error:
        return _Reply(error=error.record)
    except OSError as error:
        return _Reply(failure=(error.errno, error.strerror or str(error)))
    except Exception as error:  # noqa: BLE001 - it is reported as a bug
        return _Reply(error=Bug.of_exception(error).record)
