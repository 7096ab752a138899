# SPDX-License-Identifier: Apache-2.0
"""What QEMU says where a migration is refused, or has failed.

Texts of a load that failed are those of QEMU 2.5 to 10.1 (migration/savevm.c,
qemu_loadvm_section_start_full; migration/migration.c, process_incoming_migration_co;
hw/pci/pci.c, get_pci_config_device).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.vm.blockers import blocker_code

if TYPE_CHECKING:
    from vfiocompat.codes import Code

__all__ = ["message_code"]

_FAILURES = {
    "device transfer requested but unsupported in the current config": (
        codes.MULTIFD_DEMANDED
    ),
    "only supports cpr-reboot for runstate suspended": codes.QEMU_REFUSES,
    "There's a migration process in progress": codes.QEMU_REFUSES,
    "Guest is waiting for an incoming migration": codes.QEMU_REFUSES,
    "Can't migrate the vm that was paused due to previous migration": (
        codes.QEMU_REFUSES
    ),
    "Bad config data: i=0x": codes.CONFIG_SPACE_DIFFERS,
    "Received INIT_DATA_SENT but switchover ack is not used": codes.STATE_NOT_LOADED,
    "error while loading state for instance": codes.STATE_NOT_LOADED,
    "load of migration failed": codes.STATE_NOT_LOADED,
    "while loading VM state": codes.STATE_NOT_LOADED,
}
"""What QEMU says of a migration that it did not begin, or of a load that failed, by a
part of its text: the closest cause first, since a log has several of them."""


def message_code(text: str) -> Code | None:
    """Tell by a code what a text of QEMU says, if that is known."""
    if found := blocker_code(text):
        return found
    return next((code for part, code in _FAILURES.items() if part in text), None)
