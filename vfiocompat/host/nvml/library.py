# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's management library, loaded, and its calls.

Its Python binding makes the calls, but for three that give or take metadata: of these
it has buffers of a fixed size, and lets the driver write as much as that wants to
(nvidia-ml-py 13.615.71, nvmlVgpuInstanceGetMetadata). Here the size is asked first.

Numbers are of nvml.h.
"""

from __future__ import annotations

import ctypes
import glob
import os
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from vfiocompat import codes
from vfiocompat.errors import VfiocompatError
from vfiocompat.nvidia.compatibility import Compatibility
from vfiocompat.nvidia.metadata import MOST, InvalidMetadata, demand_whole, encoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfiocompat.codes import Code
    from vfiocompat.nvidia.metadata import Of

__all__ = ["CallFailed", "Nvml", "installed", "library_of", "unusable"]

Result = TypeVar("Result")

_LIBRARY = "libnvidia-ml.so.1"
_VARIABLE = "VFIOCOMPAT_NVML"
_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/lib/*-linux-gnu", "/usr/local/lib*")
"""Where distributions, and NVIDIA's installer, put libraries."""

_SUCCESS = 0
_NOT_SUPPORTED = 3
_NO_PERMISSION = 4
_NOT_FOUND = 6
_INSUFFICIENT_SIZE = 7
_DRIVER_NOT_LOADED = 9
_FUNCTION_NOT_FOUND = 13
_LOST = frozenset({15, 28})  # GPU_IS_LOST, GPU_NOT_FOUND
_MISMATCH = 18

_TRIES = 3  # what is asked for may grow between two calls
_SPARE = 4096
"""How many zeros follow metadata that a driver is given, which may not be ours, and the
room where it writes some: it is not to run into anything else."""


def library_of(root: str = "/") -> str | None:
    """Name the library of a host; None for one that is not this host.

    VFIOCOMPAT_NVML names another one, whatever the host is.
    """
    named = os.environ.get(_VARIABLE)
    is_this_host = not os.path.realpath(root).strip("/")
    return named or (_LIBRARY if is_this_host else None)


def installed(root: str = "/") -> list[str]:
    """Give the libraries that are installed on a host: the files, each once.

    Two of different versions are trouble: one is not the kernel module's.
    """
    found: dict[str, None] = {}
    for pattern in _FOLDERS:
        for path in glob.glob(f"{root.rstrip('/')}{pattern}/{_LIBRARY}"):
            real = os.path.realpath(path)
            found[real] = None
    return sorted(found)


class CallFailed(Exception):
    """A call that gave an error: which, and what nvml.h calls that."""

    def __init__(self, call: str, number: int, name: str) -> None:
        super().__init__(call, number, name)
        self.call = call
        self.number = number
        self.name = name

    @property
    def is_not_supported(self) -> bool:
        """Whether there is nothing to be told, as of ECC where there is none."""
        return self.number == _NOT_SUPPORTED

    @property
    def is_gone(self) -> bool:
        """Whether the vGPU does not run any more."""
        return self.number == _NOT_FOUND

    @property
    def is_lost(self) -> bool:
        """Whether the GPU is not on the bus any more."""
        return self.number in _LOST

    @property
    def code(self) -> Code:
        """Say by a code what went wrong."""
        return {
            _NO_PERMISSION: codes.NVML_NOT_PERMITTED,
            _FUNCTION_NOT_FOUND: codes.NVML_LACKS_FUNCTION,
        }.get(self.number, codes.GPU_NOT_READ)


class Nvml:
    """The library, loaded and initialized: only ever in a child.

    Raises:
        VfiocompatError: it cannot be used here; the code says why.

    """

    def __init__(self, name: str) -> None:
        try:
            binding: Any = import_module("pynvml")
        except ImportError:
            raise VfiocompatError(
                "the package nvidia-ml-py is not installed, so NVIDIA's library is not "
                "asked",
                hint="pip install 'vfiocompat[nvml]'",
                code=codes.NVML_NO_BINDING,
            ) from None
        try:
            self._library = ctypes.CDLL(name)
        except OSError as error:
            raise VfiocompatError(
                f"{name} cannot be loaded: {error}",
                code=codes.NVML_ABSENT,
            ) from None
        # The binding takes what is here for what it has loaded itself.
        self._binding = binding
        self._binding.nvmlLib = self._library
        try:
            self.ask("nvmlInit")
        except CallFailed as failed:
            raise unusable(name, failed) from None

    def ask(self, call: str, *words: object) -> Any:  # noqa: ANN401 - as its binding
        """Make a call of the binding.

        Raises:
            CallFailed: it gave an error.

        """
        function = getattr(self._binding, call, None)
        if function is None:  # a binding that is older than the call
            raise self._failed(call, _FUNCTION_NOT_FOUND)
        try:
            return function(*words)
        except self._binding.NVMLError as error:
            raise self._failed(call, error.value) from None
        except UnicodeDecodeError:
            raise CallFailed(call, 0, "is no text") from None

    def active_vgpus(self, gpu: object) -> list[int]:
        """List the vGPUs that run on a GPU, by their numbers.

        Raises:
            CallFailed: it gave an error.

        """
        for _ in range(_TRIES - 1):
            try:
                return list(self.ask("nvmlDeviceGetActiveVgpus", gpu))
            except CallFailed as failed:
                if failed.number != _INSUFFICIENT_SIZE:
                    raise
        return list(self.ask("nvmlDeviceGetActiveVgpus", gpu))

    def vgpu_metadata(self, instance: int) -> str:
        """Read the metadata of a vGPU, as a file has it.

        Raises:
            CallFailed: it gave an error.

        """
        whose = ctypes.c_uint(instance)
        return self._metadata("nvmlVgpuInstanceGetMetadata", whose, "vGPU")

    def gpu_metadata(self, gpu: object) -> str:
        """Read the metadata of a GPU, as a file has it.

        Raises:
            CallFailed: it gave an error.

        """
        return self._metadata("nvmlDeviceGetVgpuMetadata", gpu, "GPU")

    def compatibility(self, vgpu: bytes, gpu: bytes) -> Compatibility:
        """Ask whether a GPU loads a vGPU, by whole metadata of both.

        Raises:
            CallFailed: it gave an error.

        """
        call = "nvmlGetVgpuCompatibility"
        found = (ctypes.c_uint * 2)()
        ends = [
            ctypes.create_string_buffer(each, len(each) + _SPARE)
            for each in (vgpu, gpu)
        ]
        self._demand(call, self._function(call)(*ends, found))
        return Compatibility.of(*found)

    def _metadata(self, call: str, whose: object, of: Of) -> str:
        function = self._function(call)
        size = ctypes.c_uint(0)
        told = function(whose, None, ctypes.byref(size))
        for _ in range(_TRIES):
            if told != _INSUFFICIENT_SIZE:
                break
            if size.value > MOST:
                raise CallFailed(call, told, f"wants {size.value:,} bytes")
            buffer = ctypes.create_string_buffer(size.value + _SPARE)
            told = function(whose, buffer, ctypes.byref(size))
            if told == _SUCCESS:
                return self._whole(call, buffer.raw[: size.value], of)
        self._demand(call, told)
        raise CallFailed(call, told, "gives nothing")

    def _whole(self, call: str, data: bytes, of: Of) -> str:
        try:
            demand_whole(data, of)
        except InvalidMetadata as error:
            raise CallFailed(call, _SUCCESS, str(error)) from None
        return encoded(data)

    def _function(self, call: str) -> Callable[..., int]:
        try:
            return getattr(self._library, call)  # type: ignore[no-any-return]
        except AttributeError:
            raise self._failed(call, _FUNCTION_NOT_FOUND) from None

    def _demand(self, call: str, number: int) -> None:
        if number != _SUCCESS:
            raise self._failed(call, number)

    def _failed(self, call: str, number: int) -> CallFailed:
        return CallFailed(call, number, self._names.get(number, str(number)))

    @cached_property
    def _names(self) -> dict[int, str]:
        """Find what nvml.h calls each error."""
        prefix = "NVML_ERROR_"
        return {
            number: name.removeprefix(prefix)
            for name, number in vars(self._binding).items()
            if name.startswith(prefix)
        }


def unusable(name: str, failed: CallFailed) -> VfiocompatError:
    """Say why a library that could be loaded cannot be used at all."""
    code: Code = {
        _NO_PERMISSION: codes.NVML_NOT_PERMITTED,
        _FUNCTION_NOT_FOUND: codes.NVML_LACKS_FUNCTION,
    }.get(failed.number, codes.NVML_NO_DRIVER)
    hint = {
        _NO_PERMISSION: "run it as root",
        _DRIVER_NOT_LOADED: "load NVIDIA's kernel module: modprobe nvidia",
        _MISMATCH: "the library and the kernel module are of different versions: load "
        "the module again, or restart the host",
    }.get(failed.number)
    return VfiocompatError(
        f"{name} cannot be used: {failed.call} gave {failed.name}", hint=hint, code=code
    )
