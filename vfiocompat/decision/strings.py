# SPDX-License-Identifier: Apache-2.0
"""Why an endpoint has no version string, as `get` says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.codes import CODES
from vfiocompat.decision.errnos import NO_STRING
from vfiocompat.decision.preconditions import not_bound
from vfiocompat.diagnostics import Diagnostic, diagnostic

if TYPE_CHECKING:
    from vfiocompat.endpoints import Attribute, Endpoint

__all__ = ["NoString", "absent", "attribute_finding", "no_string"]


class NoString(msgspec.Struct, frozen=True):
    """Why an endpoint has no version string; `failed` if it could not be asked."""

    finding: Diagnostic
    failed: bool


def no_string(endpoint: Endpoint) -> NoString | None:
    """Say why an endpoint has no version string, if it has none.

    One that has no attribute, prints no usable string, or cannot migrate has none to
    give; anything else means that it could not be told.
    """
    if endpoint.version is not None:
        return None
    attribute = endpoint.attribute
    if not endpoint.vfio:
        return NoString(not_bound(endpoint), failed=False)
    if attribute is None or attribute.code in {None, codes.NO_ATTRIBUTE}:
        return NoString(absent(endpoint, ""), failed=False)
    finding = attribute_finding(attribute)
    return NoString(finding, failed=attribute.code not in NO_STRING)


def attribute_finding(attribute: Attribute, side: str = "") -> Diagnostic:
    """Say of an attribute that gave no string what its code says, and where."""
    assert attribute.code is not None
    code = codes.code_of(attribute.code)
    suffix = f" ({attribute.errno})" if attribute.errno else ""
    return diagnostic(
        code,
        f"{side}{CODES[code].summary}{suffix}",
        errno=attribute.errno,
        path=attribute.path,
    )


def absent(endpoint: Endpoint, side: str) -> Diagnostic:
    """Say that an endpoint has no version attribute; `side` names it if not empty."""
    summary = f"{side or endpoint.address} has no version attribute"
    return diagnostic(codes.NO_ATTRIBUTE, summary, path=endpoint.path)
