# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vfiocompat.endpoints import literal
from vfiocompat.errors import InvalidVersion


def test_a_literal_is_checked_when_it_becomes_an_endpoint() -> None:
    assert literal("8086-x\n").version == "8086-x"
    with pytest.raises(InvalidVersion):
        literal("")
