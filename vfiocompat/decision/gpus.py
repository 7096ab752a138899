# SPDX-License-Identifier: Apache-2.0
"""What NVIDIA's driver is asked of a vGPU and a GPU, by their metadata, and when not.

A recorded answer is about the very bytes of both.
"""

from __future__ import annotations

import binascii
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

from vfiocompat import codes
from vfiocompat.diagnostics import Diagnostic, diagnostic
from vfiocompat.errors import ErrorRecord
from vfiocompat.nvidia.compatibility import Compared, Compatibility, Left, Limit
from vfiocompat.nvidia.metadata import read_gpu, read_vgpu

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Mapping

    from vfiocompat.endpoints import Endpoint, RecordedAnswer

    Comparisons = Mapping[tuple[str, str], Compared]
    """What NVIDIA's driver says, by the metadata of a vGPU and of a GPU."""
    Metadata = tuple[str | None, str | None]

__all__ = [
    "NOTHING_COMPARED",
    "gpu_question",
    "is_gpu_to_be_asked",
    "metadata_of",
    "migration_capability",
    "recordable_comparison",
    "recorded_comparison",
    "to_compare",
    "waits_for_guest",
    "why_gpu_not_asked",
]


NOTHING_COMPARED: Comparisons = MappingProxyType({})


def metadata_of(source: Endpoint, destination: Endpoint) -> Metadata:
    """Give the metadata of a source's vGPU and of a destination's GPU, if they have."""
    return source.vgpu_metadata or None, destination.gpu_metadata or None


def to_compare(source: Endpoint, destination: Endpoint) -> tuple[str, str] | None:
    """Give the metadata about which a driver is asked; None where it is not asked."""
    vgpu, gpu = metadata_of(source, destination)
    if vgpu is None or gpu is None or not is_gpu_to_be_asked(vgpu, gpu):
        return None
    return vgpu, gpu


def is_gpu_to_be_asked(vgpu: str | None, gpu: str | None) -> bool:
    """Whether a driver is asked about metadata: not where the answer is known."""
    return None not in {vgpu, gpu} and not (
        migration_capability(vgpu, gpu) or waits_for_guest(vgpu)
    )


def migration_capability(vgpu: str | None, gpu: str | None) -> tuple[Diagnostic, ...]:
    """Find the sides of which the driver says, in metadata, that it migrates nothing.

    Metadata that is not there, or of a version that is not known, says nothing.
    """
    sides = (
        ("the source's vGPU cannot be migrated", read_vgpu(vgpu)),
        ("the destination's GPU takes no vGPU that migrates", read_gpu(gpu)),
    )
    return tuple(
        diagnostic(codes.GPU_CANNOT_MIGRATE, f"{what}, says NVIDIA's driver there")
        for what, told in sides
        if told is not None and not told.can_migrate
    )


def why_gpu_not_asked(vgpu: str | None, gpu: str | None) -> Diagnostic | None:
    """Say which metadata is missing, if some is."""
    lacking = [
        whose
        for whose, text in (("the source's vGPU", vgpu), ("the destination's GPU", gpu))
        if text is None
    ]
    if not lacking:
        return None
    return diagnostic(
        codes.NO_METADATA,
        f"NVIDIA's driver was not asked: no metadata of {' and '.join(lacking)}",
    )


def waits_for_guest(vgpu: str | None) -> bool:
    """Whether a vGPU's guest has not loaded its driver yet."""
    told = read_vgpu(vgpu)
    return told is not None and not told.guest_is_loaded


# ---- recorded answers ----------------------------------------------------------------


def gpu_question(vgpu: str, gpu: str) -> str:
    """Give what a recorded answer is about: the SHA-256 of both metadata, in hex."""
    whole = _begun(vgpu).copy()
    whole.update(binascii.a2b_base64(gpu))
    return whole.hexdigest()


@lru_cache(maxsize=8)  # of one vGPU much is asked
def _begun(vgpu: str) -> hashlib._Hash:
    import hashlib  # noqa: PLC0415 - costs start-up time

    return hashlib.sha256(binascii.a2b_base64(vgpu))


def recordable_comparison(
    compared: Compared,
) -> tuple[bool | None, tuple[Limit, ...], tuple[Left, ...]]:
    """Give what to record: if the driver takes the vGPU, for what not, what is left."""
    found = compared.found
    if found is None:
        return None, (), ()
    return found.is_live, () if found.is_live else found.limits, found.left


def recorded_comparison(answer: RecordedAnswer) -> Compared:
    """Read a recorded answer; names that are not known count as another limit."""
    if answer.accepted is None:
        return Compared(error=_SAID_NOTHING)
    limits = tuple(dict.fromkeys(_limit(each) for each in answer.limits))
    left = tuple(each for each in get_args(Left) if each in answer.left)
    if not answer.accepted and not limits:
        limits = ("other",)
    return Compared(Compatibility(is_live=answer.accepted, limits=limits, left=left))


_SAID_NOTHING = ErrorRecord(
    codes.NVML_NOT_ANSWERED, "it did not when it was asked", None, None
)


def _limit(name: str) -> Limit:
    return next((limit for limit in get_args(Limit) if limit == name), "other")
