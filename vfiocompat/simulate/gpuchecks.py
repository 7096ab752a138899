# SPDX-License-Identifier: Apache-2.0
"""What the types of a specification cannot say of GPUs, virtual functions and VMs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfiocompat.addresses import is_function, is_uuid
from vfiocompat.simulate.nvml import mdev_vgpu_type, vgpu_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.simulate.spec import Gpu, Spec, Vm

__all__ = ["gpu_mistakes"]

_LONGEST = 79
"""How many characters nvml.h has room for in the shortest of its texts, but for types'
names (NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE)."""
_LONGEST_TYPE = 63  # NVML_VGPU_NAME_BUFFER_SIZE
_MOST_GPUS = 64
_MOST_TYPES = 256
_MOST_PATTERNS = 1000  # characters of a GPU's, lines and all
_PRINTABLE = re.compile(r"[!-~]([ -~]*[!-~])?")
_QUOTED = re.compile(r"[^\"$`\\\x00-\x1f\x7f]*")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


def gpu_mistakes(spec: Spec) -> Iterator[str]:
    """Find every mistake, as `key: what is wrong`."""
    for name, text in spec.os_release.items():
        if not (_VARIABLE.fullmatch(name) and _QUOTED.fullmatch(text)):
            yield f"os_release.{name}: not a line that os-release(5) can have"
    yield from _library(spec)
    seen: set[str] = set()
    others = {each.name for each in spec.parent}
    others |= {each.address for each in spec.function}
    for number, gpu in enumerate(spec.gpu):
        key = f"gpu[{number}]"
        if gpu.address in seen:
            yield f"{key}.address: {gpu.address!r} is there already"
        seen.add(gpu.address)
        for name in ("driver", "pci"):
            if gpu.address in others and getattr(gpu, name) is not None:
                what = "stands at the parent or function of that address"
                yield f"{key}.{name}: {what}"
        yield from _gpu(key, gpu)
    yield from _physical(spec)
    yield from _vms(spec)


def _library(spec: Spec) -> Iterator[str]:
    if spec.gpu and spec.nvml is None:
        yield "nvml: is missing: GPUs are told of by NVIDIA's library"
    if len(spec.gpu) > _MOST_GPUS:
        yield f"gpu: more than {_MOST_GPUS}"
    if len(vgpu_types(spec)) > _MOST_TYPES:
        yield f"nvml: more than {_MOST_TYPES} vGPU types"
    if spec.nvml is None:
        return
    yield from _text("nvml.driver", spec.nvml.driver)
    lowest, highest = spec.nvml.range
    if lowest > highest:
        yield f"nvml.range: {lowest} is above {highest}"
    kinds = [
        (f"parent[{number}].type[{position}].name", kind.name or kind.id)
        for number, parent in enumerate(spec.parent)
        for position, kind in enumerate(parent.type)
        if mdev_vgpu_type(kind.id) is not None
    ]
    kinds += [
        (f"function[{number}].nvidia.creatable[{position}].name", kind.name)
        for number, function in enumerate(spec.function)
        for position, kind in enumerate(
            function.nvidia.creatable if function.nvidia else ()
        )
    ]
    for key, name in kinds:
        yield from _text(key, name, _LONGEST_TYPE)


def _gpu(key: str, gpu: Gpu) -> Iterator[str]:
    if not is_function(gpu.address):
        yield f"{key}.address: {gpu.address!r} is not a PCI address (0000:3b:00.0)"
    yield from _text(f"{key}.name", gpu.name)
    if wild := set("*?[\\") & set(gpu.name):
        yield f"{key}.name: a pattern reads {min(wild)!r} as another character"
    for name in ("accepts", "accepts_drivers"):
        patterns = getattr(gpu, name) or ()
        for position, pattern in enumerate(patterns):
            yield from _text(f"{key}.{name}[{position}]", pattern)
        if sum(len(each) + 1 for each in patterns) > _MOST_PATTERNS:
            yield f"{key}.{name}: longer than {_MOST_PATTERNS} characters"


def _physical(spec: Spec) -> Iterator[str]:
    there = {
        *(gpu.address for gpu in spec.gpu),
        *(parent.name for parent in spec.parent if is_function(parent.name)),
        *(function.address for function in spec.function),
    }
    virtual = [
        *((f"parent[{at}]", x.name, x.physical) for at, x in enumerate(spec.parent)),
        *(
            (f"function[{at}]", x.address, x.physical)
            for at, x in enumerate(spec.function)
        ),
    ]
    for key, address, physical in virtual:
        if physical is None:
            continue
        if not is_function(address):
            yield f"{key}.physical: {address!r} is not a PCI device"
        if physical == address or physical not in there:
            yield f"{key}.physical: no other PCI device is {physical!r}"


def _vms(spec: Spec) -> Iterator[str]:
    for key, vm in _vms_of(spec):
        if not is_uuid(vm.uuid):
            yield f"{key}.uuid: {vm.uuid!r} is not a UUID in lower case"
        if (vm.guest_driver is None) != (vm.guest_version is None):
            yield f"{key}: guest_driver and guest_version go together"
        if vm.guest_driver is not None:
            yield from _text(f"{key}.guest_driver", vm.guest_driver)
    for number, function in enumerate(spec.function):
        if function.vm is None:
            continue
        if function.nvidia is not None and not function.nvidia.current:
            yield f"function[{number}].vm: nvidia.current is 0: it is no vGPU"
        elif function.nvidia is None and "vfio" not in (function.driver or ""):
            yield f"function[{number}].vm: it has no VFIO device that could be open"


def _vms_of(spec: Spec) -> Iterable[tuple[str, Vm]]:
    for number, parent in enumerate(spec.parent):
        for position, mdev in enumerate(parent.mdev):
            if mdev.vm is not None:
                yield f"parent[{number}].mdev[{position}].vm", mdev.vm
    for number, function in enumerate(spec.function):
        if function.vm is not None:
            yield f"function[{number}].vm", function.vm


def _text(key: str, text: str, longest: int = _LONGEST) -> Iterator[str]:
    if not _PRINTABLE.fullmatch(text):
        yield f"{key}: not printable ASCII"
    if len(text) > longest:
        yield f"{key}: longer than {longest} characters"
