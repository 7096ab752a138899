# SPDX-License-Identifier: Apache-2.0
"""What tests of VMs share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.vm.virsh import XML, Virsh

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def virsh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Virsh:
    """Have a virsh that knows one domain."""
    found = Virsh(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    found.gives(XML)
    return found
