# SPDX-License-Identifier: Apache-2.0
"""Every document that has a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.inventory import Inventory
from vfiocompat.output.check import CheckDocument
from vfiocompat.output.device import DeviceDocument
from vfiocompat.output.diff import DiffDocument
from vfiocompat.output.doctor import DoctorDocument
from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.explain import ExplainDocument
from vfiocompat.output.get import GetDocument
from vfiocompat.output.list import ListDocument
from vfiocompat.output.matrix import MatrixDocument
from vfiocompat.output.parse import ParseDocument
from vfiocompat.output.report.document import ReportDocument
from vfiocompat.output.simulate import SimulateDocument
from vfiocompat.output.tables import TablesDocument
from vfiocompat.output.targets import TargetsDocument
from vfiocompat.output.vm import VmDocument

if TYPE_CHECKING:
    import msgspec

__all__ = ["ALSO_NAMED", "DOCUMENTS"]

DOCUMENTS: dict[str, type[msgspec.Struct]] = {
    "check": CheckDocument,
    "device": DeviceDocument,
    "diff": DiffDocument,
    "doctor": DoctorDocument,
    "error": ErrorDocument,
    "explain": ExplainDocument,
    "get": GetDocument,
    "inventory": Inventory,
    "list": ListDocument,
    "matrix": MatrixDocument,
    "parse": ParseDocument,
    "report": ReportDocument,
    "simulate": SimulateDocument,
    "tables": TablesDocument,
    "targets": TargetsDocument,
    "vm": VmDocument,
}
"""Every document by the name that its schema has."""

ALSO_NAMED = {"scan": "inventory"}
"""Commands whose document has another name than they have."""
