# SPDX-License-Identifier: Apache-2.0
"""What QEMU demands of a VM with VFIO devices before it migrates it.

Texts of blockers are those of QEMU 7.2, 8.0 and 10.0 (hw/vfio/migration.c, common.c and
pci.c, which add them when a device is realized; migration/savevm.c). They are told by
their text and not by QEMU's version, since distributions port them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from vfiocompat import codes
from vfiocompat.diagnostics import Missing, both_ends, diagnostic, first_of
from vfiocompat.endpoints import NVIDIA_VENDOR
from vfiocompat.vm.learning import ASK_QEMU, ask
from vfiocompat.vm.refusals import refusing
from vfiocompat.vm.releases import machine_version, unspoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vfiocompat.codes import Code
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.vm.interfaces import DeviceInterface
    from vfiocompat.vm.model import Vm, VmDevice

__all__ = [
    "READ_ACROSS_DRIVERS",
    "READ_OF_FUNCTIONS",
    "across_drivers",
    "blocker_code",
    "blocking",
    "config_space",
]

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

_SKIPS_VSC = 9, 1
"""The first machine type with skip-vsc-check (hw/core/machine.c, hw_compat_9_0)."""

_ALWAYS_BEHIND = "pseries", "powernv", "s390-ccw-virtio", "sbsa-ref"
"""Machine types whose PCI devices have address spaces of their own (hw/ppc/spapr_pci.c,
spapr_pci_dma_iommu; hw/pci-host/pnv_phb4.c, pnv_phb4_dma_iommu;
hw/s390x/s390-pci-bus.c, s390_pci_dma_iommu; hw/arm/sbsa-ref.c, create_smmu)."""

_USES_IOMMU = 9, 1
"""The first QEMU that has an IOMMU track writes (hw/vfio/migration.c)."""

_ON_BY_DEFAULT = 8, 1
"""The first QEMU with enable-migration=auto; x-enable-migration before it was off
(hw/vfio/pci.c, vfio_pci_dev_properties)."""

READ_ACROSS_DRIVERS: Mapping[str | None, tuple[str, ...]] = {
    NVIDIA_VENDOR: ("vendor_id", "module_version")
}
"""The facts of an endpoint that `across_drivers` reads, by its vendor."""

READ_OF_FUNCTIONS = ("revision",)
"""The facts of a function that `config_space` reads, beside its ids."""

_SAVED = "vfio-pci"
"""The only device_api of what QEMU may save: it has no device for those of AMBA, FSL-MC
and CDX, and saves none of the other kinds (see `is_saved` in model)."""

_SEVERAL = 2
_SHOWN = 5  # names of a list of them


def blocking(
    vm: Vm, sources: Sequence[Endpoint], interfaces: Sequence[DeviceInterface]
) -> tuple[Diagnostic, ...]:
    """Find what forbids that a VM is migrated at all, wherever it is to go.

    `sources` are the endpoints of the devices that are moved, in their order, and
    `interfaces` what is known of their drivers.
    """
    found = []
    if not (vm.devices or vm.others or vm.config_files or vm.disks):
        found.append(diagnostic(codes.NO_VFIO_DEVICE))
    found += [_blocked(text) for text in vm.blockers or ()]
    known = {finding.code for finding in found}
    if vm.postcopy and vm.moved:
        found.append(diagnostic(codes.POSTCOPY_ON))
    found += refusing(vm)
    if codes.MIGRATION_OFF not in known:
        found += [
            diagnostic(
                codes.MIGRATION_OFF, f"migration is switched off for {device.named}"
            )
            for device in vm.moved
            if device.migration == "off"
        ]
    if codes.NO_P2P not in known:
        found += _without_p2p(vm, sources, interfaces)
    if vm.blockers is None:  # else QEMU itself has looked
        found += _unspoken(vm, sources)
        found += _untracked(vm, sources, interfaces)
        found += _behind_iommu(vm)
        found += _off_by_default(vm)
    if codes.UNMIGRATABLE_DEVICE not in known:
        unsaved = [
            device.named
            for device, source in zip(vm.moved, sources, strict=True)
            if not device.saved or (source.device_api or _SAVED) != _SAVED
        ]
        found += [
            diagnostic(codes.UNMIGRATABLE_DEVICE, f"QEMU cannot migrate {name}")
            for name in (*unsaved, *vm.others)
        ]
    found += _beside_devices(vm)
    found += [
        diagnostic(codes.UNPLUGGED, f"{device.named} is unplugged before the migration")
        for device in vm.devices
        if device.unplugged
    ]
    return tuple(found)


def _beside_devices(vm: Vm) -> Iterator[Diagnostic]:
    """Tell what else of a VM leaves open whether it can go, or what it loses."""
    if vm.config_files:
        files = first_of(vm.config_files, _SHOWN)
        yield diagnostic(codes.CONFIG_FILE_NOT_READ, detail=files)
    if vm.disks:
        yield diagnostic(codes.DISK_BY_VFIO, detail=first_of(vm.disks, _SHOWN))
    if vm.protection and vm.moved and vm.blockers is None:
        yield diagnostic(codes.MEMORY_PROTECTED, detail=vm.protection)
    if vm.besides and vm.moved and vm.blockers is None:
        yield diagnostic(
            codes.BESIDE_NOT_MIGRATED,
            detail=first_of(vm.besides, _SHOWN),
            hint=ASK_QEMU,
        )
    if vm.networks:
        networks = f"networks: {first_of(vm.networks, _SHOWN)}"
        yield diagnostic(codes.NETWORKS_NOT_TOLD, detail=networks)


def blocker_code(text: str) -> Code | None:
    """Tell by a code what a text of QEMU says, if that is known."""
    return next((code for part, code in _BLOCKERS.items() if part in text), None)


def _blocked(text: str) -> Diagnostic:
    return diagnostic(blocker_code(text) or codes.QEMU_REFUSES, detail=text)


def _without_p2p(
    vm: Vm, sources: Sequence[Endpoint], interfaces: Sequence[DeviceInterface]
) -> Iterator[Diagnostic]:
    """Find devices of several that cannot be stopped together, or perhaps not."""
    if len(vm.moved) < _SEVERAL:
        return
    unknown: dict[str, Endpoint] = {}
    lacking = False
    for device, source, known in zip(vm.moved, sources, interfaces, strict=True):
        if source.is_outdated:
            continue
        if known.flags is None:
            unknown[device.named] = source
        elif "P2P" not in known.flags:
            lacking = True
            yield diagnostic(
                codes.NO_P2P,
                f"the VM has {len(vm.moved)} VFIO devices, and {device.named} has no "
                "P2P",
                detail=f"it has {', '.join(known.flags) or 'none'}",
                path=source.path,
            )
    if unknown and not lacking and vm.blockers is None:  # or QEMU itself has looked
        yield diagnostic(
            codes.P2P_NOT_KNOWN,
            detail=_of_some([*unknown], vm),
            hint=ask("migration_flags", [*unknown.values()]),
            missing=(Missing("source", "migration_flags"),),
        )


def _unspoken(vm: Vm, sources: Sequence[Endpoint]) -> Iterator[Diagnostic]:
    """Find devices whose migration interface QEMU does not speak, or perhaps."""
    for device, source in zip(vm.moved, sources, strict=True):
        if not _is_no_yes(device, source) and (finding := unspoken(vm, device, source)):
            yield finding


def _untracked(
    vm: Vm, sources: Sequence[Endpoint], interfaces: Sequence[DeviceInterface]
) -> Iterator[Diagnostic]:
    """Find devices of which nothing tracks what they write, or perhaps not.

    With enable-migration=auto QEMU demands it of the device or of iommufd, and with
    `on` it only warns (hw/vfio/migration.c, vfio_migration_realize).
    """
    unknown: dict[str, Endpoint] = {}
    for device, source, known in zip(vm.moved, sources, interfaces, strict=True):
        tracks = False if device.untracked else known.tracks
        if tracks or _is_no_yes(device, source):
            continue
        if device.migration == "on":
            if tracks is False:
                yield _copied_whole(device, source)
        elif tracks is None:
            unknown[device.named] = source
        elif device.is_by_iommu and known.iommu_tracks is not False:
            yield from _by_iommu(vm, device, source, known)
        else:
            yield diagnostic(
                codes.WRITES_NOT_TRACKED,
                f"the driver of {device.named} does not track what it writes, and "
                "without iommufd nothing else does",
                hint="with enable-migration=on QEMU migrates it all the same, and "
                "copies all memory while the VM stands still",
                path=source.path,
            )
    if unknown:
        yield diagnostic(
            codes.TRACKING_NOT_KNOWN,
            detail=_of_some([*unknown], vm),
            hint=ask("dirty_tracking", [*unknown.values()]),
            missing=(Missing("source", "dirty_tracking"),),
        )


def _of_some(names: Sequence[str], vm: Vm) -> str | None:
    """Name the devices that a finding is about, unless it is about all."""
    return f"of {first_of(names, _SHOWN)}" if len(names) < len(vm.moved) else None


def _is_no_yes(device: VmDevice, source: Endpoint) -> bool:
    """Whether a device cannot be migrated, or is not known, whatever QEMU demands."""
    return device.migration == "off" or not device.saved or source.is_outdated


def _copied_whole(device: VmDevice, source: Endpoint) -> Diagnostic:
    """Say what enable-migration=on costs."""
    finding = diagnostic(
        codes.WRITES_NOT_TRACKED,
        f"the driver of {device.named} does not track what it writes: with "
        "enable-migration=on all memory is copied while the VM stands still",
        path=source.path,
    )
    return replace(finding, severity="warning")


def _by_iommu(
    vm: Vm, device: VmDevice, source: Endpoint, known: DeviceInterface
) -> Iterator[Diagnostic]:
    """Say that it rests on the host's IOMMU, and on QEMU, if that is not known."""
    version = machine_version(vm)
    if known.iommu_tracks and version is not None and version >= _USES_IOMMU:
        return
    yield diagnostic(
        codes.TRACKING_NOT_KNOWN,
        f"the driver of {device.named} does not track what it writes, and whether "
        "the host's IOMMU does is not known",
        hint="if it does, state iommu_dirty_tracking=yes in facts.d: "
        "'vfiocompat explain VFC549' says how to find out; the machine type has to "
        "be 9.1 or newer",
        path=source.path,
        missing=(
            () if known.iommu_tracks else (Missing("source", "iommu_dirty_tracking"),)
        ),
    )


def _behind_iommu(vm: Vm) -> Iterator[Diagnostic]:
    """Say that QEMU refuses devices behind a virtual IOMMU, if there is one."""
    iommus = [*vm.iommus]
    if vm.machine and vm.machine.startswith(_ALWAYS_BEHIND):
        iommus.append(vm.machine)
    if vm.moved and iommus:
        finding = diagnostic(
            codes.VIRTUAL_IOMMU,
            "QEMU 10.0 and older migrate no VFIO device of a VM with a virtual IOMMU; "
            "whether this one does is not known",
            detail=first_of(iommus, _SHOWN),
            hint=ASK_QEMU,
        )
        yield replace(finding, severity="warning")


def _off_by_default(vm: Vm) -> Iterator[Diagnostic]:
    """Warn that an older QEMU migrates only what it is told to."""
    version = machine_version(vm)
    untold = [device.named for device in vm.moved if device.migration is None]
    if untold and version is not None and version < _ON_BY_DEFAULT:
        yield diagnostic(
            codes.QEMU_MAY_BE_OLD,
            detail=f"machine type {vm.machine}",
            hint=ASK_QEMU,
        )


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
    if source.is_outdated or destination.is_outdated:
        return None
    versions = [end.told("module_version") for end in (source, destination)]
    skips = _skips_vsc_check(vm, device)
    if skips or (versions[0] == versions[1] and None not in versions):
        return None
    if None in versions:
        return diagnostic(
            codes.DRIVERS_MAY_DIFFER,
            "whether the hosts' NVIDIA drivers differ is not known, and before machine "
            "type 9.1 QEMU may refuse a vGPU of another one",
            detail=f"machine type {vm.machine or 'not known'}",
            hint="scan both hosts again while NVIDIA's driver is loaded",
        )
    why = None
    if device.skip_vsc_check is False:
        why = "the hosts' NVIDIA drivers differ, and skip-vsc-check is off"
    return diagnostic(
        codes.DRIVERS_MAY_DIFFER if skips is None else codes.DRIVERS_DIFFER,
        why,
        detail=f"machine type {vm.machine or 'not known'}",
        spans=both_ends(*versions),
    )


def config_space(source: Endpoint, destination: Endpoint) -> Diagnostic | None:
    """Find what QEMU would see differ in the config space of two functions.

    It compares the ids and the revision of a device when it loads its state
    (hw/pci/pci.c, pci_init_cmask and get_pci_config_device). What a vGPU shows its VM
    is not what its function has.
    """
    ends = source, destination
    if any(end.kind != "function" or end.is_vgpu for end in ends):
        return None
    if source.is_outdated or destination.is_outdated:
        return None
    for what, values in (
        ("vendor id", [end.vendor_id for end in ends]),
        ("device id", [end.device_id for end in ends]),
        ("revision", [end.told("revision") for end in ends]),
    ):
        if None not in values and _number(values[0]) != _number(values[1]):
            return diagnostic(
                codes.CONFIG_SPACE_DIFFERS,
                f"QEMU compares the {what} of a function, and the two differ",
                hint=f"needs a function with the {what} {values[0]}",
                spans=both_ends(*values),
            )
    return None


def _number(text: str | None) -> str:
    """Give an id as it is compared: who states one may leave out its 0x, or zeros."""
    return (text or "").lower().removeprefix("0x").lstrip("0")


def _skips_vsc_check(vm: Vm, device: VmDevice) -> bool | None:
    """Whether QEMU lets a vGPU's config space differ; None if that is not known."""
    if device.skip_vsc_check is not None:
        return device.skip_vsc_check
    version = machine_version(vm)
    return None if version is None else version >= _SKIPS_VSC
