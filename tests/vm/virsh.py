# SPDX-License-Identifier: Apache-2.0
"""A virsh of ours, that does as a test has it, and what is read of a domain by it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from vfiocompat.errors import ErrorRecord, VmError
from vfiocompat.vm.model import LibvirtDomain, Vm
from vfiocompat.vm.read import Description, read_vm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

XML = b"<domain><name>web</name></domain>"
WEB = Vm(name="web")

QUICK = 0.4
"""A time-out, in seconds, for what never ends."""
SOON = 3
"""Seconds within which a read with that time-out has ended on a busy machine."""


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON


def asked(
    name: str, uri: str | None = None, timeout: float = 10, *, migratable: bool = False
) -> Description:
    return read_vm(LibvirtDomain(name, uri), timeout, migratable=migratable)


def unanswered(
    name: str, uri: str | None = None, timeout: float = 10, *, migratable: bool = False
) -> ErrorRecord:
    """Give the error of a domain that libvirt does not tell of."""
    with pytest.raises(VmError) as caught:
        asked(name, uri, timeout, migratable=migratable)
    assert caught.value.exit_code == 4
    return caught.value.record


class Virsh:
    """A program of that name, first in PATH; it notes how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "bin/virsh"
        self._file.parent.mkdir()

    def does(self, script: str) -> None:
        """Write it: what it notes first, and then this script."""
        notes = (
            'for each in "$@"; do printf "%s\\0" "$each"; done > "$FOLDER/arguments"\n'
            'echo "$*" >> "$FOLDER/calls"\n'
            'case "$*" in *" uri") echo "${URI-test:///default}"; exit;; esac\n'
            'env > "$FOLDER/environment"; echo $$ > "$FOLDER/pid"\n'
        )
        text = f"#!/bin/sh\nFOLDER='{self.folder}'\n{notes}{script}\n"
        self._file.write_text(text, encoding="utf-8")
        self._file.chmod(0o755)

    def gives(self, data: bytes) -> None:
        """Have it write this on stdout."""
        (self.folder / "out").write_bytes(data)
        self.does('cat "$FOLDER/out"')

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()

    @property
    def arguments(self) -> list[str]:
        return os.fsdecode((self.folder / "arguments").read_bytes()).split("\0")[:-1]

    @property
    def environment(self) -> dict[str, str]:
        lines = (self.folder / "environment").read_text(encoding="utf-8").splitlines()
        return {line.partition("=")[0]: line.partition("=")[2] for line in lines}

    def pid(self, name: str = "pid") -> int:
        return int((self.folder / name).read_text(encoding="utf-8"))
