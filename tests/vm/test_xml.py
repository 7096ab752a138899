# SPDX-License-Identifier: Apache-2.0
"""A VM's XML for the host that it goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.machines import addresses_in, mdev
from tests.vm.test_plan import FUNCTION, ONE, TAKES, TWO, A, B, of_ours

if TYPE_CHECKING:
    from tests.vm.conftest import Ask


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
