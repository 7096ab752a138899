# SPDX-License-Identifier: Apache-2.0
"""What is set of a device by a name, whoever gave it that name."""

from __future__ import annotations

import pytest

from tests.vm.documents import QEMU, UUID, devices_of, mistake_in
from vfiocompat.vm.aliases import Aliases
from vfiocompat.vm.domain import parse_document


def mdev(number: int, alias: str | None = None) -> str:
    named = f"<alias name='{alias}'/>" if alias else ""
    uuid = f"{UUID[:-2]}{number:02}"
    return (
        f"<hostdev type='mdev'><source><address uuid='{uuid}'/></source>{named}"
        "</hostdev>"
    )


def interface(number: int) -> str:
    return (
        "<interface type='hostdev'><source><address type='pci' bus='0x41' "
        f"function='{number}'/></source></interface>"
    )


USB = "<hostdev type='usb'><source><address bus='1' device='2'/></source></hostdev>"


def off(alias: str, *, name: str = "enable-migration") -> str:
    return (
        f"<qemu:override><qemu:device alias='{alias}'><qemu:frontend><qemu:property "
        f"name='{name}' type='string' value='off'/></qemu:frontend></qemu:device>"
        "</qemu:override>"
    )


def document(devices: str, more: str = "", number: str = "") -> str:
    inner = f"<devices>{devices}</devices>{more}"
    return f"<domain type='kvm' {number} {QEMU}>{inner}</domain>"


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (mdev(1), ["hostdev0"]),
        (mdev(1) + mdev(2), ["hostdev0", "hostdev1"]),
        (mdev(1) + USB + mdev(2), ["hostdev0", "hostdev2"]),
        (mdev(1) + interface(1), ["hostdev1", "hostdev0"]),
        (mdev(1, "ua-gpu") + mdev(2), ["ua-gpu", "hostdev0"]),
        (mdev(1, "hostdev4") + mdev(2), ["hostdev4", "hostdev5"]),
        (mdev(1) + mdev(2, "hostdev0"), ["hostdev1", "hostdev0"]),
    ],
)
def test_libvirt_numbers_those_without_a_name(
    devices: str, expected: list[str]
) -> None:
    root = parse_document(document(devices, number="id='1'").encode(), "vm.xml")
    aliases = Aliases(root)
    known = [
        each
        for each in root.iterfind("devices/*")
        if each.get("type") in {"mdev", "hostdev"}
    ]

    assert [aliases.of(each) for each in known] == [(name,) for name in expected]


@pytest.mark.parametrize(
    ("devices", "alias", "expected"),
    [
        (mdev(1), "hostdev0", ["off"]),
        (mdev(1) + mdev(2), "hostdev1", [None, "off"]),
        (mdev(1) + interface(1), "hostdev0", [None, "off"]),
        (USB + mdev(1), "hostdev1", ["off"]),
        (mdev(1, "ua-gpu"), "ua-gpu", ["off"]),
        (mdev(1, "ua-gpu"), "hostdev0", [None]),
        # It does not run: libvirt forgets the name, and gives it one anew.
        (mdev(1, "hostdev3"), "hostdev0", ["off"]),
        (mdev(1, "hostdev3"), "hostdev3", ["off"]),
    ],
)
def test_what_is_overridden_by_a_name_that_libvirt_gives(
    devices: str, alias: str, expected: list[str | None]
) -> None:
    for name in ("enable-migration", "x-enable-migration"):
        found = devices_of(document(devices, off(alias, name=name)))
        assert [each.migration for each in found] == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("-set", "device.hostdev0.enable-migration=off"), "off"),
        (("--set", "device.hostdev0.x-enable-migration=off"), "off"),
        (("-set", "device.hostdev1.enable-migration=off"), None),
        (("-set", "machine.hostdev0.enable-migration=off"), None),
        (("-global", "vfio-pci.enable-migration=off"), "off"),
        (("-global", "vfio-pci.x-enable-migration=off"), "off"),
        (("-global", "driver=vfio-pci,property=enable-migration,value=off"), "off"),
        (("-global", "value=off,driver=vfio-pci,property=enable-migration"), "off"),
        (("-global", "pci-device.enable-migration=off"), "off"),
        (("-global", "object.x-enable-migration=off"), "off"),
        (("-global", "vmstate-if.enable-migration=off"), "off"),
        (("-global", "pci-express-device.enable-migration=off"), "off"),
        (("-global", "conventional-pci-device.enable-migration=off"), "off"),
        (("-global", "conventional-pci.enable-migration=off"), None),
        (("-global", "vfio-ap.enable-migration=off"), None),
        (("-global", "nonsense"), None),
        (("-global", "vfio-pci.enable-migration=off", "-global", "x.y=z"), "off"),
        (
            (
                *("-global", "vfio-pci.enable-migration=off"),
                *("-set", "device.hostdev0.enable-migration=on"),
            ),
            "on",
        ),
    ],
)
def test_what_arguments_of_qemu_set(
    arguments: tuple[str, ...], expected: str | None
) -> None:
    line = "".join(f"<qemu:arg value='{each}'/>" for each in arguments)
    more = f"<qemu:commandline>{line}</qemu:commandline>"
    [device] = devices_of(document(mdev(1), more))

    assert device.migration == expected


@pytest.mark.parametrize(("one", "other"), [("on", "off"), ("off", "on")])
def test_of_two_names_that_it_may_have_the_one_that_says_off_counts(
    one: str, other: str
) -> None:
    more = off("hostdev3").replace("'off'", f"'{one}'")
    more += off("hostdev0").replace("'off'", f"'{other}'")

    found = devices_of(document(mdev(1, "hostdev3"), more))
    assert [each.migration for each in found] == ["off"]


def test_an_override_wins_over_a_type() -> None:
    line = "<qemu:arg value='-global'/><qemu:arg value='vfio-pci.enable-migration=on'/>"
    more = f"<qemu:commandline>{line}</qemu:commandline>{off('hostdev0')}"

    assert [each.migration for each in devices_of(document(mdev(1), more))] == ["off"]


def arguments(*texts: str) -> str:
    line = "".join(f"<qemu:arg value='{each}'/>" for each in texts)
    return f"<qemu:commandline>{line}</qemu:commandline>"


def test_what_is_allowed_under_one_of_two_names_only_does_not_count() -> None:
    more = off("hostdev3").replace("'off'", "'on'")
    for number, expected in (("", None), ("id='1'", "on")):
        found = devices_of(document(mdev(1, "hostdev3"), more, number))
        assert [each.migration for each in found] == [expected]


def test_what_an_override_removes_leaves_what_holds_of_the_type() -> None:
    more = off("hostdev0").replace("type='string' value='off'", "type='remove'")
    more += arguments("-global", "vfio-pci.enable-migration=off")

    assert [each.migration for each in devices_of(document(mdev(1), more))] == ["off"]


def test_what_an_override_says_later_counts() -> None:
    on = off("hostdev0").replace("'off'", "'on'")
    removed = off("hostdev0").replace("type='string' value='off'", "type='remove'")
    for more, expected in ((on + removed, None), (removed + on, "on")):
        found = devices_of(document(mdev(1), more))
        assert [each.migration for each in found] == [expected]


def test_two_overrides_of_a_device_each_remove_something() -> None:
    removed = off("hostdev0").replace("type='string' value='off'", "type='remove'")
    through = mdev(1).replace("<source>", "<driver iommufd='yes'/><source>")
    of_iommufd = removed.replace("enable-migration", "iommufd")
    for more in (of_iommufd + removed, removed + of_iommufd):
        assert [each.iommufd for each in devices_of(document(through, more))] == [False]
    assert [each.iommufd for each in devices_of(document(through, removed))] == [True]


def test_an_mdev_with_ramfb_is_of_another_type() -> None:
    more = arguments("-global", "vfio-pci-nohotplug.enable-migration=off")
    with_ramfb = mdev(1).replace("type='mdev'", "type='mdev' ramfb='on'")

    assert [each.migration for each in devices_of(document(mdev(1), more))] == [None]
    assert [each.migration for each in devices_of(document(with_ramfb, more))] == [
        "off"
    ]


@pytest.mark.parametrize("name", ["driver", "host", "sysfsdev"])
def test_what_makes_another_device_of_one_is_refused(name: str) -> None:
    for more in (
        off("hostdev0", name=name),
        arguments("-set", f"device.hostdev0.{name}=x"),
        arguments("-device", "virtio-rng-pci,id=x", "-set", f"device.x.{name}=x"),
    ):
        assert f"sets {name}" in mistake_in(document(mdev(1), more)).summary


@pytest.mark.parametrize("option", ["-append", "-cpu", "-serial", "-x", "--name"])
def test_an_option_that_is_not_known_hides_nothing(option: str) -> None:
    text = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID},enable-migration=off"
    more = arguments(option, "-device", "-device", text)

    assert [each.migration for each in devices_of(document("", more))] == ["off"]
