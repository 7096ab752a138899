# SPDX-License-Identifier: Apache-2.0
"""Mounting a simulated host, serving it until a signal, and unmounting it."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from vfiocompat.errors import SimulationError
from vfiocompat.files.reading import in_time
from vfiocompat.simulate.filesystem import FileSystem
from vfiocompat.simulate.host import SimulatedHost
from vfiocompat.simulate.library import library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from signal import Signals
    from types import ModuleType

    from vfiocompat.simulate.spec import Spec

__all__ = ["ENDING", "LOOK", "held_back", "mounted", "serve"]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK = 0.1  # seconds between two looks for a signal

# Each call that hangs takes a thread of libfuse.
_THREADS = 1024
_THREADS_OPTION_SINCE = (3, 12)


def serve(spec: Spec, mountpoint: str, ready: Callable[[], None]) -> None:
    """Serve a host at a directory until SIGINT, SIGTERM, SIGHUP or umount(8).

    `ready` is called once it is mounted. Only the main thread may call this:
    it takes the signals, while libfuse has a thread of its own.

    Raises:
        SimulationError: it cannot be mounted; the hint is what to type.

    """
    with held_back(ENDING) as ending, mounted(spec, mountpoint) as (loop, _):
        ready()
        # Somebody else's umount ends the loop without a signal. Not sigtimedwait:
        # after SIGSTOP and SIGCONT it may give a signal that nobody has sent
        # (CPython, Modules/signalmodule.c: where no time is left after EINTR).
        while loop.is_alive() and not ending & signal.sigpending():
            loop.join(LOOK)


@contextlib.contextmanager
def held_back(numbers: Iterable[Signals]) -> Iterator[set[Signals]]:
    """Let signals wait for us to look at them; those that are ignored stay so."""
    waiting = {each for each in numbers if signal.getsignal(each) != signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waiting)
    try:
        yield waiting
    finally:
        while signal.sigtimedwait(waiting, 0):
            pass  # a second Ctrl-C
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def mounted(
    spec: Spec, mountpoint: str
) -> Iterator[tuple[threading.Thread, FileSystem]]:
    """Serve a host at a directory: give libfuse's thread, and what it serves.

    Signals are held back before, so that libfuse's threads never get them.

    Raises:
        SimulationError: it cannot be mounted; the hint is what to type.

    """
    mountpoint = os.path.abspath(mountpoint)
    fuse = _load_mfusepy()
    _check_fuse()
    _check_mountpoint(mountpoint)
    of_gpus = None if spec.nvml is None else library()
    files = FileSystem(SimulatedHost(spec, of_gpus), spec.fault)
    loop = threading.Thread(target=_loop, args=(fuse, files, mountpoint), daemon=True)
    loop.start()
    while not files.started.wait(0.01):
        if not loop.is_alive():
            raise SimulationError(
                f"libfuse could not mount {mountpoint}",
                hint="in a container: --device /dev/fuse --cap-add SYS_ADMIN",
            )
    try:
        yield loop, files
    finally:
        files.end()
        if loop.is_alive():
            with _no_stderr():
                _unmount(mountpoint)
                # Without root, open files keep it alive: they end with us.
                loop.join(0.5)


def _loop(fuse: ModuleType, files: FileSystem, mountpoint: str) -> None:
    root = os.geteuid() == 0
    options = {
        "fsname": "vfiocompat",
        "subtype": "vfiocompat",
        "allow_other": root,
        "max_idle_threads": _THREADS,  # its own default makes libfuse 3.14 complain
    }
    if (fuse.fuse_version_major, fuse.fuse_version_minor) >= _THREADS_OPTION_SINCE:
        options["max_threads"] = _THREADS
    # When it fails libfuse says on stderr why, and `serve` that it could not.
    with contextlib.suppress(RuntimeError):
        fuse.FUSE(
            files, mountpoint, foreground=True, default_permissions=True, **options
        )


def _unmount(mountpoint: str) -> None:
    # As root -f ends held calls at once, and -l open files do not hold it.
    root = os.geteuid() == 0
    command = ["umount", "-f", "-l"] if root else ["fusermount3", "-u", "-z"]
    subprocess.run([*command, mountpoint], check=False, capture_output=True)


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """Keep libfuse from saying that it lost what we take from it."""
    try:
        kept = os.dup(2)
    except OSError:  # it was closed from the start
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _load_mfusepy() -> ModuleType:
    # Without this it takes libfuse 2 where there are both.
    os.environ.setdefault("FUSE_LIBRARY_NAME", "fuse3")
    try:
        return importlib.import_module("mfusepy")
    except ModuleNotFoundError:
        raise SimulationError(
            "simulations need the Python package mfusepy",
            hint="pip install 'vfiocompat[simulate]'",
        ) from None
    except OSError as error:
        raise SimulationError(
            "simulations need libfuse 3",
            detail=str(error),
            hint="apt install libfuse3-3 (Fedora, RHEL: dnf install fuse3-libs)",
        ) from None


def _check_fuse() -> None:
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        raise SimulationError(
            "there is no /dev/fuse",
            hint="modprobe fuse (in a container: --device /dev/fuse)",
        ) from None
    except OSError as error:
        raise SimulationError(
            f"cannot open /dev/fuse: {error.strerror}",
            hint="run as root; in a container: --device /dev/fuse --cap-add SYS_ADMIN",
        ) from None
    if os.geteuid() != 0 and shutil.which("fusermount3") is None:
        raise SimulationError(
            "only root can mount without fusermount3",
            hint="apt install fuse3 (Fedora, RHEL: dnf install fuse3)",
        )


def _check_mountpoint(mountpoint: str) -> None:
    quoted = shlex.quote(mountpoint)
    unmount = f"{'umount' if os.geteuid() == 0 else 'fusermount3 -u'} {quoted}"
    try:
        taken = in_time(mountpoint, os.listdir, mountpoint)
    except FileNotFoundError:
        raise SimulationError(
            f"there is no directory {mountpoint}", hint=f"mkdir -p {quoted}"
        ) from None
    except NotADirectoryError:
        raise SimulationError(
            f"{mountpoint} is not a directory", hint="give an empty directory"
        ) from None
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise SimulationError(
                f"cannot read {mountpoint}: {error.strerror}"
            ) from None
        raise SimulationError(
            f"{mountpoint} is still mounted, by a simulation that was killed",
            hint=unmount,
        ) from None
    if os.path.ismount(mountpoint):
        raise SimulationError(
            f"something is mounted at {mountpoint} already",
            hint=unmount,
        )
    if taken:
        raise SimulationError(
            f"{mountpoint} is not empty", hint="give an empty directory"
        )
