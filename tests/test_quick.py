# SPDX-License-Identifier: Apache-2.0
"""What is quick, and what is pure, starts no process, and so mounts nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tests.test_layers import PURE

if TYPE_CHECKING:
    from collections.abc import Callable


TESTS = Path(__file__).parent


def is_quick(item: pytest.Item) -> bool:
    return item.get_closest_marker("quick") is not None


def test_what_does_not_say_that_it_starts_processes_is_quick(
    request: pytest.FixtureRequest,
) -> None:
    assert is_quick(request.node)


@pytest.mark.parametrize(
    "start", [os.fork, lambda: subprocess.run("true", check=True)], ids=["fork", "run"]
)
def test_and_it_cannot_start_any(start: Callable[[], object]) -> None:
    with pytest.raises(pytest.fail.Exception, match="_processes"):
        start()


@pytest.mark.usefixtures("host")
def test_a_simulation_is_not_quick(request: pytest.FixtureRequest) -> None:
    assert not is_quick(request.node)


def test_what_is_pure_is_tested_without_a_process(
    request: pytest.FixtureRequest,
) -> None:
    places = [TESTS / name for name in PURE]
    pure = [place.with_name(f"test_{place.name}.py") for place in places]
    starting = [
        item.nodeid
        for item in request.session.items
        if item.path in pure
        and "_processes" in cast("pytest.Function", item).fixturenames
    ]

    assert starting == []
