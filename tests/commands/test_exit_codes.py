# SPDX-License-Identifier: Apache-2.0
"""Exit codes where a command line fails, with every click that may be installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.conftest import HUNG, PROGRAM
from vfiocompat.cli import COMMANDS

if TYPE_CHECKING:
    from tests.conftest import Run, RunProcess

PROJECT = Path(__file__).parents[2] / "pyproject.toml"

LINES = {
    "list": {"": 4, "word": 2},
    "get": {"": 4, "p/t": 4, "p": 2},
    "check": {
        "": 2,
        "version:8086-a": 2,
        "p/t p/t": 4,
        "version:8086-a version:10de-a": 1,
        "version:8086-a version:8086-b": 3,
        "version:8086-a version:8086-b --fact": 2,
    },
    "scan": {"": 4, "--ask /nowhere": 4, "--ask-limit many": 2},
    "targets": {"": 2, "version:8086-a /nowhere": 4, "version:8086-a": 4},
    "matrix": {"": 2, "/nowhere": 4, "/nowhere --max-age old": 2},
    "report": {"": 2, "/nowhere": 4, "/nowhere --max-age old": 2},
    "diff": {"": 2, "/nowhere": 2, "/nowhere /nowhere": 4},
    "export": {"": 2, "nova": 2, "moon /nowhere": 2, "nova /nowhere": 4},
    "device": {"": 2, "0000:03:00.0": 4, "word": 2},
    "vm": {
        "": 2,
        "domain:/nowhere": 2,
        "word here": 2,
        "domain:/nowhere here": 4,
        "domain:/nowhere here --require luck": 2,
    },
    "parse": {"": 2, "a b": 2},
    "tables": {
        "": 2,
        "word": 2,
        "show": 2,
        "show word": 2,
        "check": 0,
        "check /nowhere": 4,
    },
    "doctor": {"": 1, "/nowhere": 1, "--max-age old": 2},
    "explain": {"": 2, "word": 2},
    "simulate": {"": 2, "/nowhere": 2, "/nowhere /nowhere": 4},
    "schema": {"": 2, "word": 2},
}
"""Lines of each command, on a host that has no sysfs, and what they end with."""

CODES = {
    f"{command} {line}".strip(): code
    for command, lines in LINES.items()
    for line, code in (
        lines | {"--nonsense": 2, "--format yaml": 2, "--timeout 0": 2, "--table": 2}
    ).items()
} | {"": 2, "-v": 2, "word": 2, "--nonsense": 2, "--timeout nan list": 2}

ALL = """
import json, shlex, sys
from importlib.metadata import version
from vfiocompat import cli
print(version("click"), file=sys.__stderr__)
json.dump(
    {line: int(cli.run(shlex.split(line))) for line in json.load(sys.stdin)},
    open(sys.argv[1], "w"),
)
"""


def click_floor() -> str:
    """Give the oldest click that the package may be installed with."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    wanted = map(Requirement, project["dependencies"])
    [specifier] = next(each.specifier for each in wanted if each.name == "click")
    assert specifier.operator == ">="
    return specifier.version


def test_every_command_has_its_lines() -> None:
    assert LINES.keys() == COMMANDS.keys()


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("line", CODES)
def test_a_line_that_fails_ends_with_its_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", "/nowhere")
    assert "Traceback" not in run(line, exit_code=CODES[line]).stderr


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("version", [click_floor(), "8.1.8"])
def test_an_older_click_ends_with_the_same_codes(version: str, tmp_path: Path) -> None:
    """From the floor on; Debian 13 and Proxmox 9 have 8.1.8."""
    older = tmp_path / "click"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command = [*pip, "--target", str(older), f"click=={version}"]
    subprocess.run(command, check=True, capture_output=True)
    environment = os.environ | {
        "PYTHONPATH": str(older),
        "VFIOCOMPAT_SYSROOT": "/nowhere",
    }
    done = subprocess.run(
        [sys.executable, "-c", ALL, tmp_path / "codes"],
        input=json.dumps(list(CODES)),
        env=environment,
        capture_output=True,
        text=True,
        timeout=HUNG,
        check=True,
    )
    assert Version(done.stderr.partition("\n")[0]) == Version(version)
    assert json.loads((tmp_path / "codes").read_text()) == CODES
    assert "Traceback" not in done.stdout + done.stderr

    process = subprocess.run(
        [*PROGRAM, "check"], env=environment, capture_output=True, check=False
    )
    assert process.returncode == 2


# ---- what comes before a command, and after it -----------------------------------


@pytest.mark.parametrize(
    ("told", "code"), [("nonsense", 2), ("bash_nonsense", 2), ("zsh_source", 0)]
)
def test_completion_ends_with_no_verdict(
    run_process: RunProcess, monkeypatch: pytest.MonkeyPatch, told: str, code: int
) -> None:
    monkeypatch.setenv("_VFIOCOMPAT_COMPLETE", told)
    run_process("", exit_code=code)


@pytest.mark.parametrize("source", ["import nothing_is_called_so", "", "1 / 0"])
def test_a_library_that_cannot_be_used_is_no_verdict(
    run_process: RunProcess,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    source: str,
) -> None:
    (tmp_path / "click.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    result = run_process("check version:8086-a version:8086-a", exit_code=4)
    assert result.stderr.startswith("vfiocompat: cannot start: ")
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("_processes")
def test_an_error_that_cannot_be_told_is_a_bug() -> None:
    script = (
        "from vfiocompat import cli; cli.error_lines = None; "
        "cli.main(['list', '--nonsense'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.startswith("vfiocompat: this is a bug in vfiocompat: ")
