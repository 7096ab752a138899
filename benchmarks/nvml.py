# SPDX-License-Identifier: Apache-2.0
"""How long `scan` of a host with 16 GPUs and 512 vGPUs takes, with and without NVML.

A library that stands for NVIDIA's answers from a file; it takes no time to begin.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.pairs import compare
from benchmarks.trees import make_tree
from tests.nvml.fake import HOST, Libraries, gpu, vgpu

GPUS, EACH = 16, 32


def main() -> None:
    """Measure a scan with the library, beside one without."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as folder:
        root = Path(folder, "root")
        make_tree(root / "sys", parents=GPUS, mdevs=EACH)
        spec = HOST
        for number, link in enumerate(sorted((root / "sys/class/mdev_bus").iterdir())):
            parent = link.resolve()
            (parent / "vendor").write_text("0x10de\n")
            (parent / "driver").unlink()
            (parent / "driver").symlink_to("../../../bus/pci/drivers/nvidia")
            spec += gpu(number)
            for mdev in sorted(parent.glob("*-*-*-*-*")):
                spec += vgpu(1, f"mdev {mdev.name}")
        library = Libraries(Path(folder)).without()
        library.with_name(f"{library.name}.spec").write_text(spec)
        program = [sys.executable, "-m", "vfiocompat", "--sysroot", str(root), "scan"]
        compare(
            [
                "env",
                f"VFIOCOMPAT_NVML={library}",
                *program,
                "--host",
                "n",
                "-o",
                f"{folder}/n.json",
            ],
            ["env", *program, "--host", "m", "-o", f"{folder}/m.json"],
            rounds=9,
            limit=1.3,
        )


if __name__ == "__main__":
    main()
