# SPDX-License-Identifier: Apache-2.0
"""Whether GPUs load vGPUs, as NVIDIA's library says by the metadata of both.

It takes no device, so metadata of any hosts is compared wherever the library is.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.children import follow_all
from vfiocompat.errors import VfiocompatError
from vfiocompat.host.nvml.library import CallFailed, Nvml
from vfiocompat.host.nvml.telling import DOING, ROUNDS, ended
from vfiocompat.nvidia.compatibility import Compared
from vfiocompat.nvidia.metadata import InvalidMetadata, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.errors import ErrorRecord

__all__ = ["ToCompare", "compare"]


class ToCompare(NamedTuple):
    """The metadata of a vGPU and of a GPU, in base64, as files have it."""

    vgpu: str
    gpu: str


class _Told(msgspec.Struct, omit_defaults=True):
    """What a child tells: the place of the pair that it comes to, and what came."""

    at: int
    compared: Compared | None = None


def compare(pairs: Sequence[ToCompare], library: str, timeout: float) -> list[Compared]:
    """Ask of pairs whether the GPU loads the vGPU, in their order.

    The library may be silent for `timeout` seconds.

    Raises:
        VfiocompatError: a child could not be made.

    """
    found: dict[int, Compared] = {}
    left = list(enumerate(pairs))
    error: ErrorRecord | None = None
    for _ in range(ROUNDS):
        if not left:
            break
        task = partial(_tell, library, left)
        [followed] = follow_all([task], _Told, DOING, timeout)
        at = None
        for told in followed.told:
            at = told.at
            if told.compared is not None:
                found[at] = told.compared
        if followed.error is None:
            break
        error = ended(followed.error)
        if at is None:
            break  # it cannot be loaded
        found.setdefault(at, Compared(error=error))
        left = [(place, pair) for place, pair in left if place not in found]
    return [found.get(place, Compared(error=error)) for place in range(len(pairs))]


# ---- the child ----------------------------------------------------------------------


def _tell(library: str, pairs: Sequence[tuple[int, ToCompare]]) -> Iterator[_Told]:
    nvml = Nvml(library)
    for place, pair in pairs:
        yield _Told(place)
        yield _Told(place, _compared(nvml, pair))


def _compared(nvml: Nvml, pair: ToCompare) -> Compared:
    try:
        ends = decoded(pair.vgpu, "vGPU"), decoded(pair.gpu, "GPU")
        return Compared(nvml.compatibility(*ends))
    except InvalidMetadata as error:
        return _nothing(f"the metadata {error}, so NVIDIA's library is not asked")
    except CallFailed as failed:
        why = f"NVIDIA's library: {failed.call} gave {failed.name}"
        if failed.code == codes.GPU_NOT_READ:
            return _nothing(why)
        return Compared(error=VfiocompatError(why, code=failed.code).record)


def _nothing(why: str) -> Compared:
    return Compared(error=VfiocompatError(why, code=codes.NVML_NOT_ANSWERED).record)
