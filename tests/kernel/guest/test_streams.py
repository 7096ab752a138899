# SPDX-License-Identifier: Apache-2.0
"""What the kernel and the test driver answer to one who asks for heads of streams."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.kernel.guest.conftest import REPOSITORY
from tests.kernel.guest.uapi import (
    BUSY,
    PRE_COPY,
    STOP_COPY,
    Device,
    State,
    failure,
    initial_bytes,
)

if TYPE_CHECKING:
    from tests.kernel.guest.conftest import CommandLine
    from tests.kernel.guest.streams import StreamDriver

HEADS = {
    "mtty_1": (State.PRE_COPY, 24, 60),
    "mtty_2": (State.PRE_COPY, 24, 96),
    "hisi_zip8": (State.PRE_COPY, 40, 120),
    "qat_1": (State.PRE_COPY, 90, 122),
    "xe_1": (State.STOP_COPY, 40, 72),
}
"""By type: where its head is read, and the sizes of the head and of all."""


def read(name: str, size: int, state: State = State.PRE_COPY) -> bytes:
    with Device(name) as device:
        data = device.to(state)
        head = os.read(data, size)
        device.reset()
    return head


def offer(name: str, *parts: bytes, load: bool = False) -> list[str | None]:
    """Offer a stream; tell what each write gave, and STOP if it was asked for."""
    with Device(name) as device:
        data = device.to(State.RESUMING)
        gave = [failure(os.write, data, part) for part in parts]
        if load:
            gave.append(failure(device.to, State.STOP))
        device.reset()
        assert device.state() == State.RUNNING
    return gave


def spoiled(head: bytes, at: int = 0) -> bytes:
    return head[:at] + bytes([head[at] ^ 0xFF]) + head[at + 1 :]


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_is_read(streams: StreamDriver, kind: str) -> None:
    streams.load()
    name = streams.create(kind)
    state, head, total = HEADS[kind]

    with Device(name) as device:
        assert device.flags == STOP_COPY | (PRE_COPY * (state == State.PRE_COPY))
        assert device.size == total
        assert device.state() == State.RUNNING
        data = device.to(state)
        if state == State.PRE_COPY:
            assert initial_bytes(data) == head
        first = os.read(data, head)
        assert len(first) == head
        if state == State.PRE_COPY:
            assert failure(os.read, data, 1) == "ENOMSG"
            assert device.to(State.STOP_COPY) == -1
        rest = os.read(data, 4096)
        assert len(first + rest) == total
        assert os.read(data, 4096) == b""
        device.reset()
        assert device.state() == State.RUNNING
        assert failure(os.read, data, 1) == "ENODEV"
    counted = streams.counters(name)
    assert (counted["opens"], counted["resets"], counted["loads"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("source", "destination", "refusal"),
    [
        ("mtty_1", "mtty_1", None),
        ("mtty_1", "mtty_2", "EFAULT"),
        ("mtty_2", "mtty_1", "EFAULT"),
        ("hisi_zip8", "hisi_zip8", None),
        ("hisi_zip8", "hisi_zip16", "EFAULT"),
        ("hisi_zip8", "hisi_sec8", "EFAULT"),
        ("qat_1", "qat_1", None),
        ("qat_1", "qat_more", None),
        ("qat_more", "qat_1", "EINVAL"),
        ("qat_1", "qat_services", "EINVAL"),
        ("qat_fast", "qat_1", None),
        ("xe_1", "xe_1", None),
        ("xe_1", "xe_device", "ENODEV"),
        ("xe_1", "xe_revision", "ENODEV"),
        ("xe_1", "xe_ggtt", None),
    ],
)
def test_a_head_is_taken_or_refused(
    streams: StreamDriver, source: str, destination: str, refusal: str | None
) -> None:
    streams.load()
    one, two = streams.create(source), streams.create(destination, parent=1)
    family = source.partition("_")[0]
    state, size, _ = next(
        facts for kind, facts in HEADS.items() if kind.startswith(family)
    )
    head = read(one, size, state)

    assert offer(two, head) == [refusal]
    assert streams.offered(two) == head
    assert offer(two, spoiled(head, 36 if family == "xe" else 0)) != [None]
    assert streams.counters(two) == {
        "opens": 2,
        "reads": 0,
        "writes": 2,
        "resets": 2,
        "loads": 0,
        "overreads": 0,
        "crashes": 0,
    }


def test_types_that_check_late_or_not_at_all(streams: StreamDriver) -> None:
    streams.load()
    late, blind = streams.create("mtty_late"), streams.create("mtty_blind")
    bad = spoiled(read(late, 24))

    assert offer(late, bad, load=True) == [None, "EFAULT"]
    assert offer(blind, bad, load=True) == [None, None]
    assert streams.counters(late)["loads"] == 1


def test_what_is_in_no_head_is_checked_at_the_end(streams: StreamDriver) -> None:
    streams.load()
    slow, fast = streams.create("qat_1"), streams.create("qat_fast")
    whole = read(fast, 4096, State.STOP_COPY)

    assert offer(slow, whole, load=True) == [None, "EINVAL"]
    assert offer(fast, whole, load=True) == [None, None]


def test_a_part_of_a_head_is_not_checked(streams: StreamDriver) -> None:
    streams.load()
    name = streams.create("hisi_zip8")
    bad = spoiled(read(name, 40))

    assert offer(name, bad[:39]) == [None]
    assert offer(name, bad[:39], bad[39:]) == [None, "EFAULT"]


def test_a_type_that_remembers_a_match(streams: StreamDriver) -> None:
    streams.load()
    name = streams.create("hisi_remembers")
    head = read(name, 40)

    assert offer(name, spoiled(head)) == ["EFAULT"]
    assert offer(name, head) == [None]
    assert offer(name, spoiled(head)) == [None]
    assert offer(streams.create("hisi_remembers"), spoiled(head)) == ["EFAULT"]


def test_xe_is_left_by_a_reset_only_and_keeps_parts(streams: StreamDriver) -> None:
    streams.load()
    name = streams.create("xe_1")
    with Device(name) as device:
        device.to(State.STOP_COPY)
        assert failure(device.to, State.STOP) == "EIO"
        assert device.state() == State.ERROR
        assert failure(device.to, State.RUNNING) == "EINVAL"
        device.reset()
        assert device.state() == State.RUNNING
    head = read(name, 40, State.STOP_COPY)

    assert offer(name, head[:24]) == [None]
    assert offer(name, head) == ["ENODEV"]
    name = streams.create("xe_1")
    assert offer(name, spoiled(head)) == ["EINVAL"]
    assert streams.counters(name)["crashes"] == 1
    read(name, 41, State.STOP_COPY)
    assert streams.counters(name)["overreads"] == 1


def test_a_type_that_keeps_its_state_over_close(streams: StreamDriver) -> None:
    streams.load()
    sticky, other = streams.create("mtty_sticky"), streams.create("mtty_1")
    for name, found in ((sticky, State.RESUMING), (other, State.RUNNING)):
        with Device(name) as device:
            assert device.says_it_resets == (name == other)
            device.to(State.RESUMING)
        with Device(name) as device:
            assert device.state() == found
            device.reset()
            assert device.state() == State.RUNNING
            device.to(State.STOP)
    assert streams.counters(sticky)["crashes"] == 0

    with Device(sticky) as device:
        device.to(State.RESUMING)
    with Device(sticky) as device:
        assert failure(device.to, State.STOP) == "EINVAL"
    assert streams.counters(sticky)["crashes"] == 1


def test_types_that_a_reset_does_not_bring_back(streams: StreamDriver) -> None:
    streams.load()
    for kind, says in (("mtty_stuck", True), ("mtty_stuck_noflag", False)):
        with Device(streams.create(kind)) as device:
            assert device.says_it_resets == says
            device.reset()
            assert device.state() == State.STOP


def test_a_type_without_its_family_s_pre_copy(streams: StreamDriver) -> None:
    streams.load()
    with Device(streams.create("mtty_noprecopy")) as device:
        assert device.flags == STOP_COPY
        assert failure(device.to, State.PRE_COPY) == "EINVAL"
        assert len(os.read(device.to(State.STOP_COPY), 24)) == 24


def test_errnos_are_ordered_for_each_step(streams: StreamDriver) -> None:
    streams.load()
    name = streams.create("mtty_1")
    head = read(name, 24)

    streams.order(name, f"open {errno.EIO}")
    assert failure(Device, name) == "EIO"
    streams.order(name, "none")
    with Device(name) as device:
        for state in (State.PRE_COPY, State.STOP_COPY, State.RESUMING, State.STOP):
            streams.order(name, f"{state.name.lower()} {errno.ENOSPC}")
            assert failure(device.to, state) == "ENOSPC"
        streams.order(name, "none")
        streams.order(name, f"state {errno.EIO}")
        assert failure(device.state) == "EIO"
        streams.order(name, f"reset {errno.ENOTTY}")
        assert failure(device.reset) == "ENOTTY"
        streams.order(name, f"info {errno.ENOTTY}")
        streams.order(name, f"read {errno.EIO}")
        data = device.to(State.PRE_COPY)
        assert failure(initial_bytes, data) == "ENOTTY"
        assert failure(os.read, data, 24) == "EIO"
        streams.order(name, "read short")
        assert len(os.read(data, 24)) == 12
    streams.order(name, "none")
    streams.order(name, f"taken {errno.EIO}")
    assert offer(name, spoiled(head)) == ["EFAULT"]
    assert offer(name, head) == ["EIO"]
    streams.order(name, f"write {errno.ENOSPC}")
    assert offer(name, spoiled(head)) == ["ENOSPC"]
    streams.order(name, "none")
    streams.order(name, "taken short")
    with Device(name) as device:
        assert os.write(device.to(State.RESUMING), head) == 12


ASKS = """
import os, sys
from tests.kernel.guest.uapi import Device, State
device = Device(sys.argv[1])
data = device.to(State.RESUMING)
print(flush=True)
os.write(data, bytes(24))
"""


@pytest.mark.parametrize("how", ["killable", "hang"])
def test_a_write_that_hangs(streams: StreamDriver, how: str) -> None:
    """While it does, nobody else can open the device; it is let go by another order."""
    streams.load()
    name = streams.create("mtty_1")
    streams.order(name, f"write {how}")
    with subprocess.Popen(
        [sys.executable, "-c", ASKS, name], stdout=subprocess.PIPE, cwd=REPOSITORY
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"\n"
        assert failure(Device, name) == BUSY
        time.sleep(0.2)
        child.send_signal(signal.SIGKILL)
        if how == "hang":
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(0.5)
            assert failure(Device, name) == BUSY
            streams.order(name, "none")
        assert child.wait(5) == -signal.SIGKILL
    with Device(name) as device:
        assert device.state() == State.RUNNING


def test_shipped_tables_speak_for_drivers_that_are_renamed(
    streams: StreamDriver, cli: CommandLine
) -> None:
    streams.load(drivers="mtty,hisi_acc_vfio_pci,qat_vfio_pci,xe-vfio-pci")
    for kind, table in (("hisi_zip8", "hisi-acc"), ("qat_1", "intel-qat-gen4")):
        one, two = (streams.create(kind, parent) for parent in (0, 1))
        [result] = cli("check", one, two, "--format", "json").json["results"]
        assert result["table"] == table
