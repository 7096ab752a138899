# SPDX-License-Identifier: Apache-2.0
"""Heads that inventories have and that cannot be of their devices leave no yes."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
import pytest

from tests.idle import MTTY, MTTY_2, ONE, OTHER, STRING, mtty
from vfiocompat import codes
from vfiocompat.endpoints import Attribute, Endpoint, Head, Recorded, RecordedAnswer
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.library import Library

LIBRARY = Library(config="/nonexistent")
PRESENT = Attribute("version", "present")
TAKEN = "2026-11-01T00:00:00Z"


def device(address: str, data: bytes | None, **more: object) -> Endpoint:
    """Make an mdev of an inventory, with a head or without."""
    fields: dict[str, Any] = {"recorded": Recorded(address, TAKEN)}
    if data is not None:
        fields["head"] = Head(
            data=data.hex(),
            driver="mtty",
            srcversion=None,
            build_id=None,
            kernel="6.12",
            boot_id="b",
            taken_at=TAKEN,
        )
    return mtty(address, **{**fields, **more})


def yes_to(data: bytes) -> RecordedAnswer:
    question = sha256(data).hexdigest()
    return RecordedAnswer(
        None,
        accepted=True,
        errno=None,
        asked_at=TAKEN,
        channel="stream",
        question=question,
    )


def found_codes(source: Endpoint, destination: Endpoint) -> set[str]:
    decision = decide_pair(source, destination, LIBRARY).decision
    return {each.code for each in decision.diagnostics}


def verdict(source: Endpoint, destination: Endpoint) -> tuple[str, str]:
    decision = decide_pair(source, destination, LIBRARY).decision
    return decision.verdict, decision.basis


IMPOSSIBLE: list[dict[str, Any]] = [
    {"data": MTTY, "type_id": "mtty-2"},
    {"data": MTTY[:23]},
    {"data": MTTY[:20]},
    {"data": MTTY[:1]},
    {"data": MTTY + bytes(1)},
]
"""Another device's head; those that are too short, or too long."""


@pytest.mark.parametrize("wrong", IMPOSSIBLE)
def test_a_table_says_no_yes_of_what_an_impossible_head_shows(
    wrong: dict[str, Any],
) -> None:
    good, bad = device(OTHER, MTTY), device(ONE, **wrong)
    for ends in ((good, bad), (bad, good)):
        assert verdict(*ends) != ("compatible", "table")
        assert codes.HEAD_NOT_READ in found_codes(*ends)
    assert verdict(good, good) == ("compatible", "table")


@pytest.mark.parametrize("wrong", IMPOSSIBLE)
def test_a_yes_to_an_impossible_head_is_none(wrong: dict[str, Any]) -> None:
    answers = (yes_to(wrong["data"]),)
    source = device(ONE, **wrong)
    assert verdict(source, device(OTHER, None, answers=answers)) == (
        "undetermined",
        "recorded",
    )
    one = device(ONE, MTTY)
    sure = device(OTHER, None, answers=(yes_to(MTTY),))
    assert verdict(one, sure) == ("compatible", "recorded")


def test_what_is_stated_gives_no_yes_beside_an_impossible_head() -> None:
    """The head shows two ports: which of the two is wrong is not known."""
    facts = {"magic": "7e9d09898c3e2c4e", "major": "1", "minor": "0", "flags": "0"}
    one, other = device(ONE, None, stated=facts), device(OTHER, MTTY_2, stated=facts)
    assert verdict(one, other) == ("undetermined", "table")
    assert verdict(other, one) == ("undetermined", "table")
    assert verdict(one, device(OTHER, None, stated=facts))[0] == "compatible"


def test_facts_beside_a_string_tell_nothing_of_a_head() -> None:
    """No decision reads them, so endpoints with others are one class."""
    string = {"version": STRING, "origin": "recorded", "attribute": PRESENT}
    sure = device(OTHER, None, answers=(yes_to(MTTY),))
    two = device(ONE, MTTY, type_id="mtty-2", **string)
    assert verdict(two, sure) == ("compatible", "recorded")
    short = device(ONE, MTTY[:23], **string)
    answers = (yes_to(MTTY[:23]),)
    assert verdict(short, device(OTHER, None, answers=answers))[0] == "undetermined"


def test_a_no_stays() -> None:
    two = device(OTHER, MTTY_2, type_id="mtty-2")
    assert verdict(device(ONE, MTTY[:23]), two) == ("incompatible", "table")


def test_a_head_that_was_read_now_is_its_devices() -> None:
    live = msgspec.structs.replace(device(ONE, MTTY_2), recorded=msgspec.UNSET)
    two = device(OTHER, MTTY_2, type_id="mtty-2")
    assert codes.HEAD_NOT_READ not in found_codes(live, two)


def test_a_grid_tells_impossible_heads_from_others() -> None:
    """A table makes the same of both strings, and drivers said the same."""
    facts = {"magic": "7e9d09898c3e2c4e", "major": "1", "minor": "0", "flags": "0"}
    ends = [
        device(ONE, None, stated=facts),
        device(ONE, MTTY),
        *(device(ONE, **{"stated": facts, **wrong}) for wrong in IMPOSSIBLE),
    ]
    grid = decide_grid(ends, LIBRARY)
    for row, source in enumerate(ends):
        for column, destination in enumerate(ends):
            cell = grid.cell(row, column)
            assert (cell.verdict, cell.basis) == verdict(source, destination)
