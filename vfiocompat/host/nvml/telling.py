# SPDX-License-Identifier: Apache-2.0
"""What children tell that use NVIDIA's library, of whom one may end too early.

One child does all, since the library takes its time to begin. It says what it is about
before each: so where the library crashes or hangs over that, it alone is not known, and
other children do the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.errors import VfiocompatError, error_of

if TYPE_CHECKING:
    from vfiocompat.errors import ErrorRecord

__all__ = ["DOING", "ROUNDS", "ended"]

DOING = "asking NVIDIA's library"

ROUNDS = 3
"""How often children are made where one ends too early: each may be waited for."""


def ended(error: ErrorRecord) -> ErrorRecord:
    """Say why a child ended too early: the library, if it has died.

    Raises:
        Bug: what it does has failed by itself.

    """
    if error.code == codes.BUG:
        raise error_of(error)
    if error.code != codes.NOT_COMPLETED:
        return error
    return VfiocompatError(
        "NVIDIA's library ended the process that asked it",
        hint="nvidia-smi may do so, too: see the kernel's log",
        code=codes.NVML_DIED,
    ).record
