# SPDX-License-Identifier: Apache-2.0
"""Reading a specification from a file."""

from __future__ import annotations

from vfiocompat.errors import SpecError
from vfiocompat.simulate.checks import mistakes
from vfiocompat.simulate.spec import Spec
from vfiocompat.tomlfile import convert, parse_toml, read_text

__all__ = ["load"]


def load(path: str) -> Spec:
    """Read a specification; SpecError names the file and every mistake."""
    document = parse_toml(read_text(path, SpecError), path, SpecError)
    spec, found, _ = convert(document, Spec)
    if spec is not None and not found:
        found = mistakes(spec)
    if spec is None or found:
        noun = "mistake" if len(found) == 1 else "mistakes"
        raise SpecError(
            f"{len(found)} {noun} in {path}",
            detail="\n".join(found),
            hint="every key is described in vfiocompat-simulate(8)",
        )
    return spec
