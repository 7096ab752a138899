# SPDX-License-Identifier: Apache-2.0
"""Which table speaks for a pair, and what it makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfiocompat import codes
from vfiocompat.diagnostics import Span
from vfiocompat.endpoints import Attribute, Endpoint, literal
from vfiocompat.errors import ErrorRecord
from vfiocompat.tables.judge import derivation, judge
from vfiocompat.tables.shelf import Shelved, concerns, first_found, speaks_for

from .language.making import HEAD, requirement, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.tables.language.table import Table

FORMAT = '[format]\nf = "npu-{n:int}"\n'
DERIVE = '[derive]\nformat = "f"\nn = "revision"\n'
SAME = requirement("same", "n", "equal")
ABSENT = Attribute(None, "absent", "ENOENT", "/sys/x", None, "VFC102")
BROKEN = ErrorRecord(codes.TABLE_MALFORMED, "mistakes in x.toml", "n: is missing", None)


def derived_text(endpoint: Endpoint, shelf: Sequence[Shelved]) -> str | None:
    found = derivation(endpoint, shelf)
    return found and found[1].version.text


def made(id_: str, text: str = FORMAT + DERIVE + SAME, more: str = "") -> Table:
    return table(text, HEAD.replace("acme-npu", id_) + more)


def device(**more: object) -> Endpoint:
    fields: dict[str, object] = {
        "kind": "function",
        "address": "0000:03:00.1",
        "driver": "acme",
        "vendor_id": "0x1ac1",
        "attribute": ABSENT,
        "facts": {"revision": "7"},
    }
    return Endpoint(**(fields | more))  # type: ignore[arg-type]


A, B = literal("1ac1-npu-1"), literal("1ac1-npu-2")
UNSUPPORTED = table(
    "",
    HEAD.replace('vendor = "pci:1ac1"\n', "")
    + 'migration = "unsupported"\nwhy = "no"\n',
)


@pytest.mark.parametrize(
    ("endpoint", "speaks"),
    [
        (A, True),
        (literal("00021ac1-x"), True),
        (literal("8086-x"), False),
        (literal("0x1ac1-x"), False),
        (literal("opaque"), False),
        (device(), True),
        (device(driver="other"), False),
        (device(driver=None), True),
        (device(vendor_id="0x8086"), False),
        (device(vendor_id=None), False),
        (device(vendor_id=None, kind="type", parent="0000:03:00.0"), False),
        (device(vendor_id=None, kind="mdev", parent="0000:03:00.0"), False),
        (device(vendor_id=None, kind="type", parent="acme"), True),
        (device(vendor_id=None, driver=None), False),
        (device(vendor_id="0x1AC1"), True),
        (device(vendor_id="0x1a_c1"), False),
        (device(vendor_id=" 0x1ac1"), False),
        (device(vendor_id="+0x1ac1"), False),
        (device(vendor_id="\uff11ac1"), False),
        (device(vendor_id="Acme"), False),
        (device(vendor_id=""), False),
    ],
)
def test_a_table_speaks_for_its_vendor_and_drivers(
    endpoint: Endpoint, *, speaks: bool
) -> None:
    assert speaks_for(made("a").file, endpoint) is speaks


def test_a_table_without_a_vendor_speaks_for_its_drivers_and_any_string() -> None:
    file = table(FORMAT + SAME, HEAD.replace('vendor = "pci:1ac1"\n', "")).file

    assert speaks_for(file, literal("8086-npu-1"))
    assert speaks_for(file, device(vendor_id="0x8086"))
    assert not speaks_for(file, device(driver="other"))
    assert not speaks_for(file, device(driver=None))


def test_no_table_reads_an_opaque_string() -> None:
    file = table(
        '[format]\nf = "npu-{n:int}"\n' + SAME,
        HEAD.replace('vendor = "pci:1ac1"\n', ""),
    ).file
    printed = device(version="npu-1", attribute=None)

    for opaque in (literal("npu-1"), printed):
        assert not speaks_for(file, opaque)
        assert not concerns(file, opaque, literal("8086-npu-1"))
        assert not concerns(file, literal("8086-npu-1"), opaque)
        assert not file.claims(opaque.vendor)


def test_every_known_driver_must_be_listed() -> None:
    assert concerns(made("a").file, A, device())
    assert not concerns(made("a").file, A, device(driver="other"))


def test_the_first_rank_that_finds_anything_counts() -> None:
    names = {"a": 2, "b": 0, "c": 2, "d": 3}
    shelf = [Shelved(rank, name, made(name)) for name, rank in names.items()]

    def found(wanted: str) -> list[str]:
        there, errors = first_found(
            shelf, lambda each: each.id if each.id in wanted else None
        )
        assert not errors
        return there

    assert [found(wanted) for wanted in ("abc", "acd", "d", "")] == [
        ["b"],
        ["a", "c"],
        ["d"],
        [],
    ]
    assert first_found([], lambda each: each) == ([], [])


def test_with_a_broken_table_nothing_is_found_of_its_rank_or_below() -> None:
    shelf = [
        Shelved(0, "a", made("a")),
        Shelved(1, "b", made("b")),
        Shelved(1, "c", BROKEN),
        Shelved(2, "d", made("d")),
    ]

    def found(wanted: str) -> tuple[list[str], list[ErrorRecord]]:
        return first_found(shelf, lambda each: each.id if each.id in wanted else None)

    assert found("ad") == (["a"], [])
    assert found("bd") == found("d") == found("") == ([], [BROKEN])


def test_of_several_origins_the_first_decides() -> None:
    other = FORMAT + DERIVE + requirement("up", "n", "not-lower")
    shelf = [
        Shelved(2, "shipped", made("shipped")),
        Shelved(1, "site", made("site", other)),
    ]

    assert judge(A, B, shelf[:1]).verdict == "incompatible"
    found = judge(A, B, shelf)
    assert (found.verdict, found.table) == ("compatible", "site")
    option = Shelved(0, "option", made("option"))
    assert judge(A, B, [*shelf, option]).table == "option"


def test_a_table_whose_formats_do_not_match_gives_way() -> None:
    other = made("site", '[format]\nf = "cpu-{n:int}"\n' + SAME)
    shelf = [Shelved(1, "site", other), Shelved(2, "shipped", made("shipped"))]

    assert judge(A, B, shelf).table == "shipped"


def test_a_broken_table_never_gives_way() -> None:
    shelf = [Shelved(1, "site", BROKEN), Shelved(2, "shipped", made("shipped"))]
    found = judge(A, B, shelf)

    assert found.failed
    assert found.verdict == "undetermined"
    assert [(each.code, each.summary) for each in found.findings] == [
        ("VFC204", "mistakes in x.toml")
    ]
    option = Shelved(0, "option", made("option"))
    assert not judge(A, B, [*shelf, option]).failed
    lower = [Shelved(2, "shipped", BROKEN), Shelved(1, "site", made("site"))]
    assert judge(A, B, lower).table == "site"


def test_several_that_match_are_all_named() -> None:
    shelf = [Shelved(2, "one", made("one")), Shelved(2, "two", made("two"))]
    found = judge(A, B, shelf)

    assert (found.verdict, found.table) == ("undetermined", None)
    assert [each.code for each in found.findings] == ["VFC203"]
    assert "one, two" in found.findings[0].summary


def test_no_format_that_matches_is_told_where_the_nearest_stopped() -> None:
    text = '[format]\nf = "npu-{n:int}"\ng = "cpu-{n:int}"\n' + SAME
    found = judge(literal("1ac1-npu-x"), B, [Shelved(2, "a", made("a", text))])

    [finding] = found.findings
    assert finding.code == "VFC202"
    label = "expected n, an int such as 8"
    assert finding.spans == (Span("source", "1ac1-npu-x", 9, 10, label),)
    assert finding.detail == "a, f: npu-{n:int}\na, g: cpu-{n:int}"


def test_a_string_that_is_cut_short_is_told_at_its_end() -> None:
    found = judge(A, literal("1ac1-npu-"), [Shelved(2, "a", made("a"))])

    [finding] = found.findings
    label = "expected n, an int such as 8"
    assert finding.spans == (Span("destination", "1ac1-npu-", 9, 9, label),)


def test_strings_are_derived_where_there_are_none() -> None:
    found = judge(device(), A, [Shelved(2, "a", made("a"))])

    assert (found.verdict, found.source, found.destination) == (
        "incompatible",
        "1ac1-npu-7",
        None,
    )
    assert (
        judge(device(), device(), [Shelved(2, "a", made("a"))]).verdict == "compatible"
    )
    unknown = judge(device(facts={}), A, [Shelved(2, "a", made("a"))])
    assert (unknown.verdict, unknown.source) == ("undetermined", "1ac1-npu-?")


def test_a_table_that_derives_nothing_says_so() -> None:
    found = judge(device(), A, [Shelved(2, "a", made("a", FORMAT + SAME))])

    assert [each.code for each in found.findings] == ["VFC224"]


def test_drivers_that_cannot_migrate_are_incompatible_as_bound_now() -> None:
    shelf = [Shelved(2, "no", UNSUPPORTED)]
    assert concerns(UNSUPPORTED.file, device(), A)
    found = judge(device(), A, shelf)

    assert (found.verdict, found.table) == ("incompatible", "acme-npu")
    [finding] = found.findings
    assert (finding.code, finding.why) == ("VFC206", "no")
    assert "the source's driver acme" in finding.summary
    both = judge(device(), device(), shelf).findings
    assert [each.summary.split("'")[0] for each in both] == [
        "the source",
        "the destination",
    ]


@pytest.mark.parametrize(
    "endpoint",
    [
        A,
        device(driver="other"),
        device(driver=None),
        device(version="1ac1-npu-1", attribute=Attribute("version", "present")),
        device(attribute=Attribute("version", "unreadable", "EIO", code="VFC106")),
    ],
)
def test_but_never_by_a_string_alone_nor_beside_an_attribute(
    endpoint: Endpoint,
) -> None:
    assert not concerns(UNSUPPORTED.file, endpoint, A)


def test_where_the_device_decides_the_best_is_undetermined() -> None:
    more = 'migration = "device-decides"\nwhy = "it compares"\n'
    found = judge(A, A, [Shelved(2, "a", made("a", FORMAT + SAME, more))])
    assert (found.verdict, found.table) == ("undetermined", "a")
    assert found.findings[-1].code == "VFC207"
    assert judge(A, B, [Shelved(2, "a", made("a", FORMAT + SAME, more))]).verdict == (
        "incompatible"
    )

    none = made("a", "", more)
    assert [
        each.code
        for each in judge(device(), device(), [Shelved(2, "a", none)]).findings
    ] == ["VFC207"]
    assert judge(A, device(), [Shelved(2, "a", none)]).table is None


def test_the_string_of_one_endpoint() -> None:
    one, two = Shelved(2, "a", made("a")), Shelved(2, "b", made("b"))

    assert derived_text(device(), [one]) == "1ac1-npu-7"
    assert derived_text(device(), [one, two]) is None
    assert derived_text(device(), [Shelved(1, "x", BROKEN), one]) is None
    assert derived_text(device(), []) is None
    site = Shelved(1, "c", made("c", FORMAT + SAME))
    assert derived_text(device(), [site, one]) == "1ac1-npu-7"
