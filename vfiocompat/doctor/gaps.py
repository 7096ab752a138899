# SPDX-License-Identifier: Apache-2.0
"""What would have to be known of a host's endpoints so that tables decide.

Each endpoint without an attribute is judged against one like itself: what is open then
is so against any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.diagnostics import counted, first_of
from vfiocompat.doctor.found import passed, warned
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.lacking import Lacking, lacking
from vfiocompat.tables.language.table import Table
from vfiocompat.tables.unfilled import Lack, unfilled_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.doctor.found import Found
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.tables.library import Library

__all__ = ["Gap", "find_gaps", "missing_facts", "missing_tables"]

_SHOWN = 4
"""How many endpoints that are alike are named."""


class Gap(NamedTuple):
    """Endpoints of one driver of which the same is not known.

    `table` is the one that would decide; None where there is none, or several.
    """

    driver: str | None
    table: str | None
    addresses: tuple[str, ...]
    lacks: Lacking
    several: bool = False


def find_gaps(here: Iterable[Endpoint], library: Library) -> list[Gap]:
    """Sort the endpoints that tables leave open by what is not known of them."""
    gaps: dict[bytes, Gap | None] = {}
    groups: dict[str, list[str]] = {}
    known: dict[str, Gap] = {}
    for endpoint in here:
        if not endpoint.lacks_attribute:
            continue
        # A host may have thousands that differ in their names alone.
        nameless = msgspec.structs.replace(
            endpoint, address="", uuid=None, attribute=None
        )
        key = msgspec.msgpack.encode(nameless)
        if key not in gaps:
            gaps[key] = _gap(endpoint, library)
        if (gap := gaps[key]) is not None:
            known[repr(gap)] = gap
            groups.setdefault(repr(gap), []).append(endpoint.address)
    return [
        known[alike]._replace(addresses=tuple(names)) for alike, names in groups.items()
    ]


def _gap(endpoint: Endpoint, library: Library) -> Gap | None:
    decision = decide_pair(endpoint, endpoint, library).decision
    if decision.verdict != "undetermined" or decision.failed:
        return None
    found = {each.code for each in decision.diagnostics}
    lacks = Lacking({}, {})
    if decision.table is not None:
        shelf = library.speaking_for(endpoint)
        table = next(each.table for each in shelf if each.id == decision.table)
        assert isinstance(table, Table)
        lacks = lacking(table, endpoint)
        if not lacks.facts and not lacks.values:
            return None  # the device itself decides, or a rule leaves it open
    return Gap(
        endpoint.driver,
        decision.table,
        (),
        lacks,
        codes.SEVERAL_TABLES in found,
    )


def missing_tables(gaps: Sequence[Gap]) -> Found:
    """Look whether a table speaks for each endpoint, and knows what it is."""
    lines = list(_without_table(gaps))
    if not lines:
        return passed("a table or an attribute speaks for every endpoint")
    number = sum(
        len(gap.addresses) for gap in gaps if gap.table is None or gap.lacks[1]
    )
    return warned(
        f"no table can decide for {counted(number, 'endpoint')}",
        codes.NOTHING_DECIDES,
        detail="\n".join(lines),
        hint="write one, or ask the vendor for one: vfiocompat-table(5)",
    )


def _without_table(gaps: Sequence[Gap]) -> Iterator[str]:
    for gap in gaps:
        which = f"{gap.driver or 'no driver'}: {first_of(gap.addresses, _SHOWN)}"
        if gap.several:
            yield f"{which}: several tables speak for it, keep one"
        elif gap.table is None:
            yield f"{which}: no table speaks for it"
        for field, text in gap.lacks.values.items():
            yield f"{which}: table {gap.table} does not know the {field} of {text}"


def missing_facts(gaps: Sequence[Gap], config: str) -> Found:
    """Look whether all is known of endpoints that tables read."""
    lacking = [gap for gap in gaps if gap.lacks.facts]
    if not lacking:
        return passed("tables lack no fact of an endpoint")
    number = sum(len(gap.addresses) for gap in lacking)
    return warned(
        f"tables lack facts of {counted(number, 'endpoint')}: their pairs are "
        "undetermined",
        codes.VALUE_NOT_KNOWN,
        detail="\n".join([*map(_which, lacking), *dict.fromkeys(_learnt(lacking))]),
        hint=f"write {config}/facts.d/here.toml, with what is so in place of '?':\n"
        + "\n".join(f"    {line}" for line in unfilled_lines(map(_lack, lacking))),
    )


def _which(gap: Gap) -> str:
    return (
        f"{gap.driver or 'no driver'}: {first_of(gap.addresses, _SHOWN)}: table "
        f"{gap.table} reads {', '.join(gap.lacks.facts)}"
    )


def _learnt(gaps: Iterable[Gap]) -> Iterator[str]:
    """Say how each fact is learnt."""
    for gap in gaps:
        for name, how in gap.lacks.facts.items():
            yield f"{name}: {how or f'see vfiocompat tables show {gap.table}'}"


def _lack(gap: Gap) -> Lack:
    """Give what endpoints of this host lack, as a file states it."""
    places = [(None, address) for address in gap.addresses]
    return Lack(gap.driver, tuple(gap.lacks.facts), [None], places, len(places))
