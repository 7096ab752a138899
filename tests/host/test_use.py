# SPDX-License-Identifier: Apache-2.0
"""Whether somebody uses a device, as open files tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfiocompat.endpoints import Endpoint
from vfiocompat.host.sysfs.tree import Tree
from vfiocompat.host.sysfs.use import Used, used_devices, with_use

if TYPE_CHECKING:
    from pathlib import Path

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
SOME = Used(frozenset({UUID}), complete=False)
ALL = Used(frozenset({UUID}), complete=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a host on which a process has a group open, and one a device's own node."""
    for number, node in (
        (1, "/dev/null"),
        (9, "/dev/vfio/7"),
        (10, "/vfio/devices/vfio0"),
    ):
        (tmp_path / f"proc/{number}/fd").mkdir(parents=True)
        (tmp_path / f"proc/{number}/fd/3").symlink_to(node)
    (tmp_path / "proc/1/ns").mkdir()
    (tmp_path / "proc/1/ns/pid").symlink_to("pid:[4026531836]")
    devices = tmp_path / "sys/kernel/iommu_groups/7/devices"
    devices.mkdir(parents=True)
    (devices / UUID).symlink_to("../../../../devices/x")
    (devices / "0000:03:00.1").symlink_to("../../../../devices/y")
    own = tmp_path / "sys/class/vfio-dev/vfio0"
    own.mkdir(parents=True)
    (own / "device").symlink_to("../../../0000:03:00.4")
    return tmp_path


def test_all_devices_of_a_group_are_used(root: Path) -> None:
    used = used_devices(Tree(str(root), 5.0))

    names = frozenset({"0000:03:00.1", "0000:03:00.4", UUID})
    assert used == Used(names, complete=True)


def test_what_cannot_be_looked_up_leaves_it_open(root: Path) -> None:
    (root / "sys/class/vfio-dev/vfio0/device").unlink()
    assert not used_devices(Tree(str(root), 5.0)).complete


@pytest.mark.parametrize(
    ("address", "used", "expected"),
    [(UUID, SOME, True), (UUID, ALL, True), ("x", ALL, False), ("x", SOME, None)],
)
def test_a_device_that_is_not_used_is_told_only_if_all_were_seen(
    address: str, used: Used, expected: object
) -> None:
    found = with_use(Endpoint(kind="mdev", address=address), used)

    assert found.in_use is expected
    assert found.available_instances is None


def test_a_type_is_no_device() -> None:
    of_mdev = Endpoint(kind="type", address="p/t")
    of_function = Endpoint(kind="function", address="0000:03:00.4/1414", type_id="1414")
    for endpoint in (of_mdev, of_function):
        assert with_use(endpoint, ALL) == endpoint


def test_a_function_that_has_its_vgpu_type_is_an_instance_of_it() -> None:
    function = Endpoint(
        kind="function",
        address="0000:03:00.4",
        type_id="1414",
        in_use=True,
        available_instances=0,
    )
    free = with_use(function, ALL)
    assert (free.in_use, free.available_instances) == (False, 1)
    assert with_use(function, SOME) == function
    used = with_use(function, Used(frozenset({"0000:03:00.4"}), complete=False))
    assert (used.in_use, used.available_instances) == (True, 0)
