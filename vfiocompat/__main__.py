# SPDX-License-Identifier: Apache-2.0
"""`python -m vfiocompat` is the same program as `vfiocompat`."""

from __future__ import annotations

import contextlib
import gc
import os
from typing import NoReturn

_OBJECTS = 100_000
"""How many objects are made until garbage is looked for: most of what a command makes
lasts as long as it does, and looking costs it a tenth of its time."""


def main() -> NoReturn:
    """Run the program; Ctrl-C is quiet even while it is still being loaded."""
    gc.set_threshold(_OBJECTS)
    try:
        from vfiocompat import cli  # noqa: PLC0415 - it is this that takes its time
    except KeyboardInterrupt:
        os._exit(130)
    except Exception as error:  # noqa: BLE001 - Python would end with 1: incompatible
        with contextlib.suppress(OSError):
            os.write(2, f"vfiocompat: cannot start: {error!r}\n".encode())
        os._exit(4)
    cli.main()


if __name__ == "__main__":
    main()
