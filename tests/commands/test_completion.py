# SPDX-License-Identifier: Apache-2.0
"""What shells offer to complete a word: in time, and with no word but that."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.conftest import PROGRAM
from tests.fleets import endpoint, inventory, write
from tests.simulate.conftest import ROOT, cannot_test
from vfiocompat.cli import COMMANDS

from .hosts import FUNCTION, PAIR, PARENT, UUID, fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Host

pytestmark = pytest.mark.usefixtures("_processes")

HOST = f"""{PAIR}
[[parent.mdev]]
uuid = "{UUID}"
type = "acme-source"

[[function]]
address = "{FUNCTION}"
driver = "acme_vfio_pci"
version = "1ac1-f"

[[function]]
address = "0000:5e:00.2"
driver = "acme"
"""
HERE = [
    f"{PARENT}/acme-destination",
    f"{PARENT}/acme-source",
    UUID,
    FUNCTION,
]


class Said(NamedTuple):
    """What the program answered to a shell."""

    offers: list[str]
    stderr: str
    code: int
    took: float


def ask(line: str, shell: str = "bash") -> Said:
    """Ask as a shell's function does, with the cursor at the end of a line."""
    words = line.split(" ")
    asked = {
        "_VFIOCOMPAT_COMPLETE": f"{shell}_complete",
        "COMP_LINE": line,
        "COMP_WORDBREAKS": "",
        "COMP_WORDS": line,
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1),
    }
    begin = time.monotonic()
    done = subprocess.run(
        PROGRAM, env=os.environ | asked, capture_output=True, text=True, check=False
    )
    took = time.monotonic() - begin
    if shell == "zsh":
        offers = done.stdout.splitlines()[1::3]
    else:
        offers = [
            each.partition(",")[2].partition("\t")[0]
            for each in done.stdout.splitlines()
            if each
        ]
    return Said(offers, done.stderr, done.returncode, took)


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a fleet of two hosts, in the working directory and the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VFIOCOMPAT_FLEET", "fleet")
    return write(
        tmp_path / "fleet",
        [
            inventory("node-a", endpoint("p/t", None), endpoint(UUID, None)),
            inventory("other", endpoint("0000:3b:00.0/t", None)),
        ],
    )


# ---- what is offered -------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("vfiocompat che", ["check"]),
        ("vfiocompat --sysroot / ta", ["targets", "tables"]),
        ("vfiocompat tables ", ["check", "list", "show"]),
        ("vfiocompat export n", ["nfd", "nova"]),
        ("vfiocompat schema in", ["inventory"]),
        ("vfiocompat list --format ", ["text", "json"]),
        ("vfiocompat explain vfc11", [f"VFC11{at}" for at in range(6)]),
        ("vfiocompat explain EINV", ["EINVAL"]),
        ("vfiocompat tables show hi", ["hisi-acc"]),
        ("vfiocompat check --desti", ["--destination-fact"]),
    ],
)
def test_words_of_the_program(line: str, offers: list[str], shell: str) -> None:
    assert ask(line, shell)[:3] == (offers, "", 0)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("command", ["get", "check", "targets", "device", "check x"])
def test_addresses_of_this_host(shared_host: Host, command: str, shell: str) -> None:
    shared_host(HOST)
    said = ask(f"vfiocompat {command} ", shell)
    assert said[:3] == (["inventory:", "version:", *HERE], "", 0)
    assert ask(f"vfiocompat {command} 0000:5", shell).offers == [FUNCTION]
    assert ask(f"vfiocompat {command} 83", shell).offers == [UUID]


def test_addresses_of_another_root(shared_host: Host) -> None:
    root = shared_host(HOST)
    os.environ.pop("VFIOCOMPAT_SYSROOT", None)
    said = ask(f"vfiocompat get --sysroot {root} 0000:5")
    assert said.offers == [FUNCTION]


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("vfiocompat get node-a:", ["node-a:p/t", f"node-a:{UUID}"]),
        ("vfiocompat get o", ["other:0000:3b:00.0/t"]),
        ("vfiocompat get node-a:p", ["node-a:p/t"]),
        (
            "vfiocompat get inventory:fleet/node-a.json#p",
            ["inventory:fleet/node-a.json#p/t"],
        ),
        (
            "vfiocompat get inventory:fleet/o",
            ["inventory:fleet/other.json#0000:3b:00.0/t"],
        ),
        (
            "vfiocompat get inventory:f",
            [
                "inventory:fleet/",
                "inventory:fleet/node-a.json#",
                "inventory:fleet/other.json#",
            ],
        ),
        ("vfiocompat matrix fleet/n", ["fleet/node-a.json"]),
        ("vfiocompat matrix f", ["fleet/", "fleet/node-a.json", "fleet/other.json"]),
        ("vfiocompat targets x he", ["here"]),
        ("vfiocompat targets x --host n", ["node-a"]),
        ("vfiocompat export nfd fleet/other.json --host ", ["other", "node-a"]),
        ("vfiocompat targets x fleet --host ", ["node-a", "other"]),
        ("vfiocompat vm lib", ["libvirt:"]),
    ],
)
def test_what_a_fleet_has(line: str, offers: list[str], shell: str) -> None:
    assert ask(line, shell)[:3] == (offers, "", 0)


# ---- in time, and in silence -----------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "vfiocompat get node-x:",
        "vfiocompat get inventory:nowhere/",
        "vfiocompat get inventory:broken.json#",
        "vfiocompat get --timeout x version:",
        "vfiocompat nonsense ",
        "vfiocompat check 'a",
        "vfiocompat get --sysroot /nowhere 0",
        "vfiocompat export nonsense --host ",
        "",
    ],
)
def test_where_nothing_fits_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VFIOCOMPAT_FLEET", "/nowhere")
    (tmp_path / "broken.json").write_text("{")
    said = ask(line)
    assert (said.stderr, said.code) == ("", 0)
    assert said.offers in ([], ["version:"], list(COMMANDS))


def test_a_host_that_hangs_is_not_waited_for(host: Host) -> None:
    host(HOST + fault(f"{PARENT}/acme-source", "hang = true"))
    said = ask("vfiocompat get --timeout 60 0000:5")
    assert said.took < 5
    assert (said.stderr, said.offers) == ("", [FUNCTION])


def test_a_pipe_in_place_of_an_inventory_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.json")
    for line in ("vfiocompat get inventory:pipe.json#", "vfiocompat matrix pipe"):
        said = ask(line)
        assert said.took < 5
        assert said.stderr == ""


# ---- real shells -----------------------------------------------------------------

SHARE = ROOT / "share/completions"
TYPED = 15
"""Seconds until a shell has done what was typed."""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the program in PATH."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "vfiocompat").write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m vfiocompat "$@"\n'
    )
    (place / "vfiocompat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def typed(shell: list[str], *lines: str) -> str:
    """Type lines into a shell on a terminal, and give what it says after DONE."""
    terminal, child = os.openpty()
    with subprocess.Popen(
        shell,
        stdin=child,
        stdout=child,
        stderr=child,
        start_new_session=True,
        env=os.environ | {"TERM": "dumb", "PS1": "", "HISTFILE": ""},
    ) as process:
        os.close(child)
        said = ""
        try:
            for line in lines:
                os.write(terminal, f"{line}\n".encode())
                end = time.monotonic() + TYPED
                while "\nDONE " not in said and time.monotonic() < end:
                    said += os.read(terminal, 65536).decode().replace("\r", "")
                    if "\nREADY\n" in said:
                        said = said.partition("\nREADY\n")[2]
                        break
        finally:
            process.kill()
            os.close(terminal)
    return said.rpartition("\nDONE ")[2].partition("\n")[0]


TO_THE_BEGINNING, TO_THE_END = "\x01", "\x05"

typed_lines = pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("vfiocompat get 0000:5e", "vfiocompat get 0000:5e:00.1"),
        ("vfiocompat get 83b8", f"vfiocompat get {UUID}"),
        ("vfiocompat get --derive oth", "vfiocompat get --derive other:0000:3b:00.0/t"),
        ("vfiocompat get other:", "vfiocompat get other:0000:3b:00.0/t"),
        (
            "vfiocompat check x inventory:fleet/oth",
            "vfiocompat check x inventory:fleet/other.json#0000:3b:00.0/t",
        ),
        ("vfiocompat targets x --host no", "vfiocompat targets x --host node-a"),
        ("vfiocompat tables show hi", "vfiocompat tables show hisi-acc"),
        ("vfiocompat expl", "vfiocompat explain"),
        ("vfiocompat get nothing-like-it", "vfiocompat get nothing-like-it"),
    ],
)


@pytest.mark.usefixtures("programs", "fleet")
@typed_lines
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_completes_what_is_typed(
    shared_host: Host, tmp_path: Path, shell: str, line: str, completed: str
) -> None:
    if shutil.which(shell) is None:
        cannot_test(f"{shell} is not installed")
    shared_host(HOST)
    if shell == "bash":
        program = ["bash", "--norc", "--noprofile", "-i"]
        begin = f"source {SHARE}/vfiocompat.bash; printf '\\nREADY\\n'"
    else:
        program = ["zsh", "-f", "-i"]
        (tmp_path / "zsh").mkdir()
        (tmp_path / "zsh/_vfiocompat").symlink_to(SHARE / "vfiocompat.zsh")
        begin = (
            f"fpath=({tmp_path}/zsh $fpath); autoload -U compinit; compinit -u -D; "
            "bindkey -e; printf '\\nREADY\\n'"
        )
    keys = f"{line}\t{TO_THE_BEGINNING}echo DO''NE {TO_THE_END}"
    assert typed(program, begin, keys).rstrip() == completed


@pytest.mark.usefixtures("programs", "fleet")
@typed_lines
def test_fish_completes_a_line(shared_host: Host, line: str, completed: str) -> None:
    if shutil.which("fish") is None:
        cannot_test("fish is not installed")
    shared_host(HOST)
    script = f"source {SHARE}/vfiocompat.fish; complete -C {shlex.quote(line)}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    found = {each.partition("\t")[0] for each in done.stdout.splitlines()}
    assert found == ({completed.rsplit(maxsplit=1)[-1]} - {line.rsplit(maxsplit=1)[-1]})
    assert done.stderr == ""
