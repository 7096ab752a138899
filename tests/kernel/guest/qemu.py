# SPDX-License-Identifier: Apache-2.0
"""A QEMU in the guest that has mdevs, and what it answers over QMP.

Its own machine is stopped before its first instruction: QEMU takes the devices in,
judges them and answers, all within a second of the emulated processor.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = os.environ.get("VFIOCOMPAT_TEST_QEMU", "qemu-system-x86_64").split()
"""The program, and options of its own such as `-L` with the folder of its firmware."""

STARTS = 30
"""Seconds within which QEMU has to be there."""


class QemuEndedError(Exception):
    """QEMU did not start; its text is what QEMU said."""


class Qemu:
    """One that runs."""

    def __init__(self, pid: int, other: Path, channel: socket.socket) -> None:
        self.pid = pid
        self.other_monitor = other  # a monitor has one client at a time
        self._lines = channel.makefile("rw", encoding="utf-8", newline="\n")
        version = json.loads(self._lines.readline())["QMP"]["version"]["qemu"]
        self.version: tuple[int, int] = (version["major"], version["minor"])
        self("qmp_capabilities")

    def __call__(self, command: str, **arguments: object) -> Any:  # noqa: ANN401
        """Execute a command; give what it returns."""
        json.dump({"execute": command, "arguments": arguments}, self._lines)
        self._lines.write("\n")
        self._lines.flush()
        while "event" in (reply := json.loads(self._lines.readline())):
            pass
        assert "error" not in reply, reply["error"]
        return reply["return"]

    @property
    def blocked(self) -> list[str]:
        """Why it would not migrate."""
        reasons: list[str] = self("query-migrate").get("blocked-reasons", [])
        return reasons


def command(
    monitors: tuple[Path, ...], devices: tuple[str, ...], options: tuple[str, ...] = ()
) -> list[str]:
    """Return QEMU's command; a device is a UUID, `,PROPERTY=VALUE...` may follow."""
    return [
        *(*PROGRAM, "-S", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", "q35,accel=tcg", "-m", "64"),
        *options,
        *(
            argument
            for monitor in monitors
            for argument in ("-qmp", f"unix:{monitor},server=on,wait=off")
        ),
        *(
            argument
            for number, device in enumerate(devices)
            for argument in (
                "-device",
                f"vfio-pci,id=hostdev{number},sysfsdev=/sys/bus/mdev/devices/{device}",
            )
        ),
    ]


@contextlib.contextmanager
def running_qemu(
    folder: Path, *devices: str, options: tuple[str, ...] = ()
) -> Iterator[Qemu]:
    """Start a QEMU with these mdevs; its sockets and what it says are in the folder."""
    socket_path, other, said = folder / "qmp", folder / "other", folder / "qemu.log"
    for path in (socket_path, other):
        path.unlink(missing_ok=True)
    with (
        said.open("wb") as log,
        subprocess.Popen(
            command((socket_path, other), devices, options),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
        socket.socket(socket.AF_UNIX) as channel,
    ):
        try:
            channel.settimeout(STARTS)
            start = time.monotonic()
            while channel.connect_ex(os.fspath(socket_path)):
                if process.poll() is not None:
                    break
                assert time.monotonic() - start < STARTS, "QEMU opens no socket"
                time.sleep(0.02)
            try:
                # It listens before it looks at its devices, and may end then.
                qemu = Qemu(process.pid, other, channel)
            except (OSError, ValueError) as error:
                process.wait(STARTS)
                raise QemuEndedError(said.read_text(encoding="utf-8")) from error
            yield qemu
        finally:
            process.kill()
