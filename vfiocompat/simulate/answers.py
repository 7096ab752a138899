# SPDX-License-Identifier: Apache-2.0
"""What a driver answers to a read and to a write of its version attribute."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from vfiocompat.simulate.errnos import failure

if TYPE_CHECKING:
    from vfiocompat.simulate.spec import DriverAnswers

__all__ = ["accept", "show"]


def show(answers: DriverAnswers) -> bytes:
    """Return what read(2) gets."""
    if not answers.migration or answers.version is None:
        raise failure("ENODEV")
    return answers.version.encode() + b"\n"


def accept(answers: DriverAnswers, data: bytes) -> None:
    """Return if write(2) of a source's string succeeds; OSError if it does not."""
    if not answers.migration or answers.version is None:
        raise failure("ENODEV")
    if answers.newline == "required" and not data.endswith(b"\n"):
        raise failure(answers.refuses)
    source = data.removesuffix(b"\n").decode("latin-1")
    if answers.accepts is None:
        accepted = source == answers.version
    else:
        accepted = any(fnmatchcase(source, pattern) for pattern in answers.accepts)
    if not accepted:
        raise failure(answers.refuses)
