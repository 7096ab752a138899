# SPDX-License-Identifier: Apache-2.0
"""The facts that NVIDIA's library tells, and os-release."""

from __future__ import annotations

import pytest

from tests.nvidia.made import A40, vgpu_metadata
from vfiocompat.nvidia.gpus import Gpu, Vgpu
from vfiocompat.nvidia.told import facts_of_gpu, facts_of_vgpu, platform_of


def test_what_a_gpu_tells_of_all_that_is_on_it() -> None:
    assert facts_of_gpu(A40) == {
        "gpu_name": "NVIDIA A40",
        "gpu_memory": "46068",
        "manager": "580.65.06",
        "ecc": "on",
        "range": "3..7",
    }


def test_what_was_not_told_is_no_fact() -> None:
    assert facts_of_gpu(Gpu(address="0000:41:00.0")) == {}
    assert facts_of_vgpu(Vgpu(gpu="0000:41:00.0")) == {}


@pytest.mark.parametrize("name", ["", "A\x1b[2J", "A\n40", "caf\u00e9", "\u202e"])
def test_what_no_string_can_have_is_no_fact(name: str) -> None:
    assert facts_of_gpu(Gpu(address="0000:41:00.0", name=name)) == {}
    assert facts_of_vgpu(Vgpu(gpu="0000:41:00.0", type_name=name)) == {}


def test_the_guests_version_counts_once_its_driver_is_loaded() -> None:
    loaded = Vgpu(gpu="g", type_name="NVIDIA A40-8Q", metadata=vgpu_metadata())
    booting = Vgpu(gpu="g", metadata=vgpu_metadata(state=0))
    unknown = Vgpu(gpu="g", metadata=vgpu_metadata(version=2))

    assert facts_of_vgpu(loaded) == {"guest": "5", "vgpu_type_name": "NVIDIA A40-8Q"}
    assert facts_of_vgpu(booting) == facts_of_vgpu(unknown) == {}


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ('NAME="x"\nID="rhel"\nVERSION_ID="9.4"\n', "rhel-9.4"),
        ("ID=ubuntu\nVERSION_ID='24.04'\n", "ubuntu-24.04"),
        ("  ID=rhel  \nVERSION_ID=10.0", "rhel-10.0"),
        ("ID=rhel\nID=rocky\nVERSION_ID=9.4", "rocky-9.4"),
        ("#ID=a\nID=b\nVERSION_ID=1", "b-1"),
        ("ID=arch", None),
        ("VERSION_ID=9.4", None),
        ("ID=\nVERSION_ID=9.4", None),
        ('ID="rhel\nVERSION_ID=9.4', None),
        ("ID=a b\nVERSION_ID=9.4", None),
        ("ID=rh\u00e9l\nVERSION_ID=9.4", None),
        ('ID="a\x1b[0m"\nVERSION_ID=9.4', None),
        ("", None),
    ],
)
def test_a_platform_is_named_by_os_release(text: str, platform: str | None) -> None:
    assert platform_of(text) == platform
