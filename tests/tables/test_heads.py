# SPDX-License-Identifier: Apache-2.0
"""Heads of streams: what a table reads in them, and what is offered to a driver."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.tables.language.making import HEAD, requirement, table
from vfiocompat.tables.heads import (
    MOST,
    apart,
    contradicted,
    decode,
    doubted,
    head_mistakes,
    spoiled,
    string_of,
    transplanted,
    whole,
)

if TYPE_CHECKING:
    from vfiocompat.tables.language.records import Stream
    from vfiocompat.tables.language.table import Table

FORMAT = '[format]\nf = "npu:{device:hex}:{slices:int}:{features:set}:{layout:text}"\n'
RULES = requirement("same", "device", "equal") + requirement("kept", "slices", "equal")
DERIVE = '[derive]\nformat = "f"\ndevice = "device_id"\n'
STREAM = """
[stream]
via = "PRE_COPY"
size = 16
control = 2
covers = ["same"]
field.device = { offset = 0, width = 2, kind = "hex" }
field.slices = { offset = 2, width = 1, kind = "int" }
field.features = { offset = 4, width = 4, kind = "set" }
field.layout.offset = 8
field.layout.width = 4
field.layout.values = { "00000001" = "old", "fedcba98" = "new" }
"""
HEX = "0001 02 ee 05000000 98badcfe 00000000"


def made(stream: str = STREAM, more: str = "", head: str = HEAD) -> Table:
    return table(FORMAT + RULES + DERIVE + stream + more, head)


TABLE = made()
REAL = bytes.fromhex(HEX)


def its_stream(found: Table = TABLE) -> Stream:
    assert found.stream is not None
    return found.stream


INITIAL = its_stream(made(STREAM.replace("size = 16", 'size = "initial"')))


# ---- what a head shows -------------------------------------------------------------


def test_each_field_is_written_as_the_format_has_it() -> None:
    assert decode(its_stream(), REAL) == {
        "device": "100",
        "slices": "2",
        "features": "0x5",
        "layout": "new",
    }


def test_a_number_that_is_not_mapped_is_not_known() -> None:
    assert decode(its_stream(), REAL[:8] + bytes(8))["layout"] == "?"


def test_what_is_behind_the_end_is_not_known() -> None:
    assert decode(its_stream(), REAL[:3]) == {
        "device": "100",
        "slices": "2",
        "features": "?",
        "layout": "?",
    }
    assert set(decode(its_stream(), b"").values()) == {"?"}


def test_a_field_of_all_widths() -> None:
    for width in range(1, 9):
        stream = its_stream(
            made(
                STREAM.replace("offset = 2, width = 1", f"offset = 12, width = {width}")
            )
            if width <= 4
            else made(
                STREAM.replace("size = 16", "size = 32").replace(
                    "offset = 2, width = 1", f"offset = 16, width = {width}"
                )
            )
        )
        found = decode(stream, b"\xff" * 32)
        assert found["slices"] == str(256**width - 1)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "1ac1-npu:100:2:0x5:new"),
        ({"device_id": "0x0100"}, "1ac1-npu:0100:2:0x5:new"),
        ({"device_id": "0x0200"}, "1ac1-npu:100:2:0x5:new"),
    ],
)
def test_a_string_is_filled_from_a_head_before_facts(
    facts: dict[str, str], text: str
) -> None:
    assert string_of(TABLE, REAL, facts) == text


def test_a_value_that_a_head_does_not_tell_is_not_taken_from_elsewhere() -> None:
    head = REAL[:8] + bytes(8)

    assert string_of(TABLE, head, {}, {"layout": "new"}) == "1ac1-npu:100:2:0x5:?"


def test_what_is_in_no_head_comes_from_facts_and_statements() -> None:
    some = made("\n".join(STREAM.splitlines()[:-4]))

    assert (
        string_of(some, REAL, {"device_id": "0x1"}, {"layout": "new", "slices": "9"})
        == "1ac1-npu:100:2:?:new"
    )


def test_a_head_fills_the_first_format_of_a_table_that_derives_nothing() -> None:
    bare = table(FORMAT + 'g = "x{device:hex}"\n' + RULES + STREAM)

    assert string_of(bare, REAL, {}) == "1ac1-npu:100:2:0x5:new"


def test_a_table_of_no_vendor_takes_the_endpoints() -> None:
    any_vendor = made(head=HEAD.replace('vendor = "pci:1ac1"\n', ""))

    assert string_of(any_vendor, REAL, {}) is None
    assert string_of(any_vendor, REAL, {"vendor_id": "0x8086"}) == (
        "8086-npu:100:2:0x5:new"
    )


def test_a_table_without_a_stream_reads_none() -> None:
    assert string_of(made(""), REAL, {"device_id": "0x1"}) is None
    assert contradicted(made(""), REAL, {"slices": "7"}) == {}


@pytest.mark.parametrize(
    ("stated", "wrong"),
    [
        ({"slices": "2", "layout": "new", "device_id": "0x0100"}, {}),
        ({"slices": "02", "features": "0x05"}, {}),
        ({"slices": "3"}, {"slices": "2"}),
        ({"device_id": "0x0200"}, {"device_id": "100"}),
        ({"device": "200"}, {"device": "100"}),
        ({"features": "a,b"}, {"features": "0x5"}),
        ({"kernel": "6.1", "moon": "x"}, {}),
        ({"slices": "?"}, {}),
    ],
)
def test_what_is_stated_and_the_head_says_otherwise(
    stated: dict[str, str], wrong: dict[str, str]
) -> None:
    assert contradicted(TABLE, REAL, stated) == wrong


def test_what_a_head_does_not_tell_contradicts_nothing() -> None:
    assert contradicted(TABLE, REAL[:8] + bytes(8), {"layout": "new"}) == {}


@pytest.mark.parametrize(
    ("head", "known", "why"),
    [
        (REAL, {}, None),
        (REAL, {"device_id": "0x0100"}, None),
        (REAL, {"device_id": "0x0101"}, "it shows device 100, and the device has 0101"),
        (REAL, {"device_id": "zz"}, None),
        (REAL[:8] + bytes(8), {"device_id": "0x100"}, None),  # a value of no text
        (REAL[:15], {}, "it has 15 bytes"),
        (REAL + bytes(1), {}, "it has 17 bytes"),
        (b"\0", {}, "it has 1 bytes"),
        (b"", {}, "it has 0 bytes"),
    ],
)
def test_a_head_is_doubted_that_cannot_be_of_its_device(
    head: bytes, known: dict[str, str], why: str | None
) -> None:
    assert doubted(TABLE, head, known) == why


@pytest.mark.parametrize(("size", "is_doubted"), [(11, True), (12, False), (16, False)])
def test_a_head_of_no_fixed_size_has_room_for_what_is_read(
    size: int,
    is_doubted: bool,  # noqa: FBT001 - a row
) -> None:
    found = made(STREAM.replace("size = 16", 'size = "initial"'))
    assert (doubted(found, REAL[:size], {}) is not None) == is_doubted
    assert doubted(found, REAL + bytes(MOST), {}) is not None


# ---- what is offered ---------------------------------------------------------------


def test_the_control_has_all_bits_of_one_byte_turned() -> None:
    control = spoiled(its_stream(), REAL)

    assert [at for at in range(16) if control[at] != REAL[at]] == [2]
    assert control[2] == REAL[2] ^ 0xFF
    assert spoiled(its_stream(), control) == REAL


def test_a_head_is_whole_in_its_size_with_all_values_known() -> None:
    stream = its_stream()

    assert whole(stream, REAL)
    assert not whole(stream, REAL[:-1])
    assert not whole(stream, REAL + b"\0")
    assert not whole(stream, REAL[:8] + bytes(8))
    assert not whole(stream, b"")


def test_where_the_driver_tells_the_size_it_is_that_of_ones_own() -> None:
    assert whole(INITIAL, REAL)
    assert whole(INITIAL, REAL + bytes(MOST - 16))
    assert not whole(INITIAL, REAL + bytes(MOST - 15))
    assert not whole(INITIAL, REAL[:11])
    assert not whole(INITIAL, b"")
    assert whole(INITIAL, REAL, own=bytes(16))
    assert not whole(INITIAL, REAL, own=bytes(17))
    assert not whole(INITIAL, REAL, own=b"")


def test_a_head_without_the_byte_to_spoil_is_not_whole() -> None:
    text = STREAM.replace("size = 16", 'size = "initial"')
    stream = its_stream(made(text.replace("control = 2", "control = 20")))

    assert not whole(stream, REAL)
    assert whole(stream, REAL + bytes(5))


def test_heads_are_apart_by_what_is_in_no_field() -> None:
    stream = its_stream()
    other_fields = b"\xff\xff\xff" + REAL[3:4] + b"\xff" * 8 + REAL[12:]

    assert not apart(stream, REAL, REAL)
    assert not apart(stream, REAL, other_fields)
    for at in (3, 12, 15):
        assert apart(stream, REAL, REAL[:at] + b"\x77" + REAL[at + 1 :])
    assert apart(stream, REAL, REAL + b"\0")
    assert apart(stream, REAL + b"\0", REAL)
    assert apart(stream, b"", REAL[:2])


def test_the_sources_fields_are_put_into_ones_own_head() -> None:
    stream = its_stream()
    own = bytes(range(16))
    mixed = transplanted(stream, own, REAL)

    assert decode(stream, mixed) == decode(stream, REAL)
    assert mixed[3] == own[3]
    assert mixed[12:] == own[12:]
    assert not apart(stream, own, mixed)


def test_nothing_that_is_read_of_any_bytes_fails() -> None:
    chance = random.Random(16)  # noqa: S311 - for a test
    for _ in range(2000):
        head = chance.randbytes(chance.choice([0, 1, 12, 16, 17, 40, 5000]))
        for stream in (its_stream(), INITIAL):
            found = decode(stream, head)
            own = chance.randbytes(16)
            if whole(stream, head, own=own):
                assert len(head) == 16
                assert "?" not in found.values()
                assert decode(stream, transplanted(stream, own, head)) == found
        text = string_of(TABLE, head, {"device_id": "0x0100"})
        assert text is not None
        assert set(contradicted(TABLE, head, {"device": "zz", "slices": "1"})) <= {
            "slices"
        }


# ---- cases -------------------------------------------------------------------------


def case(source: str, head: str) -> str:
    return (
        f'[[case]]\nsource = "1ac1-{source}"\ndestination = "1ac1-{source}"\n'
        f'verdict = "compatible"\nhead = "{head}"\n'
    )


@pytest.mark.parametrize(
    ("source", "head", "says"),
    [
        ("npu:0100:2:0x5:new", HEX, []),
        ("npu:0100:2:0x5:new", HEX.replace(" ", "").upper(), []),
        ("npu:0200:2:0x5:new", HEX, ["shows device 100, and the source has 0200"]),
        ("npu:0100:?:0x5:new", HEX, ["shows slices 2, and the source has ?"]),
        ("npu:0100:2:0x5:?", HEX.replace("fe", "ff"), []),
        (
            "npu:0100:2:0x5:new",
            HEX.replace("fe", "ff"),
            ["shows layout ?, and the source has new"],
        ),
        ("npu:0100:2:0x5:new", HEX + "00", ["has 17 bytes, and the size is 16"]),
        ("npu:0100:2:0x5:?", HEX[:17], ["has 7 bytes"]),
        ("moon", HEX, []),
    ],
)
def test_a_cases_head_shows_what_its_source_has(
    source: str, head: str, says: list[str]
) -> None:
    found = list(head_mistakes(made(more=case(source, head))))

    assert [mistake.partition(": ")[0] for mistake in found[: len(says)]] == (
        ["case[0].head"] * len(says)
    )
    assert all(wanted in mistake for wanted, mistake in zip(says, found, strict=False))
    assert bool(found) == bool(says)


def test_a_head_needs_a_stream() -> None:
    found = list(head_mistakes(made("", case("npu:0100:2:0x5:new", HEX))))

    assert found == ["case[0].head: there is no [stream] that reads it"]


# ---- what every head has -----------------------------------------------------------

FIXED = STREAM.replace("covers", 'fixed = { 3 = "ee", 12 = "00 00" }\ncovers')


@pytest.mark.parametrize("at", [3, 12, 13])
def test_a_head_that_is_laid_out_otherwise_shows_nothing(at: int) -> None:
    found = made(FIXED)
    other = bytearray(REAL)
    other[at] ^= 1
    facts = {"device_id": "0x0100"}

    assert decode(its_stream(found), REAL) == decode(its_stream(), REAL)
    assert whole(its_stream(found), REAL)
    assert set(decode(its_stream(found), bytes(other)).values()) == {"?"}
    assert not whole(its_stream(found), bytes(other))
    assert string_of(found, bytes(other), facts) == "1ac1-npu:?:?:?:?"
    assert decode(its_stream(found), REAL[:at])["device"] == "?"


def test_what_every_head_has_is_no_more_than_that() -> None:
    other = bytearray(REAL)
    other[14] ^= 1

    assert decode(its_stream(made(FIXED)), bytes(other)) == decode(its_stream(), REAL)
