# SPDX-License-Identifier: Apache-2.0
"""What an open device says of itself."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from vfiocompat.endpoints import MigrationInterface
from vfiocompat.host import opening
from vfiocompat.host.opening import Opened, look_at

if TYPE_CHECKING:
    from vfiocompat.endpoints import Flag

DEVICE = 99


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let devices answer, and tell which have begun to copy."""
    begun: list[str] = []

    def initial(device: int, name: str) -> int:
        assert device == DEVICE
        begun.append(name)
        return 24

    monkeypatch.setattr(opening, "state_of", lambda _: "RUNNING")
    monkeypatch.setattr(opening, "data_size", lambda _: 60)
    monkeypatch.setattr(opening, "initial_bytes", initial)
    return begun


def has(
    monkeypatch: pytest.MonkeyPatch, *flags: Flag, version: str = "v2"
) -> MigrationInterface:
    found = MigrationInterface(version, flags or None, "open")  # type: ignore[arg-type]
    monkeypatch.setattr(opening, "interface_of", lambda _: found)
    return found


def test_it_only_asks_unless_it_is_to_copy(
    copied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = has(monkeypatch, "STOP_COPY", "PRE_COPY")
    assert look_at(DEVICE, "a", copying=False) == Opened(found, "RUNNING", 60)
    assert copied == []
    assert look_at(DEVICE, "a", copying=True) == Opened(found, "RUNNING", 60, 24)
    assert copied == ["a"]


def test_who_has_no_pre_copy_does_not_begin(
    copied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = has(monkeypatch, "STOP_COPY")
    assert look_at(DEVICE, "a", copying=True) == Opened(found, "RUNNING", 60)
    first = has(monkeypatch, version="v1")
    assert look_at(DEVICE, "a", copying=True) == Opened(first)
    assert copied == []


@pytest.mark.usefixtures("copied")
def test_a_state_that_is_not_told_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: int) -> None:
        raise OSError(errno.EINVAL, "")

    monkeypatch.setattr(opening, "state_of", silent)
    found = has(monkeypatch, "STOP_COPY")
    assert look_at(DEVICE, "a", copying=False) == Opened(found, None, 60)
