# SPDX-License-Identifier: Apache-2.0
"""A library that stands for NVIDIA's, compiled when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.simulate.conftest import cannot_test
from vfiocompat.errors import SimulationError
from vfiocompat.simulate.library import build

if TYPE_CHECKING:
    from pathlib import Path

STRICT = ("-Wall", "-Wextra", "-Werror")
NAME = "libnvidia-ml.so.1"

COLD, HIBERNATE, SLEEP, LIVE = 1, 2, 4, 8
HOST_DRIVER, GUEST_DRIVER, GPU, OTHER = 1, 2, 4, 0x80000000
NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND, DRIVER_NOT_LOADED, GPU_IS_LOST = 3, 4, 6, 9, 15

HOST = """
driver 580.65.06
supported 2 9
range 3 7
type 557 NVIDIA A40-8Q
type 558 NVIDIA A40-16Q
"""
"""What a specification begins with."""


class Libraries:
    """Compiled libraries, by the functions that they lack."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, ...], Path] = {}

    def without(self, *functions: str) -> Path:
        """Give the library, or an older one that lacks some functions."""
        if functions not in self._made:
            path = self._folder / str(len(self._made)) / NAME
            path.parent.mkdir()
            gone = [f"-D{name}=left_out_{name}" for name in functions]
            try:
                build(str(path), *STRICT, *gone)
            except SimulationError as error:
                if error.detail is not None:
                    raise
                cannot_test(error.summary)
            self._made[functions] = path
        return self._made[functions]


class Fake(NamedTuple):
    """Makes a library that answers from a specification, in a folder; gives its path.

    There is one at a time.
    """

    libraries: Libraries
    folder: Path

    @property
    def spec(self) -> Path:
        """Where the library's specification is."""
        return self.folder / f"{NAME}.spec"

    def __call__(self, spec: str = "", *, without: tuple[str, ...] = ()) -> str:
        path = self.folder / NAME
        path.unlink(missing_ok=True)
        path.symlink_to(self.libraries.without(*without))
        self.spec.write_text(HOST + spec)
        return str(path)


def gpu(slot: int, *more: str, label: str = "") -> str:
    """Specify a GPU, by its bus."""
    lines = (
        f"gpu 0000:{slot:02x}:00.0",
        "name NVIDIA A40",
        "memory 46068",
        "ecc on",
        f"label {label or f'gpu-{slot}'}",
        *more,
    )
    return "\n".join(lines) + "\n"


def vgpu(number: int, *more: str) -> str:
    """Specify a vGPU of the GPU before it, which is the mdev and the VM of a number."""
    lines = (
        "vgpu",
        f"mdev {mdev_of(number)}",
        f"vm {vm_of(number)}",
        "type 557",
        "guest-driver 580.65.05",
        "guest-version 5",
        f"label vgpu-{number}",
        *more,
    )
    return "\n".join(lines) + "\n"


def mdev_of(number: int) -> str:
    return f"83b8f4f2-509f-382f-3c1e-{number:012x}"


def vm_of(number: int) -> str:
    return f"4dea22b3-1d52-d8f3-2516-{number:012x}"
