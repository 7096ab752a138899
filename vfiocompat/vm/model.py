# SPDX-License-Identifier: Apache-2.0
"""Virtual machines and their VFIO devices, as libvirt or QEMU tell of them.

A VM is a value: which devices it has, where its host has them, and what QEMU was told
of them. Where that was read, from domain XML or from a running QEMU, does not matter.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from vfiocompat.addresses import (
    FunctionAddress,
    MdevAddress,
    address_text,
    is_uuid,
    parse_function,
)
from vfiocompat.errors import DomainError, InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BY_MULTIFD",
    "MAX_DEVICES",
    "UNTRACKED",
    "VIRTIO_NET",
    "DeviceAddress",
    "DomainFile",
    "LibvirtDomain",
    "QmpSocket",
    "Vm",
    "VmAddress",
    "VmDevice",
    "demand_distinct",
    "device_address",
    "is_disk_by_vfio",
    "is_saved",
    "is_vfio",
    "leaves_by_qemu",
    "on_off",
    "parse_vm",
]

DeviceAddress = MdevAddress | FunctionAddress
"""Where a host has a VM's device: what is given to a VM is a device, never a type."""

MAX_DEVICES = 1024
"""How many VFIO devices a VM may have: far more than any has (a PCI bus of QEMU's takes
256 functions), and few enough to be decided soon."""

VIRTIO_NET = "virtio-net-"
"""How QEMU's types of network cards begin that can take over from a function while that
is unplugged (hw/net/virtio-net.c, failover_hide_primary_device)."""

BY_MULTIFD = "migration-multifd-transfer"
"""The property, without its x-, that has a device's state go by multifd
(hw/vfio/migration-multifd.c, vfio_multifd_setup)."""

UNTRACKED = "device-dirty-page-tracking"
"""The property, without its x-, that keeps QEMU from having a driver track writes
(hw/vfio/migration.c, vfio_migration_realize)."""

OnOffAuto = Literal["on", "off", "auto"]


class VmDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A VFIO device of a VM.

    `name` is what the VM calls it (libvirt's alias, QEMU's id). `migration` is what
    QEMU was told with `enable-migration`, and `skip_vsc_check` with the property of
    that name; None where neither is known. `iommufd` says that QEMU was told to have
    it through that, `untracked` that it must not have the driver track writes, and
    `by_multifd` that its state is to go by multifd and in no other way.
    `unplugged` says that the device is taken away before a migration,
    and that a network card takes over, `saved` that QEMU has a way to save its state,
    and that libvirt does not bind it to plain vfio-pci, `is_managed` that libvirt binds
    its function to VFIO when the VM comes, `bound_to` to which driver, if that is told
    (libvirt 10.0.0, docs/formatdomain.rst).
    """

    address: DeviceAddress
    name: str | None = None
    migration: OnOffAuto | None = None
    skip_vsc_check: bool | None = None
    iommufd: bool = False
    untracked: bool = False
    by_multifd: bool = False
    unplugged: bool = False
    saved: bool = True
    is_managed: bool = False
    bound_to: str | None = None
    is_interface: bool = False
    has_ramfb: bool = False

    @property
    def text(self) -> str:
        """The device's address, as an endpoint has it."""
        return address_text(self.address) or ""

    @property
    def named(self) -> str:
        """The device's address, and what the VM calls it."""
        return self.text + (f" ({self.name})" if self.name else "")

    @property
    def is_by_iommu(self) -> bool:
        """Whether a host's IOMMU may track its writes; an mdev is not behind one.

        (hw/vfio/iommufd.c, iommufd_cdev_attach_container.)
        """
        return self.iommufd and isinstance(self.address, FunctionAddress)

    @property
    def demanding(self) -> tuple[object, ...]:
        """All that decides beside the endpoint that it is, and the one that it gets."""
        how = self.is_managed, self.bound_to, self.iommufd, self.is_by_iommu
        tracking = self.migration == "on", self.untracked
        return self.skip_vsc_check, self.is_interface, self.has_ramfb, how, tracking


class Vm(msgspec.Struct, frozen=True, kw_only=True):
    """A VM, as far as it matters for a migration.

    `machine` is its machine type (`pc-q35-9.1`). `postcopy` and `snapshot` say whether
    post-copy and background snapshots are switched on, and `blockers` why QEMU refuses
    to migrate it now; None where that is not known, since no QEMU was asked. `networks`
    are those of interfaces that may be PCI functions, which the VM's description does
    not tell. `others` are VFIO devices of another bus, `iommus` virtual ones, and
    `config_files` what QEMU reads beside its arguments. `disks` are those that QEMU
    itself drives through VFIO, `protection` what keeps the VM's memory from its host.
    `qemu` is the version of the QEMU that was asked. `switchover_ack` says that its
    destination has to acknowledge what it got before the VM stops, and `multifd` that
    devices' state can go by that; None where no QEMU was asked. `refusals` are why a
    migration that is begun now is refused, beside blockers, and `kept_back` what of the
    VM would not go. `only_migratable` says that it does not start with what blocks a
    migration. `besides` are what its description has beside VFIO devices that QEMU or
    libvirt may not migrate.
    """

    name: str | None
    uuid: str | None = None
    machine: str | None = None
    devices: tuple[VmDevice, ...] = ()
    postcopy: bool | None = None
    snapshot: bool | None = None
    blockers: tuple[str, ...] | None = None
    networks: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    iommus: tuple[str, ...] = ()
    config_files: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()
    protection: str | None = None
    qemu: tuple[int, int] | None = None
    switchover_ack: bool = False
    multifd: bool | None = None
    refusals: tuple[str, ...] = ()
    kept_back: tuple[str, ...] = ()
    only_migratable: bool = False
    besides: tuple[str, ...] = ()

    @property
    def moved(self) -> tuple[VmDevice, ...]:
        """The devices whose state has to be loaded at the destination."""
        return tuple(device for device in self.devices if not device.unplugged)


def leaves_by_qemu(vm: Vm) -> Vm:
    """Give a VM that a QEMU is sending: it would not if anything blocked that."""
    return msgspec.structs.replace(vm, blockers=vm.blockers or (), refusals=())


_NEVER_SAVED = frozenset(
    {
        "vfio-ap",
        "vfio-ccw",
        "vfio-platform",
        "vfio-amd-xgbe",
        "vfio-calxeda-xgmac",
        "vfio-user-pci",
    }
)


def is_vfio(driver: str) -> bool:
    """Whether QEMU's device of this name is one of VFIO, or of vfio-user."""
    return driver.startswith("vfio-")


def is_saved(driver: str | None) -> bool:
    """Whether QEMU's device of this name has a way to save its state.

    Those of s390 and of platform devices have none (hw/vfio/ap.c, ccw.c, platform.c,
    of which amd-xgbe.c and calxeda-xgmac.c are made: `.unmigratable = 1`), and for
    another process's there is no migration yet (hw/vfio-user/pci.c).
    """
    return driver not in _NEVER_SAVED


def is_disk_by_vfio(driver: str) -> bool:
    """Whether QEMU's block driver of this name drives a PCI function through VFIO.

    (block/nvme.c, and block/blkio.c with libblkio.)
    """
    return driver in {"nvme", "virtio-blk-vfio-pci"}


# ---- addresses -----------------------------------------------------------------


class DomainFile(msgspec.Struct, frozen=True):
    """A file of libvirt's domain XML; `-` is stdin."""

    path: str


class LibvirtDomain(msgspec.Struct, frozen=True):
    """A domain of libvirt, by its name, UUID or id, and the connection to it."""

    name: str
    uri: str | None


class QmpSocket(msgspec.Struct, frozen=True):
    """The monitor of a running QEMU."""

    path: str


VmAddress = DomainFile | LibvirtDomain | QmpSocket

_WITH_URI = re.compile(r"(.+?)@([A-Za-z][A-Za-z0-9+.-]*:/.*)", re.DOTALL)


def parse_vm(text: str) -> VmAddress:
    """Read how a person names a VM.

    >>> parse_vm("libvirt:web@qemu+ssh://root@node-a/system")
    LibvirtDomain(name='web', uri='qemu+ssh://root@node-a/system')

    Raises:
        InvalidAddress: it has none of the known forms.

    """
    kind, _, rest = text.partition(":")
    if rest and "\0" not in rest:
        match kind:
            case "domain":
                return DomainFile(rest)
            case "qmp":
                return QmpSocket(rest)
            case "libvirt" if with_uri := _WITH_URI.fullmatch(rest):
                return LibvirtDomain(with_uri[1], with_uri[2])
            case "libvirt":
                return LibvirtDomain(rest, None)
            case _:
                pass
    raise InvalidAddress(
        f"{text!r} names no VM",
        hint="write domain:FILE.xml, libvirt:NAME[@URI] or qmp:SOCKET",
    )


def device_address(path: str) -> DeviceAddress | None:
    """Read where a VM's device is: QEMU's `host`, or its `sysfsdev`.

    `sysfsdev` is a path, whose last part names an mdev or a PCI function in sysfs
    (hw/vfio/pci.c, vfio_realize). None if it is neither.
    """
    name = posixpath.basename(path.rstrip("/"))
    if is_uuid(name.lower()):
        return MdevAddress(name.lower())
    function = parse_function(name)
    return FunctionAddress(function) if function else None


def demand_distinct(devices: Sequence[VmDevice], where: str) -> None:
    """See that no device of a host is given to a VM twice; `where` names the VM.

    Raises:
        DomainError: one is, or there are more than any VM has.

    """
    if len(devices) > MAX_DEVICES:
        raise DomainError(
            f"{where} gives the VM {len(devices)} VFIO devices, more than "
            f"{MAX_DEVICES}, which no VM has"
        )
    for address, times in Counter(device.text for device in devices).items():
        if times > 1:
            raise DomainError(f"{where} gives the VM {address} {times} times")


def on_off(told: object) -> OnOffAuto | None:
    """Read an OnOffAuto of QEMU, or the bool that enable-migration was before 8.1."""
    if isinstance(told, bool):
        return "on" if told else "off"
    words = {"true": "on", "yes": "on", "y": "on"}
    words |= {"false": "off", "no": "off", "n": "off"}
    words |= {"on": "on", "off": "off", "auto": "auto"}
    return cast("OnOffAuto | None", words.get(told)) if isinstance(told, str) else None
