# SPDX-License-Identifier: Apache-2.0
"""Which QEMU runs a VM, and which of the kernel's migration interfaces that one speaks.

QEMU 5.2 is the first that migrates VFIO devices, by interface v1; QEMU 8.0 and newer
speak v2 alone (hw/vfio/migration.c of these).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from vfiocompat import codes
from vfiocompat.diagnostics import diagnostic

if TYPE_CHECKING:
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.vm.model import Vm, VmDevice

__all__ = ["machine_version", "unspoken", "unspoken_there"]

_MACHINE = re.compile(
    r"(?:pc-q35|pc-i440fx|virt)-([0-9]{1,3})\.([0-9]{1,3})(?:\+pve[0-9]+)?"
)
"""Machine types of QEMU's own, and Proxmox's, which name QEMU's.

Those of other distributions do not tell QEMU's version.
"""

_FIRST = 5, 2
_SPEAKS_V2 = 8, 0
_SPEAKERS = "QEMU 5.2 to 7.2 speak v1, and 8.0 and newer v2"


def machine_version(vm: Vm) -> tuple[int, int] | None:
    """Give the version of QEMU's that a machine type names: QEMU is no older."""
    match = _MACHINE.fullmatch(vm.machine or "")
    return None if match is None else (int(match[1]), int(match[2]))


def unspoken(vm: Vm, device: VmDevice, source: Endpoint) -> Diagnostic | None:
    """Find whether QEMU does not speak a device's migration interface, or perhaps."""
    qemu = _spoken(vm)
    kernel = source.migration.interface if source.migration else None
    if kernel in {"none", qemu}:
        return None
    if qemu == "none":
        return diagnostic(
            codes.QEMU_CANNOT_MIGRATE,
            "QEMU before 5.2 migrates no VFIO device, and an older one runs the VM",
        )
    if None not in {qemu, kernel}:
        return diagnostic(
            codes.QEMU_CANNOT_MIGRATE,
            f"{device.named} has migration interface {kernel}, and the VM's QEMU "
            f"speaks {qemu} alone",
            path=source.path,
        )
    if "v1" not in {qemu, kernel}:
        return None
    finding = diagnostic(
        codes.QEMU_CANNOT_MIGRATE,
        f"whether the VM's QEMU speaks the migration interface of {device.named} is "
        "not known",
        detail=_SPEAKERS,
        hint=f"'vfiocompat device {device.text}' tells which one the kernel has",
        path=source.path,
    )
    return replace(finding, severity="warning")


def unspoken_there(vm: Vm, destination: Endpoint) -> Diagnostic | None:
    """Find whether QEMU does not speak an endpoint's migration interface, or perhaps.

    Only the machine type tells which QEMU will run the VM there.
    """
    told = destination.migration
    if destination.is_outdated or told is None or told.interface != "v1":
        return None
    version = machine_version(vm)
    if version is not None and version >= _SPEAKS_V2:
        return diagnostic(
            codes.QEMU_CANNOT_MIGRATE,
            "the destination has migration interface v1, and the VM's QEMU speaks v2 "
            "alone",
            path=destination.path,
        )
    finding = diagnostic(
        codes.QEMU_CANNOT_MIGRATE,
        "the destination has migration interface v1, and whether its QEMU speaks that "
        "is not known",
        detail=_SPEAKERS,
        path=destination.path,
    )
    return replace(finding, severity="warning")


def _spoken(vm: Vm) -> Literal["none", "v1", "v2"] | None:
    """Name the interface that a VM's QEMU speaks; None if that is not known.

    An old machine type does not tell: a new QEMU runs it too.
    """
    if vm.qemu is not None and vm.qemu < _SPEAKS_V2:
        return "none" if vm.qemu < _FIRST else "v1"
    version = vm.qemu or machine_version(vm)
    return "v2" if version is not None and version >= _SPEAKS_V2 else None
