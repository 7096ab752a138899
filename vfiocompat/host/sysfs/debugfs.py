# SPDX-License-Identifier: Apache-2.0
"""Migration interfaces, as the kernel tells of them in debugfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.endpoints import MigrationInterface
from vfiocompat.host.sysfs.nodes import name_of
from vfiocompat.host.sysfs.tree import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.endpoints import Flag
    from vfiocompat.host.sysfs.nodes import Node
    from vfiocompat.host.sysfs.tree import Tree

__all__ = ["DEBUGFS", "migration_interfaces"]

DEBUGFS = "/sys/kernel/debug/vfio"
_FLAGS: dict[str, Flag] = {
    "stop-copy": "STOP_COPY",
    "p2p": "P2P",
    "pre-copy": "PRE_COPY",
    "dirty-tracking": "DIRTY_TRACKING",
}


def migration_interfaces(
    tree: Tree, nodes: Sequence[Node]
) -> dict[str, MigrationInterface]:
    """Read from debugfs which devices can migrate, by their paths; no driver is asked.

    Each VFIO device has a directory there, and in it `migration` if its driver has
    migration operations (Linux 6.8, drivers/vfio/debugfs.c, vfio_device_debugfs_init);
    `features` tells what these can do (Linux 6.18).
    """
    known = set(tree.run({DEBUGFS: tree.list(DEBUGFS)})[DEBUGFS].names)
    paths = {
        node.path: f"{DEBUGFS}/{name}"
        for node in nodes
        if (name := name_of(node.path)) in known and node.kind != "type"
    }
    places = tree.run({path: tree.list(place) for path, place in paths.items()})
    features = tree.run(
        {
            path: tree.read(f"{paths[path]}/migration", "features")
            for path, place in places.items()
            if "migration" in place.names
        }
    )
    found = {}
    for path, place in places.items():
        if path in features:
            found[path] = MigrationInterface("v2", _flags(text(features[path])))
        elif place.failure is None:
            found[path] = MigrationInterface("none")
    return found


def _flags(features: str | None) -> tuple[Flag, ...] | None:
    if features is None:
        return None
    words = features.split()
    return tuple(flag for word, flag in _FLAGS.items() if word in words)
