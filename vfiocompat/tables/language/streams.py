# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a table's `[stream]` that its types cannot say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfiocompat.tables.language.records import MAX_HEAD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from vfiocompat.tables.language.formats import Format
    from vfiocompat.tables.language.records import HeadField, Stream, TableFile
    from vfiocompat.tables.language.table import Fields

__all__ = ["field_mistakes", "stream_mistakes"]

_TAKERS = {
    "hex": {"hex"},
    "int": {"int", "size", "text", "version"},
    "set": {"set", "mask"},
}
"""Which kinds of fields read what a kind of a head writes as the same value."""


def stream_mistakes(
    file: TableFile, stream: Stream, broken: Collection[str]
) -> Iterator[str]:
    """Find what is wrong with a `[stream]` whatever fields the table has."""
    if not file.drivers and "drivers" not in broken:
        yield "drivers: name those whose stream it is"
    if stream.size == "initial" and stream.via != "PRE_COPY":
        yield 'stream.size: "initial" is what PRE_COPY announces: give the bytes'
    flags = file.interface.flags if file.interface is not None else None
    if flags is not None and stream.via not in flags:
        yield f"stream.via: the flags of [interface] have no {stream.via}"
    if stream.size != "initial" and stream.control >= stream.size:
        yield (
            f"stream.control: {stream.control} is not below the size, {stream.size}; "
            "the first byte is 0"
        )
    yield from _places(stream)
    yield from _fixed(stream)
    if "requirement" not in broken:
        yield from _covers(file, stream)


def _places(stream: Stream) -> Iterator[str]:
    """Find fields that the head has no room for, and those that share bytes."""
    ends = [(0, "")]
    for name, field in sorted(stream.fields.items(), key=lambda item: item[1].offset):
        key = f"stream.field.{name}"
        end = field.offset + field.width
        size = MAX_HEAD if stream.size == "initial" else stream.size
        if end > size:
            yield f"{key}: ends at byte {end}, behind the head, which has {size}"
        taken, other = max(ends)
        if field.offset < taken:
            yield f"{key}.offset: byte {field.offset} is of {other} already"
        ends.append((end, name))
        yield from _written(key, field)


def _fixed(stream: Stream) -> Iterator[str]:
    """Check that bytes which every head has lie within it, and in no field."""
    size = stream.size if stream.size != "initial" else MAX_HEAD
    for place, digits in stream.fixed.items():
        key = f"stream.fixed.{place}"
        if not re.fullmatch("[0-9]{1,4}", place):
            yield f"{key}: is not the place of a byte, such as 16"
            continue
        begin, end = int(place), int(place) + len(bytes.fromhex(digits))
        if end > size:
            yield f"{key}: ends at {end}, behind the head's {size} bytes"
        for name, field in stream.fields.items():
            if begin < field.offset + field.width and field.offset < end:
                yield f"{key}: has bytes of the field {name}, which differ"


def _written(key: str, field: HeadField) -> Iterator[str]:
    """Check that a field is written in one way, and which numbers its values are."""
    if (field.kind is None) == (not field.values):
        yield f"{key}: give either kind or values"
    digits = re.compile(rf"[0-9a-f]{{{2 * field.width}}}")
    for number in field.values:
        if not digits.fullmatch(number):
            yield (
                f"{key}.values.{number!r}: write the number as {2 * field.width} "
                "digits of 0-9 and a-f"
            )


def _covers(file: TableFile, stream: Stream) -> Iterator[str]:
    known = {each.id: each for each in file.requirement}
    for at, id_ in enumerate(stream.covers):
        if id_ not in known:
            yield f"stream.covers[{at}]: there is no requirement {id_!r}"
        elif id_ in stream.covers[:at]:
            yield f"stream.covers[{at}]: {id_} is there already"
    if not stream.complete:
        return
    later = [
        each.id
        for each in file.requirement
        if each.id not in stream.covers and each.relation != "specifier"
    ]
    if later:
        yield (
            "stream.complete: something is left that covers does not have: "
            f"{', '.join(later)}"
        )


def field_mistakes(stream: Stream, form: Format, fields: Fields) -> Iterator[str]:
    """Find fields of a `[stream]` that a string of a format cannot show."""
    parts = {part.name: part for part in form.parts}
    for name, field in stream.fields.items():
        key = f"stream.field.{name}"
        if name not in parts:
            yield (
                f"{key}: the format {form.name} has no such field; it has "
                f"{', '.join(parts)}"
            )
            continue
        kind = parts[name].kind.name
        if field.kind is not None and kind not in _TAKERS[field.kind]:
            yield f"{key}.kind: {field.kind} is not read as a field of kind {kind}"
        for number, text in field.values.items():
            if fields.worth(name, text) is None or not parts[name].gives_back(text):
                yield f"{key}.values.{number}: {text!r} is no {kind} of the format"
