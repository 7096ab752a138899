# SPDX-License-Identifier: Apache-2.0
"""What a device can be at its destination, as libvirt attaches it: an mdev or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.diagnostics import diagnostic

if TYPE_CHECKING:
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.vm.model import VmDevice

__all__ = ["becoming"]


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
