# SPDX-License-Identifier: Apache-2.0
"""A VM at the address that a person gave: from a file, from libvirt, or from QEMU."""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from vfiocompat import codes
from vfiocompat.errors import DomainError, VmError
from vfiocompat.files.reading import in_time
from vfiocompat.vm.domain import MAX_BYTES, Domain
from vfiocompat.vm.libvirt import Virsh, is_elsewhere
from vfiocompat.vm.model import DomainFile, LibvirtDomain

if TYPE_CHECKING:
    from vfiocompat.vm.model import Vm, VmAddress

__all__ = ["Description", "read_vm"]

_CHUNK = 1 << 16


class Description(NamedTuple):
    """A VM, and where it was read.

    `domain` has its XML, None of one that QEMU told of. `remote` is the connection to
    libvirt if that goes to another host, where the VM's devices are then.
    """

    vm: Vm
    where: str
    domain: Domain | None = None
    remote: str | None = None


def read_vm(address: VmAddress, timeout: float, *, migratable: bool) -> Description:
    """Read a VM, within `timeout` seconds; nothing of it is changed.

    `migratable` asks libvirt for the XML that a destination takes, which it gives only
    to those who may change the domain too (src/libvirt-domain.c, virDomainGetXMLDesc).

    Raises:
        VmError: it cannot be asked for, or does not answer in time.
        DomainError: what it is described by is no domain XML.

    """
    match address:
        case DomainFile(path):
            where = "stdin" if path == "-" else path
            domain = Domain(_read(path, where, timeout), where)
            return Description(domain.vm, where, domain)
        case LibvirtDomain():
            return _of_libvirt(address, timeout, migratable=migratable)
        case _:
            from vfiocompat.vm.qmp import ask_qemu  # noqa: PLC0415 - asyncio is slow

            return Description(ask_qemu(address.path, timeout), address.path)


def _read(path: str, where: str, timeout: float) -> bytes:
    """Read a file, or a pipe that somebody writes domain XML into."""
    try:
        if path == "-":
            return _all_of(0, where, timeout)
        return in_time(path, _read_now, path, timeout)
    except OSError as error:
        raise DomainError(f"cannot read {where}: {error.strerror}") from None


def _read_now(path: str, timeout: float) -> bytes:
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISBLK(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "not a file")
        return _all_of(number, path, timeout)
    finally:
        os.close(number)


def _all_of(number: int, where: str, timeout: float) -> bytes:
    """Read until the end, or until it is longer than domain XML can be."""
    until = time.monotonic() + timeout
    data = bytearray()
    while len(data) <= MAX_BYTES:
        left = until - time.monotonic()
        if left <= 0 or not select.select([number], [], [], left)[0]:
            raise DomainError(f"{where}: no end of it in {timeout:g} s")
        part = os.read(number, _CHUNK)
        if not part:
            break
        data += part
    return bytes(data)


def _of_libvirt(
    address: LibvirtDomain, timeout: float, *, migratable: bool
) -> Description:
    """Read a domain's XML, and find out on which host it is."""
    virsh = Virsh(address, timeout, time.monotonic() + timeout)
    where = f"the XML of {address.name}"
    uri = address.uri or virsh.said("uri").decode(errors="replace").strip()
    name = f"--domain={address.name}"
    domain = Domain(virsh.said("dumpxml", name), where)
    vm = domain.vm
    if migratable:
        data = virsh.said("dumpxml", "--migratable", name, read_only=False)
        there = Domain(data, where)
        _demand_same(domain.vm, there.vm)
        # What only a VM that runs has, as a block job, is in its own XML alone.
        besides = dict.fromkeys((*domain.vm.besides, *there.vm.besides))
        vm, domain = replace(there.vm, besides=tuple(besides)), there
    return Description(vm, where, domain, uri if is_elsewhere(uri) else None)


def _demand_same(vm: Vm, migratable: Vm) -> None:
    """See that migratable XML has all VFIO devices that the VM has.

    Of a function of a network's pool it has the network only, and the destination's
    libvirt chooses another function.
    """
    there = {device.text for device in migratable.devices}
    chosen = [device.text for device in vm.devices if device.text not in there]
    if chosen:
        raise VmError(
            f"libvirt's XML for a destination does not name {', '.join(chosen)}",
            hint="libvirt itself chooses a function of a network's pool there: "
            "without --xml it is told whether there is one",
            code=codes.NO_DOMAIN_XML,
        )
