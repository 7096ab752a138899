# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import doctest

import pytest

from vfiocompat import codes
from vfiocompat.addresses import FunctionAddress, MdevAddress
from vfiocompat.errors import ErrorRecord, InvalidAddress
from vfiocompat.vm import model as vm
from vfiocompat.vm.model import (
    DomainFile,
    LibvirtDomain,
    QmpSocket,
    Vm,
    VmAddress,
    VmDevice,
    device_address,
    on_off,
    parse_vm,
)

UUID = "c2177883-f1bb-47f0-914d-32a22e3a8804"
MDEV = MdevAddress(UUID)
FUNCTION = FunctionAddress("0000:65:00.1")

# ---- what a person types ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("domain:vm.xml", DomainFile("vm.xml")),
        ("domain:/a/b.xml", DomainFile("/a/b.xml")),
        ("domain:-", DomainFile("-")),
        ("domain:a:b@c", DomainFile("a:b@c")),
        ("domain: ", DomainFile(" ")),
        ("domain:\udcff", DomainFile("\udcff")),
        ("qmp:/run/vm.sock", QmpSocket("/run/vm.sock")),
        ("qmp:vm.sock", QmpSocket("vm.sock")),
        ("qmp:qmp:x", QmpSocket("qmp:x")),
        ("libvirt:web", LibvirtDomain("web", None)),
        ("libvirt:1", LibvirtDomain("1", None)),
        (f"libvirt:{UUID}", LibvirtDomain(UUID, None)),
        ("libvirt:-web", LibvirtDomain("-web", None)),
        ("libvirt:--domain", LibvirtDomain("--domain", None)),
        ("libvirt:a b", LibvirtDomain("a b", None)),
    ],
)
def test_a_vm_has_one_of_three_forms(text: str, expected: VmAddress) -> None:
    assert parse_vm(text) == expected


@pytest.mark.parametrize(
    ("text", "name", "uri"),
    [
        ("web@qemu:///system", "web", "qemu:///system"),
        ("web@qemu+ssh://node-a/system", "web", "qemu+ssh://node-a/system"),
        ("web@qemu+ssh://root@a/system", "web", "qemu+ssh://root@a/system"),
        ("web@qemu+ssh://r@a:22/system", "web", "qemu+ssh://r@a:22/system"),
        ("web@qemu+ssh://[::1]/system", "web", "qemu+ssh://[::1]/system"),
        ("a@b@qemu+ssh://r@a/system", "a@b", "qemu+ssh://r@a/system"),
        ("web@test:///tmp/n.xml", "web", "test:///tmp/n.xml"),
        ("web@QEMU:///system", "web", "QEMU:///system"),
        ("web@c:/?x=a@b:/c", "web", "c:/?x=a@b:/c"),
        ("a\nb@qemu:///system", "a\nb", "qemu:///system"),
    ],
)
def test_a_connection_follows_the_first_at_sign_before_a_scheme(
    text: str, name: str, uri: str
) -> None:
    assert parse_vm(f"libvirt:{text}") == LibvirtDomain(name, uri)


@pytest.mark.parametrize(
    "name",
    [
        "a@b",
        "web@node-a",
        "web@node.example.org",
        "web@",
        "@web",
        "@qemu:///system",
        "web@qemu:session",
        "web@1qemu:///system",
        "web@:///system",
        "qemu:///system",
    ],
)
def test_an_at_sign_before_anything_else_belongs_to_the_name(name: str) -> None:
    assert parse_vm(f"libvirt:{name}") == LibvirtDomain(name, None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "''"),
        ("web", "'web'"),
        ("/etc/vm.xml", "'/etc/vm.xml'"),
        ("domain:", "'domain:'"),
        ("libvirt:", "'libvirt:'"),
        ("qmp:", "'qmp:'"),
        (":x", "':x'"),
        ("DOMAIN:x", "'DOMAIN:x'"),
        (" domain:x", "' domain:x'"),
        ("vm:x", "'vm:x'"),
        ("file:x", "'file:x'"),
        ("domain:a\0b", r"'domain:a\x00b'"),
        ("qmp:\0", r"'qmp:\x00'"),
        ("libvirt:\0@qemu:///system", r"'libvirt:\x00@qemu:///system'"),
        ("\x1b[31m:x", r"'\x1b[31m:x'"),
        ("\udcff:x", r"'\udcff:x'"),
    ],
)
def test_what_has_none_of_the_forms_names_no_vm(text: str, shown: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse_vm(text)

    assert caught.value.record == ErrorRecord(
        codes.NOT_AN_ADDRESS,
        f"{shown} names no VM",
        None,
        "write domain:FILE.xml, libvirt:NAME[@URI] or qmp:SOCKET",
    )
    assert caught.value.exit_code == 2


# ---- where a device is -----------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        UUID,
        UUID.upper(),
        f"/sys/bus/mdev/devices/{UUID}",
        f"/sys/bus/mdev/devices/{UUID}/",
        f"/sys/bus/mdev/devices/{UUID}//",
        f"/sys/devices/pci0000:00/0000:00:02.0/{UUID}",
        f"../{UUID}",
    ],
)
def test_an_mdev_is_named_by_the_end_of_its_path(path: str) -> None:
    assert device_address(path) == MDEV


@pytest.mark.parametrize(
    "path",
    [
        "65:00.1",
        "/sys/bus/pci/devices/0000:65:00.1",
        "/sys/bus/pci/devices/0000:65:00.1/",
        "/sys/devices/pci0000:64/0000:64:02.0/0000:65:00.1",
    ],
)
def test_a_function_is_named_by_the_end_of_its_path(path: str) -> None:
    assert device_address(path) == FunctionAddress("0000:65:00.1")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        ".",
        "..",
        "ffff:ff:ff.f",  # QEMU's host of a device that sysfsdev names
        UUID[:-1],
        f"{UUID}0",
        f"x{UUID}",
        f"{UUID}\n",
        f"{{{UUID}}}",
        UUID.replace("-", ""),
        f"{UUID}/version",
        "pci0000:00",
        "0000:65:00.1/x",
    ],
)
def test_anything_else_names_no_device(path: str) -> None:
    assert device_address(path) is None


# ---- on, off and auto ------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (True, "on"),
        (False, "off"),
        ("true", "on"),
        ("false", "off"),
        ("on", "on"),
        ("off", "off"),
        ("auto", "auto"),
        ("y", "on"),
        ("n", "off"),
    ],
)
def test_enable_migration_was_a_bool_once(told: object, expected: str) -> None:
    assert on_off(told) == expected


@pytest.mark.parametrize(
    "told", [None, "", "ON", "Y", " on", "1", 1, 0, 1.0, [], ["on"], {}, {"on": 1}]
)
def test_nothing_else_is_taken_for_on_or_off(told: object) -> None:
    assert on_off(told) is None


# ---- a VM ------------------------------------------------------------------------


def test_a_device_has_the_address_that_an_endpoint_has() -> None:
    assert VmDevice(address=MDEV).text == UUID
    assert VmDevice(address=FUNCTION).text == "0000:65:00.1"


def test_a_device_that_is_unplugged_before_is_not_moved() -> None:
    stays = VmDevice(address=MDEV)
    goes = VmDevice(address=FUNCTION, unplugged=True)

    assert Vm(name=None, devices=(goes, stays, goes)).moved == (stays,)
    assert Vm(name=None, devices=(goes,)).moved == ()


def test_the_examples_in_the_module_hold() -> None:
    assert tuple(doctest.testmod(vm)) == (0, 1)
