# SPDX-License-Identifier: Apache-2.0
"""libvirt's domain XML: the VM that it describes, and the same VM elsewhere.

The XML may come from anybody. It is read without a DTD, so that no entity is expanded
and no file fetched, and only what has to do with VFIO devices is looked at:
`<hostdev>`, `<interface type='hostdev'>` and `<iommu>` (docs/formatdomain.rst of
libvirt), and the arguments that go to QEMU unread (docs/drvqemu.rst).
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING

from lxml import etree

from vfiocompat.errors import DomainError
from vfiocompat.vm.attachments import Attached, cut
from vfiocompat.vm.besides import besides_in
from vfiocompat.vm.manifest import read_manifest, write_manifest
from vfiocompat.vm.model import Vm, demand_distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml.etree import _Element as Element

    from vfiocompat.vm.manifest import Manifest
    from vfiocompat.vm.model import DeviceAddress

__all__ = ["MAX_BYTES", "Domain", "parse_document"]

MAX_BYTES = 4 << 20
"""How long domain XML may be: what a string in libvirt's protocol can be
(src/remote/remote_protocol.x, REMOTE_STRING_MAX)."""

_SHOWN = 80  # characters of what a document says, in an error

_WITH_VFIO = frozenset({"kvm", "qemu", "test"})
"""Types of domains that QEMU runs, and that of libvirt's own driver for tests. What the
host devices of another are is not known here."""


class Domain:
    """A domain of libvirt's by its XML: the `vm` that it describes, also elsewhere.

    `path` is named in errors.

    Raises:
        DomainError: it is none, or a device in it has no usable address.

    """

    def __init__(self, data: bytes, path: str) -> None:
        self._root = root = parse_document(data, path)
        self._path = path
        kind_of = root.find("os/type")
        machine = None if kind_of is None else kind_of.get("machine")
        found = Attached(root, path)
        devices = tuple(each.device for each in found.attachments)
        demand_distinct(devices, path)
        kind = root.get("type", "kvm")
        if devices and kind not in _WITH_VFIO:
            raise DomainError(
                f"{path} is a domain of type {cut(kind)}, whose host devices are not "
                "VFIO's",
                hint="QEMU's domains are of type kvm or qemu",
            )
        self.vm = Vm(
            name=_text(root.find("name")),
            uuid=_text(root.find("uuid")),
            machine=found.machine or machine,
            devices=devices,
            networks=_networks(root),
            others=tuple(found.others),
            iommus=tuple(found.iommus),
            config_files=tuple(found.config_files),
            disks=tuple(found.disks),
            protection=found.protection,
            only_migratable=found.only_migratable,
            besides=tuple(dict.fromkeys((*besides_in(root), *found.besides))),
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
        attached = Attached(root, self._path).attachments
        for each, address in zip(attached, addresses, strict=True):
            if address is not None and address != each.device.address:
                each.write(address)
        if manifest is not None:
            write_manifest(root, manifest)
        text = etree.tostring(tree, encoding="unicode")
        return _UNSEEN.sub(_reference, text).encode() + b"\n"


_UNSEEN = re.compile(r"[^\n\t -~]")


def _reference(match: re.Match[str]) -> str:
    """Write a character that a terminal would obey, not show, as a reference to it."""
    character = match[0]
    return character if character.isprintable() else f"&#{ord(character)};"


# ---- the document --------------------------------------------------------------


def parse_document(data: bytes, path: str) -> Element:
    """Read a document whose root is a domain.

    Raises:
        DomainError: it is none, or is too long, or has a document type.

    """
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


def _networks(root: Element) -> tuple[str, ...]:
    """Name the networks of interfaces that may be functions of a pool.

    A network tells that by itself (<forward mode='hostdev'>). In XML of a VM that runs
    the interface is then one of type hostdev, and another's source has its bridge or
    its device (src/conf/domain_conf.c, virDomainActualNetDefContentsFormat).
    """
    runs = root.get("id") is not None
    sources = root.iterfind("devices/interface[@type='network']/source")
    names = [
        source.get("network", "")
        for source in sources
        if not runs or (source.get("bridge") is None and source.get("dev") is None)
    ]
    return tuple(dict.fromkeys(names))
