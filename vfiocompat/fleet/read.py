# SPDX-License-Identifier: Apache-2.0
"""Reading a fleet: its inventories, by several processes at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from vfiocompat.children import aside_all, workers
from vfiocompat.errors import ErrorRecord, InventoryError
from vfiocompat.files.doubles import Taken, newest
from vfiocompat.files.inventories import (
    host_of,
    inventory_files,
    no_such_host,
    of_no_host,
    read_inventory,
    shown,
    told_host,
)
from vfiocompat.files.reading import sizes
from vfiocompat.fleet.classes import Reduced, merge
from vfiocompat.tables.denied import denied_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from vfiocompat.fleet.classes import Classifier, Fleet
    from vfiocompat.inventory import Inventory
    from vfiocompat.tables.library import Library

__all__ = [
    "Inventories",
    "InventoryReader",
    "demand_hosts",
    "gather",
    "spread",
]

Result = TypeVar("Result")

_WORTH_A_PROCESS = 4 << 20  # bytes of inventories


class InventoryReader:
    """A part of a fleet's inventories, read one at a time: each path with its own.

    `paths` are relative to `folder`: a process of its own has another working
    directory. `errors` say by path what cannot be used, and, where there is a
    `library`, what is used but for facts that heads of streams deny.
    """

    def __init__(
        self,
        paths: Sequence[str],
        folder: str,
        wanted: Collection[str],
        library: Library | None = None,
    ) -> None:
        self._library = library
        self._paths = paths
        self._folder = folder
        self._wanted = wanted
        self.errors: dict[str, ErrorRecord] = {}

    def __iter__(self) -> Iterator[tuple[str, Inventory]]:
        """Give the inventories that can be used, and that are wanted."""
        for path in self._paths:
            place = os.path.join(self._folder, path)
            try:
                inventory = read_inventory(place, path)
            except InventoryError as error:
                self._pass_over(path, place, error)
            else:
                if not self._wanted or inventory.host in self._wanted:
                    self._look(path, inventory)
                    yield path, inventory

    def _pass_over(self, path: str, place: str, error: InventoryError) -> None:
        """Tell of a file that cannot be used, unless it is of another host."""
        name = shown(path)
        if not self._wanted or host_of(place) in self._wanted:
            self.errors[name] = error.record
        elif told_host(place) is None:
            self.errors[name] = of_no_host(name, error, self._wanted)

    def _look(self, path: str, inventory: Inventory) -> None:
        """See that an inventory states nothing that it denies."""
        if self._library is not None:
            wrong = denied_in(shown(path), inventory.endpoints, self._library)
            if wrong is not None:
                self.errors[shown(path)] = wrong


def spread(
    fleet: Sequence[str],
    work: Callable[[InventoryReader], Result],
    result: type[Result],
    hosts: Collection[str] = (),
    library: Library | None = None,
) -> list[Result]:
    """Have the inventories of a fleet read, by several processes if they are many.

    `work` makes a `result` of each part. `hosts` are the only ones that count, if there
    are any. `library` is for the reader.

    Raises:
        InventoryError: there is none, or a folder cannot be read.

    """
    paths = inventory_files(fleet)
    known = dict(zip(paths, sizes(paths), strict=True))
    number = workers() if sum(known.values()) > _WORTH_A_PROCESS else 1
    folder = os.getcwd()
    wanted = frozenset(hosts)
    tasks = [
        partial(work, InventoryReader(share, folder, wanted, library))
        for share in _shares(known, number)
    ]
    if number == 1:
        return [tasks[0]()]
    return aside_all(tasks, result, "reading the fleet")


def gather(
    fleet: Sequence[str],
    classifier: Callable[[], Classifier],
    hosts: Collection[str] = (),
    library: Library | None = None,
) -> Fleet:
    """Read the inventories of a fleet, and sort their endpoints into classes.

    `hosts` are the only ones that count, if there are any.

    Raises:
        InventoryError: no inventory of the fleet can be used.

    """

    def reduced(reading: InventoryReader) -> Reduced:
        known = classifier()
        for path, inventory in reading:
            known.add(path, inventory)
        return known.reduced(reading.errors)

    found = merge(spread(fleet, reduced, Reduced, hosts, library))
    demand_hosts([each.host for each in found.hosts], found.errors, fleet, hosts)
    return found


def demand_hosts(
    found: Collection[str],
    errors: Mapping[str, ErrorRecord],
    fleet: Sequence[str],
    hosts: Collection[str] = (),
) -> None:
    """See that hosts were found in a fleet: those that were asked for, if any were.

    Raises:
        InventoryError: one was not, and why.

    """
    unknown = sorted(set(hosts).difference(found))
    failing = [each for each in errors.values() if each.fails]
    if unknown and not failing:
        missing = no_such_host(unknown, fleet)
        missing.detail = "\n".join(each.summary for each in errors.values()) or None
        raise missing
    if not found:
        raise InventoryError.of(failing[0])


class Inventories(Mapping[str, "Inventory"]):
    """The inventories of a fleet by host, each read again when it is looked at.

    So that one at a time is in memory. `files` are their paths, and `errors` say by
    path what cannot be used.

    Raises:
        InventoryError: no inventory of the fleet can be used.

    """

    def __init__(self, fleet: Sequence[str], library: Library | None = None) -> None:
        reading = InventoryReader(inventory_files(fleet), "", (), library)
        found, doubles = newest(
            [Taken(path, each.host, each.taken_at) for path, each in reading]
        )
        self.errors = reading.errors | doubles
        demand_hosts([each.host for each in found], self.errors, fleet)
        self.files = {each.host: each.path for each in found}

    def __getitem__(self, host: str) -> Inventory:
        """Read a host's inventory; InventoryError if it cannot be used any more."""
        return read_inventory(self.files[host])

    def __iter__(self) -> Iterator[str]:
        """Give the hosts' names, in their order."""
        return iter(self.files)

    def __len__(self) -> int:
        """Give how many hosts there are."""
        return len(self.files)


def _shares(sizes: dict[str, int], number: int) -> list[list[str]]:
    """Share files out so that each process has as many bytes to read."""
    shares: list[list[str]] = [[] for _ in range(number)]
    loads = [0] * number
    for path in sorted(sizes, key=lambda path: -sizes[path]):
        least = loads.index(min(loads))
        shares[least].append(path)
        loads[least] += sizes[path]
    return shares
