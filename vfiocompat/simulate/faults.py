# SPDX-License-Identifier: Apache-2.0
"""Which of a specification's faults is due at a call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.simulate.spec import Fault
    from vfiocompat.simulate.tree import DriverFile

__all__ = ["Faults"]

_VERSIONS = frozenset(("version", "migration_version", "get_version", "check_version"))


class Faults:
    """The faults, and how often each is still to happen."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = list(faults)
        self._left = [fault.times for fault in self._faults]
        self._lock = threading.Lock()

    def due(self, attribute: DriverFile, call: str) -> Fault | None:
        """Return the first fault that is meant for a call, and count it.

        One that has happened as often as it should leaves the call to the next.
        """
        with self._lock:
            for number, fault in enumerate(self._faults):
                left = self._left[number]
                if left != 0 and _is_for(fault, attribute, call):
                    self._left[number] = left and left - 1
                    return fault
        return None


def _is_for(fault: Fault, attribute: DriverFile, call: str) -> bool:
    if fault.at != attribute.owner:
        return False
    if fault.attribute is None and attribute.name not in _VERSIONS:
        return False
    if fault.attribute is not None and fault.attribute != attribute.name:
        return False
    if fault.on is not None:
        return fault.on == call
    return call == "read" or (call == "write" and fault.override is None)
