# SPDX-License-Identifier: Apache-2.0
"""Whether NVIDIA's library can be asked, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.nvml.fake import DRIVER_NOT_LOADED, NO_PERMISSION, gpu, vgpu
from tests.nvml.hosts import make_host
from vfiocompat.host.nvml import installed
from vfiocompat.output.doctor import DoctorDocument

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run
    from tests.nvml.fake import Fake
    from vfiocompat.output.doctor import CheckRecord

SPEC = gpu(0x41) + vgpu(1) + gpu(0x42)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make_host(tmp_path / "root")
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
    return root


def row(run: Run) -> CheckRecord:
    document = run("doctor --format json").document(DoctorDocument)
    [found] = [each for each in document.checks if each.id == "channel-nvml"]
    return found


@pytest.mark.usefixtures("root", "_processes")
def test_a_library_that_tells_of_all_is_well(
    run: Run, nvidia: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_NVML", nvidia(SPEC))
    found = row(run)

    assert found.outcome == "pass"
    assert found.summary == (
        "NVIDIA's library tells of 2 GPUs (driver 580.65.06), and the metadata of "
        "1 vGPU"
    )


@pytest.mark.usefixtures("root", "_processes")
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (f"error nvmlInitWithFlags {DRIVER_NOT_LOADED}", "VFC185"),
        (f"error nvmlInitWithFlags {NO_PERMISSION}", "VFC178"),
        ("crash nvmlInitWithFlags", "VFC186"),
    ],
)
def test_one_that_cannot_be_used_is_told_with_what_to_do(
    run: Run, nvidia: Fake, monkeypatch: pytest.MonkeyPatch, fault: str, code: str
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_NVML", nvidia(f"{fault}\n{SPEC}"))
    found = row(run)

    assert (found.outcome, list(found.codes)) == ("warning", [code])
    assert found.hint


@pytest.mark.usefixtures("root", "_processes")
def test_one_that_is_not_there_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_NVML", "/nonexistent/libnvidia-ml.so.1")
    found = row(run)

    assert (found.outcome, list(found.codes)) == ("warning", ["VFC183"])
    assert found.hint == "it comes with NVIDIA's driver for the host: install that"


@pytest.mark.usefixtures("root", "_processes")
def test_a_gpu_that_is_lost_is_named(
    run: Run, nvidia: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = gpu(0x41, "lost 3") + vgpu(1) + gpu(0x42)
    monkeypatch.setenv("VFIOCOMPAT_NVML", nvidia(lost))
    found = row(run)

    assert (found.outcome, list(found.codes)) == ("warning", ["VFC188"])
    assert "0000:41:00.0" in (found.detail or "")
    assert "GPU_IS_LOST" in (found.detail or "")


@pytest.mark.usefixtures("_processes")
def test_two_libraries_are_named(
    run: Run, root: Path, nvidia: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_NVML", nvidia(SPEC))
    for folder, version in (("lib64", "570.1"), ("lib/x86_64-linux-gnu", "580.2")):
        library = root / f"usr/{folder}/libnvidia-ml.so.{version}"
        library.parent.mkdir(parents=True, exist_ok=True)
        library.touch()
        (library.parent / "libnvidia-ml.so.1").symlink_to(library.name)
    found = row(run)

    assert found.outcome == "warning"
    assert "2 versions of it are installed" in found.summary
    assert len((found.detail or "").splitlines()) == 2


def test_a_library_that_several_links_lead_to_is_one(tmp_path: Path) -> None:
    library = tmp_path / "usr/lib/libnvidia-ml.so.580.2"
    library.parent.mkdir(parents=True)
    library.touch()
    (library.parent / "libnvidia-ml.so.1").symlink_to(library.name)
    (tmp_path / "usr/lib64").symlink_to("lib")

    assert installed(str(tmp_path)) == [str(library)]
    assert installed(str(tmp_path / "nowhere")) == []


@pytest.mark.usefixtures("root", "_processes")
def test_of_another_hosts_files_no_library_is_asked(run: Run) -> None:
    assert row(run).outcome == "skipped"
