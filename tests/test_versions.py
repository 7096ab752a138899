# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfiocompat import versions
from vfiocompat.diagnostics import Span
from vfiocompat.errors import InvalidVersion
from vfiocompat.versions import MAX_BYTES, VendorId, VersionString

PRINTABLE = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=200
)


@pytest.mark.parametrize(
    ("text", "namespace", "number", "spelling", "proprietary"),
    [
        ("80008086-a-b", "pci", 0x8086, "pci-bit", "a-b"),
        ("80021af4-x", "pci", 0x1AF4, "pci-bit", "x"),  # bit 31 wins over the flags
        ("00028086-193b-i915-GVTg_V5_4", "pci", 0x8086, "device-flag", None),
        ("000310de-x", "pci", 0x10DE, "device-flag", "x"),  # flags are a mask
        ("8086-193b-GVTg_V5_4-00000001", "pci", 0x8086, "bare", None),
        ("10DE-x", "pci", 0x10DE, "bare", "x"),
        ("0x8086-x", "u32", 0x8086, "u32", "x"),
        ("0x80008086-x", "pci", 0x8086, "u32", "x"),
        ("0x00028086-x", "pci", 0x8086, "u32", "x"),
        ("00000102-x", "u32", 0x102, "u32", "x"),
        ("00108086-x", "u32", 0x108086, "u32", "x"),  # a flag, but not PCI's
        ("8086-", "pci", 0x8086, "bare", ""),
    ],
)
def test_each_spelling_is_told_apart(
    text: str, namespace: str, number: int, spelling: str, proprietary: str | None
) -> None:
    version = VersionString.parse(text)

    assert version.vendor is not None
    assert (namespace, number, spelling) == (
        version.vendor.namespace,
        version.vendor.number,
        version.vendor.spelling,
    )
    assert (proprietary or text.split("-", 1)[1]) == version.proprietary


@pytest.mark.parametrize(
    "text",
    ["hello", "8086", "808-x", "80860-x", "0x-x", "0x123456789-x", "-x", " 8086-x"],
)
def test_anything_else_is_opaque(text: str) -> None:
    version = VersionString.parse(text)

    assert (None, text) == (version.vendor, version.proprietary)


@pytest.mark.parametrize(
    ("name", "vendor", "prefix"),
    [
        ("pci:8086", VendorId("pci", 0x8086, "bare"), "8086"),
        ("pci:00de", VendorId("pci", 0xDE, "bare"), "00de"),
        ("u32:0x00000102", VendorId("u32", 0x102, "u32"), "0x00000102"),
    ],
)
def test_a_vendor_that_a_table_names(name: str, vendor: VendorId, prefix: str) -> None:
    made = VendorId.named(name)

    assert (made, made.prefix) == (vendor, prefix)
    assert VersionString.parse(f"{prefix}-x").vendor == made


@pytest.mark.parametrize("original", ["8086-x", "8086-x\n", "opaque \n"])
def test_the_exact_original_is_kept(original: str) -> None:
    version = VersionString.parse(original)

    assert (original, original.removesuffix("\n")) == (str(version), version.text)


@given(PRINTABLE)
def test_every_printable_string_round_trips(text: str) -> None:
    version = VersionString.parse(text)

    assert (text, text) == (str(version), version.text)
    assert text.endswith(version.proprietary)


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_an_invalid_version(raw: bytes) -> None:
    result = text_or_position(raw)

    if isinstance(result, int):
        assert 0 <= result <= len(raw)
    else:
        assert raw == result.encode("ascii")


def text_or_position(raw: bytes) -> str | int:
    try:
        return str(VersionString.parse(raw))
    except InvalidVersion as error:
        return error.position


@pytest.mark.parametrize(
    ("wrong", "code", "position", "spans"),
    [
        ("", "VFC301", 0, ()),
        ("\n", "VFC301", 0, ()),
        ("8086-\x1b[31m", "VFC303", 5, (Span(None, "8086-\\x1b[31m", 5, 9),)),
        ("ab\0", "VFC303", 2, (Span(None, "ab\\x00", 2, 6),)),
        (b"\xff", "VFC303", 0, (Span(None, "\\xff", 0, 4),)),
        ("8086-é", "VFC303", 5, (Span(None, "8086-\\xc3\\xa9", 5, 9),)),
        ("a\ud800", "VFC303", 1, (Span(None, "a\\xed\\xa0\\x80", 1, 5),)),
        ("a\n\n", "VFC303", 1, (Span(None, "a\\x0a", 1, 5),)),
        ("a" * 4096, "VFC302", 4095, (Span(None, "a" * 25, 24, 25),)),
    ],
)
def test_an_error_points_at_the_byte(
    wrong: str | bytes, code: str, position: int, spans: tuple[Span, ...]
) -> None:
    with pytest.raises(InvalidVersion) as caught:
        VersionString.parse(wrong)

    assert (code, position, spans) == (
        caught.value.code,
        caught.value.position,
        caught.value.spans,
    )
    assert caught.value.record.spans == spans


def test_a_page_less_one_byte_is_the_longest() -> None:
    assert len(VersionString.parse("a" * MAX_BYTES + "\n").text) == MAX_BYTES == 4095


def test_the_binary_form_is_a_little_endian_id_and_a_padded_string() -> None:
    version = VersionString.from_binary(b"\x86\x80\x00\x80abc\0\0\0")

    assert str(version) == "80008086-abc"
    assert VendorId("pci", 0x8086, "pci-bit") == version.vendor


@pytest.mark.parametrize("raw", [b"", b"\x86\x80\0", b"\x86\x80\0\x80a\0b"])
def test_a_binary_form_that_is_cut_short_or_no_text_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidVersion):
        VersionString.from_binary(raw)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("80008086-", "00028086-", True),
        ("8086-", "0x80008086-", True),
        ("8086-", "10de-", False),
        ("0x8086-", "8086-", None),
        ("0x8086-", "00008086-", True),
        ("0x10de-", "8086-", False),
        ("12348086-", "0x8086-", False),
    ],
)
def test_vendors_are_compared_and_not_their_spellings(
    one: str, other: str, *, same: bool | None
) -> None:
    first, second = VersionString.parse(one).vendor, VersionString.parse(other).vendor
    assert first is not None
    assert second is not None

    assert same is first.same_vendor(second)
    assert same is second.same_vendor(first)


def test_the_examples_in_the_module_hold() -> None:
    assert tuple(doctest.testmod(versions)) == (0, 3)
