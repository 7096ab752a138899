# SPDX-License-Identifier: Apache-2.0
"""Every diagnostic code by its name, and the record that carries one.

Codes are `VFC` and three digits, and are never used again for something else:
1xx the attribute and the driver's answer, 2xx tables and their requirements,
3xx version strings, 4xx inventories and fleets, 5xx the system.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

import msgspec

__all__ = [
    "SIDES",
    "Code",
    "Diagnostic",
    "Severity",
    "Side",
    "Span",
    "both_ends",
    "diagnostic",
]

Severity = Literal["error", "warning", "info"]
Side = Literal["source", "destination"]

SIDES: tuple[Side, Side] = ("source", "destination")


class Code(StrEnum):
    """Every code by its name, with its severity, and what it says every time.

    What it means in full, and how to confirm and mend it, is in `explanations/`.
    """

    severity: Severity
    summary: str

    def __new__(cls, code: str, severity: Severity, summary: str) -> Self:
        """Make the member of a code."""
        self = str.__new__(cls, code)
        self._value_ = code
        self.severity = severity
        self.summary = summary
        return self

    @classmethod
    def of(cls, text: str) -> Self:
        """Give the code that a text names.

        Raises:
            ValueError: there is none.

        """
        return cls(text)  # type: ignore[call-arg] # an Enum's lookup

    # 1xx: the attribute and the driver's answer
    REFUSED = (
        "VFC101",
        "error",
        "the destination driver refused the source's version string",
    )
    NO_ATTRIBUTE = "VFC102", "warning", "there is no version attribute"
    OPEN_NOT_PERMITTED = "VFC103", "error", "the version attribute may not be opened"
    OPEN_FAILED = "VFC104", "error", "the version attribute could not be opened"
    NO_MIGRATION_SUPPORT = (
        "VFC105",
        "error",
        "the driver says that this device cannot migrate",
    )
    READ_FAILED = "VFC106", "error", "the version attribute could not be read"
    ACCEPTED = (
        "VFC107",
        "info",
        "the destination driver accepts the source's version string",
    )
    DRIVER_BUSY = "VFC108", "warning", "the driver was busy and did not answer"
    DRIVER_FAILED = "VFC109", "warning", "the driver failed while it was deciding"
    ANSWERED_ABOUT_CAPACITY = (
        "VFC110",
        "warning",
        "the driver answered about capacity, not about compatibility",
    )
    FILE_SYSTEM_GONE = (
        "VFC111",
        "error",
        "the file system behind the attribute has gone away",
    )
    NO_ANSWER_IN_TIME = "VFC112", "warning", "the driver did not answer in time"
    DEVICE_GONE = "VFC113", "error", "the device went away while it was being asked"
    SHORT_WRITE = (
        "VFC114",
        "warning",
        "the driver took only a part of the version string",
    )
    CALL_STILL_HELD = (
        "VFC115",
        "warning",
        "the driver still holds an earlier scan's call, so it was not asked again",
    )
    DEVICE_API_DIFFERS = (
        "VFC120",
        "error",
        "source and destination have different device APIs",
    )
    MDEV_TYPE_DIFFERS = (
        "VFC123",
        "error",
        "source and destination are of different mdev types",
    )
    SOURCE_TYPE_NOT_KNOWN = (
        "VFC124",
        "warning",
        "the source's mdev type is not known, so the driver's yes is not enough",
    )
    STRING_HAS_UNKNOWN_PARTS = (
        "VFC125",
        "warning",
        "the version string has unknown parts, so it is not written to a device",
    )
    NO_MIGRATION_INTERFACE = "VFC126", "error", "the driver has no migration interface"
    MIGRATION_INTERFACE_DIFFERS = (
        "VFC127",
        "error",
        "source and destination have different migration interfaces",
    )
    NO_PRE_COPY_THERE = (
        "VFC128",
        "warning",
        "the source copies its state ahead, the destination's driver says it does not",
    )
    MIGRATION_INTERFACE_NOT_TOLD = (
        "VFC129",
        "warning",
        "the kernel does not tell which migration interface the device has",
    )
    NOT_BOUND_TO_VFIO = (
        "VFC130",
        "warning",
        "the function is not bound to a VFIO driver",
    )
    TYPE_NOT_CREATABLE_NOW = (
        "VFC131",
        "warning",
        "the vGPU type cannot be created on this function now",
    )
    RECORDED_YES = (
        "VFC132",
        "info",
        "the destination's driver took the source's string when it was asked",
    )
    RECORDED_NO = (
        "VFC133",
        "error",
        "the destination's driver refused the source's string when it was asked",
    )
    RECORDED_NEITHER = (
        "VFC134",
        "warning",
        "the destination's driver gave no definite answer when it was asked",
    )
    NOT_AN_ATTRIBUTE = (
        "VFC141",
        "error",
        "this is not a version attribute, so nothing was written",
    )
    PATH_LEAVES_ENDPOINT = (
        "VFC142",
        "error",
        "the path leaves the endpoint's directory, so nothing was written",
    )
    NOT_ON_SYSFS = (
        "VFC143",
        "error",
        "the attribute is not on sysfs, so nothing was written",
    )

    # 2xx: tables and their requirements
    NOTHING_DECIDES = (
        "VFC201",
        "warning",
        "neither a driver nor a table could decide this pair",
    )
    NO_FORMAT_MATCHES = (
        "VFC202",
        "warning",
        "no format of the table matches the version string",
    )
    SEVERAL_TABLES = "VFC203", "warning", "several tables speak for this pair"
    TABLE_MALFORMED = "VFC204", "error", "a compatibility table is malformed"
    TABLE_DISAGREES = "VFC205", "warning", "a table does not agree with the driver"
    DRIVER_CANNOT_MIGRATE = (
        "VFC206",
        "error",
        "the driver cannot migrate this device as it is bound now",
    )
    DEVICE_DECIDES = (
        "VFC207",
        "warning",
        "the device itself decides, so no table can say yes",
    )
    EXCEPTION_REFUSES = "VFC208", "error", "an exception of the table refuses this pair"
    REQUIREMENTS_HOLD = "VFC209", "info", "every requirement of the table holds"
    LOWER = "VFC210", "error", "the destination's value is lower than the source's"
    HIGHER = "VFC211", "error", "the destination's value is higher than the source's"
    NOT_EQUAL = (
        "VFC212",
        "error",
        "source and destination differ in a field that has to be equal",
    )
    OTHER_MAJOR_OR_LOWER = (
        "VFC213",
        "error",
        "the destination's version is of another major version, or lower",
    )
    LACKING = "VFC214", "error", "the destination lacks something that the source has"
    OUTSIDE_RANGE = (
        "VFC215",
        "error",
        "the source's value is outside the destination's range",
    )
    MISSING_OR_LOWER = (
        "VFC216",
        "error",
        "something that the source has is missing or lower at the destination",
    )
    CONDITION_NOT_MET = "VFC217", "error", "one side does not fulfil a condition"
    VALUE_NOT_KNOWN = "VFC220", "warning", "a value that the table needs is not known"
    EXCEPTION_NOT_KNOWN = (
        "VFC221",
        "warning",
        "whether an exception refuses this pair is not known",
    )
    REQUIREMENT_LIFTED = (
        "VFC222",
        "info",
        "an exception lifts a requirement for this pair",
    )
    STRING_DERIVED = "VFC223", "info", "the version string is derived from facts"
    NO_STRING_DERIVED = (
        "VFC224",
        "warning",
        "the table makes no version string of this endpoint's facts",
    )
    FACTS_NOT_NEEDED = "VFC225", "info", "the stated facts were not needed"
    FACT_UNUSABLE = "VFC228", "error", "a stated fact cannot be used"

    # 3xx: version strings
    VERSION_EMPTY = "VFC301", "error", "the version string is empty or cut short"
    VERSION_TOO_LONG = "VFC302", "error", "the version string is too long"
    VERSION_NOT_PRINTABLE = (
        "VFC303",
        "error",
        "the version string is not printable ASCII",
    )
    VENDOR_DIFFERS = (
        "VFC304",
        "error",
        "source and destination are of different vendors",
    )
    VENDOR_UNCLEAR = (
        "VFC305",
        "warning",
        "the vendor ids may or may not mean the same vendor",
    )

    # 4xx: inventories and fleets
    INVENTORY_UNUSABLE = "VFC401", "error", "the inventory cannot be used"
    INVENTORY_TOO_OLD = "VFC402", "warning", "the inventory is too old to be relied on"
    ANSWER_TOO_OLD = (
        "VFC404",
        "warning",
        "the recorded answer is too old to be relied on",
    )
    ANSWER_NOT_RECORDED = (
        "VFC405",
        "warning",
        "the destination's driver was not asked about the source's string",
    )
    SCAN_STUCK = "VFC406", "error", "another scan has held the lock for too long"
    SCAN_UNDER_WAY = (
        "VFC407",
        "info",
        "another scan is at work, so this one did nothing",
    )
    HOST_TWICE = "VFC408", "warning", "a host is in the fleet twice"
    CLOCK_WENT_BACK = (
        "VFC409",
        "warning",
        "the clock has gone backwards since the last scan",
    )
    WEAKER_THAN_REQUIRED = (
        "VFC410",
        "warning",
        "the verdict rests on less than --require asks for",
    )
    ENDPOINT_GONE = "VFC411", "error", "there is no such endpoint any more"
    OLD_INVENTORY_UNUSABLE = (
        "VFC412",
        "warning",
        "the inventory that was there could not be used",
    )
    TRAIT_AMBIGUOUS = (
        "VFC421",
        "warning",
        "several version strings would have one trait",
    )
    EXPORT_NOT_ACCEPTED = "VFC422", "error", "the other program would not take this"

    # 5xx: the system
    USAGE = "VFC501", "error", "the command line cannot be understood"
    NOT_AN_ADDRESS = "VFC502", "error", "this is not an address"
    NOT_COMPLETED = "VFC503", "error", "the command could not be completed"
    NO_SUCH_ENDPOINT = "VFC504", "error", "there is no such endpoint on this host"
    SYSFS_UNREADABLE = "VFC505", "error", "a path of sysfs could not be read"
    NO_ENDPOINTS = (
        "VFC506",
        "info",
        "this host has no mdev types, no mdev devices and no VFIO functions",
    )
    NO_SYSFS = "VFC507", "error", "there is no sysfs there"
    SPECIFICATION_MALFORMED = (
        "VFC510",
        "error",
        "the specification of the simulation has mistakes",
    )
    SIMULATION_FAILED = "VFC511", "error", "the simulation cannot be served"
    FILE_NOT_WRITTEN = "VFC512", "error", "the file could not be written"
    DEVICE_IN_USE = "VFC520", "error", "the device is in use, so it was not opened"
    DEVICE_NOT_PERMITTED = "VFC521", "error", "the device may not be opened"
    NO_IOMMU = "VFC522", "error", "the device has no IOMMU"
    NO_DEVICE_NODE = "VFC523", "error", "the device has no node to open"
    DEVICE_NOT_OPENED = "VFC524", "error", "the device could not be opened"
    DEVICE_IS_OPENED = "VFC525", "warning", "the device is opened, which may reset it"
    NO_VFIO_DEVICE = (
        "VFC530",
        "info",
        "the VM has no VFIO device: there is nothing to load",
    )
    NO_P2P = (
        "VFC531",
        "error",
        "the VM has several VFIO devices, and not all of them support P2P",
    )
    POSTCOPY_ON = (
        "VFC532",
        "error",
        "post-copy is switched on, which QEMU refuses for a VM with VFIO devices",
    )
    MIGRATION_OFF = "VFC533", "error", "migration is switched off for a device"
    DRIVERS_DIFFER = (
        "VFC534",
        "error",
        "the hosts' NVIDIA drivers differ, and the machine type is older than 9.1",
    )
    DRIVERS_MAY_DIFFER = (
        "VFC535",
        "warning",
        "the hosts' NVIDIA drivers differ, and what the machine type does is not known",
    )
    UNPLUGGED = "VFC536", "info", "a device is unplugged before the migration"
    QEMU_CANNOT_MIGRATE = (
        "VFC537",
        "error",
        "QEMU says that it cannot migrate the device",
    )
    QEMU_NOT_INITIALIZED = (
        "VFC538",
        "error",
        "QEMU could not initialize the device's migration",
    )
    WRITES_NOT_TRACKED = (
        "VFC539",
        "error",
        "nothing tracks what the device writes to memory",
    )
    VIRTUAL_IOMMU = "VFC540", "error", "the VM has a virtual IOMMU"
    QEMU_REFUSES = "VFC541", "error", "QEMU refuses to migrate the VM now"
    UNMIGRATABLE_DEVICE = (
        "VFC542",
        "error",
        "the VM has a device that QEMU cannot migrate",
    )
    NETWORKS_NOT_TOLD = (
        "VFC543",
        "info",
        "whether interfaces of networks are VFIO devices is not told",
    )
    P2P_NOT_KNOWN = (
        "VFC544",
        "info",
        "whether all of the VM's VFIO devices support P2P is not known",
    )
    NO_ROOM = "VFC545", "error", "there is not room for all of the VM's devices"
    ROOM_NOT_KNOWN = (
        "VFC546",
        "warning",
        "it is not known whether there is room for all of the VM's devices",
    )
    NO_ENDPOINT_LOADS = (
        "VFC547",
        "error",
        "no endpoint of the destination can load the device's state",
    )
    ADDRESS_ABSENT = (
        "VFC548",
        "warning",
        "the destination has no device of this address now",
    )
    DOMAIN_UNUSABLE = "VFC550", "error", "this is no domain XML that can be used"
    VM_NOT_READ = "VFC551", "error", "virsh could not give the VM's XML"
    MONITOR_NOT_ASKED = "VFC552", "error", "QEMU's monitor could not be asked"
    QEMU_TOO_OLD = "VFC553", "error", "this QEMU is too old to be asked"
    QMP_NOT_INSTALLED = "VFC554", "error", "the package qemu.qmp is not installed"
    VM_DEVICE_ABSENT = (
        "VFC555",
        "error",
        "one of the VM's devices is not where the VM runs",
    )
    SEVERAL_VM_HOSTS = "VFC556", "error", "several hosts have all of the VM's devices"
    NO_DOMAIN_XML = "VFC557", "error", "there is no XML of the VM to be rewritten"
    XML_FOR_ANOTHER_HOST = "VFC558", "error", "the VM's XML was made for another host"
    DEVICES_BEFORE_NOT_KNOWN = (
        "VFC559",
        "error",
        "nothing tells what the VM's devices were before they came here",
    )
    BUG = "VFC599", "error", "vfiocompat itself has failed: this is a bug"


class Span(msgspec.Struct, frozen=True):
    """What is to be shown of a text, and which of its characters are underlined.

    `start` and `end` count characters, half open. Both are 0 where nothing is
    underlined: then the finding, and the label, are about the text as a whole. Equal
    ones further on are a place without characters of its own: a field that is empty, or
    the end of a text that is cut short. `label` says what stands there, and may be
    empty. `side` is None where the text is of neither side.
    """

    side: Side | None
    text: str
    start: int = 0
    end: int = 0
    label: str = ""


def both_ends(source: str | None, destination: str | None) -> tuple[Span, ...]:
    """Show what each of two ends has, and nothing of one that has none."""
    ends = zip(SIDES, (source, destination), strict=True)
    return tuple(Span(side, text) for side, text in ends if text is not None)


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: its code, and where and why it was found here.

    `spans` show what it is about, as data: how that is drawn is up to the output.
    `errno` is symbolic (`"EINVAL"`), `path` a sysfs path as seen inside the
    sysroot. `table`, and its `requirement` or exception, are what is behind it, and
    `why` is what the table says of that.
    """

    code: Code
    severity: Severity
    summary: str
    detail: str | None = None
    hint: str | None = None
    errno: str | None = None
    path: str | None = None
    requirement: str | None = None
    table: str | None = None
    why: str | None = None
    spans: tuple[Span, ...] = ()


def diagnostic(
    code: Code,
    summary: str | None = None,
    *,
    detail: str | None = None,
    hint: str | None = None,
    errno: str | None = None,
    path: str | None = None,
    table: str | None = None,
    requirement: str | None = None,
    why: str | None = None,
    spans: tuple[Span, ...] = (),
) -> Diagnostic:
    """Make a Diagnostic of a code, whose summary is the default."""
    return Diagnostic(
        code=code,
        severity=code.severity,
        summary=summary or code.summary,
        detail=detail,
        hint=hint,
        errno=errno,
        path=path,
        table=table,
        requirement=requirement,
        why=why,
        spans=spans,
    )
