# SPDX-License-Identifier: Apache-2.0
"""Test drivers loaded and removed, and the mdevs of their types."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from pathlib import Path

MDEVS = Path("/sys/bus/mdev/devices")


def write(path: Path, content: str) -> None:
    """Write with one write(2), whose error is not put off to close(2)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, content.encode())
    finally:
        os.close(descriptor)


def insmod(module: str, **parameters: str | int) -> None:
    """Load a test driver. Its parents have to be there after it."""
    file = Path(os.environ["VFIOCOMPAT_TEST_MODULES"], f"{module}.ko")
    options = [f"{name}={value}" for name, value in parameters.items()]
    subprocess.run(["busybox", "insmod", file, *options], check=True)


def rmmod(module: str) -> None:
    """Remove all mdevs and a test driver; nothing may hold it for long."""
    start = time.monotonic()
    for device in MDEVS.iterdir():
        remove(device.name)
    subprocess.run(["busybox", "rmmod", module], check=True)
    assert time.monotonic() - start < 5, "a reader was left behind"


def create(parent: str, type_id: str) -> str:
    """Create an mdev; give its UUID."""
    name = str(uuid.uuid4())
    types = Path("/sys/class/mdev_bus", parent, "mdev_supported_types")
    write(types / type_id / "create", name)
    return name


def remove(name: str) -> None:
    """Remove an mdev."""
    write(MDEVS / name / "remove", "1")
