# SPDX-License-Identifier: Apache-2.0
"""Other programs, which are given no more time than there is."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import Popen

__all__ = ["Said", "run_program"]

_CHUNK = 1 << 16
_MAX_WORDS = 1 << 14  # bytes that are kept of what it complains of


class Said(NamedTuple):
    """What a program ended with, and printed on stdout and on stderr."""

    code: int
    out: bytes
    err: bytes

    @property
    def complaint(self) -> str | None:
        """What it printed on stderr as text; None if that is nothing."""
        return self.err.decode("utf-8", "backslashreplace").strip() or None


def run_program(line: Sequence[str], until: float, most: int) -> Said:
    """Run a program, which has to end until a moment of time.monotonic().

    One that takes too long is killed with what it has started, such as ssh, and not
    waited for by the end of its output, which others may hold. So is one that prints
    more than `most` bytes.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it has not ended in time.

    """
    import subprocess  # noqa: PLC0415 - costs start-up time, and few commands need it

    with subprocess.Popen(
        line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"LC_ALL": "C"},
        start_new_session=True,
    ) as process:
        try:
            return _outputs(process, until, most)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise TimeoutError from None
        except BaseException:
            _kill(process)
            raise


def _outputs(process: Popen[bytes], until: float, most: int) -> Said:
    """Read what a process prints, and wait for it."""
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.fileno(), process.stderr.fileno()
    data = {out: bytearray(), err: bytearray()}
    reading = [out, err]
    while reading and len(data[out]) <= most:
        left = until - time.monotonic()
        ready = select.select(reading, [], [], left)[0] if left > 0 else []
        if not ready:
            raise TimeoutError
        for number in ready:
            part = os.read(number, _CHUNK)
            if not part:
                reading.remove(number)
            data[number] += part
        del data[err][_MAX_WORDS:]
    if reading:
        _kill(process)
        return Said(0, bytes(data[out]), b"")
    left = max(0, until - time.monotonic())
    return Said(process.wait(left), bytes(data[out]), bytes(data[err]))


def _kill(process: Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
