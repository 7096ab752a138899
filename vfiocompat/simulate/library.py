# SPDX-License-Identifier: Apache-2.0
"""The library that stands for NVIDIA's, compiled from its source, which lies beside."""

from __future__ import annotations

import os
import shlex
import tempfile
import time

from vfiocompat.errors import SimulationError
from vfiocompat.programs import run_program

__all__ = ["build", "library"]

_SOURCE = os.path.join(os.path.dirname(__file__), "nvml.c")
_OPTIONS = ("-O1", "-shared", "-fPIC")
_TIME = 60.0  # seconds; it takes a quarter of one
_MOST = 1 << 16


def library() -> bytes:
    """Compile the library.

    Raises:
        SimulationError: there is no compiler, or it cannot.

    """
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as folder:
        path = os.path.join(folder, "library")
        build(path)
        with open(path, "rb") as file:
            return file.read()


def build(path: str, *options: str) -> None:
    """Compile the library to a path, with more options for the compiler.

    Raises:
        SimulationError: there is no compiler, or it cannot.

    """
    compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
    line = [*compiler, *_OPTIONS, *options, "-o", path, _SOURCE, "-ldl"]
    try:
        said = run_program(line, time.monotonic() + _TIME, _MOST)
    except OSError as error:
        why = error.strerror or "it takes too long"
        raise SimulationError(
            f"simulated GPUs need a C compiler: cannot run {compiler[0]}: {why}",
            hint="apt install gcc libc6-dev (Fedora, RHEL: dnf install gcc)",
        ) from None
    if said.code != 0:
        raise SimulationError(
            f"{compiler[0]} cannot compile the library of simulated GPUs",
            detail=said.complaint,
            hint="apt install gcc libc6-dev (Fedora, RHEL: dnf install gcc)",
        )
