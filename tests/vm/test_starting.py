# SPDX-License-Identifier: Apache-2.0
"""What the destination's host needs for QEMU to start there with a VM's devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.fleets import QAT_1, QAT_2, answer, qat
from tests.machines import hostdev, mdev, told_to_migrate, uuids
from vfiocompat.addresses import FunctionAddress
from vfiocompat.endpoints import MigrationInterface
from vfiocompat.vm.interfaces import need_p2p, untracked_there
from vfiocompat.vm.model import VmDevice
from vfiocompat.vm.qemuargs import CommandLine

if TYPE_CHECKING:
    from tests.vm.conftest import Ask
    from vfiocompat.endpoints import Endpoint, Facts, Flag
    from vfiocompat.output.vm import VmDocument

HERE, THERE, TWO = "0000:6b:00.1", "0000:6b:00.2", "0000:6b:00.3"
THROUGH_IOMMUFD = hostdev(HERE, "ua-0").replace(
    "<source>", "<driver iommufd='yes'/><source>"
)
SOURCE = qat(HERE, QAT_1)


def with_kernel(kernel: str | None, **stated: str) -> Endpoint:
    """Make a function of a host with that kernel, of which something is stated."""
    there = qat(THERE, QAT_2, in_use=False, stated=stated)
    facts: Facts = {} if kernel is None else {"kernel": kernel}
    return replace(there, facts=there.facts | facts)


def severities(found: VmDocument, code: str) -> list[str]:
    """Say how severe a finding of the only device is."""
    [device] = found.devices
    return [each.severity for each in device.diagnostics if each.code == code]


@pytest.mark.parametrize(
    ("there", "verdict", "severity"),
    [
        (with_kernel("6.12.0"), "compatible", "info"),
        (with_kernel("6.6-rc1"), "compatible", "info"),
        (with_kernel(None), "compatible", "info"),
        (with_kernel("x"), "compatible", "info"),
        (with_kernel("6.5.13"), "undetermined", "warning"),
        (with_kernel("5.14.0-427.el9"), "undetermined", "warning"),
        (with_kernel("5.14.0-427.el9", iommufd="yes"), "compatible", None),
        (with_kernel("6.12.0", iommufd="no"), "incompatible", "error"),
        (with_kernel("6.60.0"), "compatible", "info"),
    ],
)
def test_a_device_that_goes_through_iommufd_needs_that_there(
    ask: Ask, there: Endpoint, verdict: str, severity: str | None
) -> None:
    found = ask([SOURCE], [there], attached=(), more=THROUGH_IOMMUFD)
    assert found.verdict == verdict
    assert severities(found, "VFC561") == ([] if severity is None else [severity])
    plain = ask([SOURCE], [there])
    assert plain.verdict == "compatible"
    assert severities(plain, "VFC561") == []


def test_hosts_are_told_apart_by_their_kernels_where_that_decides(ask: Ask) -> None:
    hosts = [[with_kernel("6.1.0")], [with_kernel("6.12.0")]]
    for order in (hosts, hosts[::-1]):
        found = ask([SOURCE], *order, attached=(), more=THROUGH_IOMMUFD)
        new = f"h{order.index(hosts[1])}"
        assert found.allowed == [new]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-only-migratable"], True),
        (["--only-migratable"], True),
        (["-m", "64", "-only-migratable", "-S"], True),
        (["-global", "migration.only-migratable=on"], True),
        (["-global", "driver=migration,property=only-migratable,value=true"], True),
        (["-global", "migration.only-migratable=off"], False),
        (["-global", "migration.send-switchover-start=on"], False),
        (["-name", "only-migratable"], False),
        ([], False),
    ],
)
def test_what_has_qemu_start_only_with_what_can_migrate(
    arguments: list[str],
    expected: bool,  # noqa: FBT001
) -> None:
    assert CommandLine(arguments).only_migratable is expected


DEVICE = VmDevice(address=FunctionAddress(HERE))


def telling(*flags: Flag, **stated: str) -> Endpoint:
    told = MigrationInterface("v2", ("STOP_COPY", *flags))
    return qat(THERE, QAT_2, in_use=False, migration=told, stated=stated)


@pytest.mark.parametrize(
    ("device", "there", "code"),
    [
        (DEVICE, telling("DIRTY_TRACKING"), None),
        (DEVICE, telling(), "VFC539"),
        (DEVICE, qat(THERE, QAT_2), "VFC549"),
        (DEVICE, qat(THERE, QAT_2, stated={"dirty_tracking": "no"}), "VFC539"),
        (replace(DEVICE, migration="on"), telling(), None),
        (replace(DEVICE, untracked=True), telling("DIRTY_TRACKING"), "VFC539"),
        (replace(DEVICE, iommufd=True), telling(), "VFC549"),
        (replace(DEVICE, iommufd=True), telling(iommu_dirty_tracking="yes"), None),
        (replace(DEVICE, iommufd=True), telling(iommu_dirty_tracking="no"), "VFC539"),
    ],
)
def test_what_blocks_a_migration_there_keeps_such_a_qemu_from_starting(
    device: VmDevice, there: Endpoint, code: str | None
) -> None:
    found = untracked_there(device, there, ())
    assert (found and found.code) == code


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_each_of_several_devices_needs_p2p_then(number: int) -> None:
    devices = [DEVICE] * number
    assert need_p2p(devices) == 0
    assert need_p2p(devices, only_migratable=True) == (number if number > 1 else 0)


def test_a_vm_that_starts_only_with_what_can_migrate(ask: Ask) -> None:
    namespace = "xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'"
    only = (
        f"<q:commandline {namespace}><q:arg value='-only-migratable'/></q:commandline>"
    )
    whole = telling("DIRTY_TRACKING", "P2P")
    others = [telling("P2P"), whole]
    for after, allowed in (("", ["h0", "h1"]), (only, ["h1"])):
        found = ask([SOURCE], *([each] for each in others), after=after)
        assert found.allowed == allowed
    two = [SOURCE, qat(TWO, QAT_1)]
    for flags, allowed in (
        (("DIRTY_TRACKING",), []),
        (("DIRTY_TRACKING", "P2P"), ["h0"]),
    ):
        there = [replace(telling(*flags), address=each) for each in (THERE, TWO)]
        assert ask(two, there, after=only).allowed == allowed
        assert ask(two, there).allowed == ["h0"]


ONLY = (
    "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
    "<q:arg value='-only-migratable'/></q:commandline>"
)


def test_tables_tell_of_a_destination_where_nobody_else_does(ask: Ask) -> None:
    """QAT's says that the driver has P2P, and does not track writes."""
    there = [qat(each, QAT_2, in_use=False) for each in (THERE, TWO)]
    sources = [SOURCE, qat(TWO, QAT_1)]
    assert ask(sources, there, after=told_to_migrate(2)).verdict == "compatible"
    found = ask([SOURCE], there, after=ONLY)
    assert found.not_allowed == {"h0": ("VFC539", "VFC547")}


def test_what_nobody_tells_of_a_destination_leaves_it_undetermined(ask: Ask) -> None:
    takes = (answer("1ac1-a", accepted=True),)
    there = [
        mdev(each, "1ac1-b", answers=takes, in_use=False, stated={})
        for each in uuids(2, 2)
    ]
    one, two = (mdev(each, "1ac1-a") for each in uuids(2))
    for sources, after, code in (
        ([one, two], told_to_migrate(2), "VFC544"),
        ([one, two], told_to_migrate(1), None),
        ([one], told_to_migrate(1), None),
        ([one], ONLY, "VFC549"),
        ([one, two], ONLY, "VFC544"),
    ):
        found = ask(sources, there, after=after)
        assert found.room is True
        assert (code is None) is (found.verdict == "compatible")
        if code is not None:
            assert found.verdict == "undetermined"
            assert code in found.undetermined["h0"]
