# SPDX-License-Identifier: Apache-2.0
"""What `list` shows of NVIDIA's GPUs: what they are, what runs, what can be made."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vfiocompat.nvidia.placing import device_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.nvidia.gpus import Gpu
    from vfiocompat.output.text import Line

__all__ = ["gpu_lines"]

_FRAMEWORKS = {"mdev": "mdevs", "vendor": "vendor-specific framework"}


def gpu_lines(
    endpoints: Sequence[Endpoint], gpus: Iterable[Gpu], *, verbose: bool
) -> Iterator[Line]:
    """Give NVIDIA's GPUs, each with its vGPUs by type.

    Where no library tells of GPUs, they are the devices that vGPUs are on.
    """
    known = {gpu.address: gpu for gpu in gpus}
    on_gpu: dict[str, list[Endpoint]] = {address: [] for address in known}
    for each in endpoints:
        if each.is_vgpu:
            on_gpu.setdefault(each.gpu or device_of(each), []).append(each)
    for address, ends in on_gpu.items():
        yield [("", "plain")]
        words = _words(known.get(address), ends, verbose=verbose)
        shown = "".join(f"   {word}" for word in words)
        yield [(address, "strong"), (shown, "dim")]
        for what, counts in _counts(ends).items():
            names = [f"{times} {name}" for name, times in counts.items() if times]
            if names:
                yield [(f"  {what:17}   ", "dim"), (", ".join(names), "plain")]


def _words(gpu: Gpu | None, ends: Iterable[Endpoint], *, verbose: bool) -> list[str]:
    """Say what a GPU is, as far as that is told."""
    frameworks = dict.fromkeys(each.facts.get("framework", "") for each in ends)
    words = [_FRAMEWORKS.get(each, each) for each in frameworks if each]
    if gpu is None:
        return words
    words = [
        gpu.name or "",
        f"ECC {gpu.ecc}" if gpu.ecc else "",
        *words,
    ]
    if verbose:
        words += [
            f"{gpu.memory} MiB" if gpu.memory else "",
            f"driver {gpu.driver_version}" if gpu.driver_version else "",
            f"vGPU versions {gpu.range}" if gpu.range else "",
            "" if gpu.metadata else "no metadata",
        ]
    return [word for word in words if word]


def _counts(ends: Iterable[Endpoint]) -> dict[str, Counter[str]]:
    """Count vGPUs by type: those that run, idle ones, and those that can be made.

    Of the last there are so many at most: they take each other's room.
    """
    found: dict[str, Counter[str]] = {
        "in use": Counter(),
        "not in use": Counter(),
        "can still be made": Counter(),
    }
    for each in ends:
        name = _name(each)
        if each.kind == "type" or "/" in each.address:
            found["can still be made"][name] += each.available_instances or 0
        elif each.vgpu_metadata or each.in_use:
            found["in use"][name] += 1
        else:
            found["not in use"][name] += 1
    return found


def _name(endpoint: Endpoint) -> str:
    fact = endpoint.facts.get
    return fact("vgpu_type_name") or fact("type_name") or endpoint.type_id or ""
