# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's endpoints with what its library, and the host's os-release, tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat import codes
from vfiocompat.endpoints import Problem
from vfiocompat.host.nvml import Reading, read_gpus
from vfiocompat.nvidia.placing import placed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.sysfs.around import Surroundings
    from vfiocompat.nvidia.gpus import Gpu

__all__ = ["WithGpus", "with_gpus"]

_NOT_THERE = frozenset({codes.NVML_ABSENT, codes.NVML_NO_BINDING, codes.NVML_NO_DRIVER})
"""Codes of a library without which all goes on, and nobody is told."""


class WithGpus(NamedTuple):
    """Endpoints with what is told of NVIDIA's GPUs, and what could not be read.

    `gpus` is None where the library told nothing at all; then `error` says why, if
    there is a library to be asked.
    """

    endpoints: list[Endpoint]
    problems: list[Problem]
    gpus: list[Gpu] | None
    error: ErrorRecord | None


def with_gpus(
    endpoints: Sequence[Endpoint],
    around: Sequence[Surroundings],
    vms: Mapping[str, str],
    library: str | None,
    timeout: float,
) -> WithGpus:
    """Give endpoints with what is told of NVIDIA's GPUs, if there is a `library`.

    `vms` are as in `placed`.
    """
    physical: dict[str, str] = {}
    platform = None
    for each in around:
        physical |= each.physical
        platform = each.platform
    reading = Reading() if library is None else read_gpus(library, timeout)
    problems = list(reading.problems)
    error = reading.error
    if error is not None and error.code not in _NOT_THERE:
        problems.append(Problem(library or "", "ask", None, error.code))
    found = placed(
        endpoints,
        reading.gpus,
        reading.vgpus,
        physical=physical,
        vms=vms,
        platform=platform,
    )
    told = None if library is None or error is not None else reading.gpus
    return WithGpus(found, problems, told, error)
