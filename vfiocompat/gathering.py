# SPDX-License-Identifier: Apache-2.0
"""Reading a fleet: its inventories, by several processes at once."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from vfiocompat.aside import aside_all
from vfiocompat.errors import ErrorRecord, InventoryError
from vfiocompat.fleet import Classifier, Reduced, merge, twice
from vfiocompat.store import inventory_files, read_inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from vfiocompat.fleet import Fleet
    from vfiocompat.inventory import Inventory

__all__ = ["Gauge", "Inventories", "gather", "workers"]

_WORTH_A_PROCESS = 4 << 20  # bytes of inventories


class Gauge:
    """How much of some work is done, counted by the processes that do it."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._memory = mmap.mmap(-1, 8 * places)
        self.total = 0

    def add(self, place: int, amount: int) -> None:
        """Count what one process has done."""
        (known,) = struct.unpack_from("q", self._memory, 8 * place)
        struct.pack_into("q", self._memory, 8 * place, known + amount)

    def done(self) -> float:
        """Give how much is done, from 0 to 1."""
        counts = struct.unpack_from(f"{self._places}q", self._memory)
        return min(1.0, sum(counts) / self.total) if self.total else 0.0


def workers() -> int:
    """Give how many processes are worth it: one a core."""
    return len(os.sched_getaffinity(0))


def gather(
    fleet: Sequence[str],
    classifier: Callable[[], Classifier],
    gauge: Gauge,
    hosts: Collection[str] = (),
) -> Fleet:
    """Read the inventories of a fleet, and sort their endpoints into classes.

    `hosts` are the only ones that count, if there are any.

    Raises:
        InventoryError: no inventory of the fleet can be used.

    """
    paths = inventory_files(fleet)
    sizes = {path: _size(path) for path in paths}
    gauge.total = sum(sizes.values())
    number = workers() if gauge.total > _WORTH_A_PROCESS else 1
    tasks = [
        partial(
            _reduce,
            share,
            classifier,
            partial(gauge.add, place),
            frozenset(hosts),
            os.getcwd(),
        )
        for place, share in enumerate(_shares(sizes, number))
    ]
    parts = aside_all(tasks, Reduced) if number > 1 else [tasks[0]()]
    found = merge(parts)
    if not found.hosts:
        if not found.errors:
            wanted = ", ".join(sorted(hosts))
            raise InventoryError(f"the fleet has no host {wanted}")
        raise InventoryError.of(next(iter(found.errors.values())))
    return found


class Inventories(Mapping[str, "Inventory"]):
    """The inventories of a fleet by host, each read again when it is looked at.

    So that one at a time is in memory. `errors` say by path what cannot be used.

    Raises:
        InventoryError: no inventory of the fleet can be used.

    """

    def __init__(self, fleet: Sequence[str]) -> None:
        self.errors: dict[str, ErrorRecord] = {}
        newest: dict[str, tuple[str, str]] = {}  # by host: when taken, and its path
        for path in inventory_files(fleet):
            try:
                inventory = read_inventory(path)
            except InventoryError as error:
                self.errors[path] = error.record
                continue
            used = inventory.taken_at, path
            if (other := newest.get(inventory.host)) is not None:
                passed = other
                if inventory.taken_at <= other[0]:
                    used, passed = other, used
                self.errors[passed[1]] = twice(inventory.host, used[1], passed[1])
            newest[inventory.host] = used
        if not newest:
            raise InventoryError.of(next(iter(self.errors.values())))
        self._paths = {host: path for host, (_, path) in sorted(newest.items())}

    def __getitem__(self, host: str) -> Inventory:
        """Read a host's inventory; InventoryError if it cannot be used any more."""
        return read_inventory(self._paths[host])

    def __iter__(self) -> Iterator[str]:
        """Give the hosts' names, in their order."""
        return iter(self._paths)

    def __len__(self) -> int:
        """Give how many hosts there are."""
        return len(self._paths)


def _shares(sizes: dict[str, int], number: int) -> list[list[str]]:
    """Share files out so that each process has as many bytes to read."""
    shares: list[list[str]] = [[] for _ in range(number)]
    loads = [0] * number
    for path in sorted(sizes, key=lambda path: -sizes[path]):
        least = loads.index(min(loads))
        shares[least].append(path)
        loads[least] += sizes[path]
    return shares


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _reduce(
    paths: Sequence[str],
    make: Callable[[], Classifier],
    count: Callable[[int], None],
    wanted: Collection[str],
    folder: str,
) -> Reduced:
    """Read some inventories and reduce them to classes, one at a time.

    Paths are relative to `folder`: a process of its own has another working directory.
    """
    classifier = make()
    errors: dict[str, ErrorRecord] = {}
    for path in paths:
        try:
            inventory = read_inventory(os.path.join(folder, path), path)
        except InventoryError as error:
            errors[path] = error.record
        else:
            if not wanted or inventory.host in wanted:
                classifier.add(path, inventory)
        count(_size(os.path.join(folder, path)))
    return classifier.reduced(errors)
