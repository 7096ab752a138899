# SPDX-License-Identifier: Apache-2.0
"""Version strings made of facts, for endpoints whose driver prints none."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, get_args

from vfiocompat.errors import InvalidVersion
from vfiocompat.tables.facts import FACTS, teller
from vfiocompat.tables.language.formats import RESERVED
from vfiocompat.tables.language.kinds import UNKNOWN
from vfiocompat.tables.language.records import InterfaceFlag
from vfiocompat.tables.language.relations import equal
from vfiocompat.tables.language.table import Reading
from vfiocompat.versions import VendorId, VersionString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfiocompat.tables.language.table import Table

__all__ = ["denied_by_facts", "derive", "learn", "state", "stated_mistakes", "text_of"]


def derive(
    table: Table,
    facts: Mapping[str, str],
    stated: Mapping[str, str],
    vendor_id: str | None,
    head: Mapping[str, str] = MappingProxyType({}),
) -> Reading | None:
    """Derive an endpoint's version string; None where the table does not say how.

    `facts` were read, `stated` is what an operator states: facts, or fields that the
    table does not derive. `vendor_id` is the endpoint's, as sysfs has it, for tables of
    no vendor. `head` are fields that the head of its stream shows: these win. What is
    not known, or would not be read back as it is, is written `?`.
    """
    vendor = _vendor(table, vendor_id)
    if vendor is None or not ("format" in table.file.derive or head):
        return None
    name = table.file.filled_format
    form = next(form for form in table.formats if form.name == name)
    texts = {}
    for part in form.parts:
        text = text_of(table, part.name, facts, stated)
        if part.name in head:
            text = _other_spelling(table, part.name, text, head[part.name])
        if text is None or not part.gives_back(text):
            text = UNKNOWN
        texts[part.name] = text
    try:
        version = VersionString.parse(f"{vendor}-{form.write(texts)}")
    except InvalidVersion:
        return None
    found = table.read(version, derived=True)
    if not isinstance(found, Reading) or found.format != form.name:
        return None
    written = {name: found.pieces[name].text for name in texts}
    return found if written == texts else None


def _other_spelling(table: Table, field: str, text: str | None, wins: str) -> str:
    """Give what wins, but as another text writes the same value."""
    value = None if text is None else table.fields.worth(field, text)
    worth = table.fields.worth(field, wins)
    same = None not in {value, worth} and equal(value, worth)
    return text if text is not None and same else wins


def _vendor(table: Table, vendor_id: str | None) -> str | None:
    if table.file.vendor is None:
        return vendor_id and vendor_id.removeprefix("0x")
    return VendorId.named(table.file.vendor).prefix


def text_of(
    table: Table, field: str, facts: Mapping[str, str], stated: Mapping[str, str]
) -> str | None:
    """Find the text of a field: of the first fact that gives one, else as stated.

    A fact whose text is no value of the field gives none. One that has the field's name
    is none of it unless the table says so.
    """
    read = _read(table, field, {**stated, **facts})
    return _value(table, field, stated.get(field)) if read is None else read


def _read(table: Table, field: str, facts: Mapping[str, str]) -> str | None:
    """Find the text of a field in the facts that the table names for it."""
    derivation = table.file.derivation(field)
    for fact in derivation.facts:
        words = facts.get(fact, "").split()
        whole = derivation.part == "whole" or not words
        text = _value(table, field, facts.get(fact) if whole else words[-1])
        if text is not None:
            return text
    return None


def _value(table: Table, field: str, text: str | None) -> str | None:
    """Give a text as the field has it, if it is a value of the field."""
    if text is None or table.fields.worth(field, text) is None:
        return None
    kind = table.fields.kinds[field]
    if kind == "text" and not text.strip():
        return None  # nothing has a blank for its name
    return text.removeprefix("0x") if kind == "hex" else text


def learn(table: Table, field: str) -> str | None:
    """Say how an operator learns what a field is, if the table or a fact tells."""
    origin = table.fields.origins.get(field, field)
    note = table.file.field.get(origin)
    if note is not None and note.learn is not None:
        return note.learn
    facts = table.file.derivation(origin).facts
    return next((FACTS[fact] for fact in facts), None)


def state(table: Table, field: str) -> str:
    """Name what an operator states to give a field: the field that it comes from."""
    return table.fields.origins.get(field, field)


def stated_mistakes(
    stated: Mapping[str, str], facts: Mapping[str, str], tables: list[Table]
) -> dict[str, str]:
    """Find what is wrong with stated values, by their names.

    A name is a fact or a field of one of the tables; a value is one that the field
    takes, and not another than sysfs has.
    """
    found = _mistakes(stated, facts, tables)
    return {name: mistake.what for name, mistake in found.items()}


class _Mistake(NamedTuple):
    """What is wrong with a stated value, and who says so if it is another's word."""

    what: str
    teller: str | None = None


def _mistakes(
    stated: Mapping[str, str], facts: Mapping[str, str], tables: list[Table]
) -> dict[str, _Mistake]:
    wrong = {}
    for name, text in stated.items():
        takers = [table for table in tables if name in _stateable(table)]
        if name in FACTS:
            what = _same_fact(name, text, facts.get(name)) or _no_value(name, text)
            takers = [t for t in takers if name in t.file.derivation(name).facts]
        else:
            what = None if takers else _Mistake(_no_name(name, tables))
        if what is None:
            taken = (_taken(table, name, text, facts) for table in takers)
            what = next(filter(None, taken), None)
        if what is not None:
            wrong[name] = what
    return wrong


def denied_by_facts(
    stated: Mapping[str, str],
    facts: Mapping[str, str],
    tables: list[Table],
    who: str | None = None,
) -> dict[str, str]:
    """Find what is stated and facts say otherwise, by its name; else nothing is wrong.

    Other tables than these may have named what they do not know. `who` is the only
    teller of facts whose word counts, if there is one.
    """
    wrong = {}
    for name, text in stated.items():
        if UNKNOWN in text:
            continue
        takers = [table for table in tables if name in _stateable(table)]
        what = None
        if name in FACTS:
            what = _same_fact(name, text, facts.get(name))
            takers = [t for t in takers if name in t.file.derivation(name).facts]
        valued = (t for t in takers if t.fields.worth(name, text) is not None)
        taken = (_taken(table, name, text, facts) for table in valued)
        what = what or next(filter(None, taken), None)
        if what is not None and who in {None, what.teller}:
            wrong[name] = what.what
    return wrong


def _stateable(table: Table) -> set[str]:
    """Name the fields that an operator may state."""
    return set(table.fields.kinds) - {*RESERVED, *table.fields.origins}


def _same_fact(name: str, text: str, read: str | None) -> _Mistake | None:
    if read is None or text.removeprefix("0x") == read.removeprefix("0x"):
        return None
    return _otherwise(name, text, read)


def _otherwise(fact: str, text: str, read: str) -> _Mistake:
    who = teller(fact)
    return _Mistake(f"{text!r} is stated, {who} says {read!r}", who)


_FLAGS = frozenset(get_args(InterfaceFlag))
_YES_OR_NO = frozenset({"dirty_tracking", "iommu_dirty_tracking", "iommufd"})


def _no_value(name: str, text: str) -> _Mistake | None:
    """Say what is wrong with a value of a fact that has but few."""
    if name in _YES_OR_NO and text not in {"yes", "no"}:
        return _Mistake(f"{text!r} is neither yes nor no")
    told = set(text.split(","))
    if name == "migration_flags" and not {"STOP_COPY"} <= told <= _FLAGS:
        known = ", ".join(sorted(_FLAGS))
        return _Mistake(
            f"{text!r} is no list of {known} with commas, which has STOP_COPY"
        )
    return None


def _taken(
    table: Table, name: str, text: str, facts: Mapping[str, str]
) -> _Mistake | None:
    worth = table.fields.worth(name, text)
    if worth is None:
        return _Mistake(f"{text!r} is no {table.fields.kinds[name]}")
    read = _read(table, name, facts)
    if read is None or equal(table.fields.worth(name, read), worth):
        return None
    told = next(each for each in table.file.derivation(name).facts if each in facts)
    return _otherwise(told, text, read)


def _no_name(name: str, tables: list[Table]) -> str:
    for table in tables:
        if name in table.fields.origins:
            return f"follows from {table.fields.origins[name]}: state that"
    if not tables:
        return "is no fact, and no table speaks for the endpoint"
    return f"is neither a fact nor a field of {', '.join(table.id for table in tables)}"
