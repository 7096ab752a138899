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
from vfiocompat.diagnostics import counted
from vfiocompat.doctor.found import failed, passed, skipped, warned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.doctor.found import Found
    from vfiocompat.endpoints import Endpoint, Problem
    from vfiocompat.host.sysfs import Survey

__all__ = ["attribute_channel", "endpoints", "writable"]

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
