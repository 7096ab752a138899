# SPDX-License-Identifier: Apache-2.0
"""Whether a GPU loads a vGPU, as NVIDIA's driver says it: nvmlGetVgpuCompatibility."""

from __future__ import annotations

from typing import Literal

import msgspec

from vfiocompat.errors import ErrorRecord

__all__ = ["BESIDE", "Compared", "Compatibility", "Left", "Limit"]

BESIDE = frozenset({"framework", "platform", "ecc"})
"""Fields that a yes is not about: tables decide these beside it."""

Limit = Literal["host-driver", "guest-driver", "gpu", "other"]
"""What keeps a GPU from loading a vGPU."""

Left = Literal["cold", "hibernate", "sleep"]
"""How a VM may be moved that cannot be while it runs."""

_LIMITS: dict[int, Limit] = {1: "host-driver", 2: "guest-driver", 4: "gpu"}
_LEFT: dict[int, Left] = {1: "cold", 2: "hibernate", 4: "sleep"}
_LIVE = 8
"""NVML_VGPU_COMPATIBILITY_LIMIT_* and NVML_VGPU_VM_COMPATIBILITY_* of nvml.h."""


class Compatibility(msgspec.Struct, frozen=True):
    """What the driver says of a vGPU and a GPU.

    `limits` is there where it `is_live` not, and `left` says in which states of the VM
    it may be moved all the same.
    """

    is_live: bool
    limits: tuple[Limit, ...] = ()
    left: tuple[Left, ...] = ()

    @classmethod
    def of(cls, states: int, limits: int) -> Compatibility:
        """Read the bits of nvmlVgpuPgpuCompatibility_t; of one more it is `other`."""
        named = [name for bit, name in _LIMITS.items() if limits & bit]
        if limits & ~sum(_LIMITS) or not (limits or states & _LIVE):
            named.append("other")
        left = tuple(name for bit, name in _LEFT.items() if states & bit)
        return cls(bool(states & _LIVE), tuple(named), left)


class Compared(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the driver said of a vGPU and a GPU, or why it said nothing."""

    found: Compatibility | None = None
    error: ErrorRecord | None = None
