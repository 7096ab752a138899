# SPDX-License-Identifier: Apache-2.0
"""The machine-readable documents, as records: their fields are the JSON's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.decision.decide import Decision, worst
from vfiocompat.diagnostics import Code, Diagnostic, Severity
from vfiocompat.endpoints import Endpoint, Flag, Origin, Problem
from vfiocompat.errors import ErrorRecord
from vfiocompat.inventory import Tool
from vfiocompat.tables.language.records import MigrationClaim, TableFile, TableOrigin
from vfiocompat.verdicts import Basis, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.errors import VfiocompatError
    from vfiocompat.tables.language.records import Head
    from vfiocompat.tables.language.table import Reading
    from vfiocompat.tables.library import Entry
    from vfiocompat.versions import VersionString

__all__ = [
    "AddressRecord",
    "CheckDocument",
    "CheckResult",
    "Counts",
    "DeviceDocument",
    "ErrorDocument",
    "ExplainDocument",
    "ExplainedCode",
    "GetDocument",
    "ListDocument",
    "ParseDocument",
    "SimulateDocument",
    "TablesDocument",
    "address_record",
    "check_document",
    "check_result",
    "device_document",
    "error_document",
    "listed_table",
    "parse_document",
]


class ListDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Every endpoint of a host, and what could not be read."""

    schema: Literal["vfiocompat.list/1"] = "vfiocompat.list/1"
    tool: Tool = Tool()
    endpoints: list[Endpoint]
    problems: list[Problem]


class GetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoints that were asked for their version strings."""

    schema: Literal["vfiocompat.get/1"] = "vfiocompat.get/1"
    tool: Tool = Tool()
    endpoints: list[Endpoint]
    problems: list[Problem]


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


class AddressRecord(msgspec.Struct, frozen=True):
    """One end of a pair."""

    address: str
    host: str | None
    version: str | None
    origin: Origin | None


class CheckResult(msgspec.Struct, frozen=True):
    """One pair, its verdict, and every reason."""

    source: AddressRecord
    destination: AddressRecord
    verdict: Verdict
    basis: Basis
    table: str | None
    diagnostics: tuple[Diagnostic, ...]


class Counts(msgspec.Struct, frozen=True):
    """How many pairs ended how; `failed` ones could not be asked about."""

    compatible: int
    incompatible: int
    undetermined: int
    failed: int


class CheckDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Every pair that was asked about; `verdict` is the worst of them."""

    schema: Literal["vfiocompat.check/1"] = "vfiocompat.check/1"
    tool: Tool = Tool()
    verdict: Verdict
    counts: Counts
    results: list[CheckResult]


class ExplainedCode(msgspec.Struct, frozen=True):
    """A diagnostic code and what it means."""

    code: Code
    severity: Severity
    summary: str
    explanation: str


class ExplainDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Diagnostic codes and what they mean."""

    schema: Literal["vfiocompat.explain/1"] = "vfiocompat.explain/1"
    tool: Tool = Tool()
    codes: list[ExplainedCode]


class ListedTable(msgspec.Struct, frozen=True):
    """A table, where it comes from, and which one of the same id it replaces."""

    id: str
    title: str
    vendor: str | None
    drivers: tuple[str, ...]
    evidence: str
    migration: MigrationClaim | None
    origin: TableOrigin
    path: str
    replaces: TableOrigin | None


class TablesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Compatibility tables; `table` is the whole of one, where one was asked for."""

    schema: Literal["vfiocompat.tables/1"] = "vfiocompat.tables/1"
    tool: Tool = Tool()
    tables: list[ListedTable]
    table: TableFile | None = None
    problems: list[Problem] = []


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


class SimulateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What is served from now on, and where."""

    schema: Literal["vfiocompat.simulate/1"] = "vfiocompat.simulate/1"
    tool: Tool = Tool()
    mountpoint: str
    parents: int
    types: int
    mdevs: int
    functions: int


class ErrorDocument(msgspec.Struct, frozen=True, kw_only=True):
    """In place of a command's document, with exit code 2, 4 or 70."""

    schema: Literal["vfiocompat.error/1"] = "vfiocompat.error/1"
    tool: Tool = Tool()
    error: ErrorRecord


def check_document(
    pairs: Sequence[tuple[Endpoint, Endpoint, Decision]],
) -> CheckDocument:
    """Make the document of checked pairs."""
    decisions = tuple(decision for _, _, decision in pairs)
    return CheckDocument(
        verdict=worst(decisions),
        counts=count(decisions),
        results=[check_result(*pair) for pair in pairs],
    )


def check_result(
    source: Endpoint, destination: Endpoint, decision: Decision
) -> CheckResult:
    """Make the record of one checked pair."""
    return CheckResult(
        address_record(source),
        address_record(destination),
        decision.verdict,
        decision.basis,
        decision.table,
        decision.diagnostics,
    )


def count(decisions: tuple[Decision, ...]) -> Counts:
    """Count decisions by verdict; a failed one counts as failed alone."""
    words = [
        "failed" if decision.failed else decision.verdict for decision in decisions
    ]
    return Counts(
        words.count("compatible"),
        words.count("incompatible"),
        words.count("undetermined"),
        words.count("failed"),
    )


def address_record(endpoint: Endpoint) -> AddressRecord:
    """Make the record of one end of a pair."""
    return AddressRecord(
        endpoint.address, endpoint.host, endpoint.version, endpoint.origin
    )


def parse_document(
    version: VersionString, readings: Sequence[tuple[str, Reading]] = ()
) -> ParseDocument:
    """Make the document of a version string's parts.

    `readings` are the tables, by id, that read the string: its fields are named where
    that is one.
    """
    table, fields = None, {}
    if len(readings) == 1:
        [(table, reading)] = readings
        fields = reading.shown
    vendor = version.vendor
    return ParseDocument(
        text=version.text,
        vendor=Vendor(vendor.namespace, vendor.id, vendor.spelling) if vendor else None,
        proprietary=version.proprietary,
        table=table,
        fields=fields,
    )


def listed_table(head: Head, entry: Entry) -> ListedTable:
    """Make the record of a table from its head and where it was found."""
    return ListedTable(
        head.id,
        head.title,
        head.vendor,
        head.drivers,
        head.evidence,
        head.migration,
        entry.origin,
        entry.path,
        entry.replaces,
    )


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


def error_document(error: VfiocompatError) -> ErrorDocument:
    """Make the document that says why there is no other."""
    return ErrorDocument(error=error.record)
