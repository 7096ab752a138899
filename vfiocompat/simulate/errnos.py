# SPDX-License-Identifier: Apache-2.0
"""Errors by their symbolic names."""

from __future__ import annotations

import errno
import os

__all__ = ["NAMES", "failure"]

# The kernel refuses numbers from 512 on from a FUSE server: ENOTSUPP (524),
# which some drivers leak, cannot be simulated.
NAMES = frozenset(name for name in vars(errno) if name.startswith("E"))
"""Every errno that a FUSE server can answer with."""


def failure(name: str) -> OSError:
    """Return the error of a symbolic errno."""
    number: int = getattr(errno, name)
    return OSError(number, os.strerror(number))
