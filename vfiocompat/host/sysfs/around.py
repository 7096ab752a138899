# SPDX-License-Identifier: Apache-2.0
"""What is around NVIDIA's endpoints: the host's platform, and physical functions."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.host.sysfs.siblings import PHYSICAL
from vfiocompat.host.sysfs.tree import text
from vfiocompat.nvidia.told import platform_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.host.sysfs.tree import Tree

__all__ = ["Surroundings", "surroundings"]

_RELEASE = "os-release"


class Surroundings(msgspec.Struct, frozen=True):
    """Which platform a host is, and the physical function of each virtual one."""

    platform: str | None
    physical: dict[str, str]


def surroundings(tree: Tree, devices: Iterable[str]) -> Surroundings:
    """Look for os-release(5), and for the physical functions of devices, by path."""
    links = tree.run({path: tree.link(path, PHYSICAL) for path in devices})
    releases = tree.run(
        {place: tree.read(place, _RELEASE) for place in ("/etc", "/usr/lib")}
    )
    return Surroundings(
        platform_of(next(filter(None, map(text, releases.values())), "")),
        {
            posixpath.basename(path): posixpath.basename(link.text)
            for path, link in links.items()
            if link.failure is None
        },
    )
