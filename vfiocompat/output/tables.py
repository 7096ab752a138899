# SPDX-License-Identifier: Apache-2.0
"""What `tables` shows: which tables there are, and the whole of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.diagnostics import counted
from vfiocompat.endpoints import Problem
from vfiocompat.inventory import Tool
from vfiocompat.tables.language.records import MigrationClaim, TableFile, TableOrigin
from vfiocompat.tables.language.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.output.text import Line
    from vfiocompat.tables.language.records import (
        Condition,
        Exemption,
        FieldNote,
        Head,
        Interface,
        Requirement,
        Stream,
    )
    from vfiocompat.tables.library import Entry
    from vfiocompat.tables.stated import FactFile

__all__ = [
    "TablesDocument",
    "checked_words",
    "listed_lines",
    "listed_table",
    "table_lines",
    "table_rows",
]


class ListedTable(msgspec.Struct, frozen=True):
    """A table, where it comes from, and which one of the same id it replaces."""

    id: str
    title: str
    vendor: str | None
    drivers: tuple[str, ...]
    evidence: str
    migration: MigrationClaim | None
    origin: TableOrigin
    path: str
    replaces: TableOrigin | None


class TablesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Compatibility tables; `table` is the whole of one, where one was asked for."""

    schema: Literal["vfiocompat.tables/1"] = "vfiocompat.tables/1"
    tool: Tool = Tool()
    tables: list[ListedTable]
    table: TableFile | None = None
    problems: list[Problem] = []


def checked_words(found: Table | FactFile) -> str:
    """Say what a file without mistakes holds."""
    if isinstance(found, Table):
        return f"{len(found.file.case)} cases hold"
    parts = (len(found.endpoint), "endpoint"), (len(found.driver), "driver")
    each = " and ".join(
        f"{number} {noun}{'' if number == 1 else 's'}"
        for number, noun in parts
        if number
    )
    return f"facts of {each or 'nothing'}"


def listed_table(head: Head, entry: Entry) -> ListedTable:
    """Make the record of a table from its head and where it was found."""
    return ListedTable(
        head.id,
        head.title,
        head.vendor,
        head.drivers,
        head.evidence,
        head.migration,
        entry.origin,
        entry.path,
        entry.replaces,
    )


def table_rows(tables: Iterable[ListedTable]) -> Iterator[tuple[str, ...]]:
    """Give one row a table; its origin says which one it replaces."""
    for table in tables:
        replaced = f", replaces the {table.replaces} one" if table.replaces else ""
        yield (
            table.id,
            table.title,
            table.vendor or "-",
            ",".join(table.drivers) or "-",
            table.evidence,
            table.migration or "-",
            f"{table.origin}{replaced}",
        )


def listed_lines(tables: Sequence[ListedTable]) -> Iterator[Line]:
    """Give tables for a person: what each is of, its drivers, and what is unusual."""
    shipped = sum(table.origin == "shipped" for table in tables)
    others = len(tables) - shipped
    whose = f"{shipped} shipped, {others} of this site or of --table"
    yield [(f"{counted(len(tables), 'table')}: {whose}", "strong")]
    for table in tables:
        yield [("", "plain")]
        yield [(f"{table.id}  ", "strong"), (table.title, "plain")]
        yield [("  drivers  ", "dim"), (", ".join(table.drivers) or "any", "plain")]
        if table.migration == "unsupported":
            yield [("  ", "dim"), ("cannot migrate at all", "incompatible")]
        elif table.migration == "device-decides":
            yield [("  ", "dim"), ("the device decides: never a yes", "undetermined")]
        if table.origin != "shipped":
            replaced = ", replaces the one that is shipped" if table.replaces else ""
            yield [(f"  from {table.path or table.origin}{replaced}", "plain")]


def table_lines(file: TableFile, listed: ListedTable) -> Iterator[Line]:
    """Give the whole of a table, as a person reads it."""
    yield [(file.id, "strong"), (f": {file.title}", "plain")]
    about = {
        "from": f"{listed.path} ({listed.origin})",
        "replaces": listed.replaces and f"the {listed.replaces} table of this id",
        "vendor": file.vendor or "any",
        "drivers": ", ".join(file.drivers),
        "evidence": file.evidence,
        "migration": ": ".join(filter(None, (file.migration, file.why))),
    }
    for name, text in about.items():
        if text:
            yield [(f"  {name:<10} ", "dim"), (text, "plain")]
    for name, lines in _table_sections(file):
        yield [("", "plain")]
        yield [(name, "strong")]
        style = "format" if name == _FORMATS else "plain"
        for line in lines:
            yield [(f"  {line}", style)]


_FORMATS = "formats of what follows the vendor id"


def _table_sections(file: TableFile) -> Iterator[tuple[str, list[str]]]:
    """Give the parts of a table that are there, each with its lines."""
    if file.format:
        width = max(map(len, file.format))
        yield (
            _FORMATS,
            [f"{name:<{width}}  {text}" for name, text in file.format.items()],
        )
    if file.field:
        yield "fields", [line for item in file.field.items() for line in _note(*item)]
    if file.requirement:
        lines = [line for each in file.requirement for line in _requirement(each)]
        yield "requirements", lines
    if file.exception:
        lines = [line for each in file.exception for line in _exception(each)]
        yield "exceptions", lines
    if file.derive:
        yield (
            "derived from facts",
            [f"{name} = {_derivation(file, name)}" for name in file.derive],
        )
    if file.interface:
        yield (
            "migration interface, where the kernel does not tell",
            [*_interface(file.interface)],
        )
    if file.stream:
        yield "head of the migration stream", [*_stream(file.stream)]
    if file.gaps:
        yield "what it leaves open", list(file.gaps)
    yield "references", list(file.references)
    if file.case:
        yield "cases", [f"{len(file.case)}; 'vfiocompat tables check' runs them"]


def _note(name: str, note: FieldNote) -> Iterator[str]:
    if note.from_ is not None:
        steps = " < ".join(
            f"{each.name} ({', '.join(each.values)})" for each in note.order
        )
        yield f"{name}, from {note.from_}: {steps}"
    if note.learn is not None:
        yield f"{name}, to learn it: {note.learn}"


def _requirement(each: Requirement) -> Iterator[str]:
    other = f" destination's {each.destination_field}" if each.destination_field else ""
    rule = f"{each.field} {each.relation}{other}"
    if each.specifier is not None:
        rule = f"{each.side}'s {each.field} {_condition(each.specifier)}"
    left_open = ", else left open" if each.otherwise == "undetermined" else ""
    yield f"{each.id}: {rule}{left_open}{_standing(each)}"
    yield from _sources(each)


def _exception(each: Exemption) -> Iterator[str]:
    effect = f"lifts {', '.join(each.lifts)}" if each.lifts else "denies"
    conditions = [
        f"{side}'s {name} {_condition(condition)}"
        for side in ("source", "destination")
        for name, condition in getattr(each, side).items()
    ]
    yield f"{each.id}: {effect} where {' and '.join(conditions)}{_standing(each)}"
    yield from _sources(each)


def _interface(interface: Interface) -> Iterator[str]:
    if interface.flags is not None:
        yield f"flags: {', '.join(interface.flags) or 'none'}"
    if interface.dirty_tracking is not None:
        yield f"tracks what it writes: {'yes' if interface.dirty_tracking else 'no'}"
    yield f"    see {interface.reference}"


def _stream(stream: Stream) -> Iterator[str]:
    size = "all initial bytes" if stream.size == "initial" else f"{stream.size} bytes"
    yield f"{size} of {stream.via}, spoiled at byte {stream.control} for the control"
    covers = ", ".join(stream.covers) or "no requirement"
    later = "nothing is" if stream.complete else "more may be"
    yield f"checked there: {covers}; {later} checked later"
    yield f"whose head may stand for a device's: {_SIBLINGS[stream.sibling]}"
    for name, field in stream.fields.items():
        values = (f"{text} ({number})" for number, text in field.values.items())
        kind = field.kind or ", ".join(values)
        place = f"{counted(field.width, 'byte')} from {field.offset} on"
        yield f"{place}: {name}, {kind}"
    for first, digits in stream.fixed.items():
        yield f"from {first} on: {digits}, as in every head"
    if stream.hazard is not None:
        yield f"hazard: {stream.hazard}"
    if stream.reference is not None:
        yield f"    see {stream.reference}"


_SIBLINGS = {
    "none": "no other's",
    "type": "that of another of the same mdev type",
    "parent": "that of another of the same parent",
}
"""Whose head may stand for a device's, in words."""


def _standing(each: Requirement | Exemption) -> str:
    if not each.stands_in_for:
        return ""
    return f", in place of {' or '.join(each.stands_in_for)} where that is not known"


def _derivation(file: TableFile, name: str) -> str:
    derivation = file.derivation(name)
    facts = " or ".join(derivation.facts)
    return f"the last word of {facts}" if derivation.part == "last-word" else facts


def _sources(each: Requirement | Exemption) -> Iterator[str]:
    yield f"    {each.why}"
    if each.policy is not None:
        yield f"    a policy of {each.policy}"
    if each.reference is not None:
        yield f"    see {each.reference}"


def _condition(condition: Condition) -> str:
    return condition if isinstance(condition, str) else " or ".join(condition)
