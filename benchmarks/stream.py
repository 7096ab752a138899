# SPDX-License-Identifier: Apache-2.0
"""How long `check --stream` takes, beside a bare probe that asks the same of mtty.

The probe is three programs: one reads the head of each device, and one offers the
source's to the destination, after a control. Both run in the guest of
`make test-migration`, as root on Debian x86-64. Start-up is that of a `check` that asks
nobody, and is taken off.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 9
LIMIT = 1.2
PROBE = """
import os, sys
from tests.kernel.guest.uapi import Device, State, failure
def read(name):
    with Device(name) as device:
        head = os.read(device.to(State.PRE_COPY), 24)
        device.reset()
    return head
def offer(device, head):
    failure(os.write, device.to(State.RESUMING), head)
    device.reset()
    assert device.state() == State.RUNNING
head = read(sys.argv[1])
if len(sys.argv) > 2:
    with Device(sys.argv[2]) as device:
        offer(device, bytes([head[0] ^ 255]) + head[1:])
        offer(device, head)
"""


def main() -> None:
    """Boot the guest, and measure in it."""
    if sys.argv[1:] == ["inside"]:
        measure()
        return
    cache = Path(
        os.environ.get("VFIOCOMPAT_MIGRATION_CACHE", ROOT / ".cache/migration")
    )
    prepare = ROOT / "tests/migration/prepare"
    environment = os.environ | {"VFIOCOMPAT_MIGRATION_CACHE": str(cache)}
    subprocess.run([prepare], check=True, env=environment)
    boot = str(ROOT / "tests/kernel/guest.py")
    guest = [sys.executable, boot, "--memory", "1536", str(cache)]
    modules = f"VFIOCOMPAT_TEST_MODULES={cache}/modules/group"
    inside = ["env", modules, f"PYTHONPATH={ROOT}", sys.executable, "-m"]
    subprocess.run(
        [*guest, "--", *inside, "benchmarks.stream", "inside"], check=True, cwd=ROOT
    )


def measure() -> None:
    """Print medians, and the ratio of each pair of runs."""
    from tests.kernel.guest.modules import create, insmod  # noqa: PLC0415 - inside only

    insmod("mtty")
    one, two = create("mtty", "mtty-1"), create("mtty", "mtty-1")
    ours = [sys.executable, "-m", "vfiocompat", "check", "--stream", one, two]
    start = [sys.executable, "-m", "vfiocompat", "check", "version:8086-a", one]
    probe = [sys.executable, "-c", PROBE]
    for command in (ours, [*probe, one]):
        seconds(command)
    rows = []
    for _ in range(ROUNDS):
        asked = seconds(ours) - seconds(start)
        bare = seconds([*probe, one]) + seconds([*probe, two])
        rows.append((asked, bare + seconds([*probe, one, two])))
    ratios = sorted(asked / bare for asked, bare in rows)
    for name, column in (("check --stream", 0), ("probe", 1)):
        middle = statistics.median(row[column] for row in rows)
        print(f"{name:<15} median {middle * 1000:7.1f} ms")
    print(
        f"{'ratio':<15} median {statistics.median(ratios):7.2f}      "
        f"best {ratios[0]:7.2f}      limit {LIMIT}"
    )


def seconds(command: list[str]) -> float:
    """Time a whole process; what it says does not matter."""
    began = time.perf_counter()
    subprocess.run(
        command,
        cwd=ROOT,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
