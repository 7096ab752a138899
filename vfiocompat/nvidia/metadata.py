# SPDX-License-Identifier: Apache-2.0
"""The metadata of vGPUs and GPUs, which NVIDIA's driver compares.

It is opaque, but begins with what nvml.h describes: nvmlVgpuMetadata_t, and of a GPU
nvmlVgpuPgpuMetadata_t. Of a version of these that is not known nothing is read, and it
is carried as it is. In files it is base64, and may be anything.
"""

from __future__ import annotations

import binascii
import struct
from functools import lru_cache
from typing import Literal, NamedTuple

__all__ = [
    "MOST",
    "GpuMetadata",
    "InvalidMetadata",
    "Of",
    "VgpuMetadata",
    "decoded",
    "demand_whole",
    "encoded",
    "read_gpu",
    "read_vgpu",
]

MOST = 1 << 20
"""How many bytes metadata may have; NVIDIA's has some 500."""

Of = Literal["vGPU", "GPU"]
"""What metadata is of."""

_VGPU = struct.Struct("=III80s80s24xIII")
_GPU = struct.Struct("=II80sI20xIII")
_FIXED = {"vGPU": _VGPU, "GPU": _GPU}
_VERSION = struct.Struct("=I")
_KNOWN = frozenset({1})
_INITIALIZED = 1
_MIGRATION = 1


class InvalidMetadata(ValueError):
    """Bytes that no driver gives as metadata; its text says why."""


class VgpuMetadata(NamedTuple):
    """What metadata says of a vGPU.

    `guest_version` is what the guest's driver speaks with the host's, and only true if
    that `guest_is_loaded`.
    """

    guest_is_loaded: bool
    guest_version: int
    can_migrate: bool


class GpuMetadata(NamedTuple):
    """What metadata says of a GPU."""

    lowest: int
    highest: int
    can_migrate: bool


def encoded(data: bytes) -> str:
    """Write metadata as a file has it."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decoded(text: str, of: Of) -> bytes:
    """Read metadata of a file.

    Raises:
        InvalidMetadata: it is none of a vGPU, or GPU.

    """
    if len(text) > 2 * MOST:
        raise InvalidMetadata(f"is longer than {MOST:,} bytes")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise InvalidMetadata(f"is no base64: {error}") from None
    demand_whole(data, of)
    return data


def demand_whole(data: bytes, of: Of) -> None:
    """See that all is there that metadata says it has: a driver goes by that.

    Raises:
        InvalidMetadata: it is not.

    """
    if len(data) > MOST:
        raise InvalidMetadata(f"is longer than {MOST:,} bytes")
    fixed = _FIXED[of]
    if len(data) < fixed.size:
        raise InvalidMetadata(f"has {len(data)} bytes, that of a {of} has more")
    if _is_known(data):
        opaque = fixed.unpack_from(data)[-1]
        if opaque > len(data) - fixed.size:
            raise InvalidMetadata(f"lacks some of its {opaque:,} opaque bytes")


@lru_cache(maxsize=256)
def read_vgpu(text: str | None) -> VgpuMetadata | None:
    """Say what the metadata of a vGPU tells; None if nothing can be read of it."""
    data = _readable(text, "vGPU")
    if data is None:
        return None
    _, _, state, _, _, caps, guest, _ = _VGPU.unpack_from(data)
    return VgpuMetadata(state == _INITIALIZED, guest, bool(caps & _MIGRATION))


@lru_cache(maxsize=256)
def read_gpu(text: str | None) -> GpuMetadata | None:
    """Say what the metadata of a GPU tells; None if nothing can be read of it."""
    data = _readable(text, "GPU")
    if data is None:
        return None
    _, _, _, caps, lowest, highest, _ = _GPU.unpack_from(data)
    return GpuMetadata(lowest, highest, bool(caps & _MIGRATION))


def _readable(text: str | None, of: Of) -> bytes | None:
    try:
        data = None if text is None else decoded(text, of)
    except InvalidMetadata:
        return None
    return data if data is not None and _is_known(data) else None


def _is_known(data: bytes) -> bool:
    return _VERSION.unpack_from(data)[0] in _KNOWN
