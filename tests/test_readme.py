# SPDX-License-Identifier: Apache-2.0
"""The README, the guide and the demo say what is so."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.documents import Session, markdown_sessions, run_session
from vfiocompat.cli import COMMANDS
from vfiocompat.errors import ExitCode

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


@pytest.mark.parametrize(
    "session", markdown_sessions(README), ids=lambda session: Path(session.where).name
)
def test_a_session_in_the_readme_is_what_happens(
    session: Session, example: dict[str, str], tmp_path: Path
) -> None:
    assert session.transcript == run_session(session, example, tmp_path)


def test_the_readme_has_its_sessions() -> None:
    """Drivers, tables, facts, GPUs, fleets, two hosts: no fence's tag is lost."""
    steps = [len(session.steps) for session in markdown_sessions(README)]
    assert steps == [4, 4, 4, 4, 3, 3, 2]


def test_the_first_example_is_typed_into_a_shell_on_a_simulated_host(
    example: dict[str, str],
) -> None:
    (first, _), *steps = markdown_sessions(README)[0].steps
    done = subprocess.run(
        ["bash", "-c", first.removeprefix("$ ")],
        input="".join(f"{command.removeprefix('$ ')}\n" for command, _ in steps),
        cwd=ROOT,
        env={name: text for name, text in example.items() if "SYSROOT" not in name},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert done.stdout == "".join(output for _, output in steps)


def test_the_readmes_python_gives_what_it_shows() -> None:
    tried = doctest.testfile(str(README), module_relative=False)

    assert tried.attempted >= 3
    assert tried.failed == 0


def test_the_readme_names_every_command_and_the_exit_codes_of_a_script() -> None:
    text = README.read_text()
    codes = re.findall(r"(\d+) \((compatible|incompatible|undetermined|could)", text)

    assert [int(code) for code, _ in codes] == [
        ExitCode.DONE,
        ExitCode.INCOMPATIBLE,
        ExitCode.UNDETERMINED,
        ExitCode.FAILED,
    ]
    assert all(f"`{command}" in text or f" {command}" in text for command in COMMANDS)


def test_every_make_target_in_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in ("README.md", "CONTRIBUTING.md"):
        for words in re.findall(
            r"^    make ([a-z -]+)", (ROOT / name).read_text(), re.MULTILINE
        ):
            for target in words.split():
                assert f"\n{target}:" in makefile, f"{name}: make {target}"


def test_every_module_is_in_the_guide() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    parts = {
        path.name if path.is_file() else f"{path.name}/"
        for path in (ROOT / "vfiocompat").iterdir()
        if not path.name.startswith(("_", "py.typed"))
    }

    assert {part for part in parts if f"`{part}`" not in guide} == set()


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "vfiocompat/tables/README.md"]
)
def test_every_path_in_the_documents_is_there(document: str) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    text = (ROOT / document).read_text()
    named = re.findall(r"`([a-z][\w.-]*/[\w./-]*|\w+\.(?:py|md))`", text)
    named += re.findall(r"\]\(([^#)]+)\)", text)
    paths = [path for path in named if not re.search("NAME|ID|CODE|FILE", path)]

    assert paths
    assert [
        path for path in paths if not any(f"/{path}" in f"/{file}" for file in listed)
    ] == []


def test_the_demo_shows_the_program_from_every_side(example: dict[str, str]) -> None:
    """It needs what `example` needs, and says by its exit status that all came."""
    demo = subprocess.run(
        [ROOT / "tools/demo"],
        env=example,
        check=True,
        capture_output=True,
        text=True,
    )

    lines = demo.stdout.splitlines()
    shown = {line.split(" ")[2] for line in lines if line.startswith("$ vfiocompat ")}
    assert shown == set(COMMANDS) - {"parse", "schema", "simulate"}
    for basis, expected in (
        (
            "(decided by the driver)",
            ["compatible", "incompatible", "compatible", "compatible", "incompatible"],
        ),
        ("(by table hisi-acc)", ["undetermined", "compatible"]),
        ("(by table intel-xe)", ["compatible", "incompatible"]),
    ):
        verdicts = [line for line in lines if line.endswith(basis)]
        assert [line.partition(":")[0] for line in verdicts] == expected
    assert "state what is missing and ask again:" in lines
    assert "allowed\tnode-b\tcompatible\tyes\t" in demo.stdout
    assert "\n10de-vgpu:type=A40-8Q:guest=5:" in demo.stdout
    assert [line for line in lines if line.startswith("gpu-a\t")][:2] == [
        "gpu-a\tgpu-b\tcompatible\t1",
        "gpu-a\tgpu-c\tundetermined\t1",
    ]
    assert demo.stdout.endswith("(exit status 0)\n")


@pytest.mark.usefixtures("_processes")
def test_without_fuse_the_demo_shows_what_needs_none(tmp_path: Path) -> None:
    library = tmp_path / "mfusepy.py"
    library.write_text("raise OSError('there is no libfuse')\n")
    demo = subprocess.run(
        [ROOT / "tools/demo"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )

    assert "Without FUSE there is no simulated host" in demo.stdout
    assert "apt install libfuse3-3" in demo.stderr
    assert demo.stdout.endswith("(exit status 0)\n")
