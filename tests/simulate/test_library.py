# SPDX-License-Identifier: Apache-2.0
"""The library of simulated GPUs is compiled, or it is said why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfiocompat.errors import SimulationError
from vfiocompat.simulate.library import library

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("_processes")


def test_it_is_one_that_can_be_loaded() -> None:
    assert library().startswith(b"\x7fELF")


@pytest.mark.parametrize(
    ("compiler", "why", "detail"),
    [
        ("/no/such", "cannot run /no/such: No such file or directory", None),
        ("sh -c 'echo no stdio.h >&2; exit 1'", "sh cannot compile", "no stdio.h"),
    ],
)
def test_it_is_said_why_not(
    monkeypatch: pytest.MonkeyPatch, compiler: str, why: str, detail: str | None
) -> None:
    monkeypatch.setenv("CC", compiler)
    with pytest.raises(SimulationError) as caught:
        library()
    assert why in caught.value.summary
    assert caught.value.detail == detail
    assert "apt install gcc" in (caught.value.hint or "")


def test_nothing_is_left_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    library()
    assert list(tmp_path.iterdir()) == []
