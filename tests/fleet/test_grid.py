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

from tests.fleets import HISI_1, HISI_2, answer
from vfiocompat.endpoints import Attribute, Endpoint, MigrationInterface, Recorded
from vfiocompat.errors import VfiocompatError
from vfiocompat.fleet import grid
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.library import Library

if TYPE_CHECKING:
    from collections.abc import Sequence

LIBRARY = Library(config="/nonexistent")
STRINGS = [
    None,
    HISI_1,
    HISI_2,
    "19e5-hisi:device=a250:qp=16:iso=0:magic=v2:major=1",
    "19e5-hisi:device=a250:qp=?:iso=0:magic=v2:major=1",
    "19e5-other",
    "8086-193b-i915-GVTg_V5_4",
    "00028086-193b-i915-GVTg_V5_8",
    "0x8086-x",
    "80008086-x",
    "10de-x",
    "opaque",
    "4348-mtty-2",
]
STATES = [
    None,
    Attribute(None, "absent", "ENOENT", None, None, "VFC102"),
    Attribute("version", "present", node="type"),
    Attribute("migration_version", "present", node="type"),
    Attribute("migration_version", "present", node="device"),
    Attribute("version", "unreadable", "EIO", None, "type", "VFC106"),
    Attribute("version", "unreadable", "EACCES", None, "type", "VFC103"),
    Attribute("version", "unreadable", "ENODEV", None, "type", "VFC105"),
]
ANSWERED = [text for text in STRINGS if text is not None]


@st.composite
def endpoints(draw: st.DrawFn) -> Endpoint:
    """Make what stands for a class: anything that a scan may find."""
    attribute = draw(st.sampled_from(STATES))
    readable = attribute is not None and attribute.state == "present"
    version = draw(st.sampled_from(STRINGS)) if readable else None
    stated = {"queue_pairs": "16", "isolation": "0", "magic": "v2", "major": "1"}
    told = draw(
        st.dictionaries(st.sampled_from(ANSWERED), st.sampled_from([True, False, None]))
    )
    rejected = draw(st.sets(st.sampled_from(ANSWERED), max_size=2)) - set(told)
    return Endpoint(
        kind="type",
        address="",
        type_id=draw(st.sampled_from([None, "t", "u"])),
        driver=draw(
            st.sampled_from([None, "hisi_acc_vfio_pci", "i915", "mtty", "vfio-pci"])
        ),
        vendor_id=draw(st.sampled_from([None, "0x19e5", "0x8086"])),
        device_api=draw(st.sampled_from([None, "vfio-pci", "vfio-ap"])),
        facts=draw(st.sampled_from([{}, {"device_id": "0xa251"}])),
        stated=draw(st.sampled_from([{}, stated])) if version is None else {},
        attribute=attribute,
        version=version,
        origin=None if version is None else "recorded",
        migration=draw(
            st.sampled_from(
                [
                    None,
                    None,
                    None,
                    MigrationInterface("none"),
                    MigrationInterface("v1"),
                    MigrationInterface("v2", ("STOP_COPY",)),
                    MigrationInterface("v2", ("STOP_COPY", "PRE_COPY")),
                ]
            )
        ),
        vfio=draw(st.sampled_from([True, True, True, False])),
        answers=tuple(answer(text, accepted=yes) for text, yes in told.items()),
        recorded=Recorded(
            "",
            "",
            draw(st.sampled_from([None, None, None, "it is old"])),
            dict.fromkeys(rejected, "it is old"),
        ),
    )


def assert_same(ends: Sequence[Endpoint]) -> None:
    found = decide_grid(ends, LIBRARY)
    for row, source in enumerate(ends):
        for column, destination in enumerate(ends):
            decision = decide_pair(source, destination, LIBRARY).decision
            codes = tuple(dict.fromkeys(each.code for each in decision.diagnostics))
            cell = found.cell(row, column)
            assert (cell.verdict, cell.basis, cell.codes) == (
                decision.verdict,
                decision.basis,
                codes,
            ), f"\n{source}\n{destination}"


@settings(max_examples=300, deadline=None)
@given(st.lists(endpoints(), min_size=1, max_size=6))
def test_a_grid_says_what_check_says(ends: list[Endpoint]) -> None:
    assert_same(ends)


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
            version=chance.choice(ANSWERED),
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
        for text in (HISI_1, HISI_2, "10de-x")
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

    def counted(*ends: object) -> object:
        calls.append(1)
        return decide_pair(*ends)  # type: ignore[arg-type]

    monkeypatch.setattr(grid, "decide_pair", counted)
    monkeypatch.setattr(grid, "_WORTH_A_PROCESS", 10**9)
    text = "19e5-hisi:device=a251:qp={}:iso=0:magic=v2:major=1"
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
