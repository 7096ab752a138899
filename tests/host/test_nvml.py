# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's library, asked in children: what it tells, and however it goes wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.nvidia.made import gpu_metadata, vgpu_metadata
from tests.nvml.fake import (
    COLD,
    GPU,
    HIBERNATE,
    HOST_DRIVER,
    LIVE,
    OTHER,
    gpu,
    mdev_of,
    vgpu,
    vm_of,
)
from vfiocompat.host.nvml import ToCompare, compare, library_of, read_gpus
from vfiocompat.nvidia.compatibility import Compared, Compatibility
from vfiocompat.nvidia.gpus import Gpu, Vgpu
from vfiocompat.nvidia.metadata import MOST, decoded, read_gpu, read_vgpu

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nvml.fake import Fake
    from vfiocompat.endpoints import Problem
    from vfiocompat.host.nvml import Reading

pytestmark = pytest.mark.usefixtures("_processes")

TIMEOUT = 10.0
SHORT = 0.7

TWO_GPUS = gpu(0x41) + vgpu(1) + vgpu(2) + gpu(0x42) + vgpu(3)
ADDRESSES = ["0000:41:00.0", "0000:42:00.0"]


def read(library: str, timeout: float = TIMEOUT) -> Reading:
    found = read_gpus(library, timeout)
    assert found.error is None
    return found


def addresses(reading: Reading) -> list[str]:
    return [each.address for each in reading.gpus]


def mdevs(reading: Reading) -> list[str | None]:
    return [each.mdev for each in reading.vgpus]


def told(problem: Problem) -> str:
    return f"{problem.code} {problem.path}: {problem.operation}: {problem.errno}"


def error_of(library: str, timeout: float = TIMEOUT) -> tuple[str, str]:
    found = read_gpus(library, timeout)
    assert found.error is not None
    assert (found.gpus, found.vgpus, found.problems) == ([], [], [])
    return found.error.code, found.error.summary


# ---- what it tells ------------------------------------------------------------------


def test_a_gpu_and_a_vgpu_are_told(nvidia: Fake) -> None:
    reading = read(nvidia(gpu(0x41) + vgpu(1)))

    [found], [running] = reading.gpus, reading.vgpus
    assert found == Gpu(
        address="0000:41:00.0",
        name="NVIDIA A40",
        memory="46068",
        driver_version="580.65.06",
        ecc="on",
        range="3..7",
        metadata=found.metadata,
    )
    assert running == Vgpu(
        gpu="0000:41:00.0",
        mdev=mdev_of(1),
        vm=vm_of(1),
        type_id="557",
        type_name="NVIDIA A40-8Q",
        guest_driver="580.65.05",
        metadata=running.metadata,
    )
    assert reading.problems == []
    assert read_gpu(found.metadata) == (3, 7, True)
    assert read_vgpu(running.metadata) == (True, 5, True)


def test_every_vgpu_is_told_with_its_gpu(nvidia: Fake) -> None:
    reading = read(nvidia(TWO_GPUS))

    assert addresses(reading) == ADDRESSES
    assert [(each.gpu, each.mdev) for each in reading.vgpus] == [
        (ADDRESSES[0], mdev_of(1)),
        (ADDRESSES[0], mdev_of(2)),
        (ADDRESSES[1], mdev_of(3)),
    ]


def test_a_host_without_gpus_tells_of_none(nvidia: Fake) -> None:
    reading = read(nvidia())
    assert (reading.gpus, reading.vgpus, reading.problems) == ([], [], [])


def test_a_domain_of_any_number_is_told(nvidia: Fake) -> None:
    spec = gpu(0x41).replace("0000:41", "10000:41")
    assert addresses(read(nvidia(spec))) == ["10000:41:00.0"]


def test_what_a_gpu_has_not_is_no_problem(nvidia: Fake) -> None:
    spec = gpu(0x41, "ecc none") + vgpu(1, "mdev", "vm")
    reading = read(nvidia(spec))

    assert reading.gpus[0].ecc is None
    assert (reading.vgpus[0].mdev, reading.vgpus[0].vm) == (None, None)
    assert reading.problems == []


def test_a_guest_whose_driver_is_not_loaded_has_none(nvidia: Fake) -> None:
    [found] = read(nvidia(gpu(0x41) + vgpu(1, "guest-state 0"))).vgpus

    assert found.guest_driver is None
    assert read_vgpu(found.metadata) == (False, 0, True)


def test_names_are_told_as_they_are(nvidia: Fake) -> None:
    [found] = read(nvidia(gpu(0x41, "name \x1b[2J\u202eA40"))).gpus
    assert found.name == "\x1b[2J\u202eA40"


def test_a_name_that_is_no_text_is_a_problem(nvidia: Fake) -> None:
    library, spec = nvidia(gpu(0x41)), nvidia.spec
    spec.write_bytes(spec.read_bytes().replace(b"name NVIDIA A40", b"name \xff\xfe"))
    reading = read(library)

    assert reading.gpus[0].name is None
    assert [told(each) for each in reading.problems] == [
        "VFC188 0000:41:00.0: nvmlDeviceGetName: is no text"
    ]


@pytest.mark.parametrize("opaque", [0, 4, 260, 4096, 65536, MOST - 208])
def test_metadata_of_any_size_is_carried_whole(nvidia: Fake, opaque: int) -> None:
    [found] = read(nvidia(gpu(0x41) + vgpu(1, f"opaque {opaque}"))).vgpus

    assert found.metadata is not None
    data = decoded(found.metadata, "vGPU")
    assert len(data) == 208 + opaque
    assert data[208:] == opaque_data(b"vgpu-1\0", opaque)


def opaque_data(label: bytes, size: int) -> bytes:
    pattern = bytes(range(256)) * (size // 256 + 1)
    return (label + pattern[len(label) :])[:size]


@pytest.mark.parametrize("opaque", [0, 256, 5000, MOST - 124])
def test_so_is_that_of_a_gpu(nvidia: Fake, opaque: int) -> None:
    [found] = read(nvidia(gpu(0x41, f"opaque {opaque}"))).gpus

    assert found.metadata is not None
    assert len(decoded(found.metadata, "GPU")) == 124 + opaque


def test_more_than_a_mebibyte_is_not_taken(nvidia: Fake) -> None:
    reading = read(nvidia(gpu(0x41) + vgpu(1, f"opaque {MOST}") + vgpu(2)))

    assert reading.vgpus[0].metadata is None
    assert reading.vgpus[1].metadata is not None
    assert [told(each) for each in reading.problems] == [
        "VFC188 0000:41:00.0 vGPU 1: nvmlVgpuInstanceGetMetadata: wants 1,048,784 bytes"
    ]


def test_metadata_of_another_version_is_carried(nvidia: Fake) -> None:
    reading = read(nvidia(gpu(0x41, "version 9") + vgpu(1, "version 9")))

    assert reading.problems == []
    assert reading.vgpus[0].metadata
    assert reading.gpus[0].metadata
    assert read_vgpu(reading.vgpus[0].metadata) is None
    assert read_gpu(reading.gpus[0].metadata) is None


# ---- where it cannot be used at all -------------------------------------------------


def test_no_library(tmp_path: Path) -> None:
    code, summary = error_of(str(tmp_path / "libnvidia-ml.so.1"))
    assert code == "VFC183"
    assert "cannot be loaded" in summary


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    assert error_of(str(tmp_path / "libnvidia-ml.so.1"))[0] == "VFC183"


def test_another_library() -> None:
    assert error_of("libc.so.6")[0] == "VFC187"


@pytest.mark.parametrize(
    ("call", "number", "code", "name"),
    [
        ("nvmlInitWithFlags", 9, "VFC185", "DRIVER_NOT_LOADED"),
        ("nvmlInitWithFlags", 18, "VFC185", "LIB_RM_VERSION_MISMATCH"),
        ("nvmlInitWithFlags", 4, "VFC178", "NO_PERMISSION"),
        ("nvmlInitWithFlags", 999, "VFC185", "UNKNOWN"),
        ("nvmlInitWithFlags", 777, "VFC185", "777"),
        ("nvmlDeviceGetCount_v2", 4, "VFC178", "NO_PERMISSION"),
    ],
)
def test_a_library_that_does_not_begin(
    nvidia: Fake, call: str, number: int, code: str, name: str
) -> None:
    found, summary = error_of(nvidia(f"error {call} {number}\n{TWO_GPUS}"))

    assert found == code
    assert summary.endswith(f" gave {name}")


def test_an_older_library_that_cannot_begin(nvidia: Fake) -> None:
    library = nvidia(TWO_GPUS, without=("nvmlInitWithFlags",))
    assert error_of(library)[0] == "VFC187"


def test_a_library_that_dies_at_once(nvidia: Fake) -> None:
    assert error_of(nvidia(f"crash nvmlInitWithFlags\n{TWO_GPUS}"))[0] == "VFC186"


def test_a_library_that_hangs_at_once(nvidia: Fake) -> None:
    began = time.monotonic()
    library = nvidia(f"hang nvmlInitWithFlags\n{TWO_GPUS}")

    assert error_of(library, SHORT)[0] == "VFC112"
    assert time.monotonic() - began < 2 * SHORT + 1


def test_no_binding(nvidia: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    assert error_of(nvidia(TWO_GPUS))[0] == "VFC184"


@pytest.mark.usefixtures("threads")
def test_a_process_with_threads_asks_too(nvidia: Fake) -> None:
    assert addresses(read(nvidia(TWO_GPUS))) == ADDRESSES


def test_whose_library_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert library_of() == library_of("//") == "libnvidia-ml.so.1"
    assert library_of("/some/root") is None
    monkeypatch.setenv("VFIOCOMPAT_NVML", "/a/library")
    assert library_of() == library_of("/some/root") == "/a/library"


# ---- what it does not tell ----------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "field"),
    [
        ("nvmlDeviceGetName", "name"),
        ("nvmlDeviceGetMemoryInfo", "memory"),
        ("nvmlDeviceGetEccMode", "ecc"),
        ("nvmlSystemGetDriverVersion", "driver_version"),
        ("nvmlGetVgpuVersion", "range"),
        ("nvmlDeviceGetVgpuMetadata", "metadata"),
    ],
)
def test_an_older_library_tells_all_but_what_it_lacks(
    nvidia: Fake, function: str, field: str
) -> None:
    library = nvidia(TWO_GPUS, without=(function,))
    reading = read(library)

    assert {getattr(each, field) for each in reading.gpus} == {None}
    others = {"name", "memory", "ecc", "driver_version", "range", "metadata"} - {field}
    for each in reading.gpus:
        assert all(getattr(each, other) for other in others)
    assert len(reading.vgpus) == 3
    assert [told(each) for each in reading.problems] == [
        f"VFC187 {library}: {function}: FUNCTION_NOT_FOUND"
    ]


@pytest.mark.parametrize(
    ("function", "field"),
    [
        ("nvmlVgpuInstanceGetMdevUUID", "mdev"),
        ("nvmlVgpuInstanceGetVmID", "vm"),
        ("nvmlVgpuInstanceGetType", "type_name"),
        ("nvmlVgpuTypeGetName", "type_name"),
        ("nvmlVgpuInstanceGetVmDriverVersion", "guest_driver"),
        ("nvmlVgpuInstanceGetMetadata", "metadata"),
    ],
)
def test_so_it_does_of_vgpus(nvidia: Fake, function: str, field: str) -> None:
    reading = read(nvidia(TWO_GPUS, without=(function,)))

    assert {getattr(each, field) for each in reading.vgpus} == {None}
    assert len(reading.vgpus) == 3
    assert [each.operation for each in reading.problems] == [function]


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [(4, "NO_PERMISSION", "VFC178"), (999, "UNKNOWN", "VFC188")],
)
def test_a_call_that_gives_an_error_is_named_and_the_rest_is_read(
    nvidia: Fake, number: int, name: str, code: str
) -> None:
    fault = f"error nvmlDeviceGetVgpuMetadata {number}"
    reading = read(nvidia(gpu(0x41, fault) + vgpu(1) + gpu(0x42)))

    assert [each.metadata is None for each in reading.gpus] == [True, False]
    assert {each.name for each in reading.gpus} == {"NVIDIA A40"}
    assert mdevs(reading) == [mdev_of(1)]
    assert [told(each) for each in reading.problems] == [
        f"{code} 0000:41:00.0: nvmlDeviceGetVgpuMetadata: {name}"
    ]


def test_a_gpu_whose_address_is_not_told_is_not_known(nvidia: Fake) -> None:
    fault = "error nvmlDeviceGetPciInfo_v3 999"
    reading = read(nvidia(gpu(0x41, fault) + vgpu(1) + gpu(0x42) + vgpu(2)))

    assert addresses(reading) == ["0000:42:00.0"]
    assert mdevs(reading) == [mdev_of(2)]
    assert [told(each) for each in reading.problems] == [
        "VFC188 GPU 0: nvmlDeviceGetPciInfo: UNKNOWN"
    ]


@pytest.mark.parametrize("calls", range(12))
def test_a_gpu_that_falls_off_the_bus_is_named_and_others_are_read(
    nvidia: Fake, calls: int
) -> None:
    spec = gpu(0x41, f"lost {calls}") + vgpu(1) + vgpu(2) + gpu(0x42) + vgpu(3)
    reading = read(nvidia(spec))

    assert addresses(reading)[-1] == "0000:42:00.0"
    assert mdevs(reading)[-1] == mdev_of(3)
    [problem] = reading.problems
    assert (problem.errno, problem.code) == ("GPU_IS_LOST", "VFC188")


def test_a_vgpu_that_has_ended_is_named_and_others_are_read(nvidia: Fake) -> None:
    fault = "error nvmlVgpuInstanceGetType 6"
    reading = read(nvidia(gpu(0x41) + vgpu(1, fault) + vgpu(2)))

    assert mdevs(reading) == [mdev_of(2)]
    assert [told(each) for each in reading.problems] == [
        "VFC188 0000:41:00.0 vGPU 1: nvmlVgpuInstanceGetType: NOT_FOUND"
    ]


# ---- where it dies, or hangs, over something ----------------------------------------


@pytest.mark.parametrize("way", ["crash", "hang"])
@pytest.mark.parametrize("call", ["nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetName"])
def test_the_gpu_over_which_it_ends_is_not_known(
    nvidia: Fake, way: str, call: str
) -> None:
    spec = gpu(0x41, f"{way} {call}") + vgpu(1) + gpu(0x42) + vgpu(2)
    reading = read(nvidia(spec), SHORT if way == "hang" else TIMEOUT)

    assert addresses(reading) == ["0000:42:00.0"]
    assert mdevs(reading) == [mdev_of(2)]
    [problem] = reading.problems
    assert problem.path in {"GPU 0", "0000:41:00.0"}
    assert problem.code == {"crash": "VFC186", "hang": "VFC112"}[way]


@pytest.mark.parametrize("way", ["crash", "hang"])
def test_the_vgpu_over_which_it_ends_is_not_known(nvidia: Fake, way: str) -> None:
    fault = f"{way} nvmlVgpuInstanceGetMetadata"
    spec = gpu(0x41) + vgpu(1) + vgpu(2, fault) + vgpu(3) + gpu(0x42) + vgpu(4)
    reading = read(nvidia(spec), SHORT if way == "hang" else TIMEOUT)

    assert addresses(reading) == ADDRESSES
    assert mdevs(reading) == [mdev_of(1), mdev_of(3), mdev_of(4)]
    assert [each.path for each in reading.problems] == ["0000:41:00.0 vGPU 2"]


def test_gpus_that_hang_are_waited_for_beside_each_other(nvidia: Fake) -> None:
    held = "hang nvmlDeviceGetName"
    spec = "".join(gpu(0x41 + at, *[held] * (at < 7)) for at in range(8))
    began = time.monotonic()
    reading = read(nvidia(spec), SHORT)

    assert time.monotonic() - began < 3 * SHORT + 2
    assert addresses(reading) == ["0000:48:00.0"]
    assert [each.code for each in reading.problems] == ["VFC112"] * 7


def test_a_gpu_on_which_it_always_ends_is_given_up(nvidia: Fake) -> None:
    died = "crash nvmlVgpuInstanceGetType"
    spec = gpu(0x41) + "".join(vgpu(at, died) for at in range(1, 9)) + gpu(0x42)
    reading = read(nvidia(spec))

    assert sorted(addresses(reading)) == ADDRESSES
    assert reading.vgpus == []
    assert {each.code for each in reading.problems} == {"VFC186", "VFC188"}


# ---- comparing ----------------------------------------------------------------------

THERE = Compatibility.of(15, 0)


def pair(source: str = "vgpu-1", destination: str = "gpu-65") -> ToCompare:
    ends = [f"{each}\0".encode() for each in (source, destination)]
    return ToCompare(vgpu_metadata(opaque=ends[0]), gpu_metadata(opaque=ends[1]))


def codes_of(found: list[Compared]) -> list[str | None]:
    return [each.error.code if each.error else None for each in found]


def test_a_pair_of_metadata_is_compared_without_a_device(nvidia: Fake) -> None:
    left = f"{COLD | HIBERNATE} {HOST_DRIVER | GPU}"
    library = nvidia(
        f"compatibility vgpu-1 gpu-1 {left}\ncompatibility vgpu-2 * {LIVE} 0\n"
        f"compatibility vgpu-3 * 0 {OTHER}\n"
    )
    pairs = [pair("vgpu-1", "gpu-1"), pair("vgpu-2"), pair("vgpu-3"), pair("vgpu-1")]

    assert [each.found for each in compare(pairs, library, TIMEOUT)] == [
        Compatibility(
            is_live=False, limits=("host-driver", "gpu"), left=("cold", "hibernate")
        ),
        Compatibility(is_live=True),
        Compatibility(is_live=False, limits=("other",)),
        THERE,
    ]


def test_what_was_read_can_be_compared(nvidia: Fake) -> None:
    library = nvidia(
        f"compatibility * gpu-2 {COLD} {GPU}\n{gpu(1, 'opaque 9000')}"
        f"{vgpu(1, 'opaque 70000')}{gpu(2)}"
    )
    reading = read(library)
    metadata = reading.vgpus[0].metadata or ""
    pairs = [ToCompare(metadata, each.metadata or "") for each in reading.gpus]

    assert [
        each.found and each.found.limits for each in compare(pairs, library, 5)
    ] == [
        (),
        ("gpu",),
    ]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("error 999", "VFC177"),
        ("error 4", "VFC178"),
        ("error 3", "VFC177"),
        ("crash", "VFC186"),
        ("hang", "VFC112"),
    ],
)
def test_a_pair_that_goes_wrong_is_the_only_one(
    nvidia: Fake, fault: str, code: str
) -> None:
    library = nvidia(f"compatibility vgpu-2 * {fault}\n")
    found = compare([pair(f"vgpu-{at}") for at in (1, 2, 3)], library, SHORT)

    assert codes_of(found) == [None, code, None]
    assert [each.found for each in found] == [THERE, None, THERE]


def test_a_library_that_always_ends_is_given_up(nvidia: Fake) -> None:
    library = nvidia("crash nvmlGetVgpuCompatibility\n")
    assert codes_of(compare([pair()] * 9, library, TIMEOUT)) == ["VFC186"] * 9


def test_a_library_that_cannot_compare_says_so(nvidia: Fake) -> None:
    library = nvidia(without=("nvmlGetVgpuCompatibility",))
    assert codes_of(compare([pair()], library, TIMEOUT)) == ["VFC187"]


def test_without_a_library_nothing_is_compared(tmp_path: Path) -> None:
    assert codes_of(compare([pair()] * 2, str(tmp_path), TIMEOUT)) == ["VFC183"] * 2


@pytest.mark.parametrize("metadata", ["", "AAAA", "?", vgpu_metadata()[:-8]])
def test_metadata_that_is_none_is_never_given_to_the_library(
    nvidia: Fake, metadata: str
) -> None:
    library = nvidia("crash nvmlGetVgpuCompatibility\n")
    [found] = compare([ToCompare(metadata, gpu_metadata())], library, TIMEOUT)

    assert found.error is not None
    assert found.error.code == "VFC177"
    assert "the metadata" in found.error.summary


def test_no_pairs_are_no_answers(nvidia: Fake) -> None:
    assert compare([], nvidia(), TIMEOUT) == []
