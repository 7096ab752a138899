# SPDX-License-Identifier: Apache-2.0
"""How long `matrix` and `targets` take on a large fleet, beside decoding it.

The peer is one process that decodes the same files with msgspec, into the same records,
and does nothing else.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.fleets import strings, write_fleet
from benchmarks.pairs import compare

HOSTS = 20_000
ENDPOINTS = 1_000_000
CLASSES = 300
MEGABYTES = 600

DECODE = """
import os, sys
import msgspec
from vfiocompat.inventory import Inventory
decoder = msgspec.json.Decoder(Inventory)
for entry in os.scandir(sys.argv[1]):
    with open(entry.path, "rb") as file:
        decoder.decode(file.read())
"""


def main() -> None:
    """Measure both commands, on all of the fleet and on half of it."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as folder:
        for part in (2, 1):
            fleet = str(Path(folder, f"part-{part}"))
            hosts, endpoints = HOSTS // part, ENDPOINTS // part
            write_fleet(Path(fleet), hosts=hosts, endpoints=endpoints, classes=CLASSES)
            peer = [sys.executable, "-c", DECODE, fleet]
            program = [sys.executable, "-m", "vfiocompat"]
            source = f"version:{strings(CLASSES)[4]}"
            print(f"{endpoints} endpoints of {CLASSES} classes in {hosts} files")
            print("matrix")
            compare([*program, "matrix", fleet], peer, rounds=5, limit=3)
            print("targets")
            compare([*program, "targets", source, fleet], peer, rounds=5, limit=2.5)
    print(f"peak of memory: limit {MEGABYTES} MB")


if __name__ == "__main__":
    main()
