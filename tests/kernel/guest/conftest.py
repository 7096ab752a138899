# SPDX-License-Identifier: Apache-2.0
"""The test driver and the command line, in the guest that `tests/kernel/run` boots."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.kernel.guest.modules import create, insmod, remove, rmmod, write
from tests.kernel.guest.streams import StreamDriver

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "vfiocompat.guest"  # what guest.py puts on the kernel's command line
MODULE = "vfiocompat_test"
PARAMETERS = Path("/sys/module", MODULE, "parameters")
HUNG = 40
"""Seconds after which a command shows where it hangs, and is killed."""

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="session", autouse=True)
def _in_the_guest(_processes: None) -> None:
    """Fail outside: these tests load a kernel module and open up folders."""
    if MARK not in Path("/proc/cmdline").read_text(encoding="ascii").split():
        pytest.fail("not in the virtual machine: run `make test-kernel`")


class Driver:
    """The test driver in the kernel, and the mdevs made of its types."""

    def load(self, **parameters: str | int) -> None:
        """Load it."""
        insmod(MODULE, **parameters)

    def unload(self) -> None:
        """Remove all mdevs and the driver."""
        if not PARAMETERS.exists():
            return
        self.order(fail_errno=0, delay_ms=0, hold_ms=0)
        rmmod(MODULE)

    def order(self, **faults: int) -> None:
        """Order faults (`fail_errno`, `delay_ms`, `hold_ms`) for every access."""
        for name, value in faults.items():
            write(PARAMETERS / name, str(value))

    def writes(self) -> int:
        """Tell how many writes have reached the driver."""
        return int((PARAMETERS / "writes").read_text(encoding="ascii"))

    create = staticmethod(create)
    remove = staticmethod(remove)


@pytest.fixture
def driver(_in_the_guest: None) -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.unload()


@pytest.fixture
def streams(_in_the_guest: None) -> Iterator[StreamDriver]:
    driver = StreamDriver()
    yield driver
    driver.unload()


class Run(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def json(self) -> Any:  # noqa: ANN401 - a document of any shape
        return json.loads(self.stdout)


class CommandLine:
    """Runs `vfiocompat`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Children that are forked have them then; commands import theirs late.
        for name in ("cli", "commands.check", "commands.get", "commands.list"):
            importlib.import_module(f"vfiocompat.{name}")

    def __call__(self, *arguments: str, user: int | None = None) -> Run:
        """Run it in a forked child.

        That is the whole program, but for the start of an interpreter and its
        imports, which take the emulated processor seconds; `started` does it all.
        """
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            self._child(arguments, user)
        _, status = os.waitpid(child, 0)
        seconds = time.monotonic() - start
        out, err = (
            (self.folder / name).read_text(encoding="utf-8") for name in ("out", "err")
        )
        return Run(os.waitstatus_to_exitcode(status), out, err, seconds)

    def _child(self, arguments: tuple[str, ...], user: int | None) -> None:
        code: object = 70
        signal.alarm(HUNG)
        try:
            from vfiocompat.cli import main  # noqa: PLC0415 - not of the host's pytest

            for number, name in ((1, "out"), (2, "err")):
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                os.dup2(os.open(self.folder / name, flags), number)
            sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False))
            sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False))
            faulthandler.register(signal.SIGALRM, sys.stderr, chain=True)
            if user is not None:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            main(arguments)
        except SystemExit as end:
            code = end.code
        except BaseException:  # noqa: BLE001 - nothing of pytest's may run here
            traceback.print_exc()
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))

    def started(self, *arguments: str) -> Run:
        """Run it as a program of its own."""
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "vfiocompat", *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=HUNG,
        )
        seconds = time.monotonic() - start
        return Run(done.returncode, done.stdout, done.stderr, seconds)


@pytest.fixture(scope="session")
def cli(_in_the_guest: None, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    # Others may have to import what lies in root's home; only the guest sees this.
    for place in (sys.prefix, sys.base_prefix, REPOSITORY):
        for folder in Path(place).resolve().parents:
            folder.chmod(folder.stat().st_mode | 0o055)
    return CommandLine(tmp_path_factory.mktemp("cli"))
