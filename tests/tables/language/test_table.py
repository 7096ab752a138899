# SPDX-License-Identifier: Apache-2.0
"""Tables: three values throughout, exceptions, and computed fields."""

from __future__ import annotations

import pytest

from vfiocompat.tables.language.formats import Stop
from vfiocompat.versions import VersionString

from .making import HEAD, exception, outcome, read, requirement, table

FORMAT = '[format]\nf = "{g:text}:{n:int}:{v:version}"\n'
ORDER = """
[field.generation]
from = "g"
order = [{ name = "A1", values = ["a", "aa"] }, { name = "A2", values = ["b"] }]
"""
RULES = requirement("generation-not-lower", "generation", "not-lower") + requirement(
    "same-n", "n", "equal"
)
DENY = exception(
    "early",
    'verdict = "incompatible"',
    'source = { v = "<1.4" }',
    'destination = { v = ">=2" }',
)
LIFT = exception("any-n", 'lifts = ["same-n"]', 'destination = { v = ">=3" }')

PLAIN = table(FORMAT + ORDER + RULES)
FULL = table(FORMAT + ORDER + RULES + DENY + LIFT)


@pytest.mark.parametrize(
    ("source", "destination", "verdict", "by"),
    [
        ("a:1:1", "b:1:1", "compatible", []),
        ("aa:1:1", "a:1:1", "compatible", []),
        ("b:1:1", "a:1:1", "incompatible", ["generation-not-lower"]),
        ("b:1:1", "a:2:1", "incompatible", ["generation-not-lower", "same-n"]),
        ("?:1:1", "a:1:1", "undetermined", ["generation-not-lower"]),
        ("new:1:1", "a:1:1", "undetermined", ["generation-not-lower"]),
        ("?:?:1", "a:1:1", "undetermined", ["generation-not-lower", "same-n"]),
        ("?:1:1", "a:2:1", "incompatible", ["same-n"]),
    ],
)
def test_any_that_fails_wins_then_any_that_is_not_known(
    source: str, destination: str, verdict: str, by: list[str]
) -> None:
    found = outcome(PLAIN, f"1ac1-{source}", f"1ac1-{destination}")

    assert found.verdict == verdict
    assert PLAIN.decided_by(found) == by


@pytest.mark.parametrize(
    ("source", "destination", "verdict", "by"),
    [
        ("a:1:1.3", "a:1:2", "incompatible", ["early"]),
        ("a:1:1.4", "a:1:2", "compatible", []),
        ("a:1:?", "a:1:2", "undetermined", ["early"]),
        ("a:1:?", "a:1:1", "compatible", []),
        ("a:1:1.4", "a:2:3", "compatible", ["any-n"]),
        ("a:1:1.4", "a:1:3", "compatible", []),
        ("a:1:1.4", "a:2:2", "incompatible", ["same-n"]),
        ("a:1:1.4", "a:2:?", "undetermined", ["same-n"]),
        ("a:1:1.4", "a:1:?", "compatible", []),
        ("a:1:1.3", "a:2:3", "incompatible", ["early"]),
        ("b:1:1.4", "a:2:3", "incompatible", ["generation-not-lower"]),
        ("a:?:1.4", "a:2:3", "compatible", ["any-n"]),
        ("a:?:1.4", "a:2:?", "undetermined", ["same-n"]),
    ],
)
def test_exceptions_deny_and_lift(
    source: str, destination: str, verdict: str, by: list[str]
) -> None:
    found = outcome(FULL, f"1ac1-{source}", f"1ac1-{destination}")

    assert (found.verdict, FULL.decided_by(found)) == (verdict, by)


def test_a_condition_on_one_side() -> None:
    made = table(
        FORMAT
        + requirement("new", "v", "specifier", 'specifier = ">=2"')
        + requirement(
            "old", "v", "specifier", 'specifier = ["1", "2"]', 'side = "source"'
        )
    )

    assert outcome(made, "1ac1-a:1:1", "1ac1-a:1:2").verdict == "compatible"
    found = outcome(made, "1ac1-a:1:3", "1ac1-a:1:1")
    assert made.decided_by(found) == ["new", "old"]
    assert outcome(made, "1ac1-a:1:?", "1ac1-a:1:2").verdict == "undetermined"


SETS = '[format]\nf = "{n:int}/{s:set}"\n' + requirement("same-n", "n", "equal")


@pytest.mark.parametrize(
    ("condition", "text", "denied", "lifted"),
    [
        ('"x,y"', "y,x", "incompatible", "compatible"),
        ('"x,y"', "x", "compatible", "incompatible"),
        ('"x,y"', "0x3", "undetermined", "undetermined"),
        ('["x", "y"]', "0x3", "undetermined", "undetermined"),
        ('["x", "0x3"]', "0x3", "incompatible", "compatible"),
        ('"0x3"', "x,y", "undetermined", "undetermined"),
        ('""', "0x0", "incompatible", "compatible"),
        ('"0x0"', "", "incompatible", "compatible"),
        ('"0x0"', "x", "compatible", "incompatible"),
    ],
)
def test_names_and_a_mask_meet_no_condition_and_fail_none(
    condition: str, text: str, denied: str, lifted: str
) -> None:
    """One that denies would else be passed over: a yes where nobody knows."""
    for side, ends in (
        ("source", (f"1/{text}", "{}/")),
        ("destination", ("{}/", f"1/{text}")),
    ):
        conditions = f"{side} = {{ s = {condition} }}"
        deny = table(SETS + exception("e", 'verdict = "incompatible"', conditions))
        lift = table(SETS + exception("e", 'lifts = ["same-n"]', conditions))
        same, other = ([f"1ac1-{end.format(n)}" for end in ends] for n in ("1", "2"))

        assert outcome(deny, *same).verdict == denied
        assert outcome(lift, *other).verdict == lifted


@pytest.mark.parametrize(
    ("specifier", "text", "verdict"),
    [
        ('"x"', "0x3", "undetermined"),
        ('"0x3"', "x", "undetermined"),
        ('["x", "y"]', "0x3", "undetermined"),
        ('"x"', "y", "incompatible"),
        ('"0x0"', "", "compatible"),
        ('""', "0x0", "compatible"),
    ],
)
def test_a_specifier_of_names_says_nothing_of_a_mask(
    specifier: str, text: str, verdict: str
) -> None:
    made = table(
        SETS + requirement("has", "s", "specifier", f"specifier = {specifier}")
    )

    assert outcome(made, "1ac1-1/", f"1ac1-1/{text}").verdict == verdict


@pytest.mark.parametrize("text", ["?", "??", " ?", "a?", "GVTg_V5_?", "A40-?Q"])
def test_a_text_with_a_question_mark_is_not_known(text: str) -> None:
    """Two that are alike may stand for two that are not."""
    fields = '[format]\nf = "{n:int}:{t:text}"\nany = "{t:text}"\n'
    made = table(
        fields
        + '[field.g]\nfrom = "t"\norder = [{ name = "A", values = ["a"] }]\n'
        + requirement("same-text", "t", "equal")
        + requirement("same-g", "g", "equal")
    )
    found = outcome(made, f"1ac1-1:{text}", f"1ac1-1:{text}")
    assert found.verdict == "undetermined"
    assert made.decided_by(found) == ["same-text", "same-g"]
    assert read(made, f"1ac1-1:{text}").format == "f"
    assert read(made, f"1ac1-1:{text}").shown["t"] == text

    known = requirement("t", "t", "specifier", 'specifier = ["a", "b"]')
    deny = exception("e", 'verdict = "incompatible"', 'source = { t = "a" }')
    for rules in (known, requirement("n", "n", "equal") + deny):
        made = table(fields + rules)
        assert outcome(made, f"1ac1-1:{text}", f"1ac1-1:{text}").verdict == (
            "undetermined"
        )


def test_other_kinds_have_a_question_mark_alone() -> None:
    made = table('[format]\nf = "{n:int}"\n' + requirement("n", "n", "equal"))

    assert isinstance(made.read(VersionString.parse("1ac1-1?")), list)


def test_two_fields_of_different_names() -> None:
    made = table(
        '[format]\nf = "{n:int}:{r:range}"\n'
        + requirement("inside", "n", "within", 'destination_field = "r"')
    )

    assert outcome(made, "1ac1-3:1..1", "1ac1-9:2..4").verdict == "compatible"
    assert outcome(made, "1ac1-5:1..1", "1ac1-9:2..4").verdict == "incompatible"


def test_where_the_device_decides_a_yes_is_none() -> None:
    head = HEAD + 'migration = "device-decides"\nwhy = "it compares more"\n'
    made = table(
        FORMAT + RULES.replace('"generation"', '"g"').replace("not-lower", "equal"),
        head,
    )

    assert outcome(made, "1ac1-a:1:1", "1ac1-a:1:1").verdict == "undetermined"
    assert outcome(made, "1ac1-a:1:1", "1ac1-b:1:1").verdict == "incompatible"


def test_format_and_spelling_are_fields() -> None:
    formats = '[format]\nnew = "n{a:int}"\nold = "{a:int}"\n'
    made = table(
        formats
        + requirement("same-format", "format", "equal")
        + requirement("bare", "vendor_spelling", "specifier", 'specifier = "bare"')
    )

    assert outcome(made, "1ac1-n1", "1ac1-n1").verdict == "compatible"
    assert outcome(made, "1ac1-1", "1ac1-n1").verdict == "incompatible"
    assert outcome(made, "1ac1-n1", "00021ac1-n1").verdict == "incompatible"


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("00021ac1", "00031ac1"),
        ("00021ac1", "00021AC1"),
        ("80001ac1", "c0001ac1"),
        ("1ac1", "1Ac1"),
        ("0x80001ac1", "0x00021ac1"),
        ("0x00021ac1", "0x21ac1"),
        ("0x21ac1", "0X21ac1"),
    ],
)
def test_ids_that_are_spelled_alike_may_be_written_otherwise(
    source: str, destination: str
) -> None:
    made = table(
        '[format]\nf = "{a:int}"\n'
        + requirement("spelled", "vendor_spelling", "equal")
        + requirement("written", "vendor_text", "equal")
    )
    here, there = (
        read(made, f"{source}-1").values,
        read(made, f"{destination}-1").values,
    )

    assert made.outcome(here, there).held == [True, False]
    assert made.outcome(here, here).verdict == "compatible"


def test_a_derived_string_has_an_unknown_spelling_and_its_own_format() -> None:
    made = table(
        '[format]\nnew = "{a:text}:{b:text}"\nold = "{a:text}"\n'
        '[derive]\nformat = "old"\na = "type_name"\n'
        + requirement("bare", "vendor_spelling", "specifier", 'specifier = "bare"')
        + requirement("written", "vendor_text", "equal")
    )

    assert read(made, "1ac1-x:y").format == "new"
    derived = read(made, "1ac1-x:y", derived=True)
    assert derived.format == "old"
    assert made.outcome(derived.values, derived.values).held == [None, None]


def test_a_reading_shows_every_field() -> None:
    assert read(PLAIN, "1ac1-aa:7:?").shown == {
        "format": "f",
        "vendor_spelling": "bare",
        "vendor_text": "1ac1",
        "g": "aa",
        "n": "7",
        "v": "?",
        "generation": "A1",
    }
    assert read(PLAIN, "1ac1-zz:7:1").shown["generation"] == "?"


def test_pieces_are_where_they_stand_in_the_whole_string() -> None:
    found = read(PLAIN, "00021ac1-aa:7:1.2")

    text = found.version.text
    assert text[found.pieces["n"].start : found.pieces["n"].end] == "7"
    assert found.pieces["generation"] == found.pieces["g"]


def test_it_is_told_where_each_format_stops() -> None:
    stops = FULL.read(VersionString.parse("1ac1-a:x:1"))

    assert stops == [Stop(7, "n, an int such as 8")]


@pytest.mark.parametrize(
    ("vendor", "text", "claimed"),
    [
        ("pci:1ac1", "1ac1-x", True),
        ("pci:1ac1", "00021ac1-x", True),
        ("pci:1ac1", "80001ac1-x", True),
        ("pci:1ac1", "0x1ac1-x", False),
        ("pci:1ac1", "opaque", False),
        ("u32:0x00001ac1", "0x1ac1-x", True),
        ("u32:0x00001ac1", "1ac1-x", False),
    ],
)
def test_whose_strings_a_table_claims(vendor: str, text: str, *, claimed: bool) -> None:
    made = table(
        FORMAT + RULES.replace('"generation"', '"v"'), HEAD.replace("pci:1ac1", vendor)
    )

    assert made.file.claims(VersionString.parse(text).vendor) is claimed


# ---- what nobody says, and what stands in ----------------------------------------

OPEN = table(
    FORMAT
    + requirement("same-n", "n", "equal", 'otherwise = "undetermined"')
    + requirement("same-g", "g", "equal")
    + exception("any-n", 'lifts = ["same-n"]', 'destination = { v = ">=3" }')
)
STANDING = table(
    FORMAT
    + requirement("same-n", "n", "equal")
    + requirement(
        "same-g",
        "g",
        "equal",
        'stands_in_for = ["same-n"]',
        'otherwise = "undetermined"',
    )
    + exception(
        "a-to-b",
        'verdict = "incompatible"',
        'source = { g = "a" }',
        'destination = { g = "b" }',
        'stands_in_for = ["same-n"]',
    )
)


@pytest.mark.parametrize(
    ("source", "destination", "verdict", "by"),
    [
        ("a:1:1", "a:1:1", "compatible", []),
        ("a:1:1", "a:2:1", "undetermined", ["same-n"]),
        ("a:2:1", "a:1:1", "undetermined", ["same-n"]),
        ("a:?:1", "a:1:1", "undetermined", ["same-n"]),
        ("a:1:1", "b:2:1", "incompatible", ["same-g"]),
        ("a:1:1", "a:2:3", "compatible", ["any-n"]),
        ("a:1:1", "a:2:?", "undetermined", ["same-n"]),
    ],
)
def test_a_requirement_may_leave_open_instead_of_refusing(
    source: str, destination: str, verdict: str, by: list[str]
) -> None:
    found = outcome(OPEN, f"1ac1-{source}", f"1ac1-{destination}")

    assert (found.verdict, OPEN.decided_by(found)) == (verdict, by)


@pytest.mark.parametrize(
    ("source", "destination", "verdict", "by"),
    [
        ("a:1:1", "a:1:1", "compatible", []),
        ("a:1:1", "b:1:1", "compatible", []),
        ("?:1:1", "b:1:1", "compatible", []),
        ("a:1:1", "a:2:1", "incompatible", ["same-n"]),
        ("a:?:1", "a:2:1", "compatible", []),
        ("a:1:1", "a:?:1", "compatible", []),
        ("a:?:1", "c:?:1", "undetermined", ["same-g"]),
        ("a:?:1", "b:?:1", "incompatible", ["a-to-b"]),
        ("a:?:1", "?:1:1", "undetermined", ["same-g", "a-to-b"]),
    ],
)
def test_what_stands_in_counts_only_where_the_other_is_not_known(
    source: str, destination: str, verdict: str, by: list[str]
) -> None:
    found = outcome(STANDING, f"1ac1-{source}", f"1ac1-{destination}")

    assert (found.verdict, STANDING.decided_by(found)) == (verdict, by)
