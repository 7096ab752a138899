# SPDX-License-Identifier: Apache-2.0
"""What `get` shows: endpoints with their version strings."""

from __future__ import annotations

from typing import Literal

import msgspec

from vfiocompat.endpoints import Endpoint, Problem
from vfiocompat.inventory import Tool

__all__ = ["GetDocument"]


class GetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoints that were asked for their version strings."""

    schema: Literal["vfiocompat.get/1"] = "vfiocompat.get/1"
    tool: Tool = Tool()
    endpoints: list[Endpoint]
    problems: list[Problem]
