# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfiocompat.endpoints import Problem
from vfiocompat.output.json import encoded, json_schema, json_text, streamed
from vfiocompat.output.list import ListDocument
from vfiocompat.output.schemas import DOCUMENTS


@given(st.text())
def test_json_for_a_terminal_holds_nothing_that_it_acts_on(text: str) -> None:
    shown = json_text({"name": text}, indent=2).decode()

    assert json.loads(shown) == {"name": text}
    assert shown.replace("\n", "").isprintable()


def test_json_for_a_terminal_escapes_what_json_would_leave() -> None:
    shown = json_text(["\x9b31m\u202e\U000e0001"], indent=2)

    assert shown == b'[\n  "\\u009b31m\\u202e\\udb40\\udc01"\n]'


@pytest.mark.parametrize("indent", [None, 2])
def test_half_a_character_is_written_out(indent: int | None) -> None:
    """A name that is no UTF-8, or what a monitor says, may have one."""
    problem = Problem("/srv/\udcff.json", "load", None, "\ud800")
    nested = {"a\udfff": [problem, ("b", {"\ud800": None})], "n": 1.5}

    assert json.loads(json_text(nested, indent=indent)) == {
        "a\\udfff": [
            {
                "path": "/srv/\\udcff.json",
                "operation": "load",
                "errno": None,
                "code": "\\ud800",
            },
            ["b", {"\\ud800": None}],
        ],
        "n": 1.5,
    }
    assert b"\\\\udcff" in b"".join(
        streamed(ListDocument(endpoints=[], problems=[]), [problem])
    )


@pytest.mark.parametrize("number", [0, 1, 999, 1000, 1001, 2000])
def test_a_streamed_document_is_the_whole_one(number: int) -> None:
    problems = [Problem(f"/sys/{at}", "read", "EIO", "VFC101") for at in range(number)]
    empty = ListDocument(endpoints=[], problems=[])
    whole = ListDocument(endpoints=[], problems=problems)

    pieces = list(streamed(empty, iter(problems)))

    assert b"".join(pieces) == json_text(whole, indent=None)


def test_a_long_list_is_streamed_in_several_pieces() -> None:
    empty = ListDocument(endpoints=[], problems=[])
    problems = [Problem("/sys", "read", "EIO", "VFC101")] * 5000

    assert max(map(len, streamed(empty, problems))) < 100_000


def test_a_part_that_is_encoded_once_is_written_as_if_it_were_not() -> None:
    part = Problem('a "name"', "read", None, "VFC101")
    documents = [
        ListDocument(endpoints=[], problems=problems)
        for problems in ([part, part], encoded([part, part]))
    ]

    plain, once = (json_text(document, indent=None) for document in documents)
    assert plain == once


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_schema_names_its_document(name: str) -> None:
    schema = json_schema(name, DOCUMENTS[name])

    assert schema["$id"] == f"urn:vfiocompat:{name}:1"
    [properties] = [
        each["properties"]
        for each in schema["$defs"].values()
        if "tool" in each.get("properties", ())
    ]
    assert properties["schema"]["enum"] == [f"vfiocompat.{name}/1"]
