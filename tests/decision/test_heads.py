# SPDX-License-Identifier: Apache-2.0
"""What a driver's answer to a head decides; tests/kernel asks real drivers."""

from __future__ import annotations

import errno
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import pytest

from vfiocompat import codes
from vfiocompat.contradictions import changed
from vfiocompat.decision.decide import decide
from vfiocompat.decision.streams import (
    HeadUsed,
    Offer,
    Reply,
    Streamed,
    recordable_offer,
)
from vfiocompat.diagnostics import SIDES, diagnostic
from vfiocompat.endpoints import Endpoint, Head, Recorded, RecordedAnswer
from vfiocompat.errors import DeviceError, ErrorRecord
from vfiocompat.verdicts import Beyond, Judgement, Verdict

if TYPE_CHECKING:
    from vfiocompat.decision.decisions import Decision
    from vfiocompat.diagnostics import Side

DATA = bytes(range(24))
HEAD = Head(
    data=DATA.hex(),
    driver="mtty",
    srcversion=None,
    build_id="aa",
    kernel="6.12",
    boot_id="b",
    taken_at="2026-11-01T00:00:00Z",
)
USED = HeadUsed("read", "one")
TAKEN_AT = "2026-11-01T00:00:00Z"
TAKEN = Reply("write", count=len(DATA))
REFUSED = Reply("write", errno.EFAULT)


def device(name: str, **more: object) -> Endpoint:
    fields = {"kind": "mdev", "address": name, "driver": "mtty", "head": HEAD} | more
    return Endpoint(**fields)  # type: ignore[arg-type]


def judged(
    verdict: Verdict, beyond: Verdict | None = "compatible", *, complete: bool = True
) -> Judgement:
    found = Judgement(verdict=verdict, table="t")
    if beyond is None:
        return found
    rest = Beyond(
        verdict=beyond, findings=(), covered=("same-device",), complete=complete
    )
    return msgspec.structs.replace(found, beyond=rest)


def decided(
    control: Reply | None,
    reply: Reply | None,
    judgement: Judgement | None = None,
    **more: object,
) -> Decision:
    offer = Offer(DATA, control=control, reply=reply)
    streamed = Streamed(offer=offer, used=USED)
    streamed = msgspec.structs.replace(streamed, **more)
    judgement = judgement or judged("undetermined")
    return decide(device("one"), device("two"), None, judgement, streamed)


NO = [Reply("write", number) for number in (14, 22, 19, 95)]
NEITHER = [
    *(Reply("write", number) for number in (5, 12, 16, 28, 1, 13)),
    Reply("write", count=23),
    Reply("write", count=0),
    Reply("write", errno.ENODEV, gone=True),
    Reply("enter", errno.EINVAL),
    None,
]


@pytest.mark.parametrize("control", NO)
@pytest.mark.parametrize("reply", NO)
def test_refused_is_refused(control: Reply, reply: Reply) -> None:
    for verdict in ("compatible", "undetermined", "incompatible"):
        found = decided(control, reply, judged(verdict))
        assert (found.verdict, found.basis) == ("incompatible", "driver")
        assert (found.channel, found.head) == ("stream", USED)


@pytest.mark.parametrize("control", NO)
@pytest.mark.parametrize("beyond", ["compatible", "undetermined", "incompatible"])
def test_a_yes_covers_what_is_checked(control: Reply, beyond: Verdict) -> None:
    found = decided(control, TAKEN, judged("undetermined", beyond))
    assert (found.verdict, found.basis) == (beyond, "driver")
    assert found.covered == ("same-device",)


def test_a_yes_without_a_table_is_none() -> None:
    found = decided(REFUSED, TAKEN, judged("undetermined", None))
    assert (found.verdict, found.basis) == ("undetermined", "driver")


def test_a_yes_says_that_more_is_checked_later() -> None:
    for complete in (True, False):
        found = decided(REFUSED, TAKEN, judged("compatible", complete=complete))
        assert found.verdict == "compatible"
        assert (codes.CHECKED_LATER in found_codes(found)) is not complete


def found_codes(found: Decision) -> set[str]:
    return {each.code for each in found.diagnostics}


def test_a_yes_where_the_table_refuses_what_is_covered_is_told() -> None:
    found = decided(REFUSED, TAKEN, judged("incompatible"))
    assert found.verdict == "compatible"
    assert codes.TABLE_DISAGREES in found_codes(found)


@pytest.mark.parametrize("reply", NEITHER)
@pytest.mark.parametrize("control", [True, False])
def test_neither_yes_nor_no_leaves_a_tables_no(
    reply: Reply | None,
    control: bool,  # noqa: FBT001 - a parameter
) -> None:
    for verdict in ("compatible", "undetermined", "incompatible"):
        given = (reply, None) if control else (REFUSED, reply)
        found = decided(given[0], given[1], judged(verdict))
        told = ("incompatible", "table") if verdict == "incompatible" else None
        assert (found.verdict, found.basis) == (told or ("undetermined", "driver"))
        assert codes.HEAD_NOT_ANSWERED in found_codes(found)
        assert not found.failed


@pytest.mark.parametrize("verdict", ["compatible", "undetermined", "incompatible"])
def test_a_control_that_is_taken_says_that_nothing_is_checked(verdict: Verdict) -> None:
    found = decided(TAKEN, None, judged(verdict))
    wanted = ("incompatible", "table") if verdict == "incompatible" else None
    assert (found.verdict, found.basis) == (wanted or ("undetermined", "driver"))
    assert codes.HEAD_NOT_CHECKED in found_codes(found)


def test_a_made_head_gives_a_no_but_no_yes() -> None:
    for reply, verdict in ((TAKEN, "undetermined"), (REFUSED, "incompatible")):
        offer = Offer(DATA, made=True, control=REFUSED, reply=reply)
        found = decided(REFUSED, reply, judged("compatible"), offer=offer)
        assert found.verdict == verdict
        assert codes.HEAD_MADE in found_codes(found)


def error(code: codes.Code) -> ErrorRecord:
    return DeviceError("it is so", code=code).record


OPENED = [
    codes.DEVICE_IN_USE,
    codes.DEVICE_NOT_PERMITTED,
    codes.NO_IOMMU,
    codes.NO_DEVICE_NODE,
    codes.DEVICE_NOT_OPENED,
    codes.DEVICE_NOT_RESET,
]


@pytest.mark.parametrize("code", OPENED)
@pytest.mark.parametrize("verdict", ["compatible", "undetermined", "incompatible"])
def test_what_cannot_be_opened_is_a_failure_where_nothing_decides(
    code: codes.Code, verdict: Verdict
) -> None:
    found = decided(None, None, judged(verdict), offer=None, error=error(code))
    assert found.verdict == verdict
    assert found.failed is (verdict == "undetermined")
    assert found.basis == ("none" if found.failed else "table")
    assert found.channel is None
    assert code in found_codes(found)


def test_a_device_that_does_not_run_is_a_failure_whatever_it_said() -> None:
    stuck = error(codes.DEVICE_NOT_RUNNING)
    for reply in (TAKEN, REFUSED):
        found = decided(REFUSED, reply, judged("compatible"), error=stuck)
        assert (found.verdict, found.failed) == ("undetermined", True)


@pytest.mark.parametrize("code", [codes.HEAD_NOT_READ, codes.NO_ANSWER_IN_TIME])
def test_a_destination_whose_own_head_is_not_read_was_asked(code: codes.Code) -> None:
    for verdict in ("compatible", "incompatible"):
        found = decided(None, None, judged(verdict), offer=None, error=error(code))
        wanted = ("incompatible", "table") if verdict == "incompatible" else None
        assert (found.verdict, found.basis) == (wanted or ("undetermined", "driver"))
        assert not found.failed


def test_what_is_not_offered_leaves_the_rules_as_they_are() -> None:
    why = diagnostic(codes.HEAD_NOT_OFFERED)
    for streamed in (Streamed(told=(why,)), Streamed(offer=Offer(None))):
        found = decide(
            device("one"), device("two"), None, judged("compatible"), streamed
        )
        assert (found.verdict, found.basis) == ("compatible", "table")
        assert codes.HEAD_NOT_OFFERED in found_codes(found)


# ---- recorded ----------------------------------------------------------------------


def answer(
    *,
    accepted: bool | None = False,
    data: bytes = DATA,
    channel: str = "stream",
) -> RecordedAnswer:
    return RecordedAnswer(
        None,
        accepted,
        None,
        "2026-11-01T00:00:00Z",
        channel,
        sha256(data).hexdigest(),
    )


def there(*answers: RecordedAnswer, **known: object) -> Endpoint:
    recorded = Recorded("node-b", "2026-11-01T00:00:00Z", **known)  # type: ignore[arg-type]
    return device("two", answers=answers, recorded=recorded)


@pytest.mark.parametrize(
    ("accepted", "beyond", "verdict"),
    [
        (True, "compatible", "compatible"),
        (True, "undetermined", "undetermined"),
        (True, "incompatible", "incompatible"),
        (True, None, "undetermined"),
        (False, "compatible", "incompatible"),
        (None, "compatible", "undetermined"),
    ],
)
def test_a_recorded_answer_covers_no_more_than_a_live_one(
    accepted: bool | None,  # noqa: FBT001 - a parameter
    beyond: Verdict | None,
    verdict: Verdict,
) -> None:
    found = decide(
        device("one"),
        there(answer(accepted=accepted)),
        None,
        judged("compatible", beyond),
    )
    assert (found.verdict, found.basis) == (verdict, "recorded")
    assert found.channel == "stream"


def test_an_answer_counts_for_its_own_bytes_only() -> None:
    others = answer(data=bytes(24)), answer(channel="nvml")
    found = decide(device("one"), there(*others), None, judged("compatible"))
    assert (found.verdict, found.basis) == ("compatible", "table")


def test_a_no_that_is_too_old_leaves_no_yes() -> None:
    old = {sha256(DATA).hexdigest(): "it is too old"}
    end = there(answer(), rejected_answers=old)
    found = decide(device("one"), end, None, judged("compatible"))
    assert found.verdict == "undetermined"
    assert codes.ANSWER_TOO_OLD in found_codes(found)


@pytest.mark.parametrize(
    ("reply", "table", "verdict"),
    [
        (TAKEN, "compatible", "undetermined"),
        (TAKEN, "incompatible", "undetermined"),
        (REFUSED, "compatible", "undetermined"),
        (REFUSED, "undetermined", "undetermined"),
        (REFUSED, "incompatible", "incompatible"),
    ],
)
def test_a_head_of_another_boot_gives_no_yes_and_no_lone_no(
    reply: Reply, table: Verdict, verdict: Verdict
) -> None:
    known = Recorded("node-a", "2026-11-01T00:00:00Z", changed=("the boot",))
    source = device("one", recorded=known)
    streamed = Streamed(
        offer=Offer(DATA, control=REFUSED, reply=reply),
        used=HeadUsed("recorded", "one", stale=True),
    )
    found = decide(source, device("two"), None, judged(table), streamed)
    assert found.verdict == verdict
    assert codes.HEAD_MAY_BE_OLD in found_codes(found)


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize("verdict", ["compatible", "undetermined", "incompatible"])
def test_a_table_that_reads_an_old_head_gives_no_yes(
    side: Side, verdict: Verdict
) -> None:
    old = Recorded("node-a", TAKEN_AT, changed=("the kernel",))
    ends = {
        each: device(each, recorded=old if each == side else Recorded("b", TAKEN_AT))
        for each in SIDES
    }
    known = Judgement(verdict=verdict, table="t", by_head=SIDES)
    found = decide(ends["source"], ends["destination"], None, known)
    wanted = "undetermined" if verdict == "compatible" else verdict
    assert (found.verdict, found.basis, found.table) == (wanted, "table", "t")
    told = [each for each in found.diagnostics if each.code == codes.HEAD_MAY_BE_OLD]
    assert [side in each.summary for each in told] == [True] * (verdict != wanted)
    # One that no table read is not in the way.
    unread = msgspec.structs.replace(known, by_head=())
    found = decide(ends["source"], ends["destination"], None, unread)
    assert found.verdict == verdict


def test_what_is_left_to_a_table_is_not_read_of_an_old_head() -> None:
    """The source's is offered as it is now; that of the destination is the table's."""
    end = there(answer(accepted=True), changed=("the boot",))
    by_both = msgspec.structs.replace(judged("compatible"), by_head=SIDES)
    assert decide(device("one"), end, None, by_both).verdict == "undetermined"
    assert decide(device("one"), end, None, judged("compatible")).verdict == (
        "compatible"
    )
    no = there(answer(accepted=False), changed=("the boot",))
    assert decide(device("one"), no, None, by_both).verdict == "incompatible"


def test_what_has_changed_is_named() -> None:
    assert changed(HEAD, "b", "6.12", "aa") == ()
    every = ("the boot", "the kernel", "the driver's build")
    assert changed(HEAD, "c", "6.13", "bb") == every


@pytest.mark.parametrize(
    ("offer", "wanted"),
    [
        (Offer(DATA, control=REFUSED, reply=TAKEN), (True, None)),
        (Offer(DATA, control=REFUSED, reply=REFUSED), (False, "EFAULT")),
        (Offer(DATA, control=TAKEN), (None, None)),
        (Offer(DATA, control=Reply("write", 5)), (None, "EIO")),
        (Offer(DATA, control=REFUSED), (None, None)),
    ],
)
def test_what_is_recorded(offer: Offer, wanted: tuple[bool | None, str | None]) -> None:
    assert recordable_offer(offer) == wanted
