# SPDX-License-Identifier: Apache-2.0
"""libvirt, asked by its own client virsh, which is given no more time than there is."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.errors import VmError
from vfiocompat.vm.domain import MAX_BYTES

if TYPE_CHECKING:
    from subprocess import Popen

    from vfiocompat.vm.model import LibvirtDomain

__all__ = ["Virsh", "host_named", "is_elsewhere"]

_CHUNK = 1 << 16
_MAX_WORDS = 1 << 14  # bytes that are kept of what virsh complains of
_LOCAL = frozenset({None, "", "localhost", "127.0.0.1", "::1"})


def is_elsewhere(uri: str) -> bool:
    """Whether a connection goes to another host (docs/uri.rst of libvirt)."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - costs start-up time, as above

    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:  # libvirt takes it, but nobody knows what for
        return True
    return host not in _LOCAL | {os.uname().nodename} or parts.scheme.endswith("+ext")


def host_named(uri: str) -> str | None:
    """Name the host that a connection goes to; None where it names none, or a number.

    Such a number is an address of IP, which tells no name.
    """
    from ipaddress import ip_address  # noqa: PLC0415 - costs start-up time, as above
    from urllib.parse import urlsplit  # noqa: PLC0415

    try:
        host = urlsplit(uri).hostname
    except ValueError:
        return None
    try:
        ip_address(host or "")
    except ValueError:
        return host or None
    return None


class Virsh(NamedTuple):
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
