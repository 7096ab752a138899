# SPDX-License-Identifier: Apache-2.0
"""What the driver of a VM's device can do for a migration, as far as it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.tables.language.records import Interface

Said = TypeVar("Said")

__all__ = ["NOT_KNOWN", "DeviceInterface", "device_interface"]


class DeviceInterface(NamedTuple):
    """A device's migration interface: its flags, and whether it tracks what it writes.

    `iommu_tracks` says whether its host's IOMMU does. None where that is not known.
    """

    flags: tuple[str, ...] | None
    tracks: bool | None
    iommu_tracks: bool | None = None


NOT_KNOWN = DeviceInterface(None, None)

_WORDS = {"yes": True, "no": False}


def device_interface(
    endpoint: Endpoint, of_tables: Collection[Interface]
) -> DeviceInterface:
    """Tell what is known of a device: by the kernel, by an operator, or by tables.

    Each goes before those that stand after it; tables that say different things say
    nothing. What comes from an inventory that is too old is not known.
    """
    if endpoint.is_outdated:
        return NOT_KNOWN
    by_iommu = _WORDS.get(endpoint.stated.get("iommu_dirty_tracking", ""))
    told = endpoint.migration.flags if endpoint.migration else None
    if told is not None:
        return DeviceInterface(told, "DIRTY_TRACKING" in told, by_iommu)
    stated = endpoint.stated.get("migration_flags")
    flags = (
        _same({each.flags for each in of_tables})
        if stated is None
        else tuple(stated.split(","))
    )
    tracks = _WORDS.get(endpoint.stated.get("dirty_tracking", ""))
    if tracks is None:
        tracks = _same({each.dirty_tracking for each in of_tables})
    return DeviceInterface(flags, tracks, by_iommu)


def _same(said: set[Said]) -> Said | None:
    return said.pop() if len(said) == 1 else None
