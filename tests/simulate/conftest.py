# SPDX-License-Identifier: Apache-2.0
"""A simulation in a process of its own, unmounted whatever a test does."""

from __future__ import annotations

import ctypes.util
import errno
import importlib.util
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]


class Simulation:
    """A running simulation; `root` is its mount point, `line` what it said."""

    def __init__(self, spec: Path | str, root: Path, *options: str) -> None:
        command = [sys.executable, "-m", "vfiocompat", "simulate", str(spec), str(root)]
        self.root = root
        self.process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        assert self.line, self.process.communicate()[1]

    def type(self, type_id: str, name: str = "version", parent: str = "p") -> Path:
        """Return the path of a type's attribute."""
        return (
            self.root
            / f"sys/class/mdev_bus/{parent}/mdev_supported_types/{type_id}/{name}"
        )


class Simulate(Protocol):
    def __call__(self, spec: Path | str, *options: str) -> Simulation: ...


def fails(call: Callable[[], object]) -> str:
    """Return the errno that a call fails with."""
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "no error"


@cache
def why_not() -> str | None:
    """Say why nothing can be mounted here."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    if importlib.util.find_spec("mfusepy") is None:
        return "mfusepy is not installed"
    if ctypes.util.find_library("fuse3") is None:
        return "libfuse3 is not installed"
    return None


def cannot_test(reason: str) -> NoReturn:
    """Skip; but a run in CI must not pass because it did not test."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def mountpoint(_processes: None) -> Iterator[Path]:
    """Give an empty directory that every user may enter."""
    if reason := why_not():
        cannot_test(reason)
    path = Path(tempfile.mkdtemp(prefix="vfiocompat-"))
    path.chmod(0o755)
    yield path
    subprocess.run(["umount", "-f", "-l", path], check=False, capture_output=True)
    path.rmdir()


@contextmanager
def running(simulation: Simulation) -> Iterator[None]:
    try:
        yield
    finally:
        # Not SIGTERM: what is to be tested may be what is broken.
        simulation.process.kill()
        simulation.process.communicate()


@pytest.fixture
def simulate(mountpoint: Path, tmp_path: Path) -> Iterator[Simulate]:
    """Start simulations, of a file or of the text of one."""
    with ExitStack() as stack:

        def start(spec: Path | str, *options: str) -> Simulation:
            if isinstance(spec, str):
                file = tmp_path / "spec.toml"
                file.write_text(spec)
                spec = file
            simulation = Simulation(spec, mountpoint, *options)
            stack.enter_context(running(simulation))
            return simulation

        yield start
