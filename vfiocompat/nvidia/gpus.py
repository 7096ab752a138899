# SPDX-License-Identifier: Apache-2.0
"""A GPU, and a vGPU that runs on one, as NVIDIA's library tells of them."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Ecc", "Gpu", "Vgpu"]

Ecc = Literal["on", "off"]


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU; what the library did not tell is None.

    `address` is that of its physical function. `memory` is in MiB, `driver_version` the
    host's, `ecc` the current mode, and `range` the vGPU versions of guests that the
    host's driver takes now, as `LOW..HIGH`. `metadata` is base64.
    """

    address: str
    name: str | None = None
    memory: str | None = None
    driver_version: str | None = None
    ecc: Ecc | None = None
    range: str | None = None
    metadata: str | None = None


class Vgpu(msgspec.Struct, frozen=True, kw_only=True):
    """A vGPU that runs; what the library did not tell is None.

    `gpu` is the address of its GPU. `mdev` is its UUID where it is one, `vm` that of
    the VM that has it: one of several types, where it has several. `guest_driver` is
    the version of the guest's driver, once that is loaded. `metadata` is base64.
    """

    gpu: str
    mdev: str | None = None
    vm: str | None = None
    type_id: str | None = None
    type_name: str | None = None
    guest_driver: str | None = None
    metadata: str | None = None
