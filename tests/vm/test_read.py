# SPDX-License-Identifier: Apache-2.0
"""A VM is read from a file, a pipe or stdin, and from libvirt by a virsh of ours."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.conftest import HUNG, PROGRAM
from tests.machines import domain, hostdev
from tests.vm.documents import UUID
from tests.vm.virsh import QUICK, WEB, XML, Virsh, asked, soon, unanswered
from vfiocompat import codes
from vfiocompat.errors import DomainError, ErrorRecord
from vfiocompat.vm.domain import MAX_BYTES
from vfiocompat.vm.model import DomainFile
from vfiocompat.vm.read import Description, read_vm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Run, RunProcess


def read(path: object, timeout: float = 10) -> Description:
    return read_vm(DomainFile(str(path)), timeout, migratable=False)


def refused(path: object, timeout: float = 10) -> ErrorRecord:
    """Give the error of a file that cannot be read, which comes soon."""
    with pytest.raises(DomainError) as caught, soon():
        read(path, timeout)
    assert caught.value.record.code == codes.DOMAIN_UNUSABLE
    return caught.value.record


# ---- files -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["vm.xml", "a b", "é", "-", "--x", "\udcff", "x" * 255, "a@b:c"]
)
def test_a_file_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = tmp_path / name
    file.write_bytes(XML)
    found = read(file)
    assert (found.vm, found.where, found.remote) == (WEB, str(file), None)
    assert found.domain is not None
    assert found.domain.vm == WEB
    monkeypatch.chdir(tmp_path)
    if name != "-":
        assert read(name)[:2] == (WEB, name)


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "vm.xml").write_bytes(XML)
    (tmp_path / "link").symlink_to("vm.xml")
    assert read(tmp_path / "link").vm == WEB


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 1 << 40])
def test_a_file_may_be_as_long_as_domain_xml(tmp_path: Path, size: int) -> None:
    """One that is longer is not read whole."""
    file = tmp_path / "vm.xml"
    file.write_bytes(XML.ljust(MAX_BYTES))
    assert read(file).vm == WEB
    os.truncate(file, size)
    assert refused(file).summary == f"{file} is longer than domain XML may be (4 MiB)"


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
    summary = f"cannot read {path}: {why}"
    assert refused(path) == ErrorRecord(codes.DOMAIN_UNUSABLE, summary, None, None)


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("a")
    why = "Too many levels of symbolic links"
    assert refused(tmp_path / "a").summary == f"cannot read {tmp_path}/a: {why}"


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
        summary = refused(path).summary
    assert summary == f"cannot read {path}: No such device or address"


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/dev/null", "is empty"),
        ("/dev/zero", "is longer than domain XML may be (4 MiB)"),
    ],
)
def test_a_device_that_gives_nothing_or_everything(path: str, what: str) -> None:
    assert refused(path).summary == f"{path} {what}"


def test_a_mistake_in_a_file_names_it(tmp_path: Path) -> None:
    file = tmp_path / "vm.xml"
    file.write_bytes(b"<network/>")
    what = "is not a libvirt domain: its root is <network>"
    assert refused(file).summary == f"{file} {what}"


# ---- pipes -----------------------------------------------------------------------


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do something beside the test."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize(
    ("data", "pause"), [(XML, 0), (XML, 0.1), (XML + b" " * 1_000_000, 0)]
)
@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_a_pipe_as_a_shell_makes_one(folder: str, data: bytes, pause: float) -> None:
    out, into = os.pipe()

    def write() -> None:
        with open(into, "wb", buffering=0) as pipe:
            for part in (data[:9], data[9:]):
                time.sleep(pause)
                pipe.write(part)

    try:
        with beside(write):
            assert read(f"{folder}/{out}").vm == WEB
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


def assert_no_end_of(path: Path) -> None:
    assert refused(path, QUICK).summary == f"{path}: no end of it in 0.4 s"


@pytest.mark.slow
def test_a_fifo_that_nobody_has_opened(fifo: Path) -> None:
    assert_no_end_of(fifo)


@pytest.mark.slow
@pytest.mark.parametrize("text", [b"", b"<domain/>", b"<domain>"])
def test_a_fifo_whose_writer_never_ends(fifo: Path, text: bytes) -> None:
    with fifo.open("r+b", buffering=0) as writer:
        writer.write(text)
        assert_no_end_of(fifo)


@pytest.mark.slow
def test_a_writer_that_drips_has_the_time_of_the_whole(fifo: Path) -> None:
    done = threading.Event()

    def drip() -> None:
        with fifo.open("r+b", buffering=0) as pipe:
            while not done.wait(0.05):
                pipe.write(b" ")

    with beside(drip):
        try:
            assert_no_end_of(fifo)
        finally:
            done.set()


def test_a_writer_that_begins_late(fifo: Path) -> None:
    def write() -> None:
        time.sleep(0.2)
        fifo.write_bytes(XML)

    with beside(write):
        assert read(fifo).vm == WEB


@pytest.mark.usefixtures("_processes")
def test_a_writer_without_end_is_stopped_at_the_limit(fifo: Path) -> None:
    with (
        fifo.open("r+b", buffering=0) as into,
        subprocess.Popen(["yes"], stdout=into) as process,
    ):
        try:
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
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"<a/>", "is not a libvirt domain: its root is <a>"),
        (b"\xff", "is not XML"),
    ],
)
def test_a_mistake_on_stdin(run_process: RunProcess, data: bytes, what: str) -> None:
    result = run_process("vm domain:- here", stdin=data, exit_code=4)
    assert result.stdout == ""
    first = result.stderr.splitlines()[0]
    assert first == f"vfiocompat: error[VFC550]: stdin {what}"


@pytest.mark.usefixtures("here")
def test_a_closed_stdin_and_one_that_never_ends() -> None:
    line = f"exec {sys.executable} -m vfiocompat vm domain:- here <&-"
    closed = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, check=False, timeout=HUNG
    )
    with subprocess.Popen(
        [*PROGRAM, "vm", "domain:-", "here", "--timeout", "0.4"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()

    assert closed.returncode == process.returncode == 4
    error = "vfiocompat: error[VFC550]: stdin"
    assert closed.stderr.splitlines()[0] == f"{error} is empty"
    assert said.splitlines()[0] == f"{error}: no end of it in 0.4 s"


# ---- libvirt, by a virsh of ours -------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "migratable", "expected"),
    [
        (None, False, "--quiet --readonly dumpxml"),
        (None, True, "--quiet dumpxml --migratable"),
        ("qemu+ssh://r@a/system", False, "--quiet --readonly --connect {} dumpxml"),
        ("test:///x", True, "--quiet --connect {} dumpxml --migratable"),
    ],
)
def test_virsh_is_asked_read_only_unless_that_is_refused(
    virsh: Virsh, uri: str | None, expected: str, *, migratable: bool
) -> None:
    found = asked("web", uri, migratable=migratable)
    assert found[:2] == (WEB, "the XML of web")
    assert found.domain is not None
    assert virsh.arguments == [*expected.format(uri).split(), "--domain=web"]
    asking = [each for each in virsh.calls if "--readonly" not in each]
    assert len(asking) == migratable


def test_the_devices_of_another_host_are_not_looked_for_here(
    virsh: Virsh, run: Run, plain_sysroot: Path
) -> None:
    line = f"vm libvirt:web@qemu+ssh://b/system here --sysroot {plain_sysroot}"
    virsh.gives(domain(UUID).encode())
    said = run(line, exit_code=4).stderr
    assert "error[VFC555]: the XML of web comes from another host" in said
    assert "--from" in said
    virsh.gives(domain().encode())
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


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"<network/>", "is not a libvirt domain: its root is <network>"),
        (b"hello", "is not XML"),
        (XML + b" " * MAX_BYTES, "is longer than domain XML may be (4 MiB)"),
    ],
)
def test_virsh_gives_something_else(virsh: Virsh, data: bytes, what: str) -> None:
    virsh.gives(data)
    found = unanswered("web")
    assert (found.code, found.summary) == ("VFC550", f"the XML of web {what}")


@pytest.mark.usefixtures("here")
def test_the_time_is_an_option(virsh: Virsh, run_process: RunProcess) -> None:
    virsh.does("sleep 60")
    result = run_process("vm libvirt:web here --timeout 0.4", exit_code=4)
    assert result.stderr.splitlines()[0] == (
        "vfiocompat: error[VFC551]: virsh: no answer about web in 0.4 s"
    )
