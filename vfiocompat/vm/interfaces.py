# SPDX-License-Identifier: Apache-2.0
"""What the driver of a VM's device can do for a migration, as far as it is known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from msgspec.structs import replace

from vfiocompat import codes
from vfiocompat.diagnostics import Missing, diagnostic

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.tables.language.records import Interface
    from vfiocompat.vm.model import VmDevice

Said = TypeVar("Said")

__all__ = [
    "FLAGS",
    "IOMMUFD",
    "NOT_KNOWN",
    "DeviceInterface",
    "device_interface",
    "need_p2p",
    "unacknowledged",
    "untracked_there",
    "without_iommufd",
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

TRACKING = "dirty_tracking", "iommu_dirty_tracking"
"""The facts by which an operator tells what tracks writes."""

IOMMUFD = "iommufd", "kernel"
"""The facts of a destination that tell whether it has iommufd."""

_HAS_IOMMUFD = 6, 6
"""The first Linux with nodes of VFIO devices (drivers/vfio/device_cdev.c)."""

_KERNEL = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?![0-9])")

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


def need_p2p(devices: Sequence[VmDevice], *, only_migratable: bool = False) -> int:
    """Tell how many of a VM's devices need P2P for its QEMU to start: so many first.

    Of several devices one with enable-migration=on does not start beside, or after, one
    without P2P; all others only block a migration then, which a destination does not
    begin (hw/vfio/migration.c, vfio_block_multiple_devices_migration), unless it starts
    with `only_migratable` devices.
    """
    if only_migratable and len(devices) > 1:
        return len(devices)
    told = [at for at, device in enumerate(devices) if device.migration == "on"]
    return told[-1] + 1 if told and told[-1] else 0


def without_p2p(
    destination: Endpoint, of_tables: Sequence[Interface]
) -> Diagnostic | None:
    """Find whether an endpoint has no P2P where its QEMU does not start without.

    Perhaps it has none where nobody tells.
    """
    flags = device_interface(destination, of_tables).flags
    if destination.is_outdated or (flags is not None and "P2P" in flags):
        return None
    if flags is None:
        return diagnostic(
            codes.P2P_NOT_KNOWN,
            "whether the destination has P2P is not known, and with "
            "enable-migration=on or -only-migratable QEMU does not start several "
            "devices without",
            hint="state migration_flags for it in facts.d, and scan its host again",
            path=destination.path,
            missing=(Missing("destination", FLAGS),),
        )
    return diagnostic(
        codes.NO_P2P,
        "the destination has no P2P, and with enable-migration=on or -only-migratable "
        "QEMU does not start several devices without",
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


def untracked_there(
    device: VmDevice, destination: Endpoint, of_tables: Sequence[Interface]
) -> Diagnostic | None:
    """Find whether QEMU does not start with a device since nothing tracks its writes.

    With -only-migratable what blocks a migration is an error
    (migration/migration.c, migrate_add_blocker), also where a VM comes. Perhaps
    something does where nobody tells.
    """
    known = device_interface(destination, of_tables)
    tracks = False if device.untracked else known.tracks
    by_iommu = known.iommu_tracks if device.is_by_iommu else False
    if destination.is_outdated or device.migration == "on" or tracks or by_iommu:
        return None
    if tracks is None or by_iommu is None:
        fact = TRACKING[0] if tracks is None else TRACKING[1]
        return diagnostic(
            codes.TRACKING_NOT_KNOWN,
            "whether anything at the destination tracks what the device writes is not "
            "known, and with -only-migratable QEMU does not start otherwise",
            hint=f"state {fact} for it in facts.d, and scan its host again",
            path=destination.path,
            missing=(Missing("destination", fact),),
        )
    return diagnostic(
        codes.WRITES_NOT_TRACKED,
        "nothing at the destination tracks what the device writes, and with "
        "-only-migratable QEMU does not start so",
        path=destination.path,
    )


def without_iommufd(destination: Endpoint) -> Diagnostic | None:
    """Say of a device's destination whether it has iommufd, as far as that is known.

    It is not where a kernel is too old, but for what was ported back to it.
    """
    told, version = destination.stated.get("iommufd"), _kernel_version(destination)
    if told == "yes" or destination.is_outdated:
        return None
    if told == "no":
        return diagnostic(
            codes.NO_IOMMUFD,
            "the VM's device goes through iommufd, which the destination does not have",
            path=destination.path,
        )
    if version is None or version >= _HAS_IOMMUFD:
        finding = diagnostic(codes.NO_IOMMUFD, path=destination.path)
        return replace(finding, severity="info")
    finding = diagnostic(
        codes.NO_IOMMUFD,
        "the VM's device goes through iommufd, and whether the destination has that is "
        "not known",
        detail=f"Linux has it since 6.6, and the kernel is "
        f"{destination.facts.get('kernel')}",
        hint="if it was ported back, state iommufd=yes: 'vfiocompat explain VFC561' "
        "says how to find out",
        path=destination.path,
        missing=(Missing("destination", "iommufd"),),
    )
    return replace(finding, severity="warning")


def _kernel_version(endpoint: Endpoint) -> tuple[int, int] | None:
    found = _KERNEL.match(endpoint.facts.get("kernel") or "")
    return None if found is None else (int(found[1]), int(found[2]))
