# SPDX-License-Identifier: Apache-2.0
"""For Kubernetes' Node Feature Discovery: a feature file for its local source.

`accepts.*` become labels of the node, which a workload's nodeSelector can demand; the
version strings themselves are features only, since a label's value has few characters.
Rules: source/local/local.go and the customization guide of node-feature-discovery.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.diagnostics import Diagnostic, diagnostic
from vfiocompat.errors import OutputError
from vfiocompat.export.view import Rendered, View, Writer, short_hash
from vfiocompat.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["WRITER", "label"]

MAX_BYTES = 65536
"""What is longer is ignored as a whole."""

PREFIX = "vfiocompat.feature.node.kubernetes.io"
_MAX_NAME = 63
_WRONG = re.compile("[^-A-Za-z0-9_.]")


def _render(view: View) -> Rendered:
    meant: dict[str, list[str]] = {}
    for string in view.strings:
        meant.setdefault(label("accepts.", string), []).append(string)
    text = "".join(f"{line}\n" for line in _lines(view, meant))
    if len(text.encode()) > MAX_BYTES:
        raise OutputError(
            f"{len(text)} bytes of features: NFD ignores more than {MAX_BYTES}",
            hint="give it a FLEET of the hosts that this one trades devices with",
            code=codes.EXPORT_NOT_ACCEPTED,
        )
    return Rendered(
        text, tuple(_ambiguous(*each) for each in meant.items() if len(each[1]) > 1)
    )


def _ambiguous(name: str, strings: Sequence[str]) -> Diagnostic:
    return diagnostic(
        codes.TRAIT_AMBIGUOUS,
        f"{len(strings)} version strings of the fleet have the label {name}",
        detail="\n".join(strings),
    )


def _lines(view: View, meant: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Give every line; a label of several strings where all of them are accepted."""
    inventory = view.inventory
    yield f"# vfiocompat {inventory.tool.version}, host {inventory.host}"
    yield f"# taken at {inventory.taken_at}"
    yield f"# +expiry-time={moment(view.expires)}"
    yield f"{PREFIX}/present=true"
    accepted = set(view.accepts())
    for name in sorted(meant):
        if accepted.issuperset(meant[name]):
            yield f"{PREFIX}/{name}=true"
    versions: dict[str, set[str]] = {}
    for endpoint in inventory.endpoints:
        if endpoint.version is not None:
            place = endpoint.address.replace(":", ".").replace("/", ".")
            name = label("", f"{place}.version")
            versions.setdefault(name, set()).add(endpoint.version)
    for name, told in versions.items():
        if len(told) == 1:  # else nobody knows whose it would be
            yield "# +no-label"
            yield f"{PREFIX}/{name}={told.pop()}"


def label(prefix: str, text: str) -> str:
    """Make the name of a label of a text: at most 63 of the characters it may have.

    A name that had to be changed ends in digits that tell it from others.

    >>> label("accepts.", "8086-193b-i915-GVTg_V5_4")
    'accepts.8086-193b-i915-GVTg_V5_4'
    """
    name = _WRONG.sub("_", text)
    whole = prefix + name
    ends = whole[:1].isalnum() and whole[-1:].isalnum()
    if name == text and ends and len(whole) <= _MAX_NAME:
        return whole
    if not whole[:1].isalnum():
        prefix = f"x{prefix}"
    digits = short_hash(text)
    room = _MAX_NAME - len(prefix) - len(digits) - 1
    return f"{prefix}{name[:room]}.{digits}"


WRITER = Writer(_render)
