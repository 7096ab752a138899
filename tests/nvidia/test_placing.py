# SPDX-License-Identifier: Apache-2.0
"""Which GPU an endpoint is on, and which vGPU it is."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.nvidia.made import vgpu_metadata
from vfiocompat.endpoints import Endpoint
from vfiocompat.nvidia.gpus import Gpu, Vgpu
from vfiocompat.nvidia.placing import placed

GPU = "0000:41:00.0"
MDEV = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
VM = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
METADATA = vgpu_metadata()
A40 = Gpu(address=GPU, name="NVIDIA A40", ecc="on")


def nvidia(kind: str, address: str, **more: Any) -> Endpoint:  # noqa: ANN401
    fields = {"kind": kind, "address": address, "vendor_id": "0x10de"} | more
    return Endpoint(**fields)


def function(number: int, type_id: str | None = "557") -> Endpoint:
    address = f"0000:41:00.{number}"
    return nvidia("function", address, parent=GPU, type_id=type_id)


def running(**more: Any) -> Vgpu:  # noqa: ANN401
    return Vgpu(**({"gpu": GPU, "metadata": METADATA} | more))


def find(
    endpoints: list[Endpoint],
    vgpus: list[Vgpu] = [],  # noqa: B006 - nobody changes it
    **more: Any,  # noqa: ANN401
) -> list[Endpoint]:
    known = {"physical": {}, "vms": {}, "platform": None} | more
    return placed(endpoints, [A40], vgpus, **known)


def metadata(endpoints: list[Endpoint]) -> list[str | None]:
    return [each.vgpu_metadata or None for each in endpoints]


def test_what_is_on_a_gpu_knows_it_and_its_facts() -> None:
    ends = [
        nvidia("type", f"{GPU}/nvidia-557", parent=GPU),
        nvidia("mdev", MDEV, uuid=MDEV, parent="0000:41:00.4"),
        function(4),
        nvidia("function", "0000:41:00.5/557", parent=GPU, type_id="557"),
        nvidia("function", GPU),
    ]
    found = find(ends, physical={"0000:41:00.4": GPU}, platform="rhel-9.6")

    assert {each.gpu for each in found} == {GPU}
    for each in found:
        told = {"platform": "rhel-9.6", "gpu_name": "NVIDIA A40", "ecc": "on"}
        assert each.facts == told


def test_what_is_not_is_as_it_was() -> None:
    ends = [
        Endpoint(kind="function", address="0000:42:00.0", vendor_id="0x15b3"),
        Endpoint(kind="function", address=GPU, vendor_id="0x15b3"),
    ]
    assert find(ends, platform="rhel-9.6") == ends
    [elsewhere] = find([nvidia("function", "0000:42:00.0")])
    assert elsewhere.gpu is msgspec.UNSET


def test_what_a_file_told_counts() -> None:
    [found] = find([nvidia("function", GPU, facts={"ecc": "off"})])
    assert found.facts == {"ecc": "off", "gpu_name": "NVIDIA A40"}


def test_an_mdev_is_the_vgpu_of_its_uuid() -> None:
    ends = [nvidia("mdev", MDEV, uuid=MDEV), nvidia("mdev", VM, uuid=VM)]
    found = find(ends, [running(mdev=MDEV, type_name="NVIDIA A40-8Q")])

    assert metadata(found) == [METADATA, None]
    assert found[0].facts["guest"] == "5"
    assert found[0].facts["vgpu_type_name"] == "NVIDIA A40-8Q"


def test_of_two_vgpus_of_one_uuid_none_is_meant() -> None:
    twice = [running(mdev=MDEV), running(mdev=MDEV)]
    assert metadata(find([nvidia("mdev", MDEV, uuid=MDEV)], twice)) == [None]


def test_a_function_is_the_vgpu_of_the_vm_that_has_it_open() -> None:
    ends = [function(4), function(5), function(6, None)]
    vgpus = [running(vm=VM, type_id="557")]
    found = find(ends, vgpus, vms={"0000:41:00.4": VM, "0000:41:00.6": VM})

    assert metadata(found) == [METADATA, None, None]


def test_a_vm_with_two_types_has_a_vgpu_of_each() -> None:
    vms = {"0000:41:00.4": VM, "0000:41:00.5": VM}
    other = vgpu_metadata(guest=7)
    vgpus = [
        running(vm=VM, type_id="558", metadata=other),
        running(vm=VM, type_id="557"),
    ]

    found = find([function(4), function(5, "558")], vgpus, vms=vms)
    assert metadata(found) == [METADATA, other]


def test_which_of_several_alike_a_function_is_nobody_knows() -> None:
    vms = {"0000:41:00.4": VM, "0000:41:00.5": VM}
    one, two = [running(vm=VM, type_id="557")], [running(vm=VM, type_id="557")] * 2

    assert metadata(find([function(4), function(5)], one, vms=vms)) == [None, None]
    assert metadata(find([function(4), function(5)], two, vms=vms)) == [None, None]
    assert metadata(find([function(4)], two, vms=vms)) == [None]


def test_another_gpus_vgpu_is_none_of_a_function() -> None:
    elsewhere = [running(gpu="0000:42:00.0", vm=VM, type_id="557")]
    found = find([function(4)], elsewhere, vms={"0000:41:00.4": VM})
    assert metadata(found) == [None]


def test_a_vgpu_whose_type_or_vm_is_not_told_is_none() -> None:
    for vgpu in (running(vm=VM), running(type_id="557")):
        assert metadata(find([function(4)], [vgpu], vms={"0000:41:00.4": VM})) == [None]
