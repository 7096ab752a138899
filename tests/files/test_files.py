# SPDX-License-Identifier: Apache-2.0
"""Files are replaced as a whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import resource
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.fleets import endpoint, inventory, write
from vfiocompat import cli
from vfiocompat.errors import InventoryError, OutputError
from vfiocompat.files.inventories import inventory_files, read_inventory
from vfiocompat.files.reading import read_bytes
from vfiocompat.files.replacing import replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "f"
    replace(str(file), b"one")
    file.chmod(0o600)
    replace(str(file), b"two")

    assert file.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["f"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "f").symlink_to("real/f")
    replace(str(tmp_path / "f"), b"x")

    assert (tmp_path / "f").is_symlink()
    assert (tmp_path / "real/f").read_bytes() == b"x"


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), str(tmp_path), "/dev/null"):
        with pytest.raises(OutputError, match="cannot write"):
            replace(path, b"x")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        replace(str(tmp_path / "no/f"), b"x")


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    others = [f".f.{os.getppid()}.new", ".g.999999999.new", ".f.x.new"]
    for name in [".f.999999999.new", *others]:
        (tmp_path / name).write_text("x")
    replace(str(tmp_path / "f"), b"x")

    assert sorted(os.listdir(tmp_path)) == sorted(["f", *others])


def test_everything_reaches_the_disk_before_and_after_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fsync(number: int) -> None:
        calls.append(os.readlink(f"/proc/self/fd/{number}"))

    def rename(*_: str, **__: int) -> None:
        calls.append("rename")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    replace(str(tmp_path / "f"), b"x")

    assert [os.path.basename(each) for each in calls] == [
        f".f.{os.getpid()}.new",
        "rename",
        tmp_path.name,
    ]


def test_a_folder_that_does_not_reach_the_disk_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f"
    replace(str(file), b"old")

    def fsync(number: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{number}"):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OutputError, match="was replaced, but") as caught:
        replace(str(file), b"new")

    assert file.read_bytes() == b"new"
    assert "may be the old one" in str(caught.value.hint)


def test_on_a_full_disk_the_old_file_stays(small_disk: Path) -> None:
    file = small_disk / "f"
    replace(str(file), b"old" * 1000)
    with pytest.raises(OutputError, match="No space left"):
        replace(str(file), b"new" * 100_000)

    assert file.read_bytes() == b"old" * 1000
    assert os.listdir(small_disk) == ["f"]


@pytest.fixture
def scanned(plain_sysroot: Path, tmp_path: Path) -> Scanned:
    """Write an inventory; what children need to write it again is loaded then."""
    file = tmp_path / "fleet" / "node.json"
    file.parent.mkdir()
    line = ["--sysroot", str(plain_sysroot), "scan", "--host", "node", "-o", str(file)]
    assert cli.run(line) == 0
    return Scanned(file, line)


class Scanned(NamedTuple):
    """An inventory, and the command that writes it."""

    file: Path
    line: list[str]

    def start(self, before: Callable[[], None] = lambda: None) -> int:
        """Write it again in a process of its own, which does something before."""
        child = os.fork()
        if child == 0:
            before()
            os._exit(cli.run(self.line))
        return child

    def is_whole(self) -> bool:
        """Whether the file is an inventory, old or new."""
        return len(read_inventory(str(self.file)).endpoints) == 40

    def leaves_nothing(self) -> bool:
        """Whether the next scan removes all that killed ones have left."""
        names = [".node.json.state", "node.json"]
        return cli.run(self.line) == 0 and sorted(os.listdir(self.file.parent)) == names


def killed_at(call: int) -> None:
    """Let this process, and none of its children, be killed at a call of its own."""
    owner, left = os.getpid(), iter(range(call))

    def killed(
        known: Callable[..., object], *args: object, **options: object
    ) -> object:
        if os.getpid() == owner and next(left, None) is None:
            os.kill(owner, signal.SIGKILL)
        return known(*args, **options)

    for name in ("open", "fsync", "rename", "unlink", "close", "listdir"):
        setattr(os, name, partial(killed, getattr(os, name)))


def test_killed_at_any_of_its_calls_a_scan_leaves_a_whole_file(
    scanned: Scanned,
) -> None:
    """What a disk holds changes with calls only: after each one, a kill."""
    for call in range(200):
        _, status = os.waitpid(scanned.start(partial(killed_at, call)), 0)
        assert scanned.is_whole(), call
        if not os.WIFSIGNALED(status):
            break

    assert 20 < call < 199
    assert scanned.leaves_nothing()


def test_killed_at_any_instant_a_scan_leaves_a_whole_file(scanned: Scanned) -> None:
    """Children may be at work too, and what they do is no call of the scan's."""
    began = time.monotonic()
    os.waitpid(scanned.start(), 0)
    longest = 1.5 * (time.monotonic() - began)
    chance = random.Random(0)  # noqa: S311 - no secret
    killed = 0
    for _ in range(75):
        child = scanned.start()
        time.sleep(chance.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        assert scanned.is_whole()

    assert killed > 12
    assert scanned.leaves_nothing()


# ---- fleets ----------------------------------------------------------------------


def test_a_fleet_is_files_and_folders_of_them(tmp_path: Path) -> None:
    folder = write(tmp_path / "f", [inventory("b"), inventory("a")])
    for name in (".hidden.json", "notes.txt", ".a.json.state"):
        (folder / name).write_text("x")
    one = str(folder / "b.json")

    assert inventory_files([str(folder), one]) == [str(folder / "a.json"), one]


def test_an_empty_or_missing_fleet_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="no inventory in"):
        inventory_files([str(tmp_path)])
    with pytest.raises(InventoryError, match="No such file"):
        inventory_files([str(tmp_path / "no")])
    with pytest.raises(InventoryError):
        inventory_files(["a\0b"])


def test_what_is_no_file_or_far_too_long_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(InventoryError, match="not a regular file"):
        read_inventory(str(tmp_path / "pipe"))
    with pytest.raises(InventoryError, match="longer than an inventory may be"):
        read_inventory(str(tmp_path / "huge"))


def grow_and_shrink(path: Path) -> None:
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    while True:
        os.ftruncate(file, 8 << 30)
        os.ftruncate(file, 100)


@pytest.mark.usefixtures("_processes")
def test_no_more_than_the_limit_is_read_whatever_the_size_was(tmp_path: Path) -> None:
    file = tmp_path / "f"
    child = os.fork()
    if child == 0:
        grow_and_shrink(file)
    try:
        while not file.exists():
            time.sleep(0.01)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(300):
            with contextlib.suppress(OSError):
                assert len(read_bytes(str(file), 1 << 20)) <= 1 << 20
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 64 << 10


def test_a_file_that_grew_after_it_was_looked_at_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f"
    file.write_bytes(bytes(100))
    fstat = os.fstat

    def grows(number: int) -> os.stat_result:
        found = fstat(number)
        os.truncate(file, 8 << 30)
        return found

    monkeypatch.setattr(os, "fstat", grows)
    with pytest.raises(OSError, match="longer than 1 MiB"):
        read_bytes(str(file), 1 << 20)
    file.write_bytes(bytes(100))
    with pytest.raises(InventoryError, match="longer than an inventory may be"):
        read_inventory(str(file))


def test_an_inventory_is_read_back(tmp_path: Path) -> None:
    known = inventory("a", endpoint("p/t", "1ac1-a"))
    write(tmp_path, [known])

    assert read_inventory(str(tmp_path / "a.json")) == known
    assert json.loads((tmp_path / "a.json").read_bytes())["host"] == "a"
