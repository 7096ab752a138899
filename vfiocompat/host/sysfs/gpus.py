# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's endpoints with what its library, and the host's os-release, tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.endpoints import Problem
from vfiocompat.host.nvml import Reading, read_gpus
from vfiocompat.nvidia.placing import placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vfiocompat.host.sysfs.around import Surroundings
    from vfiocompat.host.sysfs.records import Survey

__all__ = ["with_gpus"]

_NOT_THERE = frozenset({codes.NVML_ABSENT, codes.NVML_NO_BINDING, codes.NVML_NO_DRIVER})
"""Codes of a library without which all goes on, and nobody is told."""


def with_gpus(
    found: Survey,
    around: Iterable[Surroundings],
    vms: Mapping[str, str],
    library: str | None,
    timeout: float,
) -> Survey:
    """Give a host with what is told of NVIDIA's GPUs, if it has `library`.

    `vms` are as in `placed`.
    """
    physical: dict[str, str] = {}
    platform = None
    for each in around:
        physical |= each.physical
        platform = each.platform
    reading = Reading() if library is None else read_gpus(library, timeout)
    problems = [*found.problems, *reading.problems]
    error = reading.error
    if error is not None and error.code not in _NOT_THERE:
        problems.append(Problem(library or "", "ask", None, error.code))
    return found._replace(
        endpoints=placed(
            found.endpoints,
            reading.gpus,
            reading.vgpus,
            physical=physical,
            vms=vms,
            platform=platform,
        ),
        problems=problems,
        gpus=None if library is None or error is not None else reading.gpus,
    )
