# SPDX-License-Identifier: Apache-2.0
"""The simulation answers every raw operation as the real kernel did."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Simulate

HERE = Path(__file__).resolve().parent
KERNEL = HERE.parent / "kernel"
GOLDEN = json.loads((KERNEL / "operations.json").read_text())


def test_same_answers_as_the_kernel(simulate: Simulate) -> None:
    simulation = simulate(HERE / "vct.toml")
    done = subprocess.run(
        [sys.executable, KERNEL / "operations.py", simulation.root / "sys"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == GOLDEN
