# SPDX-License-Identifier: Apache-2.0
"""What a host makes of a VM in full: what is said of pairs, and of room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleets import answer, endpoint
from tests.machines import mdev, uuids
from vfiocompat.vm import room

if TYPE_CHECKING:
    from tests.vm.conftest import Ask

A, B, C = "1ac1-a", "1ac1-b", "1ac1-c"
ONE, TWO, THREE, FOUR = uuids(4)
NEW = uuids(4, group=2)


def said(*taken: str) -> dict[str, object]:
    """Say that a driver took these strings, and no other."""
    return {
        "answers": tuple(answer(each, accepted=each in taken) for each in (A, B, C))
    }


TAKES = said(A)


# ---- pairs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "options", "summary"),
    [
        (1, "", "the only endpoint on h0 cannot load its state"),
        (
            3,
            "",
            "none of the 3 endpoints on h0 can load its state; this is the closest",
        ),
        (0, "", "there is no VFIO endpoint on h0"),
        (0, "--max-age 1h", "the inventory of h0: it is more than 1 h old"),
        (2, "--as-is", f"there is no {ONE} on h0"),
    ],
)
def test_why_a_device_can_go_nowhere(
    ask: Ask, number: int, options: str, summary: str
) -> None:
    there = [endpoint(f"p/t{at}", B, **said()) for at in range(number)]
    [device] = ask([mdev(ONE, A)], there, options=options).devices
    assert device.diagnostics[-1].summary == summary
    if options == "--as-is":
        assert device.destination.address == ONE


# ---- room ------------------------------------------------------------------------


def test_too_few_instances_are_named_with_who_wants_them(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, A), mdev(THREE, A), mdev(FOUR, B)],
        [
            endpoint("p/t", A, **TAKES, available_instances=1),
            endpoint("p/u", A, **TAKES, available_instances=0),
            mdev(NEW[0], A, **TAKES, in_use=True),
            mdev(NEW[1], A, **TAKES, in_use=False),
            endpoint("q/t", B, **said(B)),
        ],
    )
    assert found.not_allowed == {"h0": ("VFC545",)}
    [finding] = found.diagnostics
    assert (finding.code, finding.severity) == ("VFC545", "error")
    assert finding.summary == "3 devices compete for 2 instances"
    assert (finding.detail or "").splitlines() == [
        f"devices: {ONE}, {TWO}, {THREE}",
        f"{NEW[0]}: 0 free",
        f"{NEW[1]}: 1 free",
        "p/t: 1 free",
        "p/u: 0 free",
    ]


def test_a_few_of_many_endpoints_are_named(ask: Ask) -> None:
    full = {"available_instances": 0, **TAKES}
    there = [endpoint(f"p{at}/t", A, **full) for at in range(30)]
    [finding] = ask([mdev(ONE, A)], there).diagnostics
    detail = (finding.detail or "").splitlines()
    assert len(detail) == 12
    assert detail[-1] == "and 20 more"


def test_what_is_not_known_of_room_is_told(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, B), mdev(THREE, C)],
        [
            endpoint("p/t", A, **TAKES),
            endpoint("p/u", B, **said(B)),
            mdev(FOUR, C, **said(C)),
        ],
    )
    [finding] = found.diagnostics
    assert (finding.code, finding.detail) == (
        "VFC546",
        f"not told whether {FOUR} is free\nthese share one parent's capacity: p/t, p/u",
    )


def test_that_room_was_too_much_to_be_looked_for_is_told(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_WIDEST", 1)
    found = ask([mdev(ONE, A)], [endpoint(f"p{at}/t", A, **TAKES) for at in range(2)])
    [finding] = found.diagnostics
    assert (finding.code, found.room, found.assignment) == ("VFC546", None, [])
    assert "too many devices and endpoints" in (finding.detail or "")


def test_that_room_rests_on_an_undetermined_endpoint_is_told(ask: Ask) -> None:
    unsure = (answer(A, accepted=None),)
    found = ask(
        [mdev(ONE, A), mdev(TWO, A)],
        [
            endpoint("p/yes", A, **TAKES, available_instances=1),
            endpoint("q/unsure", A, answers=unsure, available_instances=1),
        ],
    )
    [finding] = found.diagnostics
    [given] = [each for each in found.assignment if each.endpoint == "q/unsure"]
    assert (finding.code, finding.detail) == (
        "VFC546",
        f"not determined whether q/unsure loads {given.device}",
    )
