# SPDX-License-Identifier: Apache-2.0
"""What `device` shows: which migration interface a device has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.endpoints import Flag
from vfiocompat.inventory import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.output.text import Line

__all__ = ["DeviceDocument", "device_document", "device_lines", "device_rows"]


class DeviceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Which migration interface the kernel offers for a device.

    `flags` are what a v2 one can do, null where that is not told; `version` is that of
    a v1 one's region. `source` says who told which it is.
    """

    schema: Literal["vfiocompat.device/1"] = "vfiocompat.device/1"
    tool: Tool = Tool()
    address: str
    host: str | None
    interface: Literal["none", "v1", "v2", "unknown"]
    flags: tuple[Flag, ...] | None
    source: Literal["debugfs", "driver", "open"] | None
    version: int | None


def device_document(endpoint: Endpoint) -> DeviceDocument:
    """Make the document of a device's migration interface."""
    known = endpoint.migration
    return DeviceDocument(
        address=endpoint.address,
        host=endpoint.host,
        interface="unknown" if known is None else known.interface,
        flags=None if known is None else known.flags,
        source=None if known is None else known.source,
        version=None if known is None else known.version,
    )


_TOLD: dict[str, str] = {
    "debugfs": "the kernel tells in debugfs",
    "driver": "its driver migrates nothing",
    "open": "the device itself tells",
}


def device_lines(document: DeviceDocument) -> Iterator[Line]:
    """Give in lines what is known of a device's migration interface."""
    style = {"none": "incompatible", "unknown": "undetermined"}.get(document.interface)
    words = {
        "none": "it has no migration interface",
        "unknown": "its migration interface is not known",
    }
    said = words.get(document.interface, f"migration interface {document.interface}")
    if document.version is not None:
        said += f", version {document.version}"
    yield [(f"{document.address}: ", "strong"), (said, style or "compatible")]
    if document.flags is not None:
        yield [
            ("  can do   ", "dim"),
            (", ".join(document.flags) or "nothing", "plain"),
        ]
    if document.source is not None:
        yield [("  because  ", "dim"), (_TOLD[document.source], "plain")]


def device_rows(document: DeviceDocument) -> Iterator[tuple[str, str]]:
    """Give what is known of a device's migration interface, each with its name."""
    yield "address", document.address
    yield "interface", document.interface
    if document.flags is not None:
        yield "flags", ", ".join(document.flags) or "none"
    if document.version is not None:
        yield "version", str(document.version)
    if document.source is not None:
        yield "source", document.source
