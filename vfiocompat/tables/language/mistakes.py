# SPDX-License-Identifier: Apache-2.0
"""What the types of a table's file cannot say: every mistake, with its dotted key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfiocompat.tables.facts import FACTS
from vfiocompat.tables.language.formats import RESERVED, compile_format
from vfiocompat.tables.language.kinds import KINDS
from vfiocompat.tables.language.relations import GENERATION, RELATIONS
from vfiocompat.tables.language.streams import field_mistakes, stream_mistakes
from vfiocompat.tables.language.table import Fields

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from vfiocompat.tables.language.formats import Format
    from vfiocompat.tables.language.records import (
        Condition,
        Exemption,
        Head,
        Interface,
        Requirement,
        TableFile,
    )

__all__ = ["misnamed", "mistakes"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OF_FIELDS = ("field", "requirement", "exception", "case", "derive", "stream")
_GROUPED = {"hex", "int", "text", "version", "size"}


def mistakes(file: TableFile, stem: str, broken: Collection[str] = ()) -> Iterator[str]:
    """Give every mistake as `key: what is wrong`.

    `stem` is that of the file's name. `broken` names the keys that are incomplete for
    other mistakes: what depends on them is not looked at.
    """
    yield from misnamed(file, stem, broken)
    yield from _migration(file, broken)
    if file.interface is not None:
        unsupported = file.migration == "unsupported"
        yield from _interface(file.interface, unsupported=unsupported)
    if file.stream is not None:
        yield from stream_mistakes(file, file.stream, broken)
    formats: list[Format] = []
    for name, text in file.format.items():
        if not _NAME.fullmatch(name):
            yield f"format.{name}: a format's name is [a-z][a-z0-9_]*"
        try:
            formats.append(compile_format(name, text))
        except ValueError as error:
            yield f"format.{name}: {error}"
    yield from _kinds(formats)
    found = list(_orders(file, formats))
    yield from found
    yield from _ids(file)
    if found or len(formats) < len(file.format) or {"format", "field"} & set(broken):
        return  # which fields there are is not known
    yield from _uses(file, formats, broken)


def misnamed(head: Head, stem: str, broken: Collection[str] = ()) -> Iterator[str]:
    """Say of a table that its file has another name."""
    if head.id != stem and "id" not in broken:
        yield f"id: {head.id!r} is not the name of the file without .toml ({stem!r})"


def _uses(
    file: TableFile, formats: list[Format], broken: Collection[str]
) -> Iterator[str]:
    """Check what is said of fields, now that there are fields."""
    fields = Fields(file, formats)
    for number, requirement in enumerate(file.requirement):
        yield from _requirement(f"requirement[{number}]", requirement, fields)
    for number, exception in enumerate(file.exception):
        key = f"exception[{number}]"
        yield from _exception(key, exception, fields)
        if "requirement" not in broken:
            yield from _lifts(key, exception, file)
    if not {"requirement", "exception"} & set(broken):
        yield from _stand_ins(file)
    yield from _derive(file, {form.name: form for form in formats})
    for form in formats:
        if file.stream and form.name == file.filled_format and "derive" not in broken:
            yield from field_mistakes(file.stream, form, fields)


def _migration(file: TableFile, broken: Collection[str]) -> Iterator[str]:
    if {"why", "migration", "format", "requirement"} & set(broken):
        return
    yield from _reason(file)
    there = [key for key in _OF_FIELDS if getattr(file, key)]
    if file.migration == "unsupported":
        for key in [*(["format"] if file.format else []), *there]:
            yield f"{key}: a table of drivers that cannot migrate has none"
    elif not file.format:
        for key in there:
            yield f"{key}: there is no format that would give it fields"
    if file.migration is not None and not file.format and not file.drivers:
        yield "drivers: without a format, name those that the table speaks for"
    if file.migration is None and not file.requirement:
        yield "requirement: at least one says what has to hold"


def _reason(file: TableFile) -> Iterator[str]:
    if file.migration == "unsupported" and file.why is None:
        yield "why: says why these drivers cannot migrate; it is missing"
    if file.migration is None and file.why is not None:
        yield "why: goes with migration, and says why"


def _interface(interface: Interface, *, unsupported: bool) -> Iterator[str]:
    """Find what an `[interface]` cannot say."""
    if unsupported:
        yield "interface: drivers that migrate nothing have none"
    if interface.flags is None and interface.dirty_tracking is None:
        yield "interface: says nothing: give flags or dirty_tracking"
    if len(set(interface.flags or ())) < len(interface.flags or ()):
        yield "interface.flags: one is there twice"


def _kinds(formats: list[Format]) -> Iterator[str]:
    kinds: dict[str, str] = {}
    for form in formats:
        for name, kind in form.kinds.items():
            known = kinds.setdefault(name, kind)
            if known != kind:
                yield (
                    f"format.{form.name}: {name} is of kind {kind} here and {known} "
                    "in another format"
                )


def _orders(file: TableFile, formats: list[Format]) -> Iterator[str]:
    """Check the computed fields, and that notes are on fields that exist."""
    kinds = dict.fromkeys(RESERVED, "text")
    for form in formats:
        kinds |= form.kinds
    for name, note in file.field.items():
        key = f"field.{name}"
        if not _NAME.fullmatch(name):
            yield f"{key}: a field's name is [a-z][a-z0-9_]*"
        if note.from_ is None:
            if name not in kinds:
                yield f"{key}: no format has this field, and it comes `from` no other"
            if note.order:
                yield f"{key}.from: name the field whose values the order groups"
            continue
        if name in kinds:
            yield f"{key}: a computed field cannot have the name of another"
        if note.from_ not in kinds:
            yield f"{key}.from: no format has a field {note.from_!r}"
        elif kinds[note.from_] not in _GROUPED:
            yield f"{key}.from: values of kind {kinds[note.from_]} cannot be grouped"
        else:
            yield from _groups(key, file, name, kinds[note.from_])


def _groups(key: str, file: TableFile, name: str, kind: str) -> Iterator[str]:
    order = file.field[name].order
    if not order:
        yield f"{key}.order: is missing"
    names: set[str] = set()
    values = set()
    for number, generation in enumerate(order):
        if generation.name in names:
            yield f"{key}.order[{number}].name: {generation.name!r} is there already"
        names.add(generation.name)
        for at, text in enumerate(generation.values):
            where = f"{key}.order[{number}].values[{at}]"
            value = KINDS[kind].value(text)
            if value is None:
                yield f"{where}: {text!r} is no {kind}"
            elif value in values:
                yield f"{where}: {text!r} is in the order already"
            values.add(value)


def _ids(file: TableFile) -> Iterator[str]:
    seen: set[str] = set()
    for kind in ("requirement", "exception"):
        for number, each in enumerate(getattr(file, kind)):
            if each.id in seen:
                yield f"{kind}[{number}].id: {each.id!r} is there already"
            seen.add(each.id)


def _requirement(key: str, requirement: Requirement, fields: Fields) -> Iterator[str]:
    wrong = [
        f"{key}.{where}: {_no_field(name, fields)}"
        for where in ("field", "destination_field")
        if (name := getattr(requirement, where)) is not None
        and name not in fields.kinds
    ]
    yield from wrong
    if not wrong and requirement.relation == "specifier":
        yield from _specifier(key, requirement, fields)
    elif not wrong:
        yield from _relation(key, requirement, fields)


def _specifier(key: str, requirement: Requirement, fields: Fields) -> Iterator[str]:
    if requirement.destination_field is not None:
        yield f"{key}.destination_field: a specifier is about one side"
    if requirement.specifier is None:
        yield f"{key}.specifier: is missing"
    else:
        where = f"{key}.specifier"
        yield from _condition(where, requirement.field, requirement.specifier, fields)


def _relation(key: str, requirement: Requirement, fields: Fields) -> Iterator[str]:
    other = requirement.destination_field or requirement.field
    if requirement.specifier is not None:
        yield f"{key}.specifier: goes with the relation specifier"
    if requirement.side == "source":
        yield f"{key}.side: goes with the relation specifier"
    pair = fields.kinds[requirement.field], fields.kinds[other]
    possible = sorted(RELATIONS[requirement.relation].kinds)
    if pair not in possible:
        wanted = ", ".join(f"{one}/{two}" for one, two in possible)
        yield (
            f"{key}.relation: {requirement.relation} is not defined for "
            f"{pair[0]}/{pair[1]}; it is for {wanted}"
        )
    elif pair[0] == GENERATION and other != requirement.field:
        yield f"{key}.destination_field: places in two orders do not compare"


def _exception(key: str, exception: Exemption, fields: Fields) -> Iterator[str]:
    if (exception.verdict is None) == (not exception.lifts):
        yield f'{key}: either denies (verdict = "incompatible") or lifts'
    if not exception.source and not exception.destination:
        yield f"{key}: has no condition on the source or the destination"
    for side in ("source", "destination"):
        for name, condition in getattr(exception, side).items():
            where = f"{key}.{side}.{name}"
            if name not in fields.kinds:
                yield f"{where}: {_no_field(name, fields)}"
            else:
                yield from _condition(where, name, condition, fields)


def _lifts(key: str, exception: Exemption, file: TableFile) -> Iterator[str]:
    known = {requirement.id for requirement in file.requirement}
    for at, lifted in enumerate(exception.lifts):
        if lifted not in known:
            yield f"{key}.lifts[{at}]: there is no requirement {lifted!r}"


def _stand_ins(file: TableFile) -> Iterator[str]:
    """Check what stands in for requirements: one for each, and none for another."""
    known = {requirement.id: requirement for requirement in file.requirement}
    taken: set[str] = set()
    for kind in ("requirement", "exception"):
        for number, rule in enumerate(getattr(file, kind)):
            for at, other in enumerate(rule.stands_in_for):
                where = f"{kind}[{number}].stands_in_for[{at}]"
                if other not in known:
                    yield f"{where}: there is no requirement {other!r}"
                elif known[other].stands_in_for:
                    yield f"{where}: {other} stands in for others itself"
                elif kind == "requirement" and other in taken:
                    yield f"{where}: another requirement stands in for {other}"
            if kind == "requirement":
                taken.update(rule.stands_in_for)


def _condition(
    key: str, name: str, condition: Condition, fields: Fields
) -> Iterator[str]:
    try:
        fields.condition(name, condition)
    except ValueError as error:
        yield f"{key}: {error}"


def _derive(file: TableFile, formats: dict[str, Format]) -> Iterator[str]:
    if not file.derive:
        return
    name = file.derive.get("format")
    form = formats.get(name) if isinstance(name, str) else None
    if form is None:
        yield f"derive.format: name one of the formats: {', '.join(formats)}"
        return
    for field in file.derive:
        if field == "format":
            continue
        if field not in form.kinds:
            yield f"derive.{field}: the format {name} has no such field"
        for fact in file.derivation(field).facts:
            if fact not in FACTS:
                yield (
                    f"derive.{field}: {fact!r} is no fact; the facts are "
                    f"{', '.join(FACTS)}"
                )


def _no_field(name: str, fields: Fields) -> str:
    return f"no format has a field {name!r}; there are {', '.join(fields.kinds)}"
