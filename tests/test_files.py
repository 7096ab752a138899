# SPDX-License-Identifier: Apache-2.0
"""Files are replaced as a whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.fleets import endpoint, inventory, write
from vfiocompat import cli
from vfiocompat.errors import InventoryError, OutputError
from vfiocompat.files import inventory_files, read_inventory, replace

if TYPE_CHECKING:
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

    def rename(*_: str) -> None:
        calls.append("rename")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    replace(str(tmp_path / "f"), b"x")

    assert [os.path.basename(each) for each in calls] == [
        f".f.{os.getpid()}.new",
        "rename",
        tmp_path.name,
    ]


def test_on_a_full_disk_the_old_file_stays(small_disk: Path) -> None:
    file = small_disk / "f"
    replace(str(file), b"old" * 1000)
    with pytest.raises(OutputError, match="No space left"):
        replace(str(file), b"new" * 100_000)

    assert file.read_bytes() == b"old" * 1000
    assert os.listdir(small_disk) == ["f"]


@pytest.mark.parametrize("quarter", range(4))
def test_killed_at_any_instant_a_scan_leaves_a_whole_file(
    plain_sysroot: Path, tmp_path: Path, quarter: int
) -> None:
    """Three hundred are killed, or had a chance to be: a quarter of them here."""
    file = tmp_path / "fleet" / "node.json"
    file.parent.mkdir()
    line = ["--sysroot", str(plain_sysroot), "scan", "--host", "node", "-o", str(file)]
    assert cli.run(line) == 0  # and what children need is loaded now

    def start() -> int:
        child = os.fork()
        if child == 0:
            os._exit(cli.run(line))
        return child

    began = time.monotonic()
    os.waitpid(start(), 0)
    longest = 1.5 * (time.monotonic() - began)
    chance = random.Random(quarter)  # noqa: S311 - no secret
    killed = 0
    for _ in range(75):
        child = start()
        time.sleep(chance.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        assert len(read_inventory(str(file)).endpoints) == 40

    assert killed > 12
    assert cli.run(line) == 0
    assert sorted(os.listdir(file.parent)) == [".node.json.state", "node.json"]


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


def test_an_inventory_is_read_back(tmp_path: Path) -> None:
    known = inventory("a", endpoint("p/t", "1ac1-a"))
    write(tmp_path, [known])

    assert read_inventory(str(tmp_path / "a.json")) == known
    assert json.loads((tmp_path / "a.json").read_bytes())["host"] == "a"
