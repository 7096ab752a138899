# SPDX-License-Identifier: Apache-2.0
"""Version strings made of facts, for endpoints whose driver prints none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.errors import InvalidVersion
from vfiocompat.facts import FACTS
from vfiocompat.language.table import Reading
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfiocompat.language.table import Table

__all__ = ["derive", "learn", "state", "stated_mistakes"]


def derive(
    table: Table,
    facts: Mapping[str, str],
    stated: Mapping[str, str],
    vendor_id: str | None,
) -> Reading | None:
    """Derive an endpoint's version string; None where the table does not say how.

    `facts` were read, `stated` is what an operator states: facts, or fields that the
    table does not derive. `vendor_id` is the endpoint's, as sysfs has it, for tables of
    no vendor. What is not known, or would not be read back as it is, is written `?`.
    """
    vendor = _vendor(table, vendor_id)
    if vendor is None or "format" not in table.file.derive:
        return None
    name = table.file.derive["format"]
    form = next(form for form in table.formats if form.name == name)
    known = {**stated, **facts}
    texts = {}
    for part in form.parts:
        text = _text(table, part.name, known)
        if text is None:
            continue
        if part.kind.name == "hex":
            text = text.removeprefix("0x")
        if part.kind.value(text) is not None and not (
            part.literal and part.literal in text
        ):
            texts[part.name] = text
    try:
        version = VersionString.parse(f"{vendor}-{form.write(texts)}")
    except InvalidVersion:
        return None
    found = table.read(version, derived=True)
    return found if isinstance(found, Reading) else None


def _vendor(table: Table, vendor_id: str | None) -> str | None:
    if table.file.vendor is None:
        return vendor_id and vendor_id.removeprefix("0x")
    return table.file.vendor.removeprefix("pci:").removeprefix("u32:")


def _text(table: Table, field: str, known: Mapping[str, str]) -> str | None:
    """Find the text of a field: the first fact there is, else what is stated."""
    derivation = table.file.derivation(field)
    for fact in derivation.facts:
        if fact in known:
            words = known[fact].split()
            whole = derivation.part == "whole" or not words
            return known[fact] if whole else words[-1]
    return known.get(field)


def learn(table: Table, field: str) -> str | None:
    """Say how an operator learns what a field is, if the table or a fact tells."""
    origin = table.fields.origins.get(field, field)
    note = table.file.field.get(origin)
    if note is not None and note.learn is not None:
        return note.learn
    facts = table.file.derivation(origin).facts
    return next((FACTS[fact] for fact in facts), None)


def state(table: Table, field: str) -> str:
    """Name what an operator states to give a field: a fact, or the field itself."""
    origin = table.fields.origins.get(field, field)
    return next(iter(table.file.derivation(origin).facts), origin)


def stated_mistakes(
    stated: Mapping[str, str], facts: Mapping[str, str], tables: list[Table]
) -> dict[str, str]:
    """Find what is wrong with stated values, by their names.

    A name is a fact or a field of one of the tables; a value is one that the field
    takes, and not another than sysfs has.
    """
    wrong = {}
    for name, text in stated.items():
        fields = [
            table
            for table in tables
            if name in table.fields.kinds
            and name not in table.fields.origins
            and name not in {"format", "vendor_spelling"}
        ]
        if name in FACTS:
            if name in facts and facts[name] != text:
                wrong[name] = f"{text!r} is stated, sysfs says {facts[name]!r}"
        elif not fields:
            names = ", ".join(table.id for table in tables)
            what = f"nor a field of {names}" if names else "and no table speaks for it"
            wrong[name] = f"is neither a fact {what}"
        elif all(table.fields.worth(name, text) is None for table in fields):
            kind = fields[0].fields.kinds[name]
            wrong[name] = f"{text!r} is no {kind}"
        else:
            for table in fields:
                read = _text(table, name, facts)
                values = [table.fields.worth(name, each) for each in (read or "", text)]
                if read is not None and values[0] != values[1]:
                    wrong[name] = f"{text!r} is stated, sysfs says {read!r}"
    return wrong
