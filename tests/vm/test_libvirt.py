# SPDX-License-Identifier: Apache-2.0
"""virsh fails, hangs or says too much; and libvirt takes what is written."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import HUNG
from tests.fleets import inventory
from tests.simulate.conftest import cannot_test
from tests.vm.documents import INTERFACE_XML, MDEV_XML, OTHER, PCI_XML, UUID, domain
from tests.vm.virsh import QUICK, SOON, WEB, Virsh, asked, soon, unanswered
from vfiocompat import codes
from vfiocompat.addresses import FunctionAddress, MdevAddress
from vfiocompat.errors import DomainError, ErrorRecord
from vfiocompat.vm.domain import Domain
from vfiocompat.vm.manifest import Manifest
from vfiocompat.vm.model import DeviceAddress, Vm, VmDevice

if TYPE_CHECKING:
    from tests.conftest import RunProcess

HANGS = ErrorRecord(
    codes.VM_NOT_READ, "virsh: no answer about web in 0.4 s", None, None
)


def cannot_give(name: str, detail: str | None) -> ErrorRecord:
    summary = f"virsh cannot give the XML of {name}"
    hint = "'virsh list --all' shows the domains there are"
    return ErrorRecord(codes.VM_NOT_READ, summary, detail, hint)


# ---- how it is called ------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "elsewhere"),
    [
        ("qemu:///system", False),
        ("qemu+unix:///system?socket=/run/x", False),
        ("test:///default", False),
        ("qemu+ssh://localhost/system", False),
        ("qemu+tls://[::1]:16514/system", False),
        (f"qemu+ssh://root@{os.uname().nodename}/system", False),
        ("qemu+ssh://node-b/system", True),
        ("qemu+ssh://root@node-b:22/system?keyfile=x", True),
        ("qemu+tcp://10.0.0.2/system", True),
        ("qemu+libssh2://[fe80::1]/system", True),
        ("qemu+ext:///system?command=/bin/elsewhere", True),
        ("qemu+ssh://[::/system", True),
    ],
)
def test_a_connection_may_go_to_another_host(
    virsh: Virsh, monkeypatch: pytest.MonkeyPatch, uri: str, *, elsewhere: bool
) -> None:
    monkeypatch.setenv("URI", uri)
    expected = uri if elsewhere else None
    assert asked("web", uri).remote == expected
    assert virsh.calls == [f"--quiet --readonly --connect {uri} dumpxml --domain=web"]
    assert asked("web").remote == expected, "virsh says what its own connection is"
    assert virsh.calls[1] == "--quiet --readonly uri"


@pytest.mark.parametrize(
    "name",
    [
        *("-web", "--domain", "--", "a b", "a;reboot", "$(reboot)", "'\""),
        *("é", "\udcff", "a\nb", "*", "a=b", ""),
    ],
)
def test_a_name_is_one_argument_whatever_it_is(virsh: Virsh, name: str) -> None:
    assert asked(name).vm == WEB
    assert virsh.arguments == ["--quiet", "--readonly", "dumpxml", f"--domain={name}"]


def test_virsh_speaks_english(virsh: Virsh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "test:///default")
    asked("web")
    assert virsh.environment["LC_ALL"] == "C"
    assert virsh.environment["LIBVIRT_DEFAULT_URI"] == "test:///default"
    assert os.environ["LC_ALL"] == "de_DE.UTF-8"


def test_virsh_has_nothing_to_read(
    virsh: Virsh, run_process: RunProcess, plain_sysroot: Path
) -> None:
    """It may ask for a password."""
    virsh.does('cat > "$FOLDER/stdin"; cat "$FOLDER/out"')
    line = f"vm libvirt:web here --sysroot {plain_sysroot}"
    run_process(line, stdin=b"secret")
    assert (virsh.folder / "stdin").read_bytes() == b""


# ---- what it says, and when ------------------------------------------------------


def test_what_virsh_says_beside_the_xml_is_no_matter(virsh: Virsh) -> None:
    virsh.does('echo warning >&2; cat "$FOLDER/out"; echo')
    assert asked("web").vm == WEB


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ("echo error: failed to get domain >&2; exit 1", "error: failed to get domain"),
        ("echo; echo error: x >&2; exit 1", "error: x"),
        ("printf 'a\\nb\\n\\n' >&2; exit 1", "a\nb"),
        ("printf '\\377' >&2; exit 1", "\\xff"),
        ("printf 'é' >&2; exit 2", "é"),
        ('cat "$FOLDER/out"; exit 1', None),
        ("exit 1", None),
        ("exit 127", None),
        ("echo ' ' >&2; exit 1", None),
        ("kill -9 $$", None),
        ("kill -15 $$", None),
    ],
)
def test_virsh_fails_in_its_own_words(
    virsh: Virsh, script: str, detail: str | None
) -> None:
    virsh.does(script)
    assert unanswered("web", "test:///x") == cannot_give("web", detail)


def test_what_virsh_says_cannot_reach_the_terminal(
    virsh: Virsh, run_process: RunProcess
) -> None:
    virsh.does("printf 'error: \\033[31m\\233\\a\\nnext' >&2; exit 1")
    result = run_process("vm libvirt:web here", exit_code=4)
    assert result.stdout == ""
    first, *_ = result.stderr.splitlines()
    assert first == "vfiocompat: error[VFC551]: virsh cannot give the XML of web"
    assert not {"\x1b", "\a"} & set(result.stderr)


def test_virsh_says_something_without_end(virsh: Virsh) -> None:
    virsh.does("exec yes")
    with soon(), pytest.raises(DomainError) as caught:
        asked("web", "test:///x")
    assert caught.value.record.summary == (
        "the XML of web is longer than domain XML may be (4 MiB)"
    )
    virsh.does("yes | head -c 1000000 >&2; exit 1")
    assert len(unanswered("web", "test:///x").detail or "") < 20_000
    virsh.does("exec yes >&2")
    with soon():
        assert unanswered("web", "test:///x", QUICK) == HANGS


def runs(pid: int) -> bool:
    """Whether a process still does something: nobody may have waited for it yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def ended(pid: int) -> bool:
    until = time.monotonic() + SOON
    while runs(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not runs(pid)


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60 & echo $! > $FOLDER/child; wait",
        "sleep 60 & echo $! > $FOLDER/child; cat $FOLDER/out; wait",
        "sleep 60 & echo $! > $FOLDER/child; exit 0",  # it holds our pipe
        "trap '' TERM INT; sleep 60 & echo $! > $FOLDER/child; wait; wait",
        "echo $$ > $FOLDER/child; while sleep 0.05; do echo x; done",
    ],
)
def test_virsh_hangs_and_is_killed_with_its_ssh(virsh: Virsh, script: str) -> None:
    virsh.does(script)
    with soon():
        assert unanswered("web", timeout=QUICK) == HANGS
    assert ended(virsh.pid())
    assert ended(virsh.pid("child"))


def test_a_process_that_left_the_group_is_not_waited_for(virsh: Virsh) -> None:
    """The master of ssh's ControlPersist is such a one, and may keep our pipes."""
    virsh.does("setsid sleep 4 & echo $! > $FOLDER/child; wait")
    with soon():
        assert unanswered("web", timeout=QUICK) == HANGS


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    ("program", "mode", "why"),
    [
        (None, 0, "No such file or directory"),
        (b"#!/bin/sh\n", 0o644, "Permission denied"),
        (b"\0\1\2", 0o755, "Exec format error"),
    ],
)
def test_virsh_cannot_be_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: bytes | None,
    mode: int,
    why: str,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if program is not None:
        (tmp_path / "virsh").write_bytes(program)
        (tmp_path / "virsh").chmod(mode)
    assert unanswered("web") == ErrorRecord(
        codes.VM_NOT_READ,
        f"cannot run virsh: {why}",
        None,
        "it is in libvirt's package of clients (libvirt-clients)",
    )


# ---- libvirt itself --------------------------------------------------------------

BARE = "<memory unit='MiB'>64</memory><os><type>hvm</type></os>"
NODE = f"""\
<node>
  <domain type='test'>
    <name>web</name>
    <uuid>{OTHER}</uuid>
    <metadata><x:y xmlns:x='urn:x' name='abc'/></metadata>
    {BARE}
    <devices>{MDEV_XML}{PCI_XML}{INTERFACE_XML}</devices>
  </domain>
  <domain type='test'><name>-web</name>{BARE}</domain>
  <domain type='test'><name>--domain</name>{BARE}</domain>
</node>
""".replace("<alias name='hostdev0'/>", "")
DEVICES = (
    VmDevice(address=FunctionAddress("0000:3b:02.2")),
    VmDevice(address=MdevAddress(UUID)),
    VmDevice(address=FunctionAddress("0000:3b:02.1")),
)


@pytest.fixture
def node(_processes: None, tmp_path: Path) -> str:
    """Give the URI of a host that libvirt's test driver makes up."""
    if shutil.which("virsh") is None:
        cannot_test("virsh is not installed")
    file = tmp_path / "node.xml"
    file.write_text(NODE, encoding="utf-8")
    return f"test://{file}"


def without_names(vm: Vm) -> tuple[VmDevice, ...]:
    """Give the devices; the test driver gives aliases to some."""
    return tuple(
        VmDevice(address=device.address, unplugged=device.unplugged)
        for device in vm.devices
    )


@pytest.mark.parametrize("migratable", [False, True])
@pytest.mark.parametrize("name", ["web", OTHER, "1"])
def test_a_domain_of_libvirt(node: str, name: str, *, migratable: bool) -> None:
    found = asked(name, node, migratable=migratable)
    assert found.where == f"the XML of {name}"
    assert found.vm == Vm(name="web", uuid=OTHER, devices=found.vm.devices)
    assert without_names(found.vm) == DEVICES


def test_a_domain_that_is_not_there_and_one_whose_name_is_like_an_option(
    node: str,
) -> None:
    for name in ("-web", "--domain"):
        assert asked(name, node).vm.name == name
    detail = "error: failed to get domain 'nonesuch'"
    assert unanswered("nonesuch", node) == cannot_give("nonesuch", detail)


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("uri", ["test:///nonesuch.xml", "nonesuch:///x", "qemu:x"])
def test_libvirt_knows_no_such_connection(uri: str) -> None:
    found = unanswered("web", uri)
    assert found.summary == "virsh cannot give the XML of web"
    assert "error: failed to connect to the hypervisor\n" in (found.detail or "")


@pytest.mark.usefixtures("node")
def test_a_libvirt_that_does_not_answer(tmp_path: Path) -> None:
    path = tmp_path / "libvirt"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))
        server.listen()
        with soon():
            uri = f"qemu+unix:///system?socket={path}"
            assert unanswered("web", uri, QUICK) == HANGS


def define(file: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Have libvirt read domain XML and write it again."""
    line = f"define {' '.join(options)} {file}; dumpxml web"
    return subprocess.run(
        ["virsh", "-q", "-c", "test:///default", line],
        capture_output=True,
        check=False,
        timeout=HUNG,
        env=os.environ | {"LC_ALL": "C"},
    )


@pytest.mark.parametrize(
    "addresses",
    [
        [None, None, None],
        [FunctionAddress("0001:02:03.4"), MdevAddress(OTHER), None],
        [FunctionAddress("10000:e1:00.0"), None, FunctionAddress("0001:02:03.4")],
        [None, FunctionAddress("0001:02:03.4"), None],
        [None, FunctionAddress("0001:02:03.4"), MdevAddress(OTHER)],
    ],
    ids=["same", "others", "functions", "mdev to function", "exchanged"],
)
def test_libvirt_takes_what_is_written(
    node: str, tmp_path: Path, addresses: list[DeviceAddress | None]
) -> None:
    domain = asked("web", node, migratable=True).domain
    assert domain is not None
    manifest = Manifest("b", {UUID: OTHER}, inventory("a"))
    file = tmp_path / "again.xml"
    file.write_bytes(domain.rewritten(addresses, manifest))
    process = define(file, "--validate")

    assert process.returncode == 0, process.stderr
    again = Domain(process.stdout, "x")
    assert [device.address for device in again.vm.devices] == [
        device.address if there is None else there
        for device, there in zip(DEVICES, addresses, strict=True)
    ]
    assert again.manifest() == manifest
    assert b'<x:y xmlns:x="urn:x" name="abc"/>' in process.stdout


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize(
    ("slot", "libvirt_takes_it"),
    [
        *((slot, True) for slot in ("0x1f", "31", "037")),
        *((slot, False) for slot in ("0x20", "040", "09", "0x", "", "-1", "1 ")),
    ],
)
def test_a_number_is_one_for_us_as_for_libvirt(
    tmp_path: Path, slot: str, *, libvirt_takes_it: bool
) -> None:
    source = f"<source><address bus='1' slot='{slot}'/></source>"
    hostdev = f"<hostdev mode='subsystem' type='pci'>{source}</hostdev>"
    text = f"<name>web</name>{BARE}<devices>{hostdev}</devices>"
    file = tmp_path / "vm.xml"
    file.write_text(f"<domain type='test'>{text}</domain>", encoding="utf-8")
    process = define(file)

    assert (process.returncode == 0) is libvirt_takes_it, process.stderr
    if libvirt_takes_it:
        before = Domain(file.read_bytes(), "x").vm.devices
        assert without_names(Domain(process.stdout, "x").vm) == before
    else:
        with pytest.raises(DomainError):
            Domain(file.read_bytes(), "x")


def test_a_running_vm_has_what_its_migratable_xml_does_not_tell(virsh: Virsh) -> None:
    """libvirt formats a block job of a VM that runs only (domain_conf.c)."""
    job = "<disk type='file'><driver type='qcow2'/><mirror job='copy'/></disk>"
    for name, devices in (("live", MDEV_XML + job), ("there", MDEV_XML)):
        (virsh.folder / name).write_bytes(domain(devices))
    virsh.does(
        'case "$*" in *--migratable*) F=there;; *) F=live;; esac; cat "$FOLDER/$F"'
    )
    here, gone = asked("web"), asked("web", migratable=True)
    for found in (here, gone):
        assert found.vm.besides == ("a block job that copies a disk",)
        assert len(found.vm.devices) == 1
    assert gone.domain is not None
    assert gone.domain.vm.besides == ()
