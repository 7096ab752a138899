# SPDX-License-Identifier: Apache-2.0
"""What a VM has beside VFIO devices that QEMU, or libvirt, does not migrate.

Of devices and formats QEMU 7.2 and 10.0 were asked, whose `query-migrate` names what
blocks (hw/nvme/ctrl.c, hw/virtio/virtio-crypto.c and others: `.unmigratable = 1`; of
block drivers `migrate_add_blocker`). What libvirt refuses by itself is in
src/qemu/qemu_migration.c, qemuMigrationSrcIsAllowed. A newer one may take more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfiocompat.vm.model import on_off

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lxml.etree import _Element as Element

__all__ = [
    "beside_of_cpu",
    "beside_of_device",
    "beside_of_flag",
    "beside_of_option",
    "besides_in",
    "besides_of_disk",
    "disks_by_vfio",
]

_FORMATS = frozenset({"parallels", "ploop", "qcow", "vdi", "vhdx", "vmdk", "vpc"})
"""Formats of disks that QEMU migrates in no way (block/vmdk.c, block/qcow.c, ...)."""

_ENDINGS = {name: name for name in _FORMATS} | {"vhd": "vpc", "hdd": "parallels"}
"""How files end that are usually of such a format, which QEMU finds by looking at it
where none is named."""

_ANYWHERE = {
    "crypto": "a virtio-crypto device",
    "controller[@type='nvme']": "an NVMe controller",
    "sound[@model='usb']": "a USB sound card",
    "sound[@model='virtio']": "a virtio sound card",
    "serial/target[@type='usb-serial']": "a USB serial port",
    "console/target[@type='usb-serial']": "a USB serial port",
    "hostdev[@type='scsi_host']": "a vhost-scsi device",
    "interface/model[@type='usb-net']": "a USB network card",
    "interface[@type='vdpa']": "a vDPA device",
    "filesystem/driver[@type='virtiofs']": "a virtiofs file system",
    "filesystem/driver[@type='mtp']": "a USB MTP device",
    "input[@type='passthrough']": "an input device of its host",
    "tpm/backend[@type='passthrough']": "a TPM of its host",
    "video/model[@type='virtio']/acceleration[@accel3d='yes']": "a GPU with virgl",
    "video/driver[@name='vhostuser']": "a vhost-user device (gpu)",
    "disk/transient": "a transient disk",
    "disk/mirror": "a block job that copies a disk",
}
"""Elements below <devices>, and what each stands for."""

_DEVICES = {
    "cxl-type3": "a CXL memory device",
    "hv-syndbg": "a synthetic debugger of Hyper-V's",
    "nvme": "an NVMe controller",
    "pvrdma": "an RDMA device",
    "rocker": "a rocker switch",
    "ufs": "a UFS controller",
    "usb-audio": "a USB sound card",
    "usb-mtp": "a USB MTP device",
    "usb-serial": "a USB serial port",
    "usb-uas": "a USB disk by UAS",
    "usb-net": "a USB network card",
    "usb-wacom-tablet": "a USB tablet of Wacom's",
    "usb-braille": "a USB serial port",
    "virtio-vga-gl": "a GPU with virgl",
    "x-pci-proxy-dev": "a device of another process",
}
_KINDS = {
    "virtio-crypto-": "a virtio-crypto device",
    "virtio-sound-": "a virtio sound card",
    "virtio-gpu-gl-": "a GPU with virgl",
    "virtio-gpu-rutabaga": "a GPU with rutabaga",
    "virtio-vga-rutabaga": "a GPU with rutabaga",
    "virtio-input-host-": "an input device of its host",
    "vhost-vdpa-": "a vDPA device",
    "vhost-user-fs-": "a virtiofs file system",
    **{
        f"vhost-user-{name}": f"a vhost-user device ({name})"
        for name in (
            *("device", "gpio", "gpu", "i2c", "input", "rng", "scmi", "snd", "spi"),
            *("test-device", "vga", "vsock"),
        )
    },
}
"""QEMU's devices by their names, and by how these begin.

Those of vhost-user are blocked, but for a GPU, which has no state at all that is saved
(hw/display/vhost-user-gpu.c).
"""

_OPTIONS = {
    "virtfs": ("", "a 9p file system, if its guest has that mounted"),
    "tpmdev": ("passthrough", "a TPM of its host"),
    "netdev": ("vhost-vdpa", "a vDPA device"),
    "nic": ("vhost-vdpa", "a vDPA device"),
    "usbdevice": ("braille", "a USB serial port"),
}
"""Options of QEMU's that make such a thing by themselves, and the word in their value
that says so (docs of QEMU, invocation)."""

_CHANGES_APART = re.compile(r"\bsnapshot[\"']?\s*[=:]\s*[\"']?(?:on|yes|true|y)\b")
_WRITABLE_FAT = re.compile(r"\bfat:(?:[^/]*:)?rw:")
_RW = re.compile(r"\brw\b(?![\"']?\s*[=:]\s*[\"']?(?:off|no|false|n)\b)")
_ENDS = re.compile(rf"\.({'|'.join(sorted(_ENDINGS))})(?=[,\"'\s]|$)", re.IGNORECASE)
_BY_FORMAT = frozenset({"", "drive", "sd", "mtdblock", "pflash", "fda", "fdb", "cdrom"})
_HARD_DISK = re.compile(r"hd[a-d]")


def besides_in(root: Element) -> Iterator[str]:
    """Name what domain XML has beside VFIO devices that may not be migrated."""
    for path, what in _ANYWHERE.items():
        if root.find(f"devices/{path}") is not None:
            yield what
    for each in root.iterfind("devices/shmem"):
        if each.get("role") != "master":
            yield f"shared memory ({each.get('name')}) of which it is no master"
    for each in root.iterfind("devices/filesystem"):
        driver = each.find("driver")
        if driver is None or driver.get("type") in {None, "path", "handle"}:
            yield "a 9p file system, if its guest has that mounted"
    for disk in root.iterfind("devices/disk"):
        found = {each.get("type") for each in disk.iter("driver", "format")}
        for name in sorted(_FORMATS.intersection(found)):
            yield f"a disk of format {name}"
    yield from _of_cpu(root)


def _of_cpu(root: Element) -> Iterator[str]:
    if root.find("features/hyperv[@mode='passthrough']") is not None:
        yield "hv-passthrough"
    if any(map(_is_frequency, root.iterfind("clock/timer[@name='tsc']"))):
        return
    cpu = root.find("cpu")
    if cpu is None:
        return
    feature = cpu.find("feature[@name='invtsc']")
    if feature is not None and feature.get("policy") not in {"disable", "forbid"}:
        yield _INVARIANT
    elif cpu.get("migratable") == "off":
        yield _ALL_OF_CPU


def _is_frequency(timer: Element) -> bool:
    """Whether a TSC is given a frequency; libvirt takes 0 for none."""
    return re.fullmatch(r"\s*0*[1-9][0-9]*\s*", timer.get("frequency", "")) is not None


_INVARIANT = "an invariant TSC whose frequency is not set"
_ALL_OF_CPU = "a CPU that is told to have what cannot be migrated"


def disks_by_vfio(root: Element) -> Iterator[str]:
    """Name disks whose controller QEMU drives itself, with its source in any layer.

    Layers stand in `<backingStore>`, `<mirror>` and in a source's `<dataStore>`.
    """
    for disk in root.iterfind("devices/disk"):
        target = disk.find("target")
        kinds = {each.get("type") for each in disk.iter("*")}
        if "nvme" in kinds or any("namespace" in e.attrib for e in disk.iter("source")):
            yield "" if target is None else target.get("dev", "")


def beside_of_device(driver: str, told: Mapping[str, object]) -> str | None:
    """Name what a device of QEMU's is that may not be migrated; None of others."""
    if driver.startswith("ivshmem-") and on_off(told.get("master")) != "on":
        return "shared memory of which it is no master"
    if driver.startswith("vhost-scsi") and on_off(told.get("migratable")) != "on":
        return "a vhost-scsi device"
    if driver.startswith("virtio-9p-"):
        return "a 9p file system, if its guest has that mounted"
    kinds = (what for start, what in _KINDS.items() if driver.startswith(start))
    return _DEVICES.get(driver) or next(kinds, None)


def beside_of_flag(option: str) -> str | None:
    """Name what an option without a value does that may not be migrated."""
    return (
        "disks whose changes are in temporary files" if option == "snapshot" else None
    )


def beside_of_option(option: str, value: str) -> str | None:
    """Name what an option makes by itself that may not be migrated; None of others."""
    if option == "audio":
        told = re.search(r"\bmodel=([\w-]+)", value)
        model = "" if told is None else told[1]
        return {"virtio": "a virtio sound card"}.get(model) or _DEVICES.get(model)
    word, what = _OPTIONS.get(option, (None, None))
    # As a type it stands first, behind type=, or in JSON.
    is_told = word is not None and re.match(
        rf"(?:type=)?{word}(?:,|$)|.*\btype[\"']?\s*[=:]\s*[\"']?{word}\b", value
    )
    return what if word == "" or is_told else None


def besides_of_disk(option: str, text: str, drivers: list[str]) -> list[str]:
    """Name what keeps a disk from migrating that an argument makes.

    `drivers` are QEMU's block drivers that are named in it. One that is not named is
    told by the file's name, as far as it can be.
    """
    found = [name for name in drivers if name in _FORMATS]
    if not drivers and (option in _BY_FORMAT or _HARD_DISK.fullmatch(option)):
        found += [_ENDINGS[each.lower()] for each in _ENDS.findall(text)]
    named = [f"a disk of format {name}" for name in found]
    if _WRITABLE_FAT.search(text) or ("vvfat" in drivers and _RW.search(text)):
        named.append("a folder as a disk that can be written (vvfat)")
    if option == "drive" and _CHANGES_APART.search(text):
        named.append("a disk whose changes are in a temporary file")
    return named


def beside_of_cpu(value: str) -> str | None:
    """Name what `-cpu` has that is not migrated (target/i386/kvm/kvm.c)."""
    features = value.split(",")[1:]
    told = dict(each.partition("=")[::2] for each in features)
    told |= {each[1:]: "off" for each in features if each.startswith("-")}
    names = {name.replace("_", "-"): text for name, text in told.items()}
    if on_off(names.get("hv-passthrough", "off") or "on") == "on":
        return "hv-passthrough"
    if "tsc-frequency" in names or "tsc-freq" in names:
        return None
    if "+invtsc" in names or on_off(names.get("invtsc", "off") or "on") == "on":
        return _INVARIANT
    if on_off(names.get("migratable", "on") or "on") == "off":
        return _ALL_OF_CPU
    return None
