# SPDX-License-Identifier: Apache-2.0
"""Simulated hosts for tests of what looks at them.

They are what `vfiocompat simulate` serves, but for the start of an interpreter and its
imports, which take longer than most of these tests: each is forked from a process that
has done that.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulate.conftest import cannot_test, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["serving"]

_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["tests.simulate.forked"])


@contextmanager
def serving(spec: str) -> Iterator[Path]:
    """Serve a specification (without its `schema`) somewhere; give its root."""
    if reason := why_not():
        cannot_test(reason)
    from tests.simulate.forked import serve  # noqa: PLC0415 - it loads libfuse

    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as directory:
        file = Path(directory, "spec.toml")
        file.write_text(f"schema = 1\n{spec}", encoding="utf-8")
        root = Path(directory, "root")
        root.mkdir()
        ready, its_end = _FORKED.Pipe(duplex=False)
        process = _FORKED.Process(target=serve, args=(str(file), str(root), its_end))
        process.start()
        its_end.close()
        try:
            with ready:
                ready.recv()  # EOFError if it has ended, and said on stderr why
            yield root
        finally:
            # Not SIGTERM: what is to be tested may be what is broken.
            process.kill()
            process.join()
            process.close()
            unmount = ["umount", "-f", "-l", str(root)]
            subprocess.run(unmount, check=False, capture_output=True)
