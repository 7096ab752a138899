# SPDX-License-Identifier: Apache-2.0
"""Asking drivers by the heads of migration streams: which are read, and who gets them.

allowed  that devices may be asked
devices  which devices can be asked, and their own heads
sources  the head that is offered, and whose it is
offers   heads offered to destinations

A device is opened only by a command that was told to (`--stream`), only where a table
says where its driver's head is, and only while nobody has it open. A module imports
only those that stand before it.
"""

from __future__ import annotations

from vfiocompat.streams.allowed import Streaming
from vfiocompat.streams.devices import gives_head, lacks_head, read_heads
from vfiocompat.streams.offers import offer_all
from vfiocompat.streams.sources import Source, source_head

__all__ = [
    "Source",
    "Streaming",
    "gives_head",
    "lacks_head",
    "offer_all",
    "read_heads",
    "source_head",
]
