# SPDX-License-Identifier: Apache-2.0
"""Inventories for tests: hosts of Acme NPUs, QuickAssist and HiSilicon accelerators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.decision.gpus import gpu_question
from vfiocompat.decision.streams import head_question
from vfiocompat.endpoints import Attribute, Endpoint, Head, RecordedAnswer
from vfiocompat.inventory import Inventory
from vfiocompat.nvidia.gpus import Gpu

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_QAT = "8086-qat:device=4941:rev=40:version=1:gencap={}:svcmap=4924:extdc=0x3:slas="
QAT_1 = _QAT.format("0x3f")
QAT_2 = _QAT.format("0x7f")
"""One of more capabilities loads the state of one of fewer, not the reverse."""

TAKEN = "2026-11-01T00:00:00Z"
BOOT = "7d3c0d2e-5b0b-4d53-a9a3-2a0f4f0b0c11"


def endpoint(address: str, version: str | None, **more: object) -> Endpoint:
    """Make a type of a parent, with a string or without an attribute."""
    parent, _, type_id = address.partition("/")
    path = f"/sys/devices/{parent}/mdev_supported_types/{type_id}"
    name, node = "version", "type"
    if more.get("kind", "type") != "type":
        path, node = f"/sys/devices/{parent}", "device"
    if more.get("kind") == "function":
        name = "migration_version"
    present = Attribute(name, "present", path=f"{path}/{name}", node=node)  # type: ignore[arg-type]
    absent = Attribute(None, "absent", "ENOENT", path, None, "VFC102")
    fields: dict[str, object] = {
        "kind": "type",
        "address": address,
        "parent": parent,
        "type_id": type_id,
        "driver": "acme",
        "vendor_id": "0x1ac1",
        "device_api": "vfio-pci",
        "available_instances": 2,
        "attribute": absent if version is None else present,
        "version": version,
        "newline": None if version is None else True,
        "origin": None if version is None else "attribute",
    }
    return Endpoint(**(fields | more))  # type: ignore[arg-type]


def function(address: str, version: str | None, **more: object) -> Endpoint:
    """Make a HiSilicon function."""
    ids = {
        name: more.get(name, usual)
        for name, usual in (("vendor_id", "0x19e5"), ("device_id", "0xa251"))
    }
    fields: dict[str, object] = {
        "kind": "function",
        "parent": None,
        "type_id": None,
        "driver": "hisi_acc_vfio_pci",
        **ids,
        "available_instances": None,
        "facts": {name: text for name, text in ids.items() if text is not None}
        | {"revision": "0x30"},
    }
    return endpoint(address, version, **(fields | more))


def qat(address: str, version: str | None, **more: object) -> Endpoint:
    """Make a QuickAssist function."""
    fields: dict[str, object] = {
        "driver": "qat_vfio_pci",
        "vendor_id": "0x8086",
        "device_id": "0x4941",
        "facts": {"vendor_id": "0x8086", "device_id": "0x4941", "revision": "0x40"},
    }
    return function(address, version, **(fields | more))


def answer(version: str, *, accepted: bool | None, at: str = TAKEN) -> RecordedAnswer:
    """Make a recorded answer."""
    return RecordedAnswer(version, accepted, None if accepted else "EINVAL", at)


def head(data: str, driver: str | None, **more: str | None) -> Head:
    """Make the head of a device's stream, of this boot and kernel."""
    fields: dict[str, str | None] = {
        "srcversion": None,
        "build_id": "b1",
        "kernel": "6.12.0",
        "boot_id": BOOT,
        "taken_at": TAKEN,
    }
    return Head(data=data, driver=driver, **(fields | more))  # type: ignore[arg-type]


def answer_to_head(
    what: Head, *, accepted: bool | None, at: str = TAKEN
) -> RecordedAnswer:
    """Make a recorded answer to a head, by the driver that wrote it."""
    return RecordedAnswer(
        None,
        accepted,
        "EFAULT" if accepted is False else None,
        at,
        channel="stream",
        question=head_question(what),
        driver=what.driver,
        srcversion=what.srcversion,
        build_id=what.build_id,
        kernel=what.kernel,
        boot_id=what.boot_id,
    )


def answer_of_gpu(
    vgpu: str,
    gpu: str,
    *,
    accepted: bool | None,
    at: str = TAKEN,
    limits: tuple[str, ...] = (),
    left: tuple[str, ...] = (),
) -> RecordedAnswer:
    """Make a recorded answer of NVIDIA's driver, by the metadata of both."""
    return RecordedAnswer(
        None,
        accepted,
        None,
        at,
        channel="nvml",
        question=gpu_question(vgpu, gpu),
        limits=limits or (("gpu",) if accepted is False else ()),
        left=left,
    )


def inventory(
    host: str,
    *endpoints: Endpoint,
    taken_at: str = TAKEN,
    kernel: str = "6.12.0",
    boot_id: str = BOOT,
) -> Inventory:
    """Make a host's inventory; metadata of GPUs stands where it belongs."""
    found = [each.gpu_metadata for each in endpoints if each.gpu_metadata]
    addresses = {
        data: f"0000:{0xC0 + at:02x}:00.0" for at, data in enumerate(sorted({*found}))
    }
    ends = [
        msgspec.structs.replace(
            each,
            gpu=addresses.get(each.gpu_metadata or "", each.gpu),
            gpu_metadata=msgspec.UNSET,
        )
        for each in endpoints
    ]
    gpus = [Gpu(address=at, metadata=data) for data, at in addresses.items()]
    return Inventory(
        host=host,
        machine_id=None,
        taken_at=taken_at,
        kernel=kernel,
        boot_id=boot_id,
        endpoints=ends,
        gpus=gpus or msgspec.UNSET,
        problems=[],
    )


def write(folder: Path, inventories: Sequence[Inventory]) -> Path:
    """Write inventories into a folder, a file each."""
    folder.mkdir(exist_ok=True)
    for each in inventories:
        (folder / f"{each.host}.json").write_bytes(msgspec.json.encode(each))
    return folder
