# SPDX-License-Identifier: Apache-2.0
"""Many cases on several cores: `python -m tests.fuzz --cases 1000000`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.fuzz.running import Outcome, run

SHOWN = 20
PIECE = 2000  # cases that a process runs at a time


def main() -> int:
    """Run cases; 1 if any went wrong."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first case's number")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    began = time.monotonic()
    end = given.first + given.cases
    pieces = [range(at, min(at + PIECE, end)) for at in range(given.first, end, PIECE)]
    found = Outcome(Counter(), [])
    with ProcessPoolExecutor(given.processes) as pool:
        for part in pool.map(partial(run, given.seed), pieces):
            found.cases.update(part.cases)
            found.failures.extend(part.failures)
            done = found.cases.total()
            print(f"\r{done} cases", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for each in found.failures[:SHOWN]:
        again = f"--seed {given.seed} --first {each.number} --cases 1"
        print(f"{each.subject}: {each.why}\n  python -m tests.fuzz {again}")
        print(f"  {each.drawn}")
    kinds = ", ".join(f"{number} {name}" for name, number in found.cases.most_common())
    print(f"seed {given.seed}, {found.cases.total()} cases: {kinds}")
    took = time.monotonic() - began
    print(f"{len(found.failures)} failures, {took:.0f} s")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
