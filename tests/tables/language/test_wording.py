# SPDX-License-Identifier: Apache-2.0
"""Outcomes in words: codes, what is underlined, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfiocompat.diagnostics import SIDES, Span
from vfiocompat.tables.language.reasons import End
from vfiocompat.tables.language.wording import findings

from .making import exception, read, requirement, table

if TYPE_CHECKING:
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.tables.language.table import Table

ORDER = """
[field.generation]
from = "v"
order = [{ name = "A1", values = ["1"] }, { name = "A2", values = ["2"] }]
"""


def found(
    made: Table, source: str, destination: str, *, derived: bool = False
) -> list[Diagnostic]:
    ends = [
        End(side, read(made, f"1ac1-{text}"), derived)
        for side, text in zip(SIDES, (source, destination), strict=True)
    ]
    outcome = made.outcome(ends[0].reading.values, ends[1].reading.values)
    return list(findings(made, outcome, *ends))


def kind(name: str, relation: str, *lines: str, more: str = "") -> Table:
    form = f'[format]\nf = "{{v:{name}}}|{{x:text}}"\n'
    return table(form + more + requirement("rule", "v", relation, *lines))


@pytest.mark.parametrize(
    ("made", "source", "destination", "code", "hint"),
    [
        (
            kind("int", "not-lower"),
            "2",
            "1",
            "VFC210",
            "needs v >= 2 on the destination",
        ),
        (
            kind("int", "not-higher"),
            "1",
            "2",
            "VFC211",
            "needs v <= 1 on the destination",
        ),
        (kind("text", "equal"), "a", "b", "VFC212", "needs a destination whose v is a"),
        (
            kind("version", "same-major-minor-not-lower"),
            "1.3",
            "2.0",
            "VFC213",
            "needs v >= 1.3 and < 2 on the destination",
        ),
        (
            kind("set", "subset"),
            "a,b,c",
            "b",
            "VFC214",
            "needs v with a,c on the destination",
        ),
        (
            kind("map", "each-not-lower"),
            "a=2",
            "a=1",
            "VFC216",
            "needs v of at least a=2 on the destination",
        ),
        (
            kind("version", "specifier", 'specifier = ">=1.9"'),
            "1",
            "1.8",
            "VFC217",
            "needs v >=1.9 on the destination",
        ),
    ],
)
def test_a_requirement_that_fails(
    made: Table, source: str, destination: str, code: str, hint: str
) -> None:
    [finding] = found(made, f"{source}|x", f"{destination}|x")

    assert (finding.code, finding.hint) == (code, hint)
    assert (finding.table, finding.requirement) == ("acme-npu", "rule")
    assert finding.why == "it is so"


def test_a_field_is_underlined_in_both_strings_with_what_it_stands_for() -> None:
    made = table(
        '[format]\nf = "n-{v:int}-{x:text}"\n'
        + ORDER
        + requirement("rule", "generation", "not-lower")
    )
    [finding] = found(made, "n-2-x", "n-1-x")

    assert finding.summary == "the destination is of a lower generation"
    assert finding.hint == "needs a destination of generation A2 or higher"
    assert finding.detail is None
    assert finding.spans == (
        Span("source", "1ac1-n-2-x", 7, 8, "A2"),
        Span("destination", "1ac1-n-1-x", 7, 8, "A1"),
    )


def test_sizes_are_told_in_units() -> None:
    [finding] = found(kind("size", "not-lower"), "2048M|x", "1K|x")

    assert [span.label for span in finding.spans] == ["2 GiB", "1 KiB"]


def test_what_is_lacking_is_told_of_the_destination_though_its_field_is_empty() -> None:
    [finding] = found(kind("set", "subset"), "a,b|x", "|x")

    assert finding.spans == (
        Span("source", "1ac1-a,b|x", 5, 8),
        Span("destination", "1ac1-|x", 5, 5, "lacks a,b"),
    )


def test_of_a_field_that_a_format_does_not_have_nothing_is_underlined() -> None:
    made = table(
        '[format]\nf = "f-{v:int}"\ng = "g-{x:int}"\n'
        + requirement("rule", "v", "equal")
    )
    [finding] = found(made, "f-1", "g-1")

    assert finding.summary == "nothing is known of the destination's v"
    assert finding.spans == (
        Span("destination", "1ac1-g-1", label="format g has no v"),
    )


def test_every_requirement_that_fails_is_told_and_nothing_that_is_not_known() -> None:
    made = table(
        '[format]\nf = "{a:int}|{b:int}|{c:int}"\n'
        + requirement("a", "a", "equal")
        + requirement("b", "b", "equal")
        + requirement("c", "c", "equal")
    )

    assert [each.requirement for each in found(made, "1|1|?", "2|2|1")] == ["a", "b"]
    assert [each.code for each in found(made, "?|1|1", "1|?|1")] == ["VFC220", "VFC220"]
    assert [each.code for each in found(made, "1|1|1", "1|1|1")] == ["VFC209"]


@pytest.mark.parametrize(
    ("derived", "hint"),
    [
        (False, "in place of ? write the v of the source; to learn it: ask"),
        (True, "state v of the source; to learn it: ask"),
    ],
)
def test_what_is_not_known_is_told_with_how_to_learn_it(
    *, derived: bool, hint: str
) -> None:
    made = kind("int", "equal", more='[field.v]\nlearn = "ask"\n')
    [finding] = found(made, "?|x", "1|x", derived=derived)

    assert (finding.code, finding.hint) == ("VFC220", hint)
    assert finding.summary == "nothing is known of the source's v"


def test_a_text_with_a_question_mark_is_told_as_not_known() -> None:
    [finding] = found(kind("text", "equal"), "A40-?Q|x", "A40-?Q|x")

    assert finding.code == "VFC220"
    assert [span.label for span in finding.spans] == ["not known", "not known"]
    assert finding.hint == "in place of ? write the v of the source and the destination"


def test_what_to_state_is_said_once_however_many_rules_read_it() -> None:
    made = table(
        '[format]\nf = "{v:int}|{x:int}"\n'
        + ORDER.replace("]]", "]]\n", 1)
        + '[field.v]\nlearn = "ask"\n'
        + requirement("one", "v", "specifier", 'specifier = "1"', 'side = "source"')
        + requirement("both", "v", "equal")
        + requirement("computed", "generation", "not-lower")
        + requirement("other", "x", "equal")
        + exception("deny", 'verdict = "incompatible"', 'source = { v = "1" }')
    )

    every = found(made, "?|?", "?|1", derived=True)

    assert [(each.requirement, each.hint) for each in every] == [
        ("one", "state v of the source; to learn it: ask"),
        ("both", "state v of the destination; to learn it: ask"),
        ("computed", None),
        ("other", "state x of the source"),
        ("deny", None),
    ]
    assert all(each.missing for each in every)  # for programs it is with each
    [again, *_] = found(made, "?|?", "?|1", derived=True)
    assert again.hint == "state v of the source; to learn it: ask"


def test_a_value_in_no_generation() -> None:
    made = table(
        '[format]\nf = "{v:int}|{x:text}"\n'
        + ORDER
        + requirement("rule", "generation", "not-lower")
    )
    [finding] = found(made, "9|x", "1|x")

    [span] = finding.spans
    assert span.label == "in no generation of the table"
    assert finding.hint == "the table acme-npu does not know 9: a site's table may"


def test_exceptions_are_told() -> None:
    made = table(
        '[format]\nf = "{v:int}|{x:int}"\n'
        + requirement("rule", "v", "equal")
        + exception("deny", 'verdict = "incompatible"', 'source = { x = "9" }')
        + exception("lift", 'lifts = ["rule"]', 'destination = { x = "7" }')
    )

    assert [each.code for each in found(made, "1|9", "1|1")] == ["VFC208"]
    assert [each.code for each in found(made, "1|1", "2|7")] == ["VFC222", "VFC209"]
    assert [each.code for each in found(made, "1|?", "1|1")] == ["VFC221"]
    [maybe] = found(made, "1|1", "2|?")
    assert maybe.code == "VFC220"
    assert "whether an exception lifts that is not known" in maybe.summary


def test_what_cannot_be_compared_is_told() -> None:
    form = '[format]\nf = "{v:int}|{s:set}"\n'
    rule = requirement("rule", "v", "equal")
    deny = exception("deny", 'verdict = "incompatible"', 'source = { s = "x" }')
    lift = exception("lift", 'lifts = ["rule"]', 'source = { s = "x", v = "1" }')
    label = "names and a mask do not compare"
    hint = "the table acme-npu does not know 0x1: a site's table may"

    [finding] = found(table(form + rule + deny), "1|0x1", "1|x")
    assert (finding.code, finding.hint) == ("VFC221", hint)
    assert finding.spans == (Span("source", "1ac1-1|0x1", 7, 10, label),)
    [finding] = found(table(form + rule + lift), "1|0x1", "2|x")
    assert (finding.code, finding.hint) == ("VFC220", hint)

    needs = requirement("s", "s", "specifier", 'specifier = ["x", "y"]')
    [finding] = found(table(form + needs), "1|x", "1|0x1")
    assert finding.code == "VFC220"
    assert finding.summary == "the destination's s cannot be compared with x or y"


def test_a_policy_is_told_as_one() -> None:
    made = kind("int", "equal", 'policy = "the platform"')
    [finding] = found(made, "1|x", "2|x")

    assert finding.why == "it is so (a policy of the platform)"


def test_what_nobody_says_is_told_with_what_would_hold() -> None:
    made = kind("int", "equal", 'otherwise = "undetermined"')
    [finding] = found(made, "1|x", "2|x")

    assert (finding.code, finding.severity) == ("VFC230", "warning")
    assert finding.summary == (
        "source and destination differ in v, and what follows from that is not known"
    )
    assert finding.hint == "needs a destination whose v is 1"
    assert (finding.requirement, finding.why) == ("rule", "it is so")
