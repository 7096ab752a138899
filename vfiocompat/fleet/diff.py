# SPDX-License-Identifier: Apache-2.0
"""What changed between two fleets: endpoints, and the paths between their classes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.codes import Code
from vfiocompat.decision.needs import Need, Wanting, needs
from vfiocompat.diagnostics import SIDES
from vfiocompat.fleet.classes import Classifier, class_id
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.pairs import decide_pair
from vfiocompat.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet.grid import Grid
    from vfiocompat.inventory import Inventory
    from vfiocompat.tables.library import Library
    from vfiocompat.times import Horizon

__all__ = ["GONE", "Change", "Comparison", "Path", "compare"]

Name = tuple[str, str]
"""A host and an address on it."""

_Became = dict[str, "Counter[str | None]"]
"""The classes of a fleet, and what their endpoints are in another, of how many."""

_COMPARED = ("version", "driver", "type_id", "device_api", "vfio")
GONE = codes.ENDPOINT_GONE
"""The code of a path that is lost because endpoints of a class are gone."""


class Change(msgspec.Struct, frozen=True):
    """An endpoint that is there in both fleets, and each value that is another now.

    `values` has the older and the newer value by the name of the field or the fact.
    """

    host: str
    address: str
    values: dict[str, tuple[str | None, str | None]]


class Path(msgspec.Struct, frozen=True):
    """A pair of classes that endpoints can go between in one of two fleets only.

    `codes` say why not in the other, and `verdict` what it is there. There the
    endpoints are of the classes in `became`, if they are there at all.
    """

    source: str
    destination: str
    codes: tuple[Code, ...]
    became: tuple[str, str] | None
    verdict: Verdict = "incompatible"


class Comparison(NamedTuple):
    """All that changed; `classes` has what stands for each class that is named.

    `unknown` are paths that were there, and of which nobody knows any more: a driver
    has not been asked again, say. `hosts` are those that have endpoints of one class in
    the older fleet that are of the other one in the newer; None is no endpoint. `newer`
    are the endpoints of each class in the newer one.
    """

    added: list[Name]
    removed: list[Name]
    changed: list[Change]
    lost: list[Path]
    unknown: list[Path]
    gained: list[Path]
    classes: dict[str, Endpoint]
    hosts: dict[tuple[str | None, str | None], list[str]]
    newer: dict[str, list[Name]]

    def wanting(self, library: Library) -> list[Wanting]:
        """Tell what has to be learnt of the newer fleet where a path is not known."""
        found: dict[str, Need] = {}
        for each in self.unknown:
            if each.became is not None:
                one, other = (self.classes[id_] for id_ in each.became)
                needed = needs(*decide_pair(one, other, library))
                for side, id_ in zip(SIDES, each.became, strict=True):
                    if side in needed:
                        found[id_] = found.get(id_, Need()).beside(needed[side])
        return [
            Wanting(
                need,
                self.classes[id_].driver,
                (*dict.fromkeys(host for host, _ in self.newer[id_]),),
                (*self.newer[id_],),
                len(self.newer[id_]),
            )
            for id_, need in found.items()
        ]


class _Moves:
    """From which class of the older fleet to which of the newer endpoints have come.

    A class is None where there is no such endpoint.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str | None, str | None]] = Counter()

    def add(self, before: str | None, after: str | None, times: int) -> None:
        """Count some endpoints."""
        self._counts[before, after] += times

    def forward(self) -> _Became:
        """Give what became of each class of the older fleet, and of how many."""
        return self._grouped(0)

    def backward(self) -> _Became:
        """Give what each class of the newer fleet was, and of how many."""
        return self._grouped(1)

    def _grouped(self, side: int) -> _Became:
        found: _Became = {}
        for ends, times in self._counts.items():
            here, there = ends[side], ends[1 - side]
            if here is not None:
                found.setdefault(here, Counter())[there] += times
        return found


def compare(
    old: Mapping[str, Inventory],
    new: Mapping[str, Inventory],
    library: Library,
    horizon: Horizon,
) -> Comparison:
    """Compare two fleets, given as inventories by host; one host at a time is read."""
    classifiers = [Classifier(horizon, library.facts_read) for _ in range(2)]
    found = Comparison([], [], [], [], [], [], {}, {}, {})
    places: dict[int | None, list[Name]] = {}
    numbers: Counter[tuple[int | None, int | None]] = Counter()
    hosts: dict[tuple[int | None, int | None], dict[str, None]] = {}
    for host in sorted({*old, *new}):
        before, after = (
            _sorted(host, side, classifier)
            for side, classifier in zip((old, new), classifiers, strict=True)
        )
        for address in sorted({*before, *after}):
            one, other = before.get(address), after.get(address)
            move = one and one[1], other and other[1]
            numbers[move] += 1
            hosts.setdefault(move, {})[host] = None
            places.setdefault(move[1], []).append((host, address))
            if one is None:
                found.added.append((host, address))
            elif other is None:
                found.removed.append((host, address))
            elif values := _changes(one[0], other[0]):
                found.changed.append(Change(host, address, values))
    ids = []
    for classifier in classifiers:
        names = [class_id(endpoint) for endpoint in classifier.classes]
        found.classes.update(zip(names, classifier.classes, strict=True))
        ids.append(names)
    moves = _Moves()
    for (one_class, other_class), times in numbers.items():
        before_id = None if one_class is None else ids[0][one_class]
        after_id = None if other_class is None else ids[1][other_class]
        moves.add(before_id, after_id, times)
        found.hosts[before_id, after_id] = [*hosts[one_class, other_class]]
    found.newer.update(
        (ids[1][class_], names)
        for class_, names in places.items()
        if class_ is not None
    )
    grid = decide_grid(list(found.classes.values()), library)
    ways = _Ways(grid, {id_: at for at, id_ in enumerate(found.classes)})
    forward, backward = moves.forward(), moves.backward()
    for path in ways.missing(forward, backward):
        missing = found.unknown if path.verdict == "undetermined" else found.lost
        missing.append(path)
    found.gained.extend(ways.missing(backward, forward))
    return found


def _sorted(
    host: str, fleet: Mapping[str, Inventory], classifier: Classifier
) -> dict[str, tuple[Endpoint, int]]:
    """Give a host's endpoints by address, each with the number of its class."""
    if host not in fleet:
        return {}
    return {
        endpoint.address: (endpoint, number)
        for endpoint, number in zip(*classifier.sorted(fleet[host]), strict=True)
    }


def _changes(
    one: Endpoint, other: Endpoint
) -> dict[str, tuple[str | None, str | None]]:
    """Give each value of an endpoint that is another now."""
    olds, news = _values(one), _values(other)
    return {
        key: (olds.get(key), news.get(key))
        for key in olds | news
        if olds.get(key) != news.get(key)
    }


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

    def missing(self, became: _Became, there: _Became) -> Iterator[Path]:
        """Give the paths of one fleet that the other one does not have.

        `became` says of each class what its endpoints are there, and of how many, and
        `there` the same of the other fleet.
        """
        for source in sorted(became):
            row = self._grid.can_go(self._places[source])
            for destination in sorted(became):
                ends = source, destination
                if row[self._places[destination]] and _has(became, *ends):
                    yield from self._missing(*ends, became, there)

    def _missing(
        self, source: str, destination: str, became: _Became, there: _Became
    ) -> Iterator[Path]:
        """Say of a path whether it is missing where its ends became others."""
        sources, destinations = became[source], became[destination]
        itself = source == destination
        if sources.keys() == {source} and destinations.keys() == {destination}:
            return
        left = min(each.total() - each[None] for each in (sources, destinations))
        if left < (2 if itself else 1):
            if not _has(there, source, destination):
                yield Path(source, destination, (GONE,), None)
            return
        for one in sorted(filter(None, sources)):
            for other in sorted(filter(None, destinations)):
                if itself and one == other and sources[one] == 1:
                    continue  # that is one endpoint
                cell = self._grid.cell(self._places[one], self._places[other])
                if cell.verdict != "compatible":
                    ends = one, other
                    yield Path(source, destination, cell.codes, ends, cell.verdict)


def _has(fleet: _Became, source: str, destination: str) -> bool:
    """Tell whether a fleet has two endpoints of two classes: none goes to itself."""
    if source == destination:
        return source in fleet and fleet[source].total() > 1
    return source in fleet and destination in fleet
