# SPDX-License-Identifier: Apache-2.0
"""A host's endpoints, and the ways to ask their drivers.

Each way, a channel, is a check of its own: whether drivers here can be asked by it, and
if not what would help.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.codes import CODES
from vfiocompat.diagnostics import counted, first_of
from vfiocompat.doctor.found import failed, passed, skipped, warned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vfiocompat.doctor.found import Found
    from vfiocompat.endpoints import Endpoint, Problem
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.sysfs import Survey
    from vfiocompat.tables.language.records import Stream

__all__ = [
    "attribute_channel",
    "endpoints",
    "nvml_channel",
    "stream_channel",
    "writable",
]

_SHOWN = 4
"""Devices of a driver that are named."""

_KINDS = {"type": "mdev type", "mdev": "mdev", "function": "VFIO function"}


def endpoints(survey: Survey) -> Found:
    """Look whether there are any, and whether all that they have could be read."""
    number = len(survey.endpoints)
    kinds = Counter(_KINDS[each.kind] for each in survey.endpoints)
    what = ", ".join(counted(count, kind) for kind, count in kinds.items())
    if survey.problems:
        return warned(
            f"{counted(len(survey.problems), 'thing')} of this host could not be read",
            *sorted({codes.code_of(each.code) for each in survey.problems}),
            detail="\n".join(map(_told, survey.problems)),
            hint="'vfiocompat explain CODE' tells what each means",
        )
    if not number:
        return warned(
            "this host has no endpoint: no mdev type, no mdev, no VFIO function",
            codes.NO_ENDPOINTS,
            hint="load the driver of the vendor, enable virtual functions, and bind "
            "them to their variant driver",
        )
    return passed(f"{counted(number, 'endpoint')}: {what}")


def _told(problem: Problem) -> str:
    errno = f" ({problem.errno})" if problem.errno else ""
    summary = CODES[codes.code_of(problem.code)].summary
    return f"{problem.code} {problem.path}: {summary}{errno}"


def attribute_channel(found: Sequence[Endpoint]) -> Found:
    """Look whether drivers can be asked by their version attributes."""
    number = sum(each.has_attribute for each in found)
    if number:
        return passed(
            f"{number} of {counted(len(found), 'endpoint')} have a version attribute: "
            "their drivers are asked"
        )
    return passed(
        "no endpoint has a version attribute, as no mainline kernel has it: answers "
        "come from tables",
        hint="a vendor's kernel or driver may have it",
    )


def stream_channel(
    found: Sequence[Endpoint], stream_of: Callable[[Endpoint], Stream | None]
) -> Found:
    """Look which devices could be asked by their migration streams; none is opened.

    `stream_of` gives what a table says of the stream of a device's driver.
    """
    able: dict[str, list[Endpoint]] = {}
    harmed: set[str] = set()
    for each in found:
        stream = stream_of(each)
        if stream is not None:
            able.setdefault(each.driver or "", []).append(each)
            harmed |= {each.driver or ""} if stream.hazard is not None else set()
    devices = [each for these in able.values() for each in these]
    if not devices:
        return passed(
            "no device could be asked by its migration stream, as tables know those "
            "of few drivers: 'vfiocompat tables list'"
        )
    idle = next((each.address for each in devices if not each.in_use), None)
    shown = idle or devices[0].address
    return passed(
        f"{counted(len(devices), 'device')} could be asked by migration streams",
        detail="\n".join(
            f"{driver}: {_asked(these)}"
            + (", only read without --despite-hazard" if driver in harmed else "")
            for driver, these in able.items()
        ),
        hint="it is done on demand alone, since it opens and resets devices "
        f"(vfiocompat-stream(7)):\n    vfiocompat get --stream {shown}",
    )


def _asked(these: Sequence[Endpoint]) -> str:
    """Name devices, and say how many of them are in use."""
    used = sum(each.in_use is True for each in these)
    told = f" ({used} in use)" if used else ""
    return first_of([each.address for each in these], _SHOWN) + told


def writable(found: Sequence[Endpoint], *, is_writable: bool) -> Found:
    """Look whether a version string can be written."""
    if is_writable:
        return passed("sysfs is mounted for writing")
    summary = "sysfs is mounted read-only, as in most containers"
    hint = "run it outside of the container, or have /sys mounted for writing"
    if not any(each.has_attribute for each in found):
        return skipped(f"{summary}: there is no attribute to write to")
    return failed(
        f"{summary}: no driver can be asked", codes.SYSFS_READ_ONLY, hint=hint
    )


_MEND = {
    codes.NVML_ABSENT: "it comes with NVIDIA's driver for the host: install that",
    codes.NVML_NO_DRIVER: "nvidia-smi tells whether the driver is at work",
}


def nvml_channel(
    survey: Survey, error: ErrorRecord | None, libraries: Sequence[str]
) -> Found:
    """Look whether NVIDIA's library tells of its GPUs, and of all of them.

    `error` says why it could not be used, and `libraries` are those on the host.
    """
    if error is not None:
        hint = error.hint or _MEND.get(error.code)
        return warned(error.summary, error.code, detail=error.detail, hint=hint)
    several = len(libraries) > 1
    lost = [each for each in survey.problems if each.code == codes.GPU_NOT_READ]
    gpus = survey.gpus or []
    drivers = {each.driver_version for each in gpus if each.driver_version}
    running = sum(bool(each.vgpu_metadata) for each in survey.endpoints)
    what = f"NVIDIA's library tells of {counted(len(gpus), 'GPU')}"
    what += f" (driver {', '.join(sorted(drivers))})" if drivers else ""
    what += f", and the metadata of {counted(running, 'vGPU')}"
    if lost:
        return warned(
            f"{what}; {counted(len(lost), 'thing')} it did not tell",
            codes.GPU_NOT_READ,
            detail="\n".join(map(_told, lost)),
            hint="a GPU that is lost comes back with a reset, or when the host is "
            "restarted: see the kernel's log",
        )
    if several:
        return warned(
            f"{what}; {len(libraries)} versions of it are installed",
            detail="\n".join(libraries),
            hint="remove all but that of the kernel module's version: cat "
            "/sys/module/nvidia/version",
        )
    return passed(what)
