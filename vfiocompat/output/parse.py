# SPDX-License-Identifier: Apache-2.0
"""What `parse` shows: the parts of a version string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.inventory import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.tables.language.table import Reading
    from vfiocompat.versions import VersionString

__all__ = ["ParseDocument", "parse_document", "parse_rows"]


class Vendor(msgspec.Struct, frozen=True):
    """A vendor id; `id` is text as sysfs writes it."""

    namespace: Literal["pci", "u32"]
    id: str
    spelling: Literal["pci-bit", "device-flag", "bare", "u32"]


class ParseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a version string; `vendor` is null for an opaque one."""

    schema: Literal["vfiocompat.parse/1"] = "vfiocompat.parse/1"
    tool: Tool = Tool()
    text: str
    vendor: Vendor | None
    proprietary: str
    table: str | None = None
    fields: dict[str, str] = {}


def parse_document(
    version: VersionString, readings: Sequence[tuple[str, Reading]] = ()
) -> ParseDocument:
    """Make the document of a version string's parts.

    `readings` are the tables, by id, that read the string: its fields are named where
    that is one.
    """
    table: str | None = None
    fields: dict[str, str] = {}
    if len(readings) == 1:
        [(table, reading)] = readings
        # The vendor's text stands in the string itself.
        fields = {
            name: text for name, text in reading.shown.items() if name != "vendor_text"
        }
    vendor = version.vendor
    return ParseDocument(
        text=version.text,
        vendor=Vendor(vendor.namespace, vendor.id, vendor.spelling) if vendor else None,
        proprietary=version.proprietary,
        table=table,
        fields=fields,
    )


def parse_rows(document: ParseDocument) -> Iterator[tuple[str, str]]:
    """Give the parts of a version string, each with its name."""
    yield "text", document.text
    if document.vendor is None:
        yield "vendor", "none: the string is opaque"
    else:
        yield "vendor", f"{document.vendor.namespace}:{document.vendor.id}"
        yield "spelling", document.vendor.spelling
    yield "proprietary", document.proprietary
    if document.table is not None:
        yield "table", document.table
        for name, value in document.fields.items():
            if name != "vendor_spelling":  # stands above
                yield f"  {name}", value
