# SPDX-License-Identifier: Apache-2.0
"""What a host's kernel has of VFIO, as its files tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfiocompat.host.sysfs import Host
from vfiocompat.host.sysfs.kernel import Debugfs, Kernel, kernel_of
from vfiocompat.host.sysfs.tree import Tree

if TYPE_CHECKING:
    from pathlib import Path

DEBUG = "sys/kernel/debug"


def looked_at(root: Path) -> Kernel:
    return kernel_of(Tree(str(root), 5.0))


def made(root: Path, *folders: str) -> Path:
    for folder in ("sys", *folders):
        (root / folder).mkdir(parents=True, exist_ok=True)
    return root


def test_modules_are_told_by_their_folders_or_by_what_there_is_only_with_them(
    tmp_path: Path,
) -> None:
    made(tmp_path, *(f"sys/module/{name}" for name in ("vfio_pci", "kvm")))
    assert looked_at(tmp_path).modules == ("vfio_pci",)

    made(tmp_path, "sys/class/vfio-dev", "sys/bus/mdev")
    assert looked_at(tmp_path).modules == ("mdev", "vfio", "vfio_pci")


def test_without_their_folder_modules_are_not_known(tmp_path: Path) -> None:
    assert looked_at(made(tmp_path, "sys/bus/mdev")).modules is None


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ([], "absent"),
        ([DEBUG], "unmounted"),
        ([f"{DEBUG}/block"], "silent"),
        ([f"{DEBUG}/vfio/0000:03:00.1"], "told"),
        ([f"{DEBUG}/vfio"], "told"),
    ],
)
def test_debugfs(tmp_path: Path, folders: list[str], expected: str) -> None:
    assert looked_at(made(tmp_path, *folders)).debugfs.state == expected


@pytest.mark.parametrize("name", [DEBUG, f"{DEBUG}/vfio"])
def test_debugfs_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    file = made(tmp_path, "sys/kernel") / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("no folder")
    assert looked_at(tmp_path).debugfs == Debugfs("unreadable", "ENOTDIR")


def test_processes_are_all_seen_from_the_first_namespace_only(tmp_path: Path) -> None:
    assert not looked_at(made(tmp_path, "proc/1/ns")).sees_all
    link = tmp_path / "proc/1/ns/pid"
    link.symlink_to("pid:[4026532000]")
    assert not looked_at(tmp_path).sees_all
    link.unlink()
    link.symlink_to("pid:[4026531836]")
    assert looked_at(tmp_path).sees_all


@pytest.mark.usefixtures("_processes")
def test_a_host_is_asked_in_children(tmp_path: Path) -> None:
    made(tmp_path, "proc/sys/kernel", "sys/module/vfio")
    (tmp_path / "proc/sys/kernel/osrelease").write_text("6.1.0-18-amd64\n")
    host = Host(str(tmp_path))

    assert host.kernel().release == "6.1.0-18-amd64"
    assert host.kernel().modules == ("vfio",)
    assert host.is_writable()
