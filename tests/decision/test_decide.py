# SPDX-License-Identifier: Apache-2.0
"""The decision alone; tests/commands/test_check.py asks real read(2) and write(2)."""

from __future__ import annotations

import errno

import msgspec
import pytest

from vfiocompat import codes
from vfiocompat.decision.answers import question
from vfiocompat.decision.decide import decide
from vfiocompat.decision.decisions import Decision, worst
from vfiocompat.decision.errnos import Answer
from vfiocompat.decision.strings import no_string
from vfiocompat.diagnostics import both_ends, diagnostic
from vfiocompat.endpoints import (
    Attribute,
    Endpoint,
    Flag,
    MigrationInterface,
    Recorded,
    RecordedAnswer,
    literal,
)
from vfiocompat.verdicts import Judgement, Verdict

PATH = "/sys/devices/p/mdev_supported_types/t/version"
TAKEN = "2026-11-01T00:00:00Z"


def endpoint(version: str | None = "8086-x", **more: object) -> Endpoint:
    fields: dict[str, object] = {
        "kind": "type",
        "address": "p/t",
        "parent": "p",
        "type_id": "t",
        "attribute": Attribute("version", "present", path=PATH, node="type"),
        "version": version,
        "newline": True,
        "origin": "attribute",
    }
    return Endpoint(**(fields | more))  # type: ignore[arg-type]


def recorded(found: Endpoint) -> Endpoint:
    """Give an endpoint as an inventory has it."""
    whence = Recorded("node-a", "2026-11-01T00:00:00Z")
    return msgspec.structs.replace(found, recorded=whence)


def answered(number: int, *, gone: bool = False) -> Answer:
    return Answer(stage="write", path=PATH, errno=number, gone=gone)


def summary(decision: Decision) -> tuple[str, str, str, bool]:
    first = decision.diagnostics[0]
    return decision.verdict, decision.basis, first.code, decision.failed


@pytest.mark.parametrize(
    ("number", "verdict", "code"),
    [
        (errno.ENODEV, "incompatible", "VFC105"),
        (errno.EOPNOTSUPP, "incompatible", "VFC105"),
        (errno.ENOTTY, "incompatible", "VFC105"),
        (524, "incompatible", "VFC105"),
        (errno.EINTR, "undetermined", "VFC108"),
        (errno.EAGAIN, "undetermined", "VFC108"),
        (errno.EBUSY, "undetermined", "VFC108"),
        (errno.EIO, "undetermined", "VFC109"),
        (errno.ENOMEM, "undetermined", "VFC109"),
        (errno.ETIMEDOUT, "undetermined", "VFC109"),
        (errno.ENOSPC, "undetermined", "VFC110"),
        (errno.EUSERS, "undetermined", "VFC110"),
        (errno.EINVAL, "incompatible", "VFC101"),
        (errno.EPERM, "incompatible", "VFC101"),
        (errno.EACCES, "incompatible", "VFC101"),
        (errno.ENOENT, "incompatible", "VFC101"),
        (517, "incompatible", "VFC101"),
    ],
)
def test_each_errno_of_write_has_its_meaning(
    number: int, verdict: str, code: str
) -> None:
    decision = decide(endpoint(), endpoint(), answered(number))

    assert (verdict, "driver", code, False) == summary(decision)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (errno.EOPNOTSUPP, "EOPNOTSUPP"),
        (524, "ENOTSUPP"),
        (errno.EAGAIN, "EAGAIN"),
        (517, "517"),
    ],
)
def test_an_errno_is_shown_by_its_name(number: int, name: str) -> None:
    finding = decide(endpoint(), endpoint(), answered(number)).diagnostics[0]

    assert name == finding.errno
    assert finding.summary.endswith(f"({name})")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(stage="open", path=PATH, errno=errno.EACCES), "VFC103"),
        (Answer(stage="open", path=PATH, errno=errno.EPERM), "VFC103"),
        (Answer(stage="open", path=PATH, errno=errno.EROFS), "VFC103"),
        (Answer(stage="open", path=PATH, errno=errno.EMFILE), "VFC104"),
        (Answer(stage="open", path=PATH, errno=errno.ENOENT, gone=True), "VFC113"),
        (answered(errno.ENODEV, gone=True), "VFC113"),
        (answered(errno.ECONNABORTED), "VFC111"),
        (answered(errno.ENOTCONN), "VFC111"),
        (
            Answer(stage="refused", path=PATH, code=codes.NOT_ON_SYSFS),
            codes.NOT_ON_SYSFS,
        ),
    ],
)
def test_a_destination_that_could_not_be_asked_has_failed(
    answer: Answer, code: str
) -> None:
    decision = decide(endpoint(), endpoint(), answer)

    assert ("undetermined", "none", code, True) == summary(decision)


def test_a_full_count_is_a_yes() -> None:
    answer = Answer(stage="done", path=PATH, count=len("8086-x\n"))

    assert summary(decide(endpoint(), endpoint(), answer)) == (
        "compatible",
        "driver",
        "VFC107",
        False,
    )


@pytest.mark.parametrize("count", [0, 1, 6, 8])
def test_any_other_count_is_none(count: int) -> None:
    answer = Answer(stage="done", path=PATH, count=count)

    assert summary(decide(endpoint(), endpoint(), answer)) == (
        "undetermined",
        "driver",
        "VFC114",
        False,
    )


def test_no_answer_in_time_decides_nothing() -> None:
    answer = Answer(stage="timeout", path=PATH)

    assert summary(decide(endpoint(), endpoint(), answer)) == (
        "undetermined",
        "driver",
        "VFC112",
        False,
    )


def test_the_bytes_of_the_question_are_those_of_the_source() -> None:
    assert question(endpoint(), endpoint()) == b"8086-x\n"
    assert question(endpoint(newline=False), endpoint()) == b"8086-x"
    assert question(literal("8086-x"), endpoint()) == b"8086-x\n"
    assert question(literal("8086-x\n"), endpoint()) == b"8086-x\n"


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        (endpoint(None), endpoint()),
        (literal("8086-?"), endpoint()),
        (endpoint(), endpoint(attribute=None)),
        (endpoint(), endpoint(attribute=Attribute(None, "absent"))),
        (endpoint(), endpoint(attribute=Attribute("version", "unreadable"))),
        (endpoint(device_api="vfio-pci"), endpoint(device_api="vfio-ccw")),
        (endpoint(), endpoint(vfio=False)),
        (endpoint(vfio=False), endpoint()),
    ],
)
def test_some_pairs_are_never_asked_about(
    source: Endpoint, destination: Endpoint
) -> None:
    assert question(source, destination) is None


def test_a_question_mark_that_a_driver_printed_is_asked() -> None:
    assert question(endpoint("8086-?"), endpoint()) == b"8086-?\n"


def test_unknown_facts_skip_a_precondition() -> None:
    source = endpoint(device_api=None)

    assert question(source, endpoint(device_api="vfio-ccw")) is not None


def test_every_precondition_that_fails_is_told() -> None:
    destination = endpoint(
        device_api="vfio-ccw",
        type_id="other",
        attribute=Attribute("migration_version", "present", path=PATH, node="type"),
    )
    decision = decide(endpoint(device_api="vfio-pci"), destination, None)

    assert (decision.verdict, decision.basis) == ("incompatible", "none")
    assert [each.code for each in decision.diagnostics] == ["VFC120", "VFC123"]
    assert [each.spans for each in decision.diagnostics] == [
        both_ends("vfio-pci", "vfio-ccw"),
        both_ends("t", "other"),
    ]


def test_a_refusal_shows_the_strings_that_there_are() -> None:
    refused = decide(endpoint("8086-a"), endpoint("8086-b"), answered(errno.EINVAL))
    assert refused.diagnostics[0].spans == both_ends("8086-a", "8086-b")
    refused = decide(endpoint("8086-a"), endpoint(None), answered(errno.EINVAL))
    assert refused.diagnostics[0].spans == both_ends("8086-a", None)
    unsure = decide(endpoint("8086-a"), endpoint("8086-b"), answered(errno.EIO))
    assert unsure.diagnostics[0].spans == ()


def test_vendors_that_differ_are_shown_as_they_are_written() -> None:
    decision = decide(literal("80008086-a"), literal("10de-a"), None)

    assert decision.diagnostics[0].spans == both_ends(
        "0x8086 (pci, written pci-bit)", "0x10de (pci, written bare)"
    )


@pytest.mark.parametrize(
    ("name", "node", "asked"),
    [
        ("migration_version", "type", False),
        ("migration_version", "device", True),
        ("version", "type", True),
    ],
)
def test_only_migration_version_at_a_type_node_compares_one_type(
    name: str, node: str, *, asked: bool
) -> None:
    attribute = Attribute(name, "present", path=PATH, node=node)  # type: ignore[arg-type]
    destination = endpoint(type_id="other", attribute=attribute)

    assert asked is (question(endpoint(), destination) is not None)


@pytest.mark.parametrize("recorded_", [True, False])
@pytest.mark.parametrize("kind", ["type", "mdev"])
@pytest.mark.parametrize(
    ("source", "there", "verdict", "hint"),
    [
        ("t", "t", "compatible", None),
        ("t", None, "undetermined", "scan its host again"),
        (None, None, "undetermined", "scan its host again"),
        (None, "t", "undetermined", None),
        ("literal", "t", "undetermined", "--source-type t"),
        ("literal", None, "undetermined", "scan its host again"),
    ],
)
def test_a_yes_about_one_type_is_none_where_a_type_is_not_known(
    kind: str,
    source: str | None,
    there: str | None,
    verdict: str,
    hint: str | None,
    *,
    recorded_: bool,
) -> None:
    attribute = Attribute("migration_version", "present", path=PATH, node="type")
    yes = RecordedAnswer("8086-x", True, None, TAKEN)  # noqa: FBT003
    destination = endpoint(
        kind=kind, type_id=there, attribute=attribute, answers=(yes,)
    )
    start = literal("8086-x") if source == "literal" else endpoint(type_id=source)
    answer = None
    if recorded_:
        destination = recorded(destination)
    else:
        answer = Answer(stage="done", path=PATH, count=len("8086-x\n"))
    decision = decide(start, destination, answer)

    assert decision.verdict == verdict
    findings = [each for each in decision.diagnostics if each.code == "VFC124"]
    assert len(findings) == (verdict != "compatible")
    for finding in findings:
        if recorded_ or there is not None:
            assert (finding.hint or "").endswith(hint or "")
        else:
            assert finding.hint is None


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), "undetermined"),
        (("compatible",), "compatible"),
        (("compatible", "undetermined"), "undetermined"),
        (("undetermined", "incompatible", "compatible"), "incompatible"),
    ],
)
def test_the_worst_verdict_stands_for_all(
    verdicts: tuple[str, ...], expected: str
) -> None:
    decisions = tuple(
        Decision(verdict=verdict, basis="none")  # type: ignore[arg-type]
        for verdict in verdicts
    )

    assert expected == worst(decisions)


@pytest.mark.parametrize(
    ("code", "failed"),
    [
        ("VFC105", False),
        ("VFC301", False),
        ("VFC303", False),
        ("VFC106", True),
        ("VFC112", True),
        ("VFC103", True),
    ],
)
def test_a_missing_string_is_told_from_one_that_could_not_be_read(
    code: str, *, failed: bool
) -> None:
    attribute = Attribute("version", "unreadable", path=PATH, node="type", code=code)
    reason = no_string(endpoint(None, attribute=attribute))

    assert reason is not None
    assert (code, failed) == (reason.finding.code, reason.failed)


@pytest.mark.parametrize("code", [None, "", "VFC107", "VFC132", "VFC105", "VFC999"])
@pytest.mark.parametrize("errno", [None, "EIO", "EACCES", "0"])
def test_a_code_of_an_inventory_decides_nothing(
    code: str | None, errno: str | None
) -> None:
    attribute = Attribute("version", "unreadable", errno, PATH, "type", code)
    broken = recorded(endpoint(None, attribute=attribute))
    for pair in ((recorded(endpoint("1ac1-a")), broken), (broken, broken)):
        assert decide(*pair, None).verdict == "undetermined"


def test_a_recorded_errno_that_means_no_migration_decides() -> None:
    attribute = Attribute("version", "unreadable", "ENOTSUPP", PATH, "type", "VFC107")
    decided = decide(
        recorded(endpoint("1ac1-a")),
        recorded(endpoint(None, attribute=attribute)),
        None,
    )

    assert (decided.verdict, decided.basis) == ("incompatible", "recorded")


@pytest.mark.parametrize("code", ["VFC103", "VFC104", "VFC105", "VFC107", None])
@pytest.mark.parametrize("errno", ["ENODEV", "EOPNOTSUPP", "ENOTSUPP", "EACCES", None])
def test_the_errno_of_an_open_is_not_the_drivers(
    code: str | None, errno: str | None
) -> None:
    attribute = Attribute(
        "version", "unreadable", errno, PATH, "type", code, stage="open"
    )
    closed = recorded(endpoint(None, attribute=attribute))
    for pair in ((recorded(endpoint("1ac1-a")), closed), (closed, closed)):
        decided = decide(*pair, None)
        assert (decided.verdict, decided.basis) == ("undetermined", "none")
        assert decided.diagnostics[0].code == (
            "VFC103" if code == "VFC103" else "VFC104"
        )


def test_an_attribute_that_is_there_and_has_no_string_is_no_yes() -> None:
    there = recorded(endpoint(None))
    for pair in ((recorded(endpoint("1ac1-a")), there), (there, there)):
        assert decide(*pair, None).verdict == "undetermined"


@pytest.mark.parametrize(
    "attribute", [None, Attribute(None, "absent", "ENOENT", PATH, None, "VFC102")]
)
def test_who_has_no_attribute_was_not_asked(attribute: Attribute | None) -> None:
    yes = RecordedAnswer("8086-x", True, None, "2026-11-01T00:00:00Z")  # noqa: FBT003
    there = recorded(endpoint(None, attribute=attribute, answers=(yes,)))

    assert decide(recorded(endpoint()), there, None).verdict == "undetermined"


@pytest.mark.parametrize("accepted", [False, None])
@pytest.mark.parametrize(
    "attribute", [None, Attribute(None, "absent", "ENOENT", PATH, None, "VFC102")]
)
def test_what_another_channel_said_stands_against_a_tables_yes(
    attribute: Attribute | None, *, accepted: bool | None
) -> None:
    said = RecordedAnswer("8086-x", accepted, None, "2026-11-01T00:00:00Z", "stream")
    there = recorded(endpoint(None, attribute=attribute, answers=(said,)))
    yes = Judgement(verdict="compatible", table="t")
    found = decide(recorded(endpoint()), there, None, yes)
    verdict = "undetermined" if accepted is None else "incompatible"
    assert (found.verdict, found.basis) == (verdict, "recorded")


@pytest.mark.parametrize("flags", [(), ("P2P",), ("P2P", "PRE_COPY")])
def test_without_stop_copy_there_is_no_migration(flags: tuple[Flag, ...]) -> None:
    lacking = endpoint(migration=MigrationInterface("v2", flags))
    for pair in ((lacking, endpoint()), (endpoint(), lacking)):
        decided = decide(*pair, None)
        assert (decided.verdict, decided.diagnostics[0].code) == (
            "incompatible",
            "VFC126",
        )


# ---- a driver that said neither yes nor no, and a table ---------------------------

NEITHER = {
    "busy": answered(errno.EBUSY),
    "failed": answered(errno.EIO),
    "full": answered(errno.ENOSPC),
    "hung": Answer(stage="timeout", path=PATH),
    "short": Answer(stage="done", path=PATH, count=1),
    "recorded": None,
}


def said_by_table(verdict: Verdict) -> Judgement:
    found = {
        "incompatible": codes.LOWER,
        "compatible": codes.REQUIREMENTS_HOLD,
        "undetermined": codes.VALUE_NOT_KNOWN,
    }
    return Judgement(verdict=verdict, table="t", findings=(diagnostic(found[verdict]),))


@pytest.mark.parametrize("answer", NEITHER.values(), ids=NEITHER)
def test_beside_a_driver_that_said_neither_a_tables_no_stands_and_its_yes_does_not(
    answer: Answer | None,
) -> None:
    there = endpoint()
    if answer is None:
        there = recorded(
            endpoint(answers=(RecordedAnswer("8086-x", None, "EIO", TAKEN),))
        )
    no, yes, unsure = (
        decide(endpoint(), there, answer, said_by_table(verdict))
        for verdict in ("incompatible", "compatible", "undetermined")
    )

    assert (no.verdict, no.basis, no.table) == ("incompatible", "table", "t")
    assert no.diagnostics[0].code == codes.LOWER
    assert no.diagnostics[1] == yes.diagnostics[0]  # what the driver said is told
    asked = "driver" if answer else "recorded"
    assert (yes.verdict, yes.basis) == ("undetermined", asked)
    assert (unsure.verdict, unsure.basis) == ("undetermined", asked)


@pytest.mark.parametrize("accepted", [False, None, True])
def test_of_an_answer_that_is_not_relied_on_only_a_yes_gives_way_to_a_tables_yes(
    *, accepted: bool | None
) -> None:
    given = RecordedAnswer("8086-x", accepted, None if accepted else "EIO", TAKEN)
    old = Recorded("a", TAKEN, None, {"8086-x": "it is more than 1 d old"})
    there = endpoint(answers=(given,), recorded=old)
    no, yes, unsure = (
        decide(endpoint(), there, None, said_by_table(verdict))
        for verdict in ("incompatible", "compatible", "undetermined")
    )

    assert (no.verdict, no.basis, no.table) == ("incompatible", "table", "t")
    assert yes.verdict == ("compatible" if accepted else "undetermined")
    assert yes.basis == ("table" if accepted else "none")
    assert unsure.verdict == "undetermined"
    for decision in (no, yes, unsure):
        [found] = [
            each for each in decision.diagnostics if each.code == codes.ANSWER_TOO_OLD
        ]
        told = accepted and decision is not unsure
        assert found.severity == ("info" if told else "warning")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(stage="open", path=PATH, errno=errno.EACCES),
        answered(errno.ENODEV, gone=True),
    ],
)
def test_a_table_does_not_stand_in_for_a_driver_that_could_not_be_asked(
    answer: Answer,
) -> None:
    decision = decide(endpoint(), endpoint(), answer, said_by_table("incompatible"))

    assert (decision.verdict, decision.failed) == ("undetermined", True)
