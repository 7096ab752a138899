# SPDX-License-Identifier: Apache-2.0
"""A region's capabilities, and who has a device open; tests/kernel opens real ones."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest

from vfiocompat.errors import DeviceError
from vfiocompat.vfio import holders, migration_region, open_migration

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 32
CAPS = 1 << 3


def region(
    *caps: tuple[int, int, int, bytes], flags: int = CAPS, first: int = HEAD
) -> bytes:
    """Make a struct vfio_region_info, with capabilities: id, version, next, data."""
    body = b"".join(
        struct.pack("=HHI", kind, version, following) + data
        for kind, version, following, data in caps
    )
    size = HEAD + len(body)
    return struct.pack("=IIIIQQ", size, flags, 0, first, 0, 0) + body


def of_type(type_: int, subtype: int) -> bytes:
    return struct.pack("=II", type_, subtype)


def test_the_migration_region_has_a_version() -> None:
    assert migration_region(region((2, 1, 0, of_type(3, 1)))) == 1
    assert migration_region(region((2, 7, 0, of_type(3, 1)))) == 7


def test_it_is_found_along_the_chain() -> None:
    first = (1, 1, HEAD + 16, bytes(8))

    assert migration_region(region(first, (2, 1, 0, of_type(3, 1)))) == 1


@pytest.mark.parametrize(
    "data",
    [
        region((2, 1, 0, of_type(3, 2))),
        region((2, 1, 0, of_type(0x80008086, 1))),
        region((1, 1, 0, of_type(3, 1))),
        region((2, 1, 0, of_type(3, 1)), flags=0),
        region((2, 1, 0, of_type(3, 1)), first=0),
        region((2, 1, 0, b"\x03\x00")),
        region((1, 1, 4000, bytes(8))),
        region((1, 1, HEAD, bytes(8))),
        region(first=HEAD),
    ],
)
def test_any_other_region_is_none(data: bytes) -> None:
    assert migration_region(data) is None


def test_who_has_a_node_open_is_found(tmp_path: Path) -> None:
    node = tmp_path / "7"
    node.write_text("")
    assert list(holders([str(node)])) == []
    with node.open("rb"):
        assert list(holders([str(node), "/x"])) == [os.getpid()]


def test_a_device_without_an_iommu_group(tmp_path: Path) -> None:
    with pytest.raises(DeviceError) as caught:
        open_migration(str(tmp_path))

    assert caught.value.code == "VFC522"


def test_a_device_without_a_node(tmp_path: Path) -> None:
    (tmp_path / "iommu_group").symlink_to("/sys/kernel/iommu_groups/987654")
    with pytest.raises(DeviceError) as caught:
        open_migration(str(tmp_path))

    assert caught.value.code == "VFC523"
