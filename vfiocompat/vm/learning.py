# SPDX-License-Identifier: Apache-2.0
"""What to type so that it is known what the drivers of a VM's devices can do."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from vfiocompat.diagnostics import first_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.endpoints import Endpoint

__all__ = ["ASK_QEMU", "ask"]

_SHOWN = 5
"""Hosts and devices that are named."""

ASK_QEMU = "to ask its QEMU while it runs, name the VM by its QMP socket: qmp:SOCKET"


def ask(fact: str, devices: Sequence[Endpoint]) -> str:
    """Say how a fact is learnt that nobody tells of devices; commands are pasted."""
    hosts = [*dict.fromkeys(each.host for each in devices if each.host)]
    where = f" on {first_of(hosts, _SHOWN)}" if hosts else ""
    commands = [
        f"    {shlex.join(['vfiocompat', 'device', '--open', each.address])}"
        for each in devices[:_SHOWN]
    ]
    begun = f"state {fact} in facts.d; to learn it{where}, while the VM does not run:"
    return "\n".join([begun, *commands, ASK_QEMU])
