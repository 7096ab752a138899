# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfiocompat.output.json import json_schema, json_text
from vfiocompat.output.schemas import DOCUMENTS


@given(st.text())
def test_json_for_a_terminal_holds_nothing_that_it_acts_on(text: str) -> None:
    shown = json_text({"name": text}, indent=2).decode()

    assert json.loads(shown) == {"name": text}
    assert shown.replace("\n", "").isprintable()


def test_json_for_a_terminal_escapes_what_json_would_leave() -> None:
    shown = json_text(["\x9b31m\u202e\U000e0001"], indent=2)

    assert shown == b'[\n  "\\u009b31m\\u202e\\udb40\\udc01"\n]'


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
