# SPDX-License-Identifier: Apache-2.0
"""What an open device says of itself when it is asked, and changes nothing for."""

from __future__ import annotations

import contextlib

import msgspec

from vfiocompat.endpoints import MigrationInterface
from vfiocompat.host.migration import interface_of
from vfiocompat.host.stream import State, data_size, initial_bytes, state_of

__all__ = ["Opened", "look_at"]


class Opened(msgspec.Struct, frozen=True):
    """A device's migration interface, its state, and how much it has to move.

    All but the interface is None where it is not told. `data_size` is an estimate of
    all, in bytes; `initial_bytes` are those that PRE_COPY has at first.
    """

    interface: MigrationInterface
    state: State | None = None
    data_size: int | None = None
    initial_bytes: int | None = None


def look_at(device: int, name: str, *, copying: bool) -> Opened:
    """Ask an open device; only if `copying` it enters a state, PRE_COPY for a moment.

    Raises:
        DeviceError: it does not answer, or does not run in the end.

    """
    interface = interface_of(device)
    if interface.interface != "v2":
        return Opened(interface)
    state = None
    with contextlib.suppress(OSError):
        state = state_of(device)
    size = data_size(device)
    flags = interface.flags or ()
    initial = initial_bytes(device, name) if copying and "PRE_COPY" in flags else None
    return Opened(interface, state, size, initial)
