# SPDX-License-Identifier: Apache-2.0
"""Batches of calls, on pipes that hold their reader as a hung driver does."""

from __future__ import annotations

import errno
import os
import resource
import threading
import time
from typing import TYPE_CHECKING

import pytest

from vfiocompat.children import aside_all
from vfiocompat.host import batch
from vfiocompat.host.batch import Batch, Failure, Operation, Probe, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """Make a folder of 300 pipes, each of which holds open(2) until the test ends."""
    paths = [tmp_path / f"held{number}" for number in range(300)]
    for path in paths:
        os.mkfifo(path)
    yield tmp_path
    before = time.monotonic()
    while threading.active_count() > 1 and time.monotonic() - before < 10:
        for path in paths:
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        time.sleep(0.01)


def read(folder: Path, *names: str) -> Operation:
    return Operation("read", str(folder), names)


def test_replies_are_in_the_order_of_operations(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).write_text(f"{number}\n")
    batch = Batch([read(tmp_path, str(number)) for number in range(50)], 1)

    assert [b"%d\n" % number for number in range(50)] == [
        reply.data for reply in batch.run()
    ]


def test_an_empty_batch_has_no_replies() -> None:
    assert Batch([], 1).run() == []


@pytest.mark.slow
def test_held_calls_wait_beside_each_other(held: Path) -> None:
    (held / "free").write_text("free\n")
    operations = [read(held, f"held{number}") for number in range(300)]
    began = time.monotonic()
    replies = Batch([*operations, read(held, "free")], 0.5).run()

    assert [reply.failure.stage for reply in replies if reply.failure] == [
        "timeout"
    ] * 300
    assert replies[-1].data == b"free\n"
    assert time.monotonic() - began < 3  # and not 300 times half a second


def test_a_slow_first_call_leaves_the_rest_alone(held: Path) -> None:
    """Threads that find nothing left to do must not be started for ever."""
    timer = threading.Timer(
        0.2, lambda: os.close(os.open(held / "held0", os.O_RDWR | os.O_NONBLOCK))
    )
    timer.start()
    replies = Batch([read(held, "held0")], 5).run()
    timer.join()

    assert replies[0].failure is None


def test_names_are_tried_until_one_exists(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("x\n")
    [reply] = Batch([read(tmp_path, "migration_version", "version")], 1).run()

    assert (reply.name, reply.data) == ("version", b"x\n")


@pytest.mark.parametrize("gone", [False, True])
def test_an_absent_file_is_told_from_an_absent_folder(
    tmp_path: Path, *, gone: bool
) -> None:
    folder = tmp_path / "gone" if gone else tmp_path
    [reply] = Batch([read(folder, "version")], 1).run()

    assert reply.failure is not None
    assert ("open", errno.ENOENT, gone) == (
        reply.failure.stage,
        reply.failure.errno,
        reply.failure.gone,
    )


def test_a_link_is_not_read_through(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "version").symlink_to("secret")
    [reply] = Batch([read(tmp_path, "version")], 1).run()

    assert reply.failure is not None
    assert (reply.data, reply.failure.code) == (b"", "VFC142")


def probe(directory: Path, name: str, *filesystems: str) -> str:
    tree = str(directory.parent)
    what = Probe(b"written", tree, filesystems)
    [reply] = Batch([Operation("probe", str(directory), (name,), what)], 1).run()
    return str(reply.failure.code if reply.failure else reply.count)


def test_a_probe_writes_where_it_is_allowed_to(tmp_path: Path) -> None:
    where = tmp_path / "endpoint"
    where.mkdir()
    (where / "version").write_text("")
    every = ("ext4", "overlay", "tmpfs", "btrfs", "xfs", "zfs", "9p", "virtiofs")

    assert probe(where, "version", *every) == "7"
    assert (where / "version").read_bytes() == b"written"


def test_a_driver_that_is_busy_to_the_end_of_the_time_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "endpoint").mkdir()
    (tmp_path / "endpoint/version").touch()
    busy = Reply(Failure("write", errno.EBUSY, "version"))
    answers = iter([busy, busy, busy])
    monkeypatch.setattr(batch, "_write_once", lambda *_: next(answers))
    monkeypatch.setattr(batch, "BUSY_PAUSES", (0, 0, 60))
    what = Probe(b"x", str(tmp_path), ())
    where = str(tmp_path / "endpoint")

    assert Batch([Operation("probe", where, ("version",), what)], 5).run() == [busy]
    assert list(answers) == []


@pytest.mark.parametrize(
    ("name", "code"),
    [("plain", "VFC143"), ("link", "VFC142"), ("folder", "VFC141"), ("pipe", "VFC141")],
)
def test_a_probe_refuses_what_is_no_attribute(
    tmp_path: Path, name: str, code: str
) -> None:
    where = tmp_path / "endpoint"
    where.mkdir()
    (where / "plain").write_text("kept")
    (where / "link").symlink_to("plain")
    (where / "folder").mkdir()
    os.mkfifo(where / "pipe")

    assert code == probe(where, name, "sysfs")
    assert (where / "plain").read_text() == "kept"


def test_a_probe_stays_in_the_device_tree(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "version").write_text("kept")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "endpoint").symlink_to("../outside")
    what = Probe(b"x", str(tmp_path / "tree"), ("ext4", "overlay", "tmpfs"))
    where = str(tmp_path / "tree" / "endpoint")
    [reply] = Batch([Operation("probe", where, ("version",), what)], 1).run()

    assert reply.failure is not None
    assert reply.failure.code == "VFC142"
    assert (tmp_path / "outside" / "version").read_text() == "kept"


@pytest.mark.slow
def test_a_batch_ends_though_no_thread_can_be_started(
    held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under a limit of processes: what cannot be tried counts as not answered."""
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def limited(thread: threading.Thread) -> None:
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    began = time.monotonic()
    replies = Batch([read(held, f"held{each}") for each in range(9)], 0.3).run()

    assert {"timeout"} == {reply.failure.stage for reply in replies if reply.failure}
    assert 0.3 <= time.monotonic() - began < 2


@pytest.mark.usefixtures("_processes")
def test_no_more_calls_are_held_than_files_may_be_open(tmp_path: Path) -> None:
    """Each held call has a file open; the others must not fail for want of one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def task() -> int:
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 40))
        return Batch([read(tmp_path, "x")], 1)._most_threads  # noqa: SLF001

    [most] = aside_all([task], int, "counting")

    assert 1 <= most < 40 <= hard


def test_a_name_that_is_not_utf8_is_set_apart(tmp_path: Path) -> None:
    (tmp_path / "good").touch()
    (tmp_path / os.fsdecode(b"b\xff")).touch()
    [reply] = Batch([Operation("list", str(tmp_path))], 1).run()

    assert (reply.names, reply.strange) == (("good",), ("b\\xff",))


def test_what_timed_out_is_named(held: Path) -> None:
    [reply] = Batch([read(held, "nothing", "held0")], 0.1).run()

    assert reply.failure is not None
    assert (reply.failure.stage, reply.failure.name) == ("timeout", "held0")
