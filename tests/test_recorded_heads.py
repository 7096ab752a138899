# SPDX-License-Identifier: Apache-2.0
"""Heads of migration streams in inventories, and drivers' answers to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.fleets import BOOT, TAKEN, answer, answer_to_head, function, head, inventory
from tests.idle import MTTY, MTTY_2, ONE, OTHER, mtty
from vfiocompat.errors import InventoryError
from vfiocompat.inventory import Inventory, parse_inventory, recorded
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint, RecordedAnswer

LIBRARY = Library(config="/nonexistent")
NOW = Horizon((timestamp(TAKEN) or 0) + 60)
HEAD = head(MTTY.hex(), "mtty")
AFTER = Horizon(NOW.now + 7 * 86400)
LATER, EARLIER = "2026-11-02T00:00:00Z", "2026-10-02T00:00:00Z"


def whole(**more: object) -> Inventory:
    fields: dict[str, Any] = {
        "head": HEAD,
        "answers": (answer_to_head(HEAD, accepted=True),),
    }
    return inventory("a", mtty(ONE, **{**fields, **more}))


def read(what: Inventory) -> Inventory:
    return parse_inventory(msgspec.json.encode(what), "f.json")


def counting(found: Inventory) -> tuple[RecordedAnswer, ...]:
    """Give the answers of an inventory's endpoint that count."""
    return recorded(found.endpoints[0], found, AFTER).answers


def refused(key: str, value: object) -> str:
    """Say why an inventory is refused in which one value, by its path, is another."""
    document: Any = json.loads(msgspec.json.encode(whole()))
    *places, last = key.split(".")
    inner = document["endpoints"][0]
    for place in places:
        inner = inner[int(place) if place.isdigit() else place]
    inner[last] = value
    with pytest.raises(InventoryError) as caught:
        parse_inventory(json.dumps(document).encode(), "f.json")
    return f"{caught.value.summary} {caught.value.detail}"


# ---- what a file may have ----------------------------------------------------------


def test_a_head_and_an_answer_to_it_are_read_as_they_were_written() -> None:
    assert read(whole()) == whole()
    longest = msgspec.structs.replace(HEAD, data="00" * 4096)
    assert read(whole(head=longest)) == whole(head=longest)


def test_an_inventory_of_an_earlier_program_has_no_boot() -> None:
    document = json.loads(msgspec.json.encode(whole()))
    del document["boot_id"]
    found = parse_inventory(json.dumps(document).encode(), "f.json")
    assert not found.boot_id
    document["boot_id"] = None
    assert parse_inventory(json.dumps(document).encode(), "f.json").boot_id is None


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("head.data", "", "head.data: is not 1 to 4096 bytes"),
        ("head.data", "4E", "head.data: is not"),
        ("head.data", "4e2", "head.data: is not"),
        ("head.data", "4e 2c", "head.data: is not"),
        ("head.data", "4e\n", "head.data: is not"),
        ("head.data", "٣٣", "head.data: is not"),
        ("head.data", "00" * 4097, "head.data: is not"),
        ("head.data", 5, "head.data"),
        ("head.taken_at", "yesterday", "head.taken_at: 'yesterday' is no time"),
        ("head.taken_at", "2026-11-01T00:00:00", "is no time with a zone"),
        ("head.driver", "other", "head.driver: 'other' is not the endpoint's"),
        ("head.driver", None, "head.driver: None is not the endpoint's"),
        ("driver", "other", "answers: one of the stream is of 'mtty'"),
        ("answers.0.question", None, "answers: one of the stream has no question"),
        ("answers.0.question", "ab" * 31, "answers: one of the stream has no question"),
        ("answers.0.question", "AB" * 32, "answers: one of the stream has no question"),
        ("answers.0.question", "ab" * 33, "answers: one of the stream has no question"),
        ("answers.0.version", "4348-x", "question that is not its version"),
        ("answers.0.errno", "EFAULT", "accepted has an errno"),
        ("answers.0.driver", "other", "answers: one of the stream is of 'other'"),
    ],
)
def test_what_cannot_be_is_refused(key: str, value: object, says: str) -> None:
    assert says in refused(key, value)


@pytest.mark.parametrize("what", ["head", "answers"])
def test_a_type_has_neither_head_nor_answers_to_one(what: str) -> None:
    fields: dict[str, Any] = {"address": "mtty/mtty-1", "kind": "type", "uuid": None}
    fields |= {"head": msgspec.UNSET} if what == "answers" else {"answers": ()}
    kind = msgspec.structs.replace(whole().endpoints[0], **fields)
    with pytest.raises(InventoryError, match="a type has no migration stream"):
        read(inventory("a", kind))


# ---- several answers ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ([(True, TAKEN), (False, LATER)], False),
        ([(False, TAKEN), (True, LATER)], True),
        ([(True, TAKEN), (False, TAKEN)], False),
        ([(True, TAKEN), (None, TAKEN)], None),
        ([(True, LATER), (None, TAKEN)], True),
        ([(True, "2026-11-02T00:00:00"), (None, TAKEN)], None),
        ([(True, EARLIER), (False, "")], False),
        ([(True, "2999-01-01T00:00:00Z"), (False, TAKEN)], False),
    ],
)
def test_of_several_answers_to_a_head_the_latest_counts(
    said: list[tuple[bool | None, str]], *, counts: bool | None
) -> None:
    other = head(MTTY_2.hex(), "mtty")
    for order in (said, said[::-1]):
        answers = [answer_to_head(HEAD, accepted=yes, at=at) for yes, at in order]
        answers.append(answer_to_head(other, accepted=False))
        found = counting(read(whole(answers=tuple(answers))))
        known = {each.about: each.accepted for each in found}
        assert list(known.values()) == [counts, False]


def test_answers_to_heads_and_to_strings_are_kept_side_by_side() -> None:
    """A string may look like a hash: what it is about tells them apart."""
    to_head = answer_to_head(HEAD, accepted=True)
    text = to_head.question or ""
    one = function(
        "0000:03:00.1",
        "1ac1-a",
        answers=(
            answer(text, accepted=False),
            answer("1ac1-b", accepted=True),
            msgspec.structs.replace(to_head, driver="hisi_acc_vfio_pci"),
        ),
    )
    found = counting(read(inventory("a", one)))
    said = {each.thing: each.accepted for each in found}
    assert said == {
        ("string", text): False,
        ("string", "1ac1-b"): True,
        ("head", text): True,
    }


# ---- what may have changed ---------------------------------------------------------


def changed(endpoint: Endpoint, **more: str) -> tuple[str, ...]:
    known = recorded(endpoint, inventory("a", endpoint, **more), NOW)
    assert known.recorded
    return known.recorded.changed


FUNCTION = function(
    "0000:03:00.1", None, head=head("00" * 40, "hisi_acc_vfio_pci"), build="b1"
)


def test_what_may_have_changed_since_a_head_was_read_is_named() -> None:
    assert changed(FUNCTION) == ()
    assert changed(FUNCTION, boot_id="other") == ("the boot",)
    assert changed(FUNCTION, kernel="6.12.1") == ("the kernel",)
    another = msgspec.structs.replace(FUNCTION, build="b2")
    assert changed(another, kernel="6.1") == ("the kernel", "the driver's build")
    assert changed(msgspec.structs.replace(FUNCTION, head=msgspec.UNSET)) == ()


def test_what_is_not_known_may_have_changed() -> None:
    unknown = head("00", "mtty", boot_id=None, kernel=None, build_id=None)
    assert changed(mtty(ONE, head=unknown)) == ("the boot", "the kernel")
    assert changed(mtty(ONE, head=HEAD), boot_id="") == ("the boot",)
    no_build = msgspec.structs.replace(FUNCTION, head=unknown)
    assert changed(no_build)[2:] == ("the driver's build",)


def test_a_build_is_compared_where_the_inventory_tells_that_of_the_device() -> None:
    """The module of an mdev's driver need not be that of its parent's."""
    assert changed(mtty(ONE, head=HEAD, build="b2")) == ()
    assert changed(msgspec.structs.replace(FUNCTION, build=msgspec.UNSET)) == ()
    by_sources = head("00" * 40, "hisi_acc_vfio_pci", build_id=None, srcversion="b1")
    assert changed(msgspec.structs.replace(FUNCTION, head=by_sources)) == ()


# ---- what is decided ---------------------------------------------------------------


def decided(
    said: RecordedAnswer | None,
    *,
    data: bytes = MTTY,
    own: bytes | None = MTTY,
    **more: str,
) -> tuple[str, str, str | None]:
    """Decide a pair of inventories by an answer to the source's head."""
    type_id = "mtty-2" if data == MTTY_2 else "mtty-1"
    source = mtty(ONE, type_id, head=head(data.hex(), "mtty"))
    answers = () if said is None else (said,)
    there = mtty(
        OTHER,
        answers=answers,
        head=msgspec.UNSET if own is None else head(own.hex(), "mtty"),
    )
    ends = (
        recorded(source, inventory("a", source, **more), NOW),
        recorded(there, inventory("b", there), NOW),
    )
    decision = decide_pair(*ends, LIBRARY).decision
    if decision.channel == "stream":
        assert decision.head is not None
        stale = bool(more)
        assert (decision.head.origin, decision.head.stale) == ("recorded", stale)
    return decision.verdict, decision.basis, decision.channel


YES, NO, NEITHER = (
    answer_to_head(HEAD, accepted=accepted) for accepted in (True, False, None)
)


def test_heads_fill_what_would_have_to_be_stated() -> None:
    assert decided(None) == ("compatible", "table", None)
    assert decided(None, data=MTTY_2) == ("incompatible", "table", None)
    assert decided(None, own=None) == ("undetermined", "table", None)


def test_a_recorded_answer_to_a_head_decides() -> None:
    assert decided(YES, own=None) == ("compatible", "recorded", "stream")
    assert decided(NO) == ("incompatible", "recorded", "stream")
    assert decided(NEITHER) == ("undetermined", "recorded", "stream")


def test_an_answer_to_another_head_decides_nothing() -> None:
    assert decided(YES, data=MTTY_2) == ("incompatible", "table", None)


@pytest.mark.parametrize(
    ("moment", "found"), [(EARLIER, ()), (TAKEN, ()), (LATER, ("the clock",))]
)
def test_a_head_is_no_later_than_its_inventory(
    moment: str, found: tuple[str, ...]
) -> None:
    late = read(whole(head=msgspec.structs.replace(HEAD, taken_at=moment)))
    known = recorded(late.endpoints[0], late, AFTER).recorded
    assert known
    assert known.changed == found


def test_of_a_head_of_another_boot_a_yes_is_none_and_a_no_needs_a_tables() -> None:
    assert decided(YES, boot_id="other") == ("undetermined", "recorded", "stream")
    assert decided(NO, boot_id="other") == ("undetermined", "recorded", "stream")
    two = answer_to_head(head(MTTY_2.hex(), "mtty"), accepted=False)
    found = decided(two, data=MTTY_2, boot_id="other")
    assert found == ("incompatible", "recorded", "stream")


def test_an_answer_is_not_for_a_source_of_another_driver() -> None:
    source = mtty(ONE, driver="other", head=head(MTTY.hex(), "other"))
    there = mtty(OTHER, answers=(YES,))
    one, other = (
        recorded(each, inventory(name, each), NOW)
        for name, each in (("a", source), ("b", there))
    )
    assert decide_pair(one, other, LIBRARY).decision.channel is None


@pytest.mark.parametrize(
    ("channel", "told"),
    [(None, "attribute"), ("attribute", "attribute"), ("nvml", "nvml"), ("x", None)],
)
def test_a_recorded_result_has_its_answers_channel(
    channel: str | None, told: str | None
) -> None:
    no = msgspec.structs.replace(answer("1ac1-a", accepted=False), channel=channel)
    source, there = (
        function(f"0000:03:00.{at}", "1ac1-a", answers=(no,)) for at in (1, 2)
    )
    one, other = (recorded(each, inventory("a", each), NOW) for each in (source, there))
    decision = decide_pair(one, other, LIBRARY).decision
    assert (decision.verdict, decision.channel) == ("incompatible", told)


def test_the_boot_is_a_part_of_an_inventory() -> None:
    assert json.loads(msgspec.json.encode(whole()))["boot_id"] == BOOT


@pytest.mark.parametrize(
    "key", ["answers.0.boot_id", "answers.0.kernel", "boot_id", "kernel"]
)
@pytest.mark.parametrize("value", ["other", None])
def test_a_yes_of_another_boot_is_none_and_a_no_is_kept(
    key: str, value: str | None
) -> None:
    for accepted in (True, False):
        answer = answer_to_head(HEAD, accepted=accepted)
        document = json.loads(msgspec.json.encode(whole(answers=(answer,))))
        place = document if "." not in key else document["endpoints"][0]["answers"][0]
        place[key.rpartition(".")[2]] = value or ("" if key == "kernel" else None)
        found = parse_inventory(json.dumps(document).encode(), "f.json")
        assert len(counting(found)) == (0 if accepted else 1)
