# SPDX-License-Identifier: Apache-2.0
"""What other programs are told of a host: one file a format.

view        a host as a writer gets it
acceptance  which version strings of a fleet the endpoints of a host accept
ansible, nfd, nova, prometheus  a format each, with `WRITER`

A module imports only those that stand before it, and a format no other.
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
