# SPDX-License-Identifier: Apache-2.0
"""How long `report` takes for 1,000 hosts, and what a browser makes of the page.

The peer is `matrix`, which reads the same files and decides the same pairs: what
`report` takes longer is what the page costs. That of a browser is an empty page. Of one
fleet hosts are of 60 kinds, of the other no two are alike.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.fleets import write_used
from benchmarks.pairs import run
from vfiocompat.times import moment

HOSTS = 1000
ROUNDS = 5
SECONDS = 3
MEGABYTES = 2
OPEN = 1

OPENED = """() => new Promise((done) => requestAnimationFrame(() =>
  requestAnimationFrame(() => done(performance.now() / 1000))))"""
"""How long after the navigation began a frame of the whole page was drawn."""


def main() -> None:
    """Measure both fleets, and print figures with their limits."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as folder:
        for kinds, classes in ((60, 120), (HOSTS, 300)):
            fleet, page = Path(folder, f"{kinds}"), Path(folder, f"{kinds}.html")
            write_used(
                fleet,
                hosts=HOSTS,
                kinds=kinds,
                classes=classes,
                taken_at=moment(time.time()),
            )
            print(f"{HOSTS} hosts of {kinds} kinds, {classes} classes")
            _times(str(fleet), str(page))
            size = page.stat().st_size / 1e6
            print(f"page        {size:7.2f} MB                 limit {MEGABYTES} MB")
            _opened(page)


def _times(fleet: str, page: str) -> None:
    program = [sys.executable, "-m", "vfiocompat"]
    ours = [*program, "report", fleet, "-o", page]
    peer = [*program, "matrix", fleet]
    run(peer)
    pairs = [(run(ours).seconds, run(peer).seconds) for _ in range(ROUNDS)]
    beyond = statistics.median(our - their for our, their in pairs)
    ratio = statistics.median(our / their for our, their in pairs)
    print(f"beyond      {beyond:7.2f} s    ratio {ratio:5.2f}   limit {SECONDS} s")


def _opened(page: Path) -> None:
    empty = page.with_name("empty.html")
    empty.write_text("<!doctype html><title>empty</title>")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", chromium_sandbox=False
        )
        ours: list[float] = []
        peer: list[float] = []
        for _ in range(ROUNDS):
            for path, times in ((page, ours), (empty, peer)):
                tab = browser.new_page()
                tab.goto(f"file://{path}")
                times.append(tab.evaluate(OPENED))
                tab.close()
        browser.close()
    opened, nothing = statistics.median(ours), statistics.median(peer)
    print(f"opened      {opened:7.2f} s    empty {nothing:5.2f} s limit {OPEN} s")


if __name__ == "__main__":
    main()
