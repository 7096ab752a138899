# SPDX-License-Identifier: Apache-2.0
"""What the endpoints of a host are called, as far as no driver has to be asked."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from vfiocompat.host.sysfs.nodes import (
    CREATABLE,
    FUNCTIONS,
    MDEVS,
    NVIDIA_DRIVER,
    PARENTS,
    TYPES,
    is_vfio_driver,
)

if TYPE_CHECKING:
    from vfiocompat.host.sysfs.tree import Tree

__all__ = ["addresses"]


def addresses(tree: Tree) -> list[str]:
    """Give the addresses of types, mdevs and functions; an NVIDIA one has no types."""
    listed = tree.run({path: tree.list(path) for path in (PARENTS, MDEVS, FUNCTIONS)})
    parents, mdevs, functions = (sorted(reply.names) for reply in listed.values())
    types = tree.run({name: tree.list(f"{PARENTS}/{name}/{TYPES}") for name in parents})
    links = tree.run(
        {name: tree.link(f"{FUNCTIONS}/{name}", "driver") for name in functions}
    )
    drivers = {name: posixpath.basename(link.text) for name, link in links.items()}
    nvidia = tree.run(
        {
            name: tree.find(f"{FUNCTIONS}/{name}/{NVIDIA_DRIVER}", CREATABLE)
            for name, driver in drivers.items()
            if driver == NVIDIA_DRIVER
        }
    )
    return [
        *(f"{name}/{each}" for name in parents for each in sorted(types[name].names)),
        *mdevs,
        *(
            name
            for name, driver in drivers.items()
            if is_vfio_driver(driver)
            or (name in nvidia and nvidia[name].failure is None)
        ),
    ]
