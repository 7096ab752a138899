# SPDX-License-Identifier: Apache-2.0
"""What changed between two fleets, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.fleet.diff import GONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet.diff import Comparison, Path

__all__ = ["DIFF_COLUMNS", "diff_rows"]

DIFF_COLUMNS = ("what", "source or host", "destination or address", "why")


def diff_rows(found: Comparison) -> Iterator[tuple[str, str, str, str]]:
    """Give one row a change, those that matter most first."""
    yield from _paths("lost", found.lost, found)
    yield from _paths("gained", found.gained, found)
    for host, address in found.removed:
        yield "removed", host, address, "-"
    for host, address in found.added:
        yield "added", host, address, "-"
    for change in found.changed:
        values = "; ".join(
            f"{name}: {old or 'none'} -> {new or 'none'}"
            for name, (old, new) in change.values.items()
        )
        yield "changed", change.host, change.address, values


def _paths(
    what: str, paths: Iterable[Path], found: Comparison
) -> Iterator[tuple[str, str, str, str]]:
    for path in paths:
        if path.codes == (GONE,) and what == "gained":
            why = "there was no such endpoint before"
            yield _row(what, path, found, why)
            continue
        why = ", ".join(
            f"{code} {code.summary}" for code in path.codes if code.severity == "error"
        )
        if path.became is not None:
            ends = " -> ".join(_label(found.classes, id_) for id_ in path.became)
            when = "now" if what == "lost" else "before"
            why = f"{when} {ends}: {why or ', '.join(path.codes)}"
        yield _row(what, path, found, why)


def _row(
    what: str, path: Path, found: Comparison, why: str
) -> tuple[str, str, str, str]:
    ends = path.source, path.destination
    source, destination = (_label(found.classes, end) for end in ends)
    return what, source, destination, why


def _label(classes: dict[str, Endpoint], id_: str) -> str:
    """Name a class by what people know it by, and by its id."""
    endpoint = classes[id_]
    words = endpoint.version or " ".join(
        filter(None, (endpoint.driver, endpoint.type_id))
    )
    return f"{words} ({id_})" if words else id_
