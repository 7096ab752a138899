# SPDX-License-Identifier: Apache-2.0
"""What to type where facts are missing: a command, and a file, that hold them all."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from vfiocompat.tables.stated import Unfilled, unfilled_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.diagnostics import Side
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.output.text import Line
    from vfiocompat.pairs import Pair

__all__ = ["facts_lines", "missing_facts"]

_OPTIONS: dict[Side, str] = {"source": "--fact", "destination": "--destination-fact"}


def missing_facts(pairs: Sequence[Pair]) -> dict[Side, dict[str, None]]:
    """Name what is missing of undetermined pairs, for each side once."""
    found: dict[Side, dict[str, None]] = {"source": {}, "destination": {}}
    for pair in pairs:
        if pair.decision.verdict == "undetermined":
            for finding in pair.decision.diagnostics:
                for each in finding.missing:
                    found[each.side][each.fact] = None
    return found


def facts_lines(
    pairs: Sequence[Pair], command: Sequence[str], config: str
) -> Iterator[Line]:
    """Give the `command` with all missing facts, and a file that states them for good.

    That is one of the site, whose directory is `config`. Nothing where none is missing.
    `--destination-fact` states one of every destination.
    """
    missing = missing_facts(pairs)
    options = [
        f"{_OPTIONS[side]} {name}=VALUE"
        for side, names in missing.items()
        for name in names
    ]
    if not options:
        return
    yield [("", "plain")]
    yield [("state what is missing", "strong"), (" and ask again:", "plain")]
    yield [("    ", "plain"), (" ".join([shlex.join(command), *options]), "command")]
    yield [(f"or for good, in a file of {config}/facts.d:", "plain")]
    for line in unfilled_lines(_by_endpoint(pairs)):
        yield [("    ", "plain"), (line, "command")]


def _by_endpoint(pairs: Sequence[Pair]) -> Iterator[Unfilled]:
    """Give the endpoints of which something is missing, each once."""
    found: dict[tuple[str, str | None], dict[str, None]] = {}
    for pair in pairs:
        ends: dict[Side, Endpoint] = {
            "source": pair.source,
            "destination": pair.destination,
        }
        for side, names in missing_facts([pair]).items():
            if names:
                end = ends[side]
                found.setdefault((end.address, end.host), {}).update(names)
    for (address, host), names in found.items():
        yield Unfilled("endpoint", address, names, host)
