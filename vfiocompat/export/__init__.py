# SPDX-License-Identifier: Apache-2.0
"""What other programs are told of a host: one file a format.

`view` is what a writer gets. A format is a module with `WRITER`, and a line in
`FORMATS`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfiocompat.export.view import Writer

__all__ = ["FORMATS", "writer"]

FORMATS = ("ansible", "nfd", "nova", "prometheus")


def writer(name: str) -> Writer:
    """Give the writer of a format."""
    module = importlib.import_module(f"vfiocompat.export.{name}")
    found: Writer = module.WRITER
    return found
