# SPDX-License-Identifier: Apache-2.0
"""libvirt's domain XML: the VM that it describes, and the same VM elsewhere.

The XML may come from anybody. It is read without a DTD, so that no entity is expanded
and no file fetched, and only what attaches a VFIO device is looked at: `<hostdev>` and
`<interface type='hostdev'>` (docs/formatdomain.rst of libvirt), and `-device vfio-pci`
among the arguments that go to QEMU unread (docs/drvqemu.rst).
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple

from lxml import etree

from vfiocompat.addresses import (
    PCI_PARTS,
    FunctionAddress,
    MdevAddress,
    is_uuid,
    pci_address,
)
from vfiocompat.errors import DomainError
from vfiocompat.vm.manifest import read_manifest, write_manifest
from vfiocompat.vm.model import (
    DeviceAddress,
    Vm,
    VmDevice,
    demand_distinct,
    device_address,
    is_saved,
    on_off,
)
from vfiocompat.vm.qemuargs import device_argument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lxml.etree import _Element as Element

    from vfiocompat.vm.manifest import Manifest
    from vfiocompat.vm.qemuargs import Argument

__all__ = ["MAX_BYTES", "Domain"]

MAX_BYTES = 4 << 20
"""How long domain XML may be: what a string in libvirt's protocol can be
(src/remote/remote_protocol.x, REMOTE_STRING_MAX)."""

_SHOWN = 80  # characters of what a document says, in an error

_QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"


class Domain:
    """A domain of libvirt's by its XML: the `vm` that it describes, also elsewhere.

    `path` is named in errors.

    Raises:
        DomainError: it is none, or a device in it has no usable address.

    """

    def __init__(self, data: bytes, path: str) -> None:
        self._root = root = _root(data, path)
        self._path = path
        machine = root.find("os/type")
        devices = tuple(each.device for each in _attachments(root, path))
        demand_distinct(devices, path)
        self.vm = Vm(
            name=_text(root.find("name")),
            uuid=_text(root.find("uuid")),
            machine=None if machine is None else machine.get("machine"),
            devices=devices,
            networks=_networks(root),
        )

    def manifest(self) -> Manifest | None:
        """Read the manifest in it; None if there is none.

        Raises:
            DomainError: it cannot be used.

        """
        return read_manifest(self._root, self._path)

    def rewritten(
        self, addresses: Sequence[DeviceAddress | None], manifest: Manifest | None
    ) -> bytes:
        """Give its XML with other addresses of its devices, and with a manifest.

        `addresses` are in the order of the devices; None leaves one as it is.

        Raises:
            DomainError: a device cannot be what its address names.

        """
        tree = deepcopy(self._root.getroottree())
        root = tree.getroot()
        attached = _attachments(root, self._path)
        for each, address in zip(attached, addresses, strict=True):
            if address is not None and address != each.device.address:
                each.write(address)
        if manifest is not None:
            write_manifest(root, manifest)
        text = etree.tostring(tree, encoding="unicode")
        return _UNSEEN.sub(_reference, text).encode() + b"\n"


class _Attachment(NamedTuple):
    """What attaches a device in a document, and how to have it name another."""

    device: VmDevice
    write: Callable[[DeviceAddress], None]


_UNSEEN = re.compile(r"[^\n\t -~]")


def _reference(match: re.Match[str]) -> str:
    """Write a character that a terminal would obey, not show, as a reference to it."""
    character = match[0]
    return character if character.isprintable() else f"&#{ord(character)};"


# ---- the document --------------------------------------------------------------


def _root(data: bytes, path: str) -> Element:
    if not data.strip():
        raise DomainError(f"{path} is empty", hint="'virsh dumpxml NAME' writes XML")
    if len(data) > MAX_BYTES:
        raise DomainError(
            f"{path} is longer than domain XML may be ({MAX_BYTES >> 20} MiB)"
        )
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        why = " ".join(f"{error.msg}".split()).replace(" ,", ",")
        raise DomainError(f"{path} is not XML", detail=why) from None
    except ValueError as error:  # of the bytes' encoding
        raise DomainError(f"{path} is not XML", detail=str(error)) from None
    if root.getroottree().docinfo.doctype:
        raise DomainError(
            f"{path} has a document type, which domain XML never has",
            hint="it is not read: a document type can name files and expand entities",
        )
    if root.tag != "domain":
        raise DomainError(
            f"{path} is not a libvirt domain: its root is <{_shown(root)[:_SHOWN]}>",
            hint="'virsh dumpxml NAME' writes one",
        )
    return root


def _shown(element: Element) -> str:
    name = etree.QName(element)
    return name.localname if name.namespace is None else name.text


def _text(element: Element | None) -> str | None:
    text = None if element is None else element.text
    return (text or "").strip() or None


def _cut(text: str | None) -> str:
    """Quote what a document says, or how it begins."""
    if text is None or len(text) <= _SHOWN:
        return repr(text)
    return f"{text[:_SHOWN]!r}..."


def _wrong(path: str, element: Element, what: str) -> DomainError:
    """Say what is wrong with an element, and where that is."""
    place = element.getroottree().getpath(element)
    return DomainError(f"{path}: {place}: {what}", detail=f"line {element.sourceline}")


def _networks(root: Element) -> tuple[str, ...]:
    """Name the networks of interfaces that may be functions of a pool.

    A network tells that by itself (<forward mode='hostdev'>). In XML of a VM that runs
    the interface is then one of type hostdev, and another's source has its bridge or
    its device (src/conf/domain_conf.c, virDomainActualNetDefContentsFormat).
    """
    sources = root.iterfind("devices/interface[@type='network']/source")
    names = [
        source.get("network", "")
        for source in sources
        if source.get("bridge") is None and source.get("dev") is None
    ]
    return tuple(dict.fromkeys(names))


# ---- its devices ---------------------------------------------------------------


def _attachments(root: Element, path: str) -> Iterator[_Attachment]:
    """Give every VFIO device, in the order of the document."""
    options = _overridden(root)
    for element in root.iterfind("devices/*"):
        kind = element.get("type")
        if element.tag == "hostdev" and kind in {"mdev", "pci"}:
            if element.get("mode", "subsystem") == "subsystem":
                yield _hostdev(element, path, options)
        elif element.tag == "interface" and kind == "hostdev":
            yield _hostdev(element, path, options)
    yield from _arguments(root, path)


def _hostdev(
    element: Element, path: str, options: dict[str, dict[str, str]]
) -> _Attachment:
    address = element.find("source/address")
    if address is None:
        raise _wrong(path, element, "has no <source> with an <address>")
    alias = element.find("alias")
    name = None if alias is None else alias.get("name")
    teaming = element.find("teaming")
    told = options.get(name or "", {})
    is_mdev = element.tag == "hostdev" and element.get("type") == "mdev"

    def write(there: DeviceAddress) -> None:
        _write_hostdev(element, address, there, path)

    device = VmDevice(
        address=_mdev(address, path) if is_mdev else _function(address, path),
        name=name,
        migration=on_off(told.get("enable-migration")),
        skip_vsc_check=_boolean(told.get("skip-vsc-check")),
        unplugged=teaming is not None and teaming.get("type") == "transient",
        saved=not is_mdev or is_saved(element.get("model")),
        is_managed=not is_mdev and element.get("managed") == "yes",
        is_interface=element.tag == "interface",
        has_ramfb=is_mdev and element.get("ramfb") == "on",
    )
    return _Attachment(device, write)


def _mdev(address: Element, path: str) -> MdevAddress:
    uuid = (address.get("uuid") or "").lower()
    if not is_uuid(uuid):
        raise _wrong(path, address, f"uuid={_cut(address.get('uuid'))} is no UUID")
    return MdevAddress(uuid)


def _function(address: Element, path: str) -> FunctionAddress:
    texts = {part: address.get(part, "0") for part in PCI_PARTS}
    numbers = {part: _number(text) for part, text in texts.items()}
    try:
        return FunctionAddress(pci_address(numbers))
    except ValueError as error:
        [part] = error.args
        raise _wrong(
            path, address, f"{part}={_cut(texts[part])} is no part of a PCI address"
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


def _overridden(root: Element) -> dict[str, dict[str, str]]:
    """Give by alias the properties that `<qemu:override>` sets."""
    found: dict[str, dict[str, str]] = {}
    for device in root.iterfind(f"{_QEMU}override/{_QEMU}device"):
        properties = found.setdefault(device.get("alias", ""), {})
        for each in device.iterfind(f"{_QEMU}frontend/{_QEMU}property"):
            name = each.get("name", "").removeprefix("x-")
            properties[name] = each.get("value", "")
    return found


def _boolean(text: object) -> bool | None:
    return {"on": True, "off": False}.get(on_off(text) or "")


# ---- arguments that libvirt does not read --------------------------------------


def _arguments(root: Element, path: str) -> Iterator[_Attachment]:
    """Give the VFIO devices that `<qemu:commandline>` has."""
    previous = ""
    for element in root.iterfind(f"{_QEMU}commandline/{_QEMU}arg"):
        text = element.get("value", "")
        if previous.lstrip("-") == "device" and previous.startswith("-"):
            found = device_argument(text)
            driver = str(found.get("driver"))
            # The devices of vfio-user are another process's, not the kernel's.
            if driver.startswith("vfio-") and not driver.startswith("vfio-user-"):
                yield _argument(element, found, path)
        previous = text


def _argument(element: Element, found: Argument, path: str) -> _Attachment:
    where = found.get("sysfsdev") or found.get("host")
    address = device_address(str(where)) if where else None
    if address is None:
        raise _wrong(
            path, element, f"{_cut(element.get('value'))} names no VFIO device"
        )
    name = found.get("id")
    told = found.get("enable-migration")

    def write(there: DeviceAddress) -> None:
        if isinstance(there, MdevAddress):
            new = "sysfsdev", f"/sys/bus/mdev/devices/{there.uuid}"
        else:
            new = "host", there.function
        element.set("value", found.replace(("sysfsdev", "host"), *new))

    device = VmDevice(
        address=address,
        name=None if name is None else str(name),
        migration=on_off(found.get("x-enable-migration") if told is None else told),
        skip_vsc_check=_boolean(found.get("skip-vsc-check")),
        unplugged=bool(found.get("failover_pair_id")),
        saved=is_saved(str(found.get("driver"))),
    )
    return _Attachment(device, write)
