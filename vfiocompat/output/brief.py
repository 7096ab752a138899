# SPDX-License-Identifier: Apache-2.0
"""A reason in a few words, as a sum of many can name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfiocompat.codes import Code
    from vfiocompat.diagnostics import Diagnostic

__all__ = ["brief", "brief_of"]

_WORDS: Mapping[Code, str] = {
    codes.REFUSED: "refused",
    codes.RECORDED_NO: "refused",
    codes.RECORDED_NEITHER: "no clear answer",
    codes.NO_ANSWER_IN_TIME: "no answer in time",
    codes.DRIVER_BUSY: "driver busy",
    codes.NO_ATTRIBUTE: "nobody to ask",
    codes.ANSWER_NOT_RECORDED: "not asked yet",
    codes.NO_MIGRATION_SUPPORT: "cannot migrate",
    codes.NO_MIGRATION_INTERFACE: "cannot migrate",
    codes.DRIVER_CANNOT_MIGRATE: "cannot migrate",
    codes.MIGRATION_INTERFACE_DIFFERS: "other migration interface",
    codes.DEVICE_API_DIFFERS: "other device API",
    codes.MDEV_TYPE_DIFFERS: "other mdev type",
    codes.NOT_BOUND_TO_VFIO: "not bound to VFIO",
    codes.NOTHING_DECIDES: "nobody knows",
    codes.NO_FORMAT_MATCHES: "string not understood",
    codes.SEVERAL_TABLES: "several tables",
    codes.VENDOR_DIFFERS: "other vendor",
    codes.VENDOR_UNCLEAR: "vendor not clear",
    codes.VALUE_NOT_KNOWN: "facts missing",
    codes.NO_STRING_DERIVED: "facts missing",
    codes.DEVICE_DECIDES: "the device decides",
    codes.INVENTORY_TOO_OLD: "inventory too old",
    codes.ANSWER_TOO_OLD: "answer too old",
    codes.WEAKER_THAN_REQUIRED: "less than --require",
    codes.NO_ENDPOINT_LOADS: "nothing there loads it",
    codes.NO_ROOM: "no room",
    codes.ROOM_NOT_KNOWN: "room not known",
    codes.NO_P2P: "no P2P",
    codes.P2P_NOT_KNOWN: "P2P not known",
    codes.WRITES_NOT_TRACKED: "writes not tracked",
    codes.TRACKING_NOT_KNOWN: "write tracking not known",
    codes.POSTCOPY_ON: "post-copy is on",
    codes.MIGRATION_OFF: "migration is off",
    codes.VIRTUAL_IOMMU: "virtual IOMMU",
    codes.QEMU_REFUSES: "QEMU refuses",
    codes.UNMIGRATABLE_DEVICE: "QEMU cannot migrate it",
    codes.CONFIG_SPACE_DIFFERS: "other PCI ids",
    codes.ADDRESS_ABSENT: "no such address there",
    codes.BOUND_ON_ARRIVAL: "not bound yet",
}


def brief(code: Code) -> str:
    """Give a code's meaning in a few words, or its summary."""
    return _WORDS.get(code, CODES[code].summary)


def brief_of(finding: Diagnostic) -> str:
    """Give a finding in a few words, with the errno that it is about."""
    errno = f" ({finding.errno})" if finding.errno else ""
    return f"{brief(finding.code)}{errno}"
