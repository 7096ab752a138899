# SPDX-License-Identifier: Apache-2.0
"""A migration from one QEMU in the guest to another, each of which has a device."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.kernel.guest.qemu import running_qemu
from tests.kernel.guest.uapi import WAY, Device, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kernel.guest.qemu import Qemu

ENDS = 120
"""Seconds within which a migration has to end, one way or the other."""

PROPERTIES = "enable-migration=on"
RETURN_PATH = [{"capability": "return-path", "state": True}]
"""Without it a source has completed once it has sent all, whatever becomes of it."""

UNTRACKED = "x-device-dirty-page-tracking=off"
"""Without iommufd no kernel since Linux 6.7 reports what a device has written.

The bitmap is in drivers/iommu/iommufd: that it is missing shows only in the report's
EOPNOTSUPP, with which the migration fails.
"""


class Outcome(NamedTuple):
    """How a migration ended."""

    completed: bool
    said: str
    """What the QEMU at the destination said, and why the source failed."""

    moved: int
    """Bytes of the device's state."""

    seconds: float


def migrate(
    folder: Path, source: str, destination: str, *, tracked: bool = WAY == "cdev"
) -> Outcome:
    """Migrate a running VM from a device to another; both are reset then.

    `tracked` has the driver track what its device writes.
    """
    one, two = folder / "source", folder / "destination"
    for each in (one, two):
        each.mkdir(exist_ok=True)
    uri = f"unix:{folder / 'stream'}"
    start = time.monotonic()
    with (
        _reset_after(source, destination),
        holding(one, source, tracked=tracked) as sends,
        holding(two, destination, "-incoming", "defer") as takes,
    ):
        for qemu in (sends, takes):
            qemu("migrate-set-capabilities", capabilities=RETURN_PATH)
        sends("cont")
        takes("migrate-incoming", uri=uri)
        sends("migrate", uri=uri)
        status = _ended(sends)
        completed = status["status"] == "completed"
        if completed:
            takes("cont")
            assert takes("query-status")["running"]
        else:
            # A source whose migration has failed goes on running.
            assert sends("query-status")["running"]
    seconds = time.monotonic() - start
    said = (two / "qemu.log").read_text(encoding="utf-8") + status.get("error-desc", "")
    moved = status.get("vfio", {}).get("transferred", 0)
    return Outcome(completed, said, moved, seconds)


@contextlib.contextmanager
def holding(
    folder: Path, device: str, *options: str, tracked: bool = False
) -> Iterator[Qemu]:
    """Start a QEMU that has the device by the way that is tested."""
    own = f"{device},{PROPERTIES}"
    if WAY == "cdev":
        own += ",iommufd=iommufd0"
        options = ("-object", "iommufd,id=iommufd0", *options)
    if not tracked:
        own += f",{UNTRACKED}"
    with running_qemu(folder, own, options=options) as qemu:
        yield qemu


@contextlib.contextmanager
def _reset_after(*devices: str) -> Iterator[None]:
    """Reset the devices at the end: mtty keeps RESUMING after a failed migration.

    The next who asks it for another state then would crash the kernel.
    """
    try:
        yield
    finally:
        for name in devices:
            with Device(name) as device:
                device.reset()
                assert device.state() == State.RUNNING


def _ended(qemu: Qemu) -> Any:  # noqa: ANN401 - what QMP gives
    start = time.monotonic()
    while (status := qemu("query-migrate"))["status"] not in {"completed", "failed"}:
        assert time.monotonic() - start < ENDS, status
        time.sleep(0.05)
    return status
