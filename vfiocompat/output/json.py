# SPDX-License-Identifier: Apache-2.0
"""Documents as JSON text, and the JSON Schema of each."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["json_schema", "json_text"]


def json_text(document: object, *, indent: int | None) -> bytes:
    """Give a document as JSON in UTF-8, indented or in one line."""
    text = msgspec.json.encode(document)
    return text if indent is None else msgspec.json.format(text, indent=indent)


def json_schema(name: str, document: type[msgspec.Struct]) -> dict[str, Any]:
    """Give the JSON Schema of a document."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vfiocompat:{name}:1",
    }
    return head | msgspec.json.schema(document)
