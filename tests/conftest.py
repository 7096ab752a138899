# SPDX-License-Identifier: Apache-2.0
"""A simulated host, and the program run as a user types it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import termios
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import msgspec
import pytest

from tests.nvml.fake import Fake, Libraries
from tests.simulate.conftest import cannot_test
from tests.simulated import serving
from vfiocompat import children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import NoReturn

PROGRAM = (sys.executable, "-m", "vfiocompat")
HUNG = 60
"""Seconds after which a process counts as one that never ends."""
SOON = 5
"""Seconds within which ends what nothing holds, though the machine may be busy."""

Document = TypeVar("Document", bound=msgspec.Struct)

_HAS_THREADS = children.has_threads
_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
"""What the interpreter says to audit hooks where a process is started."""

_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Result(NamedTuple):
    """What a command line gave."""

    line: str
    exit_code: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return (
            f"\n$ vfiocompat {self.line}\nexit code {self.exit_code}"
            f"\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"
        )

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        """The one document on stdout."""
        return json.loads(self.stdout)

    def document(self, kind: type[Document]) -> Document:
        """Decode the document on stdout, which has every field and no other."""
        decoded = msgspec.json.decode(self.stdout, type=kind)
        assert json.loads(msgspec.json.encode(decoded)) == self.json, str(self)
        return decoded

    @property
    def colorless(self) -> str:
        """What stands on a terminal, without the sequences for colours."""
        return _CONTROL_SEQUENCE.sub("", self.stdout)


class Host(Protocol):
    def __call__(self, spec: str) -> Path: ...


class Run(Protocol):
    def __call__(self, line: str, *, exit_code: int = 0) -> Result: ...


class RunProcess(Protocol):
    def __call__(
        self,
        line: str,
        *,
        exit_code: int = 0,
        stdin: bytes = b"",
        stdout: int = subprocess.PIPE,
    ) -> Result: ...


class RunOnTerminal(Protocol):
    def __call__(
        self, line: str, *, exit_code: int = 0, columns: int = 80
    ) -> Result: ...


# ---- which tests are quick -------------------------------------------------------


@pytest.fixture(scope="session")
def _processes() -> None:
    """Be asked for by each test, or fixture, that starts a process."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark as quick what starts no process, draws no examples, and is not slow."""
    assert isinstance(item, pytest.Function)
    draws = getattr(item.obj, "is_hypothesis_test", False)
    slow = item.get_closest_marker("slow") is not None
    if "_processes" not in item.fixturenames and not draws and not slow:
        item.add_marker("quick")


class _Refusal:
    """Fails whoever starts a process, while that is `wanted`."""

    def __init__(self) -> None:
        self.wanted = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _: tuple[object, ...]) -> None:
        if self.wanted and event in _STARTS:
            pytest.fail(f"{event}: what starts a process has the fixture _processes")


_refusal = _Refusal()


@pytest.fixture(autouse=True)
def _no_process(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold a test that does not ask for `_processes` to that."""
    _refusal.wanted = "_processes" not in request.fixturenames
    yield
    _refusal.wanted = False


# ---- a host, and the program -----------------------------------------------------


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as on a machine where nobody has set anything."""
    for name in ("SYSROOT", "CONFIG", "FLEET", "NVML"):
        monkeypatch.delenv(f"VFIOCOMPAT_{name}", raising=False)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    # The program has no threads; what runs the tests may have one.
    monkeypatch.setattr(children, "has_threads", lambda: False)


@pytest.fixture
def threads(_processes: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give this process a thread, as a daemon has some: it must not fork."""

    def fork() -> NoReturn:
        raise AssertionError("a process with threads has forked")

    monkeypatch.setattr(children, "has_threads", _HAS_THREADS)
    monkeypatch.setattr(os, "fork", fork)
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.fixture
def host(_processes: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Serve a specification, and make it the host of this test."""
    with ExitStack() as stack:

        def serve(spec: str) -> Path:
            root = stack.enter_context(serving(spec))
            monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
            return root

        yield serve


@pytest.fixture(scope="session")
def _serve_once(_processes: None) -> Iterator[Callable[[str], Path]]:
    with ExitStack() as stack:
        roots: dict[str, Path] = {}

        def serve(spec: str) -> Path:
            if spec not in roots:
                roots[spec] = stack.enter_context(serving(spec))
            return roots[spec]

        yield serve


@pytest.fixture
def shared_host(
    _serve_once: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Host:
    """Serve as `host` does, but once for all tests that only look at it."""

    def serve(spec: str) -> Path:
        root = _serve_once(spec)
        monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
        return root

    return serve


@pytest.fixture(scope="session")
def example(
    _processes: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Serve the host that documents show, and give the environment to run them in."""
    from tests.documents import example_host  # noqa: PLC0415 - few tests need it

    with example_host(tmp_path_factory.mktemp("example")) as environment:
        yield environment


@pytest.fixture(scope="session")
def _nvidia_libraries(
    _processes: None, tmp_path_factory: pytest.TempPathFactory
) -> Libraries:
    return Libraries(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def nvidia(_nvidia_libraries: Libraries, tmp_path: Path) -> Fake:
    """Give a library that stands for NVIDIA's, which answers as a test specifies."""
    folder = tmp_path / "nvml"
    folder.mkdir()
    return Fake(_nvidia_libraries, folder)


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run a line in this process, which must end with the exit code."""
    from vfiocompat import cli  # noqa: PLC0415 - some tests here do without

    def type_in(line: str, *, exit_code: int = 0) -> Result:
        capsysbinary.readouterr()
        code = cli.run(shlex.split(line))
        sys.stdout.flush()
        said = capsysbinary.readouterr()
        result = Result(line, int(code), said.out.decode(), said.err.decode())
        assert result.exit_code == exit_code, str(result)
        return result

    return type_in


@pytest.fixture
def run_process(_processes: None) -> RunProcess:
    """Run a line in a process of its own."""

    def type_in(
        line: str,
        *,
        exit_code: int = 0,
        stdin: bytes = b"",
        stdout: int = subprocess.PIPE,
    ) -> Result:
        process = subprocess.run(
            [*PROGRAM, *shlex.split(line)],
            input=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=HUNG,
            check=False,
        )
        said = (process.stdout or b"").decode()
        result = Result(line, process.returncode, said, process.stderr.decode())
        assert result.exit_code == exit_code, str(result)
        return result

    return type_in


@pytest.fixture
def run_on_terminal(_processes: None) -> RunOnTerminal:
    """Run a line in a process whose stdin and stdout are a terminal."""

    def type_in(line: str, *, exit_code: int = 0, columns: int = 80) -> Result:
        terminal, child = os.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen(
            [*PROGRAM, *shlex.split(line)],
            env=dict(os.environ),  # and not what readline has put beside it
            stdin=child,
            stdout=child,
            stderr=subprocess.PIPE,
        ) as process:
            os.close(child)
            shown = _read_terminal(terminal).replace(b"\r\n", b"\n").decode()
            assert process.stderr is not None
            said = process.stderr.read().decode()
        result = Result(line, process.returncode, shown, said)
        assert result.exit_code == exit_code, str(result)
        return result

    return type_in


def _read_terminal(terminal: int) -> bytes:
    """Read what is shown until nobody has the terminal any more."""
    parts = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
    finally:
        os.close(terminal)
    return b"".join(parts)


@pytest.fixture
def plain_sysroot(_processes: None, tmp_path: Path) -> Path:
    """Make a host of plain files, with 40 functions that VFIO has."""
    root = tmp_path / "plain"
    functions = root / "sys/bus/pci/devices"
    functions.mkdir(parents=True)
    (root / "sys/bus/pci/drivers/mlx5_vfio_pci").mkdir(parents=True)
    for at in range(40):
        name = f"0000:03:{at // 8:02x}.{at % 8}"
        device = root / "sys/devices/pci0000:03" / name
        device.mkdir(parents=True)
        (device / "vendor").write_text("0x15b3\n")
        (device / "device").write_text("0x101e\n")
        (device / "driver").symlink_to("../../../bus/pci/drivers/mlx5_vfio_pci")
        (functions / name).symlink_to(f"../../../devices/pci0000:03/{name}")
    return root


@pytest.fixture
def small_disk(_processes: None, tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        cannot_test("a tmpfs cannot be mounted: run the tests as root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)
