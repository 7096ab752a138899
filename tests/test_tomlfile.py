# SPDX-License-Identifier: Apache-2.0
"""TOML as records, with every mistake at once and where it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import msgspec
import pytest

from vfiocompat.errors import SpecError
from vfiocompat.tomlfile import MAX_BYTES, convert, parse_toml, read_record, read_text

if TYPE_CHECKING:
    from pathlib import Path


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: Annotated[int, msgspec.Meta(ge=1)]
    name: str = ""


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    one: Inner | None = None
    many: tuple[Inner, ...] = ()
    named: dict[str, dict[str, str]] = {}
    texts: tuple[str, ...] = ()


def wrong(text: str) -> list[str]:
    return convert(parse_toml(text, "f", SpecError), Outer).mistakes


def test_a_document_without_mistakes() -> None:
    found = convert({"schema": 1, "one": {"number": 2}}, Outer)

    assert found == (Outer(1, Inner(2)), [], set())


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", ["schema: is missing"]),
        ('schema = "x"', ["schema: expected `int`, got `str`"]),
        (
            "schema = 1\nmoon = 1",
            ["moon: unknown key; known are schema, one, many, named, texts"],
        ),
        ("schema = 1\none = 3", ["one: expected `object | null`, got `int`"]),
        (
            "schema = 1\none = { number = 0, moon = 1 }",
            [
                "one.number: expected `int` >= 1",
                "one.moon: unknown key; known are number, name",
            ],
        ),
        (
            "schema = 1\n[[many]]\nnumber = 1\n[[many]]\nname = 2",
            ["many[1].name: expected `str`, got `int`", "many[1].number: is missing"],
        ),
        (
            "schema = 1\n[named.'a/b']\nx = 1",
            ["named.'a/b'.x: expected `str`, got `int`"],
        ),
        (
            'schema = 1\ntexts = ["a", 2, 3]',
            [
                "texts[1]: expected `str`, got `int`",
                "texts[2]: expected `str`, got `int`",
            ],
        ),
        ("schema = 1\n'a b' = 1\n\"\\u001b\" = 2", None),
    ],
)
def test_mistakes_have_their_keys(text: str, mistakes: list[str] | None) -> None:
    found = wrong(text)

    if mistakes is None:
        assert found[0].startswith("'a b': unknown key")
        assert found[1].startswith(r"'\x1b': unknown key")
    else:
        assert found == mistakes


def test_what_is_right_can_be_used_and_what_is_not_is_named() -> None:
    document = {
        "schema": "x",
        "texts": ["a", 2],
        "many": [{"number": 1}, {"number": "z"}],
    }
    found = convert(document, Outer, {"schema": 1})

    assert found.record == Outer(1, None, (Inner(1),), {}, ("a",))
    assert found.broken == {"schema", "texts", "many"}
    assert len(found.mistakes) == 3
    assert convert(document, Outer).record is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = = 1", "line 1, column 5"),
        ("a = 1\na = 2", "Cannot overwrite a value"),
        ("a = " + "9" * 5000, "integer string conversion"),
        ("a = " + "[" * 100_000, "recursion"),
    ],
)
def test_what_is_no_toml(text: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_toml(text, "f.toml", SpecError)

    assert caught.value.summary == "f.toml is not TOML"
    assert says in (caught.value.detail or "")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(SpecError, match="not UTF-8") as caught:
        read_text(str(file), SpecError)
    assert (caught.value.detail or "").startswith("byte 5")
    with file.open("wb") as long:
        long.truncate(MAX_BYTES + 1)
    with pytest.raises(SpecError, match="longer than 16 MiB"):
        read_text(str(file), SpecError)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, why in (
        ("pipe", "not a regular file"),
        ("", "not a regular file"),
        ("no", "No such file"),
        ("loop", "symbolic links"),
    ):
        with pytest.raises(SpecError, match=why):
            read_text(str(tmp_path / name), SpecError)


def read(file: Path, text: str) -> Outer:
    """Read a file whose texts may not be empty, which no type of theirs says."""
    file.write_text(text)
    return read_record(
        str(file),
        Outer,
        SpecError,
        check=lambda record, broken: [
            f"texts[{at}]: is empty"
            for at, each in enumerate(record.texts)
            if not each and "named" not in broken
        ],
        hint="write another",
        stand_ins={"schema": 1},
    )


def test_a_file_is_read_as_a_record(tmp_path: Path) -> None:
    text = 'schema = 1\ntexts = ["a"]'

    assert read(tmp_path / "f.toml", text) == Outer(1, texts=("a",))


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        (
            'texts = ["", 1]',
            [
                "texts[1]: expected `str`, got `int`",
                "schema: is missing",
                "texts[0]: is empty",
            ],
        ),
        ('schema = 1\ntexts = ["", ""]', ["texts[0]: is empty", "texts[1]: is empty"]),
        ('schema = 1\ntexts = [""]', ["texts[0]: is empty"]),
        (
            'schema = 1\ntexts = [""]\nnamed = 1',
            ["named: expected `object`, got `int`"],
        ),
    ],
)
def test_one_error_has_the_mistakes_of_types_and_those_of_a_check(
    tmp_path: Path, text: str, mistakes: list[str]
) -> None:
    file = tmp_path / "f.toml"
    with pytest.raises(SpecError) as caught:
        read(file, text)

    noun = "mistake" if len(mistakes) == 1 else "mistakes"
    assert caught.value.summary == f"{len(mistakes)} {noun} in {file}"
    assert (caught.value.detail or "").splitlines() == mistakes
    assert caught.value.hint == "write another"


@pytest.mark.parametrize(
    "line",
    [
        ".".join(["x"] * 40) + " = 1",
        " . ".join(["x"] * 40) + " = 1",
        "[" + ".".join(["x"] * 40) + "]",
        ".".join(["'x.y'", '"a.\\"b"'] * 20) + " = 1",
        "a = { b = 1, " + ".".join(["x"] * 40) + " = 1 }",
        ".".join(["x"] * 100_000) + " = 1",
    ],
)
def test_a_key_has_a_limit_of_parts(line: str) -> None:
    with pytest.raises(SpecError) as raised:
        parse_toml(f"schema = 1\n{line}", "f", SpecError)

    assert raised.value.record.detail == "line 2: a key of more than 32 parts"


@pytest.mark.parametrize(
    "line",
    [
        ".".join(["x"] * 32) + " = 1",
        "# " + ".".join(["x"] * 100),
        'a = "' + ".".join(["x"] * 100) + '"',
        "a = '" + ".".join(["x"] * 100) + "'",
        'a = "\\"' + ".".join(["x"] * 100) + '"',
        "a = [" + "1.5, " * 100 + "]",
        'a = """\nOne is. ' + "It is so. " * 100 + '\n"""',
    ],
)
def test_what_is_no_key_has_none(line: str) -> None:
    parse_toml(f"schema = 1\n{line}", "f", SpecError)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ['"\\"', "'", '"', ". ", "x.", "#", '"\\', "a."])
def test_no_text_takes_long(unit: str) -> None:
    text = "a" + "." * 40 + unit * (1 << 19)
    with pytest.raises(SpecError):
        parse_toml(text, "f", SpecError)


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(pattern="^[a-z]+$", description="small letters")]
    other: Annotated[str, msgspec.Meta(pattern="^x", description="an x")] | None = None


def test_a_limit_with_a_description_is_told_in_words() -> None:
    found = convert({"id": "A-1", "other": "y"}, Named)

    assert found.mistakes == [
        "id: 'A-1' is not small letters",
        "other: 'y' is not an x",
    ]
    assert convert({"id": 7}, Named).mistakes == ["id: expected `str`, got `int`"]
