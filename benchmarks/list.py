# SPDX-License-Identifier: Apache-2.0
"""How long `list --format json` takes beside `mdevctl list --dumpjson`.

Both see the same tree of plain files, bound over /sys in a private mount namespace
(so this needs root). mdevctl is taken from PATH, from MDEVCTL, or from the cache of the
kernel test bed. It reads no version attributes; vfiocompat does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.pairs import compare
from benchmarks.trees import make_tree

ROOT = Path(__file__).parent.parent
INSIDE = "VFIOCOMPAT_BENCHMARK_TREE"
CACHED = ROOT / ".cache/kernel/root/usr/bin/mdevctl"
NEEDED = "scripts.d/callouts", "scripts.d/notifiers"


def main() -> None:
    """Make the tree, and begin again in a mount namespace where it is /sys."""
    if INSIDE in os.environ:
        measure(os.environ["MDEVCTL"])
        return
    mdevctl = os.environ.get("MDEVCTL") or shutil.which("mdevctl") or str(CACHED)
    if not Path(mdevctl).exists():
        raise SystemExit("no mdevctl: install it, or run 'make test-kernel' first")
    with tempfile.TemporaryDirectory() as folder:
        tree, config = Path(folder) / "sys", Path(folder) / "mdevctl.d"
        print("640 parents, 2,560 types, 10,240 mdevs")
        make_tree(tree, parents=640, mdevs=16)
        for each in NEEDED:  # mdevctl ends with an error where these are missing
            (config / each).mkdir(parents=True)
        Path("/etc/mdevctl.d").mkdir(exist_ok=True)
        binds = (
            f"mount --make-rprivate / && mount --rbind {tree} /sys && "
            f"mount --bind {config} /etc/mdevctl.d"
        )
        again = f'{binds} && exec "$@"'
        subprocess.run(
            [
                "unshare",
                "--mount",
                "sh",
                "-c",
                again,
                "sh",
                sys.executable,
                "-m",
                "benchmarks.list",
            ],
            env=os.environ | {INSIDE: "1", "MDEVCTL": mdevctl},
            check=True,
        )


def measure(mdevctl: str) -> None:
    """Compare the two on what is /sys now."""
    compare(
        [sys.executable, "-m", "vfiocompat", "list", "--format", "json"],
        [mdevctl, "list", "--dumpjson"],
        rounds=15,
        limit=0.8,
    )


if __name__ == "__main__":
    main()
