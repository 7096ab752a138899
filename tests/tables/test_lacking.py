# SPDX-License-Identifier: Apache-2.0
"""What a table would have to know of an endpoint."""

from __future__ import annotations

import pytest

from tests.fleets import function
from vfiocompat.tables.lacking import lacking

from .language.making import requirement, table

HEAD = """
[format]
f = "npu-{model:text}:{slices:int}:{firmware:version}"

[derive]
format = "f"
model = "device_id"

[field.slices]
learn = "acmectl slices"

[field.generation]
from = "model"
order = [ { name = "A1", values = ["0xa251"] }, { name = "A2", values = ["2"] } ]
"""
GENERATION = requirement("generation", "generation", "not-lower")
SLICES = requirement("slices", "slices", "equal")
FIRMWARE = """
[[exception]]
id = "early"
verdict = "incompatible"
source = { firmware = "<1" }
why = "x"
"""
LIFT = """
[[exception]]
id = "small"
lifts = ["slices"]
destination = { firmware = ">1" }
why = "x"
"""
BELOW_3 = requirement("below", "slices", "specifier", 'specifier = "<3"')


def found(
    rules: str, stated: dict[str, str] | None = None, model: str = "0xa251"
) -> tuple[dict[str, str | None], dict[str, str]]:
    endpoint = function(
        "0000:03:00.1",
        None,
        vendor_id="0x1ac1",
        device_id=model or None,
        facts={"device_id": model},
        stated=stated or {},
    )
    return tuple(lacking(table(HEAD + rules), endpoint))  # type: ignore[return-value]


def test_what_a_requirement_does_not_know_is_lacking_with_how_it_is_learnt() -> None:
    assert found(GENERATION + SLICES) == ({"slices": "acmectl slices"}, {})
    assert found(GENERATION + SLICES, {"slices": "2"}) == ({}, {})


def test_what_no_rule_reads_is_not_lacking() -> None:
    assert found(GENERATION) == ({}, {})


def test_a_computed_field_is_stated_by_the_one_that_it_comes_from() -> None:
    facts, values = found(GENERATION, model="")
    assert (list(facts), values) == (["model"], {})


def test_a_value_in_no_generation_is_one_that_the_table_does_not_know() -> None:
    assert found(GENERATION, model="7") == ({}, {"generation": "7"})


def test_what_an_exception_that_may_deny_reads_is_lacking() -> None:
    assert list(found(SLICES + FIRMWARE, {"slices": "2"})[0]) == ["firmware"]


@pytest.mark.parametrize(("slices", "expected"), [("2", []), ("4", ["firmware"])])
def test_what_an_exception_reads_that_may_lift_is_lacking_if_there_is_something_to(
    slices: str, expected: list[str]
) -> None:
    rules = BELOW_3 + LIFT.replace('"slices"', '"below"')
    assert list(found(rules, {"slices": slices})[0]) == expected


def test_of_what_a_table_cannot_read_nothing_is_lacking() -> None:
    endpoint = function("0000:03:00.1", "1ac1-another", vendor_id="0x1ac1")
    assert lacking(table(HEAD + SLICES), endpoint) == ({}, {})
