# SPDX-License-Identifier: Apache-2.0
"""A host whose GPUs NVIDIA's library tells of, and what a scan records of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.nvml.fake import gpu, mdev_of, vgpu, vm_of
from tests.nvml.hosts import GPU, OTHER, OTHER_GPU, VIRTUAL, make_host, tell_boards
from vfiocompat.addresses import FunctionAddress, parse_address
from vfiocompat.host.sysfs import Host
from vfiocompat.host.sysfs.tree import Tree
from vfiocompat.host.sysfs.use import used_devices
from vfiocompat.inventory import Inventory, parse_inventory
from vfiocompat.output.list import ListDocument

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run, RunOnTerminal
    from tests.nvml.fake import Fake
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.sysfs import Ask

pytestmark = pytest.mark.usefixtures("_processes")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_host(tmp_path / "root")


SPEC = gpu(0x41) + vgpu(1) + gpu(0x42) + vgpu(2, "mdev", "type 558")


@pytest.fixture
def library(nvidia: Fake, monkeypatch: pytest.MonkeyPatch) -> str:
    path = nvidia(SPEC)
    monkeypatch.setenv("VFIOCOMPAT_NVML", path)
    return path


def test_the_vm_that_has_a_function_open_is_known(root: Path) -> None:
    tree = Tree(str(root), 5.0)
    assert used_devices(tree).vms == {OTHER: vm_of(2)}


@pytest.mark.usefixtures("library")
def test_every_endpoint_has_what_is_told_of_its_gpu(root: Path) -> None:
    found = Host(str(root)).survey()

    assert found.problems == []
    assert [each.address for each in found.gpus or ()] == [GPU, OTHER_GPU]
    by_address = {each.address: each for each in found.endpoints}
    of_type, mdev = by_address[f"{VIRTUAL}/nvidia-557"], by_address[mdev_of(1)]
    function = by_address[OTHER]
    assert [each.gpu for each in (of_type, mdev, function)] == [
        GPU,
        GPU,
        "0000:42:00.0",
    ]
    assert [bool(each.vgpu_metadata) for each in (of_type, mdev, function)] == [
        False,
        True,
        True,
    ]
    for each in (of_type, mdev, function):
        assert each.facts["platform"] == "rhel-9.6"
        assert each.facts["manager"] == "580.65.06"
        assert (each.facts["ecc"], each.facts["range"]) == ("on", "3..7")
    assert (mdev.facts["guest"], function.facts["guest"]) == ("5", "5")
    assert function.facts["vgpu_type_name"] == "NVIDIA A40-16Q"


def read(root: Path, *texts: str) -> list[Endpoint]:
    """Read endpoints by their addresses, as commands do that are given some."""
    addresses = [parse_address(text) for text in texts]
    found = Host(str(root)).read(addresses, ask="all")  # type: ignore[arg-type]
    return [each.there() for each in found]


@pytest.mark.usefixtures("library")
def test_what_is_read_by_its_address_is_what_a_survey_finds(root: Path) -> None:
    surveyed = Host(str(root)).survey()
    by_address = {each.address: each for each in surveyed.to_decide()}
    found = read(root, *by_address)

    assert [each.facts for each in found] == [
        each.facts for each in by_address.values()
    ]
    for name in ("gpu", "vgpu_metadata", "gpu_metadata"):
        told = [getattr(each, name) for each in found]
        assert told == [getattr(each, name) for each in by_address.values()]
    assert all(each.gpu_metadata for each in found)


@pytest.mark.usefixtures("library")
def test_no_document_has_a_gpus_metadata_but_once(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
    for line in (f"get --derive --format json {OTHER}", "scan", "list --format json"):
        endpoints = run(line).json["endpoints"]
        assert endpoints
        assert not any("gpu_metadata" in each for each in endpoints)


@pytest.fixture
def two_alike(root: Path) -> str:
    """Give the VM that has a function another one, of the same type and GPU."""
    devices = root / "sys/devices/pci0000:40"
    second = "0000:42:00.5"
    shutil.copytree(devices / OTHER, devices / second, symlinks=True)
    link = root / "sys/bus/pci/devices" / second
    link.symlink_to(f"../../../devices/pci0000:40/{second}")
    group = root / "sys/kernel/iommu_groups/9/devices" / second
    group.symlink_to(f"../../../../devices/pci0000:40/{second}")
    return second


@pytest.mark.usefixtures("library")
def test_which_of_two_functions_of_a_vm_a_vgpu_is_nobody_knows(
    root: Path, two_alike: str
) -> None:
    surveyed = {each.address: each for each in Host(str(root)).survey().endpoints}
    [alone] = read(root, OTHER)

    for each in (surveyed[OTHER], surveyed[two_alike], alone):
        assert each.gpu == OTHER_GPU
        assert not each.vgpu_metadata


@pytest.mark.usefixtures("library")
def test_another_device_of_the_vm_is_no_other_vgpu(root: Path, two_alike: str) -> None:
    (root / f"sys/devices/pci0000:40/{two_alike}/vendor").write_text("0x15b3\n")
    [alone] = read(root, OTHER)

    assert alone.vgpu_metadata


@pytest.mark.parametrize("ask", ["all", "vgpu-types", "nothing"])
def test_where_no_driver_is_asked_nvidias_library_is_not(
    root: Path, nvidia: Fake, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_NVML", nvidia(SPEC))
    [found] = Host(str(root)).read([FunctionAddress(OTHER)], ask=ask)

    assert bool(found.there().gpu) is (ask != "nothing")


def test_a_gpu_that_is_lost_is_a_problem_and_the_other_one_is_read(
    root: Path, nvidia: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = gpu(0x41, "lost 3") + vgpu(1) + gpu(0x42) + vgpu(2, "mdev", "type 558")
    monkeypatch.setenv("VFIOCOMPAT_NVML", nvidia(lost))
    host = Host(str(root))
    addresses = [parse_address(text) for text in (mdev_of(1), OTHER)]
    gone, other = host.read(addresses, ask="all")  # type: ignore[arg-type]

    assert [(each.path, each.errno) for each in host.problems] == [(GPU, "GPU_IS_LOST")]
    assert not gone.there().vgpu_metadata
    assert other.there().vgpu_metadata


@pytest.mark.usefixtures("library")
def test_a_string_of_one_endpoint_leaves_nothing_open(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_boards(root)
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))

    for address in (mdev_of(1), OTHER):
        string = run(f"get --derive {address}").stdout
        assert string.startswith("10de-vgpu:type=A40-")
        assert "?" not in string


def test_without_a_library_only_the_platform_is_told(root: Path) -> None:
    found = Host(str(root)).survey()

    assert found.gpus is None
    assert found.problems == []
    assert {each.facts.get("platform") for each in found.endpoints} == {"rhel-9.6"}
    assert not any(each.gpu or each.vgpu_metadata for each in found.endpoints)


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("error nvmlInitWithFlags 9", []),
        ("error nvmlInitWithFlags 4", ["VFC178"]),
        ("crash nvmlInitWithFlags", ["VFC186"]),
        ("hang nvmlInitWithFlags", ["VFC112"]),
    ],
)
def test_a_library_that_cannot_be_used_changes_nothing_else(
    root: Path,
    nvidia: Fake,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    codes: list[str],
) -> None:
    without = Host(str(root)).survey()
    monkeypatch.setenv("VFIOCOMPAT_NVML", nvidia(f"{fault}\n{SPEC}"))
    found = Host(str(root), 1.0).survey()

    assert found.endpoints == without.endpoints
    assert found.gpus is None
    assert [each.code for each in found.problems] == codes


@pytest.mark.usefixtures("library")
def test_a_scan_records_gpus_and_metadata_and_reads_them_again(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
    result = run("scan --host node-a")
    document = result.document(Inventory)

    assert [each["address"] for each in result.json["gpus"]] == [GPU, OTHER_GPU]
    assert set(result.json["gpus"][0]) == {
        *("address", "name", "memory", "driver_version", "ecc", "range", "metadata")
    }
    assert parse_inventory(result.stdout.encode(), "a.json").gpus == document.gpus
    [mdev] = [each for each in result.json["endpoints"] if each["kind"] == "mdev"]
    assert mdev["gpu"] == GPU
    assert mdev["vgpu_metadata"]


@pytest.mark.usefixtures("library")
def test_nothing_has_to_be_stated_on_such_a_host(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_boards(root)
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
    lines = run("get --derive").stdout.splitlines()

    strings = dict(line.split("\t") for line in lines)
    assert "?" not in strings[mdev_of(1)] + strings[OTHER]


@pytest.mark.usefixtures("library")
def test_list_tells_of_gpus(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
    document = run("list --format json").document(ListDocument)

    assert [each.address for each in document.gpus or ()] == [GPU, OTHER_GPU]


@pytest.mark.usefixtures("library")
def test_a_person_sees_gpus_and_what_is_on_them(
    root: Path, run_on_terminal: RunOnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = root / f"sys/devices/pci0000:40/{VIRTUAL}/mdev_supported_types"
    (types / "nvidia-557/available_instances").write_text("3\n")
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
    lines = run_on_terminal("list").colorless.splitlines()

    first = lines.index(f"{GPU}   NVIDIA A40   ECC on   mdevs")
    assert lines[first + 1 : first + 3] == [
        "  in use              1 NVIDIA A40-8Q",
        "  can still be made   3 NVIDIA A40-8Q",
    ]
    second = f"{OTHER_GPU}   NVIDIA A40   ECC on   vendor-specific framework"
    at = lines.index(second)
    assert lines[at + 1] == "  in use              1 NVIDIA A40-16Q"

    more = run_on_terminal("list -v", columns=200).colorless
    assert "46068 MiB   driver 580.65.06   vGPU versions 3..7" in more


def test_a_person_sees_frameworks_without_a_library(
    root: Path, run_on_terminal: RunOnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
    lines = run_on_terminal("list").colorless.splitlines()

    assert f"{VIRTUAL}   mdevs" in lines
    assert f"{OTHER_GPU}   vendor-specific framework" in lines
