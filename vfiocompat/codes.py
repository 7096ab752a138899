# SPDX-License-Identifier: Apache-2.0
"""Every diagnostic code by its name, with its severity, and what it says every time.

Codes are `VFC` and three digits, and are never used again for something else. What each
means in full, and how to confirm and mend it, is in `explanations/`.
"""

from __future__ import annotations

from vfiocompat.said import (
    CODES,
    Code,
    Severity,
    code_of,
    error_code,
    info_code,
    warning_code,
)

__all__ = ["CODES", "Code", "Severity", "code_of"]

_error, _warning, _info = error_code, warning_code, info_code

# ---- 1xx: the attribute and the driver's answer ----

REFUSED = _error("VFC101", "the destination driver refused the source's version string")
NO_ATTRIBUTE = _warning("VFC102", "there is no version attribute")
OPEN_NOT_PERMITTED = _error("VFC103", "the version attribute may not be opened")
OPEN_FAILED = _error("VFC104", "the version attribute could not be opened")
NO_MIGRATION_SUPPORT = _error(
    "VFC105", "the driver says that this device cannot migrate"
)
READ_FAILED = _error("VFC106", "the version attribute could not be read")
ACCEPTED = _info("VFC107", "the destination driver accepts the source's version string")
DRIVER_BUSY = _warning("VFC108", "the driver was busy and did not answer")
DRIVER_FAILED = _warning("VFC109", "the driver failed while it was deciding")
ANSWERED_ABOUT_CAPACITY = _warning(
    "VFC110", "the driver answered about capacity, not about compatibility"
)
FILE_SYSTEM_GONE = _error(
    "VFC111", "the file system behind the attribute has gone away"
)
NO_ANSWER_IN_TIME = _warning("VFC112", "the driver did not answer in time")
DEVICE_GONE = _error("VFC113", "the device went away while it was being asked")
SHORT_WRITE = _warning("VFC114", "the driver took only a part of the version string")
CALL_STILL_HELD = _warning(
    "VFC115", "the driver still holds an earlier scan's call, so it was not asked again"
)
DEVICE_API_DIFFERS = _error(
    "VFC120", "source and destination have different device APIs"
)
MDEV_TYPE_DIFFERS = _error(
    "VFC123", "source and destination are of different mdev types"
)
SOURCE_TYPE_NOT_KNOWN = _warning(
    "VFC124", "the source's mdev type is not known, so the driver's yes is not enough"
)
STRING_HAS_UNKNOWN_PARTS = _warning(
    "VFC125", "the version string has unknown parts, so it is not written to a device"
)
NO_MIGRATION_INTERFACE = _error("VFC126", "the driver has no migration interface")
MIGRATION_INTERFACE_DIFFERS = _error(
    "VFC127", "source and destination have different migration interfaces"
)
NO_PRE_COPY_THERE = _warning(
    "VFC128",
    "the source copies its state ahead, the destination's driver says it does not",
)
MIGRATION_INTERFACE_NOT_TOLD = _warning(
    "VFC129", "the kernel does not tell which migration interface the device has"
)
NOT_BOUND_TO_VFIO = _warning("VFC130", "the function is not bound to a VFIO driver")
TYPE_NOT_CREATABLE_NOW = _warning(
    "VFC131", "the vGPU type cannot be created on this function now"
)
RECORDED_YES = _info(
    "VFC132", "the destination's driver took the source's string when it was asked"
)
RECORDED_NO = _error(
    "VFC133", "the destination's driver refused the source's string when it was asked"
)
RECORDED_NEITHER = _warning(
    "VFC134", "the destination's driver gave no definite answer when it was asked"
)
NOT_AN_ATTRIBUTE = _error(
    "VFC141", "this is not a version attribute, so nothing was written"
)
PATH_LEAVES_ENDPOINT = _error(
    "VFC142", "the path leaves the endpoint's directory, so nothing was written"
)
NOT_ON_SYSFS = _error("VFC143", "the attribute is not on sysfs, so nothing was written")
HEAD_TAKEN = _info(
    "VFC150", "the destination's driver takes the head of the source's stream"
)
HEAD_REFUSED = _error(
    "VFC151", "the destination's driver refused the head of the source's stream"
)
HEAD_NOT_CHECKED = _warning(
    "VFC152", "the destination's driver takes even a spoiled head, so it tells nothing"
)
HEAD_NOT_ANSWERED = _warning(
    "VFC153", "the destination's driver said neither yes nor no to the head"
)
HEAD_NOT_READ = _warning("VFC154", "the head of a migration stream could not be read")
HEAD_NOT_OFFERED = _info("VFC155", "no head was offered to the destination's driver")
ASK_MAY_HARM = _warning(
    "VFC156", "asking this driver may do harm, so nothing was offered to it"
)
HEAD_MAY_BE_OLD = _warning(
    "VFC157", "a recorded head is of another boot, kernel or driver"
)
HEAD_OF_SIBLING = _warning(
    "VFC158", "the head of another device stands for the source's"
)
HEAD_MADE = _warning(
    "VFC159", "the recorded head was not offered as it is, but what tables read of it"
)
CHECKED_LATER = _warning("VFC160", "the driver may refuse what comes after the head")
HEAD_WAS_TAKEN = _info(
    "VFC161", "the destination's driver took the source's head when it was asked"
)
HEAD_WAS_REFUSED = _error(
    "VFC162", "the destination's driver refused the source's head when it was asked"
)
HEAD_WAS_NOT_ANSWERED = _warning(
    "VFC163", "the destination's driver said neither yes nor no when it was asked"
)
NVML_TAKES = _info(
    "VFC170", "NVIDIA's driver says that the destination's GPU loads the source's vGPU"
)
LIMITED_BY_HOST_DRIVER = _error(
    "VFC171", "NVIDIA's driver refuses the vGPU for the destination's host driver"
)
LIMITED_BY_GUEST_DRIVER = _error(
    "VFC172", "NVIDIA's driver refuses the vGPU for the guest's driver"
)
LIMITED_BY_GPU = _error(
    "VFC173", "NVIDIA's driver refuses the vGPU for the destination's GPU"
)
LIMITED_OTHERWISE = _error(
    "VFC174", "NVIDIA's driver refuses the vGPU for a reason that it does not name"
)
GUEST_NOT_READY = _warning(
    "VFC175", "the guest has not loaded its driver, so NVIDIA's driver was not asked"
)
GPU_CANNOT_MIGRATE = _error(
    "VFC176", "NVIDIA's driver says that it migrates no vGPU there"
)
NVML_NOT_ANSWERED = _warning(
    "VFC177", "NVIDIA's library said neither yes nor no to the vGPU"
)
NVML_NOT_PERMITTED = _error("VFC178", "NVIDIA's library may not be asked")
NO_METADATA = _info("VFC179", "NVIDIA's driver was not asked, for want of metadata")
VGPU_TYPE_DIFFERS = _error("VFC180", "the destination is of another vGPU type")
VGPU_TYPE_NOT_KNOWN = _warning(
    "VFC181", "whether the vGPU types are one is not known, so the yes is not enough"
)
NVML_ABSENT = _info("VFC183", "NVIDIA's library is not on this host")
NVML_NO_BINDING = _info("VFC184", "the package nvidia-ml-py is not installed")
NVML_NO_DRIVER = _info("VFC185", "NVIDIA's library cannot be used on this host")
NVML_DIED = _warning("VFC186", "NVIDIA's library ended the process that asked it")
NVML_LACKS_FUNCTION = _warning("VFC187", "NVIDIA's library is too old to tell all")
GPU_NOT_READ = _warning("VFC188", "NVIDIA's library did not tell all of a GPU or vGPU")

# ---- 2xx: tables and their requirements ----

NOTHING_DECIDES = _warning(
    "VFC201", "neither a driver nor a table could decide this pair"
)
NO_FORMAT_MATCHES = _warning(
    "VFC202", "no format of the table matches the version string"
)
SEVERAL_TABLES = _warning("VFC203", "several tables speak for this pair")
TABLE_MALFORMED = _error("VFC204", "a compatibility table is malformed")
TABLE_DISAGREES = _warning("VFC205", "a table does not agree with the driver")
DRIVER_CANNOT_MIGRATE = _error(
    "VFC206", "the driver cannot migrate this device as it is bound now"
)
DEVICE_DECIDES = _warning(
    "VFC207", "the device itself decides, so no table can say yes"
)
EXCEPTION_REFUSES = _error("VFC208", "an exception of the table refuses this pair")
REQUIREMENTS_HOLD = _info("VFC209", "every requirement of the table holds")
LOWER = _error("VFC210", "the destination's value is lower than the source's")
HIGHER = _error("VFC211", "the destination's value is higher than the source's")
NOT_EQUAL = _error(
    "VFC212", "source and destination differ in a field that has to be equal"
)
OTHER_MAJOR_OR_LOWER = _error(
    "VFC213", "the destination's version is of another major version, or lower"
)
LACKING = _error("VFC214", "the destination lacks something that the source has")
OUTSIDE_RANGE = _error(
    "VFC215", "the source's value is outside the destination's range"
)
MISSING_OR_LOWER = _error(
    "VFC216", "something that the source has is missing or lower at the destination"
)
CONDITION_NOT_MET = _error("VFC217", "one side does not fulfil a condition")
VALUE_NOT_KNOWN = _warning("VFC220", "a value that the table needs is not known")
EXCEPTION_NOT_KNOWN = _warning(
    "VFC221", "whether an exception refuses this pair is not known"
)
REQUIREMENT_LIFTED = _info("VFC222", "an exception lifts a requirement for this pair")
STRING_DERIVED = _info("VFC223", "the version string is derived from facts")
NO_STRING_DERIVED = _warning(
    "VFC224", "the table makes no version string of this endpoint's facts"
)
FACTS_NOT_NEEDED = _info("VFC225", "the stated facts were not needed")
FACT_UNUSABLE = _error("VFC228", "a stated fact cannot be used")
LEFT_OPEN = _warning(
    "VFC230", "a requirement does not hold, and what follows is not known"
)

# ---- 3xx: version strings ----

VERSION_EMPTY = _error("VFC301", "the version string is empty or cut short")
VERSION_TOO_LONG = _error("VFC302", "the version string is too long")
VERSION_NOT_PRINTABLE = _error("VFC303", "the version string is not printable ASCII")
VENDOR_DIFFERS = _error("VFC304", "source and destination are of different vendors")
VENDOR_UNCLEAR = _warning(
    "VFC305", "the vendor ids may or may not mean the same vendor"
)

# ---- 4xx: inventories and fleets ----

INVENTORY_UNUSABLE = _error("VFC401", "the inventory cannot be used")
INVENTORY_TOO_OLD = _warning("VFC402", "the inventory is too old to be relied on")
ANSWER_TOO_OLD = _warning("VFC404", "the recorded answer is too old to be relied on")
ANSWER_NOT_RECORDED = _warning(
    "VFC405", "the destination's driver was not asked about the source's string"
)
SCAN_STUCK = _error("VFC406", "another scan has held the lock for too long")
SCAN_UNDER_WAY = _info("VFC407", "another scan is at work, so this one did nothing")
HOST_TWICE = _warning("VFC408", "a host is in the fleet twice")
CLOCK_WENT_BACK = _warning("VFC409", "the clock has gone backwards since the last scan")
WEAKER_THAN_REQUIRED = _warning(
    "VFC410", "the verdict rests on less than --require asks for"
)
ENDPOINT_GONE = _error("VFC411", "there are no two such endpoints any more")
OLD_INVENTORY_UNUSABLE = _warning(
    "VFC412", "the inventory that was there could not be used"
)
NO_HOST_HAS_DEVICES = _warning(
    "VFC413", "no host has a device, so no two hosts are compared"
)
FLEET_WITHOUT_ENDPOINTS = _warning(
    "VFC414", "no host of the fleet has an endpoint, so nothing is compared"
)
HOST_NOT_TOLD = _info("VFC415", "a file that names no host was passed over")
TRAIT_AMBIGUOUS = _warning("VFC421", "several version strings would have one name")
EXPORT_NOT_ACCEPTED = _error("VFC422", "the other program would not take this")
TRAITS_LEFT = _warning(
    "VFC430",
    "traits are accepted no more, and nova-compute leaves them on their providers",
)

# ---- 5xx: the system ----

USAGE = _error("VFC501", "the command line cannot be understood")
NOT_AN_ADDRESS = _error("VFC502", "this is not an address")
NOT_COMPLETED = _error("VFC503", "the command could not be completed")
NO_SUCH_ENDPOINT = _error("VFC504", "there is no such endpoint on this host")
SYSFS_UNREADABLE = _error("VFC505", "a path of sysfs could not be read")
NO_ENDPOINTS = _info(
    "VFC506", "this host has no mdev types, no mdev devices and no VFIO functions"
)
NO_SYSFS = _error("VFC507", "there is no sysfs there")
SPECIFICATION_MALFORMED = _error(
    "VFC510", "the specification of the simulation has mistakes"
)
SIMULATION_FAILED = _error("VFC511", "the simulation cannot be served")
FILE_NOT_WRITTEN = _error("VFC512", "the file could not be written")
DEVICE_IN_USE = _error("VFC520", "the device is in use, so it was not opened")
DEVICE_NOT_PERMITTED = _error("VFC521", "the device may not be opened")
NO_IOMMU = _error("VFC522", "the device has no IOMMU")
NO_DEVICE_NODE = _error("VFC523", "the device has no node to open")
DEVICE_NOT_OPENED = _error("VFC524", "the device could not be opened")
DEVICE_IS_OPENED = _warning("VFC525", "the device is opened, which may reset it")
DEVICE_NOT_RUNNING = _error("VFC526", "the device does not run, not even after a reset")
DEVICE_NOT_RESET = _error("VFC527", "the device cannot be reset, so it was not asked")
DEVICES_ARE_ASKED = _warning(
    "VFC528", "devices are opened, asked by their migration streams, and reset"
)
NO_VFIO_DEVICE = _info("VFC530", "the VM has no VFIO device: there is nothing to load")
NO_P2P = _error(
    "VFC531", "the VM has several VFIO devices, and not all of them support P2P"
)
POSTCOPY_ON = _error(
    "VFC532", "post-copy is switched on, which QEMU refuses for a VM with VFIO devices"
)
MIGRATION_OFF = _error("VFC533", "migration is switched off for a device")
DRIVERS_DIFFER = _error(
    "VFC534", "the hosts' NVIDIA drivers differ, and the machine type is older than 9.1"
)
DRIVERS_MAY_DIFFER = _warning(
    "VFC535",
    "the hosts' NVIDIA drivers differ, and what the machine type does is not known",
)
UNPLUGGED = _info("VFC536", "a device is unplugged before the migration")
QEMU_CANNOT_MIGRATE = _error("VFC537", "QEMU says that it cannot migrate the device")
QEMU_NOT_INITIALIZED = _error(
    "VFC538", "QEMU could not initialize the device's migration"
)
WRITES_NOT_TRACKED = _error("VFC539", "nothing tracks what the device writes to memory")
VIRTUAL_IOMMU = _error("VFC540", "the VM has a virtual IOMMU")
QEMU_REFUSES = _error("VFC541", "QEMU refuses to migrate the VM now")
UNMIGRATABLE_DEVICE = _error("VFC542", "the VM has a device that QEMU cannot migrate")
NETWORKS_NOT_TOLD = _info(
    "VFC543", "it is not told whether interfaces of networks are VFIO devices"
)
P2P_NOT_KNOWN = _warning(
    "VFC544", "it is not known whether all of the VM's VFIO devices support P2P"
)
NO_ROOM = _error("VFC545", "there is not room for all of the VM's devices")
ROOM_NOT_KNOWN = _warning(
    "VFC546", "it is not known whether there is room for all of the VM's devices"
)
NO_ENDPOINT_LOADS = _error(
    "VFC547", "no endpoint of the destination can load the device's state"
)
ADDRESS_ABSENT = _warning("VFC548", "the destination has no device of this address now")
TRACKING_NOT_KNOWN = _warning(
    "VFC549", "it is not known whether anything tracks what the VM's devices write"
)
DOMAIN_UNUSABLE = _error("VFC550", "this is no domain XML that can be used")
VM_NOT_READ = _error("VFC551", "virsh could not give the VM's XML")
MONITOR_NOT_ASKED = _error("VFC552", "QEMU's monitor could not be asked")
QEMU_TOO_OLD = _error("VFC553", "this QEMU is too old to be asked")
QMP_NOT_INSTALLED = _error("VFC554", "the package qemu.qmp is not installed")
VM_DEVICE_ABSENT = _error("VFC555", "one of the VM's devices is not where the VM runs")
SEVERAL_VM_HOSTS = _error("VFC556", "several hosts have all of the VM's devices")
NO_DOMAIN_XML = _error("VFC557", "there is no XML of the VM to be rewritten")
XML_FOR_ANOTHER_HOST = _error("VFC558", "the VM's XML was made for another host")
DEVICES_BEFORE_NOT_KNOWN = _error(
    "VFC559", "nothing tells what the VM's devices were before they came here"
)
CONFIG_FILE_NOT_READ = _warning(
    "VFC560", "the VM has a configuration file of QEMU's, which is not read"
)
NO_IOMMUFD = _error(
    "VFC561", "the VM's device goes through iommufd, which the destination may not have"
)
BESIDE_NOT_MIGRATED = _warning(
    "VFC562", "the VM has something else that QEMU or libvirt may not migrate"
)
BOUND_ON_ARRIVAL = _warning(
    "VFC570",
    "libvirt binds a function to VFIO when the VM comes: which one is not known",
)
INTERFACE_NEEDS_FUNCTION = _error(
    "VFC571", "a network interface can be a PCI function only, never an mdev"
)
RAMFB_LOST = _warning(
    "VFC572", "a PCI function has no ramfb, which the device's state may hold"
)
QEMU_MAY_BE_OLD = _warning(
    "VFC573", "a QEMU before 8.1 migrates no VFIO device that it is not told to migrate"
)
DISK_BY_VFIO = _warning(
    "VFC574", "QEMU drives a disk of the VM through VFIO: it stays on its host"
)
MEMORY_PROTECTED = _warning(
    "VFC575",
    "the VM's memory is kept from its host, and QEMU may not migrate it at all",
)
CONFIG_SPACE_DIFFERS = _error(
    "VFC576", "QEMU compares the PCI ids of functions, and they differ"
)
STATE_NOT_LOADED = _error(
    "VFC577", "the destination's QEMU could not load the VM's state"
)
MULTIFD_DEMANDED = _error(
    "VFC578", "device state is to go by multifd only, and cannot, or may not"
)
MAY_BIND_PLAIN = _warning(
    "VFC579", "a libvirt before 10.0.0 binds managed functions to plain vfio-pci"
)
NOT_ROOT = _warning(
    "VFC580", "not run as root, which limits what can be read and asked"
)
NO_VFIO = _warning("VFC581", "the kernel has no VFIO loaded")
KERNEL_TELLS_LESS = _warning(
    "VFC582", "this kernel does not tell all of a migration interface"
)
NO_DEBUGFS = _warning(
    "VFC583", "debugfs cannot be read, so migration interfaces are not told"
)
SYSFS_READ_ONLY = _error(
    "VFC584", "sysfs is mounted read-only, so no driver can be asked"
)
PROCESSES_HIDDEN = _warning(
    "VFC585", "processes are hidden, so nobody tells which devices are used"
)
LIBVIRT_NOT_REACHED = _warning("VFC586", "libvirt cannot be asked for VMs")
TABLE_REPLACED = _warning("VFC587", "a table of the site replaces another one")
NO_SCAN_BY_ITSELF = _warning("VFC588", "nothing scans this host by itself")
SCAN_FAILED = _error("VFC589", "the last scan that ran by itself has failed")
MACHINE_TWICE = _warning("VFC590", "several hosts of the fleet have one machine id")
BUG = _error("VFC599", "vfiocompat itself has failed: this is a bug")
