# SPDX-License-Identifier: Apache-2.0
"""A host's devices as its sysfs shows them.

tree     file operations below a root that can be moved
using    who uses which device
nodes    where endpoints are
found    what was found, as children send it and as a whole
lookup   the node at an address
debugfs  migration interfaces, as the kernel tells of them
reading  endpoints made of what the files of nodes say
probing  a source's string written to destinations
survey   every endpoint of a host
host     all of that, each in a child process: what the rest of the program uses

A module imports only those that stand before it.
"""

from __future__ import annotations

from vfiocompat.host.sysfs.found import Survey
from vfiocompat.host.sysfs.host import Host, Looked
from vfiocompat.host.sysfs.reading import Ask

__all__ = ["Ask", "Host", "Looked", "Survey"]
