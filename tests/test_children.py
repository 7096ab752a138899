# SPDX-License-Identifier: Apache-2.0
"""Children give results and hold nothing, whether they are forked here or for us."""

from __future__ import annotations

import operator
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.conftest import HUNG
from vfiocompat import children, codes
from vfiocompat.children import Followed, aside_all, follow_all
from vfiocompat.diagnostics import both_ends
from vfiocompat.errors import (
    Bug,
    InventoryError,
    NoSuchEndpoint,
    SysfsError,
    VfiocompatError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("_processes")

T = TypeVar("T")


@pytest.fixture(params=["alone", "with threads"], autouse=True)
def way(request: pytest.FixtureRequest) -> str:
    """Hold every child to the same, whoever forks it."""
    if request.param == "with threads":
        request.getfixturevalue("threads")
    return str(request.param)


def aside(task: Callable[[], T], result: type[T]) -> T:
    return aside_all([task], result, "testing")[0]


def raising(error: Exception) -> int:
    raise error


# ---- results and errors --------------------------------------------------------


def test_a_task_runs_in_another_process() -> None:
    assert aside(os.getpid, int) != os.getpid()


def meet(place: Path, number: int) -> bool:
    """Wait for as many as are to be there; one alone waits in vain."""
    (place / str(os.getpid())).touch()
    until = time.monotonic() + HUNG
    while not (met := len(os.listdir(place)) == number) and time.monotonic() < until:
        time.sleep(0.01)
    return met


def test_tasks_run_beside_each_other(tmp_path: Path) -> None:
    tasks = [partial(meet, tmp_path, 5)] * 5

    assert aside_all(tasks, bool, "meeting") == [True] * 5


def test_an_error_of_a_task_is_raised_here() -> None:
    with pytest.raises(SysfsError) as caught:
        aside(no_sysfs, int)

    assert (
        caught.value.summary,
        caught.value.detail,
        caught.value.hint,
        caught.value.code,
        caught.value.exit_code,
        caught.value.spans,
    ) == ("no", "/sys", "try", "VFC505", 4, both_ends("a", "b"))


def no_sysfs() -> int:
    raise SysfsError(
        "no",
        detail="/sys",
        hint="try",
        code=codes.SYSFS_UNREADABLE,
        spans=both_ends("a", "b"),
    )


@pytest.mark.parametrize("kind", [NoSuchEndpoint, SysfsError, InventoryError])
def test_an_error_keeps_its_kind(kind: type[VfiocompatError]) -> None:
    with pytest.raises(kind, match=r"^why$"):
        aside(partial(raising, kind("why")), int)


def test_an_unexpected_error_of_a_task_is_a_bug() -> None:
    with pytest.raises(Bug) as caught:
        aside(partial(raising, ZeroDivisionError("oops")), int)

    assert caught.value.summary.endswith(": ZeroDivisionError: oops")
    assert "Traceback" in (caught.value.detail or "")


def test_a_child_that_dies_is_an_error_that_says_what_it_did() -> None:
    with pytest.raises(VfiocompatError, match="that was testing has died"):
        aside(partial(os._exit, 0), int)


def test_a_large_result_comes_whole() -> None:
    size = 5_000_000
    assert aside(partial(operator.mul, "x", size), str) == "x" * size


# ---- what is left of them ------------------------------------------------------


def counting(then: str) -> Iterator[int]:
    """Tell three numbers, and come to an end or not."""
    yield from (1, 2, 3)
    if then == "raise":
        raise NoSuchEndpoint("it is gone", code=codes.NO_SUCH_ENDPOINT)
    if then == "die":
        os.kill(os.getpid(), 9)
    if then == "hang":
        time.sleep(HUNG)


def follow(*thens: str, timeout: float = 5.0) -> list[Followed[int]]:
    tasks = [partial(counting, then) for then in thens]
    return follow_all(tasks, int, "counting", timeout)


def test_what_a_child_told_is_known_whatever_becomes_of_it(way: str) -> None:
    assert way
    ended, raised, died = follow("end", "raise", "die")
    assert ended == Followed([1, 2, 3], None)
    assert [each.told for each in (raised, died)] == [[1, 2, 3]] * 2
    assert raised.error is not None
    assert raised.error.summary == "it is gone"
    assert died.error is not None
    assert "has died" in died.error.summary


def test_of_children_that_are_silent_all_are_given_up_at_once() -> None:
    start = time.monotonic()
    followed = follow("hang", "end", "hang", "hang", timeout=2)
    assert time.monotonic() - start < 2 * 2
    errors = [each.error and each.error.code for each in followed]
    assert errors == ["VFC112", None, "VFC112", "VFC112"]
    assert {len(each.told) for each in followed} == {3}


def slowly() -> Iterator[int]:
    for number in range(4):
        time.sleep(0.2)
        yield number


def test_a_child_that_goes_on_telling_is_waited_for() -> None:
    [followed] = follow_all([slowly], int, "counting", 0.5)
    assert followed == Followed([0, 1, 2, 3], None)


def chattering() -> Iterator[str]:
    yield from ["x" * 1000] * 50_000


def test_a_child_may_tell_a_lot() -> None:
    start = time.monotonic()
    [followed] = follow_all([chattering], str, "chattering", 5)
    assert time.monotonic() - start < 10  # and not for the square of it
    assert len(followed.told) == 50_000


def surroundings() -> tuple[list[str], str, bool]:
    opened = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
    targets = [os.readlink(each) for each in opened if os.path.lexists(each)]
    pipes = [target for target in targets if target.startswith("pipe:")]
    return pipes, os.getcwd(), os.getsid(0) == os.getpid()


def test_the_child_holds_nothing_of_ours() -> None:
    ours = os.pipe()
    os.set_inheritable(ours[1], True)  # noqa: FBT003 - it has no name
    pipes, folder, own_session = aside(surroundings, tuple[list[str], str, bool])
    for pipe in ours:
        os.close(pipe)

    assert (len(pipes), folder, own_session) == (1, "/", True)


def test_a_child_that_is_held_is_not_waited_for() -> None:
    began = time.monotonic()
    with pytest.raises(VfiocompatError) as caught:
        aside_all([partial(time.sleep, 20)], type(None), "sleeping", 0.2)

    assert caught.value.code == codes.NO_ANSWER_IN_TIME
    assert time.monotonic() - began < 10


def our_children() -> set[str]:
    found = Path("/proc/self/task").glob("*/children")
    return {child for path in found for child in path.read_text().split()}


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_ten_calls_leave_nothing_behind() -> None:
    children_before, descriptors_before = our_children(), descriptors()
    for _ in range(5):
        aside_all([os.getpid] * 2, int, "testing")
        with pytest.raises(Bug):
            aside_all([partial(raising, KeyError()), os.getpid], int, "testing")
    until = time.monotonic() + HUNG
    while not our_children() <= children_before and time.monotonic() < until:
        children._reap()  # noqa: SLF001 - as the next call does
        time.sleep(0.01)

    assert our_children() <= children_before
    assert descriptors() == descriptors_before


def test_the_standard_streams_may_be_closed(way: str, tmp_path: Path) -> None:
    program = (
        "import os, threading\n"
        "from vfiocompat.children import aside_all\n"
        "over = threading.Event()\n"
        f"if {way!r} == 'with threads':\n"
        "    threading.Thread(target=over.wait).start()\n"
        "os.closerange(0, 3)\n"
        "found = aside_all([os.getpid] * 2, int, 'testing')\n"
        "open('said', 'w').write(f'{len(set(found))} processes')\n"
        "over.set()\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)

    assert (tmp_path / "said").read_text() == "2 processes"
