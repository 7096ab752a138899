# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import time
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.fleets import endpoint, inventory
from vfiocompat.addresses import FunctionAddress, MdevAddress
from vfiocompat.diagnostics import Code
from vfiocompat.errors import DomainError, ErrorRecord
from vfiocompat.vm.domain import MAX_BYTES, parse_domain, parse_manifest, rewritten
from vfiocompat.vm.manifest import Manifest
from vfiocompat.vm.model import MAX_DEVICES, DeviceAddress, OnOffAuto, Vm, VmDevice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

settled = settings(derandomize=True, deadline=None, max_examples=150, database=None)

NEW_LINE = b"\n"
SOON = 5
"""Seconds within which anything is refused; none of it takes one."""

UUID = "c2177883-f1bb-47f0-914d-32a22e3a8804"
OTHER = "11111111-2222-3333-4444-555555555555"
MDEV = MdevAddress(UUID)
FUNCTION = FunctionAddress("0000:3b:02.1")
QEMU = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
OURS = "xmlns:v='urn:vfiocompat:vm:1'"

MDEV_XML = f"""\
<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci' display='off'>
  <source><address uuid='{UUID}'/></source>
  <alias name='hostdev0'/>
  <address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>
</hostdev>"""
PCI_XML = """\
<hostdev mode='subsystem' type='pci' managed='yes'>
  <driver name='vfio'/>
  <source><address domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/></source>
  <alias name='hostdev1'/>
  <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
</hostdev>"""
INTERFACE_XML = """\
<interface type='hostdev' managed='yes'>
  <mac address='52:54:00:6d:90:02'/>
  <source>
    <address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x2'/>
  </source>
  <alias name='net0'/>
</interface>"""


def domain(devices: str, more: str = "") -> bytes:
    """Make a domain with these devices; they begin in its third line."""
    return f"""\
<domain type='kvm' {QEMU}>
<devices>
{devices}
</devices>
{more}
</domain>
""".encode()


def arguments(*texts: str) -> bytes:
    """Make a domain with arguments for QEMU; they begin in its fifth line."""
    root = etree.Element("args")
    for text in texts:
        etree.SubElement(root, "arg", value=text)
    lines = [etree.tostring(arg).decode().replace("<arg", "<qemu:arg") for arg in root]
    inside = "\n".join(lines)
    return domain("", f"<qemu:commandline>{inside}</qemu:commandline>")


def vm_of(data: bytes) -> Vm:
    return parse_domain(data, "vm.xml")


def devices_of(data: bytes) -> tuple[VmDevice, ...]:
    return vm_of(data).devices


def mistake_in(data: bytes) -> ErrorRecord:
    began = time.monotonic()
    with pytest.raises(DomainError) as caught:
        parse_domain(data, "vm.xml")
    assert time.monotonic() - began < SOON
    return caught.value.record


# ---- a VM ------------------------------------------------------------------------


def test_a_whole_domain() -> None:
    data = f"""\
<domain type='kvm' id='3'>
  <name>web</name>
  <uuid>{OTHER}</uuid>
  <os>
    <type arch='x86_64' machine='pc-q35-9.1'>hvm</type>
  </os>
  <devices>
    {INTERFACE_XML}
    {MDEV_XML}
    {PCI_XML}
  </devices>
</domain>
""".encode()

    assert parse_manifest(data, "vm.xml") is None
    assert parse_domain(data, "vm.xml") == Vm(
        name="web",
        uuid=OTHER,
        machine="pc-q35-9.1",
        devices=(
            VmDevice(address=FunctionAddress("0000:3b:02.2"), name="net0"),
            VmDevice(address=MDEV, name="hostdev0"),
            VmDevice(address=FUNCTION, name="hostdev1"),
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "<domain/>",
        "<domain><name/><uuid/><os/><devices/><metadata/></domain>",
        "<domain><name> \n</name><os><type>hvm</type></os></domain>",
        "<domain><x><name>a</name></x></domain>",
        f"<domain {QEMU}><qemu:commandline/><qemu:override/></domain>",
    ],
)
def test_a_domain_may_tell_nothing(text: str) -> None:
    assert parse_domain(text.encode(), "vm.xml") == Vm(name=None)
    assert parse_manifest(text.encode(), "vm.xml") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", "web"),
        (" web\n", "web"),
        ("<![CDATA[a&b]]>", "a&b"),
        ("a&amp;b", "a&b"),
        ("&#x65e5;", "日"),
        ("a b", "a b"),
    ],
)
def test_a_name_is_text(text: str, expected: str) -> None:
    assert vm_of(f"<domain><name>{text}</name></domain>".encode()).name == expected


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-8", "<?xml version='1.0' encoding='UTF-8'?>\n"),
        ("iso-8859-1", "<?xml version='1.0' encoding='ISO-8859-1'?>"),
        ("utf-16", ""),
        ("utf-16", "<?xml version='1.0' encoding='UTF-16'?>"),
    ],
)
def test_a_document_that_tells_its_encoding_is_read(
    encoding: str, declared: str
) -> None:
    data = f"{declared}<domain><name>é</name></domain>".encode(encoding)

    assert vm_of(data).name == "é"
    assert vm_of(rewritten(data, "vm.xml", (), None)).name == "é"


# ---- its devices -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "function"),
    [
        ("domain='0x0000' bus='0x3b' slot='0x02' function='0x1'", "0000:3b:02.1"),
        ("domain='0' bus='59' slot='2' function='1'", "0000:3b:02.1"),
        ("domain='00' bus='073' slot='02' function='01'", "0000:3b:02.1"),
        ("bus='0x3b' slot='0x02' function='0x1'", "0000:3b:02.1"),
        ("bus='0X3B' slot='0x2'", "0000:3b:02.0"),
        ("", "0000:00:00.0"),
        ("bus='0xff' slot='0x1f' function='7'", "0000:ff:1f.7"),
        ("bus='255' slot='31' function='07'", "0000:ff:1f.7"),
        ("bus='0377' slot='037'", "0000:ff:1f.0"),
        ("bus='10'", "0000:0a:00.0"),
        ("bus='010'", "0000:08:00.0"),
        ("bus='0x10'", "0000:10:00.0"),
        ("domain='0x10000' bus='0xe1'", "10000:e1:00.0"),
        ("domain='65536' bus='0xe1'", "10000:e1:00.0"),
        ("domain='0xffffffff'", "ffffffff:00:00.0"),
        ("domain='4294967295'", "ffffffff:00:00.0"),
        ("type='pci' bus='1'", "0000:01:00.0"),
    ],
)
@pytest.mark.parametrize("element", ["hostdev", "interface"])
def test_an_address_of_a_function_is_read_as_libvirt_reads_it(
    element: str, attributes: str, function: str
) -> None:
    kind = {"hostdev": "pci", "interface": "hostdev"}[element]
    data = domain(
        f"<{element} type='{kind}'><source><address {attributes}/></source></{element}>"
    )

    assert devices_of(data) == (VmDevice(address=FunctionAddress(function)),)


@pytest.mark.parametrize("uuid", [UUID, UUID.upper()])
@pytest.mark.parametrize("mode", ["", "mode='subsystem'"])
@pytest.mark.parametrize("model", ["vfio-pci", "vfio-ccw", "vfio-ap"])
def test_an_mdev_has_a_uuid(uuid: str, mode: str, model: str) -> None:
    data = domain(
        f"<hostdev {mode} type='mdev' model='{model}'>"
        f"<source><address uuid='{uuid}'/></source></hostdev>"
    )

    saved = model == "vfio-pci"  # QEMU saves nothing of the others
    assert devices_of(data) == (VmDevice(address=MDEV, saved=saved),)


@pytest.mark.parametrize(
    "text",
    [
        "<hostdev type='usb'><source><address bus='1' device='2'/></source></hostdev>",
        "<hostdev type='scsi'><source><adapter name='scsi_host0'/></source></hostdev>",
        "<hostdev type='scsi_host'><source protocol='vhost' wwpn='x'/></hostdev>",
        "<hostdev mode='capabilities' type='storage'><source/></hostdev>",
        "<hostdev mode='capabilities' type='pci'><source/></hostdev>",
        "<hostdev mode='capabilities' type='mdev'/>",
        "<hostdev/>",
        "<hostdev type='MDEV'/>",
        "<interface type='network'><source network='pool'/></interface>",
        "<interface type='bridge'><source bridge='br0'/></interface>",
        "<interface type='pci'/>",
        "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>",
        "<disk type='nvme'><source type='pci'><address bus='1'/></source></disk>",
        "<controller type='pci'/>",
        "<x:hostdev xmlns:x='urn:x' type='mdev'/>",
        "<!-- <hostdev type='mdev'/> -->",
        "<?hostdev type='mdev'?>",
        "<x><hostdev type='mdev'/></x>",
        "text",
    ],
)
def test_what_is_no_vfio_device_is_left_alone(text: str) -> None:
    data = domain(text)

    assert devices_of(data) == ()
    assert devices_of(rewritten(data, "vm.xml", (), None)) == ()


def test_devices_elsewhere_are_not_the_domains() -> None:
    data = domain(
        "",
        f"<metadata><x:old xmlns:x='urn:x'><devices>{MDEV_XML}</devices></x:old>"
        f"</metadata>{PCI_XML}<qemu:x><devices>{MDEV_XML}</devices></qemu:x>",
    )

    assert devices_of(data) == ()


def test_devices_are_in_the_order_of_the_document() -> None:
    texts = [MDEV_XML.replace(UUID, UUID[:-2] + f"{at:02d}") for at in range(10, 20)]
    found = devices_of(domain("<!-- a -->".join([*texts, INTERFACE_XML])))

    assert [device.text[-2:] for device in found[:-1]] == [
        str(at) for at in range(10, 20)
    ]
    assert found[-1].name == "net0"


def test_arguments_come_after_devices() -> None:
    more = (
        "<qemu:commandline><qemu:arg value='-device'/>"
        "<qemu:arg value='vfio-pci,host=65:00.1'/></qemu:commandline>"
    )
    before = f"<domain {QEMU}>{more}<devices>{PCI_XML}</devices></domain>".encode()
    after = domain(PCI_XML, more)

    expected = ["0000:3b:02.1", "0000:65:00.1"]
    assert [device.text for device in devices_of(before)] == expected
    assert [device.text for device in devices_of(after)] == expected


@pytest.mark.parametrize(
    ("teaming", "unplugged"),
    [
        ("<teaming type='transient' persistent='ua-net0'/>", True),
        ("<teaming type='persistent'/>", False),
        ("<teaming/>", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("text", [PCI_XML, INTERFACE_XML])
def test_the_transient_half_of_a_team_is_unplugged(
    text: str, teaming: str, *, unplugged: bool
) -> None:
    [device] = devices_of(domain(text.replace("<source>", f"{teaming}<source>")))

    assert device.unplugged is unplugged


# ---- what libvirt overrides ------------------------------------------------------


def override(alias: str, *properties: str) -> str:
    inside = "".join(f"<qemu:property {each}/>" for each in properties)
    return (
        f"<qemu:override><qemu:device alias='{alias}'><qemu:frontend>{inside}"
        "</qemu:frontend></qemu:device></qemu:override>"
    )


@pytest.mark.parametrize(
    ("properties", "migration", "skip"),
    [
        (["name='enable-migration' type='string' value='off'"], "off", None),
        (["name='enable-migration' type='string' value='auto'"], "auto", None),
        (["name='x-enable-migration' type='bool' value='true'"], "on", None),
        (["name='x-enable-migration' type='bool' value='false'"], "off", None),
        (["name='enable-migration' type='remove'"], None, None),
        (["name='enable-migration' type='string' value='maybe'"], None, None),
        (["name='skip-vsc-check' type='bool' value='false'"], None, False),
        (["name='skip-vsc-check' type='bool' value='true'"], None, True),
        (["name='x-skip-vsc-check' type='string' value='on'"], None, True),
        (["name='skip-vsc-check' type='string' value='auto'"], None, None),
        (["name='x-vga' type='bool' value='true'"], None, None),
        (["value='off'"], None, None),
        (
            [
                "name='enable-migration' value='on'",
                "name='skip-vsc-check' value='off'",
            ],
            "on",
            False,
        ),
        ([], None, None),
    ],
)
def test_a_device_is_overridden_by_its_alias(
    properties: list[str], migration: str | None, *, skip: bool | None
) -> None:
    data = domain(MDEV_XML + PCI_XML, override("hostdev1", *properties))
    first, second = devices_of(data)

    assert (first.migration, first.skip_vsc_check) == (None, None)
    assert (second.migration, second.skip_vsc_check) == (migration, skip)


@pytest.mark.parametrize("alias", ["", "hostdev9", "HOSTDEV0", "net1"])
def test_what_is_overridden_for_others_says_nothing(alias: str) -> None:
    text = override(alias, "name='enable-migration' value='off'")
    found = devices_of(domain(MDEV_XML + INTERFACE_XML, text))

    assert [device.migration for device in found] == [None, None]


def test_overrides_of_one_alias_add_up() -> None:
    text = override("hostdev0", "name='enable-migration' value='off'") + override(
        "hostdev0", "name='skip-vsc-check' value='off'"
    )
    [device] = devices_of(domain(MDEV_XML, text))

    assert (device.migration, device.skip_vsc_check) == ("off", False)


# ---- arguments that libvirt does not read ----------------------------------------

AT = FunctionAddress("0000:65:00.1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vfio-pci,host=65:00.1", VmDevice(address=AT)),
        ("vfio-pci,host=0000:65:00.1,id=gpu", VmDevice(address=AT, name="gpu")),
        ("driver=vfio-pci,host=65:00.1", VmDevice(address=AT)),
        ("host=65:00.1,driver=vfio-pci", VmDevice(address=AT)),
        (f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID}", VmDevice(address=MDEV)),
        ("vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:65:00.1", VmDevice(address=AT)),
        ("vfio-pci,sysfsdev=/a,,b/0000:65:00.1", VmDevice(address=AT)),
        ("vfio-pci,id=a,,b,,,host=65:00.1", VmDevice(address=AT, name="a,b,")),
        ("vfio-pci,id=a=b,host=65:00.1", VmDevice(address=AT, name="a=b")),
        (f"vfio-pci,host=65:00.2,sysfsdev=/x/{UUID}", VmDevice(address=MDEV)),
        ("vfio-pci,host=65:00.1,sysfsdev=", VmDevice(address=AT)),
        ("vfio-pci-nohotplug,host=65:00.1", VmDevice(address=AT)),
        (
            f"vfio-ap,sysfsdev=/sys/bus/mdev/devices/{UUID}",
            VmDevice(address=MDEV, saved=False),
        ),
        (
            "vfio-pci,host=65:00.1,enable-migration=off",
            VmDevice(address=AT, migration="off"),
        ),
        (
            "vfio-pci,host=65:00.1,enable-migration=auto",
            VmDevice(address=AT, migration="auto"),
        ),
        (
            "vfio-pci,host=65:00.1,x-enable-migration=on",
            VmDevice(address=AT, migration="on"),
        ),
        (
            "vfio-pci,host=65:00.1,skip-vsc-check=off",
            VmDevice(address=AT, skip_vsc_check=False),
        ),
        ('{"driver":"vfio-pci","host":"65:00.1"}', VmDevice(address=AT)),
        (
            '{"id": "gpu", "host": "65:00.1", "driver": "vfio-pci-nohotplug"}',
            VmDevice(address=AT, name="gpu"),
        ),
        (
            f'{{"driver":"vfio-pci","sysfsdev":"/sys/bus/mdev/devices/{UUID}"}}',
            VmDevice(address=MDEV),
        ),
        (
            '{"driver":"vfio-pci","host":"65:00.1","enable-migration":"off"}',
            VmDevice(address=AT, migration="off"),
        ),
        (
            '{"driver":"vfio-pci","host":"65:00.1","x-enable-migration":true}',
            VmDevice(address=AT, migration="on"),
        ),
        (
            '{"driver":"vfio-pci","host":"65:00.1","skip-vsc-check":true}',
            VmDevice(address=AT, skip_vsc_check=True),
        ),
        (
            '{"driver":"vfio-pci","host":"65:00.1","bootindex":1,"x":[null,{}]}',
            VmDevice(address=AT),
        ),
    ],
)
@pytest.mark.parametrize("option", ["-device", "--device"])
def test_a_vfio_device_among_the_arguments(
    option: str, text: str, expected: VmDevice
) -> None:
    assert devices_of(arguments("-S", option, text, "-x")) == (expected,)


@pytest.mark.parametrize(
    "texts",
    [
        ["-device", "e1000,id=vfio-pci"],
        ["-device", "virtio-net-pci,host=65:00.1"],
        ["-device", "id=vfio-pci,driver=e1000"],
        ["-device", ""],
        ["-device", ","],
        ["-device", ",,"],
        ["-device", "help"],
        ["-device", " vfio-pci,host=65:00.1"],
        ["-device", "VFIO-PCI,host=65:00.1"],
        ["-device", '{"driver":"e1000"}'],
        ["-device", '{"driver":["vfio-pci"]}'],
        ["-device", '{"driver":null}'],
        ["-device", "{}"],
        ["-device", '{"driver":"vfio-pci"'],
        ["-device", "[]"],
        ["-device", "{" * 100_000],
        ["-device", '{"driver":' * 100_000],
        ["-device"],
        ["-device", "-device"],
        ["device", "vfio-pci,host=65:00.1"],
        ["-devices", "vfio-pci,host=65:00.1"],
        ["-object", "vfio-pci,host=65:00.1"],
        ["vfio-pci,host=65:00.1"],
        ["-device", "e1000", "vfio-pci,host=65:00.1"],
    ],
)
def test_other_arguments_are_left_alone(texts: list[str]) -> None:
    assert devices_of(arguments(*texts)) == ()


def test_an_argument_without_a_value_is_empty() -> None:
    more = "<qemu:commandline><qemu:arg/><qemu:arg value='-device'/><qemu:arg/>"

    assert devices_of(domain("", f"{more}</qemu:commandline>")) == ()


def test_an_environment_of_qemu_is_no_argument() -> None:
    more = "<qemu:commandline><qemu:env name='-device' value='vfio-pci,host=1:0.0'/>"

    assert devices_of(domain("", f"{more}</qemu:commandline>")) == ()


def test_qemu_takes_the_last_of_a_property_that_is_given_twice() -> None:
    """QEMU 7.2 was asked: -device e1000,id=a,mac=...:01,mac=...:02 has mac ...:02."""
    [device] = devices_of(arguments("-device", "vfio-pci,host=65:00.0,host=65:00.1"))

    assert device.address == AT


def test_a_property_without_a_value_is_on() -> None:
    """QEMU: "short-form boolean option deprecated", and the property is true."""
    text = "vfio-pci,host=65:00.1,x-enable-migration"
    [device] = devices_of(arguments("-device", text))

    assert device.migration == "on"


@pytest.mark.parametrize(
    "text",
    [
        "vfio-pci,host=65:00.1,failover_pair_id=net0",
        '{"driver":"vfio-pci","host":"65:00.1","failover_pair_id":"net0"}',
    ],
)
def test_the_primary_of_a_failover_pair_is_unplugged(text: str) -> None:
    """QEMU gives it no migration (hw/vfio/pci.c, vfio_realize) and unplugs it."""
    [device] = devices_of(arguments("-device", text))

    assert device.unplugged


# ---- mistakes --------------------------------------------------------------------

PART = "/domain/devices/hostdev/source/address"


@pytest.mark.parametrize("kind", ["mdev", "pci"])
@pytest.mark.parametrize(
    "inside", ["", "<source/>", "<source x='y'><x/></source>", "<address bus='1'/>"]
)
def test_a_hostdev_without_an_address(kind: str, inside: str) -> None:
    assert mistake_in(domain(f"<x/>\n<hostdev type='{kind}'>{inside}</hostdev>")) == (
        ErrorRecord(
            Code.DOMAIN_UNUSABLE,
            "vm.xml: /domain/devices/hostdev: has no <source> with an <address>",
            "line 4",
            None,
        )
    )


def test_an_interface_without_an_address() -> None:
    assert mistake_in(domain("<interface type='hostdev'/>" * 2)) == ErrorRecord(
        Code.DOMAIN_UNUSABLE,
        "vm.xml: /domain/devices/interface[1]: has no <source> with an <address>",
        "line 3",
        None,
    )


@pytest.mark.parametrize(
    ("attributes", "shown"),
    [
        ("", "uuid=None"),
        ("uuid=''", "uuid=''"),
        ("uuid='x'", "uuid='x'"),
        (f"uuid='{UUID}0'", f"uuid='{UUID}0'"),
        (f"uuid=' {UUID}'", f"uuid=' {UUID}'"),
        (f"uuid='{UUID}&#10;'", f"uuid='{UUID}\\n'"),
        ("uuid='../../etc/passwd'", "uuid='../../etc/passwd'"),
        ("uuid='&#x9b;31m'", r"uuid='\x9b31m'"),
        ("bus='0x3b' slot='0x02'", "uuid=None"),
    ],
)
def test_an_mdev_without_a_uuid(attributes: str, shown: str) -> None:
    data = domain(
        f"<hostdev type='mdev'>\n<source>\n<address {attributes}/>\n</source>\n"
        "</hostdev>"
    )

    assert mistake_in(data) == ErrorRecord(
        Code.DOMAIN_UNUSABLE, f"vm.xml: {PART}: {shown} is no UUID", "line 5", None
    )


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("domain", "0x100000000"),
        ("domain", "4294967296"),
        ("domain", "0xfffffffff"),
        ("bus", "0x100"),
        ("bus", "256"),
        ("bus", "0400"),
        ("slot", "0x20"),
        ("slot", "32"),
        ("slot", "040"),
        ("function", "8"),
        ("function", "0x8"),
        ("function", "010"),
        *[
            (part, text)
            for part in ("domain", "bus", "slot", "function")
            for text in (
                "",
                "x",
                "0x",
                "0b1",
                "0o1",
                "-1",
                "+1",
                " 1",
                "1 ",
                "1_0",
                "1.0",
                "0x-1",
                "\uff11",
                "3b",
                "0xg",
                "9" * 400,
                "0" * 400,
            )
        ],
    ],
)
def test_a_part_of_a_function_that_cannot_be(part: str, text: str) -> None:
    data = domain(
        f"<hostdev type='pci'>\n<source><address {part}='{text}'/></source></hostdev>"
    )

    shown = repr(text) if len(text) <= 80 else f"{text[:80]!r}..."
    assert mistake_in(data) == ErrorRecord(
        Code.DOMAIN_UNUSABLE,
        f"vm.xml: {PART}: {part}={shown} is no part of a PCI address",
        "line 4",
        None,
    )


@pytest.mark.parametrize("text", ["08", "09", "019"])
def test_a_number_after_a_zero_is_octal(text: str) -> None:
    """libvirt 9.0: Invalid value for attribute 'slot' in element 'address': '09'."""
    data = domain(
        f"<hostdev type='pci'><source><address slot='{text}'/></source></hostdev>"
    )

    assert mistake_in(data).summary == (
        f"vm.xml: {PART}: slot='{text}' is no part of a PCI address"
    )


@pytest.mark.parametrize(
    ("at", "devices"),
    [
        ("hostdev[2]", "<hostdev type='usb'/>\n<hostdev type='mdev'/>"),
        ("hostdev[3]", f"{MDEV_XML}\n<hostdev/>\n<hostdev type='pci'/>"),
        ("interface[2]", "<interface/>\n<interface type='hostdev'/>"),
    ],
)
def test_a_mistake_names_its_element_and_line(at: str, devices: str) -> None:
    data = domain(devices)
    found = mistake_in(data)

    assert found.summary == (
        f"vm.xml: /domain/devices/{at}: has no <source> with an <address>"
    )
    assert found.detail == f"line {data.partition(b'</devices>')[0].count(NEW_LINE)}"


@pytest.mark.parametrize(
    "text",
    [
        "vfio-pci",
        "vfio-pci,id=x",
        "vfio-pci,host=",
        "vfio-pci,host=zz",
        "vfio-pci,host=ffff:ff:ff.f",
        "vfio-pci,host=65:00.8",
        "vfio-pci,sysfsdev=/",
        "vfio-pci,sysfsdev=/sys/bus/mdev/devices/",
        "vfio-pci,fd=3",
        "vfio-platform,host=e0800000.xgmac",
        '{"driver":"vfio-pci"}',
        '{"driver":"vfio-pci","host":5}',
        '{"driver":"vfio-pci","host":null,"sysfsdev":""}',
        '{"driver":"vfio-pci","host":["65:00.1"]}',
    ],
)
def test_an_argument_that_names_no_device(text: str) -> None:
    assert mistake_in(arguments("-S", "-device", text)) == ErrorRecord(
        Code.DOMAIN_UNUSABLE,
        f"vm.xml: /domain/qemu:commandline/qemu:arg[3]: {text!r} names no VFIO device",
        "line 7",
        None,
    )


@pytest.mark.parametrize(
    ("devices", "more", "shown"),
    [
        (MDEV_XML * 2, "", f"{UUID} 2 times"),
        (MDEV_XML + PCI_XML + MDEV_XML.replace(UUID, UUID.upper()), "", f"{UUID} 2"),
        (PCI_XML * 3, "", "0000:3b:02.1 3 times"),
        (INTERFACE_XML * 2, "", "0000:3b:02.2 2 times"),
        (
            PCI_XML,
            (
                "<qemu:commandline><qemu:arg value='-device'/>"
                "<qemu:arg value='vfio-pci,host=3b:02.1'/></qemu:commandline>"
            ),
            "0000:3b:02.1 2 times",
        ),
    ],
)
def test_a_device_is_given_to_a_vm_once(devices: str, more: str, shown: str) -> None:
    found = mistake_in(domain(devices, more))

    assert found.code == "VFC550"
    assert f"gives the VM {shown}" in found.summary


# ---- documents that mean harm ----------------------------------------------------

NOT_XML = "vm.xml is not XML"
DOCTYPE = ErrorRecord(
    Code.DOMAIN_UNUSABLE,
    "vm.xml has a document type, which domain XML never has",
    None,
    "it is not read: a document type can name files and expand entities",
)
LAUGHS = (
    "<!DOCTYPE domain [<!ENTITY a0 'lol'>"
    + "".join(f"<!ENTITY a{at} '{f'&a{at - 1};' * 10}'>" for at in range(1, 12))
    + "]>"
)


class Opened(Protocol):
    def __call__(self) -> bool: ...


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("root:x:0:0\n", encoding="utf-8")
    return path


@pytest.fixture
def opened(secret: Path) -> Iterator[Opened]:
    """Tell whether anybody has opened the secret since."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    in_open = 0x20
    assert libc.inotify_add_watch(watch, os.fsencode(secret), in_open) >= 0

    def was_opened() -> bool:
        try:
            return bool(os.read(watch, 4096))
        except BlockingIOError:
            return False

    yield was_opened
    os.close(watch)


def test_the_watch_on_a_file_works(secret: Path, opened: Opened) -> None:
    assert not opened()
    secret.read_bytes()
    assert opened()


ASKING = [
    "<!DOCTYPE domain [<!ENTITY x SYSTEM '{}'>]><domain><name>&x;</name></domain>",
    "<!DOCTYPE domain [<!ENTITY x SYSTEM '{}'>]><domain a='b'/>",
    "<!DOCTYPE domain [<!ENTITY x PUBLIC 'x' '{}'>]><domain>&x;</domain>",
    "<!DOCTYPE domain SYSTEM '{}'><domain/>",
    "<!DOCTYPE domain PUBLIC 'x' '{}'><domain/>",
    "<!DOCTYPE domain [<!ENTITY % x SYSTEM '{}'>%x;]><domain/>",
    "<!DOCTYPE domain SYSTEM '{}' [<!ENTITY % x SYSTEM '{}'>%x;]><domain>&y;</domain>",
    (
        "<!DOCTYPE domain [<!NOTATION n SYSTEM '{}'><!ENTITY x SYSTEM '{}' NDATA n>]>"
        "<domain/>"
    ),
]


@pytest.mark.parametrize("text", ASKING)
@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_file_is_read_for_a_document(
    text: str, scheme: str, encoding: str, secret: Path, opened: Opened
) -> None:
    data = text.replace("{}", f"{scheme}{secret}").encode(encoding)
    found = mistake_in(data)

    assert found == DOCTYPE
    assert not opened()


@pytest.mark.parametrize("text", ASKING)
@pytest.mark.parametrize("scheme", ["http", "ftp", "https"])
def test_nobody_is_asked_for_a_document(text: str, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        uri = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/x"
        assert mistake_in(text.replace("{}", uri).encode()) == DOCTYPE
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    "text",
    [
        (
            "<domain xmlns:xi='http://www.w3.org/2001/XInclude'>"
            "<name><xi:include href='{}' parse='text'/></name></domain>"
        ),
        "<?xml-stylesheet href='{}'?><domain/>",
        (
            "<domain xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
            "xsi:schemaLocation='urn:x {}'/>"
        ),
        "<?xml-model href='{}'?><domain xml:base='{}'/>",
    ],
)
def test_what_another_program_would_fetch_is_data(
    text: str, secret: Path, opened: Opened
) -> None:
    data = text.replace("{}", str(secret)).encode()

    assert vm_of(data) == Vm(name=None)
    assert b"root:x" not in rewritten(data, "vm.xml", (), None)
    assert not opened()


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE domain><domain/>",
        "<!DOCTYPE domain []><domain/>",
        "<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE html>\n<domain/>",
        "<!DOCTYPE domain [<!ELEMENT domain EMPTY>]><domain/>",
        "<!DOCTYPE domain [<!ATTLIST domain type CDATA 'kvm'>]><domain/>",
        f"{LAUGHS}<domain/>",
        f"{LAUGHS}<domain a='&a2;'/>",
        "<!DOCTYPE domain [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><domain/>",
    ],
)
def test_no_document_type_is_accepted(text: str) -> None:
    assert mistake_in(text.encode()) == DOCTYPE


@pytest.mark.parametrize(
    "text",
    [
        f"{LAUGHS}<domain><name>&a11;</name></domain>",
        f"{LAUGHS}<domain a='&a11;'/>",
        f"{LAUGHS}<domain xmlns='&a11;'/>",
        "<!DOCTYPE d [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><domain a='&a;'/>",
        f"<!DOCTYPE d [<!ENTITY a '{'x' * 100_000}'>]><domain a='{'&a;' * 1000}'/>",
        f"<!DOCTYPE d [<!ENTITY a '{'x' * 2_000_000}'>]><domain a='{'&a;' * 5000}'/>",
        f"<!DOCTYPE d [<!ENTITY a '{'x' * 100_000}'>]><domain>{'&a;' * 1000}</domain>",
        "<!DOCTYPE d [<!ENTITY % a '<!ENTITY b \"%a;\">'>%a;]><domain/>",
    ],
)
def test_entities_are_not_expanded_without_end(text: str) -> None:
    """In attributes libxml2 expands them whatever it is told, and limits that."""
    found = mistake_in(text.encode())

    assert found.code == "VFC550"
    assert found == DOCTYPE or found.summary == NOT_XML


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"{}", "Start tag expected, '<' not found, line 1, column 1"),
        (b"error: \x1b[31m", "Start tag expected, '<' not found, line 1, column 1"),
        (b"\xef\xbb\xbf", "Start tag expected, '<' not found, line 1, column 1"),
        (b"\0<domain/>", "Document is empty, line 1, column 1"),
        (b"\0" * 4096, "Document is empty, line 1, column 1"),
        (b"\x1f\x8b\x08\x00", "Start tag expected, '<' not found, line 1, column 1"),
        (
            b"<domain><name>",
            "Premature end of data in tag name line 1, line 1, column 15",
        ),
        (b"<domain/><domain/>", None),
        (b"<domain/>x", None),
        (b"<domain>\0</domain>", None),
        (b"<domain a='\0'/>", None),
        (b"<domain>&#0;</domain>", None),
        (b"<domain>&#27;</domain>", None),
        (b"<domain>\x1b</domain>", None),
        (b"<domain a='&#xd800;'/>", None),
        (b"<domain>&x;</domain>", "Entity 'x' not defined, line 1, column 12"),
        (b"<domain><name>\xff\xfe</name></domain>", None),
        (b"<domain><name>\xed\xa0\x80</name></domain>", None),
        (b"<?xml version='1.0' encoding='ascii'?><domain>\xc3\xa9</domain>", None),
        (b"<?xml version='1.0' encoding='nonesuch'?><domain/>", None),
        (b"<?xml version='1.0' encoding='UTF-16'?><domain>\xc3\xa9</domain>", None),
        ("<domain/>".encode("utf-16-le"), None),
        (b"<domain a='1' a='2'/>", "Attribute a redefined, line 1, column 20"),
        (
            b"<domain><qemu:arg/></domain>",
            "Namespace prefix qemu on arg is not defined, line 1, column 18",
        ),
        (b"<a\x1b[31m/>", None),
        (b"<domain><a></b></domain>", None),
        (b"<!-- x -->", None),
        (b"<?xml version='1.0'?>", None),
        (b"<domain>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</domain>", None),
        (b"<domain>" + b"<a>" * 1_000_000, None),
        (b"<" + b"a" * 100_000 + b"/>", None),
        (b"<domain " + b"a" * 100_000 + b"=''/>", None),
        (b"<!--" + b"-" * 1_000_000, None),
        (b"<![CDATA[" * 400_000, None),
        (b"<" * 4_000_000, None),
        (b"&" * 4_000_000, None),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else "",
)
def test_what_is_no_xml(data: bytes, detail: str | None) -> None:
    found = mistake_in(data)

    assert (found.code, found.summary, found.hint) == ("VFC550", NOT_XML, None)
    assert found.detail is not None
    assert detail in {None, found.detail}


def test_a_mistake_in_the_xml_is_told_in_one_line() -> None:
    assert mistake_in(b"<domain>\0</domain>").detail == (
        "Invalid character: Char 0x0 out of allowed range, line 1, column 9"
    )


@pytest.mark.parametrize("data", [b"", b" ", b"\n\n\t \r\n"])
def test_an_empty_file(data: bytes) -> None:
    assert mistake_in(data) == ErrorRecord(
        Code.DOMAIN_UNUSABLE, "vm.xml is empty", None, "'virsh dumpxml NAME' writes XML"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<network/>", "network"),
        ("<domainsnapshot><domain/></domainsnapshot>", "domainsnapshot"),
        ("<domains><domain/></domains>", "domains"),
        ("<Domain/>", "Domain"),
        ("<дом/>", "дом"),
        ("<q:x xmlns:q='urn:x'/>", "{urn:x}x"),
        ("<domain xmlns='urn:x'/>", "{urn:x}domain"),
    ],
)
def test_another_root(text: str, shown: str) -> None:
    assert mistake_in(text.encode()) == ErrorRecord(
        Code.DOMAIN_UNUSABLE,
        f"vm.xml is not a libvirt domain: its root is <{shown}>",
        None,
        "'virsh dumpxml NAME' writes one",
    )


@pytest.mark.parametrize("text", ["<domain xmlns='urn:x'/>", "<q:domain xmlns:q='u'/>"])
def test_a_domain_of_another_namespace_is_no_domain(text: str) -> None:
    assert mistake_in(text.encode()).summary.startswith(
        "vm.xml is not a libvirt domain: its root is <"
    )


@pytest.mark.parametrize("filler", [b" ", b"x", b"<a/>", b"<!---->"])
def test_a_document_may_be_four_mebibytes(filler: bytes) -> None:
    most = (MAX_BYTES - 17) // len(filler) * filler
    rest = b" " * (MAX_BYTES - 17 - len(most))
    longest = b"<domain>" + most + rest + b"</domain>"
    assert len(longest) == MAX_BYTES == 4194304

    assert vm_of(longest) == Vm(name=None)
    assert mistake_in(longest + b" ") == ErrorRecord(
        Code.DOMAIN_UNUSABLE,
        "vm.xml is longer than domain XML may be (4 MiB)",
        None,
        None,
    )


@pytest.mark.parametrize(
    "data",
    [
        b"<domain " + b" ".join(b"a%d=''" % at for at in range(300_000)) + b"/>",
        b"<domain " + b" ".join(b"xmlns:a%d='u'" % at for at in range(150_000)) + b"/>",
        b"<domain a='" + b"x" * 4_000_000 + b"'/>",
        b"<domain><devices>" + b"<hostdev/>" * 400_000 + b"</devices></domain>",
        b"<domain>" + b"<devices/>" * 400_000 + b"</domain>",
        b"<domain><metadata>" + b"<a/>" * 1_000_000 + b"</metadata></domain>",
    ],
    ids=["attributes", "namespaces", "text", "hostdevs", "devices", "metadata"],
)
def test_a_document_full_of_nothing_is_read_soon(data: bytes) -> None:
    began = time.monotonic()

    assert vm_of(data).devices == ()
    assert time.monotonic() - began < SOON


def with_mdevs(number: int) -> bytes:
    text = "<hostdev type='mdev'><source><address uuid='{}{:06}'/></source></hostdev>"
    return domain("".join(text.format(UUID[:-6], at) for at in range(number)))


def test_more_devices_than_any_vm_has_are_a_mistake() -> None:
    assert len(devices_of(with_mdevs(MAX_DEVICES))) == MAX_DEVICES
    for number in (MAX_DEVICES + 1, 40_000):  # all that fit
        assert mistake_in(with_mdevs(number)).summary == (
            f"vm.xml gives the VM {number} VFIO devices, more than 1024, which no VM "
            "has"
        )


@pytest.mark.parametrize(
    ("interface", "networks"),
    [
        ("<interface type='network'><source network='pool'/></interface>", ("pool",)),
        (
            "<interface type='network'><source network='a' bridge='v0'/></interface>",
            (),
        ),
        (
            "<interface type='network'><source network='a' dev='eth0'/></interface>",
            (),
        ),
        ("<interface type='network'><source/></interface>", ("",)),
        ("<interface type='network'/>", ()),
        ("<interface type='bridge'><source bridge='br0'/></interface>", ()),
        (
            "".join(
                f"<interface type='network'><source network='{each}'/></interface>"
                for each in "aba"
            ),
            ("a", "b"),
        ),
    ],
)
def test_networks_that_may_be_pools_of_functions(
    interface: str, networks: tuple[str, ...]
) -> None:
    assert vm_of(domain(interface)).networks == networks


@pytest.mark.parametrize("character", ["\x7f", "\x85", "\x9b", "\u202e", "\u2028"])
def test_what_a_terminal_obeys_is_written_as_a_reference(character: str) -> None:
    text = f"<domain><name>ä{character}b</name></domain>"
    data = rewritten(text.encode(), "x", (), None)

    assert data.decode() == f"<domain><name>ä&#{ord(character)};b</name></domain>\n"
    assert vm_of(data).name == vm_of(text.encode()).name


# ---- written again ---------------------------------------------------------------

WHOLE = f"""\
<!-- before -->
<domain type='kvm' id='3' {QEMU}>
  <!-- é &amp; -- more -->
  <name>web</name>
  <description><![CDATA[a < b]]> &amp; c</description>
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
      <nova:name nova:x="y">x &lt; y</nova:name>
    </nova:instance>
  </metadata>
  <devices>
    <?pi x?>
    {MDEV_XML}
    {PCI_XML}
    {INTERFACE_XML}
  </devices>
  <qemu:commandline>
    <qemu:arg value='-device'/>
    <qemu:arg value='vfio-pci,host=65:00.1,id=a,,b,romfile=/x,,y'/>
    <qemu:arg value='-device'/>
    <qemu:arg value='{{"driver":"vfio-pci","host":"66:00.1","rombar":1,"x":null}}'/>
  </qemu:commandline>
</domain>
<!-- after -->
""".replace(" -- more", "")


def again(
    addresses: list[DeviceAddress | None], text: str = WHOLE, encoding: str = "utf-8"
) -> str:
    return rewritten(text.encode(encoding), "vm.xml", addresses, None).decode()


def canonical(text: str) -> str:
    return etree.tostring(
        etree.fromstring(text.encode()), method="c14n", with_comments=True
    ).decode()


def test_nothing_changes_that_was_not_asked_for() -> None:
    assert canonical(again([None] * 5)) == canonical(WHOLE)


def test_a_device_that_keeps_its_address_is_not_touched() -> None:
    same: list[DeviceAddress | None] = [
        device.address for device in devices_of(WHOLE.encode())
    ]
    assert canonical(again(same)) == canonical(WHOLE)


@pytest.mark.parametrize(
    ("at", "address", "old", "new"),
    [
        (0, MdevAddress(OTHER), f"<address uuid='{UUID}'/>", f"uuid='{OTHER}'"),
        (
            1,
            FunctionAddress("0001:0a:1f.7"),
            "<address domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/>",
            "domain='0x0001' bus='0x0a' slot='0x1f' function='0x7'",
        ),
        (
            2,
            FunctionAddress("10000:e1:00.0"),
            (
                "<address type='pci' domain='0x0000' bus='0x3b' slot='0x02' "
                "function='0x2'/>"
            ),
            "type='pci' domain='0x10000' bus='0xe1' slot='0x00' function='0x0'",
        ),
        (
            3,
            FunctionAddress("0000:67:00.1"),
            "<qemu:arg value='vfio-pci,host=65:00.1,id=a,,b,romfile=/x,,y'/>",
            "value='driver=vfio-pci,id=a,,b,romfile=/x,,y,host=0000:67:00.1'",
        ),
        (
            3,
            MdevAddress(OTHER),
            "<qemu:arg value='vfio-pci,host=65:00.1,id=a,,b,romfile=/x,,y'/>",
            (
                "value='driver=vfio-pci,id=a,,b,romfile=/x,,y,"
                f"sysfsdev=/sys/bus/mdev/devices/{OTHER}'"
            ),
        ),
        (
            4,
            FunctionAddress("0000:67:00.1"),
            (
                '<qemu:arg value=\'{"driver":"vfio-pci","host":"66:00.1","rombar":1,'
                '"x":null}\'/>'
            ),
            'value=\'{"driver":"vfio-pci","rombar":1,"x":null,"host":"0000:67:00.1"}\'',
        ),
        (
            4,
            MdevAddress(OTHER),
            (
                '<qemu:arg value=\'{"driver":"vfio-pci","host":"66:00.1","rombar":1,'
                '"x":null}\'/>'
            ),
            (
                'value=\'{"driver":"vfio-pci","rombar":1,"x":null,'
                f'"sysfsdev":"/sys/bus/mdev/devices/{OTHER}"}}\''
            ),
        ),
    ],
)
def test_only_the_address_of_a_device_changes(
    at: int, address: DeviceAddress, old: str, new: str
) -> None:
    addresses: list[DeviceAddress | None] = [None] * 5
    addresses[at] = address
    assert WHOLE.count(old) == 1
    element = old.removeprefix("<").partition(" ")[0]

    assert canonical(again(addresses)) == canonical(
        WHOLE.replace(old, f"<{element} {new}/>")
    )


def test_prefixes_are_kept() -> None:
    text = again([MdevAddress(OTHER), None, None, AT, None])

    assert '<qemu:arg value="-device"/>' in text
    assert '<nova:name nova:x="y">x &lt; y</nova:name>' in text
    assert text.count("xmlns") == WHOLE.count("xmlns") == 3


def test_comments_around_the_domain_are_kept() -> None:
    text = again([None] * 5)

    assert text.startswith("<!-- before -->")
    assert text.endswith("<!-- after -->\n")


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16"])
def test_what_is_written_is_utf_8(encoding: str) -> None:
    text = f"<?xml version='1.0' encoding='{encoding}'?><domain><name>é</name></domain>"

    assert again([], text, encoding) == "<domain><name>é</name></domain>\n"


def test_an_mdev_may_become_a_function() -> None:
    text = MDEV_XML.replace("display='off'", "display='on' ramfb='on'")
    found = again([FUNCTION], domain(text).decode())

    assert canonical(found) == canonical(
        domain(
            text.replace(
                "type='mdev' managed='no' model='vfio-pci' display='on' ramfb='on'",
                "type='pci' managed='no'",
            ).replace(
                f"uuid='{UUID}'",
                "domain='0x0000' bus='0x3b' slot='0x02' function='0x1'",
            )
        ).decode()
    )


def test_a_function_may_become_an_mdev() -> None:
    text = domain(PCI_XML.replace("  <driver name='vfio'/>\n", "")).decode()
    found = again([MDEV], text)

    assert canonical(found) == canonical(
        text.replace(
            "type='pci' managed='yes'", "type='mdev' managed='yes' model='vfio-pci'"
        ).replace(
            "domain='0x0000' bus='0x3b' slot='0x02' function='0x1'", f"uuid='{UUID}'"
        )
    )


def test_a_function_that_becomes_an_mdev_keeps_nothing_that_only_functions_have() -> (
    None
):
    """libvirt's schema (domaincommon.rng) knows neither of them for an mdev."""
    text = PCI_XML.replace("<source>", "<source writeFiltering='no'>")
    found = again([MDEV], domain(text).decode())

    assert "<driver" not in found
    assert "writeFiltering" not in found


def test_a_network_interface_cannot_become_an_mdev() -> None:
    data = domain(f"{MDEV_XML}\n{INTERFACE_XML}")
    with pytest.raises(DomainError) as caught:
        rewritten(data, "vm.xml", [None, MDEV], None)

    assert caught.value.record == ErrorRecord(
        Code.DOMAIN_UNUSABLE,
        "vm.xml: /domain/devices/interface: a network interface cannot become an mdev",
        "line 8",
        None,
    )


def test_flags_among_the_arguments_stay_flags() -> None:
    """QEMU of `multifunction=`: Parameter 'multifunction' expects 'on' or 'off'."""
    data = arguments("-device", "vfio-pci,host=65:00.1,multifunction")
    text = rewritten(data, "vm.xml", [MDEV], None).decode()

    assert "multifunction=," not in text
    assert "multifunction" in text


@pytest.mark.parametrize("text", ["", "x", "<a>", "<!DOCTYPE domain><domain/>"])
def test_what_cannot_be_read_is_not_rewritten(text: str) -> None:
    with pytest.raises(DomainError):
        rewritten(text.encode(), "vm.xml", (), None)


# ---- manifests -------------------------------------------------------------------

INVENTORY = inventory(
    "node-a",
    endpoint(
        "p/t",
        "8086-x",
        facts={"a": "\x00\x1b[31m\x7f\x9b é \U0001d11e \u2028 ]]> <&>", "b": "\r\n\t"},
    ),
)
MANIFEST = Manifest("node-b", {OTHER: UUID, "0000:65:00.1": "0000:3b:02.1"}, INVENTORY)


@pytest.mark.parametrize(
    "text",
    [
        "<domain/>",
        "<domain><metadata/></domain>",
        "<domain><metadata><x:y xmlns:x='urn:x'>z</x:y></metadata></domain>",
        WHOLE,
    ],
)
def test_a_manifest_is_read_as_it_was_written(text: str) -> None:
    before = vm_of(text.encode())
    none: list[None] = [None] * len(before.devices)
    data = rewritten(text.encode(), "vm.xml", none, MANIFEST)

    assert data.isascii() or text is WHOLE
    for again in (data, rewritten(data, "x", none, None)):
        assert parse_domain(again, "vm.xml") == before
        assert parse_manifest(again, "vm.xml") == MANIFEST


def test_a_manifest_takes_the_place_of_another() -> None:
    other = Manifest("node-c", {}, inventory("node-b"))
    data = rewritten(b"<domain/>", "x", (), MANIFEST)
    data = rewritten(data, "x", (), other)

    assert parse_manifest(data, "x") == other
    assert data.count(b"<vfiocompat:vm ") == 1
    assert b"node-a" not in data


def test_all_of_several_manifests_are_replaced() -> None:
    one = rewritten(b"<domain/>", "x", (), MANIFEST).decode()
    inside = one[one.index("<vfiocompat:vm") : one.index("</metadata>")]
    twice = one.replace(inside, inside * 3).encode()

    assert rewritten(twice, "x", (), MANIFEST) == one.encode()


def test_the_metadata_of_others_stays() -> None:
    text = again([None] * 5)
    with_ours = rewritten(WHOLE.encode(), "x", [None] * 5, MANIFEST).decode()

    start, end = with_ours.index("<vfiocompat:vm"), with_ours.index("</vfiocompat:vm>")
    kept = with_ours[:start] + with_ours[end + len("</vfiocompat:vm>") :]
    assert kept == text


def test_a_manifest_is_one_element_of_one_namespace() -> None:
    """libvirt keeps one element a namespace in <metadata>, and loses others."""
    data = rewritten(b"<domain/>", "x", (), MANIFEST)
    root = etree.fromstring(data)

    assert [each.tag for each in root] == ["metadata"]
    assert [each.tag for each in root[0]] == ["{urn:vfiocompat:vm:1}vm"]


def test_what_looks_like_a_manifest_elsewhere_is_none() -> None:
    text = (
        f"<domain {OURS}><v:vm/><metadata><vm/><x><v:vm/></x>"
        "<w:vm xmlns:w='urn:vfiocompat:vm:2'/></metadata></domain>"
    )

    assert parse_manifest(text.encode(), "vm.xml") is None


def manifest(inside: str) -> bytes:
    text = f"<domain {OURS}><metadata><v:vm host='b'>{inside}</v:vm></metadata>"
    return f"{text}</domain>".encode()


GOOD = json.dumps(
    {
        "schema": "vfiocompat.inventory/1",
        "tool": {"name": "vfiocompat", "version": "1"},
        "host": "h",
        "machine_id": None,
        "taken_at": "2026-11-01T00:00:00Z",
        "kernel": "6.12.0",
        "endpoints": [],
        "problems": [],
    }
)


CONTROL = json.dumps("\x1b").strip('"')


def test_a_manifest_without_devices_is_one() -> None:
    data = manifest(f"<v:inventory>{GOOD}</v:inventory>")
    found = parse_manifest(data, "vm.xml")

    assert found is not None
    assert (found.host, found.devices, found.inventory.host) == ("b", {}, "h")


@pytest.mark.parametrize(
    ("inside", "summary"),
    [
        ("", " is not a whole JSON document"),
        ("<inventory/>", " is not a whole JSON document"),
        ("<v:inventory/>", " is not a whole JSON document"),
        ("<v:inventory>x</v:inventory>", " is not a whole JSON document"),
        (f"<v:inventory>{GOOD[:-1]}</v:inventory>", " is not a whole JSON document"),
        (
            "<v:inventory>{}</v:inventory>",
            " is another JSON document, not an inventory",
        ),
        (
            "<v:inventory>[]</v:inventory>",
            " is another JSON document, not an inventory",
        ),
        (
            f"<v:inventory>{GOOD.replace('/1', '/9')}</v:inventory>",
            (
                " is an inventory of schema 'vfiocompat.inventory/9'; "
                "'vfiocompat.inventory/1' is known"
            ),
        ),
        (
            f"<v:inventory>{GOOD.replace('6.12.0', CONTROL)}</v:inventory>",
            r": kernel: '\x1b' is no such name",
        ),
        (
            f"<v:inventory>{GOOD.replace('2026-', 'x')}</v:inventory>",
            ": taken_at: 'x11-01T00:00:00Z' is no time",
        ),
    ],
)
def test_a_manifest_that_cannot_be_used_is_a_mistake(inside: str, summary: str) -> None:
    data = manifest(inside)
    with pytest.raises(DomainError) as caught:
        parse_manifest(data, "vm.xml")
    found = caught.value.record

    assert vm_of(data) == Vm(name=None), "the VM itself can be read"
    assert found.code == "VFC550"
    assert found.summary == f"vm.xml: the manifest in it{summary}"


def test_a_mistake_in_a_manifest_says_what_to_do() -> None:
    text = f"<v:inventory>{GOOD.replace('/1', '/9')}</v:inventory>"

    with pytest.raises(DomainError) as caught:
        parse_manifest(manifest(text), "vm.xml")
    assert caught.value.record.hint == (
        "use the vfiocompat that wrote it, or a newer one"
    )


# ---- what holds of every document ------------------------------------------------

UUIDS = st.uuids().map(str)
MDEVS = UUIDS.map(MdevAddress)
FUNCTIONS = st.builds(
    "{:04x}:{:02x}:{:02x}.{:x}".format,
    st.one_of(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)),
    st.integers(0, 0xFF),
    st.integers(0, 0x1F),
    st.integers(0, 7),
).map(FunctionAddress)
NAMES = st.one_of(st.none(), st.text("abc-019,=é&<\"'", min_size=1, max_size=6))
SWITCHES: st.SearchStrategy[OnOffAuto | None] = st.sampled_from(
    [None, "on", "off", "auto"]
)


def hostdev(device: VmDevice, element: str) -> etree._Element:
    """Make the element that attaches a device."""
    is_mdev = isinstance(device.address, MdevAddress)
    kind = "hostdev" if element == "interface" else "mdev" if is_mdev else "pci"
    found = etree.Element(element, type=kind)
    source = etree.SubElement(found, "source")
    if isinstance(device.address, MdevAddress):
        etree.SubElement(source, "address", uuid=device.address.uuid)
    else:
        numbers = device.address.function.replace(".", ":").split(":")
        names = ("domain", "bus", "slot", "function")
        values = {name: f"0x{text}" for name, text in zip(names, numbers, strict=True)}
        etree.SubElement(source, "address", values)
    if device.name is not None:
        etree.SubElement(found, "alias", name=device.name)
    if device.unplugged:
        etree.SubElement(found, "teaming", type="transient")
    return found


def argument(device: VmDevice, *, as_json: bool) -> str:
    """Make the argument that attaches a device."""
    where = (
        ("sysfsdev", f"/sys/bus/mdev/devices/{device.text}")
        if isinstance(device.address, MdevAddress)
        else ("host", device.text)
    )
    pairs = {
        "driver": "vfio-pci",
        "id": device.name,
        "enable-migration": device.migration,
        **dict([where]),
    }
    told = {name: text for name, text in pairs.items() if text is not None}
    if as_json:
        return json.dumps(told)
    return ",".join(f"{name}={text.replace(',', ',,')}" for name, text in told.items())


@st.composite
def documents(
    draw: st.DrawFn,
) -> tuple[bytes, list[VmDevice], list[DeviceAddress | None]]:
    """Draw a document, its devices, and addresses that they can be given."""
    root = etree.Element(
        "domain", nsmap={"q": "http://libvirt.org/schemas/domain/qemu/1.0"}
    )
    inside = etree.SubElement(root, "devices")
    expected: list[VmDevice] = []
    new: list[DeviceAddress | None] = []
    for element in draw(
        st.lists(st.sampled_from(["hostdev", "interface", "disk"]), max_size=5)
    ):
        if element == "disk":
            etree.SubElement(inside, "disk", type="nvme")
            continue
        addresses = FUNCTIONS if element == "interface" else st.one_of(MDEVS, FUNCTIONS)
        device = VmDevice(
            address=draw(addresses), name=draw(NAMES), unplugged=draw(st.booleans())
        )
        inside.append(hostdev(device, element))
        expected.append(device)
        new.append(draw(st.one_of(st.none(), addresses)))
    qemu = "{http://libvirt.org/schemas/domain/qemu/1.0}"
    line = etree.SubElement(root, f"{qemu}commandline")
    for as_json in draw(st.lists(st.booleans(), max_size=3)):
        device = VmDevice(
            address=draw(st.one_of(MDEVS, FUNCTIONS)),
            name=draw(NAMES),
            migration=draw(SWITCHES),
        )
        etree.SubElement(line, f"{qemu}arg", value="-device")
        text = argument(device, as_json=as_json)
        etree.SubElement(line, f"{qemu}arg", value=text)
        expected.append(device)
        new.append(draw(st.one_of(st.none(), MDEVS, FUNCTIONS)))
    moved = [there or each.address for each, there in zip(expected, new, strict=True)]
    for side in ([each.address for each in expected], moved):
        assume(len(set(side)) == len(side))  # a device is given once
    return etree.tostring(root), expected, new


@settled
@given(documents())
def test_every_device_is_found(
    drawn: tuple[bytes, list[VmDevice], list[DeviceAddress | None]],
) -> None:
    data, expected, _ = drawn

    assert devices_of(data) == tuple(expected)


@settled
@given(documents())
def test_without_new_addresses_the_vm_is_the_same(
    drawn: tuple[bytes, list[VmDevice], list[DeviceAddress | None]],
) -> None:
    data, expected, _ = drawn
    again = rewritten(data, "vm.xml", [None] * len(expected), None)

    assert vm_of(again) == vm_of(data)
    assert etree.tostring(etree.fromstring(again), method="c14n") == etree.tostring(
        etree.fromstring(data), method="c14n"
    )


@settled
@given(documents())
def test_new_addresses_are_what_is_read_afterwards(
    drawn: tuple[bytes, list[VmDevice], list[DeviceAddress | None]],
) -> None:
    data, expected, new = drawn
    found = devices_of(rewritten(data, "vm.xml", new, MANIFEST))

    assert [device.address for device in found] == [
        there or device.address for device, there in zip(expected, new, strict=True)
    ]
    for before, after in zip(expected, found, strict=True):
        assert (before.name, before.migration, before.unplugged) == (
            after.name,
            after.migration,
            after.unplugged,
        )


@settled
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_domain_error(data: bytes) -> None:
    with contextlib.suppress(DomainError):
        parse_domain(data, "vm.xml")


@settings(settled, max_examples=400)
@given(
    st.integers(0, len(WHOLE)),
    st.integers(0, 30),
    st.text("<>&;'\"/=! \0x-", max_size=6),
)
def test_a_broken_document_raises_nothing_but_a_domain_error(
    at: int, length: int, text: str
) -> None:
    data = (WHOLE[:at] + text + WHOLE[at + length :]).encode()
    try:
        found = devices_of(data)
        assert devices_of(rewritten(data, "x", [None] * len(found), None)) == found
    except DomainError:
        pass
