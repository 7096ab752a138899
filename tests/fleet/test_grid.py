# SPDX-License-Identifier: Apache-2.0
"""Every pair of a grid is decided as `check` decides it, however few are."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.anyendpoint import COMPARED, STRINGS, any_endpoints, changed
from tests.fleets import QAT_1, QAT_2
from vfiocompat.decision.gpus import NOTHING_COMPARED
from vfiocompat.endpoints import Attribute, Endpoint, Recorded, literal
from vfiocompat.errors import VfiocompatError
from vfiocompat.fleet import grid, situations
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.library import Library

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.decision.gpus import Comparisons

LIBRARY = Library(config="/nonexistent")


def assert_same(ends: Sequence[Endpoint]) -> None:
    for compared in (NOTHING_COMPARED, COMPARED):
        assert_same_of(ends, compared)


def assert_same_of(ends: Sequence[Endpoint], compared: Comparisons) -> None:
    found = decide_grid(ends, LIBRARY, compared)
    for row, source in enumerate(ends):
        for column, destination in enumerate(ends):
            pair = decide_pair(source, destination, LIBRARY, compared=compared)
            decision = pair.decision
            codes = tuple(dict.fromkeys(each.code for each in decision.diagnostics))
            cell = found.cell(row, column)
            assert (cell.verdict, cell.basis, cell.codes) == (
                decision.verdict,
                decision.basis,
                codes,
            ), f"\n{source}\n{destination}"


@st.composite
def several(draw: st.DrawFn) -> list[Endpoint]:
    """Draw endpoints, of which some differ in one thing only."""
    ends = draw(st.lists(any_endpoints(), min_size=1, max_size=4))
    return [*ends, *(draw(changed(end)) for end in ends[:2])]


@settings(max_examples=300)
@given(several())
def test_a_grid_says_what_check_says(ends: list[Endpoint]) -> None:
    assert_same(ends)


def test_a_literal_that_leaves_something_open_is_told_apart() -> None:
    present = Attribute("version", "present", node="type")
    there = Endpoint(kind="type", address="", attribute=present)
    known, unknown = "19e5-x:major=1", "19e5-x:major=?"
    assert_same([literal(known), literal(unknown), there])


@pytest.mark.usefixtures("_processes")
def test_processes_share_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr(grid, "workers", lambda: 3)
    chance = random.Random(1)  # noqa: S311 - no secret
    present = Attribute("version", "present", node="type")
    ends = [
        Endpoint(
            kind="type",
            address="",
            attribute=present,
            version=chance.choice(STRINGS),
            recorded=Recorded("", ""),
        )
        for _ in range(17)
    ]

    found = decide_grid(ends, LIBRARY)
    assert len(set(found.cells)) == len(found.cells) > 3
    monkeypatch.undo()
    alone = decide_grid(ends, LIBRARY)
    for row in range(17):
        assert [found.cells[each] for each in found.row(row)] == [
            alone.cells[each] for each in alone.row(row)
        ]


@pytest.mark.usefixtures("_processes")
def test_a_process_that_is_killed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(grid, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr(grid, "workers", lambda: 2)
    monkeypatch.setattr(grid, "_rows", rows)
    end = Endpoint(kind="type", address="")

    with pytest.raises(VfiocompatError, match="was comparing classes has died") as why:
        decide_grid([end, end], LIBRARY)
    assert "memory" in (why.value.hint or "")


def test_one_way() -> None:
    present = Attribute("version", "present", node="type")
    ends = [
        Endpoint(
            kind="type",
            address="",
            attribute=present,
            version=text,
            recorded=Recorded("", ""),
        )
        for text in (QAT_1, QAT_2, "10de-x")
    ]
    found = decide_grid(ends, LIBRARY)

    assert [list(found.can_go(row)) for row in range(3)] == [
        [1, 1, 0],
        [0, 1, 0],
        [0, 0, 0],
    ]
    assert [list(found.one_way(row)) for row in range(3)] == [
        [0, 1, 0],
        [0, 0, 0],
        [0, 0, 0],
    ]
    assert found.verdicts(0)["incompatible"] == 1
    assert found.least([0, 1], 1) == "compatible"
    assert found.least([0, 2], 1) == "incompatible"


def test_few_pairs_are_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decided once holds for all that are alike: that makes it quick."""
    calls = []

    def counted(*ends: object, **more: object) -> object:
        calls.append(1)
        return decide_pair(*ends, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(situations, "decide_pair", counted)
    monkeypatch.setattr(grid, "_WORTH_A_PROCESS", 10**9)
    text = "19e5-hisi:device=a251:rev=30:qp={}:iso=0:magic=v2:major=1"
    one = Endpoint(
        kind="type",
        address="",
        attribute=Attribute("version", "present", node="type"),
        recorded=Recorded("", ""),
    )
    ends = [
        msgspec.structs.replace(one, version=text.format(at + 1)) for at in range(60)
    ]
    decide_grid(ends, LIBRARY)

    assert len(calls) < 10
