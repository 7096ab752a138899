# SPDX-License-Identifier: Apache-2.0
"""A VM at the address that a person gave: from a file, from libvirt, or from QEMU."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.domain import MAX_BYTES, parse_domain
from vfiocompat.errors import DomainError, VmError
from vfiocompat.vm import DomainFile, LibvirtDomain

if TYPE_CHECKING:
    from vfiocompat.manifest import Manifest
    from vfiocompat.vm import Vm, VmAddress

__all__ = ["Machine", "read_vm"]

_CHUNK = 1 << 16


class Machine(NamedTuple):
    """A VM, and where it was read.

    `xml` is its domain XML, None of one that QEMU told of; `manifest` is what an
    earlier `vm --xml` wrote into that.
    """

    vm: Vm
    where: str
    xml: bytes | None = None
    manifest: Manifest | None = None


def read_vm(address: VmAddress, timeout: float, *, migratable: bool) -> Machine:
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
            data = _read(path, where, timeout)
        case LibvirtDomain():
            where = f"the XML of {address.name}"
            data = _dump(address, timeout, migratable=migratable)
        case _:
            from vfiocompat.qmp import ask_qemu  # noqa: PLC0415 - asyncio is slow

            return Machine(ask_qemu(address.path, timeout), address.path)
    vm, manifest = parse_domain(data, where)
    return Machine(vm, where, data, manifest)


def _read(path: str, where: str, timeout: float) -> bytes:
    """Read a file, or a pipe that somebody writes domain XML into."""
    try:
        if path == "-":
            return _all_of(0, where, timeout)
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISBLK(os.fstat(number).st_mode):
                raise OSError(errno.EINVAL, "not a file")
            return _all_of(number, where, timeout)
        finally:
            os.close(number)
    except OSError as error:
        raise DomainError(f"cannot read {where}: {error.strerror}") from None


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


def _dump(address: LibvirtDomain, timeout: float, *, migratable: bool) -> bytes:
    """Have virsh write a domain's XML."""
    line = ["virsh", "--quiet"]
    if not migratable:
        line.append("--readonly")
    if address.uri is not None:
        line += ["--connect", address.uri]
    line.append("dumpxml")
    if migratable:
        line.append("--migratable")
    line.append(f"--domain={address.name}")
    import subprocess  # noqa: PLC0415 - costs start-up time, and only virsh needs it

    try:
        code, out, err = _run(line, timeout)
    except OSError as error:
        raise VmError(
            f"cannot run virsh: {error.strerror}",
            hint="it is in libvirt's package of clients (libvirt-clients)",
        ) from None
    except subprocess.TimeoutExpired:
        raise VmError(
            f"virsh: no answer about {address.name} in {timeout:g} s"
        ) from None
    if code != 0:
        raise VmError(
            f"virsh cannot give the XML of {address.name}",
            detail=err.decode("utf-8", "backslashreplace").strip() or None,
            hint="'virsh list --all' shows the domains there are",
        )
    return out


def _run(line: list[str], timeout: float) -> tuple[int, bytes, bytes]:
    """Run a command; give its code and what it printed on stdout and on stderr.

    One that takes too long is killed with what it has started, such as ssh, and not
    waited for by the end of its output, which others may hold.
    """
    import subprocess  # noqa: PLC0415 - see above

    with subprocess.Popen(
        line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"LC_ALL": "C"},
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, out, err
