# SPDX-License-Identifier: Apache-2.0
"""The simulation as programs see it: mounted, with faults, and unmounted."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.conftest import HUNG, SOON
from vfiocompat.errors import SimulationError
from vfiocompat.output.simulate import SimulateDocument
from vfiocompat.simulate import server
from vfiocompat.simulate.spec import Spec

from .conftest import ROOT, fails

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Simulate, Simulation

FAULTS = ROOT / "examples/faults.toml"
PARENT = "0000:3b:00.0"
MDEV = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1003"
OWN = b"1ac1-0100-npu-1-1.9-a\n"
HELD = 128


def read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 8192)
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes) -> int:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        return os.write(descriptor, data)
    finally:
        os.close(descriptor)


def ended(simulation: Simulation, number: signal.Signals = signal.SIGTERM) -> float:
    """End a simulation, which must be quiet and soon; return after how long."""
    begin = time.monotonic()
    simulation.process.send_signal(number)
    output = simulation.process.communicate(timeout=HUNG)
    took = time.monotonic() - begin
    assert (simulation.process.returncode, *output) == (0, "", "")
    assert not os.path.ismount(simulation.root)
    return took


def vfiocompat(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vfiocompat", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_begin_and_end(simulate: Simulate, number: signal.Signals) -> None:
    simulation = simulate(ROOT / "examples/two-generations.toml")
    assert simulation.line == (
        "serving 2 parents, 6 types, 2 mdevs, 2 functions"
        f" at {simulation.root}/sys (Ctrl-C ends)\n"
    )
    assert os.listdir(simulation.root) == ["sys", "proc", "etc"]
    assert ended(simulation, number) < SOON
    # The place can be used again.
    assert ended(simulate(FAULTS)) < SOON


def test_it_lives_on_after_it_was_stopped(simulate: Simulate) -> None:
    simulation = simulate(ROOT / "examples/two-generations.toml")
    for pause in (0.0, 0.5, 0.5):
        simulation.process.send_signal(signal.SIGSTOP)
        time.sleep(pause)
        simulation.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
        assert os.listdir(simulation.root) == ["sys", "proc", "etc"]
        assert simulation.process.poll() is None
    assert ended(simulation) < SOON


def test_the_line_as_json(simulate: Simulate) -> None:
    simulation = simulate(FAULTS, "--format", "json")
    document = json.loads(simulation.line)
    assert document.pop("tool")["name"] == "vfiocompat"
    assert document == {
        "schema": "vfiocompat.simulate/1",
        "mountpoint": str(simulation.root),
        "parents": 1,
        "types": 16,
        "mdevs": 1,
        "functions": 3,
        "gpus": 0,
        "nvml": None,
    }
    assert msgspec.json.decode(simulation.line, type=SimulateDocument).types == 16


def test_umount_ends_it(simulate: Simulate) -> None:
    simulation = simulate(FAULTS)
    subprocess.run(["umount", simulation.root], check=True)
    assert simulation.process.wait(2) == 0


def test_every_fault(simulate: Simulate) -> None:
    simulation = simulate(FAULTS)

    def version(name: str) -> Path:
        path: Path = simulation.type(f"acme-{name}", parent=PARENT)
        return path

    assert read(version("good")) == OWN
    assert write(version("good"), OWN) == len(OWN)
    assert fails(lambda: write(version("newline"), OWN[:-1])) == "EINVAL"
    assert fails(lambda: write(version("eperm"), OWN)) == "EPERM"
    assert fails(lambda: read(version("enodev"))) == "ENODEV"
    assert fails(lambda: read(version("eio"))) == "EIO"
    assert fails(lambda: write(version("eio"), OWN)) == "EIO"
    assert fails(lambda: write(version("busy"), OWN)) == "EBUSY"
    assert fails(lambda: write(version("busy"), OWN)) == "EBUSY"
    assert write(version("busy"), OWN) == len(OWN)
    assert fails(lambda: read(version("noopen"))) == "EACCES"
    assert read(version("escapes")).startswith(b"\x1b[31m\x1b]0;owned\x07[bold red]")
    assert read(version("nonascii")) == b"1ac1\xff\xfe\n"
    assert read(version("nul")) == b"1ac1-0100\0npu\n"
    assert read(version("empty")) == b""
    assert read(version("long")) == b"x" * 5000

    begin = time.monotonic()
    assert read(version("slow")) == OWN
    assert time.monotonic() - begin >= 0.5

    pair = simulation.type("acme-pair", "get_version", PARENT)
    assert read(pair) == OWN
    assert fails(lambda: write(pair, OWN)) == "EACCES"
    assert write(pair.with_name("check_version"), OWN) == len(OWN)
    assert fails(lambda: read(pair.with_name("check_version"))) == "EACCES"


def test_vanishing_under_an_open_file(simulate: Simulate) -> None:
    simulation = simulate(FAULTS)
    bus = simulation.root / "sys/bus/mdev/devices"
    path = bus / MDEV / "version"
    descriptor = os.open(path, os.O_RDWR)
    try:
        assert os.read(descriptor, 100) == OWN
        assert fails(lambda: os.write(descriptor, OWN)) == "ENODEV"
        assert fails(lambda: os.pread(descriptor, 100, 0)) == "ENODEV"
    finally:
        os.close(descriptor)
    assert fails(lambda: read(path)) == "ENOENT"
    assert os.listdir(bus) == []


def test_only_drivers_make_and_remove_files(simulate: Simulate) -> None:
    place = simulate(FAULTS).type("acme-good", "", PARENT)
    assert fails(lambda: os.mkdir(place / "new")) == "EPERM"
    assert fails(lambda: os.rmdir(place / "devices")) == "EPERM"
    assert fails(lambda: os.unlink(place / "version")) == "EPERM"
    assert fails(lambda: os.open(place, os.O_RDWR)) == "EISDIR"


def test_a_long_write_reaches_the_driver_as_one_page(simulate: Simulate) -> None:
    spec = """
    schema = 1
    [[parent]]
    name = "p"
    [[parent.type]]
    id = "p-1"
    version = "x"
    accepts = ["x*"]
    """
    version = simulate(spec).type("p-1")
    for size in (4096, 5000, 3_000_000):
        assert write(version, b"x" * size) == 4096


HOLD = """
import errno, os, sys, threading
errors = []
def hold():
    descriptor = os.open(sys.argv[1], os.O_RDONLY)
    try:
        os.read(descriptor, 100)
    except OSError as error:
        errors.append(errno.errorcode[error.errno])
    # Left open: an open file must not keep the mount.
threads = [threading.Thread(target=hold) for _ in range(int(sys.argv[2]))]
for thread in threads: thread.start()
print("held", flush=True)
for thread in threads: thread.join()
print(len(errors), *set(errors))
"""


def test_many_held_calls_hinder_neither_others_nor_the_end(simulate: Simulate) -> None:
    simulation = simulate(FAULTS)
    hang = simulation.type("acme-hang", parent=PARENT)
    command = [sys.executable, "-c", HOLD, str(hang), str(HELD)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        time.sleep(0.3)
        assert read(simulation.type("acme-good", parent=PARENT)) == OWN
        assert ended(simulation) < SOON
        assert holder.stdout.readline() == f"{HELD} ECONNABORTED\n"


def test_an_open_file_does_not_hinder_the_end(simulate: Simulate) -> None:
    simulation = simulate(FAULTS)
    descriptor = os.open(simulation.type("acme-good", parent=PARENT), os.O_RDONLY)
    assert ended(simulation) < SOON
    assert fails(lambda: os.read(descriptor, 1)) == "ENOTCONN"
    assert fails(lambda: os.close(descriptor)) == "ENOTCONN"


def test_after_sigkill_the_next_one_says_what_to_type(simulate: Simulate) -> None:
    simulation = simulate(FAULTS)
    simulation.process.kill()
    simulation.process.wait()
    again = vfiocompat("simulate", str(FAULTS), str(simulation.root))
    assert (again.returncode, again.stdout) == (4, "")
    assert f"umount {simulation.root}" in again.stderr
    subprocess.run(["umount", simulation.root], check=True)
    assert ended(simulate(FAULTS)) < SOON


def test_a_place_that_is_taken(simulate: Simulate) -> None:
    simulation = simulate(FAULTS)
    again = vfiocompat("simulate", str(FAULTS), str(simulation.root))
    assert again.returncode == 4
    assert f"umount {simulation.root}" in again.stderr


@pytest.mark.usefixtures("mountpoint")
@pytest.mark.parametrize(
    ("place", "hint"),
    [("missing", "mkdir -p"), ("file", "empty directory"), (".", "empty directory")],
)
def test_a_place_that_will_not_do(tmp_path: Path, place: str, hint: str) -> None:
    (tmp_path / "file").touch()
    done = vfiocompat("simulate", str(FAULTS), str(tmp_path / place))
    assert (done.returncode, done.stdout) == (4, "")
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("_processes")
def test_a_wrong_specification(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text("schema = 1\nhots = 1")
    done = vfiocompat("simulate", str(tmp_path / "spec.toml"), str(tmp_path))
    assert (done.returncode, done.stdout) == (4, "")
    assert "hots" in done.stderr


def refused(mountpoint: Path) -> str:
    with pytest.raises(SimulationError) as caught:
        server.serve(Spec(schema=1), str(mountpoint), lambda: None)
    return caught.value.hint or ""


def test_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(error: Exception) -> Callable[[str], None]:
        def raises(_name: str) -> None:
            raise error

        return raises

    load = (importlib, "import_module")
    monkeypatch.setattr(*load, missing(ModuleNotFoundError()))
    assert refused(tmp_path) == "pip install 'vfiocompat[simulate]'"
    monkeypatch.setattr(*load, missing(OSError("Unable to find libfuse")))
    assert refused(tmp_path).startswith("apt install libfuse3-3")


@pytest.mark.usefixtures("mountpoint")
def test_without_root_fusermount3_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert refused(tmp_path).startswith("apt install fuse3")


@pytest.mark.usefixtures("_processes")
def test_signals_are_as_before_after_an_error(tmp_path: Path) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with contextlib.suppress(SimulationError):
        server.serve(Spec(schema=1), str(tmp_path / "missing"), lambda: None)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
