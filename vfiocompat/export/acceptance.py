# SPDX-License-Identifier: Apache-2.0
"""What a host of a fleet accepts, put together for writers of other programs' files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.export.view import Group, View, short_hash
from vfiocompat.fleet.classes import Classifier, class_id
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.tables.judge import derivation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfiocompat.endpoints import Endpoint, EndpointKind
    from vfiocompat.inventory import Inventory
    from vfiocompat.tables.library import Library
    from vfiocompat.times import Horizon

__all__ = ["view_of"]


def view_of(
    fleet: Mapping[str, Inventory],
    host: str,
    library: Library,
    horizon: Horizon,
    *,
    expires: float,
) -> View:
    """Tell of a host of a fleet which of the fleet's version strings it accepts.

    A string that a table derives counts as one where it is known whole.
    """
    classifier = Classifier(horizon, library.facts_read)
    for other in fleet:
        if other != host:
            classifier.sorted(fleet[other])
    inventory = fleet[host]
    members: dict[tuple[int, EndpointKind, str | None], list[Endpoint]] = {}
    for endpoint, number in zip(*classifier.sorted(inventory), strict=True):
        key = number, endpoint.kind, endpoint.parent
        members.setdefault(key, []).append(endpoint)
    classes = classifier.classes
    grid = decide_grid(classes, library)
    alike: dict[str, str] = {}
    names = [_string(endpoint, library, alike) for endpoint in classes]
    sources = _sources(classes, names, alike)
    groups = [
        Group(
            class_=class_id(classes[number]),
            string=names[number],
            kind=kind,
            addresses=tuple(each.address for each in endpoints),
            parent=parent,
            type_id=classes[number].type_id,
            verdicts={
                name: grid.least(rows, number) for name, rows in sorted(sources.items())
            },
        )
        for (number, kind, parent), endpoints in members.items()
    ]
    return View(inventory, groups, sorted(sources), alike, horizon.now, expires)


def _sources(
    classes: Sequence[Endpoint], names: Sequence[str | None], alike: Mapping[str, str]
) -> dict[str, list[int]]:
    """Give the classes of each string, of which the most doubtful verdict counts.

    One that only outdated classes have may still have the name of another.
    """
    found: dict[str, list[int]] = {}
    known: set[str] = set()
    for outdated in (False, True):
        for number, (endpoint, name) in enumerate(zip(classes, names, strict=True)):
            if name is None or endpoint.is_outdated is not outdated:
                continue
            if alike.get(name, name) not in known:
                found.setdefault(name, []).append(number)
        known = {alike.get(name, name) for name in found}
    return found


def _string(endpoint: Endpoint, library: Library, alike: dict[str, str]) -> str | None:
    """Give the string that names a class to others; None if it is not known whole.

    If it is derived, `alike` keeps the name of all that are the same as a source's.
    """
    if endpoint.version is not None:
        return endpoint.version
    found = derivation(endpoint, library.speaking_for(endpoint))
    if found is None or "?" in found[1].version.text:
        return None
    table, reading = found
    text = reading.version.text
    vendor = text.removesuffix(reading.version.proprietary)
    read = sorted(table.read_of_source(reading).items())
    alike[text] = f"{table.id}-{short_hash(repr((vendor, read)), digits=16)}"
    return text
