# SPDX-License-Identifier: Apache-2.0
"""A GPU, and metadata made for tests, laid out as nvml.h has it."""

from __future__ import annotations

import base64
import struct

from vfiocompat.nvidia.gpus import Gpu

A40 = Gpu(
    address="0000:41:00.0",
    name="NVIDIA A40",
    memory="46068",
    driver_version="580.65.06",
    ecc="on",
    range="3..7",
)


def vgpu_metadata(
    *,
    version: int = 1,
    state: int = 1,
    caps: int = 1,
    guest: int = 5,
    opaque: bytes = b"vgpu",
) -> str:
    """Make the metadata of a vGPU: nvmlVgpuMetadata_t."""
    head = struct.pack("=III", version, 1, state)
    drivers = b"580.65.05".ljust(80, b"\0") + b"580.65.06".ljust(80, b"\0")
    tail = struct.pack("=6IIII", *[0] * 6, caps, guest, len(opaque))
    return base64.b64encode(head + drivers + tail + opaque).decode()


def gpu_metadata(
    *,
    version: int = 1,
    caps: int = 1,
    lowest: int = 3,
    highest: int = 7,
    opaque: bytes = b"gpu",
) -> str:
    """Make the metadata of a GPU: nvmlVgpuPgpuMetadata_t."""
    head = struct.pack("=II", version, 1) + b"580.65.06".ljust(80, b"\0")
    tail = struct.pack("=I5IIII", caps, *[0] * 5, lowest, highest, len(opaque))
    return base64.b64encode(head + tail + opaque).decode()
