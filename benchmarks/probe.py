# SPDX-License-Identifier: Apache-2.0
"""A bare probe of mtty: it reads a device's head, and offers it to another device.

Usage: probe SOURCE [DESTINATION]
"""

from __future__ import annotations

import os
import sys

from tests.kernel.guest.uapi import Device, State, failure

SIZE = 24


def read(name: str) -> bytes:
    """Read the head of a device."""
    with Device(name) as device:
        head = os.read(device.to(State.PRE_COPY), SIZE)
        device.reset()
    return head


def offer(name: str, head: bytes) -> None:
    """Offer a device a head, after a control."""
    with Device(name) as device:
        for data in (bytes([head[0] ^ 255]) + head[1:], head):
            failure(os.write, device.to(State.RESUMING), data)
            device.reset()
            assert device.state() == State.RUNNING


if __name__ == "__main__":
    mine = read(sys.argv[1])
    for destination in sys.argv[2:]:
        offer(destination, mine)
