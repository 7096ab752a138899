# SPDX-License-Identifier: Apache-2.0
"""Real migrations of the test driver's types: it answers QEMU as it answers an ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kernel.guest.test_asking import OPTIONS
from tests.migration.guest.migrations import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kernel.guest.conftest import CommandLine
    from tests.kernel.guest.streams import StreamDriver


@pytest.mark.parametrize(
    ("source", "destination", "refusal"),
    [
        ("hisi_zip8", "hisi_zip16", "Bad address"),
        ("qat_1", "qat_more", None),
        ("qat_more", "qat_1", "Invalid argument"),
        ("xe_1", "xe_1", None),
        ("xe_1", "xe_device", "No such device"),
    ],
)
def test_a_migration_ends_as_the_head_said(  # noqa: PLR0917 - a pair, and fixtures
    streams: StreamDriver,
    cli: CommandLine,
    tmp_path: Path,
    source: str,
    destination: str,
    refusal: str | None,
) -> None:
    streams.load()
    one, two = streams.create(source), streams.create(destination, parent=1)

    rates = ("--fact", "rate=10", "--destination-fact", "rate=10")
    stated = rates if source.startswith("qat") else ()
    asked = cli("check", "--stream", "--despite-hazard", *OPTIONS, *stated, one, two)
    ended = migrate(tmp_path, one, two)
    assert ended.completed is (refusal is None), ended
    assert asked.code in ((0, 3) if refusal is None else (1,)), asked
    if refusal is not None:
        assert f"load of migration failed: {refusal}" in ended.said


def test_qemu_does_not_see_what_is_refused_at_the_end(
    streams: StreamDriver, tmp_path: Path
) -> None:
    """The migration completes, and the device starts anew: its state is lost."""
    streams.load()
    one, two = streams.create("qat_fast"), streams.create("qat_1", parent=1)

    ended = migrate(tmp_path, one, two)
    assert ended.completed
    assert "Failed setting device state to RUNNING" in ended.said
    assert "Resetting device: Invalid argument" in ended.said
