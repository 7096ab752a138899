# SPDX-License-Identifier: Apache-2.0
"""The facts that NVIDIA's library tells of a GPU and a vGPU, and os-release of a host.

What is no printable ASCII is no fact: no version string has it.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from vfiocompat.nvidia.metadata import read_vgpu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfiocompat.endpoints import Facts
    from vfiocompat.nvidia.gpus import Gpu, Vgpu

__all__ = ["facts_of_gpu", "facts_of_vgpu", "platform_of"]


def facts_of_gpu(gpu: Gpu) -> Facts:
    """Give the facts that a GPU tells of every endpoint on it."""
    return _known(
        {
            "gpu_name": gpu.name,
            "gpu_memory": gpu.memory,
            "manager": gpu.driver_version,
            "ecc": gpu.ecc,
            "range": gpu.range,
        }
    )


def facts_of_vgpu(vgpu: Vgpu) -> Facts:
    """Give the facts that a running vGPU tells of its endpoint.

    What version its guest speaks is known only once that has loaded its driver.
    """
    told = read_vgpu(vgpu.metadata)
    guest = str(told.guest_version) if told and told.guest_is_loaded else None
    return _known({"guest": guest, "vgpu_type_name": vgpu.type_name})


def _known(facts: Mapping[str, str | None]) -> Facts:
    return {
        name: text
        for name, text in facts.items()
        if text and text.isascii() and text.isprintable()
    }


def platform_of(os_release: str) -> str | None:
    """Name a host's platform, `ID-VERSION_ID`, by its os-release(5).

    None where that has not both. Of several assignments the last one counts.
    """
    values = {}
    for line in os_release.splitlines():
        name, equals, text = line.strip().partition("=")
        if equals and name in {"ID", "VERSION_ID"}:
            values[name] = _unquoted(text)
    parts = values.get("ID"), values.get("VERSION_ID")
    if not all(part and part.isascii() and part.isprintable() for part in parts):
        return None
    return f"{parts[0]}-{parts[1]}"


def _unquoted(text: str) -> str | None:
    """Read a value as a shell does; None where that is not one word."""
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    return words[0] if len(words) == 1 else None
