# SPDX-License-Identifier: Apache-2.0
"""How long `check` of two literals takes, beside importing click and msgspec."""

from __future__ import annotations

import sys

from benchmarks.pairs import compare

STRING = "version:19e5-hisi:device=a251:rev=30:qp=16:iso=0:magic=v2:major=1"


def main() -> None:
    """Measure a pair that the table decides, with every shipped table there."""
    compare(
        [sys.executable, "-m", "vfiocompat", "check", STRING, STRING],
        [sys.executable, "-c", "import click, msgspec"],
        rounds=41,
        limit=1.8,
    )


if __name__ == "__main__":
    main()
