# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat parse`: the parts of a version string."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.parse import ParseDocument
from vfiocompat.output.spans import drawn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run, RunOnTerminal, RunProcess


@pytest.mark.parametrize(
    ("text", "vendor", "spelling", "proprietary"),
    [
        ("80008086-193b-x", "pci:0x8086", "pci-bit", "193b-x"),
        ("00028086-193b-i915", "pci:0x8086", "device-flag", "193b-i915"),
        ("8086-193b-GVTg_V5_4", "pci:0x8086", "bare", "193b-GVTg_V5_4"),
        ("0x8086-a", "u32:0x00008086", "u32", "a"),
        ("12345678-a", "u32:0x12345678", "u32", "a"),
        ("10DE-", "pci:0x10de", "bare", ""),
        ("8086--a b", "pci:0x8086", "bare", "-a b"),
    ],
)
def test_spellings_of_a_vendor(
    run: Run, text: str, vendor: str, spelling: str, proprietary: str
) -> None:
    result = run(f"parse '{text}'")
    assert result.stdout == (
        f"text\t{text}\nvendor\t{vendor}\nspelling\t{spelling}\n"
        f"proprietary\t{proprietary}\n"
    )
    assert result.stderr == ""
    document = run(f"parse '{text}' --format json")
    assert document.document(ParseDocument).table is None
    namespace, _, number = vendor.partition(":")
    parts = {
        "text": text,
        "vendor": {"namespace": namespace, "id": number, "spelling": spelling},
        "proprietary": proprietary,
        "fields": {},
    }
    assert parts.items() <= document.json.items()


@pytest.mark.parametrize("text", ["opaque", "808-a", "8086", "x8086-a", "80860-a"])
def test_opaque_string(run: Run, text: str) -> None:
    assert run(f"parse {text}").stdout == (
        f"text\t{text}\nvendor\tnone: the string is opaque\nproprietary\t{text}\n"
    )
    document = run(f"parse {text} --format json").json
    assert (document["vendor"], document["proprietary"]) == (None, text)


def test_literal_address_is_taken_too(run: Run) -> None:
    assert run("parse version:8086-a").stdout == run("parse 8086-a").stdout


def test_trailing_newline_is_dropped(run: Run) -> None:
    assert run("parse '8086-a\n'").stdout == run("parse 8086-a").stdout


def test_longest_string(run: Run) -> None:
    text = "a" * 4095
    assert run(f"parse {text} --format json").json["text"] == text


@pytest.mark.parametrize(
    ("text", "code", "shown"),
    [
        ("", "VFC301", []),
        ("\n", "VFC301", []),
        ("a" * 4096, "VFC302", ["a" * 25, " " * 24 + "^"]),
        ("8086-é", "VFC303", ["8086-\\xc3\\xa9", "     ^^^^"]),
        ("8086-\x1b[31m", "VFC303", ["8086-\\x1b[31m", "     ^^^^"]),
        ("8086-\udcff", "VFC303", ["8086-\\xff", "     ^^^^"]),
        ("a\n\n", "VFC303", ["a\\x0a", " ^^^^"]),
    ],
    ids=["empty", "newline", "too-long", "accent", "escape", "no-UTF-8", "two-lines"],
)
def test_no_version_string(run: Run, text: str, code: str, shown: list[str]) -> None:
    result = run(f"parse '{text}'", exit_code=2)
    assert result.stdout == ""
    assert f"error[{code}]" in result.stderr
    lines = result.stderr.splitlines()
    assert [line[6:] for line in lines if line.startswith("   |  ")] == shown
    assert "\x1b" not in result.stderr
    document = run(f"parse '{text}' --format json", exit_code=2).document(ErrorDocument)
    assert document.error.code == code
    assert list(drawn(document.error.spans)) == shown


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x86\x80\x00\x80abc\0\0\0", "80008086-abc"),
        (b"\x86\x80\x02\x00abc", "00028086-abc"),
        (b"\x78\x56\x34\x12\0", "12345678-"),
        (b"\x86\x80\x00\x80", "80008086-"),
    ],
    ids=["padded", "unpadded", "no-string", "four-bytes"],
)
def test_binary_form(run: Run, tmp_path: Path, raw: bytes, text: str) -> None:
    file = tmp_path / "version"
    file.write_bytes(raw)
    assert run(f"parse --binary {file} --format json").json["text"] == text


def test_binary_form_from_stdin(run_process: RunProcess) -> None:
    result = run_process("parse --binary -", stdin=b"\x86\x80\x00\x80abc\0")
    assert result.stdout.splitlines()[0] == "text\t80008086-abc"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "VFC301"),
        (b"\x86\x80\x00", "VFC301"),
        (b"\x86\x80\x00\x80a\0b", "VFC303"),
        (b"\x86\x80\x00\x80" + b"a" * 4093, "VFC302"),
    ],
    ids=["empty", "three-bytes", "NUL-inside", "too-long"],
)
def test_binary_form_that_is_wrong(
    run: Run, tmp_path: Path, raw: bytes, code: str
) -> None:
    file = tmp_path / "version"
    file.write_bytes(raw)
    result = run(f"parse --binary {file} --format json", exit_code=2)
    assert result.document(ErrorDocument).error.code == code


def test_one_string(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "version"
    file.write_bytes(b"\x86\x80\x00\x80a")
    run("parse", exit_code=2)
    run("parse a b", exit_code=2)
    run(f"parse a --binary {file}", exit_code=2)


def test_a_value_that_does_not_fit_stands_below_its_name(
    run_on_terminal: RunOnTerminal,
) -> None:
    text = f"8086-{'x' * 60}"
    shown = run_on_terminal(f"parse {text}", columns=70).colorless
    assert [line.rstrip() for line in shown.splitlines()] == [
        "text",
        f"  {text}",
        "vendor       pci:0x8086",
        "spelling     bare",
        "proprietary",
        f"  {'x' * 60}",
    ]


def test_markup_stays_as_it_is(run_on_terminal: RunOnTerminal) -> None:
    text = "8086-[bold red]a[/] :smile:"
    shown = run_on_terminal(f"parse '{text}'").colorless
    assert text in shown
    assert "[bold red]a[/] :smile:" in shown.splitlines()[-1]
