# SPDX-License-Identifier: Apache-2.0
"""The recorded answers are still the kernel's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.kernel import operations

if TYPE_CHECKING:
    from tests.kernel.guest.conftest import Driver


def test_kernel_gives_the_recorded_answers(driver: Driver) -> None:
    """After a change of the driver or the operations: tests/kernel/run --update."""
    driver.load()
    recorded = json.loads(operations.GOLDEN.read_text(encoding="utf-8"))
    assert operations.run("/sys") == recorded
