# SPDX-License-Identifier: Apache-2.0
"""What a QEMU would say of a migration that is begun now, beside what blocks it.

`query-migrate` lists blockers, and only those of the mode that is set; other checks are
made when a migration begins (migration/migration.c, migrate_prepare).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from vfiocompat import codes
from vfiocompat.diagnostics import diagnostic, first_of
from vfiocompat.vm.releases import machine_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.vm.model import Vm

__all__ = ["NORMAL", "kept_back", "refused_now", "refusing"]

NORMAL = "normal"
"""The mode of a live migration, the only one before QEMU 8.2 (qapi/migration.json)."""

_RUNNING = frozenset(
    {
        *("setup", "active", "cancelling", "device", "wait-unplug", "pre-switchover"),
        *("postcopy-active", "postcopy-paused", "postcopy-recover", "colo"),
        *("postcopy-device", "postcopy-recover-setup"),
    }
)
"""States of a migration that is in progress (qapi/migration.json, MigrationStatus)."""

_STATES = {
    "inmigrate": "QEMU waits for this VM to come: it can go when it is there",
    "postmigrate": "the VM has gone from this QEMU, which migrates it no more",
    "colo": "the VM is replicated",
    "finish-migrate": "the VM is about to go from this QEMU",
}
"""States of a VM that cannot be migrated (qapi/run-state.json, RunState)."""

_KEPT_BACK = {
    "x-ignore-shared": "memory that others can map stays on its host",
    "x-colo": "the VM is replicated, and never moves",
    "mapped-ram": "the VM can only be saved to a file",
}
"""Capabilities with which a VM may not get to another host whole (qapi/migration.json),
and what each of them does."""

_BY_MULTIFD = 10, 0
"""The first machine type whose devices' state can go by multifd (hw/core/machine.c,
hw_compat_9_2: send-switchover-start)."""

_SHOWN = 5  # names of a list of them


def refused_now(
    mode: str | None,
    migration: str | None,
    state: str | None,
    *,
    is_blocked: bool = False,
) -> tuple[str, ...]:
    """Say why QEMU would refuse a migration now, by what it tells of itself.

    `mode` is that of migrations, `migration` the state of the last one, and `state`
    that of the VM; None where it tells none. It may say that it `is_blocked`, and not
    by what.
    """
    found = []
    if is_blocked:
        found.append("QEMU says that migration is blocked, and not by what")
    if (mode or NORMAL) != NORMAL:
        found.append(
            f"QEMU's migration mode is {mode}, in which no VM migrates live and "
            "blockers of that are not told"
        )
    if migration in _RUNNING:
        found.append(f"a migration of the VM is in progress ({migration})")
    elif state in _STATES:
        found.append(_STATES[state])
    return tuple(found)


def kept_back(capabilities: AbstractSet[str]) -> tuple[str, ...]:
    """Say what of a VM may not get to another host with these capabilities on."""
    return tuple(
        f"{name} is switched on: {what}"
        for name, what in _KEPT_BACK.items()
        if name in capabilities
    )


def refusing(vm: Vm) -> Iterator[Diagnostic]:
    """Find what QEMU refuses, or keeps back, when a migration is begun."""
    if vm.snapshot and vm.moved:
        yield diagnostic(
            codes.QEMU_REFUSES,
            "background-snapshot is switched on, which QEMU refuses for a VM with "
            "VFIO devices",
        )
    for text in vm.refusals:
        yield diagnostic(codes.QEMU_REFUSES, text)
    for text in vm.kept_back:
        yield replace(diagnostic(codes.QEMU_REFUSES, text), severity="warning")
    yield from _by_multifd(vm)


def _by_multifd(vm: Vm) -> Iterator[Diagnostic]:
    """Find devices whose state is to go by multifd alone, which has to be on for that.

    With `auto` it goes so where it can (hw/vfio/migration-multifd.c,
    vfio_multifd_setup).
    """
    names = [device.named for device in vm.moved if device.by_multifd]
    if not names:
        return
    version = machine_version(vm)
    told = f"x-migration-multifd-transfer=on of {first_of(names, _SHOWN)}"
    if version is not None and version < _BY_MULTIFD:
        yield diagnostic(
            codes.MULTIFD_DEMANDED,
            "QEMU is told to send device state by multifd only, and refuses that for a "
            f"machine type before {_BY_MULTIFD[0]}.{_BY_MULTIFD[1]}",
            detail=f"{told}; machine type {vm.machine}",
        )
    elif vm.multifd is False:
        yield diagnostic(
            codes.MULTIFD_DEMANDED,
            "QEMU is told to send device state by multifd only, and that is off, or "
            "compresses",
            detail=told,
        )
    elif vm.multifd is None:
        finding = diagnostic(
            codes.MULTIFD_DEMANDED,
            "QEMU is told to send device state by multifd only, and whether the "
            "migration will use that is not known",
            detail=told,
        )
        yield replace(finding, severity="warning")
