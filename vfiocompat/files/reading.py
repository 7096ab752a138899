# SPDX-License-Identifier: Apache-2.0
"""Files and folders of users, read in time and up to a length.

What lies on a disk of this machine is read at once. What may hang is read by a process
that may be left behind, and what has hung is not tried again for a while: a fleet on a
server that is gone is told in one time-out, however many files it has.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from vfiocompat.files.mounts import hanging

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vfiocompat.files.aside import Aside

__all__ = ["in_time", "names_in", "read_bytes", "regular", "sizes", "wait_at_most"]

Given = ParamSpec("Given")
Result = TypeVar("Result")

_PIECE = 1 << 20
_AT_ONCE = 256  # files that one call looks at
_FORGOTTEN = 60.0  # seconds after which what has hung is tried again


class _Patience:
    """How this process deals with what may hang; by mount point what has, till when."""

    def __init__(self) -> None:
        self.timeout = 5.0
        self.hung: dict[str, float] = {}
        self.aside: Aside | None = None
        self.lock = threading.RLock()


_patience = _Patience()


def wait_at_most(seconds: float) -> None:
    """Say how long a file or folder may take to answer; at first that is 5 seconds."""
    _patience.timeout = seconds


def in_time(
    path: str,
    function: Callable[Given, Result],
    *given: Given.args,
    **named: Given.kwargs,
) -> Result:
    """Call a function that touches a path; aside, if that may hang.

    Raises:
        OSError: it has raised one, or has not returned in time.
        VfiocompatError: it has raised one.

    """
    mount = hanging(path)
    if mount is None:
        return function(*given, **named)
    with _patience.lock:
        return _aside(mount, function, *given, **named)


def _aside(
    mount: str,
    function: Callable[Given, Result],
    *given: Given.args,
    **named: Given.kwargs,
) -> Result:
    from vfiocompat.files.aside import Aside, no_answer  # noqa: PLC0415 - few may hang

    if time.monotonic() < _patience.hung.get(mount, 0.0):
        raise no_answer(_patience.timeout)
    if _patience.aside is not None and _patience.aside.owner != os.getpid():
        _patience.aside.forget()
        _patience.aside = None
    aside = _patience.aside = _patience.aside or Aside(_patience.timeout)
    aside.timeout = _patience.timeout
    try:
        return aside.call(function, *given, **named)
    except TimeoutError:
        _patience.hung[mount] = time.monotonic() + _FORGOTTEN
        aside.close()
        _patience.aside = None
        raise


def regular(path: str, flags: int, folder: int | None = None) -> int:
    """Open a file, unless it is one that may hold its reader, such as a pipe.

    Raises:
        OSError: it cannot be opened, or is no regular file.

    """
    number = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "not a regular file")
    return number


def read_bytes(path: str, limit: int) -> bytes:
    """Read a file that has at most `limit` bytes, within the time for each MiB of it.

    Raises:
        OSError: it cannot be read, or not in time, or is no regular file; EFBIG: it is
            longer, whatever it said before.

    """
    mount = hanging(path)
    if mount is None:
        return read_open(regular(path, os.O_RDONLY), limit)
    data = bytearray()
    with _patience.lock:
        number = _aside(mount, regular, path, os.O_RDONLY)
        while part := _aside(mount, _piece, number, min(_PIECE, limit + 1 - len(data))):
            data += part
            if len(part) < _PIECE:
                break
        _aside(mount, os.close, number)
    if len(data) > limit:
        raise _too_long(limit)
    return bytes(data)


def read_open(number: int, limit: int) -> bytes:
    """Read an open file to its end, and close it; raises as `read_bytes` does."""
    with open(number, "rb") as file:
        size = os.fstat(number).st_size
        if size > limit:
            raise _too_long(limit)
        data = file.read(size + 1)
        if len(data) > size:  # it grows
            data += file.read(limit + 1 - len(data))
    if len(data) > limit:
        raise _too_long(limit)
    return data


def _piece(number: int, size: int) -> bytes:
    """Read the next piece of a file, all of `size` unless the file ends."""
    piece = bytearray()
    try:
        while part := os.read(number, size - len(piece)):
            piece += part
    except OSError:
        os.close(number)
        raise
    return bytes(piece)


def _too_long(limit: int) -> OSError:
    return OSError(errno.EFBIG, f"longer than {limit >> 20} MiB")


# ---- folders -------------------------------------------------------------------


def names_in(path: str) -> list[str] | None:
    """Name what is in a folder, in order; None of what is no folder.

    Raises:
        OSError: it cannot be read, or not in time.

    """
    return in_time(path, _names_in, path)


def _names_in(path: str) -> list[str] | None:
    if not stat.S_ISDIR(os.stat(path).st_mode):
        return None
    return sorted(os.listdir(path))


def sizes(paths: Sequence[str]) -> list[int]:
    """Give how many bytes files have, 0 of those that cannot be looked at."""
    found = []
    for at in range(0, len(paths), _AT_ONCE):
        some = paths[at : at + _AT_ONCE]
        mount = next(filter(None, map(hanging, some)), None)
        try:
            found += _sizes(some) if mount is None else in_time(mount, _sizes, some)
        except OSError:
            found += [0] * len(some)
    return found


def _sizes(paths: Sequence[str]) -> list[int]:
    return [_size(path) for path in paths]


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
