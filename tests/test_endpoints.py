# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vfiocompat.addresses import (
    Address,
    FunctionAddress,
    LiteralAddress,
    MdevAddress,
    PathAddress,
    TypeAddress,
    parse_address,
)
from vfiocompat.endpoints import literal
from vfiocompat.errors import InvalidAddress, InvalidVersion

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (UUID, MdevAddress(UUID)),
        (UUID.upper(), MdevAddress(UUID)),
        ("0000:03:00.4", FunctionAddress("0000:03:00.4")),
        ("10000:E1:00.0", FunctionAddress("10000:e1:00.0")),
        ("mtty/mtty-1", TypeAddress("mtty", "mtty-1")),
        ("0000:3B:00.0/acme-Slice", TypeAddress("0000:3b:00.0", "acme-Slice")),
        ("0.0.26ab/vfio_ccw-io", TypeAddress("0.0.26ab", "vfio_ccw-io")),
        ("/sys/class", PathAddress("/sys/class")),
        ("version:8086-x", LiteralAddress("8086-x")),
        ("version:/sys", LiteralAddress("/sys")),
        ("version:", LiteralAddress("")),
    ],
)
def test_each_form_of_an_address(text: str, address: Address) -> None:
    assert address == parse_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "x", "a/", "a/b/c", "../x", "x/..", "0000:03:00.8", UUID[:-1], "a/\n"],
)
def test_nothing_else_is_an_address(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_address(text)


def test_a_literal_without_its_word_is_recognised() -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse_address("8086-193b-i915")

    assert (caught.value.hint or "").endswith("is written version:8086-193b-i915")


def test_a_literal_is_checked_when_it_becomes_an_endpoint() -> None:
    assert literal("8086-x\n").version == "8086-x"
    with pytest.raises(InvalidVersion):
        literal("")
