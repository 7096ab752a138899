# SPDX-License-Identifier: Apache-2.0
"""A host made of plain files, as somebody may copy one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class PlainHost(Protocol):
    def __call__(self, files: dict[str, bytes]) -> Path: ...


@pytest.fixture
def plain_host(
    _processes: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PlainHost:
    """Make plain files at paths, with a parent device `p`, and make it the host."""

    def make(files: dict[str, bytes]) -> Path:
        root = tmp_path / "plain"
        (root / "sys/devices/virtual/p/p").mkdir(parents=True)
        (root / "sys/class/mdev_bus").mkdir(parents=True)
        link = "../../devices/virtual/p/p"
        (root / "sys/class/mdev_bus/p").symlink_to(link)
        for path, content in files.items():
            whole = os.fsencode(root) + os.fsencode(path)
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            with open(whole, "wb") as file:
                file.write(content)
        monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
        return root

    return make
