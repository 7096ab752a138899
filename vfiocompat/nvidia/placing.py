# SPDX-License-Identifier: Apache-2.0
"""Which GPU an endpoint is on, which vGPU it is, and the facts that these tell.

No call of NVIDIA's library tells a vGPU's function on the host: it is found by the VM
that has the function open, and by its type.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

import msgspec

from vfiocompat.endpoints import NVIDIA_VENDOR
from vfiocompat.nvidia.told import facts_of_gpu, facts_of_vgpu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.nvidia.gpus import Gpu, Vgpu

__all__ = ["device_of", "on_gpus", "placed"]

Thing = TypeVar("Thing")
_Seat = tuple[str, str, str]
"""What a function in use and a vGPU have alike: GPU, VM, and type."""


def device_of(endpoint: Endpoint) -> str:
    """Name the device that an endpoint is on: a GPU, or a virtual function of one."""
    return endpoint.parent or endpoint.address.partition("/")[0]


def placed(
    endpoints: Sequence[Endpoint],
    gpus: Sequence[Gpu],
    vgpus: Sequence[Vgpu],
    *,
    physical: Mapping[str, str],
    vms: Mapping[str, str],
    platform: str | None,
) -> list[Endpoint]:
    """Give endpoints with what is told of the GPUs and vGPUs that they are.

    `physical` has the physical function of each virtual one that is a parent, and `vms`
    the UUID of the VM that has a function open. What files told counts.
    """
    by_address = {gpu.address: gpu for gpu in gpus}
    by_mdev = _only((vgpu for vgpu in vgpus if vgpu.mdev), lambda each: each.mdev)
    running = _only((vgpu for vgpu in vgpus if _seat_of(vgpu)), _seat_of)
    seats = {}
    for each in endpoints:
        vm, kind = vms.get(each.address), each.type_id
        is_vgpu = each.is_vgpu and each.kind == "function"
        if is_vgpu and vm and kind and "/" not in each.address:
            seats[each.address] = _gpu_of(each, physical), vm, kind
    alone = _only(seats, seats.__getitem__)
    found = []
    for each in endpoints:
        if each.vendor_id != NVIDIA_VENDOR:
            found.append(each)
            continue
        seat = seats.get(each.address)
        vgpu = by_mdev.get(each.uuid or "") if each.kind == "mdev" else None
        if seat is not None and alone.get(seat) == each.address:
            vgpu = running.get(seat)
        gpu = by_address.get(_gpu_of(each, physical))
        found.append(_told(each, gpu, vgpu, platform))
    return found


def on_gpus(endpoints: list[Endpoint], gpus: Iterable[Gpu]) -> list[Endpoint]:
    """Give endpoints the metadata of the GPUs that they are on, and no other.

    Facts of these that a file has left out are filled from them.
    """
    told = {gpu.address: (facts_of_gpu(gpu), gpu.metadata) for gpu in gpus}
    found = endpoints
    for at, each in enumerate(endpoints):
        if each.gpu is msgspec.UNSET and each.gpu_metadata is msgspec.UNSET:
            continue  # as it is a million times
        if found is endpoints:
            found = list(endpoints)
        facts, metadata = told.get(each.gpu or "", ({}, None))
        own = {name: text for name, text in each.facts.items() if text}
        found[at] = msgspec.structs.replace(
            each,
            facts=facts | own if facts else each.facts,
            gpu_metadata=msgspec.UNSET if metadata is None else metadata,
        )
    return found


def _only(
    things: Iterable[Thing], key: Callable[[Thing], object]
) -> dict[object, Thing]:
    """Find things by a key; of several with one, nobody knows which is meant."""
    by_key = defaultdict(list)
    for thing in things:
        by_key[key(thing)].append(thing)
    return {key: found[0] for key, found in by_key.items() if len(found) == 1}


def _seat_of(vgpu: Vgpu) -> _Seat | None:
    if vgpu.vm is None or vgpu.type_id is None:
        return None
    return vgpu.gpu, vgpu.vm, vgpu.type_id


def _gpu_of(endpoint: Endpoint, physical: Mapping[str, str]) -> str:
    device = device_of(endpoint)
    return physical.get(device, device)


def _told(
    endpoint: Endpoint, gpu: Gpu | None, vgpu: Vgpu | None, platform: str | None
) -> Endpoint:
    more = {"platform": platform} if platform else {}
    more |= facts_of_gpu(gpu) if gpu else {}
    more |= facts_of_vgpu(vgpu) if vgpu else {}
    metadata = vgpu.metadata if vgpu else None
    return msgspec.structs.replace(
        endpoint,
        facts=more | endpoint.facts,
        gpu=gpu.address if gpu else msgspec.UNSET,
        vgpu_metadata=metadata or msgspec.UNSET,
    )
