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
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from msgspec.structs import replace

from tests.kernel.guest.qemu import PROGRAM, STARTS, Qemu
from tests.qmpserver import ENDS, HANGS, Failure, QmpServer, Raw, child, vm_answers
from tests.simulate.conftest import cannot_test
from vfiocompat.addresses import FunctionAddress, MdevAddress
from vfiocompat.diagnostics import Code
from vfiocompat.errors import ErrorRecord, VmError
from vfiocompat.vm import qmp
from vfiocompat.vm.model import Vm, VmDevice, on_off
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
    code, summary, detail, hint = (
        caught.value.record.code,
        caught.value.summary.replace(str(path), "QMP"),
        caught.value.detail,
        caught.value.hint,
    )
    return ErrorRecord(code, summary, detail, hint)


# ---- a QEMU ----------------------------------------------------------------------


class Running(NamedTuple):
    """A QEMU, a monitor of it that is free, and one that the test has."""

    path: str
    qemu: Qemu
    pid: int


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
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

    assert ask_qemu(running.path, 10) == Vm(
        name="web",
        uuid=VM_UUID,
        machine=machine.removesuffix("-machine"),
        devices=(),
        postcopy=False,
        blockers=(),
    )


def test_a_real_qemu_can_be_asked_again(running: Running) -> None:
    assert ask_qemu(running.path, 10) == ask_qemu(running.path, 10)


def test_a_real_qemu_tells_that_postcopy_is_on(running: Running) -> None:
    def switch(*, state: bool) -> None:
        capability = {"capability": "postcopy-ram", "state": state}
        running.qemu("migrate-set-capabilities", capabilities=[capability])

    switch(state=True)
    try:
        assert ask_qemu(running.path, 10).postcopy is True
    finally:
        switch(state=False)
    assert ask_qemu(running.path, 10).postcopy is False


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
    def state() -> list[Any]:
        names = [
            "query-migrate",
            "query-migrate-capabilities",
            "query-migrate-parameters",
            "query-block",
            "query-chardev",
            "query-pci",
        ]
        listed = running.qemu("qom-list", path="/machine/peripheral")
        return [listed, *(running.qemu(name) for name in names)]

    before = state()
    ask_qemu(running.path, 10)
    after = state()
    until = time.monotonic() + SOON
    while after != before and time.monotonic() < until:  # it sees later that we left
        after = state()
    assert after == before


def test_a_monitor_of_a_real_qemu_has_one_client_at_a_time(running: Running) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(running.path)
        other.recv(1)  # it is the client now

        assert refused(running.path, QUICK) == ErrorRecord(
            Code.MONITOR_NOT_ASKED, "QMP: no answer in 0.2 s", None, BUSY
        )
    assert ask_qemu(running.path, 10).name == "web"


def test_a_real_qemu_that_is_stopped_does_not_answer(running: Running) -> None:
    os.kill(running.pid, signal.SIGSTOP)
    try:
        assert refused(running.path, QUICK) == ErrorRecord(
            Code.MONITOR_NOT_ASKED, "QMP: no answer in 0.2 s", None, BUSY
        )
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


def test_what_is_asked_of_a_device(tmp_path: Path) -> None:
    with QmpServer(tmp_path, vm_answers(DEVICES)) as server:
        ask_qemu(server.path, 10)

    asked = {each for each in server.asked if "hostdev0" in each}
    at = "/machine/peripheral/hostdev0"
    assert asked - {f"qom-get {at} failover_pair_id"} == {
        f"qom-list {at}",
        f"qom-get {at} sysfsdev",
        f"qom-get {at} host",
        f"qom-get {at} enable-migration",
        f"qom-get {at} skip-vsc-check",
    }


# ---- what is made of the answers -------------------------------------------------


def vm_of(tmp_path: Path, answers: dict[str, Any]) -> Vm:
    with QmpServer(tmp_path, answers) as server:
        return ask_qemu(server.path, 10)


def test_a_whole_vm(tmp_path: Path) -> None:
    answers = vm_answers(
        DEVICES,
        anonymous=ANONYMOUS,
        query_migrate={"blocked-reasons": ["a", "b"], "status": "active"},
        query_migrate_capabilities=[
            {"capability": "postcopy-ram", "state": True},
            {"capability": "xbzrle", "state": False},
        ],
    )

    assert vm_of(tmp_path, answers) == Vm(
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
        blockers=("a", "b"),
    )


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"sysfsdev": MDEV_PATH, "host": UNSET}, VmDevice(address=MDEV)),
        ({"host": UNSET, "sysfsdev": MDEV_PATH}, VmDevice(address=MDEV)),
        ({"sysfsdev": MDEV_PATH}, VmDevice(address=MDEV)),
        (
            {"sysfsdev": "/sys/bus/pci/devices/0000:65:00.1", "host": UNSET},
            VmDevice(address=FUNCTION),
        ),
        (
            {
                "sysfsdev": "/sys/bus/pci/devices/0000:65:00.1",
                "host": "0000:65:00.1",
            },
            VmDevice(address=FUNCTION),
        ),
        ({"sysfsdev": "", "host": "0000:65:00.1"}, VmDevice(address=FUNCTION)),
        ({"sysfsdev": None, "host": "65:00.1"}, VmDevice(address=FUNCTION)),
        ({"sysfsdev": 5, "host": "0000:65:00.1"}, VmDevice(address=FUNCTION)),
        ({"sysfsdev": "/x", "host": "0000:65:00.1"}, VmDevice(address=FUNCTION)),
        ({"host": "0000:65:00.1"}, VmDevice(address=FUNCTION)),
        *[
            (
                {"sysfsdev": MDEV_PATH, name: value},
                VmDevice(address=MDEV, migration=on_off(migration)),
            )
            for name, value, migration in (
                ("enable-migration", "auto", "auto"),
                ("enable-migration", "on", "on"),
                ("enable-migration", "off", "off"),
                ("enable-migration", "x", None),
                ("enable-migration", 1, None),
                ("x-enable-migration", True, "on"),
                ("x-enable-migration", False, "off"),
            )
        ],
        (
            {
                "sysfsdev": MDEV_PATH,
                "x-enable-migration": False,
                "enable-migration": "on",
            },
            VmDevice(address=MDEV, migration="on"),
        ),
        *[
            (
                {"sysfsdev": MDEV_PATH, name: value},
                VmDevice(address=MDEV, skip_vsc_check=skips),
            )
            for name, value, skips in (
                ("skip-vsc-check", True, True),
                ("skip-vsc-check", False, False),
                ("skip-vsc-check", "on", None),
                ("skip-vsc-check", None, None),
                ("x-skip-vsc-check", False, False),
            )
        ],
    ],
)
@pytest.mark.parametrize("place", ["devices", "anonymous"])
def test_a_device(
    tmp_path: Path, place: str, properties: dict[str, object], expected: VmDevice
) -> None:
    if place == "devices":
        answers = vm_answers({"x": properties})
    else:
        answers = vm_answers(anonymous={"x": properties})

    assert vm_of(tmp_path, answers).devices == (replace(expected, name="x"),)


@pytest.mark.parametrize(
    "kind", ["vfio-pci", "vfio-pci-nohotplug", "vfio-ap", "vfio-ccw"]
)
def test_each_kind_of_vfio_device(tmp_path: Path, kind: str) -> None:
    answers = vm_answers({"x": {"sysfsdev": MDEV_PATH}})
    answers["qom-list /machine/peripheral"] = [child("x", kind), child("y", "e1000")]

    assert vm_of(tmp_path, answers).devices == (VmDevice(address=MDEV, name="x"),)


def test_devices_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    """QEMU lists them as a hash table has them."""
    names = ["hostdev10", "hostdev2", "b", "hostdev1", "a", "hostdev0"]
    paths = {name: f"{MDEV_PATH[:-1]}{at}" for at, name in enumerate(names)}
    answers = vm_answers({name: {"sysfsdev": path} for name, path in paths.items()})

    assert [device.name for device in vm_of(tmp_path, answers).devices] == [
        *("a", "b", "hostdev0", "hostdev1", "hostdev2", "hostdev10")
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "child<virtio-net-pci>",
        "link<vfio-pci>",
        "vfio-pci",
        "child<x-vfio-pci>",
        "child<vfio-user-pci>",
        "child<qemu:memory-region>",
        "string",
        "",
    ],
)
def test_other_children_are_no_vfio_devices(tmp_path: Path, kind: str) -> None:
    answers = vm_answers()
    answers["qom-list /machine/peripheral"] = [{"name": "x", "type": kind}]

    assert vm_of(tmp_path, answers).devices == ()


def test_the_primary_of_a_failover_pair_is_unplugged(tmp_path: Path) -> None:
    """QEMU gives it no migration (hw/vfio/pci.c, vfio_realize) and unplugs it."""
    answers = vm_answers(
        {
            "a": {"host": "0000:65:00.1", "failover_pair_id": "net0"},
            "b": {"host": "0000:65:00.2", "failover_pair_id": ""},
        }
    )
    found = vm_of(tmp_path, answers).devices

    assert [device.unplugged for device in found] == [True, False]


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
    tmp_path: Path, properties: dict[str, object]
) -> None:
    with QmpServer(tmp_path, vm_answers({"hostdev0": properties})) as server:
        assert refused(server.path) == ErrorRecord(
            Code.MONITOR_NOT_ASKED,
            "QMP: device hostdev0 tells neither its sysfsdev nor its host",
            None,
            None,
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
def test_a_machine_type(tmp_path: Path, machine: object, expected: str | None) -> None:
    answers = vm_answers() | {"qom-get /machine type": machine}

    assert vm_of(tmp_path, answers).machine == expected


@pytest.mark.parametrize(
    ("answer", "name"),
    [({}, None), ({"name": None}, None), ({"name": "é\x1b"}, "é\x1b")],
)
def test_a_vm_may_have_no_name(
    tmp_path: Path, answer: dict[str, str | None], name: str | None
) -> None:
    assert vm_of(tmp_path, vm_answers(query_name=answer)).name == name


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
    tmp_path: Path, answer: dict[str, object], expected: tuple[str, ...]
) -> None:
    assert vm_of(tmp_path, vm_answers(query_migrate=answer)).blockers == expected


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
    tmp_path: Path, answer: list[dict[str, object]], *, expected: bool
) -> None:
    found = vm_of(tmp_path, vm_answers(query_migrate_capabilities=answer))

    assert found.postcopy is expected


def test_events_are_passed_over(tmp_path: Path) -> None:
    event = (
        b'{"event": "RESUME", "data": {}, '
        b'"timestamp": {"seconds": 1, "microseconds": 2}}\r\n'
    )
    with QmpServer(tmp_path, vm_answers(DEVICES), events=event * 99) as server:
        assert len(ask_qemu(server.path, 10).devices) == 2


# ---- errors that QEMU tells ------------------------------------------------------


@pytest.mark.parametrize("command", sorted(QUERIES))
def test_a_qemu_that_does_not_know_a_command_is_too_old(
    tmp_path: Path, command: str
) -> None:
    answers = {
        name: answer
        for name, answer in vm_answers(DEVICES).items()
        if name.partition(" ")[0] != command
    }
    answers[command] = Failure("CommandNotFound", f"The command {command} has not...")
    with QmpServer(tmp_path, answers) as server:
        assert refused(server.path) == ErrorRecord(
            Code.QEMU_TOO_OLD,
            f"QMP: this QEMU is too old: it does not know {command}",
            None,
            None,
        )


@pytest.mark.parametrize("command", sorted(QUERIES))
@pytest.mark.parametrize("error_class", ["GenericError", "DeviceNotFound", "X"])
def test_another_error_of_qemu_is_told(
    tmp_path: Path, command: str, error_class: str
) -> None:
    answers = {
        name: answer
        for name, answer in vm_answers(DEVICES).items()
        if name.partition(" ")[0] != command
    }
    answers[command] = Failure(error_class, "it is\x1b so")
    with QmpServer(tmp_path, answers) as server:
        assert refused(server.path) == ErrorRecord(
            Code.MONITOR_NOT_ASKED, f"QMP: {command}: it is\x1b so", None, None
        )


@pytest.mark.parametrize(
    ("command", "answer", "detail"),
    [
        ("query-name", [], "Expected `object`, got `array`"),
        ("query-name", None, "Expected `object`, got `null`"),
        ("query-name", "web", "Expected `object`, got `str`"),
        ("query-name", {"name": 5}, "Expected `str | null`, got `int` - at `$.name`"),
        ("query-uuid", {}, "Object missing required field `UUID`"),
        ("query-uuid", {"UUID": None}, "Expected `str`, got `null` - at `$.UUID`"),
        ("query-migrate", [], "Expected `object`, got `array`"),
        (
            "query-migrate",
            {"blocked-reasons": "x"},
            "Expected `array`, got `str` - at `$.blocked-reasons`",
        ),
        (
            "query-migrate",
            {"blocked-reasons": None},
            "Expected `array`, got `null` - at `$.blocked-reasons`",
        ),
        (
            "query-migrate",
            {"blocked-reasons": ["x", 1]},
            "Expected `str`, got `int` - at `$.blocked-reasons[1]`",
        ),
        ("query-migrate-capabilities", {}, "Expected `array`, got `object`"),
        (
            "query-migrate-capabilities",
            [{"capability": "x"}],
            "Object missing required field `state` - at `$[0]`",
        ),
        (
            "query-migrate-capabilities",
            [{"capability": "x", "state": 1}],
            "Expected `bool`, got `int` - at `$[0].state`",
        ),
        ("qom-list", {}, "Expected `array`, got `object`"),
        ("qom-list", ["x"], "Expected `object`, got `str` - at `$[0]`"),
        (
            "qom-list",
            [{"name": "x"}],
            "Object missing required field `type` - at `$[0]`",
        ),
        (
            "qom-list",
            [{"name": None, "type": "child<vfio-pci>"}],
            "Expected `str`, got `null` - at `$[0].name`",
        ),
    ],
)
def test_an_answer_of_another_shape(
    tmp_path: Path, command: str, answer: object, detail: str
) -> None:
    answers = vm_answers(DEVICES)
    if command == "qom-list":
        command, answers["qom-list /machine/peripheral"] = "qom-list", answer
    else:
        answers[command] = answer
    with QmpServer(tmp_path, answers) as server:
        assert refused(server.path) == ErrorRecord(
            Code.MONITOR_NOT_ASKED,
            f"QMP: {command}: the answer is none of QEMU's",
            detail,
            None,
        )


# ---- monitors that are none ------------------------------------------------------

LATE = ErrorRecord(Code.MONITOR_NOT_ASKED, "QMP: no answer in 0.2 s", None, BUSY)
GONE = ErrorRecord(Code.MONITOR_NOT_ASKED, "QMP: Disconnected", None, None)
COMMANDS = ["query-migrate", "qom-list"]


def not_connected(why: str, hint: str = IS_IT) -> ErrorRecord:
    return ErrorRecord(
        Code.MONITOR_NOT_ASKED, f"cannot connect to QMP: {why}", None, hint
    )


@pytest.mark.parametrize("what", [HANGS, Raw(b""), Raw(b"{"), Raw(b'{"QMP": {}}')])
def test_a_monitor_that_hangs_before_its_greeting(tmp_path: Path, what: object) -> None:
    with QmpServer(tmp_path, {}, greeting=what) as server:
        assert refused(server.path, QUICK) == LATE


def test_a_monitor_that_hangs_after_its_greeting(tmp_path: Path) -> None:
    with QmpServer(tmp_path, {"qmp_capabilities": HANGS}) as server:
        assert refused(server.path, QUICK) == LATE


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
    tmp_path: Path, command: str, what: object
) -> None:
    answers = vm_answers() | {command: what}
    if command == "qom-list":
        answers["qom-list /machine/peripheral"] = what
    with QmpServer(tmp_path, answers) as server:
        assert refused(server.path, QUICK) == LATE


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "what",
    [
        ENDS,
        Raw(b"hello\r\n"),
        Raw(b"[]\r\n"),
        Raw(b"5\r\n"),
        Raw(b"\xff\xfe\r\n"),
        Raw(b"\x1b[31m\r\n"),
        Raw(b"[" * 60_000 + b"\r\n"),
        Raw(b"x" * 1_000_000 + b"\r\n"),
        Raw(b'{"return": "' + b"x" * 11_000_000 + b'"}\r\n'),
    ],
    ids=["end", "text", "list", "number", "binary", "escape", "deep", "long", "11MB"],
)
def test_a_session_that_ends_in_the_middle(
    tmp_path: Path, command: str, what: object
) -> None:
    answers = vm_answers() | {command: what}
    if command == "qom-list":
        answers["qom-list /machine/peripheral"] = what
    with QmpServer(tmp_path, answers) as server:
        assert refused(server.path) == GONE


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "Failed to deserialize QMP message"),
        (Raw(b"RFB 003.008\n"), "Failed to deserialize QMP message"),
        (Raw(b"\n"), "Failed to deserialize QMP message"),
        (Raw(b"\xff\x00\x01\n"), "Failed to deserialize QMP message"),
        (Raw(b"\x1b[31m\n"), "Failed to deserialize QMP message"),
        ([], "QMP message is not a JSON object"),
        ({"return": {}}, "\"'Greeting' object requires 'QMP' member\""),
        (
            Raw(b"{" + b" " * 10_000_000 + b"}\n"),
            "\"'Greeting' object requires 'QMP' member\"",
        ),
    ],
)
def test_a_greeting_that_is_none_of_qemus(
    tmp_path: Path, greeting: object, why: str
) -> None:
    with QmpServer(tmp_path, {}, greeting=greeting) as server:
        assert refused(server.path) == not_connected(
            f"Did not understand Greeting: {why}"
        )


@pytest.mark.parametrize(
    "greeting",
    [
        Raw(b"x" * 11_000_000),
        Raw(b"x" * 11_000_000 + b"\n"),
        Raw(b"[" * 60_000 + b"\n"),
        {"QMP": {}},
        {"QMP": []},
        {"QMP": {"version": {}, "capabilities": {}}},
        5,
        None,
    ],
)
def test_a_greeting_that_is_worse(tmp_path: Path, greeting: object) -> None:
    with QmpServer(tmp_path, {}, greeting=greeting) as server:
        found = refused(server.path)

    assert (found.code, found.hint) == ("VFC552", IS_IT)
    assert found.summary.startswith("cannot connect to QMP: ")
    assert len(found.summary) < 200
    assert "\n" not in found.summary


@pytest.mark.parametrize(
    ("greeting", "answers"),
    [
        (ENDS, {}),
        ({"QMP": {"version": {}, "capabilities": []}}, {"qmp_capabilities": ENDS}),
    ],
    ids=["before", "after"],
)
def test_a_qemu_that_ends_about_its_greeting_is_told_in_words(
    tmp_path: Path, greeting: object, answers: dict[str, Any]
) -> None:
    """It does when a device cannot be realized: it has greeted before."""
    with QmpServer(tmp_path, answers, greeting=greeting) as server:
        found = refused(server.path)

    assert (found.code, found.hint) == ("VFC552", IS_IT)
    assert not found.summary.endswith(": ")


def test_a_qemu_that_refuses_the_session_is_told_in_words(tmp_path: Path) -> None:
    answers = {"qmp_capabilities": Failure("GenericError", "no")}
    with QmpServer(tmp_path, answers) as server:
        found = refused(server.path)

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

    assert caught.value.record == ErrorRecord(
        Code.MONITOR_NOT_ASKED, f"cannot connect to {path}: {why}", None, hint
    )


def test_a_socket_whose_path_is_too_long_for_one(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    path.touch()
    found = refused(path)

    assert (found.code, found.summary) == (
        "VFC552",
        "cannot connect to QMP: AF_UNIX path too long",
    )


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
        found = refused(path)

    assert found == not_connected("Protocol wrong type for socket")


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


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as name:
        os.chmod(name, 0o755)  # noqa: S103 - that is its point
        yield Path(name)


def test_a_socket_of_another_user(open_folder: Path) -> None:
    with QmpServer(open_folder, vm_answers()) as server:
        os.chmod(server.path, 0o400)
        ask = refused  # what it imports may be readable by root alone
        import_module("qemu.qmp")
        with as_nobody():
            found = ask(server.path)

    assert found == not_connected("Permission denied", AS_ROOT)


def test_a_folder_of_another_user(open_folder: Path) -> None:
    """libvirt has its monitors in such, /var/lib/libvirt/qemu/domain-1-web."""
    folder = open_folder / "domain-1-web"
    folder.mkdir()
    with QmpServer(folder, vm_answers()) as server:
        folder.chmod(0)
        import_module("qemu.qmp")
        with as_nobody():
            found = refused(server.path)
        folder.chmod(0o700)

    assert found == not_connected("Permission denied", AS_ROOT)


def test_the_library_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(qmp, "import_module", fails)
    with pytest.raises(VmError) as caught:
        ask_qemu("/nonesuch", 10)

    assert caught.value.record == ErrorRecord(
        Code.QMP_NOT_INSTALLED,
        "asking a running QEMU needs the package qemu.qmp",
        None,
        "pip install 'vfiocompat[qmp]'",
    )
    assert caught.value.exit_code == 4


# ---- nothing else is said --------------------------------------------------------


class Heard(logging.Handler):
    """What reaches the root logger; pytest's own hears what does not, too."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.names.append(record.name)


@pytest.mark.parametrize("command", ["greeting", "query-migrate"])
def test_nothing_is_logged(tmp_path: Path, command: str) -> None:
    """What qemu.qmp would log is an error of ours already."""
    junk = Raw(b"hello\n")
    options: dict[str, Any] = {"greeting": junk} if command == "greeting" else {}
    heard = Heard()
    logging.getLogger().addHandler(heard)
    try:
        with QmpServer(tmp_path, vm_answers() | {command: junk}, **options) as server:
            refused(server.path)
    finally:
        logging.getLogger().removeHandler(heard)

    assert heard.names == []


@pytest.mark.parametrize(
    ("greeting", "answers", "said"),
    [
        (
            HANGS,
            {},
            f"error[VFC552]: QMP: no answer in 0.2 s\n   = help: {BUSY}\n",
        ),
        (
            Raw(b"hello\n"),
            {},
            (
                "error[VFC552]: cannot connect to QMP: Did not understand Greeting: "
                f"Failed to deserialize QMP message\n   = help: {IS_IT}\n"
            ),
        ),
        (
            Raw(b"{" + b" " * 10_000_000 + b"}\n"),
            {},
            (
                "error[VFC552]: cannot connect to QMP: Did not understand Greeting: "
                f"\"'Greeting' object requires 'QMP' member\"\n   = help: {IS_IT}\n"
            ),
        ),
        (
            None,
            {"query-migrate": HANGS},
            f"error[VFC552]: QMP: no answer in 0.2 s\n   = help: {BUSY}\n",
        ),
        (None, {"query-migrate": ENDS}, "error[VFC552]: QMP: Disconnected\n"),
        (
            None,
            {"query-migrate": Raw(b"x" * 11_000_000 + b"\n")},
            "error[VFC552]: QMP: Disconnected\n",
        ),
        (None, {"query-migrate": Raw(b"\xff\n")}, "error[VFC552]: QMP: Disconnected\n"),
        (
            None,
            {"query-uuid": Failure("CommandNotFound", "x")},
            "error[VFC553]: QMP: this QEMU is too old: it does not know query-uuid\n",
        ),
        (
            None,
            {"query-uuid": Failure("GenericError", "a\x1b[31m\nb")},
            "error[VFC552]: QMP: query-uuid: a\\x1b[31m\\nb\n",
        ),
        (None, {}, ""),
    ],
    ids=[
        "hangs at once",
        "no greeting",
        "long greeting",
        "hangs",
        "ends",
        "long answer",
        "binary answer",
        "too old",
        "error",
        "good",
    ],
)
def test_nothing_but_the_error_is_printed(  # noqa: PLR0917 - half are fixtures
    tmp_path: Path,
    plain_sysroot: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_process: RunProcess,
    greeting: object,
    answers: dict[str, Any],
    said: str,
) -> None:
    """Neither what qemu.qmp logs, nor what asyncio says of tasks left behind."""
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(plain_sysroot))
    options: dict[str, Any] = {} if greeting is None else {"greeting": greeting}
    timeout = "0.2" if HANGS in (greeting, *answers.values()) else "10"
    with QmpServer(tmp_path, vm_answers() | answers, **options) as server:
        result = run_process(
            f"vm qmp:{server.path} here --timeout {timeout}", exit_code=4 if said else 0
        )

    expected = f"vfiocompat: {said}" if said else ""
    assert result.stderr.replace(server.path, "QMP") == expected
    assert (result.stdout == "") is bool(said)
