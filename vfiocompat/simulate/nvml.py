# SPDX-License-Identifier: Apache-2.0
"""What the library of simulated GPUs answers from: the text that nvml.c reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.simulate.spec import Gpu, Nvml, Spec, Vm

__all__ = ["LIBRARY", "Running", "mdev_vgpu_type", "specification", "vgpu_types"]

LIBRARY = "usr/lib/libnvidia-ml.so.1"
"""Where the library is, below the host's root; its specification is beside it."""

_MDEV_TYPE = re.compile(r"nvidia-([0-9]{1,9})")
"""The id of an mdev type, with the number of the vGPU type."""

_ROOM = 256  # bytes that metadata has, for what it may, at least


class Running(NamedTuple):
    """A vGPU that a VM has: its GPU, its type's number, and its UUID as an mdev."""

    gpu: str
    type: int
    mdev: str | None
    vm: Vm


def mdev_vgpu_type(type_id: str) -> int | None:
    """Give the number of the vGPU type that an mdev type is; None if it is none."""
    match = _MDEV_TYPE.fullmatch(type_id)
    return int(match[1]) if match else None


def vgpu_types(spec: Spec) -> dict[int, str]:
    """Give the vGPU types of a host: their names by number."""
    types = {}
    for parent in spec.parent:
        for kind in parent.type:
            number = mdev_vgpu_type(kind.id)
            if number is not None:
                types[number] = kind.name or kind.id
    for function in spec.function:
        for each in function.nvidia.creatable if function.nvidia else ():
            types[each.id] = each.name
    return types


def specification(spec: Spec, nvml: Nvml, running: Iterable[Running]) -> str:
    """Say all that the library tells of a host, on which vGPUs run."""
    lowest, highest = nvml.range
    lines = [
        f"driver {nvml.driver}",
        f"supported {lowest} {highest}",
        f"range {lowest} {highest}",
        *(f"type {number} {name}" for number, name in vgpu_types(spec).items()),
    ]
    names = {gpu.address: gpu.name for gpu in spec.gpu}
    found = list(running)
    for gpu in spec.gpu:
        lines += _gpu(gpu)
        for each in found:
            if each.gpu == gpu.address:
                lines += _vgpu(each, names[each.gpu])
    return "".join(f"{line}\n" for line in lines)


def _gpu(gpu: Gpu) -> Iterator[str]:
    accepts = (gpu.name,) if gpu.accepts is None else gpu.accepts or ("",)
    drivers = gpu.accepts_drivers or ("",)
    opaque = sum(len(each) + 1 for each in (gpu.name, *accepts, *drivers))
    yield f"gpu {gpu.address}"
    yield f"name {gpu.name}"
    yield f"label {gpu.name}"
    yield f"memory {gpu.memory}"
    yield f"ecc {'none' if gpu.ecc is None else 'on' if gpu.ecc else 'off'}"
    yield f"caps {int(gpu.migration)}"
    yield f"opaque {max(_ROOM, opaque + 3)}"
    yield from (f"accepts {each}" for each in accepts)
    yield from (f"accepts-driver {each}" for each in drivers)


def _vgpu(vgpu: Running, gpu_name: str) -> Iterator[str]:
    vm = vgpu.vm
    yield "vgpu"
    yield f"label {gpu_name}"
    yield f"type {vgpu.type}"
    yield f"vm {vm.uuid}"
    if vgpu.mdev is not None:
        yield f"mdev {vgpu.mdev}"
    if vm.guest_driver is None:
        yield "guest-state 0"
    else:
        yield f"guest-driver {vm.guest_driver}"
        yield f"guest-version {vm.guest_version}"
