# SPDX-License-Identifier: Apache-2.0
"""A host's devices as its sysfs shows them.

tree       file operations below a root that can be moved
use        who uses which device
nodes      where endpoints are
names      what they are called
records    what was found, as children send it and as a whole
lookup     the node at an address
siblings   what other functions of a device tell of one
modules    which version and build of a driver's module is loaded
debugfs    migration interfaces, as the kernel tells of them
endpoints  what the files of nodes say, made endpoints
questions  a source's string written to destinations
around     the host's platform, and physical functions of NVIDIA's
survey     every endpoint of a host
kernel     what its kernel has of VFIO, and tells of it
gpus       NVIDIA's endpoints with what its library tells of them
located    where devices are that are to be opened, and what their heads rest on
asking     devices asked by their migration streams, each IOMMU group in a child
host       all of that, each in a child process: what the rest of the program uses

A module imports only those that stand before it.
"""

from __future__ import annotations

from vfiocompat.host.sysfs.endpoints import Ask
from vfiocompat.host.sysfs.host import Host, Looked
from vfiocompat.host.sysfs.records import Survey

__all__ = ["Ask", "Host", "Looked", "Survey"]
