# SPDX-License-Identifier: Apache-2.0
"""Texts alone: version strings, tables and facts, addresses, and what is shown."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from tests.anyendpoint import STRINGS
from tests.fuzz.holding import (
    LIBRARY,
    NOW,
    ROOT,
    Subject,
    demand_document,
    demand_harmless,
    demand_harmless_rows,
    expected,
    see_pairs,
)
from vfiocompat.addresses import address_text, parse_address
from vfiocompat.endpoints import Endpoint, literal
from vfiocompat.errors import InvalidAddress, InvalidVersion
from vfiocompat.files.inventories import shown
from vfiocompat.output.json import json_text
from vfiocompat.output.parse import parse_document, parse_rows
from vfiocompat.output.tables import listed_table, table_lines
from vfiocompat.output.text import plain
from vfiocompat.output.visible import visible, visible_text
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.ends import read_end
from vfiocompat.tables.heads import (
    MOST,
    apart,
    contradicted,
    decode,
    head_mistakes,
    spoiled,
    string_of,
    transplanted,
    whole,
)
from vfiocompat.tables.judge import judge
from vfiocompat.tables.language.cases import case_mistakes
from vfiocompat.tables.language.relations import equal
from vfiocompat.tables.language.table import Reading, Table
from vfiocompat.tables.library import Entry, load_table
from vfiocompat.tables.stated import SiteFacts, Stated, parse_facts
from vfiocompat.tables.strings import derive_string
from vfiocompat.times import parse_duration
from vfiocompat.tomlfile import parse_toml
from vfiocompat.versions import VersionString
from vfiocompat.vm.model import device_address, parse_vm

if TYPE_CHECKING:
    from tests.fuzz.chance import Chance

__all__ = ["SUBJECTS"]


# ---- version strings, and what tables make of them ---------------------------------


def draw_version(chance: Chance) -> tuple[bytes, bytes]:
    return chance.data(real_strings()), chance.randbytes(6)


def look_at_version(drawn: tuple[bytes, bytes], _: str) -> None:
    data, raw = drawn
    for read, given in ((VersionString.parse, data), (VersionString.from_binary, raw)):
        version = expected(InvalidVersion, read, given)
        if isinstance(version, InvalidVersion):
            # Of the binary form it is that in the string as text.
            assert 0 <= version.position <= len(given) + len("12345678-")
            assert all(span.end <= len(span.text) for span in version.spans)
            continue
        assert VersionString.parse(str(version)) == version
        assert version.text.endswith(version.proprietary)
        readings, errors = LIBRARY.readings(version)
        assert not errors
        document = parse_document(version, readings)
        demand_harmless_rows(parse_rows(document))
        demand_document(document)


@cache
def tables() -> tuple[Table, ...]:
    """Give the shipped tables that read strings."""
    known = [LIBRARY.table(entry) for entry in LIBRARY.entries]
    found = [each for each in known if isinstance(each, Table)]
    assert len(found) == len(known)
    return tuple(each for each in found if each.formats)


def strings_of(table: Table) -> list[str]:
    """Give the strings of a table's cases."""
    return [
        text for case in table.file.case for text in (case.source, case.destination)
    ]


@cache
def real_strings() -> tuple[str, ...]:
    return (*STRINGS, *(text for table in tables() for text in strings_of(table)))


def draw_strings(chance: Chance) -> tuple[str, str]:
    table = chance.choice([each for each in tables() if each.file.case])
    real = strings_of(table)
    source = chance.text(real, 2)
    return source, chance.text([source, *real], 2)


def look_at_strings(texts: tuple[str, str], _: str) -> None:
    """Evaluate two strings by every table, and as a pair."""
    source, destination = (literal(text) for text in texts)
    for table in tables():
        ends = [
            found
            for end in (source, destination)
            if isinstance(found := read_end(table, end), Reading)
        ]
        if len(ends) < len(texts):
            continue
        outcome = table.outcome(*(reading.values for reading in ends))
        assert len(outcome.held) == len(table.file.requirement)
        if outcome.verdict == "compatible":
            assert all(held is True for held in outcome.held)
        elif outcome.verdict == "undetermined":
            assert False not in outcome.held
        for text, reading in zip(texts, ends, strict=True):
            for name, piece in reading.pieces.items():
                assert text[piece.start : piece.end] == piece.text, name
    judged = judge(source, destination, LIBRARY.shelf(source, destination))
    if judged.verdict == "compatible":
        assert all(each.severity == "info" for each in judged.findings)
    see_pairs([decide_pair(source, destination, LIBRARY)])


# ---- tables and facts as files -----------------------------------------------------


def toml(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Write a document's value as TOML, whose texts are nearly JSON's."""
    match value:
        case None:
            return "''"
        case dict():
            members = [
                f"{toml(str(key))} = {toml(each)}" for key, each in value.items()
            ]
            return f"{{{', '.join(members)}}}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return msgspec.json.encode(value).decode()


def toml_file(document: Any) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(document, dict):
        return toml(document)
    return "".join(f"{toml(name)} = {toml(each)}\n" for name, each in document.items())


@cache
def table_documents() -> tuple[tuple[str, dict[str, Any]], ...]:
    paths = [*ROOT.glob("vfiocompat/tables/shipped/*.toml")]
    paths += ROOT.glob("examples/tables/*.toml")
    return tuple(
        (path.name, parse_toml(path.read_text(), str(path), ValueError))  # type: ignore[arg-type]
        for path in sorted(paths)
    )


def draw_table(chance: Chance) -> tuple[str, str]:
    name, document = chance.choice(table_documents())
    text = toml_file(chance.like(document))
    return name, chance.text([text], 2) if chance.is_rare() else text


def look_at_table(drawn: tuple[str, str], folder: str) -> None:
    name, text = drawn
    path = written(folder, name, text)
    table = load_table(path)
    list(case_mistakes(table))
    list(head_mistakes(table))
    entry = Entry(path, "option", table.file)
    demand_harmless(table_lines(table.file, listed_table(table.file, entry)))


# ---- heads of streams --------------------------------------------------------------


@cache
def stream_documents() -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple((name, each) for name, each in table_documents() if "stream" in each)


def draw_head(chance: Chance) -> tuple[str, str, list[bytes]]:
    """Draw a table that has a changed `[stream]`, and heads like those of its cases."""
    name, document = chance.choice(stream_documents())
    known = [bytes.fromhex(case["head"]) for case in document["case"] if "head" in case]
    if chance.random() < 0.5:
        document = {**document, "stream": chance.like(document["stream"])}
    heads = []
    for _ in range(3):
        head = bytearray(chance.choice(known))
        for _ in range(chance.choice([0, 0, 1, 3])):
            head[chance.randrange(len(head))] = chance.randrange(256)
        if chance.is_rare(3):
            head[chance.randrange(len(head)) :] = chance.randbytes(chance.choice(SIZES))
        heads.append(bytes(head))
    return name, toml_file(document), heads


SIZES = [0, 1, 7, 40, MOST - 90, MOST, 100_000]


def look_at_head(drawn: tuple[str, str, list[bytes]], folder: str) -> None:
    """Read heads by a table, and make of them what would be offered to a driver."""
    name, text, (source, own, other) = drawn
    table = load_table(written(folder, name, text))
    list(head_mistakes(table))
    stream = table.stream
    if stream is None:  # it was changed so that nothing is left of it
        return
    facts = {"device_id": "0xa251", "type_id": "mtty-1", "vendor_id": "0x8086"}
    for head in (source, own, other):
        string = string_of(table, head, facts)
        if string is not None:
            read = table.read(VersionString.parse(string), derived=True)
            assert isinstance(read, Reading)
            for field, shown in decode(stream, head).items():
                piece = read.pieces[field]
                worths = (
                    table.fields.worth(field, each) for each in (piece.text, shown)
                )
                assert equal(*worths) or piece.text == shown == "?"
        told = dict.fromkeys(stream.fields, "1")
        assert contradicted(table, head, told).keys() <= told.keys()
    if not (whole(stream, own) and whole(stream, source, own)):
        return
    control = spoiled(stream, source)
    assert len(control) == len(source) == len(own) <= MOST
    assert sum(one != two for one, two in zip(control, source, strict=True)) == 1
    mixed = transplanted(stream, own, source)
    assert whole(stream, mixed, own)
    assert decode(stream, mixed) == decode(stream, source)
    assert not apart(stream, own, mixed)
    assert apart(stream, own, source) == (mixed != source)


def written(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(text)
    return path


FACTS = {
    "schema": 1,
    "driver": {
        "hisi_acc_vfio_pci": {"queue_pairs": "16", "isolation": "0", "magic": "v2"},
        "i915": {"migration_flags": "STOP_COPY,P2P", "dirty_tracking": "yes"},
    },
    "endpoint": {"0000:03:00.4": {"major": "1"}, "a/b": {"module_version": "1.2"}},
}


def draw_facts(chance: Chance) -> tuple[str, list[str], Endpoint]:
    given = []
    if chance.is_rare(4):
        given = [chance.text(["queue_pairs=16", "magic=v2", "revision=0x4"], 2)]
    return toml_file(chance.like(FACTS)), given, chance.endpoint()


def look_at_facts(drawn: tuple[str, list[str], Endpoint], folder: str) -> None:
    text, given, endpoint = drawn
    os.makedirs(f"{folder}/facts.d", exist_ok=True)
    written(f"{folder}/facts.d", "x.toml", text)
    stated = Stated(parse_facts(given), {}, SiteFacts(folder))
    told = stated.of_source(endpoint, LIBRARY)
    assert told.stated.items() >= parse_facts(given).items()
    see_pairs([decide_pair(told, derive_string(endpoint, LIBRARY, stated), LIBRARY)])


# ---- addresses -------------------------------------------------------------------

ADDRESSES = [
    *("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "0000:00:02.0/i915-GVTg_V5_4"),
    *("mtty/mtty-1", "0000:03:00.4", "3:0.4", "0x0:0x3:0x0.4", "0000:03:00.4/1033"),
    *("/sys/class/mdev_bus/a/mdev_supported_types/b/version", "version:8086-x"),
    *("inventory:fleet/a.json#0000:03:00.4", "inventory:a.json", "domain:vm.xml"),
    *("qmp:/run/vm", "libvirt:web@qemu:///system"),
]
DURATIONS = ["90", "15m", "12h", "1.5d", "2w", "2026-11-01T00:00:00Z"]


def draw_address(chance: Chance) -> tuple[str, str]:
    return chance.text(ADDRESSES), chance.text(DURATIONS)


def look_at_address(drawn: tuple[str, str], _: str) -> None:
    text, when = drawn
    assert shown(text).isascii() or shown(text)
    assert NOW.rejects(when) is None or isinstance(NOW.age(when), str)
    if (device := device_address(text)) is not None:
        assert parse_address(address_text(device) or "") == device
    expected(ValueError, parse_duration, when)
    expected(InvalidAddress, parse_vm, text)
    found = parse_address(text)
    if (name := address_text(found)) is not None:
        assert parse_address(name) == found


# ---- texts -----------------------------------------------------------------------


def draw_text(chance: Chance) -> str:
    return chance.text([chance.text(STRINGS) for _ in range(3)], 6)


def look_at_text(text: str, _: str) -> None:
    assert visible(text).isprintable()
    assert all(char.isprintable() or char in "\n\t" for char in visible_text(text))
    for line in plain([[(text, "plain"), (text, "dim")]]):
        assert line.isprintable()
    assert msgspec.json.decode(json_text({"a": text}, indent=2)) is not None


SUBJECTS = [
    Subject("version", 20, draw_version, look_at_version),
    Subject("strings", 12, draw_strings, look_at_strings),
    Subject("address", 13, draw_address, look_at_address),
    Subject("head", 3, draw_head, look_at_head),
    Subject("text", 6, draw_text, look_at_text),
    Subject("facts", 3, draw_facts, look_at_facts),
    Subject("table", 2, draw_table, look_at_table),
]
