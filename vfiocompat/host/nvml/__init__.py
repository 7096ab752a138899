# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's management library: what it tells of GPUs and vGPUs, and what it compares.

library    the library, loaded; its calls
telling    what children that use it tell, of whom one may end too early
reading    GPUs and the vGPUs that run on them
comparing  whether GPUs load vGPUs, by their metadata

The library is only ever used in a child: it may crash, or be held by its driver. A
module imports only those that stand before it.
"""

from __future__ import annotations

from vfiocompat.host.nvml.comparing import ToCompare, compare
from vfiocompat.host.nvml.library import installed, library_of
from vfiocompat.host.nvml.reading import Reading, read_gpus

__all__ = ["Reading", "ToCompare", "compare", "installed", "library_of", "read_gpus"]
