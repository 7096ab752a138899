# SPDX-License-Identifier: Apache-2.0
"""What changed between two fleets: endpoints, and the paths between their classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.fleet import Classifier, class_id
from vfiocompat.grid import evaluate_grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.gathering import Gauge
    from vfiocompat.grid import Grid
    from vfiocompat.inventory import Inventory
    from vfiocompat.loader import Library
    from vfiocompat.moments import Horizon

__all__ = ["GONE", "Change", "Comparison", "Path", "compare"]

Name = tuple[str, str]
"""A host and an address on it."""

_COMPARED = ("version", "driver", "type_id", "device_api", "vfio")
GONE = "VFC411"
"""The code of a path that is lost because nothing is left of a class."""


class Change(msgspec.Struct, frozen=True):
    """An endpoint that is there in both fleets, and each value that is another now.

    `values` has the older and the newer value by the name of the field or the fact.
    """

    host: str
    address: str
    values: dict[str, tuple[str | None, str | None]]


class Path(msgspec.Struct, frozen=True):
    """A pair of classes that endpoints can go between in one of two fleets only.

    `codes` say why not in the other. There the endpoints are of the classes in
    `became`, if they are there at all.
    """

    source: str
    destination: str
    codes: tuple[str, ...]
    became: tuple[str, str] | None


class Comparison(NamedTuple):
    """All that changed; `classes` has what stands for each class that is named."""

    added: list[Name]
    removed: list[Name]
    changed: list[Change]
    lost: list[Path]
    gained: list[Path]
    classes: dict[str, Endpoint]


class _Side(NamedTuple):
    """One of the two fleets: its endpoints, their classes, and how many each has."""

    endpoints: dict[Name, Endpoint]
    classes: dict[Name, str]
    sizes: dict[str, int]


def compare(
    old: Mapping[str, Inventory],
    new: Mapping[str, Inventory],
    library: Library,
    horizon: Horizon,
    gauge: Gauge,
) -> Comparison:
    """Compare two fleets, given as inventories by host."""
    standing: dict[str, Endpoint] = {}
    before = _side(old, library, horizon, standing)
    after = _side(new, library, horizon, standing)
    places = {id_: at for at, id_ in enumerate(standing)}
    grid = evaluate_grid(list(standing.values()), library, gauge)
    ways = _Ways(grid, places)
    return Comparison(
        added=sorted(after.endpoints.keys() - before.endpoints.keys()),
        removed=sorted(before.endpoints.keys() - after.endpoints.keys()),
        changed=list(_changes(before, after)),
        lost=list(ways.only_in(before, after)),
        gained=list(ways.only_in(after, before)),
        classes=standing,
    )


def _side(
    inventories: Mapping[str, Inventory],
    library: Library,
    horizon: Horizon,
    standing: dict[str, Endpoint],
) -> _Side:
    """Sort a fleet's endpoints into classes, and add those to `standing`."""
    classifier = Classifier(horizon, library.facts_read)
    endpoints: dict[Name, Endpoint] = {}
    numbers: dict[Name, int] = {}
    for host, inventory in inventories.items():
        for endpoint, number in classifier.sort(inventory):
            endpoints[host, endpoint.address] = endpoint
            numbers[host, endpoint.address] = number
    ids = [class_id(endpoint) for endpoint in classifier.classes]
    standing |= zip(ids, classifier.classes, strict=True)
    classes = {name: ids[number] for name, number in numbers.items()}
    sizes: dict[str, int] = {}
    for id_ in classes.values():
        sizes[id_] = sizes.get(id_, 0) + 1
    return _Side(endpoints, classes, sizes)


def _changes(before: _Side, after: _Side) -> Iterator[Change]:
    for name in sorted(before.endpoints.keys() & after.endpoints.keys()):
        one, other = before.endpoints[name], after.endpoints[name]
        olds, news = _values(one), _values(other)
        values = {
            key: (olds.get(key), news.get(key))
            for key in olds | news
            if olds.get(key) != news.get(key)
        }
        if values:
            yield Change(*name, values)


def _values(endpoint: Endpoint) -> dict[str, str]:
    """Give what of an endpoint is worth telling when it changes: not what is free."""
    found = {name: getattr(endpoint, name) for name in _COMPARED}
    found["attribute"] = endpoint.attribute and endpoint.attribute.state
    found |= {f"stated {name}": text for name, text in endpoint.stated.items()}
    return endpoint.facts | {
        name: str(value) for name, value in found.items() if value is not None
    }


class _Ways:
    """Which classes can go where, whatever fleet they are of."""

    def __init__(self, grid: Grid, places: Mapping[str, int]) -> None:
        self._grid = grid
        self._places = places
        self._ids = list(places)

    def only_in(self, here: _Side, there: _Side) -> Iterator[Path]:
        """Give the paths of one fleet that the other one does not have."""
        became: dict[str, set[str | None]] = {}
        for name, id_ in here.classes.items():
            became.setdefault(id_, set()).add(there.classes.get(name))
        for source in sorted(became):
            row = self._grid.can_go(self._places[source])
            for destination in sorted(became):
                if not row[self._places[destination]]:
                    continue
                if source == destination and here.sizes[source] == 1:
                    continue  # an endpoint does not go to itself
                yield from self._missing(
                    source, destination, became[source], became[destination]
                )

    def _missing(
        self,
        source: str,
        destination: str,
        sources: set[str | None],
        destinations: set[str | None],
    ) -> Iterator[Path]:
        """Say of a path whether it is missing where its ends became others."""
        if sources == {source} and destinations == {destination}:
            return
        if sources == {None} or destinations == {None}:
            yield Path(source, destination, (GONE,), None)
            return
        for one in sorted(filter(None, sources)):
            for other in sorted(filter(None, destinations)):
                cell = self._grid.cell(self._places[one], self._places[other])
                if cell.verdict != "compatible":
                    yield Path(source, destination, cell.codes, (one, other))
