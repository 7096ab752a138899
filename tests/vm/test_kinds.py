# SPDX-License-Identifier: Apache-2.0
"""What libvirt binds a function to when a VM comes, and what that leaves of a yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.fleets import QAT_1, QAT_2, function, qat
from tests.machines import hostdev, mdev, uuids, vgpu
from vfiocompat.addresses import FunctionAddress
from vfiocompat.vm.kinds import bound_there, bound_to_plain
from vfiocompat.vm.model import Vm, VmDevice

if TYPE_CHECKING:
    from tests.vm.conftest import Ask
    from vfiocompat.endpoints import Endpoint

HERE, THERE = "0000:6b:00.1", "0000:6b:00.2"
DEVICE = VmDevice(address=FunctionAddress(HERE), is_managed=True)
QAT = qat(THERE, None)
NVIDIA = vgpu("0000:65:00.4", "558", current=True)


@pytest.mark.parametrize(
    ("bound_to", "destination", "expected"),
    [
        (None, QAT, None),
        ("qat_vfio_pci", QAT, None),
        ("qat-vfio-pci", QAT, None),
        ("mlx5_vfio_pci", QAT, "driver qat_vfio_pci, and libvirt binds it to mlx5"),
        ("qat_vfio_pci", replace(QAT, driver=None), "driver none"),
        ("mlx5_vfio_pci", replace(QAT, driver="vfio-pci"), "driver vfio-pci"),
        ("nvidia", NVIDIA, None),
        (None, NVIDIA, "libvirt takes it from that"),
        ("qat_vfio_pci", mdev(uuids(1)[0], None), None),
    ],
)
def test_a_function_that_libvirt_binds_otherwise_is_no_yes(
    bound_to: str | None, destination: Endpoint, expected: str | None
) -> None:
    managed = replace(DEVICE, bound_to=bound_to)
    found = bound_there(managed, destination)
    assert (found is None) is (expected is None)
    if found is not None:
        assert (found.code, found.severity) == ("VFC570", "warning")
        assert (expected or "") in found.summary
    unmanaged = replace(DEVICE, is_managed=False)
    assert bound_there(unmanaged, destination) is None


@pytest.mark.parametrize("tag", ["hostdev", "interface"])
@pytest.mark.parametrize(
    ("model", "verdict"),
    [("qat_vfio_pci", "compatible"), ("mlx5_vfio_pci", "undetermined")],
)
def test_the_xml_names_the_driver_that_the_function_will_have(
    ask: Ask, tag: str, model: str, verdict: str
) -> None:
    way = {"hostdev": "yes", "interface": "interface"}[tag]
    text = hostdev(HERE, "ua-0", managed=way).replace("managed='no'", "managed='yes'")
    text = text.replace("<source>", f"<driver model='{model}'/><source>")
    assert "managed='yes'" in text
    found = ask(
        [qat(HERE, QAT_1)], [qat(THERE, QAT_2, in_use=False)], attached=(), more=text
    )
    assert found.verdict == verdict
    [device] = found.devices
    told = [each.code for each in device.diagnostics if each.severity == "warning"]
    assert ("VFC570" in told) is (verdict == "undetermined")


def test_an_older_libvirt_is_warned_of_and_decides_nothing(ask: Ask) -> None:
    for managed, codes in (("yes", ["VFC579"]), ("no", [])):
        found = ask(
            [qat(HERE, QAT_1)], [qat(THERE, QAT_2, in_use=False)], managed=managed
        )
        assert [each.code for each in found.diagnostics] == codes
        assert found.verdict == "compatible"
        assert found.room is True


def test_nobody_is_warned_for_what_is_not_bound_or_not_moved() -> None:
    [warning] = bound_to_plain(Vm(name="web", devices=(DEVICE,)))
    assert HERE in (warning.detail or "")
    for device in (
        replace(DEVICE, is_managed=False),
        replace(DEVICE, saved=False),
        replace(DEVICE, unplugged=True),
    ):
        assert bound_to_plain(Vm(name="web", devices=(device,))) == ()


def test_functions_of_other_drivers_are_judged_each_by_its_own(ask: Ask) -> None:
    """Devices that are alike but for what they are bound to are two."""
    text = "".join(
        hostdev(address, f"ua-{at}", managed="yes").replace(
            "<source>", f"<driver model='{model}'/><source>"
        )
        for at, (address, model) in enumerate(
            ((HERE, "qat_vfio_pci"), (THERE, "mlx5_vfio_pci"))
        )
    )
    ends = [function_of(at) for at in (3, 4)]
    found = ask([qat(HERE, QAT_1), qat(THERE, QAT_1)], ends, attached=(), more=text)
    assert [each.verdict for each in found.devices] == ["compatible", "undetermined"]


def function_of(number: int) -> Endpoint:
    return qat(f"0000:6b:00.{number}", QAT_2, in_use=False)


def test_what_has_no_driver_is_no_function_of_another(ask: Ask) -> None:
    found = ask(
        [function(HERE, None)],
        [function(THERE, None, driver=None, in_use=False)],
        managed="yes",
    )
    assert found.verdict != "compatible"
