# SPDX-License-Identifier: Apache-2.0
"""A host's devices as its sysfs shows them: the only package that touches /sys.

`tree` runs file operations below a movable root, `nodes` says where endpoints are,
`lookup` finds the one at an address and `survey` all of them, `reading` makes
endpoints of what their files say, `probing` asks their drivers, and `host` does each
of these in a child process, for the rest of the program.
"""

from __future__ import annotations

from vfiocompat.host.sysfs.found import Survey
from vfiocompat.host.sysfs.host import Host, Looked
from vfiocompat.host.sysfs.reading import Ask

__all__ = ["Ask", "Host", "Looked", "Survey"]
