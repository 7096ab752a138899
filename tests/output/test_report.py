# SPDX-License-Identifier: Apache-2.0
"""What a report says: the answer in words, its page, and Markdown for a ticket."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.fleet.test_report import NOW, host, report
from tests.fleets import QAT_1, QAT_2, endpoint, inventory, qat
from vfiocompat.codes import INVENTORY_UNUSABLE
from vfiocompat.endpoints import Problem
from vfiocompat.errors import ErrorRecord
from vfiocompat.output.report.answer import answer_lines
from vfiocompat.output.report.document import report_document, report_moves
from vfiocompat.output.report.maps import class_map, host_map
from vfiocompat.output.report.markdown import markdown
from vfiocompat.output.report.page import page
from vfiocompat.output.report.parts import ranges
from vfiocompat.output.wayout import Step
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from vfiocompat.fleet.report import Report
    from vfiocompat.inventory import Inventory

HOSTILE = "</script><img src=x onerror=alert(1)>'\"`|*_{{7*191}}\u202e\x1b[31m"


def several(number: int) -> list[Inventory]:
    """Make hosts that are alike, and one that is not."""
    return [*(host(f"n{at:03}", QAT_1) for at in range(number)), host("x", QAT_2)]


def hostile_fleet() -> Report:
    """Make a fleet of which everything that others name is hostile."""
    odd = msgspec.structs.replace(
        host(HOSTILE, QAT_1, problems=[Problem(HOSTILE, HOSTILE, HOSTILE, HOSTILE)]),
        endpoints=[
            endpoint(f"p/{HOSTILE}", "1ac1-<b>", driver=HOSTILE, in_use=True),
            qat("0000:03:00.1", QAT_1, in_use=True),
        ],
    )
    found = report(odd, host("b", QAT_2))
    error = ErrorRecord(INVENTORY_UNUSABLE, HOSTILE, HOSTILE, HOSTILE)
    found.fleet.errors[HOSTILE] = error
    return found


STEPS = [Step(HOSTILE, [HOSTILE, f"`{HOSTILE}` \n# x"]), Step("Do it.", [])]
"""What is to be typed, of hostile names."""


def said(found: Report) -> list[str]:
    return ["".join(text for text, _ in line) for line in answer_lines(found)]


# ---- the answer ------------------------------------------------------------------


def test_the_answer_says_first_who_can_go() -> None:
    assert said(report(host("old", QAT_1), host("new", QAT_2))) == [
        "1 of 2 hosts with devices can give all of them to another host.",
        "1 host is a dead end, since no other takes all of its devices: new",
        "1 of 1 move from host to host is one way: not all devices could come back.",
        (
            "2 hosts with 2 endpoints of 2 classes, 2 of them devices; the oldest "
            "inventory is 1 h old: new"
        ),
    ]


def test_where_all_is_well_nothing_else_is_said() -> None:
    found = said(report(host("a", QAT_1), host("b", QAT_1)))

    assert found[:2] == [
        "2 of 2 hosts with devices can give all of them to another host.",
        "2 moves from host to host could be made, and each of them back.",
    ]
    assert len(found) == 3


def test_nothing_compared_is_no_success() -> None:
    found = report(inventory("a", qat("0000:03:00.1", QAT_1, in_use=False)))

    assert said(found)[0] == (
        "No host has a device now, so nothing is told of whole hosts."
    )
    assert next(answer_lines(found))[0][1] == "undetermined"


def test_what_is_undetermined_is_no_dead_end_and_no_yes() -> None:
    unknown = qat("0000:03:00.2", None, in_use=False)
    found = report(host("a", QAT_1), inventory("b", unknown))

    assert said(found)[:2] == [
        "0 of 1 host with devices can give all of them to another host.",
        "Of 1 host it is undetermined whether another takes all of its devices: a",
    ]


def test_what_is_old_or_could_not_be_read_is_told() -> None:
    problem = Problem("/sys/x", "read", "EIO", "VFC106")
    found = report(
        host("a", QAT_1, taken_at="2026-10-01T00:00:00Z"),
        host("b", QAT_1, problems=[problem]),
        horizon=Horizon(NOW.now, 86400),
    )
    found.fleet.errors["c.json"] = ErrorRecord(INVENTORY_UNUSABLE, "x", None, None)

    assert said(found)[-3:] == [
        "1 inventory not relied on: too old, or of the future: a",
        "1 host not read in full by the scan: b",
        "1 file could not be used: c.json",
    ]


def test_of_many_hosts_the_first_are_named() -> None:
    alone = [host(f"n{at}", QAT_2.replace("4924", f"{at:04}")) for at in range(1, 9)]

    assert said(report(*alone))[1].endswith(": n1, n2, n3, n4, n5 and 3 more")


@pytest.mark.parametrize(
    ("places", "text"),
    [
        ([], ""),
        ([0], "C1"),
        ([0, 1], "C1-C2"),
        ([0, 2, 3, 4, 9], "C1, C3-C5, C10"),
        ([0, 2, 4, 5], "C1, C3, C5-C6"),
        ([0, 2, 4, 6, 7], "C1, C3, C5 and 2 more"),
    ],
)
def test_numbers_that_follow_each_other_are_a_range(
    places: list[int], text: str
) -> None:
    assert ranges("C", places, 3) == text


# ---- the document ----------------------------------------------------------------


def test_the_document_has_every_move_by_the_numbers_of_groups() -> None:
    found = report(*several(3))
    document = report_document(found)

    assert [(group.number, group.hosts) for group in document.groups] == [
        (1, ["n000", "n001", "n002"]),
        (2, ["x"]),
    ]
    assert [
        (move.source, move.destination, move.verdict, move.one_way)
        for move in report_moves(found)
    ] == [
        (1, 1, "compatible", False),
        (1, 2, "compatible", True),
        (2, 1, "incompatible", False),
    ]
    assert document.counts.moves == 3 * 2 + 3
    assert document.counts.one_way == 3
    assert document.answer == said(found)


# ---- maps ------------------------------------------------------------------------


def test_few_hosts_are_shown_one_by_one_and_many_as_groups() -> None:
    few, many = host_map(report(*several(3))), host_map(report(*several(30)))

    assert [name for _, name in few.destinations] == ["n000", "n001", "n002", "x"]
    assert few.rows == [b"\0\1\1\2", b"\1\0\1\2", b"\1\1\0\2", b"\4\4\4\0"]
    assert [name for _, name in many.destinations] == ["n000 and 29 more", "x"]
    assert many.rows == [b"\1\2", b"\4\0"]


def test_a_map_of_classes_has_each_with_itself() -> None:
    assert class_map(report(*several(3))).rows == [b"\1\2", b"\4\1"]


# ---- the page --------------------------------------------------------------------


class _Elements(HTMLParser):
    """Lists the elements of a page, and their texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag = self.found[-1][0]
            self.text[tag] = self.text.get(tag, "") + data


def elements(text: str) -> _Elements:
    parser = _Elements()
    parser.feed(text)
    return parser


def test_what_others_name_is_text_in_a_page() -> None:
    plain, odd = elements(page(report(*several(1)))), elements(page(hostile_fleet()))

    assert {tag for tag, _ in odd.found} <= {tag for tag, _ in plain.found} | {"a", "p"}
    names = {name for _, attributes in odd.found for name in attributes}
    assert not {name for name in names if name.startswith("on")}
    assert "style" not in names
    assert "1337" not in odd.text["code"]


def test_what_is_to_be_typed_is_text_in_a_page() -> None:
    plain, odd = (elements(page(report(*several(1)), each)) for each in ([], STEPS))

    assert {each for each, _ in odd.found} - {each for each, _ in plain.found} == {
        "pre"
    }


def test_what_a_browser_would_act_on_is_shown_in_a_page() -> None:
    text = page(hostile_fleet())

    assert not {char for char in text if not char.isprintable()} - {"\n"}
    assert r"\u202e\x1b[31m" in text


def test_a_pages_policy_lets_its_own_style_and_script_run_and_nothing_else() -> None:
    text = page(hostile_fleet())
    [policy] = [
        str(attributes["content"])
        for tag, attributes in elements(text).found
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))

    assert rules.pop("default-src") == "'none'"
    for rule, tag in (("style-src", "style"), ("script-src", "script")):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert rules == {"img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


@pytest.mark.parametrize("number", [3, 30])
def test_a_page_leads_nowhere_else(number: int) -> None:
    found = elements(page(report(*several(number)))).found
    links = {
        str(value)
        for _, attributes in found
        for name, value in attributes.items()
        if name in {"href", "src", "action", "data", "srcset"}
    }
    places = {f"#{attributes['id']}" for _, attributes in found if "id" in attributes}

    assert links <= places | {"data:,"}


def test_ids_of_a_page_are_there_once() -> None:
    found = elements(page(report(*several(30)))).found
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]

    assert len(ids) == len(set(ids))


def test_a_name_that_is_none_is_cut() -> None:
    text = page(report(host("n" * 5000, QAT_1), host("b", QAT_1)))

    assert "n" * 256 + "... (5000 characters)" in text
    assert "n" * 257 not in text


def test_a_sentence_that_is_none_is_cut() -> None:
    found = report(host("a", QAT_1))
    found.fleet.errors["b.json"] = ErrorRecord(
        INVENTORY_UNUSABLE, "n" * 9999, None, None
    )
    text = page(found)

    assert "n" * 4096 + "... (9999 characters)" in text
    assert "n" * 4097 not in text


def test_a_large_map_is_a_drawing_with_the_same_ways() -> None:
    names = [QAT_1.replace("4924", f"{at:04}") for at in range(1, 50)]
    text = page(report(*(host(f"n{at}", name) for at, name in enumerate(names))))

    [drawn] = re.findall(r'class="compatible" d="([^"]*)"', text)
    assert drawn.startswith("M0 0.5h1M1 1.5h1")
    assert drawn.count("M") == len(names)


# ---- Markdown --------------------------------------------------------------------


def test_markdown_has_the_answer_and_what_needs_doing() -> None:
    lines = list(markdown(report(host("old", QAT_1), host("new", QAT_2))))

    assert lines[2].startswith("- 1 of 2 hosts with devices")
    titles = [line for line in lines if line.startswith("## ")]
    assert titles == [
        "## Dead ends, and what would help",
        "## One-way moves of hosts",
        "## One-way moves of classes",
        "## Hosts",
        "## Classes",
    ]


def test_what_others_name_is_no_markup_in_markdown() -> None:
    lines = list(markdown(hostile_fleet()))
    rows = [line for line in lines if line.startswith("|")]

    assert {char for line in lines for char in line if not char.isprintable()} == set()
    assert not re.search(r"<(?!/?(code|br)>)", "".join(lines))
    columns = {line.count("|") for line in rows if "&#124;" in line}
    heads = {line.count("|") for line in rows if " --- |" in line}
    assert columns <= heads


def test_what_is_to_be_typed_is_code_in_markdown() -> None:
    lines = list(markdown(report(*several(1)), STEPS))

    at = lines.index("## What to type, so that less is undetermined")
    section = lines[at + 1 : lines.index("## One-way moves of hosts", at)]
    assert section[0] == section[2] == section[5] == ""
    assert "<img" not in section[1]
    assert all(line.startswith("    ") for line in section[3:5])
    assert "\\n# x" in section[4], "no line of it begins anew"
    assert section[6] == "Do it."
    assert all(map(str.isprintable, section))


def test_of_many_hosts_a_ticket_has_groups_and_of_these_the_first() -> None:
    names = [QAT_1.replace("4924", f"{at:04}") for at in range(1, 80)]
    lines = list(
        markdown(report(*(host(f"n{at}", each) for at, each in enumerate(names))))
    )

    assert "## Groups of hosts that are alike" in lines
    assert "And 29 more." in lines
