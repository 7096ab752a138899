# SPDX-License-Identifier: Apache-2.0
"""What a VM's devices want, and what a host has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Closeness", "Seat", "Wishes", "different", "for_each"]

Wish = TypeVar("Wish")
Result = TypeVar("Result")


class Closeness(NamedTuple):
    """How close an endpoint is to what a device needs: the greater of two is closer.

    `verdict` is greater the better that is, and `ground` (0 to 3) the more it can be
    relied on.
    """

    verdict: int
    same_type: bool = False
    same_driver: bool = False
    ground: int = 0


class Seat(NamedTuple):
    """An endpoint that devices can be given.

    `free` is how many can have it, None if that is not known. `single` names the one
    device that it is, or that it can become, as others may too; None of a type, of
    which there can be more. `pool` names the parent whose capacity it shares with
    others, None if it shares none. `made` says that it has to be created first.
    """

    free: int | None
    single: str | None = None
    pool: str | None = None
    made: bool = False

    def most(self, number: int) -> int:
        """Give how many of `number` devices can have it at the very most."""
        limit = number if self.single is None else min(1, number)
        return limit if self.free is None else min(self.free, limit)


Wishes = Mapping[int, Closeness]
"""The seats that a device can have: by their columns, or each by its own number."""


def different(wishes: Sequence[Wish]) -> list[Wish]:
    """Give what devices wish, and once what is one object: many are alike."""
    return list({id(each): each for each in wishes}.values())


def for_each(wishes: Sequence[Wish], change: Callable[[Wish], Result]) -> list[Result]:
    """Make something of each device's wishes, and once of those that are one object."""
    changed = {id(each): change(each) for each in different(wishes)}
    return [changed[id(each)] for each in wishes]
