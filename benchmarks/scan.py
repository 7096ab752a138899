# SPDX-License-Identifier: Apache-2.0
"""How long `scan` of a host with 10,240 mdevs takes, beside `list`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.pairs import compare
from benchmarks.trees import make_tree


def main() -> None:
    """Measure a scan into a file, beside `list --format json`."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as folder:
        root = Path(folder, "root")
        make_tree(root / "sys", parents=640, mdevs=16)
        program = [sys.executable, "-m", "vfiocompat", "--sysroot", str(root)]
        compare(
            [*program, "scan", "--host", "node", "-o", f"{folder}/node.json"],
            [*program, "list", "--format", "json"],
            rounds=9,
            limit=1.3,
        )


if __name__ == "__main__":
    main()
