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

from vfiocompat.diagnostics import Code
from vfiocompat.errors import DomainError, VmError
from vfiocompat.vm.domain import MAX_BYTES, parse_domain
from vfiocompat.vm.model import DomainFile, LibvirtDomain

if TYPE_CHECKING:
    from subprocess import Popen

    from vfiocompat.vm.model import Vm, VmAddress

__all__ = ["Description", "read_vm"]

_CHUNK = 1 << 16
_MAX_WORDS = 1 << 14  # bytes that are kept of what virsh complains of
_LOCAL = frozenset({None, "", "localhost", "127.0.0.1", "::1"})


class Description(NamedTuple):
    """A VM, and where it was read.

    `xml` is its domain XML, None of one that QEMU told of. `remote` is the connection
    to libvirt if that goes to another host, where the VM's devices are then.
    """

    vm: Vm
    where: str
    xml: bytes | None = None
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
            data = _read(path, where, timeout)
            return Description(parse_domain(data, where), where, data)
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


# ---- libvirt -------------------------------------------------------------------


def _of_libvirt(
    address: LibvirtDomain, timeout: float, *, migratable: bool
) -> Description:
    """Read a domain's XML, and find out on which host it is."""
    virsh = _Virsh(address, timeout, time.monotonic() + timeout)
    where = f"the XML of {address.name}"
    uri = address.uri or virsh.said("uri").decode(errors="replace").strip()
    domain = f"--domain={address.name}"
    data = virsh.said("dumpxml", domain)
    vm = parse_domain(data, where)
    if migratable:
        data = virsh.said("dumpxml", "--migratable", domain, read_only=False)
        there = parse_domain(data, where)
        _demand_same(vm, there)
        vm = there
    return Description(vm, where, data, uri if _is_elsewhere(uri) else None)


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
            code=Code.NO_DOMAIN_XML,
        )


def _is_elsewhere(uri: str) -> bool:
    """Whether a connection goes to another host (docs/uri.rst of libvirt)."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - costs start-up time, as above

    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:  # libvirt takes it, but nobody knows what for
        return True
    return host not in _LOCAL | {os.uname().nodename} or parts.scheme.endswith("+ext")


class _Virsh(NamedTuple):
    """virsh, which is to have said everything about a domain at the time `until`."""

    address: LibvirtDomain
    timeout: float
    until: float

    def said(self, *words: str, read_only: bool = True) -> bytes:
        """Run a command, and give what it prints."""
        line = ["virsh", "--quiet"]
        if read_only:
            line.append("--readonly")
        if self.address.uri is not None:
            line += ["--connect", self.address.uri]
        import subprocess  # noqa: PLC0415 - costs start-up time; only virsh needs it

        try:
            code, out, err = _run([*line, *words], self.until)
        except OSError as error:
            raise VmError(
                f"cannot run virsh: {error.strerror}",
                hint="it is in libvirt's package of clients (libvirt-clients)",
            ) from None
        except subprocess.TimeoutExpired:
            raise VmError(
                f"virsh: no answer about {self.address.name} in {self.timeout:g} s"
            ) from None
        if code != 0:
            raise VmError(
                f"virsh cannot give the XML of {self.address.name}",
                detail=err.decode("utf-8", "backslashreplace").strip() or None,
                hint="'virsh list --all' shows the domains there are",
            )
        return out


def _run(line: list[str], until: float) -> tuple[int, bytes, bytes]:
    """Run a command; give its code and what it printed on stdout and on stderr.

    One that takes too long is killed with what it has started, such as ssh, and not
    waited for by the end of its output, which others may hold. So is one that prints
    more than domain XML can be.
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
            return _outputs(process, until)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _outputs(process: Popen[bytes], until: float) -> tuple[int, bytes, bytes]:
    """Read what a process prints, and wait for it."""
    import subprocess  # noqa: PLC0415 - see above

    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.fileno(), process.stderr.fileno()
    data = {out: bytearray(), err: bytearray()}
    reading = [out, err]
    while reading and len(data[out]) <= MAX_BYTES:
        left = until - time.monotonic()
        ready = select.select(reading, [], [], left)[0] if left > 0 else []
        if not ready:
            raise subprocess.TimeoutExpired(process.args, 0)
        for number in ready:
            part = os.read(number, _CHUNK)
            if not part:
                reading.remove(number)
            data[number] += part
        del data[err][_MAX_WORDS:]
    if reading:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return 0, bytes(data[out]), b""
    left = max(0, until - time.monotonic())
    return process.wait(left), bytes(data[out]), bytes(data[err])
