# SPDX-License-Identifier: Apache-2.0
"""Processes that drivers hold: which files they called, and whether they live."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HeldCalls", "held_calls", "lives"]


class HeldCalls(msgspec.Struct, frozen=True):
    """A process that a driver holds, and the files it has called.

    `started` is when it began, in ticks since the boot (proc(5), starttime), which
    tells it from another of the same number.
    """

    pid: int
    started: int
    paths: tuple[str, ...]


def held_calls(paths: Sequence[str]) -> HeldCalls:
    """Give this process as one that is left behind with calls on files."""
    stat = _stat("/proc/self/stat")
    assert stat is not None
    return HeldCalls(os.getpid(), stat.started, tuple(paths))


def lives(held: HeldCalls) -> bool:
    """Whether a process is still there, or a thread of it.

    One that has ended but for a held thread looks like a zombie; its threads tell.
    """
    process = _stat(f"/proc/{held.pid}/stat")
    if process is None:
        return _is_hidden(held.pid)
    if process.started != held.started:
        return False
    try:
        threads = os.listdir(f"/proc/{held.pid}/task")
    except OSError:
        return False
    stats = [_stat(f"/proc/{held.pid}/task/{thread}/stat") for thread in threads]
    return any(stat is not None and stat.state not in {"Z", "X"} for stat in stats)


def _is_hidden(pid: int) -> bool:
    """Whether there is a process that /proc does not show us (proc(5), hidepid)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


class _Stat(msgspec.Struct, frozen=True):
    """What proc(5) says of a process or thread: its state, and when it began."""

    state: str
    started: int


def _stat(path: str) -> _Stat | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            state, *fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return _Stat(state, int(fields[18]))
