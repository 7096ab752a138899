# SPDX-License-Identifier: Apache-2.0
"""TOML files read as records, with every mistake at once, each with its dotted key."""

from __future__ import annotations

import errno
import re
import types
import typing
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from vfiocompat.files.reading import read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vfiocompat.errors import VfiocompatError

__all__ = [
    "Converted",
    "convert",
    "mistakes_in",
    "parse_toml",
    "read_record",
    "read_text",
    "read_toml",
]

Record = TypeVar("Record", bound=msgspec.Struct)
Error = TypeVar("Error", bound="VfiocompatError")

MAX_BYTES = 16 << 20
"""How long a file may be: far more than anybody writes by hand."""

MAX_PARTS = 32
"""How many parts a dotted key may have: tomllib takes time by their number's square."""


class Converted(NamedTuple, Generic[Record]):
    """A document as a record, and what is wrong with it.

    Without mistakes `record` is all of it. With some it is what can be used, None if
    that is nothing, and `broken` names the top-level keys that are not complete.
    """

    record: Record | None
    mistakes: list[str]
    broken: set[str]


def read_record(
    path: str,
    record: type[Record],
    error: type[VfiocompatError],
    *,
    check: Callable[[Record, set[str]], Iterable[str]],
    hint: str,
    stand_ins: Mapping[str, Any] = MappingProxyType({}),
) -> Record:
    """Read a file as a record; `error` names everything that is wrong with it.

    `check` gives the mistakes that its types cannot say: it gets what can be used of
    the record, and the top-level keys that are not complete. `stand_ins` are as for
    `convert`, `hint` says where the file is described.
    """
    found = convert(read_toml(path, error), record, stand_ins)
    mistakes = list(found.mistakes)
    if found.record is not None:
        mistakes += check(found.record, found.broken)
    if mistakes or found.record is None:
        raise mistakes_in(path, mistakes, error, hint)
    return found.record


def mistakes_in(
    path: str, mistakes: Sequence[str], error: type[Error], hint: str
) -> Error:
    """Make one error of all the mistakes in a file."""
    noun = "mistake" if len(mistakes) == 1 else "mistakes"
    return error(
        f"{len(mistakes)} {noun} in {path}", detail="\n".join(mistakes), hint=hint
    )


def read_toml(path: str, error: type[VfiocompatError]) -> dict[str, Any]:
    """Read a file of TOML; `error` says of anything else what and where."""
    return parse_toml(read_text(path, error), path, error)


def read_text(path: str, error: type[VfiocompatError]) -> str:
    """Read a file of UTF-8 text; `error` says of anything else what and where."""
    try:
        return read_bytes(path, MAX_BYTES).decode()
    except OSError as why:
        if why.errno == errno.EFBIG:
            raise error(f"{path} is {why.strerror}") from None
        raise error(f"cannot read {path}: {why.strerror}") from None
    except UnicodeDecodeError as why:
        raise error(
            f"{path} is not UTF-8 text", detail=f"byte {why.start}: {why.reason}"
        ) from None


def parse_toml(text: str, path: str, error: type[VfiocompatError]) -> dict[str, Any]:
    """Parse TOML; `error` says of anything else where."""
    import tomllib  # noqa: PLC0415 - costs start-up time, and not every command needs it

    if long := _long_key(text):
        raise error(
            f"{path} is not TOML that is read here",
            detail=f"line {long}: a key of more than {MAX_PARTS} parts",
        )
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as why:  # also numbers of too many digits
        raise error(f"{path} is not TOML", detail=str(why)) from None


_TOKEN = re.compile(
    r"""(?P<part>"(?:[^"\\]|\\.)*+"?|'[^']*+'?|[A-Za-z0-9_-]++)|(?P<dot>\.)|[ \t]++|."""
)


def _long_key(text: str) -> int | None:
    """Find the line that has a key of too many parts, in one pass and by its look.

    What looks like such a key in a text of several lines is taken for one.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") >= MAX_PARTS and _parts(line) > MAX_PARTS:
            return number
    return None


def _parts(line: str) -> int:
    """Count the parts of the longest dotted key in a line."""
    longest = parts = 0
    dotted = False
    for token in _TOKEN.finditer(line):
        if token["part"]:
            parts = parts + 1 if dotted else 1
            longest = max(longest, parts)
            dotted = False
        elif token["dot"]:
            dotted = parts > 0
        elif token[0] == "#":
            break
        elif not token[0].isspace():
            parts, dotted = 0, False
    return longest


def convert(
    document: dict[str, Any],
    record: type[Record],
    stand_ins: Mapping[str, Any] = MappingProxyType({}),
) -> Converted[Record]:
    """Make a record of a document.

    `stand_ins` take the place of required keys that are wrong, so that what is wrong
    with the others can be told too.
    """
    try:
        return Converted(msgspec.convert(document, record), [], set())
    except msgspec.ValidationError:
        pass
    usable = dict(stand_ins)
    mistakes: list[str] = []
    broken: set[str] = set()
    for name, found in _members(document, record, ""):
        mistakes += found.mistakes
        if found.mistakes:
            broken.add(name)
        if found.value is not _NOTHING:
            usable[name] = found.value
    try:
        partial = msgspec.convert(usable, record)
    except msgspec.ValidationError:
        partial = None
    return Converted(partial, mistakes, broken)


_NOTHING = object()
_BARE = re.compile("[A-Za-z0-9_-]+")


class _Found(NamedTuple):
    """What of a value can be used, as it stands in the document."""

    value: Any
    mistakes: list[str]


def _members(
    document: dict[str, Any], record: type[msgspec.Struct], key: str
) -> list[tuple[str, _Found]]:
    """Look at each key of a table by itself."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(record)}
    found = []
    for name, value in document.items():
        where = f"{key}.{_quoted(name)}" if key else _quoted(name)
        if name in fields:
            found.append((name, _look(value, fields[name].type, where)))
        else:
            known = ", ".join(fields)
            found.append(
                (name, _Found(_NOTHING, [f"{where}: unknown key; known are {known}"]))
            )
    for name, field in fields.items():
        if field.required and name not in document:
            where = f"{key}.{name}" if key else name
            found.append((name, _Found(_NOTHING, [f"{where}: is missing"])))
    return found


def _look(value: Any, kind: Any, key: str) -> _Found:  # noqa: ANN401 - any TOML value
    """Check a value against a type; what is in it that is wrong is left out."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message = _in_words(value, kind) or _plain(str(error))
    else:
        return _Found(value, [])
    kind = _bare(kind)
    parts: dict[Any, _Found] = {}
    if isinstance(value, dict) and isinstance(kind, type):
        if issubclass(kind, msgspec.Struct):
            members = _members(value, kind, key)
            wrong = [each for _, found in members for each in found.mistakes]
            return _Found(_NOTHING, wrong or [f"{key}: {message}"])
    elif isinstance(value, dict) and typing.get_origin(kind) is dict:
        inner = typing.get_args(kind)[1]
        parts = {
            name: _look(each, inner, f"{key}.{_quoted(name)}")
            for name, each in value.items()
        }
    elif isinstance(value, list) and typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        parts = {
            at: _look(each, inner, f"{key}[{at}]") for at, each in enumerate(value)
        }
    mistakes = [each for part in parts.values() for each in part.mistakes]
    if not mistakes:
        return _Found(_NOTHING, [f"{key}: {message}"])
    usable = {
        name: part.value for name, part in parts.items() if part.value is not _NOTHING
    }
    return _Found(
        list(usable.values()) if isinstance(value, list) else usable, mistakes
    )


def _bare(kind: Any) -> Any:  # noqa: ANN401 - any annotation
    """Give the type without its limits, and without None, which TOML does not have."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if isinstance(kind, types.UnionType):
        (kind, *others) = (one for one in typing.get_args(kind) if one is not NoneType)
        return _bare(kind) if not others else kind
    return kind


def _in_words(value: Any, kind: Any) -> str | None:  # noqa: ANN401 - any TOML value
    """Say what a text should be, where its type has a description in words."""
    for one in (kind, *typing.get_args(kind)):
        for limit in getattr(one, "__metadata__", ()):
            if isinstance(value, str) and getattr(limit, "description", None):
                return f"{value!r} is not {limit.description}"
    return None


def _quoted(name: str) -> str:
    """Write a key as TOML does: in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else repr(name)


def _plain(message: str) -> str:
    """Give msgspec's message without its JSON path, which the key says already."""
    what = re.sub(r" - at (`[^`]*`|key in `[^`]*`)$", "", message)
    return what[:1].lower() + what[1:]
