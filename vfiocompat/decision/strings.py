# SPDX-License-Identifier: Apache-2.0
"""Why an endpoint has no version string, as `get` says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.codes import CODES
from vfiocompat.decision.errnos import ADVICE, NO_STRING, attribute_code
from vfiocompat.decision.preconditions import not_bound
from vfiocompat.diagnostics import Diagnostic, diagnostic

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint

__all__ = ["NoString", "absent", "no_string", "unreadable"]


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
    if not endpoint.vfio:
        return NoString(not_bound(endpoint), failed=False)
    finding = unreadable(endpoint)
    if finding is None:
        return NoString(absent(endpoint, ""), failed=False)
    return NoString(finding, failed=finding.code not in NO_STRING)


def unreadable(endpoint: Endpoint, side: str = "") -> Diagnostic | None:
    """Say why an endpoint's attribute cannot be read, and where; None if it can be."""
    attribute = endpoint.attribute
    if attribute is None:
        return None
    code = attribute_code(attribute, recorded=bool(endpoint.recorded))
    if endpoint.recorded and endpoint.has_attribute and endpoint.version is None:
        code = codes.READ_FAILED  # it is said to be there, and what it holds is not
    if code is None or endpoint.lacks_attribute:
        return None
    suffix = f" ({attribute.errno})" if attribute.errno else ""
    return diagnostic(
        code,
        f"{side}{CODES[code].summary}{suffix}",
        hint=ADVICE.get(code),
        errno=attribute.errno,
        path=attribute.path,
    )


def absent(endpoint: Endpoint, side: str) -> Diagnostic:
    """Say that an endpoint has no version attribute; `side` names it if not empty."""
    summary = f"{side or endpoint.address} has no version attribute"
    return diagnostic(codes.NO_ATTRIBUTE, summary, path=endpoint.path)
