# SPDX-License-Identifier: Apache-2.0
"""How many instances a parent can still make: its types share its slices."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vfiocompat.simulate.errnos import failure

if TYPE_CHECKING:
    from vfiocompat.simulate.spec import MdevType, Parent

__all__ = ["Capacity"]


class Capacity:
    """The slices and the instances of one parent that are in use."""

    def __init__(self, parent: Parent) -> None:
        self._free = parent.instances
        self._live: Counter[str] = Counter()

    def available(self, kind: MdevType) -> int:
        """How many more instances of a type there is room for."""
        if kind.instances is None:
            return self._free // kind.slices
        return kind.instances - self._live[kind.id]

    def take(self, kind: MdevType) -> None:
        """Count one more instance.

        OSError as the kernel says it: EUSERS comes from the mdev core, which
        counts a type's own instances, ENOSPC from a driver that is out of
        slices.
        """
        if self.available(kind) < 1:
            raise failure("ENOSPC" if kind.instances is None else "EUSERS")
        self._count(kind, 1)

    def give_back(self, kind: MdevType) -> None:
        """Count one instance less."""
        self._count(kind, -1)

    def _count(self, kind: MdevType, number: int) -> None:
        if kind.instances is None:
            self._free -= number * kind.slices
        else:
            self._live[kind.id] += number
