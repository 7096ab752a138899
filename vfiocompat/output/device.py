# SPDX-License-Identifier: Apache-2.0
"""What `device` shows: which migration interface a device has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.endpoints import Flag
from vfiocompat.host.stream import State
from vfiocompat.inventory import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.opening import Opened
    from vfiocompat.output.text import Line

__all__ = ["DeviceDocument", "device_document", "device_lines", "device_rows"]


class DeviceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Which migration interface the kernel offers for a device.

    `flags` are what a v2 one can do, null where that is not told; `version` is that of
    a v1 one's region. `source` says who told which it is. Only of an open device there
    are the `state` that it is in, `data_size`, which estimates the bytes that a
    migration moves, and `initial_bytes`, those that PRE_COPY has at first.
    """

    schema: Literal["vfiocompat.device/1"] = "vfiocompat.device/1"
    tool: Tool = Tool()
    address: str
    host: str | None
    interface: Literal["none", "v1", "v2", "unknown"]
    flags: tuple[Flag, ...] | None
    source: Literal["debugfs", "driver", "open"] | None
    version: int | None
    state: State | None
    data_size: int | None
    initial_bytes: int | None


def device_document(endpoint: Endpoint, opened: Opened | None = None) -> DeviceDocument:
    """Make the document of a device's migration interface."""
    known = endpoint.migration
    return DeviceDocument(
        address=endpoint.address,
        host=endpoint.host,
        interface="unknown" if known is None else known.interface,
        flags=None if known is None else known.flags,
        source=None if known is None else known.source,
        version=None if known is None else known.version,
        state=None if opened is None else opened.state,
        data_size=None if opened is None else opened.data_size,
        initial_bytes=None if opened is None else opened.initial_bytes,
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
    if document.state is not None:
        style = "plain" if document.state == "RUNNING" else "undetermined"
        yield [("  state    ", "dim"), (document.state, style)]
    if document.data_size is not None:
        yield [("  to move  ", "dim"), (_bytes(document), "plain")]
    if document.source is not None:
        yield [("  because  ", "dim"), (_TOLD[document.source], "plain")]


def _bytes(document: DeviceDocument) -> str:
    first = document.initial_bytes
    told = "" if first is None else f", of them {first:,} at first"
    return f"{document.data_size:,} bytes by the driver's estimate{told}"


def device_rows(document: DeviceDocument) -> Iterator[tuple[str, str]]:
    """Give what is known of a device's migration interface, each with its name."""
    yield "address", document.address
    yield "interface", document.interface
    if document.flags is not None:
        yield "flags", ", ".join(document.flags) or "none"
    if document.version is not None:
        yield "version", str(document.version)
    if document.state is not None:
        yield "state", document.state
    if document.data_size is not None:
        yield "data_size", str(document.data_size)
    if document.initial_bytes is not None:
        yield "initial_bytes", str(document.initial_bytes)
    if document.source is not None:
        yield "source", document.source
