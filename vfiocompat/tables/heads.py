# SPDX-License-Identifier: Apache-2.0
"""Heads of migration streams: what a table's `[stream]` reads in their bytes.

A driver writes at the start of its stream what the loading driver compares. The
functions take that as bytes and open nothing. `decode`, `string_of` and `contradicted`
take any bytes; a head is offered to a driver only if it is `whole`, and so are those
that `spoiled`, `apart` and `transplanted` take.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.errors import InvalidVersion
from vfiocompat.nvidia.compatibility import BESIDE
from vfiocompat.tables.language.derive import derive, text_of
from vfiocompat.tables.language.kinds import UNKNOWN
from vfiocompat.tables.language.records import MAX_HEAD
from vfiocompat.tables.language.relations import equal
from vfiocompat.tables.language.table import Reading, Table
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vfiocompat.tables.language.records import (
        Case,
        Exemption,
        HeadField,
        Requirement,
        Stream,
    )

__all__ = [
    "MOST",
    "apart",
    "contradicted",
    "covered_by_gpu",
    "decode",
    "doubted",
    "head_mistakes",
    "offered",
    "rest_of",
    "rest_of_gpu",
    "spoiled",
    "string_of",
    "transplanted",
    "whole",
]

MOST = MAX_HEAD
"""How many bytes a head has at most."""


def decode(stream: Stream, head: bytes) -> dict[str, str]:
    """Give the text of each field, as the table's format has it.

    It is `?` of a number whose value the table does not have, and behind the end; and
    of all where the head is not laid out as the table knows it.
    """
    for place, digits in stream.fixed.items():
        if not head.startswith(bytes.fromhex(digits), int(place)):
            return dict.fromkeys(stream.fields, UNKNOWN)
    return {name: _text(field, head) for name, field in stream.fields.items()}


def _text(field: HeadField, head: bytes) -> str:
    data = head[field.offset : field.offset + field.width]
    if len(data) < field.width:
        return UNKNOWN
    number = int.from_bytes(data, "little")
    match field.kind:
        case "hex":
            return f"{number:x}"
        case "set":
            return f"{number:#x}"
        case "int":
            return str(number)
        case None:
            return field.values.get(f"{number:0{2 * field.width}x}", UNKNOWN)


def string_of(
    table: Table,
    head: bytes,
    facts: Mapping[str, str],
    stated: Mapping[str, str] | None = None,
) -> str | None:
    """Give the table's string, as `derive` makes it, with what the head shows.

    The head wins over facts and over what is stated. A value that both have is spelled
    as the fact is. None where `derive` makes none, for want of a vendor.
    """
    if table.stream is None:
        return None
    shown = decode(table.stream, head)
    found = derive(table, facts, stated or {}, facts.get("vendor_id"), shown)
    return found and found.version.text


def contradicted(
    table: Table, head: bytes, stated: Mapping[str, str]
) -> dict[str, str]:
    """Name what is stated and what the head says otherwise, each with what it says.

    What is stated are fields of the table, or facts that give one.
    """
    shown = {} if table.stream is None else decode(table.stream, head)
    found = {}
    for name, text in stated.items():
        for field, there in shown.items():
            says = text_of(table, field, {}, {name: text})
            if says is None or there == UNKNOWN:
                continue
            worths = (table.fields.worth(field, each) for each in (says, there))
            if not equal(*worths):
                found[name] = there
    return found


def doubted(table: Table, head: bytes, known: Mapping[str, str]) -> str | None:
    """Say why a head that a file has cannot be of a device of which facts are `known`.

    None if it can. A value that the table does not have is no reason.
    """
    assert table.stream is not None
    if not _has_size(table.stream, head, None):
        return f"it has {len(head)} bytes"
    for field, shows in decode(table.stream, head).items():
        says = text_of(table, field, known, {})
        if says is None or shows == UNKNOWN:
            continue
        if not equal(*(table.fields.worth(field, each) for each in (says, shows))):
            return f"it shows {field} {shows}, and the device has {says}"
    return None


# ---- what is offered ---------------------------------------------------------------


def whole(stream: Stream, head: bytes, own: bytes | None = None) -> bool:
    """Whether a head has the size that it has to have, and no value is unknown.

    Where the table does not tell the size, it is that of the destination's `own` head,
    and any that has room for the table's fields if none is given.
    """
    right = _has_size(stream, head, own)
    return right and UNKNOWN not in decode(stream, head).values()


def _has_size(stream: Stream, head: bytes, own: bytes | None) -> bool:
    size = stream.size if stream.size != "initial" else own and len(own)
    if size is None:
        ends = (field.offset + field.width for field in stream.fields.values())
        size = max(len(head), *ends, 0)
    return len(head) == size and stream.control < size <= MOST


def spoiled(stream: Stream, head: bytes) -> bytes:
    """Give the control: the head with all bits of one byte turned."""
    data = bytearray(head)
    data[stream.control] ^= 0xFF
    return bytes(data)


def apart(stream: Stream, one: bytes, other: bytes) -> bool:
    """Whether two heads differ in more than the table's fields, or in length."""
    return len(one) != len(other) or transplanted(stream, one, other) != other


def transplanted(stream: Stream, own: bytes, source: bytes) -> bytes:
    """Give a head of one's own with the fields of the source's put in."""
    data = bytearray(own)
    for field in stream.fields.values():
        place = slice(field.offset, field.offset + field.width)
        data[place] = source[place]
    return bytes(data)


def offered(
    stream: Stream, own: bytes, head: bytes, *, recorded: bool
) -> tuple[bytes | None, bool]:
    """Give what a destination is offered, and whether it is made of its `own` head.

    A head that was read is offered as it is. One that was `recorded` may be anything:
    it has to be whole, and what the table does not read of it has to be as in the own
    one, else the fields are put into that. None where nothing may be offered.
    """
    if not stream.control < len(head) <= MOST:
        return None, False
    if not recorded:
        return head, False
    if not whole(stream, head, own):
        return None, False
    if apart(stream, own, head):
        return transplanted(stream, own, head), True
    return head, False


# ---- what is left to the table -----------------------------------------------------


def rest_of(table: Table) -> Table:
    """Give a table of all that its drivers do not check in a head."""
    assert table.stream is not None
    return _left_of(table, frozenset(table.stream.covers))


@lru_cache(maxsize=16)
def covered_by_gpu(table: Table) -> tuple[str, ...]:
    """Name the requirements about what NVIDIA's driver looks at, where it says yes."""
    origins = table.fields.origins
    return tuple(
        each.id
        for each in table.file.requirement
        if origins.get(each.field, each.field) not in BESIDE
        and each.destination_field not in BESIDE
    )


def rest_of_gpu(table: Table) -> Table:
    """Give a table of all that NVIDIA's driver does not look at."""
    return _left_of(table, frozenset(covered_by_gpu(table)))


@lru_cache(maxsize=64)
def _left_of(table: Table, covered: frozenset[str]) -> Table:
    """Give a table of all but the requirements that a driver's answer covers.

    These are the other requirements, and the denies that read a field which no covered
    requirement reads.
    """
    file = table.file
    read = {
        name
        for each in file.requirement
        if each.id in covered
        for name in (each.field, each.destination_field or each.field)
    }
    return Table(
        msgspec.structs.replace(
            file,
            requirement=tuple(
                msgspec.structs.replace(each, stands_in_for=_without(each, covered))
                for each in file.requirement
                if each.id not in covered and _is_left(each, covered)
            ),
            exception=tuple(
                msgspec.structs.replace(
                    each,
                    stands_in_for=_without(each, covered),
                    lifts=tuple(name for name in each.lifts if name not in covered),
                )
                for each in file.exception
                if _is_left(each, covered) and _decides(each, covered, read)
            ),
            case=(),
        )
    )


def _without(each: Requirement | Exemption, covered: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in each.stands_in_for if name not in covered)


def _is_left(each: Requirement | Exemption, covered: frozenset[str]) -> bool:
    """Whether there is something left that a rule stands in for, if it does."""
    return not each.stands_in_for or bool(_without(each, covered))


def _decides(each: Exemption, covered: frozenset[str], read: set[str]) -> bool:
    """Whether an exception decides about more than what is covered."""
    if each.verdict is None:
        return not covered.issuperset(each.lifts)
    return not read.issuperset({*each.source, *each.destination})


# ---- a table's own cases -----------------------------------------------------------


def head_mistakes(table: Table) -> Iterator[str]:
    """Read the heads of cases; give each mistake as `key: what is wrong`."""
    for number, case in enumerate(table.file.case):
        if case.head is not None:
            for wrong in _of_case(table, case, bytes.fromhex(case.head)):
                yield f"case[{number}].head: {wrong}"


def _of_case(table: Table, case: Case, head: bytes) -> Iterator[str]:
    """Say where a case's head shows other values than its source's string."""
    if table.stream is None:
        yield "there is no [stream] that reads it"
        return
    size = len(head) if table.stream.size == "initial" else table.stream.size
    if len(head) != size:
        yield f"has {len(head)} bytes, and the size is {size}"
    try:
        found = table.read(VersionString.parse(case.source))
    except InvalidVersion:
        return
    if not isinstance(found, Reading):
        return  # which is told of the source
    for name, text in decode(table.stream, head).items():
        there = found.pieces[name].text if name in found.pieces else UNKNOWN
        worths = [table.fields.worth(name, each) for each in (text, there)]
        if worths != [None, None] and (None in worths or not equal(*worths)):
            yield f"shows {name} {text}, and the source has {there}"
