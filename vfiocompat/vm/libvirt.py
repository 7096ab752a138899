# SPDX-License-Identifier: Apache-2.0
"""libvirt, asked by its own client virsh, which is given no more time than there is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.errors import VmError
from vfiocompat.programs import run_program
from vfiocompat.vm.domain import MAX_BYTES

if TYPE_CHECKING:
    from vfiocompat.vm.model import LibvirtDomain

__all__ = ["Virsh", "host_named", "is_elsewhere"]

_LOCAL = frozenset({None, "", "localhost", "127.0.0.1", "::1"})


def is_elsewhere(uri: str) -> bool:
    """Whether a connection goes to another host (docs/uri.rst of libvirt)."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - costs start-up time

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
        try:
            said = run_program([*line, *words], self.until, MAX_BYTES)
        except TimeoutError:
            raise VmError(
                f"virsh: no answer about {self.address.name} in {self.timeout:g} s"
            ) from None
        except OSError as error:
            raise VmError(
                f"cannot run virsh: {error.strerror}",
                hint="it is in libvirt's package of clients (libvirt-clients)",
            ) from None
        if said.code != 0:
            raise VmError(
                f"virsh cannot give the XML of {self.address.name}",
                detail=said.complaint,
                hint="'virsh list --all' shows the domains there are",
            )
        return said.out
