# SPDX-License-Identifier: Apache-2.0
"""Asks that are killed at any instant: a fresh QEMU can use their devices."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.kernel.guest.uapi import WAY, Device, State
from tests.migration.guest.migrations import migrate
from vfiocompat.cli import main
from vfiocompat.host.vfio import open_nodes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kernel.guest.conftest import CommandLine
    from tests.migration.guest.conftest import Mtty

ASKS = 67 if WAY == "group" else 7
"""How many are killed by each signal: 201 in all by groups, and some by iommufd."""

ENDS = 10
"""Seconds within which a session ends by itself."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_devices_of_killed_asks_can_be_used(
    mtty: Mtty, cli: CommandLine, tmp_path: Path, number: signal.Signals
) -> None:
    """After SIGKILL, which nothing can hold off, the next ask resets them first."""
    one, two = mtty.create("mtty-1"), mtty.create("mtty-1")
    asking = ("check", "--stream", one, two)
    longest = cli(*asking).seconds
    chance = random.Random(int(number))  # noqa: S311 - no secret
    in_sessions = 0
    for turn in range(ASKS):
        after = chance.uniform(0, longest) if turn % 2 else None
        in_sessions += _killed(asking, number, after)
        if number != signal.SIGKILL:
            assert [_state(name) for name in (one, two)] == [State.RUNNING] * 2
    assert in_sessions
    for name in (one, two):
        _state(name)
    assert cli(*asking).code == 0
    assert [_state(name) for name in (one, two)] == [State.RUNNING] * 2

    ended = migrate(tmp_path, one, two)
    assert ended.completed, ended


def _killed(
    arguments: tuple[str, ...], number: signal.Signals, after: float | None
) -> bool:
    """Ask, and kill all that is at it; tell whether a device was open then.

    That is done `after` so many seconds, or as soon as a device is open.
    """
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        try:
            main(arguments)
        finally:
            os._exit(0)
    start = time.monotonic()
    holders: set[int] = set()
    if after is not None:
        time.sleep(after)
        holders.update(open_nodes("/proc").nodes.values())
    while after is None and not holders and time.monotonic() - start < ENDS:
        holders.update(open_nodes("/proc").nodes.values())
    for pid in {child, *holders}:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, number)
    os.waitpid(child, 0)
    return bool(holders)


def _state(name: str) -> State:
    """Look at a device as soon as it can be opened: a session may still be on."""
    start = time.monotonic()
    while True:
        try:
            with Device(name) as device:
                return device.state()
        except OSError as error:
            if error.errno not in {errno.EBUSY, errno.EINVAL}:
                raise
            assert time.monotonic() - start < ENDS
        time.sleep(0.01)
