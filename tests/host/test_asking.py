# SPDX-License-Identifier: Apache-2.0
"""Devices of several groups asked in children, one of which may hang."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from vfiocompat import codes
from vfiocompat.addresses import MdevAddress
from vfiocompat.decision.streams import Asked
from vfiocompat.host.held import lives
from vfiocompat.host.stream import Errand
from vfiocompat.host.sysfs.asking import ask_located
from vfiocompat.host.sysfs.located import Located
from vfiocompat.tables.language.records import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEAD = b"a head"
STREAM = Stream(via="PRE_COPY", size=6, control=0, covers=(), fields={})
ERRAND = Errand(MdevAddress("x"), "mtty", STREAM)


def hangs_at_the_second(
    errands: Sequence[tuple[str, Errand]],
) -> Iterator[tuple[int, Asked]]:
    for place, (path, _) in enumerate(errands):
        if path == "/sys/2":
            time.sleep(60)
        yield place, Asked(HEAD, done=True)


def place(number: int, group: str) -> Located:
    return Located(f"/sys/{number}", group)


@pytest.mark.usefixtures("_processes")
def test_what_hangs_is_told_with_its_process_and_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vfiocompat.host.sysfs.asking.run", hangs_at_the_second)
    places = [place(1, "7"), place(2, "8"), place(3, "8"), place(4, "9")]
    errands = [ERRAND] * len(places)

    found, [left] = ask_located(errands, places, 0.5, 0)
    held = [codes.NO_ANSWER_IN_TIME] * 2
    assert [each.asked.error and each.asked.error.code for each in found] == [
        None,
        *held,
        None,
    ]
    assert [each.head and bytes.fromhex(each.head.data) for each in found] == [
        HEAD,
        None,
        None,
        HEAD,
    ]
    assert left.paths == ("/dev/vfio/8",)
    assert lives(left)

    found, others = ask_located(errands, places, 30, 0, left.paths)
    assert [each.asked.error and each.asked.error.code for each in found] == [
        None,
        *[codes.CALL_STILL_HELD] * 2,
        None,
    ]
    assert others == []
    os.kill(left.pid, signal.SIGKILL)
