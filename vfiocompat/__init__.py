# SPDX-License-Identifier: Apache-2.0
"""Compatibility of VFIO devices for live migration, told before it starts.

>>> from vfiocompat import check
>>> check("version:8086-a", "version:10de-a").verdict
'incompatible'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfiocompat.api import (
        AddressRecord,
        Basis,
        Bug,
        Channel,
        CheckResult,
        Code,
        Diagnostic,
        ErrorRecord,
        FactError,
        HeadUsed,
        InvalidAddress,
        InvalidVersion,
        InventoryError,
        Library,
        Missing,
        NoSuchEndpoint,
        Origin,
        ParseDocument,
        Severity,
        Side,
        Span,
        SysfsError,
        TableError,
        Tool,
        UsageError,
        Vendor,
        Verdict,
        VfiocompatError,
        check,
        evaluate,
        load_tables,
        parse,
    )

__all__ = [
    "AddressRecord",
    "Basis",
    "Bug",
    "Channel",
    "CheckResult",
    "Code",
    "Diagnostic",
    "ErrorRecord",
    "FactError",
    "HeadUsed",
    "InvalidAddress",
    "InvalidVersion",
    "InventoryError",
    "Library",
    "Missing",
    "NoSuchEndpoint",
    "Origin",
    "ParseDocument",
    "Severity",
    "Side",
    "Span",
    "SysfsError",
    "TableError",
    "Tool",
    "UsageError",
    "Vendor",
    "Verdict",
    "VfiocompatError",
    "__version__",
    "check",
    "evaluate",
    "load_tables",
    "parse",
]

__version__ = "0.1.0"


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> object:
        """Load the interface when it is first used: the commands start without it."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from vfiocompat import api  # noqa: PLC0415 - it imports all that is below it

        return getattr(api, name)
