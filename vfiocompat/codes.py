# SPDX-License-Identifier: Apache-2.0
"""Every diagnostic code by its name, with its severity, and what it says every time.

Codes are `VFC` and three digits, and are never used again for something else. What each
means in full, and how to confirm and mend it, is in `explanations/`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, NewType

Severity = Literal["error", "warning", "info"]

Code = NewType("Code", str)
"""A code. A text that is none has another type, so it cannot be taken for one."""


class Said(NamedTuple):
    """What a code says every time, and how much it weighs."""

    severity: Severity
    summary: str


CODES: dict[Code, Said] = {}
"""Every code, and what it says."""


def code_of(text: str) -> Code:
    """Give the code that a text names.

    Raises:
        ValueError: there is none.

    """
    if text not in CODES:
        raise ValueError(f"{text!r} is no code")
    return Code(text)


def _code(code: str, severity: Severity, summary: str) -> Code:
    CODES[Code(code)] = Said(severity, summary)
    return Code(code)


# ---- 1xx: the attribute and the driver's answer ----

REFUSED = _code(
    "VFC101", "error", "the destination driver refused the source's version string"
)
NO_ATTRIBUTE = _code("VFC102", "warning", "there is no version attribute")
OPEN_NOT_PERMITTED = _code("VFC103", "error", "the version attribute may not be opened")
OPEN_FAILED = _code("VFC104", "error", "the version attribute could not be opened")
NO_MIGRATION_SUPPORT = _code(
    "VFC105", "error", "the driver says that this device cannot migrate"
)
READ_FAILED = _code("VFC106", "error", "the version attribute could not be read")
ACCEPTED = _code(
    "VFC107", "info", "the destination driver accepts the source's version string"
)
DRIVER_BUSY = _code("VFC108", "warning", "the driver was busy and did not answer")
DRIVER_FAILED = _code("VFC109", "warning", "the driver failed while it was deciding")
ANSWERED_ABOUT_CAPACITY = _code(
    "VFC110", "warning", "the driver answered about capacity, not about compatibility"
)
FILE_SYSTEM_GONE = _code(
    "VFC111", "error", "the file system behind the attribute has gone away"
)
NO_ANSWER_IN_TIME = _code("VFC112", "warning", "the driver did not answer in time")
DEVICE_GONE = _code("VFC113", "error", "the device went away while it was being asked")
SHORT_WRITE = _code(
    "VFC114", "warning", "the driver took only a part of the version string"
)
CALL_STILL_HELD = _code(
    "VFC115",
    "warning",
    "the driver still holds an earlier scan's call, so it was not asked again",
)
DEVICE_API_DIFFERS = _code(
    "VFC120", "error", "source and destination have different device APIs"
)
MDEV_TYPE_DIFFERS = _code(
    "VFC123", "error", "source and destination are of different mdev types"
)
SOURCE_TYPE_NOT_KNOWN = _code(
    "VFC124",
    "warning",
    "the source's mdev type is not known, so the driver's yes is not enough",
)
STRING_HAS_UNKNOWN_PARTS = _code(
    "VFC125",
    "warning",
    "the version string has unknown parts, so it is not written to a device",
)
NO_MIGRATION_INTERFACE = _code(
    "VFC126", "error", "the driver has no migration interface"
)
MIGRATION_INTERFACE_DIFFERS = _code(
    "VFC127", "error", "source and destination have different migration interfaces"
)
NO_PRE_COPY_THERE = _code(
    "VFC128",
    "warning",
    "the source copies its state ahead, the destination's driver says it does not",
)
MIGRATION_INTERFACE_NOT_TOLD = _code(
    "VFC129",
    "warning",
    "the kernel does not tell which migration interface the device has",
)
NOT_BOUND_TO_VFIO = _code(
    "VFC130", "warning", "the function is not bound to a VFIO driver"
)
TYPE_NOT_CREATABLE_NOW = _code(
    "VFC131", "warning", "the vGPU type cannot be created on this function now"
)
RECORDED_YES = _code(
    "VFC132",
    "info",
    "the destination's driver took the source's string when it was asked",
)
RECORDED_NO = _code(
    "VFC133",
    "error",
    "the destination's driver refused the source's string when it was asked",
)
RECORDED_NEITHER = _code(
    "VFC134",
    "warning",
    "the destination's driver gave no definite answer when it was asked",
)
NOT_AN_ATTRIBUTE = _code(
    "VFC141", "error", "this is not a version attribute, so nothing was written"
)
PATH_LEAVES_ENDPOINT = _code(
    "VFC142",
    "error",
    "the path leaves the endpoint's directory, so nothing was written",
)
NOT_ON_SYSFS = _code(
    "VFC143", "error", "the attribute is not on sysfs, so nothing was written"
)

# ---- 2xx: tables and their requirements ----

NOTHING_DECIDES = _code(
    "VFC201", "warning", "neither a driver nor a table could decide this pair"
)
NO_FORMAT_MATCHES = _code(
    "VFC202", "warning", "no format of the table matches the version string"
)
SEVERAL_TABLES = _code("VFC203", "warning", "several tables speak for this pair")
TABLE_MALFORMED = _code("VFC204", "error", "a compatibility table is malformed")
TABLE_DISAGREES = _code("VFC205", "warning", "a table does not agree with the driver")
DRIVER_CANNOT_MIGRATE = _code(
    "VFC206", "error", "the driver cannot migrate this device as it is bound now"
)
DEVICE_DECIDES = _code(
    "VFC207", "warning", "the device itself decides, so no table can say yes"
)
EXCEPTION_REFUSES = _code(
    "VFC208", "error", "an exception of the table refuses this pair"
)
REQUIREMENTS_HOLD = _code("VFC209", "info", "every requirement of the table holds")
LOWER = _code("VFC210", "error", "the destination's value is lower than the source's")
HIGHER = _code("VFC211", "error", "the destination's value is higher than the source's")
NOT_EQUAL = _code(
    "VFC212", "error", "source and destination differ in a field that has to be equal"
)
OTHER_MAJOR_OR_LOWER = _code(
    "VFC213", "error", "the destination's version is of another major version, or lower"
)
LACKING = _code(
    "VFC214", "error", "the destination lacks something that the source has"
)
OUTSIDE_RANGE = _code(
    "VFC215", "error", "the source's value is outside the destination's range"
)
MISSING_OR_LOWER = _code(
    "VFC216",
    "error",
    "something that the source has is missing or lower at the destination",
)
CONDITION_NOT_MET = _code("VFC217", "error", "one side does not fulfil a condition")
VALUE_NOT_KNOWN = _code(
    "VFC220", "warning", "a value that the table needs is not known"
)
EXCEPTION_NOT_KNOWN = _code(
    "VFC221", "warning", "whether an exception refuses this pair is not known"
)
REQUIREMENT_LIFTED = _code(
    "VFC222", "info", "an exception lifts a requirement for this pair"
)
STRING_DERIVED = _code("VFC223", "info", "the version string is derived from facts")
NO_STRING_DERIVED = _code(
    "VFC224", "warning", "the table makes no version string of this endpoint's facts"
)
FACTS_NOT_NEEDED = _code("VFC225", "info", "the stated facts were not needed")
FACT_UNUSABLE = _code("VFC228", "error", "a stated fact cannot be used")
LEFT_OPEN = _code(
    "VFC230", "warning", "a requirement does not hold, and what follows is not known"
)

# ---- 3xx: version strings ----

VERSION_EMPTY = _code("VFC301", "error", "the version string is empty or cut short")
VERSION_TOO_LONG = _code("VFC302", "error", "the version string is too long")
VERSION_NOT_PRINTABLE = _code(
    "VFC303", "error", "the version string is not printable ASCII"
)
VENDOR_DIFFERS = _code(
    "VFC304", "error", "source and destination are of different vendors"
)
VENDOR_UNCLEAR = _code(
    "VFC305", "warning", "the vendor ids may or may not mean the same vendor"
)

# ---- 4xx: inventories and fleets ----

INVENTORY_UNUSABLE = _code("VFC401", "error", "the inventory cannot be used")
INVENTORY_TOO_OLD = _code(
    "VFC402", "warning", "the inventory is too old to be relied on"
)
ANSWER_TOO_OLD = _code(
    "VFC404", "warning", "the recorded answer is too old to be relied on"
)
ANSWER_NOT_RECORDED = _code(
    "VFC405",
    "warning",
    "the destination's driver was not asked about the source's string",
)
SCAN_STUCK = _code("VFC406", "error", "another scan has held the lock for too long")
SCAN_UNDER_WAY = _code(
    "VFC407", "info", "another scan is at work, so this one did nothing"
)
HOST_TWICE = _code("VFC408", "warning", "a host is in the fleet twice")
CLOCK_WENT_BACK = _code(
    "VFC409", "warning", "the clock has gone backwards since the last scan"
)
WEAKER_THAN_REQUIRED = _code(
    "VFC410", "warning", "the verdict rests on less than --require asks for"
)
ENDPOINT_GONE = _code("VFC411", "error", "there are no two such endpoints any more")
OLD_INVENTORY_UNUSABLE = _code(
    "VFC412", "warning", "the inventory that was there could not be used"
)
NO_HOST_HAS_DEVICES = _code(
    "VFC413", "warning", "no host has a device, so no two hosts are compared"
)
FLEET_WITHOUT_ENDPOINTS = _code(
    "VFC414", "warning", "no host of the fleet has an endpoint, so nothing is compared"
)
TRAIT_AMBIGUOUS = _code(
    "VFC421", "warning", "several version strings would have one name"
)
EXPORT_NOT_ACCEPTED = _code("VFC422", "error", "the other program would not take this")

# ---- 5xx: the system ----

USAGE = _code("VFC501", "error", "the command line cannot be understood")
NOT_AN_ADDRESS = _code("VFC502", "error", "this is not an address")
NOT_COMPLETED = _code("VFC503", "error", "the command could not be completed")
NO_SUCH_ENDPOINT = _code("VFC504", "error", "there is no such endpoint on this host")
SYSFS_UNREADABLE = _code("VFC505", "error", "a path of sysfs could not be read")
NO_ENDPOINTS = _code(
    "VFC506",
    "info",
    "this host has no mdev types, no mdev devices and no VFIO functions",
)
NO_SYSFS = _code("VFC507", "error", "there is no sysfs there")
SPECIFICATION_MALFORMED = _code(
    "VFC510", "error", "the specification of the simulation has mistakes"
)
SIMULATION_FAILED = _code("VFC511", "error", "the simulation cannot be served")
FILE_NOT_WRITTEN = _code("VFC512", "error", "the file could not be written")
DEVICE_IN_USE = _code("VFC520", "error", "the device is in use, so it was not opened")
DEVICE_NOT_PERMITTED = _code("VFC521", "error", "the device may not be opened")
NO_IOMMU = _code("VFC522", "error", "the device has no IOMMU")
NO_DEVICE_NODE = _code("VFC523", "error", "the device has no node to open")
DEVICE_NOT_OPENED = _code("VFC524", "error", "the device could not be opened")
DEVICE_IS_OPENED = _code(
    "VFC525", "warning", "the device is opened, which may reset it"
)
NO_VFIO_DEVICE = _code(
    "VFC530", "info", "the VM has no VFIO device: there is nothing to load"
)
NO_P2P = _code(
    "VFC531",
    "error",
    "the VM has several VFIO devices, and not all of them support P2P",
)
POSTCOPY_ON = _code(
    "VFC532",
    "error",
    "post-copy is switched on, which QEMU refuses for a VM with VFIO devices",
)
MIGRATION_OFF = _code("VFC533", "error", "migration is switched off for a device")
DRIVERS_DIFFER = _code(
    "VFC534",
    "error",
    "the hosts' NVIDIA drivers differ, and the machine type is older than 9.1",
)
DRIVERS_MAY_DIFFER = _code(
    "VFC535",
    "warning",
    "the hosts' NVIDIA drivers differ, and what the machine type does is not known",
)
UNPLUGGED = _code("VFC536", "info", "a device is unplugged before the migration")
QEMU_CANNOT_MIGRATE = _code(
    "VFC537", "error", "QEMU says that it cannot migrate the device"
)
QEMU_NOT_INITIALIZED = _code(
    "VFC538", "error", "QEMU could not initialize the device's migration"
)
WRITES_NOT_TRACKED = _code(
    "VFC539", "error", "nothing tracks what the device writes to memory"
)
VIRTUAL_IOMMU = _code("VFC540", "error", "the VM has a virtual IOMMU")
QEMU_REFUSES = _code("VFC541", "error", "QEMU refuses to migrate the VM now")
UNMIGRATABLE_DEVICE = _code(
    "VFC542", "error", "the VM has a device that QEMU cannot migrate"
)
NETWORKS_NOT_TOLD = _code(
    "VFC543", "info", "whether interfaces of networks are VFIO devices is not told"
)
P2P_NOT_KNOWN = _code(
    "VFC544", "warning", "whether all of the VM's VFIO devices support P2P is not known"
)
NO_ROOM = _code("VFC545", "error", "there is not room for all of the VM's devices")
ROOM_NOT_KNOWN = _code(
    "VFC546",
    "warning",
    "it is not known whether there is room for all of the VM's devices",
)
NO_ENDPOINT_LOADS = _code(
    "VFC547", "error", "no endpoint of the destination can load the device's state"
)
ADDRESS_ABSENT = _code(
    "VFC548", "warning", "the destination has no device of this address now"
)
TRACKING_NOT_KNOWN = _code(
    "VFC549",
    "warning",
    "whether what the VM's devices write to memory is tracked is not known",
)
CONFIG_FILE_NOT_READ = _code(
    "VFC560", "warning", "the VM has a configuration file of QEMU's, which is not read"
)
DOMAIN_UNUSABLE = _code("VFC550", "error", "this is no domain XML that can be used")
VM_NOT_READ = _code("VFC551", "error", "virsh could not give the VM's XML")
MONITOR_NOT_ASKED = _code("VFC552", "error", "QEMU's monitor could not be asked")
QEMU_TOO_OLD = _code("VFC553", "error", "this QEMU is too old to be asked")
QMP_NOT_INSTALLED = _code("VFC554", "error", "the package qemu.qmp is not installed")
VM_DEVICE_ABSENT = _code(
    "VFC555", "error", "one of the VM's devices is not where the VM runs"
)
SEVERAL_VM_HOSTS = _code(
    "VFC556", "error", "several hosts have all of the VM's devices"
)
NO_DOMAIN_XML = _code("VFC557", "error", "there is no XML of the VM to be rewritten")
XML_FOR_ANOTHER_HOST = _code(
    "VFC558", "error", "the VM's XML was made for another host"
)
DEVICES_BEFORE_NOT_KNOWN = _code(
    "VFC559", "error", "nothing tells what the VM's devices were before they came here"
)
BOUND_ON_ARRIVAL = _code(
    "VFC570",
    "warning",
    "libvirt binds a function to VFIO when the VM comes: which one is not known",
)
TRAITS_LEFT = _code(
    "VFC430",
    "warning",
    "traits are accepted no more, and nova-compute leaves them on their providers",
)
INTERFACE_NEEDS_FUNCTION = _code(
    "VFC571", "error", "a network interface can be a PCI function only, never an mdev"
)
RAMFB_LOST = _code(
    "VFC572",
    "warning",
    "a PCI function has no ramfb, which the device's state may hold",
)
QEMU_MAY_BE_OLD = _code(
    "VFC573",
    "warning",
    "a QEMU before 8.1 migrates no VFIO device that it is not told to migrate",
)
DISK_BY_VFIO = _code(
    "VFC574",
    "warning",
    "QEMU drives a disk of the VM through VFIO: it stays on its host",
)
MEMORY_PROTECTED = _code(
    "VFC575",
    "warning",
    "the VM's memory is kept from its host, and QEMU may not migrate it at all",
)
CONFIG_SPACE_DIFFERS = _code(
    "VFC576", "error", "QEMU compares the PCI ids of functions, and they differ"
)
NOT_ROOT = _code(
    "VFC580", "warning", "not run as root, which limits what can be read and asked"
)
NO_VFIO = _code("VFC581", "warning", "the kernel has no VFIO loaded")
KERNEL_TELLS_LESS = _code(
    "VFC582", "warning", "this kernel does not tell all of a migration interface"
)
NO_DEBUGFS = _code(
    "VFC583", "warning", "debugfs cannot be read, so migration interfaces are not told"
)
SYSFS_READ_ONLY = _code(
    "VFC584", "error", "sysfs is mounted read-only, so no driver can be asked"
)
PROCESSES_HIDDEN = _code(
    "VFC585", "warning", "processes are hidden, so nobody tells which devices are used"
)
LIBVIRT_NOT_REACHED = _code("VFC586", "warning", "libvirt cannot be asked for VMs")
TABLE_REPLACED = _code("VFC587", "warning", "a table of the site replaces another one")
NO_SCAN_BY_ITSELF = _code("VFC588", "warning", "nothing scans this host by itself")
SCAN_FAILED = _code("VFC589", "error", "the last scan that ran by itself has failed")
MACHINE_TWICE = _code(
    "VFC590", "warning", "several hosts of the fleet have one machine id"
)
BUG = _code("VFC599", "error", "vfiocompat itself has failed: this is a bug")
