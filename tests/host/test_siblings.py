# SPDX-License-Identifier: Apache-2.0
"""What other functions of a device tell of one: live, and in an inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from vfiocompat.host.sysfs.endpoints import read_nodes
from vfiocompat.host.sysfs.nodes import Node
from vfiocompat.host.sysfs.tree import Tree
from vfiocompat.nvidia.vgpus import completed

if TYPE_CHECKING:
    from pathlib import Path

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.sysfs import Ask

BUS = "/sys/devices/pci0000:40/0000:40:01.0"
GPU = f"{BUS}/0000:41:00.0"
HEADING = "ID : vGPU Name\n"


def physical(root: Path, *virtual: str) -> None:
    """Make the physical function of virtual ones, which it links in their order."""
    folder = root / GPU[1:]
    folder.mkdir(parents=True)
    for number, name in enumerate(virtual):
        (folder / f"virtfn{number}").symlink_to(f"../{name}")


def function(root: Path, name: str, driver: str, vendor: str) -> Path:
    """Make a virtual function."""
    folder = root / BUS[1:] / name
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(f"{vendor}\n")
    (folder / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")
    (folder / "physfn").symlink_to("../0000:41:00.0")
    return folder


def nvidia(root: Path, name: str, listed: str, current: int = 0) -> None:
    """Make a function of NVIDIA's framework."""
    folder = function(root, name, "nvidia", "0x10de") / "nvidia"
    folder.mkdir()
    (folder / "creatable_vgpu_types").write_text(HEADING + listed)
    (folder / "current_vgpu_type").write_text(f"{current}\n")


def read(root: Path, *names: str, nvidia: bool, ask: Ask = "all") -> list[Endpoint]:
    nodes = [
        Node(
            kind="function", path=f"{BUS}/{name}", device=f"{BUS}/{name}", nvidia=nvidia
        )
        for name in names
    ]
    return list(read_nodes(Tree(str(root), 5.0), nodes, ask=ask).endpoints())


@pytest.mark.parametrize("ask", ["all", "vgpu-types"])
def test_the_type_of_a_function_in_use_has_the_name_that_another_lists(
    tmp_path: Path, ask: Ask
) -> None:
    physical(tmp_path, "0000:41:00.4", "0000:41:00.5", "0000:41:00.6")
    nvidia(tmp_path, "0000:41:00.4", "", current=1148)
    nvidia(tmp_path, "0000:41:00.5", "1147 : NVIDIA L40S-1Q\n")
    nvidia(tmp_path, "0000:41:00.6", "1148 : NVIDIA L40S-2Q\n")

    [one] = read(tmp_path, "0000:41:00.4", nvidia=True, ask=ask)

    assert one.facts["vgpu_type_name"] == "NVIDIA L40S-2Q"
    assert (one.facts["framework"], one.parent) == ("vendor", "0000:41:00.0")


def test_all_of_a_host_are_read_once_and_tell_each_other(tmp_path: Path) -> None:
    physical(tmp_path, "0000:41:00.4", "0000:41:00.5")
    nvidia(tmp_path, "0000:41:00.4", "", current=1148)
    nvidia(tmp_path, "0000:41:00.5", "1148 : NVIDIA L40S-2Q\n", current=1147)

    one, other = read(tmp_path, "0000:41:00.4", "0000:41:00.5", nvidia=True)

    assert one.facts["vgpu_type_name"] == "NVIDIA L40S-2Q"
    assert "vgpu_type_name" not in other.facts


def test_a_full_gpu_tells_no_name(tmp_path: Path) -> None:
    physical(tmp_path, "0000:41:00.4", "0000:41:00.5", "0000:41:00.9")
    nvidia(tmp_path, "0000:41:00.4", "", current=1148)
    nvidia(tmp_path, "0000:41:00.5", "", current=1148)

    [one] = read(tmp_path, "0000:41:00.4", nvidia=True)

    assert "vgpu_type_name" not in one.facts
    assert one.facts["vgpu_type"] == "1148"


def test_a_function_of_another_gpu_says_nothing(tmp_path: Path) -> None:
    physical(tmp_path, "0000:41:00.4")
    nvidia(tmp_path, "0000:41:00.4", "", current=1148)
    nvidia(tmp_path, "0000:41:00.5", "1148 : NVIDIA X-2Q\n")
    other = tmp_path / BUS[1:] / "0000:41:00.5/physfn"
    other.unlink()
    other.symlink_to("../0000:42:00.0")

    one, _ = read(tmp_path, "0000:41:00.4", "0000:41:00.5", nvidia=True)

    assert "vgpu_type_name" not in one.facts


def test_the_quota_of_a_function_of_xe_is_its_own(tmp_path: Path) -> None:
    physical(tmp_path, "0000:41:00.1", "0000:41:00.2")
    for number, name in enumerate(("0000:41:00.1", "0000:41:00.2"), start=1):
        function(tmp_path, name, "xe-vfio-pci", "0x8086")
        profile = tmp_path / GPU[1:] / f"sriov_admin/vf{number}/profile"
        profile.mkdir(parents=True)
        (profile / "vram_quota").write_text(f"{number << 30}\n")

    found = read(tmp_path, "0000:41:00.2", "0000:41:00.1", nvidia=False)

    assert [each.facts["vram_quota"] for each in found] == ["2147483648", "1073741824"]


@pytest.mark.parametrize("driver", ["xe-vfio-pci", "vfio-pci"])
def test_no_quota_is_known_where_the_kernel_has_none(
    tmp_path: Path, driver: str
) -> None:
    physical(tmp_path, "0000:41:00.1")
    function(tmp_path, "0000:41:00.1", driver, "0x8086")

    [one] = read(tmp_path, "0000:41:00.1", nvidia=False)

    assert "vram_quota" not in one.facts


def test_the_parent_of_a_virtual_function_is_the_physical_one(tmp_path: Path) -> None:
    function(tmp_path, "0000:41:00.1", "mlx5_vfio_pci", "0x15b3")
    (function(tmp_path, "0000:42:00.0", "vfio-pci", "0x15b3") / "physfn").unlink()

    virtual, other = read(tmp_path, "0000:41:00.1", "0000:42:00.0", nvidia=False)

    assert virtual.parent == "0000:41:00.0"
    assert other.parent is None


# ---- inventories -----------------------------------------------------------------


def recorded(root: Path, *more: str) -> list[Endpoint]:
    """Give endpoints as a scan recorded them that knew of no siblings."""
    physical(root, "0000:41:00.4", "0000:41:00.5")
    nvidia(root, "0000:41:00.4", "", current=1148)
    nvidia(root, "0000:41:00.5", "1148 : NVIDIA L40S-2Q\n", current=1148)
    return [
        msgspec.structs.replace(
            each,
            facts={
                name: text
                for name, text in each.facts.items()
                if name not in {"framework", *more}
            },
        )
        for each in read(root, "0000:41:00.4", "0000:41:00.5", nvidia=True)
    ]


def test_an_inventory_is_completed_by_its_own_functions(tmp_path: Path) -> None:
    one, other = recorded(tmp_path)
    bare = msgspec.structs.replace(
        one, facts={name: one.facts[name] for name in ("vendor_id", "vgpu_type")}
    )

    first, second = completed([bare, other])

    assert first.facts["vgpu_type_name"] == "NVIDIA L40S-2Q"
    assert {first.facts["framework"], second.facts["framework"]} == {"vendor"}


def test_two_names_for_one_type_are_none(tmp_path: Path) -> None:
    one, other = recorded(tmp_path)
    bare = msgspec.structs.replace(one, facts={"vgpu_type": "1148"})
    liar = msgspec.structs.replace(
        other, facts=other.facts | {"vgpu_type_name": "NVIDIA L40S-8Q"}
    )

    [first, *_] = completed([bare, other, liar])

    assert "vgpu_type_name" not in first.facts


def test_what_is_not_of_nvidia_stays_as_it_is(tmp_path: Path) -> None:
    physical(tmp_path, "0000:41:00.1")
    function(tmp_path, "0000:41:00.1", "vfio-pci", "0x8086")
    endpoints = read(tmp_path, "0000:41:00.1", nvidia=False)

    assert completed(endpoints) is endpoints
