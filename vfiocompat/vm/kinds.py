# SPDX-License-Identifier: Apache-2.0
"""What a device can be at its destination, as libvirt attaches it, and binds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.diagnostics import diagnostic, first_of

if TYPE_CHECKING:
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.vm.model import Vm, VmDevice

__all__ = ["becoming", "bound_there", "bound_to_plain"]

_SHOWN = 5  # names of a list of them


def becoming(device: VmDevice, destination: Endpoint) -> Diagnostic | None:
    """Find whether a device cannot be what an endpoint gives it, or perhaps not.

    libvirt has `<interface type='hostdev'>` for PCI functions only, and ramfb for mdevs
    (docs/formatdomain.rst). QEMU writes what ramfb shows into the device's state, from
    machine type 8.2 on (hw/vfio/display.c, vfio_display_vmstate).
    """
    if destination.kind != "function":
        if device.is_interface:
            return diagnostic(
                codes.INTERFACE_NEEDS_FUNCTION,
                hint="needs a PCI function that is bound to a VFIO driver",
            )
    elif device.has_ramfb:
        return diagnostic(codes.RAMFB_LOST)
    return None


def bound_there(device: VmDevice, destination: Endpoint) -> Diagnostic | None:
    """Find whether libvirt binds a function to another driver than it has now.

    With managed='yes' that is the driver which the XML names, or else a VFIO driver
    that the kernel knows for the device (libvirt 10.0.0, src/util/virpci.c,
    virPCIDeviceFindBestVFIOVariant). NVIDIA's is none of these.
    """
    if not device.is_managed or destination.kind != "function":
        return None
    has = destination.driver or "none"
    if device.bound_to is not None:
        if _plain(has) == _plain(device.bound_to):
            return None
        what = f"libvirt binds it to {device.bound_to} when the VM comes"
        hint = f"bind it to {device.bound_to} there before"
    elif destination.is_vgpu:
        what = "libvirt takes it from that when the VM comes"
        hint = "write managed='no' for it in the VM's XML"
    else:
        return None
    return diagnostic(
        codes.BOUND_ON_ARRIVAL,
        f"the destination has driver {has}, and {what} (managed='yes')",
        hint=hint,
        path=destination.path,
    )


def _plain(driver: str) -> str:
    """Give a driver's name as its module has it."""
    return driver.replace("-", "_")


def bound_to_plain(vm: Vm) -> tuple[Diagnostic, ...]:
    """Warn of functions that an older libvirt binds to plain vfio-pci.

    It knows no other driver, and ignores one that the XML names (src/util/virpci.c,
    virPCIDeviceBindToStub).
    """
    names = [each.named for each in vm.moved if each.is_managed and each.saved]
    if not names:
        return ()
    return (
        diagnostic(
            codes.MAY_BIND_PLAIN,
            detail=f"managed='yes' of {first_of(names, _SHOWN)}",
            hint="needs libvirt 10.0.0 or newer on the destination's host, or managed="
            "'no' and functions that are bound before",
        ),
    )
