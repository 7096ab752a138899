# SPDX-License-Identifier: Apache-2.0
"""A QEMU that is real, and monitors that answer as no QEMU should."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest
from msgspec.structs import replace

from tests.kernel.guest.qemu import PROGRAM, STARTS, Qemu
from tests.qmpserver import ENDS, HANGS, Failure, QmpServer, Raw, child, vm_answers
from tests.simulate.conftest import cannot_test
from vfiocompat import codes
from vfiocompat.addresses import FunctionAddress, MdevAddress
from vfiocompat.errors import ErrorRecord, VmError
from vfiocompat.vm import qmp
from vfiocompat.vm.model import DeviceAddress, Vm, VmDevice, leaves_by_qemu
from vfiocompat.vm.qmp import QUERIES, ask_qemu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunProcess

UUID = "c2177883-f1bb-47f0-914d-32a22e3a8804"
VM_UUID = "11111111-2222-3333-4444-555555555555"
MDEV = MdevAddress(UUID)
FUNCTION = FunctionAddress("0000:65:00.1")
MDEV_PATH = f"/sys/bus/mdev/devices/{UUID}"
UNSET = "ffff:ff:ff.f"
"""What QEMU says for the host of a device that sysfsdev names."""

QUICK = 0.2
"""A time-out, in seconds, for what never answers."""
SOON = 3
"""Seconds within which a question with that time-out has ended on a busy machine."""

BUSY = "a monitor has one client at a time: of a VM of libvirt's ask libvirt:NAME"
IS_IT = "is it the socket of -qmp, and is its QEMU running?"
START = "start QEMU with -qmp unix:SOCKET,server=on,wait=off"
AS_ROOT = "run it as root, or as the user that QEMU runs as"


def refused(path: object, timeout: float = 10) -> ErrorRecord:
    """Give the error of a monitor that tells nothing, without its path."""
    began = time.monotonic()
    with pytest.raises(VmError) as caught:
        ask_qemu(str(path), timeout)
    assert time.monotonic() - began < SOON
    assert caught.value.exit_code == 4
    summary = caught.value.summary.replace(str(path), "QMP")
    return replace(caught.value.record, summary=summary)


def not_asked(summary: str, hint: str | None = None) -> ErrorRecord:
    """Give the error of a monitor that could not be asked."""
    return ErrorRecord(codes.MONITOR_NOT_ASKED, f"QMP: {summary}", None, hint)


def not_connected(why: str, hint: str = IS_IT) -> ErrorRecord:
    """Give the error of a monitor that there is no session with."""
    summary = f"cannot connect to QMP: {why}"
    return ErrorRecord(codes.MONITOR_NOT_ASKED, summary, None, hint)


LATE = not_asked("no answer in 0.2 s", BUSY)
GONE = not_asked("Disconnected")


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user who is not root, where this is root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


# ---- a QEMU ----------------------------------------------------------------------


class Running(NamedTuple):
    """A QEMU, a monitor of it that is free, and one that the test has."""

    path: str
    qemu: Qemu
    pid: int


@pytest.fixture(scope="module")
def running(_processes: None) -> Iterator[Running]:
    """Start a QEMU whose machine is stopped before its first instruction."""
    if shutil.which(PROGRAM[0]) is None:
        cannot_test(f"{PROGRAM[0]} is not installed")
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as folder:
        free, ours = f"{folder}/free", f"{folder}/ours"
        line = [
            *(*PROGRAM, "-S", "-nodefaults", "-no-user-config", "-display", "none"),
            *("-machine", "q35,accel=tcg", "-m", "64", "-name", "web"),
            *("-uuid", VM_UUID, "-device", "virtio-rng-pci,id=rng0"),
            *("-qmp", f"unix:{free},server=on,wait=off"),
            *("-qmp", f"unix:{ours},server=on,wait=off"),
        ]
        with (
            subprocess.Popen(line, stdin=subprocess.DEVNULL) as process,
            socket.socket(socket.AF_UNIX) as channel,
        ):
            try:
                channel.settimeout(STARTS)
                start = time.monotonic()
                while channel.connect_ex(ours):
                    assert process.poll() is None, "QEMU ended"
                    assert time.monotonic() - start < STARTS, "QEMU opens no socket"
                    time.sleep(0.02)
                yield Running(free, Qemu(process.pid, Path(ours), channel), process.pid)
            finally:
                process.kill()


def test_a_real_qemu(running: Running) -> None:
    machine = running.qemu("qom-get", path="/machine", property="type")
    assert machine.startswith("pc-q35-")
    assert machine.endswith("-machine")
    for _ in range(2):  # it can be asked again
        found = ask_qemu(running.path, 10)
        assert found.qemu is not None
        assert found.qemu >= (6, 0)
        assert replace(found, qemu=None) == Vm(
            name="web",
            uuid=VM_UUID,
            machine=machine.removesuffix("-machine"),
            devices=(),
            postcopy=False,
            snapshot=False,
            blockers=(),
            multifd=False,
        )


def test_a_real_qemu_tells_that_postcopy_is_on(running: Running) -> None:
    def postcopy(*, state: bool) -> bool | None:
        capability = {"capability": "postcopy-ram", "state": state}
        running.qemu("migrate-set-capabilities", capabilities=[capability])
        return ask_qemu(running.path, 10).postcopy

    try:
        assert postcopy(state=True) is True
    finally:
        assert postcopy(state=False) is False


def test_a_real_qemu_tells_why_it_would_not_migrate(
    running: Running, tmp_path: Path
) -> None:
    """A folder that is shared as a disk cannot be migrated, and costs nothing."""
    running.qemu(
        "blockdev-add",
        **{"driver": "vvfat", "node-name": "v", "dir": str(tmp_path), "rw": True},
    )
    try:
        found = ask_qemu(running.path, 10)
        assert found.blockers
        assert list(found.blockers) == running.qemu.blocked
        assert any("vvfat" in text for text in found.blockers)
    finally:
        running.qemu("blockdev-del", **{"node-name": "v"})
    assert ask_qemu(running.path, 10).blockers == ()


def test_a_real_qemu_is_as_it_was(running: Running) -> None:
    names = (
        *("query-migrate", "query-migrate-capabilities", "query-migrate-parameters"),
        *("query-block", "query-chardev", "query-pci"),
    )

    def state() -> list[Any]:
        listed = running.qemu("qom-list", path="/machine/peripheral")
        return [listed, *(running.qemu(name) for name in names)]

    before = state()
    ask_qemu(running.path, 10)
    after = state()
    until = time.monotonic() + SOON
    while after != before and time.monotonic() < until:  # it sees later that we left
        after = state()
    assert after == before


def test_a_real_qemu_that_has_a_client_or_is_stopped_does_not_answer(
    running: Running,
) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(running.path)
        other.recv(1)  # it is the client now
        assert refused(running.path, QUICK) == LATE
    assert ask_qemu(running.path, 10).name == "web"
    os.kill(running.pid, signal.SIGSTOP)
    try:
        assert refused(running.path, QUICK) == LATE
    finally:
        os.kill(running.pid, signal.SIGCONT)
    assert ask_qemu(running.path, 10).name == "web"


# ---- what is asked ---------------------------------------------------------------

DEVICES: dict[str, dict[str, object]] = {
    "hostdev0": {
        "sysfsdev": MDEV_PATH,
        "host": UNSET,
        "enable-migration": "auto",
        "skip-vsc-check": True,
        "failover_pair_id": "",
    },
    "hostdev1": {"sysfsdev": "", "host": "0000:65:00.1", "x-enable-migration": False},
}
ANONYMOUS: dict[str, dict[str, object]] = {"device[0]": {"host": "0000:65:00.2"}}


def test_only_what_queries_is_sent(tmp_path: Path) -> None:
    """This list is what holds that nothing in a VM is changed."""
    for name in QUERIES:
        assert name.startswith("query-") or name in {"qom-list", "qom-get"}

    answers = vm_answers(DEVICES, anonymous=ANONYMOUS)
    with QmpServer(tmp_path, answers) as server:
        assert len(ask_qemu(server.path, 10).devices) == 3
    assert server.commands == QUERIES | {"qmp_capabilities"}
    at = "/machine/peripheral/hostdev0"
    asked = {each for each in server.asked if "hostdev0" in each}
    names = {"sysfsdev", "host", "enable-migration", "skip-vsc-check"}
    assert asked - {f"qom-get {at} failover_pair_id"} == {
        f"qom-list {at}",
        *(f"qom-get {at} {name}" for name in names),
    }


# ---- what is made of the answers -------------------------------------------------


class Told(Protocol):
    def __call__(self, answers: dict[str, Any]) -> Vm: ...


class Failed(Protocol):
    def __call__(
        self, answers: dict[str, Any], timeout: float = 10, **more: object
    ) -> ErrorRecord: ...


@pytest.fixture
def vm_of(tmp_path: Path) -> Told:
    """Ask a QEMU that has these answers."""

    def ask(answers: dict[str, Any]) -> Vm:
        with QmpServer(tmp_path, answers) as server:
            return ask_qemu(server.path, 10)

    return ask


@pytest.fixture
def error_of(tmp_path: Path) -> Failed:
    """Ask one whose answers are none; `more` is its greeting."""

    def ask(
        answers: dict[str, Any], timeout: float = 10, **more: object
    ) -> ErrorRecord:
        with QmpServer(tmp_path, answers, **more) as server:  # type: ignore[arg-type]
            return refused(server.path, timeout)

    return ask


def test_a_whole_vm(vm_of: Told) -> None:
    answers = vm_answers(
        DEVICES,
        anonymous=ANONYMOUS,
        query_migrate={"blocked-reasons": ["a", "b"], "status": "failed"},
        query_migrate_capabilities=[
            {"capability": "postcopy-ram", "state": True},
            {"capability": "xbzrle", "state": False},
        ],
    )
    assert vm_of(answers) == Vm(
        name="web",
        uuid=VM_UUID,
        machine="pc-q35-10.0",
        devices=(
            VmDevice(
                address=MDEV, name="hostdev0", migration="auto", skip_vsc_check=True
            ),
            VmDevice(address=FUNCTION, name="hostdev1", migration="off"),
            VmDevice(address=FunctionAddress("0000:65:00.2"), name="device[0]"),
        ),
        postcopy=True,
        snapshot=False,
        blockers=("a", "b"),
        qemu=(10, 0),
        multifd=False,
    )


@pytest.mark.parametrize(
    ("version", "qemu", "blockers"),
    [
        ({"qemu": {"major": 10, "minor": 1, "micro": 0}}, (10, 1), ()),
        ({"qemu": {"major": 6, "minor": 0, "micro": 0}}, (6, 0), ()),
        ({"qemu": {"major": 5, "minor": 2, "micro": 0}}, (5, 2), None),
        ({"qemu": {"major": "10"}}, None, None),
        ({"qemu": {}}, None, None),
        ({}, None, None),
    ],
)
def test_a_qemu_that_tells_no_blockers_has_not_said_that_there_are_none(
    tmp_path: Path,
    version: dict[str, Any],
    qemu: tuple[int, int] | None,
    blockers: tuple[str, ...] | None,
) -> None:
    greeting = {"QMP": {"version": version, "capabilities": ["oob"]}}
    with QmpServer(tmp_path, vm_answers(DEVICES), greeting=greeting) as server:
        found = ask_qemu(server.path, 10)
    assert (found.qemu, found.blockers) == (qemu, blockers)


@pytest.mark.parametrize(
    ("mode", "blockers"),
    [
        ({}, ("a",)),
        ({"mode": "normal"}, ("a",)),
        ({"mode": "cpr-reboot"}, None),
        ({"mode": "cpr-transfer"}, None),
        ({"mode": "cpr-exec"}, None),
    ],
)
def test_blockers_of_another_mode_are_none_of_a_live_migration(
    vm_of: Told, mode: dict[str, str], blockers: tuple[str, ...] | None
) -> None:
    """QEMU has them apart (migration/migration.c, migration_blockers)."""
    answers = vm_answers(
        query_migrate={"blocked-reasons": ["a"]}, query_migrate_parameters=mode
    )
    found = vm_of(answers)
    assert found.blockers == blockers
    assert [mode["mode"] in text for text in found.refusals] == [True] * (
        blockers is None
    )


@pytest.mark.parametrize(
    ("migration", "state", "refused"),
    [
        (None, "running", None),
        (None, "paused", None),
        ("completed", "running", None),
        ("failed", "running", None),
        ("cancelled", "suspended", None),
        ("none", "prelaunch", None),
        ("active", "running", "in progress (active)"),
        ("setup", "running", "in progress (setup)"),
        ("pre-switchover", "finish-migrate", "in progress (pre-switchover)"),
        ("postcopy-paused", "postmigrate", "in progress (postcopy-paused)"),
        (None, "inmigrate", "waits for this VM to come"),
        (None, "colo", "is replicated"),
        ("completed", "postmigrate", "has gone"),
    ],
)
def test_a_vm_that_is_on_its_way_is_not_migrated(
    vm_of: Told, migration: str | None, state: str, refused: str | None
) -> None:
    answers = vm_answers(
        DEVICES,
        query_migrate={} if migration is None else {"status": migration},
        query_status={"status": state, "running": state == "running"},
    )
    found = vm_of(answers)
    told = [(refused or "nothing") in text for text in found.refusals]
    assert told == [True] * (refused is not None)
    assert leaves_by_qemu(found).refusals == ()


@pytest.mark.parametrize(
    ("reasons", "refused"), [([], True), (["a"], False), (None, True)]
)
def test_a_qemu_that_says_that_it_is_blocked_is(
    vm_of: Told, reasons: list[str] | None, *, refused: bool
) -> None:
    """QEMU 6.0 has a field for that (qapi/migration.json)."""
    told: dict[str, object] = {"blocked": True}
    if reasons is not None:
        told["blocked-reasons"] = reasons
    found = vm_of(vm_answers(DEVICES, query_migrate=told))
    assert bool(found.refusals) is refused


@pytest.mark.parametrize(
    ("on", "compression", "multifd", "kept_back"),
    [
        ((), "none", False, []),
        (("multifd",), "none", True, []),
        (("multifd",), "zstd", False, []),
        (("multifd", "mapped-ram"), "none", False, ["mapped-ram"]),
        (("x-ignore-shared", "x-colo"), "none", False, ["x-ignore-shared", "x-colo"]),
        (("xbzrle", "events", "return-path"), "none", False, []),
    ],
)
def test_what_capabilities_do_to_a_migration(
    vm_of: Told,
    on: tuple[str, ...],
    compression: str,
    multifd: bool,  # noqa: FBT001
    kept_back: list[str],
) -> None:
    found = vm_of(
        vm_answers(
            query_migrate_capabilities=[
                {"capability": each, "state": True} for each in on
            ],
            query_migrate_parameters={"multifd-compression": compression},
        )
    )
    assert found.multifd is multifd
    assert [text.partition(" ")[0] for text in found.kept_back] == kept_back


@pytest.mark.usefixtures("_processes")
def test_a_real_qemu_tells_that_what_it_waits_for_does_not_leave(
    tmp_path: Path,
) -> None:
    if shutil.which(PROGRAM[0]) is None:
        cannot_test(f"{PROGRAM[0]} is not installed")
    path = f"{tmp_path}/qmp"
    line = [
        *(*PROGRAM, "-nodefaults", "-no-user-config", "-display", "none", "-m", "64"),
        *("-machine", "q35,accel=tcg", "-incoming", "defer"),
        *("-qmp", f"unix:{path},server=on,wait=off"),
    ]
    with subprocess.Popen(line, stdin=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + STARTS
            while not os.path.exists(path) and time.monotonic() < until:
                time.sleep(0.02)
            [refusal] = ask_qemu(path, 10).refusals
        finally:
            process.kill()
    assert "waits for this VM" in refusal


AT_PATH = "/sys/bus/pci/devices/0000:65:00.1"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"sysfsdev": MDEV_PATH, "host": UNSET}, MDEV),
        ({"host": UNSET, "sysfsdev": MDEV_PATH}, MDEV),
        ({"sysfsdev": MDEV_PATH}, MDEV),
        ({"sysfsdev": AT_PATH, "host": UNSET}, FUNCTION),
        ({"sysfsdev": AT_PATH, "host": "0000:65:00.1"}, FUNCTION),
        ({"sysfsdev": "", "host": "0000:65:00.1"}, FUNCTION),
        ({"sysfsdev": None, "host": "65:00.1"}, FUNCTION),
        ({"sysfsdev": 5, "host": "0000:65:00.1"}, FUNCTION),
        ({"sysfsdev": "/x", "host": "0000:65:00.1"}, FUNCTION),
        ({"host": "0000:65:00.1"}, FUNCTION),
    ],
)
@pytest.mark.parametrize("place", ["devices", "anonymous"])
def test_where_a_device_is(
    vm_of: Told, place: str, properties: dict[str, object], expected: DeviceAddress
) -> None:
    devices: dict[str, Any] = {place: {"x": properties}}
    device = VmDevice(address=expected, name="x")
    assert vm_of(vm_answers(**devices)).devices == (device,)


@pytest.mark.parametrize(
    ("told", "migration", "skips", "unplugged"),
    [
        ({"enable-migration": "auto"}, "auto", None, False),
        ({"enable-migration": "on"}, "on", None, False),
        ({"enable-migration": "off"}, "off", None, False),
        ({"enable-migration": "x"}, None, None, False),
        ({"enable-migration": 1}, None, None, False),
        ({"x-enable-migration": True}, "on", None, False),
        ({"x-enable-migration": False}, "off", None, False),
        ({"x-enable-migration": False, "enable-migration": "on"}, "on", None, False),
        ({"skip-vsc-check": True}, None, True, False),
        ({"skip-vsc-check": False}, None, False, False),
        ({"skip-vsc-check": "on"}, None, None, False),
        ({"skip-vsc-check": None}, None, None, False),
        ({"x-skip-vsc-check": False}, None, False, False),
        # Nothing takes over: the card called net0 is an e1000.
        ({"failover_pair_id": "net0"}, None, None, False),
        ({"failover_pair_id": ""}, None, None, False),
    ],
)
def test_what_qemu_was_told_of_a_device(
    vm_of: Told,
    told: dict[str, object],
    migration: str | None,
    *,
    skips: bool | None,
    unplugged: bool,
) -> None:
    [device] = vm_of(vm_answers({"x": {"sysfsdev": MDEV_PATH, **told}})).devices
    assert (device.migration, device.skip_vsc_check) == (migration, skips)
    assert device.unplugged is unplugged


@pytest.mark.parametrize(
    ("kind", "failover", "unplugged"),
    [
        ("virtio-net-pci", True, True),
        ("virtio-net-pci-non-transitional", True, True),
        ("virtio-net-pci", False, False),
        ("virtio-net-pci", None, False),
        ("e1000", True, False),
    ],
)
def test_a_paired_device_is_unplugged_if_its_partner_takes_over(
    vm_of: Told, kind: str, failover: object, *, unplugged: bool
) -> None:
    """QEMU gives it no migration in any case (hw/vfio/pci.c, vfio_realize)."""
    answers = vm_answers({"x": {"sysfsdev": MDEV_PATH, "failover_pair_id": "n1"}})
    answers["qom-list /machine/peripheral"].append(child("n1", kind))
    answers["qom-get /machine/peripheral/n1 failover"] = failover
    [device] = vm_of(answers).devices
    assert (device.unplugged, device.saved) == (unplugged, False)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"x-device-dirty-page-tracking": "off", "ramfb": True}, (True, True, False)),
        ({"x-device-dirty-page-tracking": "on", "ramfb": False}, (False,) * 3),
        ({"x-device-dirty-page-tracking": "auto", "ramfb": "on"}, (False,) * 3),
        ({"x-migration-multifd-transfer": "on"}, (False, False, True)),
        ({"x-migration-multifd-transfer": "auto"}, (False,) * 3),
        # As they would be called once they are stable.
        ({"migration-multifd-transfer": "on"}, (False, False, True)),
        ({"device-dirty-page-tracking": "off"}, (True, False, False)),
        ({}, (False,) * 3),
    ],
)
def test_what_else_of_a_device_decides_is_asked_for(
    vm_of: Told, told: dict[str, object], expected: tuple[bool, ...]
) -> None:
    [device] = vm_of(vm_answers({"x": {"sysfsdev": MDEV_PATH, **told}})).devices
    assert (device.untracked, device.has_ramfb, device.by_multifd) == expected


@pytest.mark.parametrize(
    ("iommufd", "expected"), [("/objects/iommufd0", True), ("", False), (None, False)]
)
def test_a_device_goes_through_what_it_is_linked_to(
    vm_of: Told, iommufd: str | None, *, expected: bool
) -> None:
    answers = vm_answers({"x": {"sysfsdev": MDEV_PATH, "iommufd": iommufd}})
    assert [each.iommufd for each in vm_of(answers).devices] == [expected]


@pytest.mark.parametrize("driver", ["nvme", "virtio-blk-vfio-pci"])
def test_a_disk_that_qemu_drives_itself_is_told(vm_of: Told, driver: str) -> None:
    disk = "nvme://0000:01:00.0/1"
    nodes = [{"drv": driver, "file": disk}, {"drv": "raw", "file": "/dev/nvme0n1"}]
    assert vm_of(vm_answers(query_named_block_nodes=nodes)).disks == (disk,)


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [
        *((f"child<vfio-{kind}>", True) for kind in ("pci", "pci-nohotplug", "ap")),
        *((f"child<vfio-{kind}>", True) for kind in ("ccw", "user-pci")),
        *((kind, False) for kind in ("child<virtio-net-pci>", "link<vfio-pci>")),
        *((kind, False) for kind in ("vfio-pci", "child<x-vfio-pci>", "string", "")),
        ("child<qemu:memory-region>", False),
    ],
)
def test_which_children_are_vfio_devices(
    vm_of: Told, kind: str, *, is_one: bool
) -> None:
    answers = vm_answers({"x": {"sysfsdev": MDEV_PATH}})
    children = [{"name": "x", "type": kind}, child("y", "e1000")]
    answers["qom-list /machine/peripheral"] = children
    saved = kind in {"child<vfio-pci>", "child<vfio-pci-nohotplug>"}
    device = VmDevice(address=MDEV, name="x", saved=saved)
    assert vm_of(answers).devices == ((device,) if is_one else ())


def test_devices_are_in_the_order_of_their_names(vm_of: Told) -> None:
    """QEMU lists them as a hash table has them."""
    names = ["hostdev10", "hostdev2", "b", "hostdev1", "a", "hostdev0"]
    paths = {name: f"{MDEV_PATH[:-1]}{at}" for at, name in enumerate(names)}
    answers = vm_answers({name: {"sysfsdev": path} for name, path in paths.items()})
    assert [device.name for device in vm_of(answers).devices] == [
        *("a", "b", "hostdev0", "hostdev1", "hostdev2", "hostdev10")
    ]


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"sysfsdev": "", "host": ""},
        {"sysfsdev": "", "host": UNSET},
        {"sysfsdev": "/sys", "host": None},
        {"host": "e0800000.xgmac"},
        {"host": ["0000:65:00.1"]},
        {"fd": "5"},
    ],
)
def test_a_device_that_does_not_tell_where_it_is(
    error_of: Failed, properties: dict[str, object]
) -> None:
    assert error_of(vm_answers({"hostdev0": properties})) == not_asked(
        "device hostdev0 tells neither its sysfsdev nor its host"
    )


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("pc-q35-7.2-machine", "pc-q35-7.2"),
        ("pc-q35-rhel9.6.0-machine", "pc-q35-rhel9.6.0"),
        ("virt-9.1-machine", "virt-9.1"),
        ("x", "x"),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_a_machine_type(vm_of: Told, machine: object, expected: str | None) -> None:
    assert vm_of(vm_answers() | {"qom-get /machine type": machine}).machine == expected


@pytest.mark.parametrize(
    ("answer", "name"),
    [({}, None), ({"name": None}, None), ({"name": "é\x1b"}, "é\x1b")],
)
def test_a_vm_may_have_no_name(
    vm_of: Told, answer: dict[str, str | None], name: str | None
) -> None:
    assert vm_of(vm_answers(query_name=answer)).name == name


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, ()),
        ({"blocked-reasons": []}, ()),
        ({"status": "none"}, ()),
        ({"status": "completed", "blocked-reasons": ["a"]}, ("a",)),
        ({"blocked-reasons": ["a", "a"]}, ("a", "a")),
        ({"blocked-reasons": ["\x1b[31m\n"]}, ("\x1b[31m\n",)),
        ({"blocked-reasons": ["é\U0001d11e" * 4000]}, ("é\U0001d11e" * 2048,)),
        ({"blocked-reasons": ["x" * 1_000_000]}, ("x" * 4096,)),
        ({"blocked-reasons": [""] * 1000}, ("",) * 1000),
    ],
)
def test_why_it_would_not_migrate(
    vm_of: Told, answer: dict[str, object], expected: tuple[str, ...]
) -> None:
    assert vm_of(vm_answers(query_migrate=answer)).blockers == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([], False),
        ([{"capability": "postcopy-ram", "state": True}], True),
        ([{"capability": "postcopy-ram", "state": False}], False),
        ([{"capability": "postcopy-blocktime", "state": True}], False),
        ([{"capability": "x", "state": True, "y": [1]}], False),
    ],
)
def test_whether_postcopy_is_on(
    vm_of: Told, answer: list[dict[str, object]], *, expected: bool
) -> None:
    found = vm_of(vm_answers(query_migrate_capabilities=answer))
    assert found.postcopy is expected


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("name", ["background-snapshot", "x-background"])
def test_whether_background_snapshots_are_on(
    vm_of: Told, name: str, *, state: bool
) -> None:
    answer = [{"capability": name, "state": state}]
    found = vm_of(vm_answers(query_migrate_capabilities=answer))
    assert found.snapshot is (state and name == "background-snapshot")
    assert found.postcopy is False


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("name", ["switchover-ack", "x-switchover-ack"])
def test_whether_a_switchover_is_acknowledged(
    vm_of: Told, name: str, *, state: bool
) -> None:
    answer = [{"capability": name, "state": state}]
    found = vm_of(vm_answers(query_migrate_capabilities=answer))
    assert found.switchover_ack is (state and name == "switchover-ack")


def test_events_are_passed_over(tmp_path: Path) -> None:
    when = b'"timestamp": {"seconds": 1, "microseconds": 2}'
    event = b'{"event": "RESUME", "data": {}, %s}\r\n' % when
    with QmpServer(tmp_path, vm_answers(DEVICES), events=event * 99) as server:
        assert len(ask_qemu(server.path, 10).devices) == 2


# ---- errors that QEMU tells ------------------------------------------------------


def answering(command: str, answer: object) -> dict[str, Any]:
    """Give the answers of a QEMU that always says the same to a command."""
    known = vm_answers(DEVICES).items()
    others = {name: each for name, each in known if name.partition(" ")[0] != command}
    return others | {command: answer}


@pytest.mark.parametrize("command", sorted(QUERIES))
def test_an_error_of_qemu_is_told(error_of: Failed, command: str) -> None:
    unknown = Failure("CommandNotFound", f"The command {command} has not...")
    summary = f"QMP: this QEMU is too old: it does not know {command}"
    too_old = ErrorRecord(codes.QEMU_TOO_OLD, summary, None, None)
    assert error_of(answering(command, unknown)) == too_old
    for error_class in ("GenericError", "DeviceNotFound", "X"):
        failure = Failure(error_class, "it is\x1b so")
        told = not_asked(f"{command}: it is\x1b so")
        assert error_of(answering(command, failure)) == told


MIGRATE, CAPABILITIES = "query-migrate", "query-migrate-capabilities"
REASONS = "blocked-reasons"
MISSING = "Object missing required field `{}` - at `$[0]`"


@pytest.mark.parametrize(
    ("command", "answer", "detail"),
    [
        ("query-name", [], "Expected `object`, got `array`"),
        ("query-name", None, "Expected `object`, got `null`"),
        ("query-name", "web", "Expected `object`, got `str`"),
        ("query-name", {"name": 5}, "Expected `str | null`, got `int` - at `$.name`"),
        ("query-uuid", {}, "Object missing required field `UUID`"),
        ("query-uuid", {"UUID": None}, "Expected `str`, got `null` - at `$.UUID`"),
        (MIGRATE, [], "Expected `object`, got `array`"),
        (MIGRATE, {REASONS: "x"}, f"Expected `array`, got `str` - at `$.{REASONS}`"),
        (MIGRATE, {REASONS: None}, f"Expected `array`, got `null` - at `$.{REASONS}`"),
        (
            MIGRATE,
            {REASONS: ["x", 1]},
            f"Expected `str`, got `int` - at `$.{REASONS}[1]`",
        ),
        (CAPABILITIES, {}, "Expected `array`, got `object`"),
        (CAPABILITIES, [{"capability": "x"}], MISSING.format("state")),
        (
            CAPABILITIES,
            [{"capability": "x", "state": 1}],
            "Expected `bool`, got `int` - at `$[0].state`",
        ),
        ("qom-list", {}, "Expected `array`, got `object`"),
        ("qom-list", ["x"], "Expected `object`, got `str` - at `$[0]`"),
        ("qom-list", [{"name": "x"}], MISSING.format("type")),
        (
            "qom-list",
            [{"name": None, "type": "child<vfio-pci>"}],
            "Expected `str`, got `null` - at `$[0].name`",
        ),
    ],
)
def test_an_answer_of_another_shape(
    error_of: Failed, command: str, answer: object, detail: str
) -> None:
    summary = f"QMP: {command}: the answer is none of QEMU's"
    expected = ErrorRecord(codes.MONITOR_NOT_ASKED, summary, detail, None)
    assert error_of(answering(command, answer)) == expected


# ---- monitors that are none ------------------------------------------------------

COMMANDS = ["query-migrate", "qom-list"]


@pytest.mark.slow
@pytest.mark.parametrize("what", [HANGS, Raw(b""), Raw(b"{"), Raw(b'{"QMP": {}}')])
def test_a_monitor_that_hangs_about_its_greeting(
    error_of: Failed, what: object
) -> None:
    assert error_of({}, QUICK, greeting=what) == LATE
    assert error_of({"qmp_capabilities": HANGS}, QUICK) == LATE


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "what",
    [
        HANGS,
        Raw(b""),
        Raw(b'{"return": {'),
        Raw(b'{"return": {}}\r\n'),  # an answer to nobody
        Raw(b'{"return": {}, "id": "x"}\r\n'),
        Raw(b"{}\r\n"),
    ],
    ids=["nothing", "", "half", "nobody's", "another's", "neither"],
)
def test_a_monitor_that_hangs_in_the_middle(
    error_of: Failed, command: str, what: object
) -> None:
    assert error_of(answering(command, what), QUICK) == LATE


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "what",
    [
        ENDS,
        *(Raw(each + b"\r\n") for each in (b"hello", b"[]", b"5", b"\xff\xfe")),
        *(Raw(each + b"\r\n") for each in (b"\x1b[31m", b"[" * 60_000)),
        Raw(b"x" * 1_000_000 + b"\r\n"),
        Raw(b'{"return": "' + b"x" * 11_000_000 + b'"}\r\n'),
    ],
    ids=["end", "text", "list", "number", "binary", "escape", "deep", "long", "11MB"],
)
def test_a_session_that_ends_in_the_middle(
    error_of: Failed, command: str, what: object
) -> None:
    assert error_of(answering(command, what)) == GONE


NOT_JSON = "Failed to deserialize QMP message"
NO_GREETING = "\"'Greeting' object requires 'QMP' member\""


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), NOT_JSON),
        (Raw(b"RFB 003.008\n"), NOT_JSON),
        (Raw(b"\n"), NOT_JSON),
        (Raw(b"\xff\x00\x01\n"), NOT_JSON),
        (Raw(b"\x1b[31m\n"), NOT_JSON),
        ([], "QMP message is not a JSON object"),
        ({"return": {}}, NO_GREETING),
        (Raw(b"{" + b" " * 10_000_000 + b"}\n"), NO_GREETING),
    ],
)
def test_a_greeting_that_is_none_of_qemus(
    error_of: Failed, greeting: object, why: str
) -> None:
    expected = not_connected(f"Did not understand Greeting: {why}")
    assert error_of({}, greeting=greeting) == expected


@pytest.mark.parametrize(
    ("greeting", "answer"),
    [
        (Raw(b"x" * 11_000_000), None),
        (Raw(b"x" * 11_000_000 + b"\n"), None),
        (Raw(b"[" * 60_000 + b"\n"), None),
        ({"QMP": {}}, None),
        ({"QMP": []}, None),
        ({"QMP": {"version": {}, "capabilities": {}}}, None),
        (5, None),
        (None, None),
        # As when a device cannot be realized: it has greeted before.
        (ENDS, None),
        ({"QMP": {"version": {}, "capabilities": []}}, ENDS),
    ],
)
def test_a_greeting_that_is_worse_is_told_in_words(
    error_of: Failed, greeting: object, answer: object
) -> None:
    found = error_of({"qmp_capabilities": answer} if answer else {}, greeting=greeting)
    assert (found.code, found.hint) == ("VFC552", IS_IT)
    assert found.summary.startswith("cannot connect to QMP: ")
    assert len(found.summary) < 200
    assert "\n" not in found.summary
    assert not found.summary.endswith(": ")


def test_a_qemu_that_refuses_the_session_is_told_in_words(error_of: Failed) -> None:
    found = error_of({"qmp_capabilities": Failure("GenericError", "no")})
    assert (found.code, found.hint) == ("VFC552", IS_IT)
    assert found.summary.startswith("cannot connect to QMP: Negotiation failed")
    assert not found.summary.endswith(": ")


@pytest.mark.parametrize(
    ("path", "why", "hint"),
    [
        ("/nonesuch", "No such file or directory", START),
        ("/nonesuch/qmp", "No such file or directory", START),
        ("/etc/passwd/qmp", "Not a directory", START),
        ("nonesuch", "No such file or directory", START),
        ("/" + "x" * 256, "File name too long", START),
        ("/etc/passwd", "Connection refused", IS_IT),
        ("/", "Connection refused", IS_IT),
        ("/dev/null", "Connection refused", IS_IT),
    ],
)
def test_what_is_no_socket(path: str, why: str, hint: str) -> None:
    with pytest.raises(VmError) as caught:
        ask_qemu(path, 10)
    summary = f"cannot connect to {path}: {why}"
    expected = ErrorRecord(codes.MONITOR_NOT_ASKED, summary, None, hint)
    assert caught.value.record == expected


def test_a_socket_whose_path_is_too_long_for_one(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    path.touch()
    assert refused(path) == not_connected("AF_UNIX path too long")


def test_a_socket_that_nobody_listens_at(tmp_path: Path) -> None:
    path = tmp_path / "qmp"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))
        assert refused(path) == not_connected("Connection refused")
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert refused(path) == not_connected("Connection refused")


def test_a_socket_of_datagrams(tmp_path: Path) -> None:
    path = tmp_path / "qmp"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(os.fspath(path))
        assert refused(path) == not_connected("Protocol wrong type for socket")


def test_a_monitor_whose_clients_queue(tmp_path: Path) -> None:
    path = os.fspath(tmp_path / "qmp")
    with socket.socket(socket.AF_UNIX) as server, contextlib.ExitStack() as clients:
        server.bind(path)
        server.listen(0)
        with contextlib.suppress(BlockingIOError):
            for _ in range(9):
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.settimeout(0)
                client.connect(path)
        assert refused(path, QUICK).code == "VFC552"


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_socket_or_its_folder_is_another_users(*, is_folder: bool) -> None:
    """libvirt has its monitors in such, /var/lib/libvirt/qemu/domain-1-web."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as name:
        os.chmod(name, 0o755)  # noqa: S103 - everybody may enter that one
        folder = Path(name, "domain-1-web")
        folder.mkdir(0o755)
        with QmpServer(folder, vm_answers()) as server:
            closed = folder if is_folder else Path(server.path)
            closed.chmod(0 if is_folder else 0o400)
            import_module("qemu.qmp")  # which root alone may be able to read
            with as_nobody():
                found = refused(server.path)
            closed.chmod(0o700)
    assert found == not_connected("Permission denied", AS_ROOT)


def test_the_library_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(qmp, "import_module", fails)
    assert refused("/nonesuch") == ErrorRecord(
        codes.QMP_NOT_INSTALLED,
        "asking a running QEMU needs the package qemu.qmp",
        None,
        "pip install 'vfiocompat[qmp]'",
    )


# ---- nothing else is said --------------------------------------------------------


class Heard(logging.Handler):
    """What reaches the root logger; pytest's own hears what does not, too."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.names.append(record.name)


JUNK = Raw(b"hello\n")


@pytest.mark.parametrize("greeting", [{}, {"greeting": JUNK}])
def test_nothing_is_logged(error_of: Failed, greeting: dict[str, Any]) -> None:
    """What qemu.qmp would log is an error of ours already."""
    heard = Heard()
    logging.getLogger().addHandler(heard)
    try:
        error_of(vm_answers(query_migrate=JUNK), **greeting)
    finally:
        logging.getLogger().removeHandler(heard)
    assert heard.names == []


NO_ANSWER = f"error[VFC552]: QMP: no answer in 0.2 s\n   = help: {BUSY}\n"
DISCONNECTED = "error[VFC552]: QMP: Disconnected\n"
NO_SESSION = "error[VFC552]: cannot connect to QMP: Did not understand Greeting: "


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"greeting": HANGS}, NO_ANSWER),
        ({"greeting": JUNK}, f"{NO_SESSION}{NOT_JSON}\n   = help: {IS_IT}\n"),
        (
            {"greeting": Raw(b"{" + b" " * 10_000_000 + b"}\n")},
            f"{NO_SESSION}{NO_GREETING}\n   = help: {IS_IT}\n",
        ),
        ({"query-migrate": HANGS}, NO_ANSWER),
        ({"query-migrate": ENDS}, DISCONNECTED),
        ({"query-migrate": Raw(b"x" * 11_000_000 + b"\n")}, DISCONNECTED),
        ({"query-migrate": Raw(b"\xff\n")}, DISCONNECTED),
        (
            {"query-uuid": Failure("CommandNotFound", "x")},
            "error[VFC553]: QMP: this QEMU is too old: it does not know query-uuid\n",
        ),
        (
            {"query-uuid": Failure("GenericError", "a\x1b[31m\nb")},
            "error[VFC552]: QMP: query-uuid: a\\x1b[31m\\nb\n",
        ),
        ({}, ""),
    ],
    ids=[
        *("hangs at once", "no greeting", "long greeting", "hangs", "ends"),
        *("long answer", "binary answer", "too old", "error", "good"),
    ],
)
def test_nothing_but_the_error_is_printed(
    tmp_path: Path,
    plain_sysroot: Path,
    run_process: RunProcess,
    answers: dict[str, Any],
    said: str,
) -> None:
    """Neither what qemu.qmp logs, nor what asyncio says of tasks left behind."""
    greeting = {name: each for name, each in answers.items() if name == "greeting"}
    timeout = "0.2" if HANGS in answers.values() else "10"
    with QmpServer(tmp_path, vm_answers() | answers, **greeting) as server:
        result = run_process(
            f"vm qmp:{server.path} here --timeout {timeout} --sysroot {plain_sysroot}",
            exit_code=4 if said else 0,
        )
    expected = f"vfiocompat: {said}" if said else ""
    assert result.stderr.replace(server.path, "QMP") == expected
    assert (result.stdout == "") is bool(said)
