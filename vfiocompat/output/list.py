# SPDX-License-Identifier: Apache-2.0
"""What `list` shows: every endpoint of a host."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.diagnostics import counted
from vfiocompat.endpoints import Endpoint, Problem
from vfiocompat.inventory import Tool
from vfiocompat.nvidia.gpus import Gpu

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.endpoints import Attribute, EndpointKind
    from vfiocompat.output.text import Line

__all__ = ["LIST_COLUMNS", "ListDocument", "list_answer", "list_rows", "tree_lines"]

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


class ListDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Every endpoint of a host, NVIDIA's GPUs, and what could not be read."""

    schema: Literal["vfiocompat.list/1"] = "vfiocompat.list/1"
    tool: Tool = Tool()
    endpoints: list[Endpoint]
    gpus: list[Gpu] | msgspec.UnsetType = msgspec.UNSET
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


_KINDS: dict[EndpointKind, tuple[str, str]] = {
    "type": ("type", "types"),
    "mdev": ("mdev", "mdevs"),
    "function": ("VFIO function", "VFIO functions"),
}


def list_answer(endpoints: Sequence[Endpoint]) -> Line:
    """Say in a line what a host has, and whether anybody there can be asked."""
    kinds = Counter(each.kind for each in endpoints)
    each = ", ".join(
        counted(kinds[kind], *words) for kind, words in _KINDS.items() if kinds[kind]
    )
    strings = sum(each.version is not None for each in endpoints)
    shown = "none shows" if not strings else f"{strings} show"
    shown = "1 shows" if strings == 1 else shown
    number = counted(len(endpoints), "endpoint")
    return [(f"{number}: {each or 'none'}; {shown} a version string", "strong")]


def tree_lines(endpoints: Sequence[Endpoint], *, verbose: bool) -> Iterator[Line]:
    """Give endpoints below their parents, and mdevs below their types."""
    functions = {each.address: each for each in endpoints if each.kind == "function"}
    below: dict[str, list[Endpoint]] = {}
    for each in endpoints:
        root = each.parent or each.address
        below.setdefault(root, [])
        if root != each.address:
            below[root].append(each)
    for root, children in below.items():
        yield [("", "plain")]
        parent = functions.get(root)
        if parent is None:
            drivers = dict.fromkeys(each.driver for each in children if each.driver)
            yield [(root, "strong"), ("  " + ", ".join(drivers), "dim")]
        else:
            yield from _endpoint_lines(root, parent, "", verbose=verbose)
        types = [each for each in children if each.kind == "type"]
        known = {each.type_id for each in types}
        for each in types:
            yield from _endpoint_lines(
                each.type_id or each.address, each, "  ", verbose=verbose
            )
            for mdev in children:
                if mdev.kind == "mdev" and mdev.type_id == each.type_id:
                    yield from _endpoint_lines(
                        mdev.address, mdev, "    ", verbose=verbose
                    )
        for each in children:
            if each.kind == "function" or (
                each.kind == "mdev" and each.type_id not in known
            ):
                yield from _endpoint_lines(each.address, each, "  ", verbose=verbose)


def _endpoint_lines(
    name: str, endpoint: Endpoint, indent: str, *, verbose: bool
) -> Iterator[Line]:
    """Give an endpoint in a line, and its version string in one of its own."""
    free, used = endpoint.available_instances, endpoint.in_use
    words = [
        endpoint.driver if endpoint.kind == "function" else None,
        endpoint.type_id if endpoint.kind == "function" else None,
        None if free is None else f"{free} free",
        None if used is None else "in use" if used else "not in use",
        None if endpoint.vfio else "not bound to VFIO",
        endpoint.device_api if verbose else None,
    ]
    attribute = endpoint.attribute
    if attribute is not None and (verbose or attribute.state == "unreadable"):
        words.append(f"attribute {_attribute(attribute)}")
    yield [
        (indent, "plain"),
        (name, "strong"),
        ("".join(f"   {word}" for word in words if word), "dim"),
    ]
    if endpoint.version is not None:
        yield [(f"{indent}  version  ", "dim"), (endpoint.version, "plain")]


def _attribute(attribute: Attribute | None) -> str:
    if attribute is None or attribute.state == "absent":
        return "absent"
    if attribute.state == "present":
        return attribute.name or "present"
    return f"unreadable ({attribute.errno or attribute.code})"
