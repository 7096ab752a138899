# SPDX-License-Identifier: Apache-2.0
"""Strings made of facts, and what an operator may state."""

from __future__ import annotations

import pytest

from vfiocompat.tables.facts import FACTS
from vfiocompat.tables.language.derive import derive, learn, state, stated_mistakes

from .making import HEAD, requirement, table

TEXT = """
[format]
f = "{device:hex}:{name:text}:{n:int}"
[derive]
format = "f"
device = "device_id"
name = { facts = ["vgpu_type_name", "type_name"], part = "last-word" }
[field.n]
learn = "ask somebody"
[field.generation]
from = "device"
order = [{ name = "A1", values = ["100"] }]
""" + requirement("same", "n", "equal")
TABLE = table(TEXT)
FACTS_READ = {"device_id": "0x0100", "type_name": "GRID A40-8Q"}


def derived(
    facts: dict[str, str], stated: dict[str, str] | None = None, head: str = HEAD
) -> str | None:
    found = derive(table(TEXT, head), facts, stated or {}, "0x1ac1")
    return found and found.version.text


@pytest.mark.parametrize(
    ("facts", "stated", "text"),
    [
        (FACTS_READ, {}, "1ac1-0100:A40-8Q:?"),
        (FACTS_READ | {"vgpu_type_name": "B"}, {}, "1ac1-0100:B:?"),
        (FACTS_READ, {"n": "7"}, "1ac1-0100:A40-8Q:7"),
        ({}, {}, "1ac1-?:?:?"),
        ({}, {"device": "0x200", "name": "x y"}, "1ac1-200:x y:?"),
        ({"device_id": "moon"}, {}, "1ac1-?:?:?"),
        ({"device_id": "moon"}, {"device": "1"}, "1ac1-1:?:?"),
        ({"device_id": "0x1"}, {"device": "2"}, "1ac1-1:?:?"),
        ({}, {"name": "a:b"}, "1ac1-?:?:?"),
        ({}, {"name": "a\nb"}, "1ac1-?:?:?"),
        ({}, {"name": "a?"}, "1ac1-?:?:?"),
        ({"type_name": "GRID A40-?Q"}, {}, "1ac1-?:?:?"),
        ({}, {"type_name": "Z 9"}, "1ac1-?:9:?"),
    ],
)
def test_a_string_is_made_of_what_is_known(
    facts: dict[str, str], stated: dict[str, str], text: str
) -> None:
    assert derived(facts, stated) == text


DASHES = """
[format]
f = "{b:text}--{c:text}"
[derive]
format = "f"
b = "type_name"
""" + requirement("same", "b", "equal")


@pytest.mark.parametrize(
    ("form", "name", "text"),
    [
        ("{b:text}--{c:text}", "A-", "1ac1-?--?"),
        ("{b:text}--{c:text}", "A--", "1ac1-?--?"),
        ("{b:text}--{c:text}", "A--B", "1ac1-?--?"),
        ("{b:text}--{c:text}", "-A", "1ac1--A--?"),
        ("{b:text}aba{c:text}", "xab", "1ac1-?aba?"),
        ("{b:text}aba{c:text}", "xba", "1ac1-xbaaba?"),
        ("{b:text} {c:text}", "A ", "1ac1-? ?"),
        ("{c:text}--{b:text}", "-A--", "1ac1-?---A--"),
        ("{b:text}??{c:text}", "A", "1ac1-A???"),
        ("{c:text}??{b:text}", "A", None),
        ("{c:set}??{b:text}", "A", None),
    ],
)
def test_what_is_not_read_back_as_it_is_is_not_known(
    form: str, name: str, text: str | None
) -> None:
    made = table(DASHES.replace("{b:text}--{c:text}", form))
    found = derive(made, {"type_name": name}, {}, None)

    assert (found and found.version.text) == text


def test_an_id_that_is_none_is_no_part_of_a_value() -> None:
    text = '[format]\nf = "{b:text}"\n[derive]\nformat = "f"\nb = "type_name"\n'
    head = HEAD.replace('vendor = "pci:1ac1"\n', "")
    made = table(text + requirement("same", "b", "equal"), head)

    assert derive(made, {"type_name": "A"}, {}, "moon") is None


def test_a_table_of_no_vendor_takes_the_endpoints() -> None:
    head = HEAD.replace('vendor = "pci:1ac1"\n', "")

    assert derived(FACTS_READ, head=head) == "1ac1-0100:A40-8Q:?"
    assert derive(table(TEXT, head), FACTS_READ, {}, None) is None


def test_a_table_that_derives_nothing() -> None:
    made = table('[format]\nf = "{n:int}"\n' + requirement("same", "n", "equal"))

    assert derive(made, FACTS_READ, {}, "0x1ac1") is None


def test_how_a_field_is_learnt_and_stated() -> None:
    assert learn(TABLE, "n") == "ask somebody"
    assert learn(TABLE, "generation") == learn(TABLE, "device") == FACTS["device_id"]
    assert state(TABLE, "generation") == "device"
    assert state(TABLE, "n") == "n"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("n", "7", None),
        ("n", "x", "'x' is no int"),
        ("device", "100", None),
        ("device", "200", "'200' is stated, sysfs says '0100'"),
        ("device_id", "0100", None),
        ("device_id", "0x200", "'0x200' is stated, sysfs says '0x0100'"),
        ("kernel", "6.1", None),
        ("generation", "A1", "follows from device: state that"),
        ("format", "f", "is neither a fact nor a field of acme-npu"),
        ("dirty_tracking", "yes", None),
        ("dirty_tracking", "true", "'true' is neither yes nor no"),
        ("iommu_dirty_tracking", "", "'' is neither yes nor no"),
        ("iommufd", "no", None),
        ("iommufd", "6.6", "'6.6' is neither yes nor no"),
        ("migration_flags", "STOP_COPY,P2P", None),
        (
            "migration_flags",
            "P2P",
            (
                "'P2P' is no list of P2P, PRE_COPY, STOP_COPY with commas, "
                "which has STOP_COPY"
            ),
        ),
        (
            "migration_flags",
            "p2p",
            (
                "'p2p' is no list of P2P, PRE_COPY, STOP_COPY with commas, "
                "which has STOP_COPY"
            ),
        ),
        ("moon", "x", "is neither a fact nor a field of acme-npu"),
    ],
)
def test_what_may_be_stated(name: str, text: str, says: str | None) -> None:
    wrong = stated_mistakes({name: text}, FACTS_READ, [TABLE])

    assert wrong == ({} if says is None else {name: says})


@pytest.mark.parametrize(
    ("text", "read", "wrong"),
    [("", "0x0", False), ("b,a", "a,b", False), ("a", "0x1", True), ("a", "b", True)],
)
def test_a_set_may_be_stated_as_it_was_read(
    text: str, read: str, *, wrong: bool
) -> None:
    made = table(
        '[format]\nf = "{s:set}"\n[derive]\nformat = "f"\ns = "type_name"\n'
        + requirement("same", "s", "equal")
    )

    assert bool(stated_mistakes({"s": text}, {"type_name": read}, [made])) is wrong


def test_without_a_table_only_facts_may_be_stated() -> None:
    wrong = stated_mistakes({"n": "1", "kernel": "6.1"}, {}, [])

    assert wrong == {"n": "is no fact, and no table speaks for the endpoint"}
