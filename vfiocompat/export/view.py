# SPDX-License-Identifier: Apache-2.0
"""A host as other programs are told of it: what it has, and what it accepts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import EndpointKind
    from vfiocompat.inventory import Inventory
    from vfiocompat.verdicts import Verdict

__all__ = ["Group", "Rendered", "View", "Writer", "short_hash"]


class Group(NamedTuple):
    """Endpoints of a host that are of one class, kind and parent, by their addresses.

    `string` is the version string, one that a table derives where there is no
    attribute, or None. `verdicts` has the verdict on each string of the fleet.
    """

    class_: str
    string: str | None
    kind: EndpointKind
    addresses: tuple[str, ...]
    parent: str | None
    type_id: str | None
    verdicts: Mapping[str, Verdict]


class View(NamedTuple):
    """A host, and which version strings of the fleet its endpoints accept.

    `strings` are all of the fleet, those too that only outdated inventories have, which
    nothing accepts; `alike` names those that a table derives, and gives one name to all
    that are the same as a source's. `now` and `expires` are in seconds since 1970.
    `node` is what OpenStack calls the host, and `before` the text of the file that is
    to be replaced, where the format has to know them.
    """

    inventory: Inventory
    groups: Sequence[Group]
    strings: Sequence[str]
    alike: Mapping[str, str]
    now: float
    expires: float
    node: str = ""
    before: str = ""

    def accepts(self, groups: Sequence[Group] | None = None) -> list[str]:
        """Name the strings that one of several groups accepts; of all by default."""
        chosen = self.groups if groups is None else groups
        return [
            string
            for string in self.strings
            if any(group.verdicts[string] == "compatible" for group in chosen)
        ]


class Rendered(NamedTuple):
    """A file's text, and what could not be said in it."""

    text: str
    findings: tuple[Diagnostic, ...] = ()


class Writer(NamedTuple):
    """A format: how it is written, and what its command must do.

    `never_fails` says that it must not fail, `is_for_nova` that a view has the node's
    name and the file that was there before.
    """

    render: Callable[[View], Rendered]
    never_fails: bool = False
    is_for_nova: bool = False


def short_hash(text: str, digits: int = 8) -> str:
    """Give a few digits that tell a text from others of the same name."""
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
