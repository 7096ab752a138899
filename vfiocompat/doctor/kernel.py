# SPDX-License-Identifier: Apache-2.0
"""What a host's kernel tells of its devices, and what it keeps from us."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.doctor.found import passed, skipped, warned

if TYPE_CHECKING:
    from vfiocompat.doctor.found import Found
    from vfiocompat.host.sysfs.kernel import Kernel

__all__ = [
    "debugfs",
    "modules",
    "processes",
    "release",
    "user",
    "without_streams",
]

_Number = tuple[int, ...]

_SECOND_INTERFACE = (5, 18)
_TELLS_INTERFACE = (6, 8)
_TELLS_FLAGS = (6, 18)
"""Releases of Linux; drivers/vfio/debugfs.c is where it tells."""

_STATE_IT = (
    "state what is known in facts.d (migration_flags, dirty_tracking: "
    "vfiocompat-facts(5)), or ask a device that nobody uses:\n"
    "    vfiocompat device --open ADDRESS"
)


def release(kernel: Kernel) -> Found:
    """Look whether the kernel can have the interface that QEMU needs."""
    if kernel.release is None:
        return skipped("this host does not say which kernel it has")
    number = _number(kernel)
    if number is not None and number < _SECOND_INTERFACE:
        return warned(
            f"Linux {kernel.release} has no second migration interface, unless it was "
            "put there",
            codes.KERNEL_TELLS_LESS,
            hint="QEMU 8.0 and later needs it: Linux 5.18, or a vendor's kernel",
        )
    return passed(f"Linux {kernel.release}")


def without_streams(kernel: Kernel) -> str | None:
    """Say that a kernel has no migration streams, if it is known to have none."""
    if not _is_before(kernel, _SECOND_INTERFACE):
        return None
    return f"Linux {kernel.release} has no migration streams: they came with 5.18"


def modules(kernel: Kernel) -> Found:
    """Look whether VFIO is there."""
    if kernel.modules is None:
        return skipped("there is no /sys/module to tell")
    there = ", ".join(kernel.modules)
    if not any("vfio" in name for name in kernel.modules):
        return warned(
            f"VFIO is not loaded{f' (only {there})' if there else ''}",
            codes.NO_VFIO,
            hint="load it, and the driver of the vendor:\n    modprobe vfio-pci",
        )
    return passed(f"there are {there}")


def debugfs(kernel: Kernel) -> Found:
    """Look whether the kernel tells of migration interfaces."""
    state, errno = kernel.debugfs.state, kernel.debugfs.errno
    if state == "unmounted":
        return warned(
            "debugfs is not mounted: migration interfaces are not told",
            codes.NO_DEBUGFS,
            hint="mount it:\n    mount -t debugfs none /sys/kernel/debug",
        )
    if state == "unreadable":
        return warned(
            f"debugfs cannot be read ({errno or 'no answer in time'}): migration "
            "interfaces are not told",
            codes.NO_DEBUGFS,
            hint="it is for root, and for nobody where the kernel is locked down",
        )
    if state == "absent":
        return warned(
            "there is no debugfs: migration interfaces are not told",
            codes.NO_DEBUGFS,
            hint=_STATE_IT,
        )
    if kernel.modules is not None and not any(
        "vfio" in each for each in kernel.modules
    ):
        return skipped("VFIO is not loaded, so debugfs has nothing of it")
    return _told(kernel) if state == "told" else _silent(kernel)


def _told(kernel: Kernel) -> Found:
    if _is_before(kernel, _TELLS_FLAGS):
        return warned(
            "debugfs tells which devices have a migration interface, and not what it "
            "can do (Linux 6.18)",
            codes.KERNEL_TELLS_LESS,
            hint=_STATE_IT,
        )
    return passed("debugfs tells of migration interfaces")


def _silent(kernel: Kernel) -> Found:
    if _is_before(kernel, _TELLS_INTERFACE):
        why, code = "this kernel does so from 6.8 on", codes.KERNEL_TELLS_LESS
    else:
        why, code = "the kernel lacks CONFIG_VFIO_DEBUGFS", codes.NO_DEBUGFS
    return warned(f"debugfs tells nothing of VFIO devices: {why}", code, hint=_STATE_IT)


def _is_before(kernel: Kernel, number: _Number) -> bool:
    """Whether a kernel is older; one that does not tell is not."""
    known = _number(kernel)
    return known is not None and known < number


def _number(kernel: Kernel) -> _Number | None:
    match = re.match(r"([0-9]{1,4})\.([0-9]{1,4})", kernel.release or "")
    return None if match is None else (int(match[1]), int(match[2]))


def user(number: int) -> Found:
    """Look whether we are root; `number` is the effective user."""
    if number == 0:
        return passed("run as root")
    return warned(
        f"run as user {number}, not as root",
        codes.NOT_ROOT,
        detail="not read: debugfs, and who has devices open\n"
        "not asked: drivers whose attributes are root's (VFC103), device --open\n"
        "libvirt may be a session of this user's, with other VMs",
        hint="run it as root:\n    sudo vfiocompat doctor",
    )


def processes(kernel: Kernel) -> Found:
    """Look whether nobody is hidden who may use a device."""
    if kernel.sees_all:
        return passed("all processes are seen, so who uses a device is known")
    return warned(
        "some processes are hidden: whether a device is in use may not be known",
        codes.PROCESSES_HIDDEN,
        hint="run it as root, outside of containers (docker run --pid=host)",
    )
