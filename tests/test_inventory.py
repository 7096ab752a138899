# SPDX-License-Identifier: Apache-2.0
"""Inventories as files give them: whole, or named with what is wrong."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.fleets import (
    TAKEN,
    answer,
    answer_of_gpu,
    endpoint,
    function,
    inventory,
)
from tests.nvidia.made import A40, gpu_metadata, vgpu_metadata
from vfiocompat.addresses import InventoryAddress, parse_address
from vfiocompat.endpoints import Attribute
from vfiocompat.errors import InvalidAddress, InventoryError, NoSuchEndpoint
from vfiocompat.inventory import Inventory, named, parse_inventory, recorded
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from vfiocompat.endpoints import RecordedAnswer

GPU = gpu_metadata()
NOW = "2026-11-30T00:00:00Z"
WHOLE = inventory("node-a", endpoint("p/t", "1ac1-a"), endpoint("p/u", None))


GONE = object()


def changed(path: str, value: object, whole: Inventory = WHOLE) -> bytes:
    """Give an inventory in which one value, by its dotted path, is another or gone."""
    document: Any = json.loads(msgspec.json.encode(whole))
    *places, last = path.split(".")
    inner = document
    for place in places:
        inner = inner[int(place) if place.isdigit() else place]
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(document).encode()


def wrong(data: bytes) -> str:
    with pytest.raises(InventoryError) as caught:
        parse_inventory(data, "f.json")
    assert caught.value.summary.startswith("f.json")
    assert caught.value.code == "VFC401"
    return f"{caught.value.summary} {caught.value.detail} {caught.value.hint}"


def test_an_inventory_is_what_it_was_made_of() -> None:
    assert parse_inventory(msgspec.json.encode(WHOLE), "f.json") == WHOLE


def test_a_later_program_may_add_fields() -> None:
    assert parse_inventory(changed("colour", "red"), "f.json") == WHOLE
    assert parse_inventory(changed("endpoints.0.colour", 1), "f.json") == WHOLE


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "truncated"),
        (msgspec.json.encode(WHOLE)[:-20], "truncated"),
        (b"\xff\xfe", "not a whole JSON document"),
        (b"[" * 1_000_000, "not an inventory"),
        (b'{"a":' * 200_000, "not a whole JSON document"),
        (b"[]", "not an inventory"),
        (b'{"schema": "vfiocompat.list/1"}', "'vfiocompat.list/1', not an inventory"),
        (
            changed("schema", "vfiocompat.inventory/2"),
            "'vfiocompat.inventory/1' is known",
        ),
        (changed("schema", 1), "not an inventory"),
        (changed("host", ""), "host"),
        (changed("host", "a\x1b[31m"), "host"),
        (changed("kernel", "6.1\n- x"), "kernel"),
        (changed("tool.version", "1\nproviders:"), "tool.version"),
        (changed("taken_at", "2026-11-01T00:00:00Z\nx"), "taken_at"),
        (changed("taken_at", "yesterday"), "taken_at"),
        (changed("endpoints", {}), "$.endpoints"),
        (changed("endpoints.0.address", 5), "$.endpoints[0].address"),
        (changed("endpoints.1.facts", {"a": 1}), "$.endpoints[1].facts"),
        (changed("endpoints.0.kind", "literal"), "endpoints[0]: a host has no literal"),
        (changed("endpoints.0.kind", "moon"), "$.endpoints[0].kind"),
        (changed("endpoints.0.version", "a\x1bb"), "endpoints[0].version"),
        (changed("endpoints.0.version", "a" * 5000), "endpoints[0].version"),
        (changed("endpoints.0.version", ""), "endpoints[0].version"),
        (changed("endpoints.0.origin", "derived"), "endpoints[0].origin"),
        (changed("endpoints.0.origin", None), "endpoints[0].origin"),
        (changed("endpoints.1.address", "p/t"), "endpoints[1].address: p/t"),
        (changed("endpoints.0.available_instances", -1), "available_instances"),
        (changed("endpoints.0.available_instances", 1 << 32), "available_instances"),
        (changed("endpoints.0.available_instances", 10**30), "available_instances"),
        (changed("endpoints.0.available_instances", 1.5), "available_instances"),
        (changed("taken_at", "2026-11-01T00:00:00"), "no time with a zone"),
        (
            changed("endpoints.0.type_id", "u"),
            "type_id: 'u' is not that of its address",
        ),
        (
            changed("endpoints.0.attribute.node", "device"),
            "attribute.node: is not type",
        ),
        (
            changed(
                "endpoints.0.answers",
                [
                    {
                        "version": "1ac1-a",
                        "accepted": True,
                        "errno": "EINVAL",
                        "asked_at": TAKEN,
                    }
                ],
            ),
            "answers: one that was accepted has an errno",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(data: bytes, says: str) -> None:
    assert says in wrong(data)


UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
AT_TYPE = "/sys/devices/p/mdev_supported_types"
FACTS = {"vendor_id": "0x1ac1", "device_id": "0x0100", "driver": "acme"}
KINDS = {
    "type": endpoint("p/t", "1ac1-a", device_id="0x0100", facts=FACTS),
    "mdev": endpoint(
        UUID, "1ac1-a", kind="mdev", type_id="t", device_id="0x0100", facts=FACTS
    ),
    "function": function("0000:03:00.1", "1ac1-a", facts={}),
}


def one(kind: str, path: str, value: object) -> bytes:
    """Give an inventory with one endpoint of a kind, in which something is another."""
    return changed(f"endpoints.0.{path}", value, inventory("a", KINDS[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_of_each_kind_is_read(kind: str) -> None:
    parse_inventory(one(kind, "in_use", None), "f.json")


@pytest.mark.parametrize(
    ("kind", "path", "value", "says"),
    [
        ("function", "attribute.node", "type", "attribute.node: is not device"),
        (
            "mdev",
            "attribute.path",
            f"{AT_TYPE}/t/version",
            "attribute.node: is not type",
        ),
        (
            "type",
            "attribute.path",
            f"{AT_TYPE}/u/version",
            "path: is not one of the type",
        ),
        (
            "type",
            "attribute.path",
            f"{AT_TYPE}/t/migration_version",
            "attribute.path: is not one of 'version'",
        ),
        (
            "mdev",
            "attribute.path",
            "/sys/devices/u/get_version",
            "attribute.path: is not one of 'version'",
        ),
        (
            "type",
            "attribute.name",
            "migration_version",
            "attribute.path: is not one of 'migration_version'",
        ),
        ("mdev", "attribute.name", "driver", "attribute.name: a mdev has none of"),
        (
            "function",
            "attribute.name",
            "version",
            "attribute.name: a function has none",
        ),
        ("function", "attribute.name", "get_version", "name: a function has none"),
        ("mdev", "attribute.state", "absent", "version: there is no attribute"),
        ("type", "facts.vendor_id", "0x8086", "facts.vendor_id: '0x8086', and the"),
        ("mdev", "facts.device_id", "0x0200", "facts.device_id"),
        ("mdev", "device_id", "0x0200", "facts.device_id"),
        ("mdev", "facts.framework", "vendor", "facts.framework"),
        ("type", "facts.framework", "vendor", "facts.framework"),
        ("function", "facts.framework", "mdev", "facts.framework"),
        ("mdev", "facts.type_id", "u", "facts.type_id: 'u', and the endpoint's is 't'"),
        ("function", "vfio", None, "$.endpoints[0].vfio"),
        ("type", "facts.driver", "i915", "facts.driver: 'i915', and the endpoint's"),
        ("type", "facts.type_id", "u", "facts.type_id: 'u', and the endpoint's is"),
        ("mdev", "facts.type_id", "u", "facts.type_id"),
        ("type", "stated.type_id", "u", "stated.type_id"),
        ("mdev", "stated.device_id", "0200", "stated.device_id"),
        ("function", "stated.driver", "vfio-pci", "stated.driver"),
        ("mdev", "uuid", f"0{UUID[1:]}", "uuid: "),
        ("type", "parent", "q", "parent: 'q' is not that of its address"),
        ("type", "type_id", "u", "type_id: 'u' is not that of its address"),
        ("type", "attribute.errno", "ENODEV", "attribute: one that could be read"),
        ("mdev", "attribute.stage", "open", "attribute: one that could be read"),
        ("type", "attribute.state", "unreadable", "version: its attribute could not"),
        ("function", "attribute", None, "version: there is no attribute"),
    ],
)
def test_what_contradicts_itself_is_refused(
    kind: str, path: str, value: object, says: str
) -> None:
    assert says in wrong(one(kind, path, value))


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("type", "facts.device_id", "0x0100"),
        ("type", "facts.vendor_id", "0x1AC1"),
        ("type", "device_id", None),
        ("mdev", "driver", None),
        ("mdev", "facts", {}),
        ("mdev", "facts.framework", "mdev"),
        ("function", "facts.framework", "vendor"),
        ("function", "type_id", "1507"),
        ("mdev", "facts.type_id", "t"),
        ("mdev", "attribute.path", None),
        ("type", "type_id", None),
        ("type", "parent", None),
        ("mdev", "uuid", None),
        ("type", "facts.type_id", "t"),
        ("mdev", "stated.device_id", "0100"),
        ("mdev", "stated.device_id", "?"),
    ],
)
def test_what_is_not_known_contradicts_nothing(
    kind: str, path: str, value: object
) -> None:
    parse_inventory(one(kind, path, value), "f.json")


@pytest.mark.parametrize(
    ("address", "type_id", "says"),
    [
        ("0000:03:00.1/557", "558", "type_id: '558' is not that of its address"),
        ("0000:03:00.1/557", "557", None),
        ("0000:03:00.1", "557", None),
    ],
)
def test_a_functions_type_is_that_of_its_address_and_of_its_facts(
    address: str, type_id: str, says: str | None
) -> None:
    facts = {"vgpu_type": type_id}
    whole = inventory("a", function(address, None, type_id=type_id, facts=facts))
    if says is None:
        parse_inventory(msgspec.json.encode(whole), "f.json")
        other = changed("endpoints.0.facts.vgpu_type", "1", whole)
        assert "facts.vgpu_type: '1', and the endpoint's" in wrong(other)
    else:
        assert says in wrong(msgspec.json.encode(whole))


@pytest.mark.parametrize("attribute", [None, Attribute(None, "absent", "ENOENT")])
@pytest.mark.parametrize(
    ("channel", "can_be"),
    [(None, False), ("attribute", False), ("stream", True), ("nvml", True)],
)
def test_an_attribute_that_is_not_there_has_given_no_answer(
    attribute: Attribute | None, channel: str | None, *, can_be: bool
) -> None:
    no = answer("1ac1-a", accepted=False)
    said = msgspec.structs.replace(no, channel=channel)
    whole = inventory("a", endpoint("p/t", None, attribute=attribute, answers=(said,)))
    data = msgspec.json.encode(whole)
    if can_be:
        assert parse_inventory(data, "f.json") == whole
    else:
        assert "answers: there is no attribute that gave one" in wrong(data)


@pytest.mark.parametrize("name", ["vendor_id", "device_id", "driver"])
def test_whose_an_endpoint_is_may_be_told_by_its_facts_alone(name: str) -> None:
    """Where nothing tells it any table may speak for an endpoint."""
    facts = {"vendor_id": "0x8086", "device_id": "0x4941", "driver": "vfio-pci"}
    there = function("0000:03:00.1", None, **facts, facts=facts)
    found = parse_inventory(
        changed(f"endpoints.0.{name}", None, inventory("a", there)), ""
    )
    assert found.endpoints == [there]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0x10de", "0x10de"),
        ("10de", "0x10de"),
        ("0x10DE", "0x10de"),
        ("0X10de", "0x10de"),
        ("0x000010de", "0x10de"),
        ("0x1", "0x0001"),
        ("0x10000", "0x10000"),
        ("NVIDIA", "NVIDIA"),
        (" 0x10de", " 0x10de"),
        ("0x", "0x"),
    ],
)
@pytest.mark.parametrize("name", ["vendor_id", "device_id"])
@pytest.mark.parametrize("place", ["", "facts."])
def test_an_id_is_read_as_sysfs_writes_it(
    name: str, place: str, written: str, read: str
) -> None:
    there = function("0000:03:00.1", None, **{name: None}, facts={})
    key, value = (name, written) if not place else ("facts", {name: written})
    data = changed(f"endpoints.0.{key}", value, inventory("a", there))
    [found] = parse_inventory(data, "").endpoints
    assert getattr(found, name) == read


def test_an_mdev_may_have_the_attribute_of_its_type() -> None:
    path = f"{AT_TYPE}/t/migration_version"
    there = Attribute("migration_version", "present", path=path, node="type")
    mdev = msgspec.structs.replace(KINDS["mdev"], attribute=there)
    whole = inventory("a", mdev)

    assert parse_inventory(msgspec.json.encode(whole), "f.json") == whole
    assert "path: is not one of the type 'u'" in wrong(
        changed("endpoints.0.type_id", "u", whole)
    )


def test_a_document_that_does_not_say_what_it_is_is_none() -> None:
    assert "schema: is missing" in wrong(changed("schema", GONE))
    with_text = changed("schema", GONE).replace(
        b'"host"', b'"x": {"schema": 1}, "host"'
    )
    assert "schema: is missing" in wrong(with_text)


def twice(before: str, again: str) -> bytes:
    """Give an inventory with something more, after a text that it has."""
    data = msgspec.json.encode(WHOLE).decode()
    assert before in data
    return data.replace(before, before + again, 1).encode()


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (twice('"host":"node-a",', '"host":"node-b",'), "host"),
        (twice('"version":"1ac1-a",', '"version":"1ac1-a",'), "version"),
        (twice('"version":"1ac1-a",', '"ve\\u0072sion" : "1ac1-b",'), "version"),
        (twice('"facts":{', '"revision":"1","revision":"2"'), "revision"),
        (twice('"facts":{', '"a":"1","b":"2","a":"1"'), "a"),
        (twice('"state":"present",', '"state":"present",'), "state"),
        (twice('"problems":[]', ',"later":[{"y":1e999,"z":1,"y":2}]'), "y"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(data: bytes, key: str) -> None:
    """Another reader of the file would take the other value."""
    assert f"an object has {key!r} 2 times" in wrong(data)


def test_a_file_that_scan_did_not_write_is_read_too() -> None:
    document = json.loads(msgspec.json.encode(WHOLE)) | {"later": [{"a": "NUMBER"}]}
    text = json.dumps(document, indent=2, sort_keys=True)
    text = text.replace('"NUMBER"', "9" * 5000)

    assert parse_inventory(text.encode(), "f.json") == WHOLE


def test_more_objects_than_any_host_has_are_not_read() -> None:
    assert "more than 1,000,000 objects" in wrong(b"{}," * 1_000_001)


@pytest.mark.parametrize(
    ("answers", "counts"),
    [
        ([(True, "01"), (False, "02")], False),
        ([(False, "02"), (True, "01")], False),
        ([(False, "01"), (True, "02")], True),
        ([(None, "02"), (True, "01")], None),
        ([(True, "01"), (None, "01")], None),
        ([(None, "01"), (False, "01"), (True, "01")], False),
    ],
)
def test_of_several_answers_about_a_string_the_latest_counts(
    answers: list[tuple[bool | None, str]], *, counts: bool | None
) -> None:
    given = tuple(
        answer("1ac1-a", accepted=accepted, at=f"2026-11-{day}T00:00:00Z")
        for accepted, day in answers
    )
    other = answer("1ac1-b", accepted=True)

    assert {each.version: each.accepted for each in counting(*given, other)} == {
        "1ac1-a": counts,
        "1ac1-b": True,
    }


def counting(*answers: RecordedAnswer) -> tuple[RecordedAnswer, ...]:
    """Give those of an endpoint's answers that count at NOW."""
    written = inventory("a", endpoint("p/t", "1ac1-a", answers=answers))
    found = parse_inventory(msgspec.json.encode(written), "f.json")
    horizon = Horizon(timestamp(NOW) or 0)
    return recorded(found.endpoints[0], found, horizon).answers


@pytest.mark.parametrize("ahead", ["2026-11-30T00:02:00Z", "2999-01-01T00:00:00Z"])
@pytest.mark.parametrize("channel", [None, "attribute"])
def test_a_yes_of_the_future_hides_no_other_answer(
    ahead: str, channel: str | None
) -> None:
    """A clock was wrong then: it may have been given before the others."""
    to_come = msgspec.structs.replace(
        answer("1ac1-a", accepted=True, at=ahead), channel=channel
    )
    for accepted in (False, None, True):
        known = answer("1ac1-a", accepted=accepted)
        for given in ((known, to_come), (to_come, known)):
            assert counting(*given) == (known,)
    assert counting(to_come) == (to_come,), "it is told why it does not count"


def test_another_answer_of_the_future_may_be_the_latest() -> None:
    yes = answer("1ac1-a", accepted=True)
    for accepted in (False, None):
        to_come = answer("1ac1-a", accepted=accepted, at="2999-01-01T00:00:00Z")
        for given in ((yes, to_come), (to_come, yes)):
            assert counting(*given) == (to_come,)


def test_a_second_that_a_clock_is_ahead_is_no_future() -> None:
    no = answer("1ac1-a", accepted=False)
    yes = answer("1ac1-a", accepted=True, at="2026-11-30T00:00:01Z")
    assert counting(no, yes) == (yes,)


@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-02T00:00:00"])
def test_an_answer_without_a_time_may_be_the_latest(at: str) -> None:
    no, yes = answer("1ac1-a", accepted=False, at=at), answer("1ac1-a", accepted=True)
    for given in ((no, yes), (yes, no)):
        assert counting(*given) == (no,)


NO, YES, NEITHER, NOTHING = False, True, None, "nothing"


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ([("attribute", YES)], YES),
        ([("attribute", YES), ("stream", YES)], YES),
        ([("attribute", YES), ("stream", NO)], NO),
        ([("nvml", NO), (None, YES)], NO),
        ([("attribute", YES), ("stream", NEITHER)], YES),
        ([("attribute", YES), ("nvml", YES), ("stream", NO)], NO),
        ([("attribute", NEITHER), ("stream", NO)], NO),
        ([("attribute", NEITHER), ("stream", YES)], NEITHER),
        ([("attribute", NO), ("stream", YES)], NO),
        ([("stream", NO)], NO),
        ([("stream", NEITHER)], NEITHER),
        ([("stream", YES), ("nvml", NEITHER)], NEITHER),
        ([("stream", YES)], NOTHING),
        ([("", YES)], NOTHING),
        ([("Attribute", YES)], NOTHING),
        ([("a later one", NO)], NO),
    ],
)
def test_of_channels_any_no_counts_and_no_yes_but_the_attributes(
    said: list[tuple[str | None, bool | None]], *, counts: bool | str | None
) -> None:
    given = [
        msgspec.structs.replace(
            answer("1ac1-a", accepted=accepted), channel=channel, errno=None
        )
        for channel, accepted in said
    ]
    other = answer("1ac1-b", accepted=True)
    for answers in (given, given[::-1]):
        known = {each.version: each.accepted for each in counting(*answers, other)}

        assert known.pop("1ac1-b") is True
        assert known.get("1ac1-a", NOTHING) == counts


def test_of_a_channels_answers_the_latest_counts() -> None:
    """A no that it took back is none, and one that another channel gave stays one."""
    times = [f"2026-11-0{day}T00:00:00Z" for day in (1, 2, 3)]
    no, yes, later = (
        msgspec.structs.replace(
            answer("1ac1-a", accepted=accepted, at=at), channel=channel, errno=None
        )
        for channel, accepted, at in zip(
            ("stream", "stream", None), (False, True, True), times, strict=True
        )
    )
    for answers, counts in (((no, yes, later), True), ((no, later), False)):
        assert [each.accepted for each in counting(*answers)] == [counts]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("channel", [None, "attribute", "stream", "nvml"])
@pytest.mark.parametrize("accepted", [True, False, None])
@pytest.mark.parametrize(
    ("question", "agrees"),
    [
        (sha256("1ac1-a"), True),
        (sha256("1ac1-a").upper(), True),
        (sha256("1ac1-a\n"), False),
        (sha256("1ac1-b"), False),
        (sha256("1ac1-a")[:-1], False),
        ("1ac1-a", False),
        ("", False),
    ],
)
def test_an_answer_is_about_its_question(
    channel: str | None, question: str, *, accepted: bool | None, agrees: bool
) -> None:
    said = msgspec.structs.replace(
        answer("1ac1-a", accepted=accepted), channel=channel, question=question
    )
    data = msgspec.json.encode(
        inventory("a", endpoint("p/t", "1ac1-a", answers=(said,)))
    )
    if agrees:
        parse_inventory(data, "f.json")
    else:
        assert "endpoints[0].answers: one has a question that is" in wrong(data)


def test_what_was_accepted_has_no_limits() -> None:
    no, yes = (answer("1ac1-a", accepted=accepted) for accepted in (False, True))
    for said in (no, yes):
        limited = msgspec.structs.replace(said, limits=("gpu",))
        whole = inventory("a", endpoint("p/t", "1ac1-a", answers=(limited,)))
        data = msgspec.json.encode(whole)
        if said is no:
            assert parse_inventory(data, "f.json") == whole
        else:
            assert "answers: one that was accepted has limits" in wrong(data)


def test_an_answer_about_no_string_is_of_another_channel_and_left_out() -> None:
    yes, no = (answer("1ac1-a", accepted=accepted) for accepted in (True, False))
    other = msgspec.structs.replace(
        no, version=None, channel="later", question=sha256("metadata")
    )
    assert counting(other, yes, other) == (yes,)

    mine = msgspec.structs.replace(no, version=None, question=sha256("1ac1-a"))
    written = inventory("a", endpoint("p/t", "1ac1-a", answers=(mine,)))
    assert "about no version" in wrong(msgspec.json.encode(written))


@pytest.mark.parametrize(
    ("answers", "counts"),
    [
        ([(True, 1), (False, 2)], False),
        ([(False, 1), (True, 2)], True),
        ([(None, 2), (True, 1)], None),
        ([(True, 1), (False, 1)], False),
    ],
)
def test_of_nvmls_answers_about_one_pair_the_latest_counts(
    answers: list[tuple[bool | None, int]],
    counts: bool | None,  # noqa: FBT001 - a parameter
) -> None:
    given = [
        answer_of_gpu("dg==", "Zw==", accepted=accepted, at=f"2026-11-0{day}T00:00:00Z")
        for accepted, day in answers
    ]
    other = answer_of_gpu("dg==", "ZzI=", accepted=True)
    string = answer("1ac1-a", accepted=True)
    found = counting(*given, other, string)

    assert [each.accepted for each in found] == [counts, True, True]


@pytest.mark.parametrize("question", [None, "", sha256("v")[1:], sha256("v").upper()])
def test_an_answer_of_nvml_is_about_metadata(question: str | None) -> None:
    said = msgspec.structs.replace(
        answer("", accepted=True), version=None, channel="nvml", question=question
    )
    whole = inventory("a", endpoint("p/t", None, answers=(said,)))
    assert "one of NVML has no question" in wrong(msgspec.json.encode(whole))


def test_a_gpus_metadata_is_taken_from_where_it_belongs() -> None:
    on_gpu = endpoint("p/t", None, gpu="0000:41:00.0", gpu_metadata=GPU)
    whole = inventory("a", on_gpu, endpoint("p/u", None))
    [first, second] = parse_inventory(msgspec.json.encode(whole), "f").endpoints
    assert (first.gpu_metadata, second.gpu_metadata) == (GPU, msgspec.UNSET)

    liar = msgspec.structs.replace(whole.endpoints[1], gpu_metadata="AAAA")
    lying = msgspec.structs.replace(whole, endpoints=[liar])
    [found] = parse_inventory(msgspec.json.encode(lying), "f").endpoints
    assert found.gpu_metadata is msgspec.UNSET


def test_what_was_said_last_is_told_by_the_time_and_not_by_its_text() -> None:
    yes = answer("1ac1-a", accepted=True, at="2026-11-02T01:00:00+09:00")
    no = answer("1ac1-a", accepted=False, at="2026-11-01T20:00:00Z")
    naive = answer("1ac1-a", accepted=True, at="2026-12-01T00:00:00")

    assert counting(yes, no, naive) == (no,)


def test_answers_must_be_about_strings_that_can_be() -> None:
    bad = inventory(
        "a", endpoint("p/t", "1ac1-a", answers=(answer("\n", accepted=True),))
    )

    assert "endpoints[0].answers" in wrong(msgspec.json.encode(bad))


@pytest.mark.parametrize("where", ["facts", "stated"])
def test_what_only_facts_tell_of_an_endpoint_is_what_it_is(where: str) -> None:
    told = {"vendor_id": "10DE", "device_id": "0x2235", "driver": "nvidia"}
    alone = endpoint(
        "0000:03:00.0/t", None, vendor_id=None, driver=None, **{where: told}
    )
    written = msgspec.json.encode(inventory("a", alone))
    [found] = parse_inventory(written, "f.json").endpoints
    assert (found.vendor_id, found.device_id, found.driver) == (
        "0x10de",
        "0x2235",
        "nvidia",
    )


# ---- endpoints of an inventory ---------------------------------------------------


def test_an_endpoint_of_an_inventory_is_recorded() -> None:
    found = recorded(WHOLE.endpoints[0], WHOLE, Horizon(timestamp(TAKEN) or 0))

    assert (found.host, found.origin) == ("node-a", "recorded")
    assert found.recorded
    assert found.recorded.rejected is None
    assert recorded(WHOLE.endpoints[1], WHOLE, Horizon(0)).origin is None


def test_answers_that_are_too_old_do_not_count_and_are_told() -> None:
    now = (timestamp(TAKEN) or 0) + 7200
    answers = (
        answer("1ac1-new", accepted=True, at="2026-11-01T01:30:00Z"),
        answer("1ac1-old", accepted=True),
    )
    found = recorded(
        endpoint("p/t", "1ac1-a", answers=answers), WHOLE, Horizon(now, 3600)
    )

    assert found.answers == answers  # what is in `rejected_answers` is still told
    assert found.recorded
    assert found.recorded.ages == {"1ac1-new": "30 min old"}
    assert found.recorded.rejected_answers == {"1ac1-old": "it is more than 1 h old"}
    assert found.recorded.rejected == "it is more than 1 h old"


def test_addresses_in_inventories() -> None:
    assert parse_address("inventory:a#b.json#p/t") == InventoryAddress(
        "a#b.json", "p/t"
    )
    assert parse_address("inventory:a.json") == InventoryAddress("a.json", None)
    for text in (
        "inventory:",
        "inventory:#p/t",
        "inventory:a#",
        "inventory:a#version:x",
    ):
        with pytest.raises(InvalidAddress):
            parse_address(text)


@pytest.mark.parametrize(
    "address", ["p/t", "/sys/devices/p/mdev_supported_types/t/version"]
)
def test_an_endpoint_is_found_by_its_address_or_path(address: str) -> None:
    assert named(WHOLE, InventoryAddress("f", address)) is WHOLE.endpoints[0]


def test_the_only_endpoint_needs_no_address() -> None:
    alone = inventory("a", endpoint("p/t", "1ac1-a"))

    assert named(alone, InventoryAddress("f", None)) is alone.endpoints[0]
    with pytest.raises(NoSuchEndpoint, match="f has 2 endpoints"):
        named(WHOLE, InventoryAddress("f", None))


def test_a_missing_endpoint_is_told_with_what_is_close() -> None:
    with pytest.raises(NoSuchEndpoint) as caught:
        named(WHOLE, InventoryAddress("f", "p/x"))

    assert caught.value.hint is not None
    assert "p/t" in caught.value.hint


ENDS = ("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002")


def test_a_short_uuid_is_that_of_one_mdev() -> None:
    mdevs = [endpoint(each, "1ac1-a", kind="mdev", parent="p") for each in ENDS]
    one = inventory("a", mdevs[0], endpoint("83b8/t", None))
    assert named(one, InventoryAddress("f.json", "83B8")) == mdevs[0]

    two = inventory("a", *mdevs)
    with pytest.raises(NoSuchEndpoint, match=r"has several of 83b8") as caught:
        named(two, InventoryAddress("f.json", "83b8"))
    assert caught.value.hint == f"there are {', '.join(ENDS)}"


# ---- NVIDIA's GPUs ------------------------------------------------------------------


def with_gpu(metadata: str, **endpoint: object) -> bytes:
    document = {
        "schema": "vfiocompat.inventory/1",
        "host": "a",
        "machine_id": None,
        "taken_at": "2026-11-01T00:00:00Z",
        "kernel": "6.12",
        "endpoints": [{"kind": "mdev", "address": "m"} | endpoint],
        "gpus": [{"address": "0000:41:00.0", "metadata": metadata}],
        "problems": [],
    }
    return msgspec.json.encode(document)


def test_gpus_and_metadata_are_read() -> None:
    data = with_gpu(gpu_metadata(), gpu="0000:41:00.0", vgpu_metadata=vgpu_metadata())
    found = parse_inventory(data, "a.json")

    assert found.gpus
    assert found.gpus[0].metadata == gpu_metadata()
    assert found.endpoints[0].vgpu_metadata == vgpu_metadata()


@pytest.mark.parametrize("metadata", ["", "?", "AAAA", vgpu_metadata()[:-8]])
def test_metadata_that_no_driver_gives_of_a_vgpu_is_refused(metadata: str) -> None:
    said = wrong(with_gpu(gpu_metadata(), vgpu_metadata=metadata))
    assert said.startswith("f.json: endpoints[0].vgpu_metadata: ")


@pytest.mark.parametrize("metadata", ["", "?", "AAAA", gpu_metadata()[:-8]])
def test_metadata_that_no_driver_gives_of_a_gpu_is_refused(metadata: str) -> None:
    assert wrong(with_gpu(metadata)).startswith("f.json: gpus[0].metadata: ")


@pytest.mark.parametrize("other", [{}, {"ecc": "on"}, {"metadata": None}], ids=str)
def test_a_gpu_that_is_there_twice_is_refused(other: dict[str, object]) -> None:
    document = json.loads(with_gpu(GPU))
    document["gpus"].append(document["gpus"][0] | other)
    said = wrong(json.dumps(document).encode())
    assert said.startswith("f.json: gpus[1].address: 0000:41:00.0 is there twice")


@pytest.mark.parametrize("key", ["facts", "stated"])
@pytest.mark.parametrize("flags", ["P2P", "PRE_COPY,P2P", ""])
def test_flags_without_stop_copy_are_refused(key: str, flags: str) -> None:
    said = wrong(with_gpu(GPU, **{key: {"migration_flags": flags}}))
    assert f"{key}: migration_flags: {flags!r} has no STOP_COPY" in said


ON_A40 = msgspec.structs.replace(
    inventory(
        "node-a",
        function(
            "0000:41:00.4",
            None,
            gpu=A40.address,
            vgpu_metadata=vgpu_metadata(),
            facts={"ecc": "on", "manager": "580.65.06", "guest": "5"},
        ),
    ),
    gpus=[A40],
)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("gpus.0.ecc", "off", "ecc: 'on', and NVIDIA's library said 'off'"),
        ("gpus.0.driver_version", "570.1", "manager: '580.65.06', and"),
        ("endpoints.0.facts.range", "5..6", "range: '5..6', and"),
        ("endpoints.0.facts.gpu_name", "NVIDIA L40", "gpu_name: 'NVIDIA L40', and"),
        ("endpoints.0.facts.guest", "6", "guest: '6', and"),
    ],
)
def test_what_an_endpoint_tells_of_its_gpu_is_what_that_tells(
    path: str, value: str, told: str
) -> None:
    assert f"endpoints[0].facts.{told}" in wrong(changed(path, value, ON_A40))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("gpus.0.ecc", None),
        ("endpoints.0.facts", {}),
        ("endpoints.0.facts.ecc", ""),
        ("endpoints.0.vgpu_metadata", vgpu_metadata(state=0)),
        ("endpoints.0.gpu", "0000:c1:00.0"),
    ],
)
def test_what_nobody_tells_of_a_gpu_contradicts_nothing(
    path: str, value: object
) -> None:
    parse_inventory(changed(path, value, ON_A40), "a.json")


@pytest.mark.parametrize("facts", [{}, {"ecc": ""}], ids=str)
def test_what_a_gpu_tells_is_a_fact_of_what_is_on_it(facts: dict[str, str]) -> None:
    found = parse_inventory(changed("endpoints.0.facts", facts, ON_A40), "a.json")
    [on_gpu] = found.endpoints
    assert (on_gpu.facts["ecc"], on_gpu.facts["manager"]) == ("on", "580.65.06")

    moved = changed("endpoints.0.gpu", "0000:c1:00.0", ON_A40)
    whole = msgspec.json.decode(moved, type=dict[str, Any])
    whole["endpoints"][0]["facts"] = facts
    [elsewhere] = parse_inventory(msgspec.json.encode(whole), "a.json").endpoints
    assert "manager" not in elsewhere.facts
