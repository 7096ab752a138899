# SPDX-License-Identifier: Apache-2.0
"""A file system that hangs, as NFS does when its server has gone.

    python -m tests.hanging STORE MOUNTPOINT CALL TEXT

serves the folder STORE over FUSE, to be read and written, but for one call on paths
that have TEXT in them: that never returns.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulate.conftest import ROOT, cannot_test, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["hanging"]


@contextmanager
def hanging(
    call: str, text: str = "", files: Mapping[str, bytes] | None = None
) -> Iterator[Path]:
    """Serve files from a folder of which one call never returns."""
    if reason := why_not():
        cannot_test(reason)
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as directory:
        store, root = Path(directory, "store"), Path(directory, "root")
        store.mkdir()
        root.mkdir()
        for name, data in (files or {}).items():
            (store / name).write_bytes(data)
        line = [
            sys.executable,
            "-m",
            "tests.hanging",
            str(store),
            str(root),
            call,
            text,
        ]
        with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            try:
                yield root
            finally:
                server.kill()
                unmount = ["umount", "-f", "-l", str(root)]
                subprocess.run(unmount, check=False, capture_output=True)


def _serve(store: str, root: str, call: str, only: str) -> None:  # noqa: C901 - FUSE's
    os.environ.setdefault("FUSE_LIBRARY_NAME", "fuse3")
    import mfusepy  # noqa: PLC0415 - it loads libfuse

    def real(path: str) -> str:
        return store + path

    class Folder(mfusepy.Operations):  # type: ignore[misc]
        use_ns = True

        def init(self, _path: str) -> None:
            print("ready", flush=True)  # noqa: T201 - who started us waits for it

        def getattr(self, path: str, _handle: int | None = None) -> dict[str, int]:
            found = os.lstat(real(path))
            names = ("st_mode", "st_nlink", "st_size", "st_uid", "st_gid")
            return {name: getattr(found, name) for name in names}

        def readdir(self, path: str, _handle: int) -> list[str]:
            return [".", "..", *os.listdir(real(path))]

        def open(self, path: str, flags: int) -> int:
            return os.open(real(path), flags & ~os.O_EXCL)

        def create(self, path: str, mode: int, _info: object = None) -> int:
            return os.open(real(path), os.O_RDWR | os.O_CREAT, stat.S_IMODE(mode))

        def read(self, _path: str, size: int, offset: int, handle: int) -> bytes:
            return os.pread(handle, size, offset)

        def write(self, _path: str, data: bytes, offset: int, handle: int) -> int:
            return os.pwrite(handle, data, offset)

        def truncate(self, path: str, length: int, _handle: int | None = None) -> None:
            os.truncate(real(path), length)

        def fsync(self, _path: str, _data_only: int, handle: int) -> None:
            os.fsync(handle)

        def release(self, _path: str, handle: int) -> None:
            os.close(handle)

        def rename(self, old: str, new: str, _flags: int = 0) -> None:
            os.rename(real(old), real(new))

        def unlink(self, path: str) -> None:
            os.unlink(real(path))

        def chmod(self, path: str, mode: int) -> None:
            os.chmod(real(path), mode)

        def readlink(self, path: str) -> str:
            return os.readlink(real(path))

    known = getattr(Folder, call)

    def never(folder: Folder, path: str, *rest: object) -> object:
        if only in path:
            threading.Event().wait()
        return known(folder, path, *rest)

    setattr(Folder, call, never)
    mfusepy.FUSE(Folder(), root, foreground=True, allow_other=True, max_idle_threads=16)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
