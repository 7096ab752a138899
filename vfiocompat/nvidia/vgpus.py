# SPDX-License-Identifier: Apache-2.0
"""What endpoints of NVIDIA's tell of each other, and of the framework they are of.

A function in use lists no types, so the name of its own is taken from another function
of the same GPU: type ids are local to a card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.endpoints import NVIDIA_VENDOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.endpoints import Endpoint, EndpointKind, Facts

__all__ = ["completed", "framework"]


def framework(kind: EndpointKind) -> str:
    """Name NVIDIA's framework that a vGPU is of: mdevs, or its own of functions."""
    return "vendor" if kind == "function" else "mdev"


def completed(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Add the facts of vGPUs that a scan left out and the others of their GPU tell."""
    vgpus = [each for each in endpoints if each.vendor_id == NVIDIA_VENDOR]
    if not vgpus:
        return endpoints
    names = _names(vgpus)
    return [_complete(each, names) if each.is_vgpu else each for each in endpoints]


def _names(vgpus: Sequence[Endpoint]) -> dict[tuple[str, str], str]:
    """Collect the names of types, by GPU and id; without two for one."""
    names: dict[tuple[str, str], str] = {}
    unclear = set()
    for each in vgpus:
        name = each.facts.get("vgpu_type_name")
        if not name or name.isspace() or each.parent is None or each.type_id is None:
            continue
        key = each.parent, each.type_id
        if names.setdefault(key, name) != name:
            unclear.add(key)
    return {key: name for key, name in names.items() if key not in unclear}


def _complete(endpoint: Endpoint, names: dict[tuple[str, str], str]) -> Endpoint:
    more: Facts = {"framework": framework(endpoint.kind)}
    if endpoint.kind == "function":
        name = names.get((endpoint.parent or "", endpoint.type_id or ""))
        more |= {"vgpu_type_name": name} if name else {}
    if more.keys() <= endpoint.facts.keys():
        return endpoint
    return msgspec.structs.replace(endpoint, facts=more | endpoint.facts)
