# SPDX-License-Identifier: Apache-2.0
"""What attaches VFIO devices in domain XML: read, and made to name another device."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.addresses import (
    PCI_PARTS,
    FunctionAddress,
    MdevAddress,
    is_uuid,
    pci_address,
)
from vfiocompat.errors import DomainError
from vfiocompat.vm.aliases import QEMU, Aliases
from vfiocompat.vm.besides import disks_by_vfio
from vfiocompat.vm.model import (
    BY_MULTIFD,
    UNTRACKED,
    DeviceAddress,
    VmDevice,
    device_address,
    is_saved,
    is_vfio,
    on_off,
)
from vfiocompat.vm.qemuargs import ANCESTORS, CommandLine, device_argument, is_joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lxml.etree import _Element as Element

    from vfiocompat.vm.qemuargs import Argument

__all__ = ["Attached", "Attachment", "cut"]

_SHOWN = 80  # characters of what a document says, in an error

_HOST_DEVICES = frozenset({"pci", "mdev", "usb", "scsi", "scsi_host"})
"""What a `<hostdev>` can be (src/conf/domain_conf.c, virDomainHostdevSubsys)."""

_MODELS = frozenset({"vfio-pci", "vfio-ccw", "vfio-ap"})
"""What the model of an mdev can be (src/util/virmdev.c, virMediatedDeviceModel)."""

_PLAIN = "vfio-pci"
"""The driver that can migrate nothing, as `<driver model='vfio-pci'/>` chooses it
(docs/formatdomain.rst)."""

_TEAMED = "virtio-net-pci"
"""What the half of a team is that takes over (docs/formatdomain.rst)."""

_BEHIND_IOMMUS = "ppc64", "s390x"
"""Architectures whose usual machine, pseries or s390-ccw-virtio, gives each PCI device
an address space of its own (hw/ppc/spapr_pci.c, hw/s390x/s390-pci-bus.c)."""


class Attachment(NamedTuple):
    """What attaches a device in a document, and how to have it name another."""

    device: VmDevice
    write: Callable[[DeviceAddress], None]


class Attached:
    """What a domain has of VFIO devices, in the order of the document.

    `others` are devices that QEMU cannot migrate and that have no address of the kind
    that is known here; `iommus` are virtual ones.
    """

    def __init__(self, root: Element, path: str) -> None:
        self._path = path
        self._aliases = Aliases(root)
        self._arguments = [*root.iterfind(f"{QEMU}commandline/{QEMU}arg")]
        texts = [element.get("value", "") for element in self._arguments]
        for element, text in zip(self._arguments, texts, strict=True):
            if is_joined(text):
                what = f"{cut(text)} is an option and its value in one argument"
                raise _wrong(path, element, what)
        self._line = CommandLine(texts)
        for name, told in self._line.properties.of_id.items():
            self._demand_address_kept(root, f"-set of {cut(name)}", told)
        for type_, name, value in self._line.properties.of_type:
            if is_vfio(type_) or type_ in ANCESTORS:
                self._demand_address_kept(root, f"-global {cut(type_)}", {name: value})
        for name, told in self._aliases.all_overridden.items():
            if "driver" in told:
                where = f"<qemu:override> of {cut(name)}"
                self._demand_address_kept(root, where, told)
        self.others: list[str] = []
        given = [
            (each, self._read_argument(each))
            for each in (self._arguments[at] for at in self._line.devices)
        ]
        self._partners = {*self._teamed(root), *self._line.failovers}
        self.attachments = [*self._host_devices(root)]
        for each, (found, driver) in given:
            self.attachments += self._argument(each, found, driver)
        self.config_files = self._line.config_files
        self.machine = self._line.machine
        self.only_migratable = self._line.only_migratable
        self.besides = self._line.besides
        self.disks = [*disks_by_vfio(root), *self._line.disks]
        security = root.find("launchSecurity")
        named = None if security is None else security.get("type") or "launchSecurity"
        self.protection = named or self._line.protection
        self.iommus = [
            *(each.get("model", "") for each in root.iterfind("devices/iommu")),
            *self._line.iommus,
            *_of_architecture(root),
        ]

    def _teamed(self, root: Element) -> Iterator[str]:
        """Name the interfaces that take over from others: those of libvirt's teams.

        One does not if QEMU is kept from having its failover on, or knows none of it.
        """
        for element in root.iterfind("devices/interface"):
            teaming, alias = element.find("teaming"), element.find("alias")
            name = None if alias is None else alias.get("name")
            if not name or teaming is None or teaming.get("type") != "persistent":
                continue
            model = element.find("model")
            if model is not None and not model.get("type", "").startswith("virtio"):
                continue
            own = {"failover": "on"} | self._aliases.all_overridden.get(name, {})
            told = self._line.properties.told(_TEAMED, (name,), own)
            removed = "failover" in self._aliases.all_removed.get(name, ())
            if on_off(told.get("failover")) == "on" and not removed:
                yield name

    def _takes_over(self, pair: object) -> bool:
        """Whether a network card takes over from a device: from one, the first.

        (hw/net/virtio-net.c, failover_hide_primary_device.)
        """
        if pair not in self._partners:
            return False
        self._partners.discard(str(pair))
        return True

    def _host_devices(self, root: Element) -> Iterator[Attachment]:
        for element in root.iterfind("devices/*"):
            kind = element.get("type")
            if element.tag == "interface" and kind == "hostdev":
                if (bus := _bus_of(element)) not in {None, "pci", "usb"}:
                    raise _wrong(self._path, element, f"type={cut(bus)} is no bus")
                if bus != "usb":
                    yield self._hostdev(element)
            elif element.tag == "hostdev":
                mode = element.get("mode", "subsystem")
                if mode not in {"subsystem", "capabilities"}:
                    what = f"mode={cut(mode)} is no mode that is known"
                    raise _wrong(self._path, element, what)
                if mode == "capabilities":
                    continue
                if kind not in _HOST_DEVICES:
                    what = f"type={cut(kind)} is no kind of device that is known"
                    raise _wrong(self._path, element, what)
                if kind in {"mdev", "pci"}:
                    yield self._hostdev(element)

    def _hostdev(self, element: Element) -> Attachment:
        path = self._path
        address = element.find("source/address")
        if address is None:
            raise _wrong(path, element, "has no <source> with an <address>")
        is_mdev = element.tag == "hostdev" and element.get("type") == "mdev"
        model = element.get("model", "vfio-pci") if is_mdev else "vfio-pci"
        if model not in _MODELS:
            raise _wrong(path, element, f"model={cut(model)} is no model that is known")
        if element.get("ramfb") == "on":  # such a one cannot be unplugged
            model = "vfio-pci-nohotplug"
        own = self._aliases.overridden(element)
        self._demand_address_kept(element, "<qemu:override>", own)
        own = self._by_libvirt(element, is_mdev=is_mdev) | own
        told = self._line.properties.told(model, self._aliases.of(element), own)
        is_managed = not is_mdev and element.get("managed") == "yes"
        driver = element.find("driver") if is_managed else None
        bound_to = None if driver is None else driver.get("model")
        pair = told.get("failover_pair_id")

        def write(there: DeviceAddress) -> None:
            _write_hostdev(element, address, there, path)

        device = VmDevice(
            address=_mdev(address, path) if is_mdev else _function(address, path),
            name=self._aliases.written(element),
            migration=on_off(told.get("enable-migration")),
            skip_vsc_check=_boolean(told.get("skip-vsc-check")),
            untracked=on_off(told.get(UNTRACKED)) == "off",
            by_multifd=on_off(told.get(BY_MULTIFD)) == "on",
            iommufd=bool(told.get("iommufd")),
            unplugged=self._takes_over(pair),
            saved=is_saved(model) and bound_to != _PLAIN and pair is None,
            is_managed=is_managed,
            bound_to=bound_to,
            is_interface=element.tag == "interface",
            has_ramfb=is_mdev and _shows_ramfb(element.get("ramfb"), told.get("ramfb")),
        )
        return Attachment(device, write)

    def _by_libvirt(self, element: Element, *, is_mdev: bool) -> dict[str, object]:
        """Give the properties that libvirt sets of a device, but for those removed."""
        found: dict[str, object] = {}
        paired, driver = _pair_of(element), element.find("driver")
        if paired is not None and not is_mdev:  # it takes teaming of PCI devices only
            found["failover_pair_id"] = paired
        if driver is not None and driver.get("iommufd") == "yes":
            found["iommufd"] = "iommufd0"
        removed = self._aliases.removed(element)
        return {name: value for name, value in found.items() if name not in removed}

    def _demand_address_kept(
        self, element: Element, where: str, told: Mapping[str, object]
    ) -> None:
        """Refuse what makes another device of one, which nobody can tell any more.

        Raises:
            DomainError: a property that says which device it is is set apart from it.

        """
        if names := sorted({"driver", "host", "sysfsdev"}.intersection(told)):
            what = f"{where} sets {', '.join(names)}: which device that is is not read"
            raise _wrong(self._path, element, what)

    def _read_argument(self, element: Element) -> tuple[Argument, str]:
        """Read what follows `-device`, and of which type it is."""
        text = element.get("value", "")
        try:
            found = device_argument(text)
        except ValueError as error:
            what = f"{cut(text)} is no JSON that QEMU reads: {error}"
            raise _wrong(self._path, element, what) from None
        return found, self._line.read_device(found)

    def _argument(
        self, element: Element, found: Argument, driver: str
    ) -> Iterator[Attachment]:
        """Give the VFIO device that follows `-device`, if it is one."""
        if not is_vfio(driver):
            return
        own = found.properties
        where = own.get("sysfsdev") or own.get("host")
        address = device_address(str(where)) if where else None
        if address is None and not is_saved(driver):
            self.others.append(f"{driver} {where or ''}".rstrip())
            return
        if address is None:
            what = f"{cut(element.get('value'))} names no VFIO device"
            raise _wrong(self._path, element, what)
        name = None if own.get("id") is None else str(own.get("id"))
        told = self._line.properties.told(driver, [name] if name else [], own)
        pair = told.get("failover_pair_id")

        def write(there: DeviceAddress) -> None:
            if isinstance(there, MdevAddress):
                new = "sysfsdev", f"/sys/bus/mdev/devices/{there.uuid}"
            else:
                new = "host", there.function
            element.set("value", found.replace(("sysfsdev", "host"), *new))

        device = VmDevice(
            address=address,
            name=name,
            migration=on_off(told.get("enable-migration")),
            skip_vsc_check=_boolean(told.get("skip-vsc-check")),
            iommufd=bool(told.get("iommufd")),
            untracked=on_off(told.get(UNTRACKED)) == "off",
            by_multifd=on_off(told.get(BY_MULTIFD)) == "on",
            has_ramfb=_shows_ramfb(told.get("ramfb")),
            unplugged=self._takes_over(pair),
            saved=is_saved(driver) and pair is None,
        )
        yield Attachment(device, write)


def _of_architecture(root: Element) -> Iterator[str]:
    """Name an architecture whose usual machine has IOMMUs, where none is named."""
    kind = root.find("os/type")
    if kind is not None and not kind.get("machine"):
        arch = kind.get("arch", "")
        if arch.startswith(_BEHIND_IOMMUS):
            yield arch


def _pair_of(element: Element) -> str | None:
    """Name the interface that takes over from a device while it is unplugged."""
    teaming = element.find("teaming")
    if teaming is None or teaming.get("type") != "transient":
        return None
    return teaming.get("persistent", "")


def _bus_of(interface: Element) -> str | None:
    """Name the bus on which a network interface that is a host device is."""
    address = interface.find("source/address")
    return None if address is None else address.get("type")


def _mdev(address: Element, path: str) -> MdevAddress:
    uuid = (address.get("uuid") or "").lower()
    if not is_uuid(uuid):
        raise _wrong(path, address, f"uuid={cut(address.get('uuid'))} is no UUID")
    return MdevAddress(uuid)


def _function(address: Element, path: str) -> FunctionAddress:
    texts = {part: address.get(part, "0") for part in PCI_PARTS}
    numbers = {part: _number(text) for part, text in texts.items()}
    try:
        return FunctionAddress(pci_address(numbers))
    except ValueError as error:
        [part] = error.args
        raise _wrong(
            path, address, f"{part}={cut(texts[part])} is no part of a PCI address"
        ) from None


def _number(text: str) -> int | None:
    """Read a number as libvirt does: in hex after 0x, in octal after 0, or decimal."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", text):
        return int(text, 16)
    if re.fullmatch(r"0[0-7]{0,11}", text):
        return int(text, 8)
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,9}", text) else None


def _write_hostdev(
    element: Element, address: Element, there: DeviceAddress, path: str
) -> None:
    """Have a `<hostdev>` name another device, which may be of the other kind.

    libvirt 11.0.0 and newer let an mdev become a PCI function across a migration, and
    the reverse (src/conf/domain_conf.c, virDomainHostdevDefCheckABIStability).
    """
    if isinstance(there, MdevAddress):
        if element.tag != "hostdev":
            raise _wrong(path, element, "a network interface cannot become an mdev")
        if element.get("type") != "mdev":
            element.set("type", "mdev")
            element.set("model", "vfio-pci")
            _drop_of_functions(element)
        values = {"uuid": there.uuid}
    else:
        if element.tag == "hostdev" and element.get("type") != "pci":
            element.set("type", "pci")
            for name in ("model", "display", "ramfb"):  # of mdevs only
                element.attrib.pop(name, None)
            # It means nothing for an mdev; a function it would take from its driver.
            element.set("managed", "no")
        domain, bus, rest = there.function.split(":")
        slot, _, function = rest.partition(".")
        values = {
            name: f"0x{text}"
            for name, text in zip(PCI_PARTS, (domain, bus, slot, function), strict=True)
        }
    kept = {"type": "pci"} if address.get("type") == "pci" else {}
    address.attrib.clear()
    for name, text in (kept | values).items():
        address.set(name, text)


def _drop_of_functions(element: Element) -> None:
    """Take away what only a `<hostdev>` of a PCI function has."""
    for child in element.findall("driver"):
        element.remove(child)
    for source in element.findall("source"):
        source.attrib.pop("writeFiltering", None)


def _shows_ramfb(*told: object) -> bool:
    return any(on_off(each) == "on" for each in told)


def _boolean(text: object) -> bool | None:
    return {"on": True, "off": False}.get(on_off(text) or "")


# ---- errors ----------------------------------------------------------------------


def cut(text: str | None) -> str:
    """Quote what a document says, or how it begins."""
    if text is None or len(text) <= _SHOWN:
        return repr(text)
    return f"{text[:_SHOWN]!r}..."


def _wrong(path: str, element: Element, what: str) -> DomainError:
    """Say what is wrong with an element, and where that is."""
    place = element.getroottree().getpath(element)
    return DomainError(f"{path}: {place}: {what}", detail=f"line {element.sourceline}")
