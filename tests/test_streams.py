# SPDX-License-Identifier: Apache-2.0
"""Streams that are closed or full never turn into a verdict: 1 is `incompatible`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("_processes")

LINES = {
    "--help": 0,
    "--version": 0,
    "parse 8086-x": 0,
    "parse 8086-x --format json": 0,
    "explain --list": 0,
    "check -q version:8086-x version:10de-x": 1,
    "check -q version:8086-x version:8086-x": 3,
    "list": 4,
    "get nosuch/x": 4,
    "get nosuch": 2,
    "nosuch": 2,
    "": 2,
}


def exit_code(line: str, redirection: str, cwd: Path) -> int:
    """Run a line in a shell, with what it can still say; never a traceback."""
    command = f'"$0" -m vfiocompat {line} {redirection}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable],
        check=False,
        capture_output=True,
        cwd=cwd,
        env=os.environ | {"VFIOCOMPAT_SYSROOT": "/nonexistent"},
        text=True,
        timeout=30,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("line", LINES)
def test_closed_streams_do_not_change_the_exit_code(
    line: str, redirection: str, tmp_path: Path
) -> None:
    assert LINES[line] == exit_code(line, redirection, tmp_path)


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2> >(exec true)"])
@pytest.mark.parametrize("line", LINES)
def test_an_unwritable_stderr_does_not_change_the_exit_code(
    line: str, redirection: str, tmp_path: Path
) -> None:
    assert LINES[line] == exit_code(line, redirection, tmp_path)


@pytest.mark.parametrize("line", [line for line in LINES if LINES[line] == 0])
def test_a_full_disk_is_trouble_of_the_tool(line: str, tmp_path: Path) -> None:
    assert exit_code(line, ">/dev/full", tmp_path) == 4


def test_a_closed_stdin_is_an_empty_one(tmp_path: Path) -> None:
    assert exit_code("parse --binary -", "<&-", tmp_path) == 2


def test_a_full_disk_is_told_when_json_was_asked_for(tmp_path: Path) -> None:
    command = '"$0" -m vfiocompat explain --list --format json >/dev/full'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable],
        check=False,
        capture_output=True,
        cwd=tmp_path,
        text=True,
    )

    assert (done.returncode, "No space left on device" in done.stderr) == (4, True)


def test_a_narrow_encoding_escapes_what_it_cannot_say(tmp_path: Path) -> None:
    folder = tmp_path / "sys/devices/p/mdev_supported_types/日本"
    folder.mkdir(parents=True)
    (folder / "version").write_text("8086-x\n")
    (tmp_path / "sys/class/mdev_bus").mkdir(parents=True)
    (tmp_path / "sys/class/mdev_bus/p").symlink_to("../../devices/p")
    done = subprocess.run(
        [sys.executable, "-m", "vfiocompat", "--sysroot", tmp_path, "get"],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
    )

    assert done.stdout == b"p/\\u65e5\\u672c\t8086-x\n"
