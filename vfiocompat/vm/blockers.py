# SPDX-License-Identifier: Apache-2.0
"""What QEMU demands of a VM with VFIO devices before it migrates it.

Texts of blockers are those of QEMU 7.2, 8.0 and 10.0 (hw/vfio/migration.c, common.c and
pci.c, which add them when a device is realized; migration/savevm.c). They are told by
their text and not by QEMU's version, since distributions port them back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.diagnostics import both_ends, diagnostic
from vfiocompat.endpoints import NVIDIA_VENDOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.vm.model import Vm, VmDevice

__all__ = ["READ_ACROSS_DRIVERS", "across_drivers", "blocking"]

_BLOCKERS = {
    "VFIO migration is not supported in kernel": codes.QEMU_CANNOT_MIGRATE,
    "VFIO device doesn't support migration": codes.QEMU_CANNOT_MIGRATE,
    "Migration is disabled for VFIO device": codes.MIGRATION_OFF,
    "Migration couldn't be initialized for VFIO device": codes.QEMU_NOT_INITIALIZED,
    "VFIO device doesn't support device dirty tracking": codes.WRITES_NOT_TRACKED,
    "VFIO device doesn't support device and IOMMU dirty tracking": (
        codes.WRITES_NOT_TRACKED
    ),
    "Migration is currently not supported with vIOMMU enabled": codes.VIRTUAL_IOMMU,
    "Migration is currently not supported with multiple VFIO devices": codes.NO_P2P,
    "Multiple VFIO devices migration is supported only if all of them support P2P": (
        codes.NO_P2P
    ),
    "non-migratable device": codes.UNMIGRATABLE_DEVICE,
}
"""What a blocker says, by a part of its text, as a code, else QEMU_REFUSES."""

_MACHINE = re.compile(
    r"(?:pc-q35|pc-i440fx|virt)-([0-9]{1,3})\.([0-9]{1,3})(?:\+pve[0-9]+)?"
)
"""Machine types of QEMU's own, and Proxmox's, which name QEMU's.

Those of other distributions do not tell QEMU's version.
"""

_SKIPS_VSC = 9, 1
"""The first machine type with skip-vsc-check (hw/core/machine.c, hw_compat_9_0)."""

READ_ACROSS_DRIVERS: Mapping[str | None, tuple[str, ...]] = {
    NVIDIA_VENDOR: ("vendor_id", "module_version")
}
"""The facts of an endpoint that `across_drivers` reads, by its vendor."""

_SEVERAL = 2
_SHOWN = 5  # names of a list of them


def blocking(vm: Vm, sources: Sequence[Endpoint]) -> tuple[Diagnostic, ...]:
    """Find what forbids that a VM is migrated at all, wherever it is to go.

    `sources` are the endpoints of the devices that are moved, in their order.
    """
    found = [] if vm.devices else [diagnostic(codes.NO_VFIO_DEVICE)]
    found += [_blocked(text) for text in vm.blockers or ()]
    known = {finding.code for finding in found}
    if vm.postcopy and vm.moved:
        found.append(diagnostic(codes.POSTCOPY_ON))
    if codes.MIGRATION_OFF not in known:
        found += [
            diagnostic(
                codes.MIGRATION_OFF, f"migration is switched off for {_named(device)}"
            )
            for device in vm.moved
            if device.migration == "off"
        ]
    if codes.NO_P2P not in known:
        found += _without_p2p(vm, sources)
    if codes.UNMIGRATABLE_DEVICE not in known:
        found += [
            diagnostic(
                codes.UNMIGRATABLE_DEVICE, f"QEMU cannot migrate {_named(device)}"
            )
            for device in vm.moved
            if not device.saved
        ]
    if vm.networks:
        found.append(
            diagnostic(
                codes.NETWORKS_NOT_TOLD, detail=f"networks: {_some(vm.networks)}"
            )
        )
    found += [
        diagnostic(
            codes.UNPLUGGED, f"{_named(device)} is unplugged before the migration"
        )
        for device in vm.devices
        if device.unplugged
    ]
    return tuple(found)


def _blocked(text: str) -> Diagnostic:
    code = next(
        (code for part, code in _BLOCKERS.items() if part in text), codes.QEMU_REFUSES
    )
    return diagnostic(code, detail=text)


def _without_p2p(vm: Vm, sources: Sequence[Endpoint]) -> Iterator[Diagnostic]:
    """Find devices of several that cannot be stopped together, or perhaps not."""
    if len(vm.moved) < _SEVERAL:
        return
    unknown, lacking = [], False
    for device, source in zip(vm.moved, sources, strict=True):
        flags = source.migration.flags if source.migration else None
        if flags is None or _is_outdated(source):
            unknown.append(_named(device))
        elif "P2P" not in flags:
            lacking = True
            yield diagnostic(
                codes.NO_P2P,
                f"the VM has {len(vm.moved)} VFIO devices, and {_named(device)} has no "
                "P2P",
                detail=f"it has {', '.join(flags) or 'none'}",
                path=source.path,
            )
    if unknown and not lacking and vm.blockers is None:  # or QEMU itself has looked
        some = len(unknown) < len(vm.moved)
        yield diagnostic(
            codes.P2P_NOT_KNOWN, detail=f"of {_some(unknown)}" if some else None
        )


def _some(names: Sequence[str]) -> str:
    """List names, or the first of many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _is_outdated(endpoint: Endpoint) -> bool:
    """Whether all that is known of an endpoint is too old to be relied on."""
    return bool(endpoint.recorded and endpoint.recorded.rejected)


def _named(device: VmDevice) -> str:
    return device.text + (f" ({device.name})" if device.name else "")


def across_drivers(
    vm: Vm, device: VmDevice, source: Endpoint, destination: Endpoint
) -> Diagnostic | None:
    """Find whether QEMU may refuse a vGPU because the hosts' drivers differ.

    A vGPU's PCI config space differs between NVIDIA's host drivers, and QEMU compares
    it up to machine type 9.0 (hw/pci/pci.c, get_pci_config_device; hw/vfio/pci.c,
    skip-vsc-check).
    """
    if not (source.is_vgpu and destination.is_vgpu):
        return None
    if _is_outdated(source) or _is_outdated(destination):
        return None
    versions = [end.facts.get("module_version") for end in (source, destination)]
    if None in versions or versions[0] == versions[1]:
        return None
    skips = _skips_vsc_check(vm, device)
    if skips:
        return None
    why = None
    if device.skip_vsc_check is False:
        why = "the hosts' NVIDIA drivers differ, and skip-vsc-check is off"
    return diagnostic(
        codes.DRIVERS_MAY_DIFFER if skips is None else codes.DRIVERS_DIFFER,
        why,
        detail=f"machine type {vm.machine or 'not known'}",
        spans=both_ends(*versions),
    )


def _skips_vsc_check(vm: Vm, device: VmDevice) -> bool | None:
    """Whether QEMU lets a vGPU's config space differ; None if that is not known."""
    if device.skip_vsc_check is not None:
        return device.skip_vsc_check
    match = _MACHINE.fullmatch(vm.machine or "")
    return None if match is None else (int(match[1]), int(match[2])) >= _SKIPS_VSC
