# SPDX-License-Identifier: Apache-2.0
"""Running a command on a simulated host, which is there for as long as that runs."""

from __future__ import annotations

import os
import select
import signal
import tempfile
from typing import TYPE_CHECKING

from vfiocompat.errors import SimulationError
from vfiocompat.simulate.nvml import LIBRARY
from vfiocompat.simulate.server import ENDING, LOOK, held_back, mounted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from signal import Signals

    from vfiocompat.simulate.filesystem import FileSystem
    from vfiocompat.simulate.spec import Spec

__all__ = ["run_on_host"]

_PASSED = (*ENDING, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def run_on_host(spec: Spec, command: list[str]) -> int:
    """Run a command to which VFIOCOMPAT_SYSROOT is a simulated host; give its status.

    VFIOCOMPAT_NVML is the library of a host that has one.
    That is what a shell has: 128 and its number where a signal has ended the command.
    Signals are for the command. Only the main thread may call this.

    Raises:
        SimulationError: the host cannot be mounted, or the command cannot be started.

    """
    here = os.open(".", os.O_PATH | os.O_CLOEXEC)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with held_back(_PASSED) as passed:
        root = tempfile.mkdtemp(prefix="vfiocompat-")
        try:
            with mounted(spec, root) as (_, files):
                os.fchdir(here)  # libfuse has gone to /
                own = {"VFIOCOMPAT_SYSROOT": root}
                if spec.nvml is not None:
                    own["VFIOCOMPAT_NVML"] = f"{root}/{LIBRARY}"
                child = _start(command, os.environ | own, before)
                _wait(child, passed, files)
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        finally:
            os.rmdir(root)
    return status if status >= 0 else 128 - status


def _start(
    command: list[str], environment: Mapping[str, str], mask: Iterable[int]
) -> int:
    """Start a command with the signals that we had; libfuse has threads, so no fork."""
    try:
        return os.posix_spawnp(
            command[0],
            command,
            environment,
            setsigmask=mask,
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # Python ignores them
        )
    except OSError as error:
        raise SimulationError(
            f"cannot run {command[0]}: {error.strerror}",
            hint="what follows -- is a command and its arguments",
        ) from None


def _wait(child: int, passed: set[Signals], files: FileSystem) -> None:
    """Wait until a process has ended, and pass on to it the signals that come."""
    ended = os.pidfd_open(child)
    try:
        while not select.select([ended], [], [], LOOK)[0]:
            for number in passed & signal.sigpending():
                told = signal.sigtimedwait([number], 0)
                # What the terminal sends, as for Ctrl-C, it gets too (sigaction(2)).
                if told is not None and told.si_code <= 0:
                    os.kill(child, number)
                files.let_go()  # while a call of it is held, no signal ends it
    finally:
        os.close(ended)
