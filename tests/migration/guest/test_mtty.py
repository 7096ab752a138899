# SPDX-License-Identifier: Apache-2.0
"""Devices of the kernel's sample driver: their heads, and real migrations of them."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest

from tests.kernel.guest.uapi import (
    BUSY,
    WAY,
    Device,
    State,
    failure,
    initial_bytes,
)
from tests.migration.guest.migrations import holding, migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kernel.guest.conftest import CommandLine
    from tests.migration.guest.conftest import Mtty

HEAD = 24
PORTS = {"mtty-1": 1, "mtty-2": 2}
SIZES = {"mtty-1": 60, "mtty-2": 96}
"""Of each type's state."""

PAIRS = [(source, destination) for source in SIZES for destination in SIZES]

MAGIC = 0x7E9D09898C3E2C4E
FACTS = (f"magic={MAGIC:x}", "major=1", "minor=0", "flags=0")


def offer(name: str, data: bytes) -> str | None:
    with Device(name) as device:
        gave = failure(os.write, device.to(State.RESUMING), data)
        device.reset()
        assert device.state() == State.RUNNING
    return gave


@pytest.mark.parametrize("kind", SIZES)
def test_the_head_of_its_stream(mtty: Mtty, kind: str) -> None:
    name = mtty.create(kind)
    with Device(name) as device:
        assert device.size == SIZES[kind]
        data = device.to(State.PRE_COPY)
        assert initial_bytes(data) == HEAD
        head = os.read(data, HEAD)
        assert os.read(data, 1) == b""
        assert device.to(State.RUNNING) == -1
    assert head == struct.pack("<QIIII", MAGIC, 1, 0, PORTS[kind], 0)
    other = head[:16] + struct.pack("<I", 3 - PORTS[kind]) + head[20:]

    assert offer(name, head) is None
    assert offer(name, other) == "EFAULT"
    assert offer(name, bytes([head[0] ^ 0xFF]) + head[1:]) == "EFAULT"
    assert offer(name, head[:-1]) is None


def test_it_keeps_its_state_over_close_and_says_nothing_of_its_reset(
    mtty: Mtty,
) -> None:
    name = mtty.create("mtty-1")
    with Device(name) as device:
        assert not device.says_it_resets
        device.to(State.RESUMING)
    with Device(name) as device:
        assert device.state() == State.RESUMING
        device.reset()
        assert device.state() == State.RUNNING


@pytest.mark.parametrize(("source", "destination"), PAIRS)
def test_a_real_migration_ends_as_checks_said(
    mtty: Mtty, cli: CommandLine, tmp_path: Path, source: str, destination: str
) -> None:
    one, two = mtty.create(source), mtty.create(destination)
    stated = [word for fact in FACTS for word in ("--fact", fact)]
    stated += [word for fact in FACTS for word in ("--destination-fact", fact)]
    said = cli("check", one, two, *stated)
    asked = cli("check", "--stream", "--format", "json", one, two)

    ended = migrate(tmp_path, one, two)
    assert ended.completed is (source == destination), ended
    assert said.code == asked.code == (0 if ended.completed else 1), (said, asked)
    [result] = asked.json["results"]
    assert (result["basis"], result["channel"]) == ("driver", "stream")
    if ended.completed:
        assert ended.moved == SIZES[source]
    else:
        assert "load of migration failed: Bad address" in ended.said


def test_what_it_writes_is_reported_only_by_a_kernel_with_iommufd(
    mtty: Mtty, tmp_path: Path
) -> None:
    ended = migrate(tmp_path, *(mtty.create("mtty-1") for _ in range(2)), tracked=True)
    assert ended.completed is (WAY == "cdev"), ended
    if not ended.completed:
        assert "Operation not supported" in ended.said


def test_it_is_opened_and_asked(mtty: Mtty, cli: CommandLine, tmp_path: Path) -> None:
    name = mtty.create("mtty-1")
    opened = cli("device", "--open", name, "--format", "json")
    assert opened.code == 0, opened.stderr
    assert opened.json["interface"] == "v2"
    flags = ["STOP_COPY", "P2P", "PRE_COPY", "DIRTY_TRACKING"]
    assert opened.json["flags"] == flags

    with holding(tmp_path, name) as qemu:
        used = cli("device", "--open", name)
        assert failure(Device, name) == BUSY
    assert used.code == 4
    assert f"process {qemu.pid} has {name} open" in used.stderr
