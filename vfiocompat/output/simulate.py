# SPDX-License-Identifier: Apache-2.0
"""What `simulate` shows: what is served, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.inventory import Tool
from vfiocompat.simulate.nvml import LIBRARY

if TYPE_CHECKING:
    from vfiocompat.simulate.spec import Spec

__all__ = ["SimulateDocument", "simulate_document", "simulate_sentence"]


class SimulateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What is served from now on, and where; `nvml` is the library of its GPUs."""

    schema: Literal["vfiocompat.simulate/1"] = "vfiocompat.simulate/1"
    tool: Tool = Tool()
    mountpoint: str
    parents: int
    types: int
    mdevs: int
    functions: int
    gpus: int
    nvml: str | None


def simulate_document(spec: Spec, mountpoint: str) -> SimulateDocument:
    """Make the document of what is served."""
    shown = mountpoint.encode("utf-8", "backslashreplace").decode()
    return SimulateDocument(
        mountpoint=shown,
        parents=len(spec.parent),
        types=sum(len(parent.type) for parent in spec.parent),
        mdevs=sum(len(parent.mdev) for parent in spec.parent),
        functions=len(spec.function),
        gpus=len(spec.gpu),
        nvml=None if spec.nvml is None else f"{shown}/{LIBRARY}",
    )


def simulate_sentence(served: SimulateDocument) -> str:
    """Say what is served, and how that ends."""
    numbers = {
        "parent": served.parents,
        "type": served.types,
        "mdev": served.mdevs,
        "function": served.functions,
    }
    if served.nvml is not None:
        numbers["GPU"] = served.gpus
    things = ", ".join(
        f"{number} {noun}" if number == 1 else f"{number} {noun}s"
        for noun, number in numbers.items()
    )
    nvml = f"; VFIOCOMPAT_NVML={served.nvml}" if served.nvml is not None else ""
    return f"serving {things} at {served.mountpoint}/sys{nvml} (Ctrl-C ends)"
