# SPDX-License-Identifier: Apache-2.0
"""What the driver of a VM's device can do for a migration, as far as it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vfiocompat import codes
from vfiocompat.diagnostics import diagnostic

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.tables.language.records import Interface
    from vfiocompat.vm.model import VmDevice

Said = TypeVar("Said")

__all__ = [
    "FLAGS",
    "NOT_KNOWN",
    "DeviceInterface",
    "device_interface",
    "need_p2p",
    "unacknowledged",
    "without_p2p",
]


class DeviceInterface(NamedTuple):
    """A device's migration interface: its flags, and whether it tracks what it writes.

    `iommu_tracks` says whether its host's IOMMU does. None where that is not known.
    """

    flags: tuple[str, ...] | None
    tracks: bool | None
    iommu_tracks: bool | None = None


NOT_KNOWN = DeviceInterface(None, None)

FLAGS = "migration_flags"
"""The fact by which an operator tells what a migration interface can do."""

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
    stated = endpoint.stated.get(FLAGS)
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


def need_p2p(devices: Sequence[VmDevice]) -> int:
    """Tell how many of a VM's devices need P2P for its QEMU to start: so many first.

    Of several devices one with enable-migration=on does not start beside, or after, one
    without P2P; all others only block a migration then, which a destination does not
    begin (hw/vfio/migration.c, vfio_block_multiple_devices_migration).
    """
    told = [at for at, device in enumerate(devices) if device.migration == "on"]
    return told[-1] + 1 if told and told[-1] else 0


def without_p2p(destination: Endpoint) -> Diagnostic | None:
    """Find whether an endpoint has no P2P where its QEMU does not start without."""
    flags = device_interface(destination, ()).flags
    if flags is None or "P2P" in flags:
        return None
    return diagnostic(
        codes.NO_P2P,
        "the destination has no P2P, and with enable-migration=on QEMU does not start "
        "several devices without",
        detail=f"it has {', '.join(flags) or 'none'}",
        path=destination.path,
    )


def unacknowledged(source: Endpoint, destination: Endpoint) -> Diagnostic | None:
    """Find whether a switchover that has to be acknowledged never comes.

    A device with PRE_COPY says when its first data is sent, and one without never does.
    One without it refuses that at the destination, and one with it waits for that
    (hw/vfio/migration.c, vfio_load_state and vfio_switchover_ack_needed).
    """
    told = [device_interface(end, ()).flags for end in (source, destination)]
    if None in told:
        return None
    has, has_there = ("PRE_COPY" in (flags or ()) for flags in told)
    if has == has_there:
        return None
    which, does = ("source", "refuses its state") if has else ("destination", "waits")
    return diagnostic(
        codes.STATE_NOT_LOADED,
        f"only the {which} has PRE_COPY, and with switchover-ack the destination's "
        f"QEMU {does}",
        hint="switch the capability switchover-ack off on both hosts",
        path=destination.path,
    )
