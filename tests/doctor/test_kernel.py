# SPDX-License-Identifier: Apache-2.0
"""What a kernel tells, and what it keeps from us."""

from __future__ import annotations

import pytest

from vfiocompat.doctor import kernel
from vfiocompat.host.sysfs.kernel import Debugfs, Kernel

LOADED = ("vfio", "vfio_pci")


def made(
    release: str | None = "6.18.1",
    debugfs: str = "told",
    *,
    errno: str | None = None,
    modules: tuple[str, ...] | None = LOADED,
    sees_all: bool = True,
) -> Kernel:
    return Kernel(release, modules, Debugfs(debugfs, errno), sees_all)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("release", "outcome"),
    [
        ("6.1.0-18-amd64", "pass"),
        ("5.18.0", "pass"),
        ("5.17.3", "warning"),
        ("5.4.0-150-generic", "warning"),
        ("4.18", "warning"),
        ("strange", "pass"),
        (None, "skipped"),
    ],
)
def test_a_kernel_without_the_second_interface_is_told(
    release: str | None, outcome: str
) -> None:
    assert kernel.release(made(release)).outcome == outcome


@pytest.mark.parametrize(
    ("modules", "outcome", "codes"),
    [
        (LOADED, "pass", ()),
        ((), "warning", ("VFC581",)),
        (("mdev",), "warning", ("VFC581",)),
        (None, "skipped", ()),
    ],
)
def test_vfio_has_to_be_loaded(
    modules: tuple[str, ...] | None, outcome: str, codes: tuple[str, ...]
) -> None:
    found = kernel.modules(made(modules=modules))
    assert (found.outcome, found.codes) == (outcome, codes)


@pytest.mark.parametrize(
    ("release", "state", "codes", "says"),
    [
        ("6.18.1", "told", (), "debugfs tells of migration interfaces"),
        ("6.17.9", "told", ("VFC582",), "not what it can do (Linux 6.18)"),
        ("6.8.0", "silent", ("VFC583",), "the kernel lacks CONFIG_VFIO_DEBUGFS"),
        ("6.1.0", "silent", ("VFC582",), "from 6.8 on"),
        (None, "silent", ("VFC583",), "the kernel lacks"),
        ("6.18.1", "unmounted", ("VFC583",), "is not mounted"),
        ("6.18.1", "unreadable", ("VFC583",), "cannot be read (EACCES)"),
        ("6.18.1", "absent", ("VFC583",), "there is no debugfs"),
    ],
)
def test_debugfs_that_does_not_tell_is_told_with_the_reason(
    release: str | None, state: str, codes: tuple[str, ...], says: str
) -> None:
    errno = "EACCES" if state == "unreadable" else None
    found = kernel.debugfs(made(release, state, errno=errno))

    assert found.codes == codes
    assert says in found.summary
    assert (found.outcome == "pass") == (not codes) == (found.hint is None)


def test_debugfs_has_nothing_of_a_module_that_is_not_loaded() -> None:
    assert kernel.debugfs(made(debugfs="silent", modules=())).outcome == "skipped"
    assert kernel.debugfs(made(debugfs="silent", modules=None)).outcome == "warning"
    assert kernel.debugfs(made(debugfs="unmounted", modules=())).outcome == "warning"


def test_what_does_not_answer_is_told_as_that() -> None:
    found = kernel.debugfs(made(debugfs="unreadable"))
    assert "cannot be read (no answer in time)" in found.summary


def test_who_is_not_root_is_told_what_that_costs() -> None:
    assert kernel.user(0).outcome == "pass"
    found = kernel.user(1000)
    assert (found.outcome, found.codes) == ("warning", ("VFC580",))
    assert "debugfs" in (found.detail or "")


def test_processes_that_are_hidden_are_told() -> None:
    assert kernel.processes(made()).outcome == "pass"
    assert kernel.processes(made(sees_all=False)).codes == ("VFC585",)


@pytest.mark.parametrize(
    ("release", "none"), [("5.17.1", True), ("5.18", False), (None, False)]
)
def test_streams_came_with_a_release(release: str | None, *, none: bool) -> None:
    found = kernel.without_streams(made(release))
    assert (found is not None) == none
