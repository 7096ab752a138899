# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import HUNG, PROGRAM
from tests.machines import domain, hostdev
from tests.simulate.conftest import cannot_test
from tests.vm.test_domain import INTERFACE_XML, MDEV_XML, OTHER, PCI_XML, UUID
from vfiocompat.addresses import FunctionAddress, MdevAddress
from vfiocompat.diagnostics import Code
from vfiocompat.errors import DomainError, ErrorRecord, VmError
from vfiocompat.inventory import Inventory
from vfiocompat.vm.domain import MAX_BYTES, parse_manifest, rewritten
from vfiocompat.vm.manifest import Manifest
from vfiocompat.vm.model import DeviceAddress, DomainFile, LibvirtDomain, Vm, VmDevice
from vfiocompat.vm.read import Description, read_vm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Run, RunProcess

XML = b"<domain><name>web</name></domain>"
WEB = Vm(name="web")

QUICK = 0.4
"""A time-out, in seconds, for what never ends."""
SOON = 3
"""Seconds within which a read with that time-out has ended on a busy machine."""


def read(path: object, timeout: float = 10) -> Description:
    return read_vm(DomainFile(str(path)), timeout, migratable=False)


def refused(path: object, timeout: float = 10) -> ErrorRecord:
    """Give the error of a file that cannot be read."""
    with pytest.raises(DomainError) as caught:
        read(path, timeout)
    return caught.value.record


def asked(
    name: str, uri: str | None = None, timeout: float = 10, *, migratable: bool = False
) -> Description:
    return read_vm(LibvirtDomain(name, uri), timeout, migratable=migratable)


def unanswered(
    name: str, uri: str | None = None, timeout: float = 10, *, migratable: bool = False
) -> ErrorRecord:
    """Give the error of a domain that libvirt does not tell of."""
    with pytest.raises(VmError) as caught:
        asked(name, uri, timeout, migratable=migratable)
    assert caught.value.exit_code == 4
    return caught.value.record


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON


# ---- files -----------------------------------------------------------------------


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "vm.xml"
    file.write_bytes(XML)

    assert read(file) == Description(WEB, str(file), XML, None)


@pytest.mark.parametrize("name", ["a b", "é", "-", "--x", "\udcff", "x" * 255])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(XML)

    assert read(file).vm == WEB


def test_a_path_may_be_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vm.xml").write_bytes(XML)
    Path("a@b:c").write_bytes(XML)

    assert read("vm.xml").where == "vm.xml"
    assert read("a@b:c").vm == WEB


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "vm.xml").write_bytes(XML)
    (tmp_path / "link").symlink_to("vm.xml")

    assert read(tmp_path / "link").vm == WEB


def test_a_file_may_be_as_long_as_domain_xml(tmp_path: Path) -> None:
    file = tmp_path / "vm.xml"
    file.write_bytes(XML + b" " * (MAX_BYTES - len(XML)))
    assert read(file).vm == WEB

    file.write_bytes(XML + b" " * (MAX_BYTES - len(XML) + 1))
    assert refused(file) == ErrorRecord(
        Code.DOMAIN_UNUSABLE,
        f"{file} is longer than domain XML may be (4 MiB)",
        None,
        None,
    )


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "vm.xml"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)

    with soon():
        assert refused(file).summary.endswith("may be (4 MiB)")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/nonesuch", "No such file or directory"),
        ("/nonesuch/vm.xml", "No such file or directory"),
        ("/etc/passwd/vm.xml", "Not a directory"),
        ("/", "Is a directory"),
        ("/proc/self/mem", "Input/output error"),  # of which root reads nothing too
        ("/" + "x" * 256, "File name too long"),
        ("/x" * 4000, "File name too long"),
    ],
)
def test_a_file_that_cannot_be_read(path: str, why: str) -> None:
    assert refused(path) == ErrorRecord(
        Code.DOMAIN_UNUSABLE, f"cannot read {path}: {why}", None, None
    )


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    assert refused(tmp_path / "a").summary == (
        f"cannot read {tmp_path}/a: Too many levels of symbolic links"
    )


def test_a_file_without_permission(tmp_path: Path) -> None:
    file = tmp_path / "vm.xml"
    file.write_bytes(XML)
    file.chmod(0)
    root = os.geteuid() == 0  # who may read everything
    if root:
        os.seteuid(65534)
    try:
        summary = refused(file).summary
    finally:
        if root:
            os.seteuid(0)
    assert summary.startswith(f"cannot read {file}: Permission denied")


def test_a_socket_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))
        assert refused(path).summary == (
            f"cannot read {path}: No such device or address"
        )


@pytest.mark.parametrize(
    ("path", "summary"),
    [
        ("/dev/null", "/dev/null is empty"),
        ("/dev/zero", "/dev/zero is longer than domain XML may be (4 MiB)"),
    ],
)
def test_a_device_that_gives_nothing_or_everything(path: str, summary: str) -> None:
    with soon():
        assert refused(path).summary == summary


def test_a_mistake_in_a_file_names_it(tmp_path: Path) -> None:
    file = tmp_path / "vm.xml"
    file.write_bytes(b"<network/>")

    assert refused(file).summary == (
        f"{file} is not a libvirt domain: its root is <network>"
    )


# ---- pipes -----------------------------------------------------------------------


@contextmanager
def written(number: int, data: bytes, pause: float = 0) -> Iterator[None]:
    """Write into a pipe in two parts, beside the test, and close it."""

    def write() -> None:
        with open(number, "wb", buffering=0) as pipe:
            for part in (data[:9], data[9:]):
                time.sleep(pause)
                pipe.write(part)

    thread = threading.Thread(target=write)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("pause", [0, 0.1])
@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_a_pipe_as_a_shell_makes_one(pause: float, folder: str) -> None:
    out, into = os.pipe()
    try:
        with written(into, XML, pause):
            assert read(f"{folder}/{out}").vm == WEB
    finally:
        os.close(out)


def test_more_than_a_pipe_holds() -> None:
    data = XML + b" " * 1_000_000
    out, into = os.pipe()
    try:
        with written(into, data):
            assert read(f"/dev/fd/{out}").xml == data
    finally:
        os.close(out)


def test_a_pipe_that_nobody_writes_into_any_more() -> None:
    out, into = os.pipe()
    os.close(into)
    try:
        assert refused(f"/dev/fd/{out}").summary == f"/dev/fd/{out} is empty"
    finally:
        os.close(out)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def no_end_of(where: object) -> ErrorRecord:
    return ErrorRecord(
        Code.DOMAIN_UNUSABLE, f"{where}: no end of it in 0.4 s", None, None
    )


def test_a_fifo_that_nobody_has_opened(fifo: Path) -> None:
    with soon():
        assert refused(fifo, QUICK) == no_end_of(fifo)


@pytest.mark.parametrize("text", [b"", b"<domain/>", b"<domain>"])
def test_a_fifo_whose_writer_never_ends(fifo: Path, text: bytes) -> None:
    with fifo.open("r+b", buffering=0) as writer, soon():
        writer.write(text)
        assert refused(fifo, QUICK) == no_end_of(fifo)


def test_a_writer_that_drips_has_the_time_of_the_whole(fifo: Path) -> None:
    done = threading.Event()

    def drip() -> None:
        with fifo.open("r+b", buffering=0) as pipe:
            while not done.wait(0.05):
                pipe.write(b" ")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with soon():
            assert refused(fifo, QUICK) == no_end_of(fifo)
    finally:
        done.set()
        thread.join()


def test_a_writer_that_begins_late(fifo: Path) -> None:
    def write() -> None:
        time.sleep(0.2)
        fifo.write_bytes(XML)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert read(fifo).vm == WEB
    finally:
        thread.join()


def test_a_writer_without_end_is_stopped_at_the_limit(fifo: Path) -> None:
    with (
        fifo.open("r+b", buffering=0) as into,
        subprocess.Popen(["yes"], stdout=into) as process,
    ):
        try:
            with soon():
                assert refused(fifo).summary.endswith("may be (4 MiB)")
        finally:
            process.kill()


# ---- stdin -----------------------------------------------------------------------


@pytest.fixture
def here(plain_sysroot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a host that takes a VM without devices."""
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(plain_sysroot))


@pytest.mark.usefixtures("here")
def test_stdin(run_process: RunProcess) -> None:
    result = run_process("vm domain:- here --format json", stdin=XML)

    assert result.stderr == ""
    assert result.json["vm"]["name"] == "web"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (b"", "vfiocompat: error[VFC550]: stdin is empty"),
        (
            b"<a/>",
            "vfiocompat: error[VFC550]: stdin is not a libvirt domain: its root is <a>",
        ),
        (b"\xff", "vfiocompat: error[VFC550]: stdin is not XML"),
    ],
)
def test_a_mistake_on_stdin(run_process: RunProcess, data: bytes, summary: str) -> None:
    result = run_process("vm domain:- here", stdin=data, exit_code=4)

    assert result.stdout == ""
    assert result.stderr.splitlines()[0] == summary


@pytest.mark.usefixtures("here")
def test_a_closed_stdin() -> None:
    line = f"exec {sys.executable} -m vfiocompat vm domain:- here <&-"
    process = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, check=False, timeout=HUNG
    )

    assert process.returncode == 4
    assert process.stderr.splitlines()[0] == (
        "vfiocompat: error[VFC550]: stdin is empty"
    )


@pytest.mark.usefixtures("here")
def test_a_stdin_that_never_ends() -> None:
    line = [*PROGRAM, "vm", "domain:-", "here", "--timeout", "0.4"]
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()

    assert process.returncode == 4
    assert (
        said.splitlines()[0]
        == "vfiocompat: error[VFC550]: stdin: no end of it in 0.4 s"
    )


# ---- libvirt, by a virsh of ours --------------------------------------------------


class Virsh:
    """A program of that name, first in PATH; it notes how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "bin/virsh"
        self._file.parent.mkdir()

    def does(self, script: str) -> None:
        """Write it: what it notes first, and then this script."""
        notes = (
            'for each in "$@"; do printf "%s\\0" "$each"; done > "$FOLDER/arguments"\n'
            'echo "$*" >> "$FOLDER/calls"\n'
            'case "$*" in *" uri") echo "${URI-test:///default}"; exit;; esac\n'
            'env > "$FOLDER/environment"; echo $$ > "$FOLDER/pid"\n'
        )
        text = f"#!/bin/sh\nFOLDER='{self.folder}'\n{notes}{script}\n"
        self._file.write_text(text, encoding="utf-8")
        self._file.chmod(0o755)

    def gives(self, data: bytes) -> None:
        """Have it write this on stdout."""
        (self.folder / "out").write_bytes(data)
        self.does('cat "$FOLDER/out"')

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()

    @property
    def arguments(self) -> list[str]:
        return os.fsdecode((self.folder / "arguments").read_bytes()).split("\0")[:-1]

    @property
    def environment(self) -> dict[str, str]:
        lines = (self.folder / "environment").read_text(encoding="utf-8").splitlines()
        return {line.partition("=")[0]: line.partition("=")[2] for line in lines}

    def pid(self, name: str = "pid") -> int:
        return int((self.folder / name).read_text(encoding="utf-8"))


@pytest.fixture
def virsh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Virsh:
    found = Virsh(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    found.gives(XML)
    return found


@pytest.mark.parametrize(
    ("uri", "migratable", "expected"),
    [
        (None, False, ["--quiet", "--readonly", "dumpxml"]),
        (None, True, ["--quiet", "dumpxml", "--migratable"]),
        (
            "qemu+ssh://r@a/system",
            False,
            [
                "--quiet",
                "--readonly",
                "--connect",
                "qemu+ssh://r@a/system",
                "dumpxml",
            ],
        ),
        (
            "test:///x",
            True,
            ["--quiet", "--connect", "test:///x", "dumpxml", "--migratable"],
        ),
    ],
)
def test_virsh_is_asked_read_only_unless_that_is_refused(
    virsh: Virsh, uri: str | None, expected: list[str], *, migratable: bool
) -> None:
    machine = asked("web", uri, migratable=migratable)

    assert machine[:3] == (WEB, "the XML of web", XML)
    assert virsh.arguments == [*expected, "--domain=web"]
    asking = [each for each in virsh.calls if "--readonly" not in each]
    assert len(asking) == migratable


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


def test_the_devices_of_another_host_are_not_looked_for_here(
    virsh: Virsh, run: Run
) -> None:
    virsh.gives(domain(UUID).encode())
    result = run("vm libvirt:web@qemu+ssh://b/system here", exit_code=4)

    assert "error[VFC555]: the XML of web comes from another host" in result.stderr
    assert "--from" in result.stderr


def test_a_vm_of_another_host_without_devices_is_read(
    virsh: Virsh, plain_sysroot: Path, run: Run
) -> None:
    virsh.gives(domain().encode())
    line = f"vm libvirt:web@qemu+ssh://b/system here --sysroot {plain_sysroot}"
    assert "compatible: web" in run(line).stdout


POOL = "<interface type='network'><source network='pool'/></interface>"


def test_xml_for_a_destination_has_to_name_all_devices(virsh: Virsh) -> None:
    function = hostdev("0000:3b:00.1", "net0")
    virsh.does(
        'case "$*" in *--migratable*) cat "$FOLDER/there";; *) cat "$FOLDER/out";; esac'
    )
    (virsh.folder / "out").write_text(domain(UUID, more=function))
    (virsh.folder / "there").write_text(domain(UUID, more=POOL))

    assert len(asked("web").vm.devices) == 2
    found = unanswered("web", migratable=True)
    assert (found.code, found.summary) == (
        "VFC557",
        "libvirt's XML for a destination does not name 0000:3b:00.1",
    )


def test_virsh_prints_without_end(virsh: Virsh) -> None:
    virsh.does("exec yes")
    with soon(), pytest.raises(DomainError) as caught:
        asked("web", "test:///x")
    assert caught.value.record.summary == (
        "the XML of web is longer than domain XML may be (4 MiB)"
    )


def test_virsh_complains_without_end(virsh: Virsh) -> None:
    virsh.does("yes | head -c 1000000 >&2; exit 1")
    assert len(unanswered("web", "test:///x").detail or "") < 20_000
    virsh.does("exec yes >&2")
    with soon():
        assert unanswered("web", "test:///x", QUICK) == HANGS


@pytest.mark.parametrize(
    "name",
    [
        "-web",
        "--domain",
        "--",
        "a b",
        "a;reboot",
        "$(reboot)",
        "'\"",
        "é",
        "\udcff",
        "a\nb",
        "*",
        "a=b",
        "",
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


@pytest.mark.usefixtures("here")
def test_virsh_has_nothing_to_read(
    virsh: Virsh, run_process: RunProcess, tmp_path: Path
) -> None:
    """It may ask for a password."""
    virsh.does('cat > "$FOLDER/stdin"; cat "$FOLDER/out"')

    run_process("vm libvirt:web here", stdin=b"secret")
    assert (tmp_path / "stdin").read_bytes() == b""


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

    assert unanswered("web", "test:///x") == ErrorRecord(
        Code.VM_NOT_READ,
        "virsh cannot give the XML of web",
        detail,
        "'virsh list --all' shows the domains there are",
    )


@pytest.mark.usefixtures("here")
def test_what_virsh_says_cannot_reach_the_terminal(
    virsh: Virsh, run_process: RunProcess
) -> None:
    virsh.does("printf 'error: \\033[31m\\233\\a\\nnext' >&2; exit 1")
    result = run_process("vm libvirt:web here", exit_code=4)

    assert result.stdout == ""
    assert result.stderr.startswith(
        "vfiocompat: error[VFC551]: virsh cannot give the XML of web\n"
    )
    assert "\x1b" not in result.stderr
    assert "\a" not in result.stderr


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (b"", "the XML of web is empty"),
        (b"\n", "the XML of web is empty"),
        (
            b"<network/>",
            "the XML of web is not a libvirt domain: its root is <network>",
        ),
        (b"hello", "the XML of web is not XML"),
        (
            XML + b" " * MAX_BYTES,
            "the XML of web is longer than domain XML may be (4 MiB)",
        ),
    ],
)
def test_virsh_gives_something_else(virsh: Virsh, data: bytes, summary: str) -> None:
    virsh.gives(data)
    found = unanswered("web")

    assert (found.code, found.summary) == ("VFC550", summary)


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


HANGS = ErrorRecord(Code.VM_NOT_READ, "virsh: no answer about web in 0.4 s", None, None)


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60 & echo $! > $FOLDER/child; wait",
        "sleep 60 & echo $! > $FOLDER/child; cat $FOLDER/out; wait",
        "sleep 60 & echo $! > $FOLDER/child; exit 0",  # it holds our pipe
        "trap '' TERM INT; sleep 60 & echo $! > $FOLDER/child; wait; wait",
    ],
)
def test_virsh_hangs_and_is_killed_with_its_ssh(virsh: Virsh, script: str) -> None:
    virsh.does(script)

    with soon():
        assert unanswered("web", timeout=QUICK) == HANGS
    assert ended(virsh.pid())
    assert ended(virsh.pid("child"))


def test_virsh_writes_without_end(virsh: Virsh) -> None:
    virsh.does("while sleep 0.05; do echo x; done")

    with soon():
        assert unanswered("web", timeout=QUICK) == HANGS
    assert ended(virsh.pid())


def test_a_process_that_left_the_group_is_not_waited_for(virsh: Virsh) -> None:
    """The master of ssh's ControlPersist is such a one, and may keep our pipes."""
    virsh.does("setsid sleep 4 & echo $! > $FOLDER/child; wait")

    with soon():
        assert unanswered("web", timeout=QUICK) == HANGS


@pytest.mark.usefixtures("here")
def test_the_time_is_an_option(virsh: Virsh, run_process: RunProcess) -> None:
    virsh.does("sleep 60")

    result = run_process("vm libvirt:web here --timeout 0.4", exit_code=4)
    assert result.stderr.splitlines()[0] == (
        "vfiocompat: error[VFC551]: virsh: no answer about web in 0.4 s"
    )


def no_virsh(why: str) -> ErrorRecord:
    return ErrorRecord(
        Code.VM_NOT_READ,
        f"cannot run virsh: {why}",
        None,
        "it is in libvirt's package of clients (libvirt-clients)",
    )


def test_virsh_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert unanswered("web") == no_virsh("No such file or directory")


def test_virsh_cannot_be_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "virsh").write_text("#!/bin/sh\n", encoding="utf-8")

    assert unanswered("web") == no_virsh("Permission denied")


def test_virsh_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "virsh").write_bytes(b"\0\1\2")
    (tmp_path / "virsh").chmod(0o755)

    assert unanswered("web") == no_virsh("Exec format error")


# ---- libvirt itself --------------------------------------------------------------

DASHED = "-web"
NODE = f"""\
<node>
  <domain type='test'>
    <name>web</name>
    <uuid>{OTHER}</uuid>
    <metadata><x:y xmlns:x='urn:x' name='abc'/></metadata>
    <memory unit='MiB'>64</memory>
    <os><type>hvm</type></os>
    <devices>{MDEV_XML}{PCI_XML}{INTERFACE_XML}</devices>
  </domain>
  <domain type='test'>
    <name>{DASHED}</name>
    <memory unit='MiB'>64</memory>
    <os><type>hvm</type></os>
  </domain>
  <domain type='test'>
    <name>--domain</name>
    <memory unit='MiB'>64</memory>
    <os><type>hvm</type></os>
  </domain>
</node>
""".replace("<alias name='hostdev0'/>", "")
DEVICES = (
    VmDevice(address=FunctionAddress("0000:3b:02.2")),
    VmDevice(address=MdevAddress(UUID)),
    VmDevice(address=FunctionAddress("0000:3b:02.1")),
)


@pytest.fixture
def node(tmp_path: Path) -> str:
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
    machine = asked(name, node, migratable=migratable)

    assert machine.where == f"the XML of {name}"
    assert (machine.vm.name, machine.vm.uuid, machine.vm.machine) == (
        "web",
        OTHER,
        None,
    )
    assert (machine.vm.postcopy, machine.vm.blockers) == (None, None)
    assert without_names(machine.vm) == DEVICES
    assert machine.xml is not None
    assert machine.xml.startswith(b"<domain type='test'")


@pytest.mark.parametrize("name", [DASHED, "--domain"])
def test_a_domain_of_libvirt_whose_name_is_like_an_option(node: str, name: str) -> None:
    assert asked(name, node).vm.name == name


def test_libvirt_has_no_such_domain(node: str) -> None:
    assert unanswered("nonesuch", node) == ErrorRecord(
        Code.VM_NOT_READ,
        "virsh cannot give the XML of nonesuch",
        "error: failed to get domain 'nonesuch'",
        "'virsh list --all' shows the domains there are",
    )


@pytest.mark.parametrize("uri", ["test:///nonesuch.xml", "nonesuch:///x", "qemu:x"])
def test_libvirt_knows_no_such_connection(node: str, uri: str) -> None:
    assert node
    found = unanswered("web", uri)

    assert found.summary == "virsh cannot give the XML of web"
    assert "error: failed to connect to the hypervisor\n" in (found.detail or "")


def test_a_libvirt_that_does_not_answer(node: str, tmp_path: Path) -> None:
    assert node
    path = tmp_path / "libvirt"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))
        server.listen()
        uri = f"qemu+unix:///system?socket={path}"
        with soon():
            assert unanswered("web", uri, QUICK) == HANGS


def define(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Have libvirt read domain XML and write it again."""
    line = f"define {' '.join(options)} {file}; dumpxml web"
    return subprocess.run(
        ["virsh", "-q", "-c", "test:///default", line],
        capture_output=True,
        text=True,
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
    machine = asked("web", node, migratable=True)
    assert machine.xml is not None
    taken = Inventory(
        host="a",
        machine_id=None,
        taken_at="2026-11-01T00:00:00Z",
        kernel="6.12",
        endpoints=[],
        problems=[],
    )
    manifest = Manifest("b", {UUID: OTHER}, taken)
    file = tmp_path / "again.xml"
    file.write_bytes(rewritten(machine.xml, "x", addresses, manifest))

    process = define(file, "--validate")
    assert process.returncode == 0, process.stderr
    file.write_text(process.stdout, encoding="utf-8")
    again = read(file)
    assert [device.address for device in again.vm.devices] == [
        there or device.address
        for device, there in zip(DEVICES, addresses, strict=True)
    ]
    assert again.xml is not None
    assert parse_manifest(again.xml, "x") == manifest
    assert b'<x:y xmlns:x="urn:x" name="abc"/>' in again.xml


@pytest.mark.parametrize(
    ("slot", "libvirt_takes_it"),
    [
        ("0x1f", True),
        ("31", True),
        ("037", True),
        ("0x20", False),
        ("040", False),
        ("09", False),
        ("0x", False),
        ("", False),
        ("-1", False),
        ("1 ", False),
    ],
)
def test_a_number_is_one_for_us_as_for_libvirt(
    node: str, tmp_path: Path, slot: str, *, libvirt_takes_it: bool
) -> None:
    assert node
    file = tmp_path / "vm.xml"
    file.write_text(
        "<domain type='test'><name>web</name><memory>65536</memory>"
        "<os><type>hvm</type></os><devices><hostdev mode='subsystem' type='pci'>"
        f"<source><address bus='1' slot='{slot}'/></source></hostdev></devices>"
        "</domain>",
        encoding="utf-8",
    )
    process = define(file)

    assert (process.returncode == 0) is libvirt_takes_it, process.stderr
    if libvirt_takes_it:
        before = read(file).vm.devices
        file.write_text(process.stdout, encoding="utf-8")
        assert without_names(read(file).vm) == before
    else:
        refused(file)
