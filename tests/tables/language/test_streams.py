# SPDX-License-Identifier: Apache-2.0
"""Mistakes of a `[stream]`, each told with its dotted key, and all at once."""

from __future__ import annotations

import tomllib

import pytest

from vfiocompat.tables.language.mistakes import mistakes
from vfiocompat.tables.language.records import TableFile
from vfiocompat.tomlfile import convert

from .making import HEAD, requirement

FORMAT = (
    '[format]\nf = "{h:hex}:{n:int}:{s:set}:{t:text}:{z:size}:{v:version}:{r:range}"\n'
)
RULES = (
    requirement("same", "n", "equal")
    + requirement("kept", "s", "subset")
    + requirement("new", "n", "specifier", 'specifier = ">=1"')
)
STREAM: dict[str, str] = {
    "via": '"PRE_COPY"',
    "size": "16",
    "control": "0",
    "covers": '["same", "kept"]',
    "field.n": '{ offset = 0, width = 4, kind = "int" }',
}


def section(**changed: str | None) -> str:
    """Write a `[stream]` that differs in some keys; `__` stands for a dot."""
    keys = {name.replace("__", "."): text for name, text in changed.items()}
    lines = [f"{name} = {text}" for name, text in (STREAM | keys).items() if text]
    return "[stream]\n" + "\n".join(lines) + "\n"


def wrong(text: str, head: str = HEAD, form: str = FORMAT, more: str = "") -> list[str]:
    document = tomllib.loads(head + form + RULES + text + more)
    found = convert(document, TableFile)
    if found.record is None:
        return found.mistakes
    return [*found.mistakes, *mistakes(found.record, "acme-npu", found.broken)]


def test_a_stream_without_mistakes() -> None:
    assert wrong(section()) == []
    assert wrong(section(size='"initial"', control="4095", covers="[]")) == []
    assert wrong(section(complete="true", covers='["same", "kept"]')) == []
    assert wrong(section(fixed='{ 4 = "00 01", 12 = "00000000" }')) == []
    assert wrong(section(via='"STOP_COPY"', sibling='"type"', hazard='"x"')) == []
    for name, kind in [
        *(("h", "hex"), ("n", "int"), ("s", "set")),
        *(("t", "int"), ("z", "int"), ("v", "int")),
    ]:
        field = f'{{ offset = 8, width = 8, kind = "{kind}" }}'
        assert wrong(section(**{"field__n": None, f"field__{name}": field})) == []


def place(offset: int = 4, width: int = 4, rest: str = 'kind = "hex"') -> str:
    return f"{{ offset = {offset}, width = {width}, {rest} }}"


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (section(via='"RESUMING"'), "stream.via", "invalid enum value"),
        (section(via=None), "stream.via", "is missing"),
        (section(size=None), "stream.size", "is missing"),
        (section(size="0"), "stream.size", ">= 1"),
        (section(size="4097"), "stream.size", "<= 4096"),
        (section(size='"all"'), "stream.size", "invalid enum value"),
        (
            section(size='"initial"', via='"STOP_COPY"'),
            "stream.size",
            "is what PRE_COPY announces",
        ),
        (section(control=None), "stream.control", "is missing"),
        (section(control="16"), "stream.control", "16 is not below the size, 16"),
        (section(control="-1"), "stream.control", ">= 0"),
        (section(control="4096"), "stream.control", "<= 4095"),
        (section(covers=None), "stream.covers", "is missing"),
        (section(covers='["moon"]'), "stream.covers[0]", "no requirement 'moon'"),
        (
            section(covers='["same", "same"]'),
            "stream.covers[1]",
            "same is there already",
        ),
        (section(complete="true", covers='["same"]'), "stream.complete", "kept"),
        (section(sibling='"host"'), "stream.sibling", "invalid enum value"),
        (section(hazard='""'), "stream.hazard", "length >= 1"),
        (section(fixed='{ x = "00" }'), "stream.fixed.x", "is not the place of a byte"),
        (section(fixed='{ 8 = "0x" }'), "stream.fixed", "two hexadecimal"),
        (section(fixed='{ 15 = "0000" }'), "stream.fixed.15", "ends at 17, behind"),
        (section(fixed='{ 3 = "00" }'), "stream.fixed.3", "bytes of the field n"),
        (section(colour='"red"'), "stream.colour", "unknown key"),
        (
            section(field__moon=place()),
            "stream.field.moon",
            "the format f has no such field; it has h, n, s",
        ),
        (section(field__h=place(3)), "stream.field.h.offset", "byte 3 is of n"),
        (section(field__h=place(0, 1)), "stream.field.", "byte 0 is of"),
        (section(field__h=place(13)), "stream.field.h", "ends at byte 17"),
        (section(field__h=place(8, 0)), "stream.field.h.width", ">= 1"),
        (section(field__h=place(8, 9)), "stream.field.h.width", "<= 8"),
        (section(field__h=place(-1)), "stream.field.h.offset", ">= 0"),
        (
            section(size='"initial"', field__h=place(4095)),
            "stream.field.h",
            "ends at byte 4099, behind the head, which has 4096",
        ),
        (
            section(field__h="{ offset = 4, width = 4 }"),
            "stream.field.h",
            "either kind or values",
        ),
        (
            section(field__h=place(rest='kind = "hex", values = { "00000001" = "1" }')),
            "stream.field.h",
            "either kind or values",
        ),
        (
            section(field__h=place(rest='kind = "text"')),
            "stream.field.h.kind",
            "invalid enum value",
        ),
        (
            section(field__h=place(rest='kind = "int"')),
            "stream.field.h.kind",
            "int is not read as a field of kind hex",
        ),
        (section(field__s=place()), "stream.field.s.kind", "hex is not read"),
        (section(field__r=place()), "stream.field.r.kind", "hex is not read"),
        *(
            (
                section(field__t=place(rest=f'values = {{ "{number}" = "a" }}')),
                f"stream.field.t.values.'{number}'",
                "as 8 digits of 0-9 and a-f",
            )
            for number in ("1", "0000000A", "0x000001", "000000001", "", "\u0660" * 8)
        ),
        *(
            (
                section(
                    **{
                        f"field__{name}": place(
                            rest=f'values = {{ "{"0" * 8}" = "{text}" }}'
                        )
                    }
                ),
                f"stream.field.{name}.values.00000000",
                "of the format",
            )
            for name, text in (("t", "a:b"), ("t", "?"), ("t", "é"), ("z", "x"))
        ),
    ],
)
def test_a_mistake_has_its_key(text: str, key: str, says: str) -> None:
    found = wrong(text)

    assert len(found) == 1, found
    assert found[0].startswith(key)
    assert says in found[0]


def test_all_mistakes_are_told_at_once() -> None:
    found = wrong(
        section(
            control="99",
            covers='["moon"]',
            complete="true",
            field__moon=place(2),
            field__h=place(30, rest='values = { "1" = "zz" }'),
        )
    )

    assert [mistake.partition(": ")[0] for mistake in found] == [
        "stream.control",
        "stream.field.moon.offset",
        "stream.field.h",
        "stream.field.h.values.'1'",
        "stream.covers[0]",
        "stream.complete",
        "stream.field.moon",
        "stream.field.h.values.1",
    ]


def test_the_format_is_the_one_that_is_derived() -> None:
    forms = FORMAT + 'g = "x{h:hex}"\n'
    derive = '[derive]\nformat = "g"\n'

    assert wrong(section(), form=forms) == []
    assert wrong(section(), form=forms, more=derive) == [
        "stream.field.n: the format g has no such field; it has h"
    ]


@pytest.mark.parametrize(
    ("head", "form", "key"),
    [
        (HEAD + 'migration = "unsupported"\nwhy = "x"\n', "", "stream: a table of"),
        (HEAD + 'migration = "device-decides"\n', "", "stream: there is no format"),
        (HEAD.replace('drivers = ["acme"]\n', ""), FORMAT, "drivers: name those"),
    ],
)
def test_a_stream_belongs_to_drivers_and_a_format(
    head: str, form: str, key: str
) -> None:
    assert any(mistake.startswith(key) for mistake in wrong(section(), head, form))


def test_the_interface_has_to_have_the_state() -> None:
    interface = '[interface]\nflags = ["STOP_COPY"]\nreference = "x"\n'

    assert wrong(section(), more=interface) == [
        "stream.via: the flags of [interface] have no PRE_COPY"
    ]
    assert wrong(section(via='"STOP_COPY"'), more=interface) == []


@pytest.mark.parametrize("head", ["", "0", "0g", "00  11", "00 11 ", " 00", "0x00"])
def test_a_cases_head_is_bytes(head: str) -> None:
    case = (
        '[[case]]\nsource = "x"\ndestination = "x"\nverdict = "compatible"\n'
        f'head = "{head}"\n'
    )
    [mistake] = wrong(section(), more=case)

    assert mistake.startswith("case[0].head: ")
    assert "two hexadecimal digits" in mistake
