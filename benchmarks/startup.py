# SPDX-License-Identifier: Apache-2.0
"""How long `vfiocompat get` of one type takes, beside importing click and msgspec."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.pairs import compare
from benchmarks.trees import make_tree


def main() -> None:
    """Measure on a host of one parent and four types, made of plain files."""
    with tempfile.TemporaryDirectory() as folder:
        make_tree(Path(folder) / "sys", parents=1, mdevs=0)
        target = "0000:00:00.0/acme-1"
        compare(
            [sys.executable, "-m", "vfiocompat", "--sysroot", folder, "get", target],
            [sys.executable, "-c", "import click, msgspec"],
            rounds=41,
            limit=1.2,
        )


if __name__ == "__main__":
    main()
