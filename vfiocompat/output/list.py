# SPDX-License-Identifier: Apache-2.0
"""What `list` shows: every endpoint of a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.endpoints import Endpoint, Problem
from vfiocompat.inventory import Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.endpoints import Attribute

__all__ = ["LIST_COLUMNS", "SHORT_LIST_COLUMNS", "ListDocument", "list_rows"]

LIST_COLUMNS = (
    "kind",
    "address",
    "parent",
    "type",
    "driver",
    "api",
    "free",
    "attribute",
    "version",
)

SHORT_LIST_COLUMNS = ("address", "type", "driver", "free", "attribute", "version")
"""Those that fit a terminal; an address tells the kind and a type's parent."""


class ListDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Every endpoint of a host, and what could not be read."""

    schema: Literal["vfiocompat.list/1"] = "vfiocompat.list/1"
    tool: Tool = Tool()
    endpoints: list[Endpoint]
    problems: list[Problem]


def list_rows(
    endpoints: Iterable[Endpoint], columns: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Give one row an endpoint, `-` where sysfs tells nothing."""
    for endpoint in endpoints:
        free = endpoint.available_instances
        cells = {
            "kind": endpoint.kind,
            "address": endpoint.address,
            "parent": endpoint.parent,
            "type": endpoint.type_id,
            "driver": endpoint.driver,
            "api": endpoint.device_api,
            "free": None if free is None else str(free),
            "attribute": _attribute(endpoint.attribute),
            "version": endpoint.version,
        }
        yield tuple(cells[column] or "-" for column in columns)


def _attribute(attribute: Attribute | None) -> str:
    if attribute is None or attribute.state == "absent":
        return "absent"
    if attribute.state == "present":
        return attribute.name or "present"
    return f"unreadable ({attribute.errno or attribute.code})"
