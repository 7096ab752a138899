# SPDX-License-Identifier: Apache-2.0
"""Timing two commands side by side, as whole processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from typing import NamedTuple


class Run(NamedTuple):
    """One finished process: seconds, and the peak of memory in MB."""

    seconds: float
    megabytes: float


def run(command: list[str], environment: dict[str, str] | None = None) -> Run:
    """Run a command with its output thrown away; a failure is an error."""
    with open(os.devnull, "w") as null:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=null, stderr=null, env=os.environ | (environment or {})
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return Run(seconds, usage.ru_maxrss / 1024)


def compare(ours: list[str], peer: list[str], *, rounds: int, limit: float) -> None:
    """Run both in turn, and print medians and the ratio of each pair of runs."""
    environment = {"PYTHONDONTWRITEBYTECODE": ""}
    run(ours, environment)
    run(peer, environment)
    pairs = [(run(ours, environment), run(peer, environment)) for _ in range(rounds)]
    ratios = sorted(our.seconds / their.seconds for our, their in pairs)
    for name, runs in (
        ("vfiocompat", [our for our, _ in pairs]),
        ("peer", [their for _, their in pairs]),
    ):
        middle = statistics.median(each.seconds for each in runs)
        least = min(each.seconds for each in runs)
        peak = max(each.megabytes for each in runs)
        print(
            f"{name:<11} median {middle * 1000:7.1f} ms   "
            f"best {least * 1000:7.1f} ms   peak {peak:5.1f} MB"
        )
    print(
        f"ratio       median {statistics.median(ratios):7.2f}      "
        f"best {ratios[0]:7.2f}      limit {limit}"
    )
