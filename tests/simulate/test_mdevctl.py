# SPDX-License-Identifier: Apache-2.0
"""mdevctl, which knows nothing of us, finds its way about a simulated host."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ROOT, cannot_test

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Simulate

# mdevctl insists on its folders in /etc; the machine's own is not to be touched.
SCRIPT = """
mount --bind "$1/sys" /sys
mount -t tmpfs none /etc
mkdir -p /etc/mdevctl.d/scripts.d/callouts /etc/mdevctl.d/scripts.d/notifiers
shift
exec "$@"
"""


@pytest.fixture(scope="module")
def mdevctl(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Find mdevctl, or take it out of its Debian package."""
    cached = ROOT / ".cache/kernel/root/usr/bin/mdevctl"
    found = shutil.which("mdevctl") or (cached.exists() and str(cached))
    if found:
        return found
    place = tmp_path_factory.mktemp("mdevctl")
    if shutil.which("apt-get") is None:
        cannot_test("no mdevctl, and no apt-get to have it from")
    get = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", "mdevctl"]
    done = subprocess.run(get, check=False, cwd=place, capture_output=True, text=True)
    if done.returncode != 0:  # a new machine has no package lists yet
        subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
        done = subprocess.run(
            get, check=False, cwd=place, capture_output=True, text=True
        )
    if done.returncode != 0:
        cannot_test(f"mdevctl cannot be had: {done.stderr.strip()}")
    (package,) = place.glob("*.deb")
    subprocess.run(["dpkg", "-x", package, place], check=True)
    return str(place / "usr/bin/mdevctl")


def run(root: Path, *command: str) -> Any:  # noqa: ANN401 - JSON
    shell = ["unshare", "-m", "sh", "-e", "-c", SCRIPT, "sh", str(root), *command]
    done = subprocess.run(shell, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "--dumpjson" in command else None


def test_mdevctl_lists_types_and_devices(simulate: Simulate, mdevctl: str) -> None:
    root = simulate(ROOT / "examples/two-generations.toml").root
    (types,) = run(root, mdevctl, "types", "--dumpjson")
    assert {
        parent: {
            name: (kind["available_instances"], kind["device_api"], kind["name"])
            for each in kinds
            for name, kind in each.items()
        }
        for parent, kinds in types.items()
    } == {
        "0000:3b:00.0": {
            "acme-local1": (2, "vfio-pci", "Acme NPU A1, 1 slice, no migration"),
            "acme-slice1": (2, "vfio-pci", "Acme NPU A1, 1 slice"),
            "acme-slice2": (1, "vfio-pci", "Acme NPU A1, 2 slices"),
        },
        "0000:41:00.0": {
            "acme-local1": (7, "vfio-pci", "Acme NPU A2, 1 slice, no migration"),
            "acme-slice1": (7, "vfio-pci", "Acme NPU A2, 1 slice"),
            "acme-slice2": (3, "vfio-pci", "Acme NPU A2, 2 slices"),
        },
    }
    assert listed(root, mdevctl) == {
        ("0000:3b:00.0", "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "acme-slice2"),
        ("0000:41:00.0", "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002", "acme-slice1"),
    }


def test_mdevctl_starts_and_stops_a_device(simulate: Simulate, mdevctl: str) -> None:
    root = simulate(ROOT / "examples/two-generations.toml").root
    uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1009"
    run(root, mdevctl, "start", "-u", uuid, "-p", "0000:41:00.0", "-t", "acme-slice2")
    assert ("0000:41:00.0", uuid, "acme-slice2") in listed(root, mdevctl)
    run(root, mdevctl, "stop", "-u", uuid)
    assert len(listed(root, mdevctl)) == 2


def listed(root: Path, mdevctl: str) -> set[tuple[str, str, str]]:
    (devices,) = run(root, mdevctl, "list", "--dumpjson")
    return {
        (parent, uuid, device["mdev_type"])
        for parent, each in devices.items()
        for entry in each
        for uuid, device in entry.items()
    }
