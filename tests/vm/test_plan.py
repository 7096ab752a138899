# SPDX-License-Identifier: Apache-2.0
"""What each device is given, what has to be done first, and the VM's XML there."""

from __future__ import annotations

import shlex
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.fleets import answer, endpoint, function
from tests.machines import VM_UUID, addresses_in, mdev, uuids, vgpu

if TYPE_CHECKING:
    from tests.vm.conftest import Ask
    from vfiocompat.output.vm import Assigned

A, B = "1ac1-a", "1ac1-b"
TAKES_A = (answer(A, accepted=True),)
ONE, TWO, THREE = uuids(3)
CREATE = "/sys/class/mdev_bus/p/mdev_supported_types/t/create"
TAKES = endpoint("p/t", A, answers=TAKES_A)
VGPU = vgpu("0000:c1:00.1", "7", current=True)
FUNCTION = function("0000:03:00.1", A, driver="acme", vendor_id="0x1ac1")


def parts(given: Assigned) -> tuple[str, str, str | None]:
    return given.endpoint, given.address, given.first


def of_ours(number: int, name: str = "web", vm: str = VM_UUID) -> str:
    """Name an mdev that is created for ONE, where its own name is taken."""
    text = f"vfiocompat:{vm}:{name}:{ONE}:{number}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


# ---- what is given ---------------------------------------------------------------


def test_what_is_there_needs_no_command(ask: Ask) -> None:
    there = [TAKES, mdev(TWO, A, answers=TAKES_A, in_use=False)]
    [given] = ask([mdev(ONE, A)], there).assignment
    assert given.device == ONE
    assert parts(given) == (TWO, TWO, None)


def test_an_mdev_is_created_under_its_own_uuid(ask: Ask) -> None:
    found = ask([mdev(ONE, A), mdev(TWO, A)], [TAKES])
    assert [parts(each) for each in found.assignment] == [
        ("p/t", each, f"echo {each} > {CREATE}") for each in (ONE, TWO)
    ]


def test_a_uuid_that_the_host_has_is_not_given_again(ask: Ask) -> None:
    """Nor one that was made before, as where a plan was followed once already."""
    sources = [mdev(ONE, A), mdev(THREE, A)]
    for number in (0, 1):
        names = [ONE, *map(of_ours, range(number))]
        there = [TAKES, *(mdev(each, B, in_use=True) for each in names)]
        first, again = ask(sources, there), ask(sources, there)
        other = of_ours(number)
        assert [each.address for each in first.assignment] == [other, THREE]
        assert first.assignment == again.assignment
        assert first.assignment[0].first == f"echo {other} > {CREATE}"


def test_a_function_becomes_an_mdev_of_its_vm(ask: Ask) -> None:
    """The name is made of the VM and the device, so no other VM has it."""
    vms = [(VM_UUID, "web"), (VM_UUID, "web"), (ONE, "web"), ("", "web"), ("", "db")]
    found = [
        ask([FUNCTION], [TAKES], uuid=vm, name=name).assignment[0].address
        for vm, name in vms
    ]
    assert found[0] == found[1]
    assert len(set(found)) == 4
    assert all(str(uuid.UUID(each)) == each for each in found)


def test_a_vgpu_type_is_set_on_its_function(ask: Ask) -> None:
    [given] = ask([VGPU], [vgpu("0000:d1:00.1", "7")]).assignment
    current = "/sys/bus/pci/devices/0000:d1:00.1/nvidia/current_vgpu_type"
    assert parts(given) == ("0000:d1:00.1/7", "0000:d1:00.1", f"echo 7 > {current}")
    [given] = ask([VGPU], [vgpu("0000:d1:00.1", "7", current=True)]).assignment
    assert parts(given) == ("0000:d1:00.1", "0000:d1:00.1", None)


def test_what_an_inventory_says_is_quoted_for_the_shell(ask: Ask) -> None:
    found = ask([mdev(ONE, A)], [endpoint("p/t;reboot #", A, answers=TAKES_A)])
    words = shlex.split(found.assignment[0].first or "", comments=True)
    assert words[-1].endswith("/t;reboot #/create")


# ---- the XML there ---------------------------------------------------------------


@pytest.mark.usefixtures("_processes")
def test_xml_has_the_addresses_that_are_given(ask: Ask) -> None:
    there = [TAKES, mdev(ONE, B, in_use=True)]
    found = ask([mdev(ONE, A), mdev(TWO, A)], there, options="--xml")
    assert found.xml is not None
    given = [each.address for each in found.assignment]
    assert addresses_in(found.xml) == given == [of_ours(0), TWO]
    planned = ask([mdev(ONE, A), mdev(TWO, A)], there, options="--plan")
    assert planned.assignment == found.assignment


@pytest.mark.usefixtures("_processes")
def test_only_what_is_vfios_changes_in_xml(ask: Ask) -> None:
    disk = "    <disk type='file'><source file='/ä.qcow2'/></disk>\n"
    xml = ask([mdev(ONE, A)], [TAKES], options="--xml", more=disk).xml or ""
    assert '<source file="/ä.qcow2"/>' in xml
    assert xml.startswith('<domain type="kvm">\n')
    assert xml.endswith("</domain>\n")


@pytest.mark.usefixtures("_processes")
def test_a_function_that_becomes_an_mdev_is_one_in_xml(ask: Ask) -> None:
    found = ask([FUNCTION], [TAKES], options="--xml")
    assert addresses_in(found.xml or "") == [found.assignment[0].address]
    assert 'type="mdev"' in (found.xml or "")
    assert 'was="0000:03:00.1"' in (found.xml or "")


def test_a_vm_without_devices_has_no_other_xml(ask: Ask) -> None:
    xml = ask([], [TAKES], options="--xml").xml or ""
    assert "vfiocompat" not in xml
    assert xml.startswith("<domain")


@pytest.mark.usefixtures("_processes")
def test_where_nothing_is_given_there_is_no_xml(ask: Ask) -> None:
    found = ask([mdev(ONE, "8086-x")], [TAKES], options="--xml")
    assert (found.xml, found.assignment) == (None, [])
