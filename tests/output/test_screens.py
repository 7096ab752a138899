# SPDX-License-Identifier: Apache-2.0
"""What every fleet command shows on a terminal, at the widths that people have."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.machines import domain_file
from vfiocompat.output.layout import width_of

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTHS = 60, 80, 100, 120, 200

FLEET = " ".join(f"examples/fleet/node-{each}.json" for each in "abc")
UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa2001"
SOURCE = f"inventory:examples/fleet/node-a.json#{UUID}"
SLICE = "inventory:examples/fleet/node-c.json#0000:41:00.0/acme-slice2"
COMMANDS = {
    "targets": f"targets {SOURCE} {FLEET}",
    "matrix": f"matrix {FLEET}",
    "matrix --hosts": f"matrix --hosts {FLEET}",
    "matrix --pairs": f"matrix --pairs {FLEET}",
    "matrix --max-age": f"matrix --max-age 1 {FLEET}",
    "diff": "diff examples/fleet/node-a.json examples/fleet/node-c.json",
    "check": f"check {SOURCE} {SLICE}",
    "vm": f"vm domain:web.xml --from examples/fleet/node-a.json {FLEET}",
    "tables": "tables list",
    "tables show": "tables show hisi-acc",
    "explain": "explain VFC549",
    "explain --list": "explain --list",
    "parse": "parse 19e5-hisi:device=a251:rev=30:qp=16:iso=0:magic=v2:major=1",
    "device": "device inventory:examples/fleet/node-c.json#0000:75:00.1",
}

# In one process, since each start costs more than what is shown.
SCRIPT = """
import os, shlex, sys
from vfiocompat.cli import run
for width in sys.argv[2:]:
    os.environ["COLUMNS"] = width
    print("=====", width, flush=True)
    run(shlex.split(sys.argv[1]))
    sys.stdout.flush()
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _processes: None) -> None:
    """Have the examples, and a VM of node-a's, in the working directory."""
    (tmp_path / "examples").symlink_to(Path("examples").absolute())
    domain_file(tmp_path, UUID)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", "examples/fleet/config")


def screens(line: str, environment: Mapping[str, str] | None = None) -> dict[int, str]:
    """Give what a command shows at each width."""
    mine, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, line, *map(str, WIDTHS)],
        env=os.environ | dict(environment or {}),
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ):
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(mine, 65536):
                shown += part
        except OSError:  # nobody has the terminal any more
            pass
    os.close(mine)
    parts = shown.decode().replace("\r\n", "\n").split("===== ")[1:]
    texts = dict(part.split("\n", 1) for part in parts)
    assert [*map(int, texts)] == [*WIDTHS]
    return {int(width): text for width, text in texts.items()}


def colorless(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_wider_than_the_terminal_or_split(name: str) -> None:
    found = {width: colorless(text) for width, text in screens(COMMANDS[name]).items()}
    for width, text in found.items():
        assert text.strip()
        for line in text.splitlines():
            is_token = len(line.split()) <= 2  # behind a sign; it is never split
            is_token |= line.startswith("    vfiocompat ")  # nor what is to be pasted
            assert width_of(line) <= width or is_token, f"{name} at {width}: {line!r}"
    whole = {word for word in found[200].split() if re.search(r"[0-9]", word)}
    for width in (60, 80, 100, 120):
        if name != "check":  # long strings are trimmed around what is underlined
            assert whole <= {*found[width].split()}, f"{name} at {width}"


@pytest.mark.parametrize("name", ["targets", "matrix", "diff", "vm"])
def test_the_first_line_answers(name: str) -> None:
    first = colorless(screens(COMMANDS[name])[200]).splitlines()[0]
    assert re.search(r"hosts? can take it|classes on 3 hosts|paths? lost", first)


@pytest.mark.parametrize(
    ("environment", "has_colors"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_are_never_alone(
    environment: dict[str, str], *, has_colors: bool
) -> None:
    """Each stands on words or a sign that say the same, so nothing is lost without."""
    terminal = {"TERM": "xterm-256color", "NO_COLOR": ""}
    line = COMMANDS["matrix"]
    plain = screens(line, {"NO_COLOR": "1"})[80]
    shown = screens(line, terminal | environment)[80]
    assert ("\x1b[" in shown) is has_colors
    assert colorless(shown) == plain
    assert "\x1b[" not in plain


def test_all_that_a_pipe_is_told_of_hosts_is_on_the_screen() -> None:
    rows = subprocess.run(
        [sys.executable, "-m", "vfiocompat", *shlex.split(COMMANDS["targets"])],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    shown = {*colorless(screens(COMMANDS["targets"])[80]).split()}
    assert rows
    for row in rows.splitlines():
        assert {*row.split("\t")[1:3]} <= shown
