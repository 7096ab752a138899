# SPDX-License-Identifier: Apache-2.0
"""GPUs, and the vGPUs that run on them, as NVIDIA's library tells of them.

What it does not tell is unknown and a problem, and all else is read.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from vfiocompat import codes
from vfiocompat.children import follow_all
from vfiocompat.endpoints import Problem
from vfiocompat.errors import ErrorRecord
from vfiocompat.host.nvml.library import CallFailed, Nvml, unusable
from vfiocompat.host.nvml.telling import DOING, ROUNDS, ended
from vfiocompat.nvidia.gpus import Gpu, Vgpu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vfiocompat.children import Followed
    from vfiocompat.nvidia.gpus import Ecc

__all__ = ["Reading", "read_gpus"]

Result = TypeVar("Result")

_NO_INSTANCE = 0  # no vGPU has this number
_UUID = 1  # of a VM; else its domain's number
_NOT_LOADED = "Not Available"
_MIB = 1 << 20


class Reading(msgspec.Struct):
    """What NVIDIA's library told; `error` says why it could not be used at all.

    The `errno` of a problem is the error's name in nvml.h, without its prefix.
    """

    gpus: list[Gpu] = []
    vgpus: list[Vgpu] = []
    problems: list[Problem] = []
    error: ErrorRecord | None = None


class _Work(msgspec.Struct, frozen=True):
    """A GPU to be read, by its number, but for what of it was `asked` about.

    Those are vGPUs, and _NO_INSTANCE for itself. `name` is what is known of it.
    """

    index: int
    name: str
    asked: frozenset[int] = frozenset()


class _Told(msgspec.Struct, omit_defaults=True):
    """What a child tells: what it comes to, or what it found there.

    `works` are all GPUs, `index` and `instance` what is asked about from now on, by
    `name`.
    """

    works: list[_Work] | None = None
    index: int | None = None
    instance: int = _NO_INSTANCE
    name: str | None = None
    gpu: Gpu | None = None
    vgpu: Vgpu | None = None
    problem: Problem | None = None


def read_gpus(library: str, timeout: float) -> Reading:
    """Read GPUs and vGPUs; the library may be silent for `timeout` seconds.

    Raises:
        VfiocompatError: a child could not be made.

    """
    reading = Reading()
    tasks: list[list[_Work] | None] = [None]
    for _ in range(ROUNDS):
        followed = follow_all(
            [partial(_tell, library, works) for works in tasks], _Told, DOING, timeout
        )
        left = [
            work
            for works, each in zip(tasks, followed, strict=True)
            for work in _take(each, works, reading)
        ]
        tasks = [[work] for work in left]  # beside each other: they may hang, too
        if not tasks:
            break
    for work in (work for works in tasks for work in works or ()):
        _add(reading, Problem(work.name, DOING, None, codes.GPU_NOT_READ))
    return reading


def _take(
    followed: Followed[_Told], works: list[_Work] | None, reading: Reading
) -> list[_Work]:
    """Take what a child told; give what it was to do and did not come to."""
    at: _Told | None = None
    asked: set[int] = set()
    for told in followed.told:
        if told.works is not None:
            works = told.works
        if told.index is not None:
            if at is not None and at.index != told.index:
                asked.clear()
            at = told
            asked.add(told.instance)
        reading.gpus += [told.gpu] if told.gpu else []
        reading.vgpus += [told.vgpu] if told.vgpu else []
        if told.problem:
            _add(reading, told.problem)
    if followed.error is None:
        return []
    error = ended(followed.error)
    if works is None:
        reading.error = error
        return []
    if at is None:  # it could not load the library, which another one could
        return works
    assert at.name is not None
    _add(reading, Problem(at.name, DOING, None, error.code))
    place = next(i for i, work in enumerate(works) if work.index == at.index)
    here, *after = works[place:]
    if at.instance == _NO_INSTANCE:
        return after
    return [_Work(here.index, at.name, here.asked | asked), *after]


def _add(reading: Reading, problem: Problem) -> None:
    """Add a problem; what the library lacks is told once for all GPUs."""
    if problem not in reading.problems:
        reading.problems.append(problem)


# ---- the child ----------------------------------------------------------------------


def _tell(library: str, works: list[_Work] | None) -> Iterator[_Told]:
    nvml = Nvml(library)
    try:
        count = nvml.ask("nvmlDeviceGetCount")
        teller = _Teller(nvml, library)
    except CallFailed as failed:
        raise unusable(library, failed) from None
    if works is None:
        works = [_Work(index, f"GPU {index}") for index in range(count)]
    yield _Told(works=works)
    for work in works:
        yield from teller.of_gpu(work)


class _Teller:
    """Tells of GPUs, one after the other."""

    def __init__(self, nvml: Nvml, library: str) -> None:
        self._nvml = nvml
        self._library = library
        self._problems: list[Problem] = []
        self._driver_version = self._value(library, "nvmlSystemGetDriverVersion")
        versions = self._value(library, "nvmlGetVgpuVersion")
        self._range = None if versions is None else "{}..{}".format(*versions[1])
        self._type_names: dict[int, str | None] = {}

    def of_gpu(self, work: _Work) -> Iterator[_Told]:
        """Tell of a GPU, and then of the vGPUs on it."""
        address = work.name
        yield _Told(index=work.index, name=address)
        try:
            gpu = self._nvml.ask("nvmlDeviceGetHandleByIndex", work.index)
            place = self._nvml.ask("nvmlDeviceGetPciInfo", gpu)
            address = f"{place.domain:04x}:{place.bus:02x}:{place.device:02x}.0"
            yield _Told(index=work.index, name=address)
            if not work.asked:
                yield _Told(gpu=self._gpu(address, gpu))
            yield from self._of_vgpus(work, address, gpu)
        except CallFailed as failed:
            self._problems.append(self._problem(address, failed))
        yield from self._told_problems()

    def _of_vgpus(self, work: _Work, address: str, gpu: object) -> Iterator[_Told]:
        """Tell of each vGPU when the next one begins: half as many messages."""
        before: Vgpu | None = None
        for instance in self._call(address, self._nvml.active_vgpus, gpu) or ():
            if instance not in work.asked:
                name = f"{address} vGPU {instance}"
                yield _Told(index=work.index, instance=instance, name=name, vgpu=before)
                before = self._of_vgpu(instance, name, address)
        if before is not None:
            yield _Told(vgpu=before)

    def _of_vgpu(self, instance: int, name: str, gpu: str) -> Vgpu | None:
        try:
            return self._vgpu(instance, name, gpu)
        except CallFailed as failed:
            if failed.is_lost:
                raise
            self._problems.append(self._problem(name, failed))
            return None

    def _told_problems(self) -> Iterator[_Told]:
        yield from (_Told(problem=each) for each in self._problems)
        self._problems.clear()

    def _gpu(self, address: str, gpu: object) -> Gpu:
        memory = self._value(address, "nvmlDeviceGetMemoryInfo", gpu)
        modes = self._value(address, "nvmlDeviceGetEccMode", gpu)
        ecc: Ecc | None = None if modes is None else "on" if modes[0] else "off"
        return Gpu(
            address=address,
            name=self._value(address, "nvmlDeviceGetName", gpu),
            memory=None if memory is None else str(memory.total // _MIB),
            driver_version=self._driver_version,
            ecc=ecc,
            range=self._range,
            metadata=self._call(address, self._nvml.gpu_metadata, gpu),
        )

    def _vgpu(self, instance: int, name: str, gpu: str) -> Vgpu:
        mdev = self._value(name, "nvmlVgpuInstanceGetMdevUUID", instance)
        vm = self._value(name, "nvmlVgpuInstanceGetVmID", instance)
        kind = self._value(name, "nvmlVgpuInstanceGetType", instance)
        driver = self._value(name, "nvmlVgpuInstanceGetVmDriverVersion", instance)
        return Vgpu(
            gpu=gpu,
            mdev=mdev.lower() if mdev else None,
            vm=_uuid(*vm) if vm else None,
            type_id=None if kind is None else str(kind),
            type_name=None if kind is None else self._type_name(kind),
            guest_driver=driver if driver and driver != _NOT_LOADED else None,
            metadata=self._call(name, self._nvml.vgpu_metadata, instance),
        )

    def _type_name(self, kind: int) -> str | None:
        if kind not in self._type_names:
            name = self._value(f"vGPU type {kind}", "nvmlVgpuTypeGetName", kind)
            self._type_names[kind] = name
        return self._type_names[kind]

    def _value(self, path: str, call: str, *words: object) -> Any:  # noqa: ANN401 - ask's
        return self._call(path, partial(self._nvml.ask, call), *words)

    def _call(
        self, path: str, call: Callable[..., Result], *words: object
    ) -> Result | None:
        """Give what a call tells; None where it does not, which may be a problem.

        Raises:
            CallFailed: what it is about is not there any more.

        """
        try:
            return call(*words)
        except CallFailed as failed:
            if failed.is_lost or failed.is_gone:
                raise
            if not failed.is_not_supported:
                self._problems.append(self._problem(path, failed))
            return None

    def _problem(self, path: str, failed: CallFailed) -> Problem:
        if failed.code == codes.NVML_LACKS_FUNCTION:
            path = self._library
        return Problem(path, failed.call, failed.name, failed.code)


def _uuid(text: bytes | str, kind: int) -> str | None:
    """Give a VM's UUID, if it is named by one; the binding gives it as bytes."""
    if kind != _UUID:
        return None
    return (text if isinstance(text, str) else text.decode(errors="replace")).lower()
