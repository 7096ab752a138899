# SPDX-License-Identifier: Apache-2.0
"""Reading a specification from its file."""

from __future__ import annotations

import re
import tomllib

import msgspec

from vfiocompat.errors import SpecError
from vfiocompat.simulate.checks import mistakes
from vfiocompat.simulate.spec import Spec

__all__ = ["load"]


def load(path: str) -> Spec:
    """Read a specification; SpecError names the file and every mistake."""
    try:
        with open(path, "rb") as file:
            document = tomllib.loads(file.read().decode())
        spec = msgspec.convert(document, Spec)
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path} is not UTF-8 text", detail=f"byte {error.start}: {error.reason}"
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecError(f"{path} is not TOML", detail=str(error)) from None
    except msgspec.ValidationError as error:
        raise _wrong(path, [_dotted(str(error))]) from None
    if found := mistakes(spec):
        raise _wrong(path, found)
    return spec


def _wrong(path: str, found: list[str]) -> SpecError:
    noun = "mistake" if len(found) == 1 else "mistakes"
    return SpecError(
        f"{len(found)} {noun} in {path}",
        detail="\n".join(found),
        hint="every key is described in vfiocompat-simulate(8)",
    )


def _dotted(message: str) -> str:
    """Put the key, which msgspec names last and as a JSON path, first."""
    what, _, where = message.partition(" - at ")
    key = re.sub(r"^\$\.?", "", where.strip("`"))
    what = what[:1].lower() + what[1:]
    return f"{key}: {what}" if key else what
