# SPDX-License-Identifier: Apache-2.0
"""How endpoints are named, and that a PCI address is read in one way everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfiocompat.addresses import (
    PCI_PARTS,
    Address,
    FleetAddress,
    FunctionAddress,
    InventoryAddress,
    LiteralAddress,
    MdevAddress,
    MdevPrefix,
    PathAddress,
    TypeAddress,
    is_function,
    parse_address,
    parse_function,
    pci_address,
)
from vfiocompat.errors import InvalidAddress
from vfiocompat.vm.domain import Domain
from vfiocompat.vm.model import device_address

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (UUID, MdevAddress(UUID)),
        (UUID.upper(), MdevAddress(UUID)),
        (UUID[:-1], MdevPrefix(UUID[:-1])),
        (UUID[:4].upper(), MdevPrefix(UUID[:4])),
        (UUID[:9], MdevPrefix(UUID[:9])),
        ("0000:03:00.4", FunctionAddress("0000:03:00.4")),
        ("10000:E1:00.0", FunctionAddress("10000:e1:00.0")),
        ("mtty/mtty-1", TypeAddress("mtty", "mtty-1")),
        ("0000:3B:00.0/acme-Slice", TypeAddress("0000:3b:00.0", "acme-Slice")),
        ("0.0.26ab/vfio_ccw-io", TypeAddress("0.0.26ab", "vfio_ccw-io")),
        ("/sys/class", PathAddress("/sys/class")),
        (f"node-a:{UUID}", FleetAddress("node-a", UUID)),
        ("a:83b8", FleetAddress("a", "83b8")),
        ("node-a:mtty/mtty-1", FleetAddress("node-a", "mtty/mtty-1")),
        ("a:0:3:0.4", FleetAddress("a", "0:3:0.4")),
        ("a.b.c:0000:3b:00.0/t", FleetAddress("a.b.c", "0000:3b:00.0/t")),
        ("a:3:0.4", FunctionAddress("000a:03:00.4")),
        ("a:3:0.4/t", TypeAddress("000a:03:00.4", "t")),
        ("version:8086-x", LiteralAddress("8086-x")),
        ("version:/sys", LiteralAddress("/sys")),
        ("version:", LiteralAddress("")),
    ],
)
def test_each_form_of_an_address(text: str, address: Address) -> None:
    assert address == parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a/",
        "a/b/c",
        "../x",
        "x/..",
        "a:b",
        "a:b:c",
        ":0000:03:00.4",
        "x:y:0:3:0.4",
        UUID[:3],
        UUID[1:],
        f"{UUID}0",
        "a/\n",
    ],
)
def test_nothing_else_is_an_address(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_address(text)


def test_behind_a_host_a_pci_address_has_its_domain() -> None:
    for text in ("node-a:3:0.4", "node-a:3:0.4/t"):
        with pytest.raises(InvalidAddress) as caught:
            parse_address(text)
        assert f"write node-a:0000:{text[7:]}" in (caught.value.hint or "")


def test_an_inventory_has_no_other_hosts() -> None:
    with pytest.raises(InvalidAddress):
        parse_address(f"inventory:f.json#node-a:{UUID}")


def test_a_literal_without_its_word_is_recognised() -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse_address("8086-193b-i915")

    assert (caught.value.hint or "").endswith("is written version:8086-193b-i915")


# ---- PCI addresses ---------------------------------------------------------------

SPELLINGS = [
    ("0000:03:00.4", "0000:03:00.4"),
    ("03:00.4", "0000:03:00.4"),
    ("3:00.4", "0000:03:00.4"),
    ("3:0.4", "0000:03:00.4"),
    ("0:3:0.4", "0000:03:00.4"),
    ("000:003:000.004", "0000:03:00.4"),
    ("0000000000:03:00.4", "0000:03:00.4"),
    ("0x0:0x3:0X0.4", "0000:03:00.4"),
    ("0:0.0", "0000:00:00.0"),
    ("ABCD:EF:1F.7", "abcd:ef:1f.7"),
    ("ffff:ff:1f.7", "ffff:ff:1f.7"),
    ("10000:e1:00.0", "10000:e1:00.0"),
    ("ffffffff:ff:1f.7", "ffffffff:ff:1f.7"),
    ("100000000:03:00.4", None),
    ("0000:100:00.4", None),
    ("100:00.4", None),
    ("0000:03:20.4", None),
    ("3:20.4", None),
    ("0000:03:00.8", None),
    ("3:0.8", None),
    ("3:0.10", None),
    ("3:0.f", None),
    ("3:0.0x4", None),
    ("3:0", None),
    ("0000:03:00", None),
    ("3.4", None),
    (":3:0.4", None),
    ("0000::0.4", None),
    ("0000:03:.4", None),
    ("3:0.", None),
    ("0x:3:0.4", None),
    ("0:0:3:0.4", None),
    ("g:0.4", None),
    ("-3:0.4", None),
    ("+3:0.4", None),
    (" 3:0.4", None),
    ("3:0.4 ", None),
    ("3:0.4\n", None),
    ("3: 0.4", None),
    ("3_0:0.4", None),
    ("\uff13:0.4", None),
    ("pci0000:00", None),
]
spellings = pytest.mark.parametrize(("text", "function"), SPELLINGS)


ON_A_HOST = "0:0:3:0.4"
"""The one that is read as that of a host, called 0."""


@spellings
def test_a_function_on_the_command_line(text: str, function: str | None) -> None:
    if text == ON_A_HOST:
        assert parse_address(text) == FleetAddress("0", "0:3:0.4")
    elif function is None:
        with pytest.raises(InvalidAddress):
            parse_address(text)
    else:
        assert parse_address(text) == FunctionAddress(function)
        assert parse_address(f"inventory:f#{text}") == InventoryAddress("f", text)


@spellings
def test_a_parent_on_the_command_line(text: str, function: str | None) -> None:
    """What is no PCI address can still be the name of another parent."""
    if text.isprintable() and text != ON_A_HOST:
        assert parse_address(f"{text}/acme-1") == TypeAddress(
            function or text, "acme-1"
        )


@spellings
def test_a_function_as_the_host_of_qemu(text: str, function: str | None) -> None:
    assert device_address(text) == (function and FunctionAddress(function))


@spellings
def test_a_function_at_the_end_of_sysfsdev(text: str, function: str | None) -> None:
    path = f"/sys/bus/pci/devices/{text}"

    assert device_address(path) == (function and FunctionAddress(function))


@pytest.mark.parametrize(
    ("attributes", "function"),
    [
        ("domain='0x0000' bus='0x03' slot='0x00' function='0x4'", "0000:03:00.4"),
        ("bus='3' function='4'", "0000:03:00.4"),
        ("bus='03' slot='037' function='07'", "0000:03:1f.7"),
        ("domain='65536' bus='225'", "10000:e1:00.0"),
        ("domain='0xffffffff' bus='255' slot='31' function='7'", "ffffffff:ff:1f.7"),
        ("", "0000:00:00.0"),
    ],
)
def test_a_function_in_the_attributes_of_libvirt(
    attributes: str, function: str
) -> None:
    """They are numbers as C has them, not hexadecimal digits."""
    data = (
        "<domain><devices><hostdev mode='subsystem' type='pci'><source>"
        f"<address {attributes}/></source></hostdev></devices></domain>"
    )

    [device] = Domain(data.encode(), "vm.xml").vm.devices
    assert device.address == FunctionAddress(function)


@spellings
def test_a_name_in_sysfs_has_one_spelling(text: str, function: str | None) -> None:
    assert is_function(text) == (text == function)


numbers = st.fixed_dictionaries(
    {part: st.integers(0, highest) for part, highest in PCI_PARTS.items()}
)


@given(numbers)
def test_the_spelling_of_numbers_reads_back(parts: dict[str, int]) -> None:
    function = pci_address(parts)

    assert is_function(function)
    assert parse_address(function) == FunctionAddress(function)


@given(st.from_regex(r"([0-9a-fA-F]{1,9}:)?[0-9a-fA-F]{1,3}:[0-9a-f]{1,3}\.[0-9]{1,2}"))
def test_what_is_read_is_spelled_as_sysfs_does(text: str) -> None:
    function = parse_function(text)

    assert function is None or is_function(function)


@given(numbers, st.sampled_from(list(PCI_PARTS)))
def test_a_number_that_a_part_cannot_be(parts: dict[str, int], part: str) -> None:
    for number in (-1, PCI_PARTS[part] + 1, None):
        with pytest.raises(ValueError, match=part):
            pci_address(parts | {part: number})
