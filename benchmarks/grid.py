# SPDX-License-Identifier: Apache-2.0
"""How long `matrix` takes for 2,000 classes, beside CEL for the same pairs of strings.

The peer is as in benchmarks/evaluate.py, on one core, and takes a tenth of the sources
with every destination; its time is multiplied by ten. Ours is the whole process, which
reads the fleet, and uses every core.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import cel

from benchmarks.evaluate import TABLES, named_values, rule
from benchmarks.fleets import strings, write_fleet
from benchmarks.pairs import run
from vfiocompat.tables.language.table import Reading
from vfiocompat.tables.library import load_table
from vfiocompat.versions import VersionString

CLASSES = 2000
PART = 10
ROUNDS = 3
LIMIT = 1 / 3


def peer_seconds() -> float:
    """Time CEL with every pair, of which it takes a part."""
    table = load_table(str(TABLES / "hisi-acc.toml"))
    program = cel.compile(rule(table))
    values = []
    for text in strings(CLASSES):
        found = table.read(VersionString.parse(text))
        assert isinstance(found, Reading)
        values.append(named_values(table, found))
    began = time.perf_counter()
    for source in values[::PART]:
        for destination in values:
            program.execute({"s": source, "d": destination})
    return (time.perf_counter() - began) * PART


def main() -> None:
    """Measure both in turn, and print medians and their ratio."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as folder:
        write_fleet(Path(folder), hosts=200, endpoints=2000 * 10, classes=CLASSES)
        command = [sys.executable, "-m", "vfiocompat", "matrix", folder]
        pairs = [(run(command).seconds, peer_seconds()) for _ in range(ROUNDS)]
    ours, peers = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(our / peer for our, peer in pairs)
    print(
        f"{CLASSES} classes, {CLASSES**2} pairs   vfiocompat {ours:6.1f} s   "
        f"CEL {peers:6.1f} s   ratio {ratio:5.2f}   limit {LIMIT:.2f}"
    )


if __name__ == "__main__":
    main()
