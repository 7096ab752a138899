# SPDX-License-Identifier: Apache-2.0
"""A simulation in a process that is forked from one which has imported this."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from vfiocompat.errors import SimulationError
from vfiocompat.simulate import server
from vfiocompat.simulate.specfile import load

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["serve"]

with contextlib.suppress(SimulationError):
    server._load_mfusepy()  # noqa: SLF001 - else each of them would


def serve(file: str, root: str, ready: Connection) -> None:
    """Serve a specification, and say so when it is there."""
    server.serve(load(file), root, lambda: ready.send(None))
