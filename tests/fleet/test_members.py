# SPDX-License-Identifier: Apache-2.0
"""Whether there is an instance to be had of an endpoint."""

from __future__ import annotations

import pytest

from vfiocompat.endpoints import Endpoint
from vfiocompat.fleet.members import Member

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"


@pytest.mark.parametrize("free", [None, 0, 3])
@pytest.mark.parametrize(
    ("in_use", "room"), [(True, False), (False, True), (None, None)]
)
@pytest.mark.parametrize(
    ("kind", "address", "type_id"),
    [
        ("mdev", UUID, "t"),
        ("function", "0000:03:00.1", None),
        ("function", "0000:03:00.1", "557"),
    ],
)
def test_what_is_there_has_room_if_nobody_has_it(
    kind: str,
    address: str,
    type_id: str | None,
    free: int | None,
    *,
    in_use: bool | None,
    room: bool | None,
) -> None:
    end = Endpoint(
        kind=kind,  # type: ignore[arg-type]
        address=address,
        type_id=type_id,
        in_use=in_use,
        available_instances=free,
    )
    assert Member.of(end).has_room is room


@pytest.mark.parametrize(
    ("kind", "in_use", "free", "room"),
    [
        ("type", None, 1, True),
        ("type", None, 0, False),
        ("type", None, None, None),
        ("function", False, 1, True),
        ("function", False, 0, False),
        ("function", True, 1, False),
        ("function", True, None, False),
        ("function", None, None, None),
    ],
)
def test_what_can_be_made_has_room_while_there_is_some(
    kind: str, *, in_use: bool | None, free: int | None, room: bool | None
) -> None:
    end = Endpoint(
        kind=kind,  # type: ignore[arg-type]
        address="0000:03:00.1/557",
        type_id="557",
        in_use=in_use,
        available_instances=free,
    )
    assert Member.of(end).has_room is room
