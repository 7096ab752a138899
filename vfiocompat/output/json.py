# SPDX-License-Identifier: Apache-2.0
"""Documents as JSON text, and the JSON Schema of each."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from vfiocompat.output.visible import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["encoded", "json_schema", "json_text", "streamed"]

Value = TypeVar("Value")

_BATCH = 1000  # items to encode at a time


def json_text(document: object, *, indent: int | None) -> bytes:
    """Give a document as JSON in UTF-8, indented or in one line."""
    text = _encode(document)
    if indent is None:
        return text
    return visible_text(msgspec.json.format(text, indent=indent).decode()).encode()


def streamed(document: object, items: Iterable[object]) -> Iterator[bytes]:
    """Give a document piece by piece; `items` are those of the list it ends with.

    So a long list is never in memory as a whole.
    """
    head = _encode(document)
    assert head.endswith(b"[]}")
    yield head[:-2]
    comma = b""
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield comma + _encode(batch)[1:-1]
        comma = b","
    yield b"]}"


def encoded(value: Value) -> Value:
    """Encode a value once that many records have.

    A record takes it for the value: it looks at nothing that it is given, and what is
    encoded stays as it is when the record is.
    """
    return cast("Value", msgspec.Raw(_encode(value)))


def _encode(document: object) -> bytes:
    """Encode a document; half a character, which UTF-8 has not, is written out."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(_in_utf8(msgspec.to_builtins(document)))


def _in_utf8(value: Any) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_in_utf8(key): _in_utf8(each) for key, each in value.items()}
        case list() | tuple():
            return [_in_utf8(each) for each in value]
        case _:
            return value


def json_schema(name: str, document: type[msgspec.Struct]) -> dict[str, Any]:
    """Give the JSON Schema of a document."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vfiocompat:{name}:1",
    }
    return head | msgspec.json.schema(document)
