# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat explain`: what every code means."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import vfiocompat
from vfiocompat import codes
from vfiocompat.codes import CODES, Code
from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.explain import ExplainDocument

if TYPE_CHECKING:
    from tests.conftest import Run, RunOnTerminal

EXPLANATIONS = Path(vfiocompat.__file__).parent / "explanations"


def explanation(code: Code) -> str:
    return (EXPLANATIONS / f"{code}.txt").read_text().rstrip("\n")


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(run: Run, code: Code) -> None:
    result = run(f"explain {code}")
    head = f"{CODES[code].severity}[{code}]: {CODES[code].summary}\n\n"
    assert result.stdout == f"{head}{explanation(code)}\n"
    assert result.stderr == ""


def test_code_in_lower_case(run: Run) -> None:
    assert run("explain vfc101").stdout == run("explain VFC101").stdout


def test_json(run: Run) -> None:
    document = run("explain VFC101 --format json").document(ExplainDocument)
    [explained] = document.codes
    known = codes.REFUSED
    assert explained.code == "VFC101"
    assert (explained.severity, explained.summary) == (
        CODES[known].severity,
        CODES[known].summary,
    )
    assert explained.explanation == explanation(known)


def test_list(run: Run) -> None:
    rows = [line.split("\t") for line in run("explain --list").stdout.splitlines()]
    assert rows == [[code, CODES[code].severity, CODES[code].summary] for code in CODES]
    document = run("explain --list --format json").document(ExplainDocument)
    assert [explained.code for explained in document.codes] == list(CODES)


@pytest.mark.parametrize(
    ("code", "nearest"), [("101", "VFC101"), ("VF101", "VFC101"), ("nonsense", "")]
)
def test_unknown_code(run: Run, code: str, nearest: str) -> None:
    result = run(f"explain {code}", exit_code=2)
    assert result.stdout == ""
    assert f"the nearest is {nearest or 'VFC'}" in result.stderr
    document = run(f"explain {code} --format json", exit_code=2).document(ErrorDocument)
    assert document.error.code == "VFC501"


@pytest.mark.parametrize(
    "line", ["explain", "explain VFC101 --list", "explain a b", "explain EXYZ"]
)
def test_one_code_or_all(run: Run, line: str) -> None:
    assert run(line, exit_code=2).stdout == ""


@pytest.mark.parametrize("name", ["EINVAL", "einval", "22", "-- -22"])
def test_an_errno_is_told_for_each_call(run: Run, name: str) -> None:
    head, *rest = run(f"explain {name}").stdout.splitlines()
    assert head == "EINVAL (22): Invalid argument"
    told = [line.split()[1:3] for line in rest if line.startswith("at ")]
    assert told == [["open:", "VFC104"], ["read:", "VFC106"], ["write:", "VFC101"]]
    assert CODES[codes.REFUSED].summary in rest[-3]


def test_an_errno_as_json(run: Run) -> None:
    document = run("explain ENOTSUPP --format json").document(ExplainDocument)
    errno = document.errno
    assert errno is not None
    assert (errno.name, errno.number) == ("ENOTSUPP", 524)
    assert errno.calls["write"] == ["VFC105", "VFC113"]
    assert [each.code for each in document.codes] == ["VFC104", "VFC105", "VFC113"]


QEMU = "0000:01:00.0: VFIO migration is not supported in kernel"


def test_a_message_of_qemu_is_explained(run: Run) -> None:
    expected = run("explain VFC537").stdout
    for line in (f"explain '{QEMU}'", f"explain {QEMU}", "explain " + QEMU[14:]):
        assert run(line).stdout == expected
    said = run("explain 'error: something else'", exit_code=2).stderr
    assert "known message of QEMU 'error: something else'" in said


LOADING = "error while loading state for instance 0x0 of device '0000:00:05.0/vfio'"
BYTES = "Bad config data: i=0x2 read: 12 device: 53 cmask: ff wmask: 0 w1cmask:0"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"qemu-system-x86_64: {LOADING}", "VFC577"),
        ("kvm: load of migration failed: Invalid argument", "VFC577"),
        ("Error -22 while loading VM state", "VFC577"),
        ("a: Received INIT_DATA_SENT but switchover ack is not used", "VFC577"),
        (f"kvm: get_pci_config_device: {BYTES}", "VFC576"),
        (f"{BYTES}\nkvm: {LOADING}\nkvm: load of migration failed", "VFC576"),
    ],
)
def test_what_qemu_says_of_a_load_that_failed_is_explained(
    run: Run, text: str, code: Code
) -> None:
    assert run(f"explain {shlex.quote(text)}").stdout == run(f"explain {code}").stdout


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
@pytest.mark.parametrize("code", ["VFC101", "VFC549"])
def test_prose_is_as_wide_as_a_terminal(
    run_on_terminal: RunOnTerminal, code: Code, columns: int
) -> None:
    shown = run_on_terminal(f"explain {code}", columns=columns).colorless
    lines = shown.splitlines()
    prose = [line for line in lines if not line.startswith(" ")]
    assert max(map(len, prose)) <= columns
    given = f"{CODES[code].severity}[{code}]: {CODES[code].summary} {explanation(code)}"
    assert shown.split() == given.split()
    pasted = [line for line in explanation(code).splitlines() if line.startswith("  ")]
    assert [line for line in lines if line.startswith("  ")] == pasted


def test_each_point_of_a_list_begins_a_line(run_on_terminal: RunOnTerminal) -> None:
    shown = run_on_terminal("explain VFC580", columns=60).colorless.splitlines()
    given = [
        line for line in explanation(codes.NOT_ROOT).splitlines() if line[:2] == "- "
    ]
    assert max(map(len, shown)) <= 60
    assert [line.split()[1] for line in shown if line.startswith("- ")] == [
        line.split()[1] for line in given
    ]
    at = next(at for at, line in enumerate(shown) if line.startswith("- debugfs"))
    assert shown[at + 1].startswith("  ")


@pytest.mark.parametrize("code", CODES)
def test_no_line_is_left_to_the_terminal(
    run_on_terminal: RunOnTerminal, code: Code
) -> None:
    lines = run_on_terminal(f"explain {code}").colorless.splitlines()
    assert all(len(line) <= 80 or line.startswith("    ") for line in lines)


def test_an_errno_is_as_wide_as_a_terminal(run_on_terminal: RunOnTerminal) -> None:
    lines = run_on_terminal("explain EIO", columns=50).colorless.splitlines()
    assert max(map(len, lines)) <= 50


NOTHING = "There is nothing to confirm by hand: "


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_how_to_confirm_it_by_hand_or_that_nothing_is(
    code: Code,
) -> None:
    text = explanation(code)
    steps = re.findall(r"^Confirm it by hand\b[^:]*:\n    \S", text, re.MULTILINE)

    assert bool(steps) != (NOTHING in text)
    assert max(map(len, text.splitlines())) <= 88
