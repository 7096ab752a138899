# SPDX-License-Identifier: Apache-2.0
"""Every document that has a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.inventory import Inventory
from vfiocompat.output.documents import (
    CheckDocument,
    DeviceDocument,
    ErrorDocument,
    ExplainDocument,
    GetDocument,
    ListDocument,
    ParseDocument,
    SimulateDocument,
    TablesDocument,
)
from vfiocompat.output.fleets import DiffDocument, MatrixDocument, TargetsDocument
from vfiocompat.output.machines import VmDocument

if TYPE_CHECKING:
    import msgspec

__all__ = ["DOCUMENTS"]

DOCUMENTS: dict[str, type[msgspec.Struct]] = {
    "check": CheckDocument,
    "device": DeviceDocument,
    "diff": DiffDocument,
    "error": ErrorDocument,
    "explain": ExplainDocument,
    "get": GetDocument,
    "inventory": Inventory,
    "list": ListDocument,
    "matrix": MatrixDocument,
    "parse": ParseDocument,
    "simulate": SimulateDocument,
    "tables": TablesDocument,
    "targets": TargetsDocument,
    "vm": VmDocument,
}
"""Every document by the name that its schema has."""
