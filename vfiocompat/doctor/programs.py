# SPDX-License-Identifier: Apache-2.0
"""What else runs here and answers hang on: libvirt, QEMU's library, the timer."""

from __future__ import annotations

import os
import shutil
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.doctor.found import failed, passed, skipped, warned
from vfiocompat.errors import InventoryError
from vfiocompat.files.inventories import read_inventory
from vfiocompat.programs import run_program
from vfiocompat.times import ago, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfiocompat.doctor.found import Found
    from vfiocompat.programs import Said

__all__ = ["libvirt", "qmp", "timer"]

_FOLDER = "/var/lib/vfiocompat/fleet"
"""Where the unit writes the inventory of its host."""

_UNIT = "vfiocompat-scan"
_SYSTEMD = "/run/systemd/system"
"""There where systemd runs (sd_booted(3))."""

_LATE = 3600.0
"""Seconds after which the timer, of a quarter of an hour, has been late."""

_MOST = 1 << 20
_START_IT = "    systemctl enable --now vfiocompat-scan.timer"
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "Result",
    "ExecMainStatus",
    "ExecMainExitTimestampMonotonic",
)


# ---- libvirt ---------------------------------------------------------------------


def libvirt(timeout: float) -> Found:
    """Look whether libvirt can be asked for VMs."""
    if shutil.which("virsh") is None:
        return skipped(
            "there is no virsh, so VMs are read from domain XML or from QEMU",
            hint="libvirt's is in its package of clients (libvirt-clients)",
        )
    until = time.monotonic() + timeout
    try:
        uri = run_program(["virsh", "--quiet", "--readonly", "uri"], until, _MOST)
        said = uri
        if uri.code == 0:
            said = run_program(["virsh", "--readonly", "version"], until, _MOST)
    except TimeoutError:
        return _not_reached(f"no answer in {timeout:g} s", None)
    except OSError as error:
        return _not_reached(str(error.strerror), None)
    if said.code != 0:
        return _not_reached(f"virsh ended with {said.code}", said.complaint)
    name = _words(uri)
    if name.endswith("/session"):
        return warned(
            f"virsh asks {name}, which has no VM of the system's",
            codes.LIBVIRT_NOT_REACHED,
            hint="ask for that one:\n    export LIBVIRT_DEFAULT_URI=qemu:///system",
        )
    running = [line for line in _words(said).splitlines() if "Running" in line]
    detail = running[0].strip() if running else None
    return passed(f"libvirt answers at {name}", detail=detail)


def _not_reached(why: str, detail: str | None) -> Found:
    return warned(
        f"libvirt cannot be asked for VMs: {why}",
        codes.LIBVIRT_NOT_REACHED,
        detail=detail,
        hint="see whether its daemon runs:\n    systemctl status libvirtd virtqemud",
    )


def _words(said: Said) -> str:
    return said.out.decode("utf-8", "backslashreplace").strip()


# ---- QEMU ------------------------------------------------------------------------


def qmp() -> Found:
    """Look whether the library is there by which a running QEMU is asked."""
    try:
        found = find_spec("qemu.qmp")
    except (ImportError, ValueError):
        found = None
    if found is not None:
        return passed("the package qemu.qmp is installed")
    return warned(
        "the package qemu.qmp is not installed: no running QEMU can be asked",
        codes.QMP_NOT_INSTALLED,
        hint="where a VM is not libvirt's:\n    pip install 'vfiocompat[qmp]'",
    )


# ---- the timer -------------------------------------------------------------------


def timer(host: str, inventory: str | None, timeout: float, now: float) -> Found:
    """Look whether this host is scanned by itself, and how that went.

    Where systemd does not tell, the inventory that it has in a fleet does, or the one
    that the unit writes.
    """
    units = _units(timeout) if os.path.isdir(_SYSTEMD) else None
    if units is None or units[0].get("LoadState") == "not-found":
        return _by_file(inventory or os.path.join(_FOLDER, f"{host}.json"), now)
    clock, service = units
    if clock.get("ActiveState") != "active":
        return warned(
            f"{_UNIT}.timer is {clock.get('ActiveState') or 'in no known state'}",
            codes.NO_SCAN_BY_ITSELF,
            hint=f"start it:\n{_START_IT}",
        )
    if service.get("Result", "success") != "success":
        status = service.get("ExecMainStatus", "?")
        return failed(
            f"the last run of {_UNIT}.service has failed: {service['Result']}, exit "
            f"status {status}",
            codes.SCAN_FAILED,
            hint=f"see what it says:\n    journalctl -u {_UNIT}.service -n 20",
        )
    ended = int(service.get("ExecMainExitTimestampMonotonic") or 0) / 1e6
    if not ended:
        return passed(f"{_UNIT}.timer is active, and has not run since the boot")
    since = time.clock_gettime(time.CLOCK_MONOTONIC) - ended
    if since > _LATE:
        return warned(
            f"{_UNIT}.service ended {ago(since)} ago, which is long for its timer",
            codes.NO_SCAN_BY_ITSELF,
            hint=f"see when it is next:\n    systemctl list-timers {_UNIT}.timer",
        )
    return passed(f"{_UNIT}.service ended {ago(since)} ago, and well")


def _units(timeout: float) -> Sequence[Mapping[str, str]] | None:
    """Ask systemd for the timer and its service; None if it does not tell."""
    line = ["systemctl", "show", f"--property={','.join(_PROPERTIES)}"]
    line += [f"{_UNIT}.timer", f"{_UNIT}.service"]
    try:
        said = run_program(line, time.monotonic() + timeout, _MOST)
    except OSError:
        return None
    blocks = [
        dict(part.split("=", 1) for part in block.splitlines() if "=" in part)
        for block in _words(said).split("\n\n")
    ]
    return blocks if said.code == 0 and len(blocks) == len(line[3:]) else None


def _by_file(path: str, now: float) -> Found:
    """Look at an inventory that the unit, or a line for cron, would write."""
    try:
        taken = timestamp(read_inventory(path).taken_at) or 0.0
    except InventoryError as error:
        return warned(
            "nothing scans this host by itself",
            codes.NO_SCAN_BY_ITSELF,
            detail=error.summary,
            hint="units for systemd and a line for cron are in share: "
            f"vfiocompat-scan(8)\n{_START_IT}",
        )
    told = f"{path} was taken {ago(now - taken)} ago"
    if now - taken > _LATE:
        return warned(
            told,
            codes.NO_SCAN_BY_ITSELF,
            hint=f"see whether cron or the timer runs:\n{_START_IT}",
        )
    return passed(told)
