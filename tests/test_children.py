# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, TypeVar

import pytest

from vfiocompat.children import aside_all
from vfiocompat.diagnostics import Code, both_ends
from vfiocompat.errors import Bug, SysfsError, VfiocompatError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def aside(task: Callable[[], T], result: type[T]) -> T:
    return aside_all([task], result)[0]


def test_a_task_runs_in_another_process() -> None:
    assert aside(os.getpid, int) != os.getpid()


def test_tasks_run_beside_each_other() -> None:
    def nap() -> float:
        time.sleep(0.3)
        return time.monotonic()

    began = time.monotonic()
    aside_all([nap] * 5, float)

    assert time.monotonic() - began < 1.2


def test_an_error_of_a_task_is_raised_here() -> None:
    def task() -> int:
        raise SysfsError(
            "no",
            detail="/sys",
            hint="try",
            code=Code.SYSFS_UNREADABLE,
            spans=both_ends("a", "b"),
        )

    with pytest.raises(VfiocompatError) as caught:
        aside(task, int)

    assert (
        caught.value.summary,
        caught.value.detail,
        caught.value.hint,
        caught.value.code,
        caught.value.exit_code,
        caught.value.spans,
    ) == ("no", "/sys", "try", "VFC505", 4, both_ends("a", "b"))


def test_an_unexpected_error_of_a_task_is_a_bug() -> None:
    def task() -> int:
        raise ZeroDivisionError("oops")

    with pytest.raises(Bug) as caught:
        aside(task, int)

    assert caught.value.summary.endswith(": ZeroDivisionError: oops")
    assert "Traceback" in (caught.value.detail or "")


def test_a_child_that_dies_is_an_error() -> None:
    def task() -> int:
        os._exit(0)

    with pytest.raises(VfiocompatError, match="has died"):
        aside(task, int)


def test_the_child_holds_nothing_of_ours() -> None:
    ours = os.pipe()

    def task() -> tuple[list[str], str, bool]:
        opened = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
        targets = [os.readlink(each) for each in opened if os.path.lexists(each)]
        pipes = [target for target in targets if target.startswith("pipe:")]
        return pipes, os.getcwd(), os.getsid(0) == os.getpid()

    pipes, folder, own_session = aside(task, tuple[list[str], str, bool])
    for pipe in ours:
        os.close(pipe)

    assert (len(pipes), folder, own_session) == (1, "/", True)


def test_a_large_result_comes_whole() -> None:
    assert aside(lambda: "x" * 5_000_000, str) == "x" * 5_000_000
