# SPDX-License-Identifier: Apache-2.0
"""What QEMU would say of a migration that is begun now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.machines import mdev, uuids
from vfiocompat.addresses import MdevAddress
from vfiocompat.decision.decisions import whole
from vfiocompat.endpoints import MigrationInterface
from vfiocompat.vm.blockers import blocking
from vfiocompat.vm.interfaces import device_interface
from vfiocompat.vm.messages import message_code
from vfiocompat.vm.model import Vm, VmDevice

if TYPE_CHECKING:
    from tests.vm.conftest import Ask
    from vfiocompat.verdicts import Verdict

[ONE] = uuids(1)
DEVICE = VmDevice(address=MdevAddress(ONE), name="hostdev0")
WEB = Vm(name="web", devices=(DEVICE,), machine="pc-q35-10.0")
FORCED = "0000:65:00.1: Multifd device transfer requested but unsupported"
SOURCE = mdev(
    ONE,
    "1ac1-a",
    migration=MigrationInterface("v2", ("STOP_COPY", "P2P", "DIRTY_TRACKING")),
)


def told(vm: Vm) -> tuple[list[str], Verdict]:
    """Give the codes of what is found of a VM, and what that leaves of a yes."""
    sources = [SOURCE for _ in vm.moved]
    known = [device_interface(each, ()) for each in sources]
    found = blocking(vm, sources, known)
    codes: list[str] = [each.code for each in found if each.severity != "info"]
    return codes, whole(["compatible"], found)


@pytest.mark.parametrize("devices", [(), (DEVICE,)])
@pytest.mark.parametrize("blockers", [(), None])
def test_what_is_refused_leaves_no_yes_whatever_the_vm_has(
    devices: tuple[VmDevice, ...], blockers: tuple[str, ...] | None
) -> None:
    vm = replace(WEB, devices=devices, blockers=blockers)
    assert told(vm) == ([], "compatible")
    assert told(replace(vm, refusals=("x",))) == (["VFC541"], "incompatible")
    assert told(replace(vm, kept_back=("x",))) == (["VFC541"], "undetermined")


@pytest.mark.parametrize(
    ("machine", "multifd", "expected"),
    [
        ("pc-q35-10.0", True, ([], "compatible")),
        ("pc-q35-10.1", None, (["VFC578"], "undetermined")),
        ("pc-q35-10.0", False, (["VFC578"], "incompatible")),
        ("pc-q35-9.2", True, (["VFC578"], "incompatible")),
        ("virt-9.1", None, (["VFC578"], "incompatible")),
        ("pc-q35-rhel9.6.0", True, ([], "compatible")),
        (None, None, (["VFC578"], "undetermined")),
    ],
)
def test_state_that_is_to_go_by_multifd_needs_that(
    machine: str | None,
    multifd: bool | None,  # noqa: FBT001
    expected: tuple[list[str], Verdict],
) -> None:
    vm = replace(WEB, machine=machine, multifd=multifd)
    assert told(vm) == ([], "compatible")
    forced = replace(DEVICE, by_multifd=True)
    assert told(replace(vm, devices=(forced,))) == expected
    gone = replace(forced, unplugged=True)
    assert told(replace(vm, devices=(gone, DEVICE))) == ([], "compatible")


@pytest.mark.parametrize(
    "text",
    [
        "x-migration-multifd-transfer=on",
        "x-migration-multifd-transfer=off,x-migration-multifd-transfer=on",
    ],
)
@pytest.mark.parametrize(
    ("way", "devices"),
    [
        (("-device", "vfio-pci,sysfsdev={0},{1}"), 0),
        (("-global", "vfio-pci.x-migration-multifd-transfer=on"), 1),
        (("-set", "device.ua-0.x-migration-multifd-transfer=on"), 1),
    ],
)
def test_whatever_way_it_is_told_by(
    ask: Ask, text: str, way: tuple[str, str], devices: int
) -> None:
    namespace = "xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'"
    place = f"/sys/bus/mdev/devices/{ONE}"
    line = "".join(f"<q:arg value='{each.format(place, text)}'/>" for each in way)
    found = ask(
        [SOURCE],
        [SOURCE],
        attached=[ONE] * devices,
        machine="pc-q35-10.0",
        after=f"<q:commandline {namespace}>{line}</q:commandline>",
    )
    assert [each.code for each in found.diagnostics][:1] == ["VFC578"]
    assert found.verdict == "undetermined"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"qemu: {FORCED} in the current config", "VFC578"),
        ("VFIO device only supports cpr-reboot for runstate suspended", "VFC541"),
        ("There's a migration process in progress", "VFC541"),
        ("Guest is waiting for an incoming migration", "VFC541"),
        (
            "Can't migrate the vm that was paused due to previous migration",
            "VFC541",
        ),
    ],
)
def test_what_qemu_says_of_it_is_explained(text: str, code: str) -> None:
    assert message_code(text) == code
