# SPDX-License-Identifier: Apache-2.0
"""libvirt's domain XML: what is read of it, what is refused, and what is written."""

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

from tests.vm.documents import (
    INTERFACE_XML,
    MANIFEST,
    MDEV_XML,
    OTHER,
    PCI_XML,
    QEMU,
    UUID,
    WHOLE,
    again,
    devices_of,
    domain,
    mistake_in,
    vm_of,
)
from vfiocompat import codes
from vfiocompat.addresses import FunctionAddress, MdevAddress
from vfiocompat.errors import DomainError, ErrorRecord
from vfiocompat.vm.domain import MAX_BYTES
from vfiocompat.vm.model import MAX_DEVICES, DeviceAddress, OnOffAuto, Vm, VmDevice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

often = settings(max_examples=150)

SOON = 5
"""Seconds within which anything is read or refused; none of it takes one."""

MDEV = MdevAddress(UUID)
FUNCTION = FunctionAddress("0000:3b:02.1")
AT = FunctionAddress("0000:65:00.1")
ELSEWHERE = FunctionAddress("0000:67:00.1")


def commandline(*texts: str) -> str:
    """Write arguments for QEMU, a line each."""
    root = etree.Element("args")
    for text in texts:
        etree.SubElement(root, "arg", value=text)
    lines = [etree.tostring(arg).decode().replace("<arg", "<qemu:arg") for arg in root]
    return "<qemu:commandline>{}</qemu:commandline>".format("\n".join(lines))


def arguments(*texts: str) -> bytes:
    """Make a domain with arguments for QEMU; they begin in its fifth line."""
    return domain("", commandline(*texts))


def mistake(summary: str, detail: str | None = None, hint: str | None = None) -> object:
    return ErrorRecord(codes.DOMAIN_UNUSABLE, summary, detail, hint)


# ---- a VM ------------------------------------------------------------------------


def test_a_whole_domain() -> None:
    data = f"""\
<domain type='kvm' id='3'>
  <name>web</name>
  <uuid>{OTHER}</uuid>
  <os><type arch='x86_64' machine='pc-q35-9.1'>hvm</type></os>
  <devices>{INTERFACE_XML}{MDEV_XML}{PCI_XML}</devices>
</domain>
"""
    assert vm_of(data) == Vm(
        name="web",
        uuid=OTHER,
        machine="pc-q35-9.1",
        devices=(
            VmDevice(
                address=FunctionAddress("0000:3b:02.2"),
                name="net0",
                is_managed=True,
                is_interface=True,
            ),
            VmDevice(address=MDEV, name="hostdev0"),
            VmDevice(address=FUNCTION, name="hostdev1", is_managed=True),
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
    assert vm_of(text) == Vm(name=None)


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
    assert vm_of(f"<domain><name>{text}</name></domain>").name == expected


DECLARED = "<?xml version='1.0' encoding='{}'?>"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-8", DECLARED.format("UTF-8") + "\n"),
        ("iso-8859-1", DECLARED.format("ISO-8859-1")),
        ("utf-16", ""),
        ("utf-16", DECLARED.format("UTF-16")),
    ],
)
def test_a_document_tells_its_encoding_and_is_written_in_utf_8(
    encoding: str, declared: str
) -> None:
    data = f"{declared}<domain><name>é</name></domain>".encode(encoding)
    assert vm_of(data).name == "é"
    assert again(data) == "<domain><name>é</name></domain>\n"


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
@pytest.mark.parametrize(
    ("element", "kind"), [("hostdev", "pci"), ("interface", "hostdev")]
)
def test_an_address_of_a_function_is_read_as_libvirt_reads_it(
    element: str, kind: str, attributes: str, function: str
) -> None:
    source = f"<source><address {attributes}/></source>"
    data = domain(f"<{element} type='{kind}'>{source}</{element}>")
    [device] = devices_of(data)
    assert device.address == FunctionAddress(function)
    assert device.is_interface == (element == "interface")


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
        "<interface type='hostdev'><source><address type='usb'/></source></interface>",
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
    assert devices_of(domain(text)) == devices_of(again(domain(text))) == ()


def test_devices_elsewhere_are_not_the_domains() -> None:
    inside = f"<devices>{MDEV_XML}</devices>"
    old = f"<metadata><x:old xmlns:x='urn:x'>{inside}</x:old></metadata>"
    assert devices_of(domain("", f"{old}{PCI_XML}<qemu:x>{inside}</qemu:x>")) == ()


def test_devices_are_in_the_order_of_the_document() -> None:
    ends = [str(at) for at in range(10, 20)]
    texts = [MDEV_XML.replace(UUID, UUID[:-2] + end) for end in ends]
    *found, last = devices_of(domain("<!-- a -->".join([*texts, INTERFACE_XML])))
    assert [device.text[-2:] for device in found] == ends
    assert last.name == "net0"


def test_arguments_come_after_devices() -> None:
    more = commandline("-device", "vfio-pci,host=65:00.1")
    before = f"<domain {QEMU}>{more}<devices>{PCI_XML}</devices></domain>"
    for data in (before, domain(PCI_XML, more)):
        assert [device.address for device in devices_of(data)] == [FUNCTION, AT]


PARTNER = (
    "<interface type='network'><source network='a' bridge='v'/>"
    "<teaming type='persistent'/><alias name='ua-net0'/></interface>"
)
TRANSIENT = "<teaming type='transient' persistent='ua-net0'/>"


@pytest.mark.parametrize(
    ("teaming", "partner", "unplugged", "saved"),
    [
        (TRANSIENT, PARTNER, True, False),
        # Nobody takes over, and QEMU gives it no migration (hw/vfio/pci.c).
        (TRANSIENT, "", False, False),
        (TRANSIENT, PARTNER.replace("ua-net0", "ua-net1"), False, False),
        (TRANSIENT, PARTNER.replace("'persistent'", "'transient'"), False, False),
        (TRANSIENT, PARTNER.replace("<alias name='ua-net0'/>", ""), False, False),
        ("<teaming type='transient'/>", PARTNER, False, False),
        (
            "<teaming type='transient'/>",
            PARTNER.replace("<alias name='ua-net0'/>", ""),
            False,
            False,
        ),
        ("<teaming type='persistent'/>", PARTNER, False, True),
        ("<teaming/>", PARTNER, False, True),
        ("", PARTNER, False, True),
    ],
)
@pytest.mark.parametrize("text", [PCI_XML, INTERFACE_XML])
def test_the_transient_half_of_a_team_is_unplugged_if_the_other_half_is_there(
    text: str, teaming: str, partner: str, *, unplugged: bool, saved: bool
) -> None:
    team = text.replace("<source>", f"{teaming}<source>") + partner
    [device] = devices_of(domain(team))
    assert (device.unplugged, device.saved) == (unplugged, saved)


PAIRED = "vfio-pci,host=65:00.1,failover_pair_id=net0"


@pytest.mark.parametrize(
    ("more", "unplugged"),
    [
        ("virtio-net-pci,id=net0,failover=on", True),
        ('{"driver":"virtio-net-pci","id":"net0","failover":true}', True),
        ("virtio-net-pci-non-transitional,failover,id=net0", True),
        ("virtio-net-pci,id=net0,failover=off", False),
        ("virtio-net-pci,id=net0", False),
        ("virtio-net-pci,id=net1,failover=on", False),
        ("virtio-net-pci,failover=on", False),
        ("e1000,id=net0,failover=on", False),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_paired_device_is_unplugged_if_a_network_card_takes_over(
    more: str, *, unplugged: bool, is_first: bool
) -> None:
    both = [more, PAIRED] if is_first else [PAIRED, more]
    texts = [text for each in both for text in ("-device", each)]
    [device] = devices_of(arguments(*texts))
    assert (device.unplugged, device.saved) == (unplugged, False)


def overriding(alias: str, name: str, value: str | None) -> str:
    """Write an override of libvirt's; None takes the property away."""
    told = "type='remove'" if value is None else f"type='string' value='{value}'"
    return (
        f"<qemu:override><qemu:device alias='{alias}'><qemu:frontend>"
        f"<qemu:property name='{name}' {told}/></qemu:frontend></qemu:device>"
        "</qemu:override>"
    )


@pytest.mark.parametrize(
    ("more", "unplugged", "saved"),
    [
        (overriding("hostdev1", "failover_pair_id", "ua-net0"), True, False),
        (overriding("hostdev1", "failover_pair_id", "ua-net1"), False, False),
        (overriding("hostdev1", "failover_pair_id", None), False, True),
        (overriding("ua-net0", "failover", "true"), True, False),
        (overriding("ua-net0", "failover", "off"), False, False),
        (overriding("ua-net0", "failover", None), False, False),
        (overriding("ua-net1", "failover", None), True, False),
        (commandline("-set", "device.hostdev1.failover_pair_id=x"), False, False),
        (commandline("-set", "device.ua-net0.failover=off"), False, False),
        (commandline("-set", "device.ua-net0.failover=on"), True, False),
        # What a device is told by itself wins over its type.
        (commandline("-global", "virtio-net-pci.failover=off"), True, False),
    ],
)
def test_a_team_may_be_parted_by_what_qemu_is_told(
    more: str, *, unplugged: bool, saved: bool
) -> None:
    team = PCI_XML.replace("<source>", f"{TRANSIENT}<source>") + PARTNER
    data = domain(team, more).replace(b"<domain ", b"<domain id='1' ")
    [device] = devices_of(data)
    assert (device.unplugged, device.saved) == (unplugged, saved)


UNTRACKED = "x-device-dirty-page-tracking"


@pytest.mark.parametrize(
    "more",
    [
        commandline("-global", f"vfio-pci.{UNTRACKED}=off"),
        commandline("-set", f"device.hostdev0.{UNTRACKED}=off"),
        overriding("hostdev0", UNTRACKED, "off"),
    ],
)
def test_a_driver_may_be_kept_from_tracking_in_any_way(more: str) -> None:
    assert devices_of(domain(PCI_XML, more))[0].untracked
    assert not devices_of(domain(PCI_XML, more.replace("off", "on")))[0].untracked
    assert not devices_of(domain(PCI_XML))[0].untracked


@pytest.mark.parametrize(
    "more",
    [
        commandline("-global", "vfio-pci.ramfb=on"),
        commandline("-set", "device.hostdev0.ramfb=on"),
        overriding("hostdev0", "ramfb", "on"),
    ],
)
def test_ramfb_may_be_had_in_any_way(more: str) -> None:
    assert devices_of(domain(MDEV_XML, more))[0].has_ramfb
    off = more.replace("=on", "=off").replace("'on'", "'off'")
    assert not devices_of(domain(MDEV_XML, off))[0].has_ramfb


def test_ramfb_of_an_argument_is_seen() -> None:
    text = f"vfio-pci-nohotplug,sysfsdev={MDEV_AT},display=on,ramfb=on"
    assert devices_of(arguments("-device", text))[0].has_ramfb


@pytest.mark.parametrize(
    ("more", "where"),
    [
        (commandline("-global", "vfio-pci.sysfsdev=/sys/x"), "-global 'vfio-pci'"),
        (commandline("-global", "vfio-pci-device.host=1:0.0"), "'vfio-pci-device'"),
        (commandline("-global", "pci-device.host=1:0.0"), "'pci-device'"),
        (
            commandline("-global", "driver=vfio-pci,property=host,value=1:0.0"),
            "'vfio-pci'",
        ),
        (overriding("usb0", "driver", "vfio-pci"), "<qemu:override> of 'usb0'"),
    ],
)
def test_what_makes_a_device_another_one_is_refused(more: str, where: str) -> None:
    found = mistake_in(domain(PCI_XML, more))
    assert where in found.summary
    assert "which device that is is not read" in found.summary
    mistake_in(domain("", more))


def test_a_property_of_other_types_makes_no_device_another_one() -> None:
    assert vm_of(domain(PCI_XML, commandline("-global", "ide-hd.host=1"))).devices


@pytest.mark.parametrize(
    ("more", "iommufd"),
    [
        ("", True),
        (overriding("hostdev0", "iommufd", None), False),
        (overriding("hostdev1", "iommufd", None), False),
        (overriding("hostdev2", "iommufd", None), True),
        (overriding("hostdev1", "display", None), True),
    ],
)
def test_an_override_may_take_iommufd_away(more: str, *, iommufd: bool) -> None:
    text = PCI_XML.replace("<driver name='vfio'", "<driver name='vfio' iommufd='yes'")
    assert devices_of(domain(text, more))[0].iommufd is iommufd


@pytest.mark.parametrize(
    ("kind", "iommus"),
    [
        ("<type arch='ppc64le'>hvm</type>", ("ppc64le",)),
        ("<type arch='ppc64' machine=''>hvm</type>", ("ppc64",)),
        ("<type arch='s390x'>hvm</type>", ("s390x",)),
        ("<type arch='s390x' machine='s390-ccw-virtio-9.1'>hvm</type>", ()),
        ("<type arch='x86_64'>hvm</type>", ()),
        ("<type>hvm</type>", ()),
    ],
)
def test_an_architecture_may_mean_an_iommu(kind: str, iommus: tuple[str, ...]) -> None:
    assert vm_of(domain(PCI_XML, f"<os>{kind}</os>")).iommus == iommus


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("-device", "virtio-iommu-pci-non-transitional"),
        ("-device", "riscv-iommu-sys"),
        ("-device", "AMDVI-PCI"),
        ("-machine", "virt,iommu-sys=on"),
    ],
)
def test_every_virtual_iommu_of_the_arguments_is_seen(option: str, text: str) -> None:
    assert vm_of(arguments(option, text)).iommus
    assert not vm_of(arguments("-machine", "virt,iommu-sys=off")).iommus


def test_a_device_of_another_process_is_one_that_cannot_be_saved() -> None:
    vm = vm_of(arguments("-device", "vfio-user-pci,socket=/run/a"))
    assert vm.others == ("vfio-user-pci",)


@pytest.mark.parametrize("model", ["vfio-foo", "", "VFIO-PCI"])
def test_an_mdev_of_an_unknown_model_is_refused(model: str) -> None:
    text = MDEV_XML.replace("type='mdev'", f"type='mdev' model='{model}'")
    if "model='vfio-pci'" in MDEV_XML:
        text = MDEV_XML.replace("model='vfio-pci'", f"model='{model}'")
    assert "is no model that is known" in mistake_in(domain(text)).summary


NVME_SOURCE = (
    "<source type='pci' managed='yes' namespace='1'>"
    "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>"
)


@pytest.mark.parametrize(
    ("text", "disks"),
    [
        (f"<disk type='nvme'>{NVME_SOURCE}<target dev='vda'/></disk>", ("vda",)),
        (f"<disk type='nvme'>{NVME_SOURCE}</disk>", ("",)),
        (
            f"<disk><backingStore>{NVME_SOURCE}</backingStore><target dev='a'/></disk>",
            ("a",),
        ),
        (
            "<disk><source file='/a'><dataStore type='nvme'/></source></disk>",
            ("",),
        ),
        (
            f"<disk><source><dataStore>{NVME_SOURCE}</dataStore></source></disk>",
            ("",),
        ),
        ("<disk type='file'><source file='/nvme'/><target dev='sda'/></disk>", ()),
        ("<disk/>", ()),
    ],
)
def test_a_disk_that_qemu_drives_itself_is_seen(
    text: str, disks: tuple[str, ...]
) -> None:
    assert vm_of(domain(text)).disks == disks


@pytest.mark.parametrize(
    ("option", "text", "is_one"),
    [
        ("-drive", "file=nvme://0000:01:00.0/1,if=none,id=d0", True),
        ("-blockdev", "driver=nvme,node-name=d0,device=0000:01:00.0,namespace=1", True),
        ("-blockdev", '{"driver":"nvme","device":"0000:01:00.0"}', True),
        ("-blockdev", "{'driver' : 'nvme'}", True),
        ("-drive", "file.driver=nvme,file.device=0000:01:00.0", True),
        ("-hda", "nvme://0000:01:00.0/1", True),
        ("-pflash", "nvme://0000:01:00.0/1", True),
        ("-S", "nvme://0000:01:00.0/1", True),
        ("-set", "drive.d0.file=nvme://0000:01:00.0/1", True),
        ("-set", "drive.d0.format=nvme", True),
        ("-blockdev", r'{"dr\u0069ver":"n\u0076me","namespace":1}', True),
        ("-blockdev", '{"driver":"nvme"', True),  # whatever that is
        ("-drive", "format=nvme,device=0000:01:00.0,namespace=1", True),
        ("-blockdev", "driver=virtio-blk-vfio-pci,node-name=d,path=/sys/x", True),
        ("-blockdev", '{"file":{"driver":"virtio-blk-vfio-pci"}}', True),
        ("-blockdev", "driver=nvme-io_uring,node-name=d,path=/dev/ng0n1", False),
        ("-blockdev", "driver=virtio-blk-vhost-user,node-name=d", False),
        ("-device", "driver=nvme,serial=1", False),
        ("-global", "driver=nvme,property=serial,value=1", False),
        ("-drive", "file=/dev/nvme0n1,if=none", False),
        ("-blockdev", "driver=raw,file=d1", False),
    ],
)
def test_a_disk_of_the_arguments_that_qemu_drives_itself_is_seen(
    option: str, text: str, *, is_one: bool
) -> None:
    assert vm_of(arguments(option, text)).disks == ((text,) if is_one else ())


def test_an_argument_without_an_option_is_a_disk() -> None:
    disk = "nvme://0000:01:00.0/1"
    assert vm_of(arguments(disk, "-device", "vfio-pci,host=65:00.1")).disks == (disk,)


@pytest.mark.parametrize(
    ("text", "protection"),
    [
        ("<launchSecurity type='sev'><policy>3</policy></launchSecurity>", "sev"),
        ("<launchSecurity type='s390-pv'/>", "s390-pv"),
        ("<launchSecurity/>", "launchSecurity"),
        (commandline("-machine", "q35,confidential-guest-support=tdx0"), "tdx0"),
        (commandline("-M", "q35,memory-encryption=sev0"), "sev0"),
        (commandline("-machine", "q35"), None),
        ("", None),
    ],
)
def test_what_keeps_memory_from_the_host_is_seen(
    text: str, protection: str | None
) -> None:
    assert vm_of(domain("", text)).protection == protection


def test_an_mdev_is_never_unplugged() -> None:
    """libvirt takes teaming of PCI devices only (virDomainHostdevDefValidate)."""
    teaming = "<teaming type='transient' persistent='ua-net0'/>"
    [device] = devices_of(domain(MDEV_XML.replace("<source>", f"{teaming}<source>")))
    assert not device.unplugged


def test_the_machine_type_of_the_arguments_wins() -> None:
    more = commandline("-machine", "pc-q35-9.0")
    os = "<os><type machine='pc-q35-9.1'>hvm</type></os>"
    assert vm_of(domain("", os)).machine == "pc-q35-9.1"
    assert vm_of(domain("", os + more)).machine == "pc-q35-9.0"


NETWORK = "<interface type='network'>{}</interface>"


@pytest.mark.parametrize(
    ("interface", "networks"),
    [
        (NETWORK.format("<source network='pool'/>"), ("pool",)),
        (NETWORK.format("<source network='a' bridge='v0'/>"), ()),
        (NETWORK.format("<source network='a' dev='eth0'/>"), ()),
        (NETWORK.format("<source/>"), ("",)),
        (NETWORK.format(""), ()),
        ("<interface type='bridge'><source bridge='br0'/></interface>", ()),
        (
            "".join(NETWORK.format(f"<source network='{each}'/>") for each in "aba"),
            ("a", "b"),
        ),
    ],
)
def test_networks_that_may_be_pools_of_functions(
    interface: str, networks: tuple[str, ...]
) -> None:
    runs = domain(interface).replace(b"type='kvm'", b"type='kvm' id='3'", 1)
    assert vm_of(runs).networks == networks


def test_of_a_domain_that_does_not_run_nothing_else_tells_a_pool() -> None:
    """A bridge or a device in a description of it is nobody's."""
    for more in ("bridge='v0'", "dev='eth0'"):
        interface = NETWORK.format(f"<source network='a' {more}/>")
        assert vm_of(domain(interface)).networks == ("a",)


# ---- what libvirt overrides ------------------------------------------------------


def override(alias: str, *properties: str) -> str:
    inside = "".join(f"<qemu:property {each}/>" for each in properties)
    return (
        f"<qemu:override><qemu:device alias='{alias}'><qemu:frontend>{inside}"
        "</qemu:frontend></qemu:device></qemu:override>"
    )


BOTH = ["name='enable-migration' value='on'", "name='skip-vsc-check' value='off'"]


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
        (BOTH, "on", False),
        ([], None, None),
    ],
)
def test_a_device_is_overridden_by_its_alias(
    properties: list[str], migration: str | None, *, skip: bool | None
) -> None:
    several = "".join(override("hostdev1", each) for each in properties)
    for more in (override("hostdev1", *properties), several):
        first, second = devices_of(domain(MDEV_XML + PCI_XML, more))
        assert (first.migration, first.skip_vsc_check) == (None, None)
        assert (second.migration, second.skip_vsc_check) == (migration, skip)


@pytest.mark.parametrize("alias", ["", "hostdev9", "HOSTDEV0", "net1"])
def test_what_is_overridden_for_others_says_nothing(alias: str) -> None:
    text = override(alias, "name='enable-migration' value='off'")
    found = devices_of(domain(MDEV_XML + INTERFACE_XML, text))
    assert [device.migration for device in found] == [None, None]


# ---- arguments that libvirt does not read ----------------------------------------

MDEV_AT = f"/sys/bus/mdev/devices/{UUID}"
ONE = VmDevice(address=AT)
ON, OFF, AUTO = (VmDevice(address=AT, migration=each) for each in ("on", "off", "auto"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vfio-pci,host=65:00.1", ONE),
        ("vfio-pci,host=0000:65:00.1,id=gpu", VmDevice(address=AT, name="gpu")),
        ("driver=vfio-pci,host=65:00.1", ONE),
        ("host=65:00.1,driver=vfio-pci", ONE),
        (f"vfio-pci,sysfsdev={MDEV_AT}", VmDevice(address=MDEV)),
        ("vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:65:00.1", ONE),
        ("vfio-pci,sysfsdev=/a,,b/0000:65:00.1", ONE),
        ("vfio-pci,id=a,,b,,,host=65:00.1", VmDevice(address=AT, name="a,b,")),
        ("vfio-pci,id=a=b,host=65:00.1", VmDevice(address=AT, name="a=b")),
        (f"vfio-pci,host=65:00.2,sysfsdev=/x/{UUID}", VmDevice(address=MDEV)),
        ("vfio-pci,host=65:00.1,sysfsdev=", ONE),
        ("vfio-pci-nohotplug,host=65:00.1", ONE),
        (f"vfio-ap,sysfsdev={MDEV_AT}", VmDevice(address=MDEV, saved=False)),
        ("vfio-pci,host=65:00.1,enable-migration=off", OFF),
        ("vfio-pci,host=65:00.1,enable-migration=auto", AUTO),
        ("vfio-pci,host=65:00.1,x-enable-migration=on", ON),
        # QEMU: "short-form boolean option deprecated", and the property is true.
        ("vfio-pci,host=65:00.1,x-enable-migration", ON),
        # QEMU 7.2 was asked: of -device e1000,mac=...:01,mac=...:02 it is ...:02.
        ("vfio-pci,host=65:00.0,host=65:00.1", ONE),
        (
            "vfio-pci,host=65:00.1,skip-vsc-check=off",
            VmDevice(address=AT, skip_vsc_check=False),
        ),
        # QEMU gives it no migration (hw/vfio/pci.c, vfio_realize).
        (
            "vfio-pci,host=65:00.1,failover_pair_id=net0",
            VmDevice(address=AT, saved=False),
        ),
        ('{"driver":"vfio-pci","host":"65:00.1"}', ONE),
        (
            '{"id": "gpu", "host": "65:00.1", "driver": "vfio-pci-nohotplug"}',
            VmDevice(address=AT, name="gpu"),
        ),
        (f'{{"driver":"vfio-pci","sysfsdev":"{MDEV_AT}"}}', VmDevice(address=MDEV)),
        ('{"driver":"vfio-pci","host":"65:00.1","enable-migration":"off"}', OFF),
        ('{"driver":"vfio-pci","host":"65:00.1","x-enable-migration":true}', ON),
        (
            '{"driver":"vfio-pci","host":"65:00.1","skip-vsc-check":true}',
            VmDevice(address=AT, skip_vsc_check=True),
        ),
        ('{"driver":"vfio-pci","host":"65:00.1","bootindex":1,"x":[null,{}]}', ONE),
        (
            '{"driver":"vfio-pci","host":"65:00.1","failover_pair_id":"net0"}',
            VmDevice(address=AT, saved=False),
        ),
    ],
)
@pytest.mark.parametrize("option", ["-device", "--device"])
def test_a_vfio_device_among_the_arguments(
    option: str, text: str, expected: VmDevice
) -> None:
    assert devices_of(arguments("-S", option, text, "-x")) == (expected,)


@pytest.mark.parametrize(
    "text",
    [
        "e1000,id=vfio-pci",
        "virtio-net-pci,host=65:00.1",
        "id=vfio-pci,driver=e1000",
        *("", ",", ",,", "help"),
        " vfio-pci,host=65:00.1",
        "VFIO-PCI,host=65:00.1",
        '{"driver":"e1000"}',
        '{"driver":["vfio-pci"]}',
        '{"driver":null}',
        *("{}", "[]"),
        "-device",
    ],
)
def test_other_devices_among_the_arguments_are_left_alone(text: str) -> None:
    assert devices_of(arguments("-device", text)) == ()


@pytest.mark.parametrize(
    "texts",
    [
        ["-device"],
        ["device", "vfio-pci,host=65:00.1"],
        ["-devices", "vfio-pci,host=65:00.1"],
        ["-object", "vfio-pci,host=65:00.1"],
        ["vfio-pci,host=65:00.1"],
        ["-device", "e1000", "vfio-pci,host=65:00.1"],
    ],
)
def test_other_arguments_are_left_alone(texts: list[str]) -> None:
    assert devices_of(arguments(*texts)) == ()


@pytest.mark.parametrize(
    "inside",
    [
        "<qemu:arg/><qemu:arg value='-device'/><qemu:arg/>",
        "<qemu:env name='-device' value='vfio-pci,host=1:0.0'/>",
    ],
)
def test_an_argument_has_a_value_and_an_environment_is_none(inside: str) -> None:
    more = f"<qemu:commandline>{inside}</qemu:commandline>"
    assert devices_of(domain("", more)) == ()


# ---- mistakes --------------------------------------------------------------------

PART = "/domain/devices/hostdev/source/address"


@pytest.mark.parametrize("kind", ["mdev", "pci"])
@pytest.mark.parametrize(
    "inside", ["", "<source/>", "<source x='y'><x/></source>", "<address bus='1'/>"]
)
def test_a_hostdev_without_an_address(kind: str, inside: str) -> None:
    data = domain(f"<x/>\n<hostdev type='{kind}'>{inside}</hostdev>")
    summary = "vm.xml: /domain/devices/hostdev: has no <source> with an <address>"
    assert mistake_in(data) == mistake(summary, "line 4")


@pytest.mark.parametrize(
    ("at", "line", "devices"),
    [
        ("interface[1]", 3, "<interface type='hostdev'/><interface type='hostdev'/>"),
        ("hostdev[2]", 4, "<hostdev type='usb'/>\n<hostdev type='mdev'/>"),
        ("hostdev[3]", 9, f"{MDEV_XML}\n<hostdev type='usb'/>\n<hostdev type='pci'/>"),
        ("interface[2]", 4, "<interface/>\n<interface type='hostdev'/>"),
    ],
)
def test_a_mistake_names_its_element_and_line(at: str, line: int, devices: str) -> None:
    summary = f"vm.xml: /domain/devices/{at}: has no <source> with an <address>"
    assert mistake_in(domain(devices)) == mistake(summary, f"line {line}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<hostdev/>", "hostdev: type=None is no kind of device that is known"),
        ("<hostdev type='MDEV'/>", "type='MDEV' is no kind of device that is known"),
        ("<hostdev type='vfio-ap'/>", "type='vfio-ap' is no kind of device"),
        (INTERFACE_XML.replace("'pci'", "'ccw'"), "interface: type='ccw' is no bus"),
        (MDEV_XML.replace("'subsystem'", "'Subsystem'"), "mode='Subsystem' is no mode"),
    ],
)
def test_a_host_device_of_an_unknown_kind_is_not_passed_over(
    text: str, says: str
) -> None:
    assert says in mistake_in(domain(text)).summary


@pytest.mark.parametrize(
    "text",
    [
        *("vfio-platform,host=e0800000.xgmac", "vfio-amd-xgbe,host=e0700000.xgmac"),
        *("driver=vfio-calxeda-xgmac,host=fff51000.ethernet", "vfio-platform,id=a"),
        "{'driver':'vfio-platform','host':'6800000.ethernet'}",
    ],
)
def test_a_device_of_a_platform_is_told(text: str) -> None:
    vm = vm_of(arguments("-device", text))

    assert (vm.devices, len(vm.others)) == ((), 1)
    assert vm.others[0].startswith("vfio-")


@pytest.mark.parametrize(
    "text", ['{"driver":"vfio-pci"', "{" * 100_000, "{'driver':'vfio-pci','a':b}"]
)
def test_an_argument_that_is_no_json_is_a_mistake(text: str) -> None:
    at = "vm.xml: /domain/qemu:commandline/qemu:arg[2]: "
    found = mistake_in(arguments("-device", text))

    assert found.summary.startswith(at + repr(text[:80]))
    assert "is no JSON that QEMU reads" in found.summary


@pytest.mark.parametrize("kind", ["xen", "lxc", "bhyve", "ch", "vmware"])
def test_host_devices_of_another_hypervisor_are_not_judged(kind: str) -> None:
    def of_kind(data: bytes) -> bytes:
        return data.replace(b"type='kvm'", f"type='{kind}'".encode(), 1)

    for text in (PCI_XML, MDEV_XML, INTERFACE_XML):
        found = mistake_in(of_kind(domain(text)))
        assert f"a domain of type {kind!r}" in found.summary
    assert vm_of(of_kind(domain(""))).devices == ()


def test_virtual_iommus_and_config_files_are_told() -> None:
    more = commandline("-device", "intel-iommu", "-readconfig", "/etc/more.cfg")
    vm = vm_of(domain("<iommu model='virtio'/>", more))

    assert (vm.iommus, vm.config_files) == (
        ("virtio", "intel-iommu"),
        ("/etc/more.cfg",),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PCI_XML, False),
        (PCI_XML.replace("<driver name='vfio'/>", "<driver iommufd='yes'/>"), True),
        (PCI_XML.replace("<driver name='vfio'/>", "<driver iommufd='no'/>"), False),
    ],
)
def test_whether_a_device_is_had_through_iommufd(text: str, *, expected: bool) -> None:
    assert [each.iommufd for each in devices_of(domain(text))] == [expected]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (overriding("hostdev1", "iommufd", ""), False),
        (overriding("hostdev1", "iommufd", "other"), True),
        (commandline("-set", "device.hostdev1.iommufd="), False),
        # What libvirt tells of the device itself wins over its type.
        (commandline("-global", "vfio-pci.iommufd="), True),
    ],
)
def test_an_override_may_name_another_iommufd_or_none(
    more: str, *, expected: bool
) -> None:
    through = PCI_XML.replace("<driver name='vfio'/>", "<driver iommufd='yes'/>")
    data = domain(through, more).replace(b"<domain ", b"<domain id='1' ")
    assert [each.iommufd for each in devices_of(data)] == [expected]


def test_iommufd_among_the_arguments() -> None:
    data = arguments("-device", "vfio-pci,host=1:2.3,iommufd=iommufd0")

    assert [each.iommufd for each in devices_of(data)] == [True]


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
    source = f"<source>\n<address {attributes}/>\n</source>"
    data = domain(f"<hostdev type='mdev'>\n{source}\n</hostdev>")
    assert mistake_in(data) == mistake(f"vm.xml: {PART}: {shown} is no UUID", "line 5")


NO_NUMBERS = (
    *("", "x", "0x", "0b1", "0o1", "-1", "+1", " 1", "1 ", "1_0", "1.0", "0x-1"),
    *("\uff11", "3b", "0xg", "9" * 400, "0" * 400),
)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        *(("domain", text) for text in ("0x100000000", "4294967296", "0xfffffffff")),
        *(("bus", text) for text in ("0x100", "256", "0400")),
        # libvirt 9.0: Invalid value for attribute 'slot' in element 'address': '09'.
        *(("slot", text) for text in ("0x20", "32", "040", "08", "09", "019")),
        *(("function", text) for text in ("8", "0x8", "010")),
        *(
            (part, text)
            for part in ("domain", "bus", "slot", "function")
            for text in NO_NUMBERS
        ),
    ],
)
def test_a_part_of_a_function_that_cannot_be(part: str, text: str) -> None:
    source = f"<source><address {part}='{text}'/></source>"
    shown = repr(text) if len(text) <= 80 else f"{text[:80]!r}..."
    summary = f"vm.xml: {PART}: {part}={shown} is no part of a PCI address"
    data = domain(f"<hostdev type='pci'>\n{source}</hostdev>")
    assert mistake_in(data) == mistake(summary, "line 4")


@pytest.mark.parametrize(
    "text",
    [
        *("vfio-pci", "vfio-pci,id=x", "vfio-pci,host=", "vfio-pci,host=zz"),
        *("vfio-pci,host=ffff:ff:ff.f", "vfio-pci,host=65:00.8", "vfio-pci,fd=3"),
        *("vfio-pci,sysfsdev=/", "vfio-pci,sysfsdev=/sys/bus/mdev/devices/"),
        '{"driver":"vfio-pci"}',
        '{"driver":"vfio-pci","host":5}',
        '{"driver":"vfio-pci","host":null,"sysfsdev":""}',
        '{"driver":"vfio-pci","host":["65:00.1"]}',
    ],
)
def test_an_argument_that_names_no_device(text: str) -> None:
    at = "vm.xml: /domain/qemu:commandline/qemu:arg[3]"
    assert mistake_in(arguments("-S", "-device", text)) == mistake(
        f"{at}: {text!r} names no VFIO device", "line 7"
    )


@pytest.mark.parametrize(
    ("devices", "more", "shown"),
    [
        (MDEV_XML * 2, "", f"{UUID} 2 times"),
        (MDEV_XML + PCI_XML + MDEV_XML.replace(UUID, UUID.upper()), "", f"{UUID} 2"),
        (PCI_XML * 3, "", "0000:3b:02.1 3 times"),
        (INTERFACE_XML * 2, "", "0000:3b:02.2 2 times"),
        (PCI_XML, commandline("-device", "vfio-pci,host=3b:02.1"), "0000:3b:02.1 2"),
    ],
)
def test_a_device_is_given_to_a_vm_once(devices: str, more: str, shown: str) -> None:
    found = mistake_in(domain(devices, more))
    assert found.code == "VFC550"
    assert f"gives the VM {shown}" in found.summary


def with_mdevs(number: int) -> bytes:
    text = "<hostdev type='mdev'><source><address uuid='{}{:06}'/></source></hostdev>"
    return domain("".join(text.format(UUID[:-6], at) for at in range(number)))


@pytest.mark.slow
def test_more_devices_than_any_vm_has_are_a_mistake() -> None:
    assert len(devices_of(with_mdevs(MAX_DEVICES))) == MAX_DEVICES
    for number in (MAX_DEVICES + 1, 40_000):  # all that fit
        assert mistake_in(with_mdevs(number)).summary == (
            f"vm.xml gives the VM {number} VFIO devices, more than 1024, which no VM "
            "has"
        )


# ---- documents that mean harm ----------------------------------------------------

NOT_XML = "vm.xml is not XML"
DOCTYPE = mistake(
    "vm.xml has a document type, which domain XML never has",
    hint="it is not read: a document type can name files and expand entities",
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


NOTATION = "<!NOTATION n SYSTEM '{}'><!ENTITY x SYSTEM '{}' NDATA n>"
ASKING = [
    "<!DOCTYPE domain [<!ENTITY x SYSTEM '{}'>]><domain><name>&x;</name></domain>",
    "<!DOCTYPE domain [<!ENTITY x SYSTEM '{}'>]><domain a='b'/>",
    "<!DOCTYPE domain [<!ENTITY x PUBLIC 'x' '{}'>]><domain>&x;</domain>",
    "<!DOCTYPE domain SYSTEM '{}'><domain/>",
    "<!DOCTYPE domain PUBLIC 'x' '{}'><domain/>",
    "<!DOCTYPE domain [<!ENTITY % x SYSTEM '{}'>%x;]><domain/>",
    "<!DOCTYPE domain SYSTEM '{}' [<!ENTITY % x SYSTEM '{}'>%x;]><domain>&y;</domain>",
    f"<!DOCTYPE domain [{NOTATION}]><domain/>",
]


@pytest.mark.parametrize("text", ASKING)
@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_file_is_read_for_a_document(
    text: str, scheme: str, encoding: str, secret: Path, opened: Opened
) -> None:
    data = text.replace("{}", f"{scheme}{secret}").encode(encoding)
    assert mistake_in(data) == DOCTYPE
    assert not opened()


@pytest.mark.parametrize("text", ASKING)
@pytest.mark.parametrize("scheme", ["http", "ftp", "https"])
def test_nobody_is_asked_for_a_document(text: str, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        uri = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/x"
        assert mistake_in(text.replace("{}", uri)) == DOCTYPE
        with pytest.raises(BlockingIOError):
            server.accept()


XI = "xmlns:xi='http://www.w3.org/2001/XInclude'"
XSI = "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"


@pytest.mark.parametrize(
    "text",
    [
        f"<domain {XI}><name><xi:include href='{{}}' parse='text'/></name></domain>",
        "<?xml-stylesheet href='{}'?><domain/>",
        f"<domain {XSI} xsi:schemaLocation='urn:x {{}}'/>",
        "<?xml-model href='{}'?><domain xml:base='{}'/>",
    ],
)
def test_what_another_program_would_fetch_is_data(
    text: str, secret: Path, opened: Opened
) -> None:
    data = text.replace("{}", str(secret))
    assert vm_of(data) == Vm(name=None)
    assert "root:x" not in again(data)
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
    assert mistake_in(text) == DOCTYPE


LONG = f"<!DOCTYPE d [<!ENTITY a '{'x' * 100_000}'>]>"


@pytest.mark.parametrize(
    "text",
    [
        f"{LAUGHS}<domain><name>&a11;</name></domain>",
        f"{LAUGHS}<domain a='&a11;'/>",
        f"{LAUGHS}<domain xmlns='&a11;'/>",
        "<!DOCTYPE d [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><domain a='&a;'/>",
        f"{LONG}<domain a='{'&a;' * 1000}'/>",
        f"<!DOCTYPE d [<!ENTITY a '{'x' * 2_000_000}'>]><domain a='{'&a;' * 5000}'/>",
        f"{LONG}<domain>{'&a;' * 1000}</domain>",
        "<!DOCTYPE d [<!ENTITY % a '<!ENTITY b \"%a;\">'>%a;]><domain/>",
    ],
)
def test_entities_are_not_expanded_without_end(text: str) -> None:
    """In attributes libxml2 expands them whatever it is told, and limits that."""
    found = mistake_in(text)
    assert found.code == "VFC550"
    assert found == DOCTYPE or found.summary == NOT_XML


NO_START = "Start tag expected, '<' not found, line 1, column 1"
NOTHING = "Document is empty, line 1, column 1"


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"{}", NO_START),
        (b"error: \x1b[31m", NO_START),
        (b"\xef\xbb\xbf", NO_START),
        (b"\x1f\x8b\x08\x00", NO_START),
        (b"\0<domain/>", NOTHING),
        (b"\0" * 4096, NOTHING),
        (
            b"<domain><name>",
            "Premature end of data in tag name line 1, line 1, column 15",
        ),
        (b"<domain>&x;</domain>", "Entity 'x' not defined, line 1, column 12"),
        (b"<domain a='1' a='2'/>", "Attribute a redefined, line 1, column 20"),
        (
            b"<domain><qemu:arg/></domain>",
            "Namespace prefix qemu on arg is not defined, line 1, column 18",
        ),
        (
            b"<domain>\0</domain>",
            "Invalid character: Char 0x0 out of allowed range, line 1, column 9",
        ),
    ],
)
def test_what_is_no_xml_is_told_in_a_line(data: bytes, detail: str) -> None:
    assert mistake_in(data) == mistake(NOT_XML, detail)


@pytest.mark.parametrize(
    "data",
    [
        *(b"<domain/><domain/>", b"<domain/>x", b"<domain a='\0'/>"),
        *(
            b"<domain>&#0;</domain>",
            b"<domain>&#27;</domain>",
            b"<domain>\x1b</domain>",
        ),
        *(b"<domain a='&#xd800;'/>", b"<domain><name>\xff\xfe</name></domain>"),
        b"<domain><name>\xed\xa0\x80</name></domain>",
        b"<?xml version='1.0' encoding='ascii'?><domain>\xc3\xa9</domain>",
        b"<?xml version='1.0' encoding='nonesuch'?><domain/>",
        b"<?xml version='1.0' encoding='UTF-16'?><domain>\xc3\xa9</domain>",
        "<domain/>".encode("utf-16-le"),
        *(b"<a\x1b[31m/>", b"<domain><a></b></domain>", b"<!-- x -->"),
        b"<?xml version='1.0'?>",
        b"<domain>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</domain>",
        b"<domain>" + b"<a>" * 1_000_000,
        b"<" + b"a" * 100_000 + b"/>",
        b"<domain " + b"a" * 100_000 + b"=''/>",
        b"<!--" + b"-" * 1_000_000,
        *(b"<![CDATA[" * 400_000, b"<" * 4_000_000, b"&" * 4_000_000),
    ],
    ids=lambda data: data[:24],
)
def test_what_is_no_xml(data: bytes) -> None:
    began = time.process_time()
    found = mistake_in(data)
    assert time.process_time() - began < SOON
    assert (found.code, found.summary, found.hint) == ("VFC550", NOT_XML, None)
    assert found.detail is not None


@pytest.mark.parametrize("data", [b"", b" ", b"\n\n\t \r\n"])
def test_an_empty_file(data: bytes) -> None:
    hint = "'virsh dumpxml NAME' writes XML"
    assert mistake_in(data) == mistake("vm.xml is empty", hint=hint)


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
        ("<q:domain xmlns:q='u'/>", "{u}domain"),
    ],
)
def test_another_root(text: str, shown: str) -> None:
    assert mistake_in(text) == mistake(
        f"vm.xml is not a libvirt domain: its root is <{shown}>",
        hint="'virsh dumpxml NAME' writes one",
    )


@pytest.mark.slow
@pytest.mark.parametrize("filler", [b" ", b"x", b"<a/>", b"<!---->"])
def test_a_document_may_be_four_mebibytes(filler: bytes) -> None:
    most = (MAX_BYTES - 17) // len(filler) * filler
    rest = b" " * (MAX_BYTES - 17 - len(most))
    longest = b"<domain>" + most + rest + b"</domain>"
    assert len(longest) == MAX_BYTES == 4194304

    assert vm_of(longest) == Vm(name=None)
    summary = "vm.xml is longer than domain XML may be (4 MiB)"
    assert mistake_in(longest + b" ") == mistake(summary)


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        b"<domain " + b" ".join(b"a%d=''" % at for at in range(300_000)) + b"/>",
        b"<domain " + b" ".join(b"xmlns:a%d='u'" % at for at in range(150_000)) + b"/>",
        b"<domain a='" + b"x" * 4_000_000 + b"'/>",
        b"<domain><devices>"
        + b"<hostdev type='usb'/>" * 190_000
        + b"</devices></domain>",
        b"<domain>" + b"<devices/>" * 400_000 + b"</domain>",
        b"<domain><metadata>" + b"<a/>" * 1_000_000 + b"</metadata></domain>",
    ],
    ids=["attributes", "namespaces", "text", "hostdevs", "devices", "metadata"],
)
def test_a_document_full_of_nothing_is_read_soon(data: bytes) -> None:
    began = time.process_time()
    assert vm_of(data).devices == ()
    assert time.process_time() - began < SOON


# ---- written again ---------------------------------------------------------------


def canonical(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    root = etree.fromstring(data)
    return etree.tostring(root, method="c14n", with_comments=True).decode()


@pytest.mark.parametrize("character", ["\x7f", "\x85", "\x9b", "\u202e", "\u2028"])
def test_what_a_terminal_obeys_is_written_as_a_reference(character: str) -> None:
    text = f"<domain><name>ä{character}b</name></domain>"
    written = again(text)
    assert written == f"<domain><name>ä&#{ord(character)};b</name></domain>\n"
    assert vm_of(written).name == vm_of(text).name


def test_nothing_changes_that_was_not_asked_for() -> None:
    same = [device.address for device in devices_of(WHOLE)]
    for addresses in ([None] * 5, same):
        text = again(WHOLE, addresses)
        assert canonical(text) == canonical(WHOLE)
        assert text.startswith("<!-- before -->")
        assert text.endswith("<!-- after -->\n")


NUMBERS = "domain='0x0000' bus='0x3b' slot='0x02' function='0x1'"
FIRST_ARG = "<qemu:arg value='vfio-pci,host=65:00.1,id=a,,b,romfile=/x,,y'/>"
KEPT_OF_IT = "value='vfio-pci,id=a,,b,romfile=/x,,y"
SECOND_ARG = (
    '<qemu:arg value=\'{"driver":"vfio-pci","host":"66:00.1","rombar":1,"x":null}\'/>'
)
KEPT_OF_THAT = 'value=\'{"driver":"vfio-pci","rombar":1,"x":null'


@pytest.mark.parametrize(
    ("at", "address", "old", "new"),
    [
        (0, MdevAddress(OTHER), f"<address uuid='{UUID}'/>", f"uuid='{OTHER}'"),
        (
            1,
            FunctionAddress("0001:0a:1f.7"),
            f"<address {NUMBERS}/>",
            "domain='0x0001' bus='0x0a' slot='0x1f' function='0x7'",
        ),
        (
            2,
            FunctionAddress("10000:e1:00.0"),
            f"<address type='pci' {NUMBERS.replace('0x1', '0x2')}/>",
            "type='pci' domain='0x10000' bus='0xe1' slot='0x00' function='0x0'",
        ),
        (3, ELSEWHERE, FIRST_ARG, f"{KEPT_OF_IT},host=0000:67:00.1'"),
        (3, MDEV, FIRST_ARG, f"{KEPT_OF_IT},sysfsdev={MDEV_AT}'"),
        (4, ELSEWHERE, SECOND_ARG, f'{KEPT_OF_THAT},"host":"0000:67:00.1"}}\''),
        (4, MDEV, SECOND_ARG, f'{KEPT_OF_THAT},"sysfsdev":"{MDEV_AT}"}}\''),
    ],
)
def test_only_the_address_of_a_device_changes(
    at: int, address: DeviceAddress, old: str, new: str
) -> None:
    text = WHOLE if at == 0 else WHOLE.replace(UUID, OTHER)  # MDEV is free then
    addresses: list[DeviceAddress | None] = [None] * 5
    addresses[at] = address
    assert text.count(old) == 1
    element = old.removeprefix("<").partition(" ")[0]
    expected = text.replace(old, f"<{element} {new}/>")
    assert canonical(again(text, addresses)) == canonical(expected)


def test_prefixes_are_kept() -> None:
    text = again(WHOLE, [MdevAddress(OTHER), None, None, AT, None])
    assert '<qemu:arg value="-device"/>' in text
    assert '<nova:name nova:x="y">x &lt; y</nova:name>' in text
    assert text.count("xmlns") == WHOLE.count("xmlns") == 3


@pytest.mark.parametrize("managed", ["managed='no' ", "managed='yes' ", ""])
def test_an_mdev_may_become_a_function(managed: str) -> None:
    """Of a managed one libvirt would take the function from its driver, nvidia say."""
    before = f"type='mdev' {managed}model='vfio-pci' display='on' ramfb='on'"
    text = MDEV_XML.replace("display='off'", "display='on' ramfb='on'")
    text = text.replace("managed='no' ", managed)
    after = text.replace(before, "type='pci' managed='no'")
    expected = domain(after.replace(f"uuid='{UUID}'", NUMBERS))
    assert canonical(again(domain(text), [FUNCTION])) == canonical(expected)


def test_what_libvirt_does_with_a_device_is_read() -> None:
    managed = [
        (each.is_managed, each.is_interface, each.has_ramfb)
        for each in devices_of(
            domain(
                MDEV_XML.replace("'no'", "'yes'").replace("off'", "off' ramfb='on'")
                + PCI_XML
                + PCI_XML.replace("managed='yes'", "").replace("02'", "03'")
                + INTERFACE_XML
                + INTERFACE_XML.replace("'yes'", "'no'").replace("02'", "03'")
            )
        )
    ]
    assert managed == [
        (False, False, True),
        (True, False, False),
        (False, False, False),
        (True, True, False),
        (False, True, False),
    ]


@pytest.mark.parametrize(
    ("old", "new", "saved"),
    [
        ("name='vfio'", "model='vfio-pci'", False),
        ("name='vfio'", "name='vfio' model='vfio-pci'", False),
        ("name='vfio'", "model='mlx5_vfio_pci'", True),
        ("name='vfio'", "name='vfio-pci'", True),
        ("managed='yes'>\n  <driver name='vfio'", "><driver model='vfio-pci'", True),
    ],
)
def test_what_libvirt_binds_to_plain_vfio_pci_cannot_migrate(
    old: str, new: str, *, saved: bool
) -> None:
    text = PCI_XML.replace(old, new)
    assert text != PCI_XML
    assert [each.saved for each in devices_of(domain(text))] == [saved]


@pytest.mark.parametrize(
    ("old", "new", "bound_to"),
    [
        ("name='vfio'", "model='mlx5_vfio_pci'", "mlx5_vfio_pci"),
        ("name='vfio'", "name='vfio' model='x'", "x"),
        ("name='vfio'", "name='vfio'", None),
        # Of one that libvirt does not bind it says nothing.
        ("managed='yes'>\n  <driver name='vfio'", "><driver model='x'", None),
        (
            "managed='yes'>\n  <driver name='vfio'",
            "managed='no'><driver model='x'",
            None,
        ),
    ],
)
def test_to_which_driver_libvirt_binds_a_function_is_read(
    old: str, new: str, bound_to: str | None
) -> None:
    text = PCI_XML.replace(old, new)
    assert text != PCI_XML or old == new
    assert [each.bound_to for each in devices_of(domain(text))] == [bound_to]


def test_a_function_may_become_an_mdev() -> None:
    """libvirt's schema (domaincommon.rng) knows <driver> and writeFiltering of none."""
    text = PCI_XML.replace("  <driver name='vfio'/>\n", "")
    was, is_ = "type='pci' managed='yes'", "type='mdev' managed='yes' model='vfio-pci'"
    expected = domain(text.replace(was, is_).replace(NUMBERS, f"uuid='{UUID}'"))
    assert canonical(again(domain(text), [MDEV])) == canonical(expected)
    more = PCI_XML.replace("<source>", "<source writeFiltering='no'>")
    written = again(domain(more), [MDEV])
    assert "<driver" not in written
    assert "writeFiltering" not in written


def test_a_network_interface_cannot_become_an_mdev() -> None:
    with pytest.raises(DomainError) as caught:
        again(domain(f"{MDEV_XML}\n{INTERFACE_XML}"), [None, MdevAddress(OTHER)])
    assert caught.value.record == mistake(
        "vm.xml: /domain/devices/interface: a network interface cannot become an mdev",
        "line 8",
    )


def test_flags_among_the_arguments_stay_flags() -> None:
    """QEMU of `multifunction=`: Parameter 'multifunction' expects 'on' or 'off'."""
    text = again(arguments("-device", "vfio-pci,host=65:00.1,multifunction"), [MDEV])
    assert "multifunction=," not in text
    assert "multifunction" in text


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("vfio-pci,host=65:00.1,", "vfio-pci,host=0000:67:00.1"),
        ("vfio-pci,host=65:00.1,id=a,", "vfio-pci,id=a,host=0000:67:00.1"),
        ("driver=vfio-pci,host=65:00.1,", "driver=vfio-pci,host=0000:67:00.1"),
        ("vfio-pci,host=65:00.1,id=a,,,", "vfio-pci,id=a,,,host=0000:67:00.1"),
        ("vfio-pci,host=65:00.1,id=a,,", "vfio-pci,id=a,,,host=0000:67:00.1"),
        ("vfio-pci,host=65:00.1,x,", "vfio-pci,x,host=0000:67:00.1"),
    ],
)
def test_a_comma_at_the_end_is_ignored_as_qemu_does(text: str, after: str) -> None:
    """Written again it would be half of one within a value."""
    written = again(arguments("-device", text), [ELSEWHERE])
    assert canonical(written) == canonical(arguments("-device", after))


# ---- what holds of every document ------------------------------------------------

MDEVS = st.uuids().map(str).map(MdevAddress)
FUNCTIONS = st.builds(
    "{:04x}:{:02x}:{:02x}.{:x}".format,
    st.one_of(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)),
    *(st.integers(0, most) for most in (0xFF, 0x1F, 7)),
).map(FunctionAddress)
NAMES = st.one_of(st.none(), st.text("abc-019,=é&<\"'", min_size=1, max_size=6))
SWITCHES: st.SearchStrategy[OnOffAuto | None] = st.sampled_from(
    [None, "on", "off", "auto"]
)
NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"


def hostdev(device: VmDevice, element: str) -> etree._Element:
    """Make the element that attaches a device."""
    is_mdev = isinstance(device.address, MdevAddress)
    kind = "hostdev" if element == "interface" else "mdev" if is_mdev else "pci"
    found = etree.Element(element, type=kind)
    source = etree.SubElement(found, "source")
    if is_mdev:
        etree.SubElement(source, "address", uuid=device.text)
    else:
        numbers = device.text.replace(".", ":").split(":")
        names = ("domain", "bus", "slot", "function")
        values = {name: f"0x{text}" for name, text in zip(names, numbers, strict=True)}
        etree.SubElement(source, "address", values)
    if device.name is not None:
        etree.SubElement(found, "alias", name=device.name)
    if device.unplugged:
        partner = f"ua-{device.text}"
        etree.SubElement(found, "teaming", type="transient", persistent=partner)
    return found


def argument(device: VmDevice, *, as_json: bool) -> str:
    """Make the argument that attaches a device."""
    is_mdev = isinstance(device.address, MdevAddress)
    pairs = {
        "driver": "vfio-pci",
        "id": device.name,
        "enable-migration": device.migration,
        "sysfsdev": f"/sys/bus/mdev/devices/{device.text}" if is_mdev else None,
        "host": None if is_mdev else device.text,
    }
    told = {name: text for name, text in pairs.items() if text is not None}
    if as_json:
        return json.dumps(told)
    return ",".join(f"{name}={text.replace(',', ',,')}" for name, text in told.items())


Drawn = tuple[bytes, list[VmDevice], list[DeviceAddress | None]]


@st.composite
def documents(draw: st.DrawFn) -> Drawn:
    """Draw a document, its devices, and addresses that they can be given."""
    root = etree.Element("domain", nsmap={"q": NAMESPACE})
    inside = etree.SubElement(root, "devices")
    expected: list[VmDevice] = []
    new: list[DeviceAddress | None] = []
    elements = st.sampled_from(["hostdev", "interface", "disk"])
    for element in draw(st.lists(elements, max_size=5)):
        if element == "disk":
            etree.SubElement(inside, "disk", type="nvme")
            continue
        addresses = FUNCTIONS if element == "interface" else st.one_of(MDEVS, FUNCTIONS)
        address = draw(addresses)
        unplugged = isinstance(address, FunctionAddress) and draw(st.booleans())
        device = VmDevice(
            address=address,
            name=draw(NAMES),
            unplugged=unplugged,
            saved=not unplugged,
            is_interface=element == "interface",
        )
        inside.append(hostdev(device, element))
        if unplugged:  # a card takes over from one device
            partner = PARTNER.replace("ua-net0", f"ua-{device.text}")
            inside.append(etree.fromstring(partner))
        expected.append(device)
        goes = st.none() if device.unplugged else st.one_of(st.none(), addresses)
        new.append(draw(goes))
    line = etree.SubElement(root, f"{{{NAMESPACE}}}commandline")
    addresses = st.one_of(MDEVS, FUNCTIONS)
    for as_json in draw(st.lists(st.booleans(), max_size=3)):
        device = VmDevice(
            address=draw(addresses), name=draw(NAMES), migration=draw(SWITCHES)
        )
        for text in ("-device", argument(device, as_json=as_json)):
            etree.SubElement(line, f"{{{NAMESPACE}}}arg", value=text)
        expected.append(device)
        new.append(draw(st.one_of(st.none(), addresses)))
    moved = [there or each.address for each, there in zip(expected, new, strict=True)]
    for side in ([each.address for each in expected], moved):
        assume(len(set(side)) == len(side))  # a device is given once
    return etree.tostring(root), expected, new


@often
@given(documents())
def test_every_device_is_found_and_stays_as_it_is(drawn: Drawn) -> None:
    data, expected, _ = drawn
    assert devices_of(data) == tuple(expected)
    text = again(data)
    assert vm_of(text) == vm_of(data)
    assert canonical(text) == canonical(data)


@often
@given(documents())
def test_new_addresses_are_what_is_read_afterwards(drawn: Drawn) -> None:
    data, expected, new = drawn
    found = devices_of(again(data, new, MANIFEST))
    for before, there, after in zip(expected, new, found, strict=True):
        assert after.address == (before.address if there is None else there)
        assert (before.name, before.migration, before.unplugged) == (
            after.name,
            after.migration,
            after.unplugged,
        )


@often
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_domain_error(data: bytes) -> None:
    with contextlib.suppress(DomainError):
        vm_of(data)


@settings(max_examples=400)
@given(
    st.integers(0, len(WHOLE)),
    st.integers(0, 30),
    st.text("<>&;'\"/=! \0x-", max_size=6),
)
def test_a_broken_document_raises_nothing_but_a_domain_error(
    at: int, length: int, text: str
) -> None:
    data = (WHOLE[:at] + text + WHOLE[at + length :]).encode()
    with contextlib.suppress(DomainError):
        assert devices_of(again(data)) == devices_of(data)
