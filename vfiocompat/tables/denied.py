# SPDX-License-Identifier: Apache-2.0
"""What is stated of endpoints, and a head or NVIDIA's library says otherwise.

What these say counts. An option that states such is refused; of a file it is left out,
and the file is told of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.contradictions import identified_by_facts, own_facts
from vfiocompat.errors import FactError
from vfiocompat.tables.facts import LIBRARY, OF_LIBRARY
from vfiocompat.tables.heads import contradicted
from vfiocompat.tables.language.derive import denied_by_facts
from vfiocompat.tables.shelf import whole_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vfiocompat.endpoints import Endpoint, Facts
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.tables.library import Library

__all__ = [
    "HEAD",
    "Denial",
    "can_deny",
    "denials",
    "denied_by_head",
    "denied_by_library",
    "denied_in",
    "denied_record",
    "without_denied",
]

HEAD = "the head of the migration stream"
"""Who tells what a device writes of itself."""

_READ = "what was read"


class Denial(NamedTuple):
    """What is said of something that is stated, and who says it."""

    what: str
    who: str

    def line(self, endpoint: Endpoint, name: str) -> str:
        """Tell it of an endpoint, and of the name of what is stated."""
        return f"{name} of {endpoint.address}: {self.what}"


def denied_in(
    path: str, endpoints: Iterable[Endpoint], library: Library
) -> ErrorRecord | None:
    """Say what an inventory keeps as stated that facts or heads in it deny."""
    by_heads, by_facts = [], []
    for each in endpoints:
        if each.stated:
            for name, what in denied_by_head(each, each.stated, library).items():
                by_heads.append(Denial(what, HEAD).line(each, name))
            for name, what in _denied_by_facts(each, library).items():
                by_facts.append(Denial(what, _READ).line(each, name))
    if not by_heads and not by_facts:
        return None
    says = f"{_READ if by_facts else HEAD} says"
    return _record(path, says, (*by_heads, *by_facts), "scan its host again")


def _denied_by_facts(endpoint: Endpoint, library: Library) -> dict[str, str]:
    tables = whole_tables(library.speaking_for(endpoint))
    facts = own_facts(endpoint) | endpoint.facts
    return denied_by_facts(endpoint.stated, facts, tables)


def denied_record(path: str, wrong: Mapping[str, Denial]) -> ErrorRecord:
    """Tell of a file of facts that states what is denied, line by line."""
    who = sorted({denial.who for denial in wrong.values()})
    says = f"{' and '.join(who)} {'says' if len(who) == 1 else 'say'}"
    return _record(path, says, wrong, "mend the file")


def _record(path: str, says: str, lines: Iterable[str], do: str) -> ErrorRecord:
    return FactError(
        f"{path}: {says} otherwise",
        detail="\n".join(lines),
        hint=f"{do}: what is stated does not count",
        code=codes.FACT_UNUSABLE,
    ).record


def without_denied(endpoint: Endpoint, library: Library) -> Endpoint:
    """Give an endpoint without what is stated of it and is denied."""
    wrong = denials(endpoint, endpoint.stated, library) if endpoint.stated else {}
    if not wrong:
        return endpoint
    kept = {name: text for name, text in endpoint.stated.items() if name not in wrong}
    return msgspec.structs.replace(endpoint, stated=kept)


def can_deny(endpoint: Endpoint) -> bool:
    """Whether there is of an endpoint what can deny statements."""
    return bool(endpoint.head) or not OF_LIBRARY.isdisjoint(endpoint.facts)


def denials(endpoint: Endpoint, stated: Facts, library: Library) -> dict[str, Denial]:
    """Say who denies something that is stated of an endpoint, by its name."""
    by_library = denied_by_library(endpoint, stated, library)
    by_head = denied_by_head(endpoint, stated, library)
    return {
        **{name: Denial(what, LIBRARY) for name, what in by_library.items()},
        **{name: Denial(what, HEAD) for name, what in by_head.items()},
    }


def denied_by_library(
    endpoint: Endpoint, stated: Facts, library: Library
) -> dict[str, str]:
    """Say of what is stated of an endpoint what NVIDIA's library says otherwise."""
    if not stated or OF_LIBRARY.isdisjoint(endpoint.facts):
        return {}
    known = identified_by_facts(msgspec.structs.replace(endpoint, stated=stated))
    tables = whole_tables(library.speaking_for(known))
    return denied_by_facts(stated, endpoint.facts, tables, LIBRARY)


def denied_by_head(
    endpoint: Endpoint, stated: Facts, library: Library
) -> dict[str, str]:
    """Say of what is stated of an endpoint, and its head denies, what that says."""
    table = library.reading_heads(endpoint) if endpoint.head else None
    if table is None or not endpoint.head:
        return {}
    there = contradicted(table, endpoint.head.exact_bytes(), stated)
    return {
        name: f"{stated[name]} is stated, and it is {text}"
        for name, text in there.items()
    }
