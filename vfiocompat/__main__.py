# SPDX-License-Identifier: Apache-2.0
"""`python -m vfiocompat` is the same program as `vfiocompat`."""

from __future__ import annotations

import os
from typing import NoReturn


def main() -> NoReturn:
    """Run the program; Ctrl-C is quiet even while it is still being loaded."""
    try:
        from vfiocompat import cli  # noqa: PLC0415 - it is this that takes its time
    except KeyboardInterrupt:
        os._exit(130)
    cli.main()


if __name__ == "__main__":
    main()
