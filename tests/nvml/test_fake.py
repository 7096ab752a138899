# SPDX-License-Identifier: Apache-2.0
"""The library that stands for NVIDIA's answers its binding as it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.nvml.fake import (
    COLD,
    GPU,
    GUEST_DRIVER,
    HOST_DRIVER,
    SLEEP,
    gpu,
    mdev_of,
    vgpu,
    vm_of,
)

if TYPE_CHECKING:
    from tests.nvml.fake import Fake

pytestmark = pytest.mark.usefixtures("_processes")

PROGRAM = """
import ctypes, sys
from pynvml import *
import pynvml
pynvml.nvmlLib = library = ctypes.CDLL(sys.argv[1])
def size_of(call, whose):
    size = ctypes.c_uint(0)
    assert getattr(library, call)(whose, None, ctypes.byref(size)) == 7
    return size.value
try:
    nvmlInit()
    gpu = nvmlDeviceGetHandleByIndex(0)
    vgpus = nvmlDeviceGetActiveVgpus(gpu)
    print(eval(sys.argv[2]))
except NVMLError as error:
    print(type(error).__name__)
"""


def told(library: str, words: str) -> str:
    """Give what the binding says to an expression about the first GPU."""
    command = [sys.executable, "-c", PROGRAM, library, words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("nvmlSystemGetDriverVersion()", "580.65.06"),
        ("nvmlGetVgpuVersion()", "[(2, 9), (3, 7)]"),
        ("nvmlDeviceGetCount()", "1"),
        ("nvmlDeviceGetPciInfo(gpu).busId", "00000000:41:00.0"),
        ("nvmlDeviceGetName(gpu)", "NVIDIA A40"),
        ("nvmlDeviceGetMemoryInfo(gpu).total >> 20", "46068"),
        ("nvmlDeviceGetEccMode(gpu)", "[1, 1]"),
        ("nvmlDeviceGetVgpuCapabilities(gpu, 5)", "1"),
        ("len(vgpus)", "3"),
        ("nvmlVgpuInstanceGetMdevUUID(vgpus[0])", mdev_of(1)),
        ("nvmlVgpuInstanceGetVmID(vgpus[1])[0].decode()", vm_of(2)),
        ("nvmlVgpuTypeGetName(nvmlVgpuInstanceGetType(vgpus[0]))", "NVIDIA A40-8Q"),
        ("nvmlVgpuInstanceGetVmDriverVersion(vgpus[0])", "580.65.05"),
        ("nvmlVgpuInstanceGetVmDriverVersion(vgpus[1])", "Not Available"),
        ("nvmlVgpuInstanceGetMetadata(vgpus[0]).guestVgpuVersion", "5"),
        ("nvmlVgpuInstanceGetMetadata(vgpus[1]).guestInfoState", "0"),
        ("nvmlDeviceGetVgpuMetadata(gpu).hostSupportedVgpuRange.maxVersion", "7"),
        ("size_of('nvmlDeviceGetVgpuMetadata', gpu)", "380"),
        ("size_of('nvmlVgpuInstanceGetMetadata', vgpus[0])", "468"),
        ("size_of('nvmlVgpuInstanceGetMetadata', vgpus[2])", "4304"),
    ],
)
def test_it_answers_from_its_specification(
    nvidia: Fake, words: str, expected: str
) -> None:
    spec = gpu(0x41, "capability 5 1") + vgpu(1)
    library = nvidia(spec + vgpu(2, "guest-state 0") + vgpu(3, "opaque 4096"))

    assert told(library, words) == expected


def test_metadata_is_compared_by_its_label(nvidia: Fake) -> None:
    words = (
        "(lambda c: (c.vgpuVmCompatibility, c.compatibilityLimitCode))("
        "nvmlGetVgpuCompatibility(nvmlVgpuInstanceGetMetadata(vgpus[{}]), "
        "nvmlDeviceGetVgpuMetadata(gpu)))"
    )
    left = f"{COLD | SLEEP} {HOST_DRIVER | GPU}"
    library = nvidia(f"compatibility vgpu-1 * {left}\n{gpu(0x41)}{vgpu(1)}{vgpu(2)}")

    assert told(library, words.format(0)) == "(5, 5)"
    assert told(library, words.format(1)) == "(15, 0)"


@pytest.mark.parametrize(
    ("of_gpu", "of_vgpu", "expected"),
    [
        ([], [], (15, 0)),
        ([], ["guest-version 8"], (COLD, GUEST_DRIVER)),
        ([], ["guest-version 2"], (COLD, GUEST_DRIVER)),
        ([], ["guest-version 8", "guest-state 0"], (15, 0)),
        (["accepts A40", "accepts *-1"], [], (15, 0)),
        (["accepts A40", "accepts gpu-1"], [], (COLD, GPU)),
        (["accepts-driver 580.*"], [], (15, 0)),
        (["accepts-driver 570.*"], [], (COLD, HOST_DRIVER)),
        (
            ["accepts A40", "accepts-driver 570.*"],
            ["guest-version 8"],
            (COLD, HOST_DRIVER | GUEST_DRIVER | GPU),
        ),
        (["opaque 3", "accepts-driver 570.*"], ["opaque 3"], (15, 0)),
    ],
)
def test_without_a_pair_it_goes_by_what_the_metadata_says(
    nvidia: Fake, of_gpu: list[str], of_vgpu: list[str], expected: tuple[int, int]
) -> None:
    words = (
        "(lambda v, g: (lambda c: (c.vgpuVmCompatibility, c.compatibilityLimitCode))("
        "nvmlGetVgpuCompatibility(v, g)))(nvmlVgpuInstanceGetMetadata(vgpus[0]), "
        "nvmlDeviceGetVgpuMetadata(gpu))"
    )
    library = nvidia(gpu(0x41, *of_gpu) + vgpu(1, *of_vgpu))

    assert told(library, words) == str(expected)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("error nvmlDeviceGetName 15", "NVMLError_GpuIsLost"),
        ("error nvmlDeviceGetName 4", "NVMLError_NoPermission"),
        ("lost 2", "NVMLError_GpuIsLost"),
        ("lost 3", "NVIDIA A40"),
    ],
)
def test_it_goes_wrong_as_it_is_told_to(
    nvidia: Fake, fault: str, expected: str
) -> None:
    assert told(nvidia(gpu(0x41, fault)), "nvmlDeviceGetName(gpu)") == expected


def test_an_older_one_lacks_a_function(nvidia: Fake) -> None:
    library = nvidia(gpu(0x41), without=("nvmlDeviceGetEccMode",))

    assert told(library, "nvmlDeviceGetName(gpu)") == "NVIDIA A40"
    assert told(library, "nvmlDeviceGetEccMode(gpu)") == "NVMLError_FunctionNotFound"


def test_it_ends_the_process(nvidia: Fake) -> None:
    library = nvidia(gpu(0x41, "crash nvmlDeviceGetName"))

    with pytest.raises(subprocess.CalledProcessError) as ended:
        told(library, "nvmlDeviceGetName(gpu)")
    assert ended.value.returncode == -signal.SIGABRT


def test_it_hangs(nvidia: Fake) -> None:
    library = nvidia(gpu(0x41, "hang nvmlDeviceGetName"))
    command = [sys.executable, "-c", PROGRAM, library, "nvmlDeviceGetName(gpu)"]

    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(command, check=False, timeout=1)
