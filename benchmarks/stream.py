# SPDX-License-Identifier: Apache-2.0
"""How long `check --stream` takes, beside a bare probe that asks the same of mtty.

The probe reads the head of each device, and offers the source's to the destination,
after a control. Both run in the guest of `make test-migration`, as root on Debian
x86-64, and are measured twice: as functions of one process, where nothing else counts,
and as programs, of which the probe is three. There the start-up of a `check` that asks
nobody is taken off.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
ASKS = 30
ROUNDS = 5
LIMIT = 1.2


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
    """Make two devices, and measure with them."""
    from tests.kernel.guest.modules import create, insmod  # noqa: PLC0415 - inside only

    insmod("mtty")
    devices = create("mtty", "mtty-1"), create("mtty", "mtty-1")
    measure_functions(*devices)
    measure_programs(*devices)


def measure_functions(one: str, two: str) -> None:
    """Measure what is done with the devices, by the program's functions too."""
    from benchmarks.probe import offer, read  # noqa: PLC0415 - inside only
    from vfiocompat.addresses import MdevAddress  # noqa: PLC0415
    from vfiocompat.host.stream import Errand, Known, run  # noqa: PLC0415
    from vfiocompat.host.sysfs import Host  # noqa: PLC0415
    from vfiocompat.tables.library import Library  # noqa: PLC0415

    [table] = (each for each in Library().entries if each.id == "mtty")
    stream = Library().table(table).stream  # type: ignore[union-attr]
    assert stream is not None
    host = Host()

    def errand(name: str, *heads: Known) -> Errand:
        return Errand(MdevAddress(name), "mtty", stream, heads)

    def bare() -> None:
        head = read(one)
        read(two)
        offer(two, head)

    def here() -> None:
        place = "/sys/bus/mdev/devices"
        *_, (_, asked) = run([(f"{place}/{one}", errand(one))])
        head = Known(asked.head or b"")
        *_, (_, asked) = run([(f"{place}/{two}", errand(two, head))])
        assert asked.offers[0].reply

    def aside() -> None:
        [(asked, _)] = host.ask_streams([errand(one)], 0)
        head = Known(asked.head or b"")
        [(asked, _)] = host.ask_streams([errand(two, head)], 0)
        assert asked.offers[0].reply

    compare("the ask itself", here, bare, ASKS)
    compare("in its children", aside, bare, ASKS)


def measure_programs(one: str, two: str) -> None:
    """Measure whole programs."""
    python = [sys.executable, "-m"]
    ours = [*python, "vfiocompat", "check", "--stream", one, two]
    start = [*python, "vfiocompat", "check", "version:8086-a", one]
    probe = [*python, "benchmarks.probe"]

    def bare() -> None:
        for devices in ((one,), (two,), (one, two)):
            execute([*probe, *devices])

    compare(
        "the program", partial(execute, ours), bare, ROUNDS, partial(execute, start)
    )


def compare(
    name: str,
    ours: Callable[[], object],
    bare: Callable[[], object],
    rounds: int,
    start: Callable[[], object] | None = None,
) -> None:
    """Print medians, and the ratio of each pair of runs; what `start` takes is off."""
    for each in (ours, bare):
        each()
    rows = []
    for _ in range(rounds):
        asked = seconds(ours) - (seconds(start) if start else 0)
        rows.append((asked, seconds(bare)))
    ratios = [asked / probed for asked, probed in rows]
    medians = [statistics.median(column) * 1000 for column in zip(*rows, strict=True)]
    print(
        f"{name:<16} {medians[0]:8.2f} ms   probe {medians[1]:8.2f} ms   "
        f"ratio {statistics.median(ratios):5.2f}   limit {LIMIT}"
    )


def seconds(call: Callable[[], object]) -> float:
    """Time a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def execute(command: list[str]) -> None:
    """Run a program; what it says does not matter."""
    subprocess.run(
        command,
        cwd=ROOT,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    main()
