# SPDX-License-Identifier: Apache-2.0
"""The examples of vfiocompat-stream(7), as a reader pastes them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.kernel.guest.conftest import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE = REPOSITORY / "man/man7/vfiocompat-stream.7"


def pasted() -> list[str]:
    """Give the lines that the page has a reader paste, once mtty is there."""
    text = PAGE.read_text(encoding="utf-8")
    block = text.rpartition(".Bd -literal\n")[2].partition(".Ed")[0]
    assert "create" in block
    return [line.removeprefix("# ").replace("\\-", "-") for line in block.splitlines()]


@pytest.mark.usefixtures("mtty")
def test_the_page_can_be_followed(tmp_path: Path) -> None:
    program = tmp_path / "vfiocompat"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m vfiocompat "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash"],
        input="\n".join([*pasted(), "echo the end"]),
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    for said in ("magic=7e9d09898c3e2c4e", "compatible", "RUNNING", "the end"):
        assert said in done.stdout, done
    assert "1 compatible, 1 incompatible" in done.stdout
