# SPDX-License-Identifier: Apache-2.0
"""A host's devices as its sysfs shows them: the only package that touches /sys.

`tree` runs file operations below a movable root, `nodes` finds where endpoints are,
`reading` makes endpoints of what their files say, `probing` asks their drivers.
"""

from __future__ import annotations

from vfiocompat.sysfs.nodes import Node, find
from vfiocompat.sysfs.probing import Question, probe
from vfiocompat.sysfs.reading import Survey, read_nodes, survey
from vfiocompat.sysfs.tree import Tree

__all__ = [
    "Node",
    "Question",
    "Survey",
    "Tree",
    "find",
    "probe",
    "read_nodes",
    "survey",
]
