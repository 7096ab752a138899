# SPDX-License-Identifier: Apache-2.0
"""Reading a specification from a file."""

from __future__ import annotations

from vfiocompat.errors import SpecError
from vfiocompat.simulate.checks import mistakes
from vfiocompat.simulate.spec import Spec
from vfiocompat.tomlfile import read_record

__all__ = ["load"]


def load(path: str) -> Spec:
    """Read a specification; SpecError names the file and every mistake."""
    return read_record(
        path,
        Spec,
        SpecError,
        check=_check,
        hint="every key is described in vfiocompat-simulate(8)",
    )


def _check(spec: Spec, broken: set[str]) -> list[str]:
    """Look at a whole specification only: its parts name each other."""
    return [] if broken else mistakes(spec)
