# SPDX-License-Identifier: Apache-2.0
"""What went wrong, as records: in place of a command's document, and within one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.endpoints import Problem
from vfiocompat.errors import ErrorRecord
from vfiocompat.inventory import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfiocompat.errors import VfiocompatError

__all__ = ["ErrorDocument", "error_document", "fleet_problems"]


class ErrorDocument(msgspec.Struct, frozen=True, kw_only=True):
    """In place of a command's document, with exit code 2, 4 or 70."""

    schema: Literal["vfiocompat.error/1"] = "vfiocompat.error/1"
    tool: Tool = Tool()
    error: ErrorRecord


def error_document(error: VfiocompatError) -> ErrorDocument:
    """Make the document that says why there is no other."""
    return ErrorDocument(error=error.record)


def fleet_problems(errors: Mapping[str, ErrorRecord]) -> list[Problem]:
    """Make problems of inventories that could not be used."""
    return [Problem(path, "load", None, each.code) for path, each in errors.items()]
