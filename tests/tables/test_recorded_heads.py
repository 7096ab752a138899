# SPDX-License-Identifier: Apache-2.0
"""Heads that inventories have and that cannot be of their devices leave no yes."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.fleets import qat
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


# ---- of another length than the destination's own ------------------------------------

QAT_HEAD = bytes.fromhex(
    "eacaf5ad 01000000 1000 0100 4a000000 434f4e4649470000 3a000000 03000000"
    "67656e6361700000 04000000 00000000 3f000000 7376636d61700000 02000000 00000000"
    "2449 6578746463000000 04000000 00000000 03000000"
)
"""It is as long as PRE_COPY announces: another build of the driver may write more."""


def qat_device(data: bytes | None, *answers: RecordedAnswer) -> Endpoint:
    fields: dict[str, Any] = {
        "recorded": Recorded("h", TAKEN),
        "stated": {"slas": ""},
        "answers": answers,
    }
    if data is not None:
        head = device(ONE, data).head
        assert head
        fields["head"] = msgspec.structs.replace(head, driver="qat_vfio_pci")
    return qat("0000:03:00.1", None, **fields)


@pytest.mark.parametrize(
    ("own", "said"),
    [(QAT_HEAD, "compatible"), (QAT_HEAD + bytes(8), "undetermined")],
)
def test_a_yes_to_a_head_of_another_length_than_the_own_is_none(
    own: bytes, said: str
) -> None:
    source, destination = qat_device(QAT_HEAD), qat_device(own, yes_to(QAT_HEAD))
    assert verdict(source, destination) == (said, "recorded")
    assert (codes.HEAD_NOT_READ in found_codes(source, destination)) == (
        said != "compatible"
    )
    assert verdict(source, qat_device(own)) == ("compatible", "table")


# ---- by which table ------------------------------------------------------------------


def test_what_a_yes_covers_is_known_by_the_table_that_asks(tmp_path: Path) -> None:
    """A site's table that reads heads, and makes no string, is not passed over."""
    text = Path("vfiocompat/tables/shipped/mtty.toml").read_text(encoding="utf-8")
    text = text.replace('id = "mtty"', 'id = "other"')
    text = text.replace('vendor = "pci:4348"\n', "")  # and no file tells one
    (tmp_path / "tables.d").mkdir()
    (tmp_path / "tables.d/other.toml").write_text(text, encoding="utf-8")
    source = device(ONE, MTTY)
    destination = device(OTHER, None, answers=(yes_to(MTTY),))

    library = Library(config=str(tmp_path))
    asking = library.reading_heads(destination)
    assert asking is not None
    assert asking.id == "other"
    decision = decide_pair(source, destination, library).decision
    assert decision.table is None
    assert (decision.verdict, decision.covered) == ("undetermined", None)
    assert codes.CHECKED_LATER in {each.code for each in decision.diagnostics}
    assert verdict(source, destination) == ("compatible", "recorded")
