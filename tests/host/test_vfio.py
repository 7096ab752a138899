# SPDX-License-Identifier: Apache-2.0
"""A region's capabilities, and who has a device open; tests/kernel opens real ones."""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING

import pytest

from vfiocompat import codes
from vfiocompat.errors import DeviceError
from vfiocompat.host.migration import interface_of, migration_region
from vfiocompat.host.vfio import OpenNodes, holders, open_nodes, opened

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


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Make a /proc of the first namespace, in which three processes have nodes open."""
    for number, name in (
        (1, "/dev/null"),
        (12, "/dev/vfio/7"),
        (13, "/vfio/devices/vfio0"),
        (14, "/vfio/noiommu-3"),
        (15, "/home/x/vfio/8"),
        (16, "/dev/vfio/vfio"),
    ):
        (tmp_path / f"{number}/fd").mkdir(parents=True)
        (tmp_path / f"{number}/fd/4").symlink_to(name)
    (tmp_path / "1/ns").mkdir()
    (tmp_path / "1/ns/pid").symlink_to("pid:[4026531836]")
    (tmp_path / "self").symlink_to("1")
    return tmp_path


def test_who_has_a_node_open_is_found(proc: Path) -> None:
    assert list(holders(["/dev/vfio/8"], str(proc))) == []
    assert list(holders(["/dev/vfio/7", "/dev/vfio/x"], str(proc))) == [12]


def test_a_vm_of_libvirt_has_a_dev_of_its_own(proc: Path) -> None:
    """Its nodes are mounted somewhere that is not seen here (the kernel's d_path)."""
    assert open_nodes(str(proc)) == OpenNodes(
        {
            "/dev/vfio/7": 12,
            "/dev/vfio/devices/vfio0": 13,
            "/dev/vfio/noiommu-3": 14,
        },
        complete=True,
    )


def test_a_file_that_is_closed_meanwhile_hides_no_other(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (proc / "12/fd/9").symlink_to("/dev/vfio/9")
    read, gone = os.readlink, f"{proc}/12/fd/4"

    def readlink(path: str) -> str:
        if path == gone:
            raise FileNotFoundError(path)
        return read(path)

    monkeypatch.setattr(os, "readlink", readlink)
    monkeypatch.setattr(os, "listdir", lambda path: sorted(map(str, listed(path))))
    found = open_nodes(str(proc))
    assert found.complete
    assert found.nodes["/dev/vfio/9"] == 12
    assert "/dev/vfio/7" not in found.nodes


listed = os.listdir


def test_in_a_container_others_may_have_nodes_open(proc: Path) -> None:
    (proc / "1/ns/pid").unlink()
    (proc / "1/ns/pid").symlink_to("pid:[4026532201]")
    assert not open_nodes(str(proc)).complete


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    assert open_nodes(str(tmp_path / "x")) == OpenNodes({}, complete=False)


def test_a_device_without_an_iommu_group(tmp_path: Path) -> None:
    with pytest.raises(DeviceError) as caught, opened(str(tmp_path)):
        pass

    assert caught.value.code == "VFC522"


def test_a_device_without_an_iommu_has_an_unsafe_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its group is of VFIO's making (drivers/vfio, vfio_noiommu_group_alloc)."""
    monkeypatch.setattr("vfiocompat.host.vfio._DEV", str(tmp_path))
    (tmp_path / "iommu_group").symlink_to("/sys/kernel/iommu_groups/3")
    (tmp_path / "noiommu-3").touch()
    with pytest.raises(DeviceError, match="noiommu-3") as caught, opened(str(tmp_path)):
        pass
    assert caught.value.code == "VFC522"

    held = OpenNodes({f"{tmp_path}/noiommu-3": 14}, complete=True)
    monkeypatch.setattr("vfiocompat.host.vfio.open_nodes", lambda _: held)
    with (
        pytest.raises(DeviceError, match="process 14") as caught,
        opened(str(tmp_path)),
    ):
        pass
    assert caught.value.code == "VFC520"


@pytest.mark.parametrize(
    ("nodes", "told"), [({"8": 14}, "process 14 has"), ({}, "cannot open")]
)
def test_who_has_a_group_open_is_looked_for_where_the_kernel_says_that_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nodes: dict[str, int],
    told: str,
) -> None:
    """All processes are looked at: with many of them that takes its time."""
    looked: list[str] = []
    found = {f"{tmp_path}/{name}": pid for name, pid in nodes.items()}
    busy = DeviceError("cannot open it: EBUSY", code=codes.DEVICE_IN_USE)
    in_use = False

    def look(proc: str) -> OpenNodes:
        looked.append(proc)
        return OpenNodes(found, complete=True)

    def open_node(_: str) -> int:
        if in_use:
            raise busy
        return os.open(os.devnull, os.O_RDWR)

    def ioctl(_: int, request: int, data: object) -> int:
        if request == 0x3B67:  # VFIO_GROUP_GET_STATUS
            assert isinstance(data, bytearray)
            data[4] = 1
        return os.open(os.devnull, os.O_RDWR) if request == 0x3B6A else 0

    monkeypatch.setattr("vfiocompat.host.vfio._DEV", str(tmp_path))
    monkeypatch.setattr("vfiocompat.host.vfio.open_nodes", look)
    monkeypatch.setattr("vfiocompat.host.vfio._open", open_node)
    monkeypatch.setattr("vfiocompat.host.vfio.fcntl.ioctl", ioctl)
    (tmp_path / "iommu_group").symlink_to("/sys/kernel/iommu_groups/8")
    with opened(str(tmp_path)):
        assert looked == []

    in_use = True
    with pytest.raises(DeviceError, match=told), opened(str(tmp_path)):
        pass
    assert looked == ["/proc"]


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EBUSY, "VFC520"), (errno.EPERM, "VFC521"), (errno.EINVAL, "VFC524")],
)
def test_a_device_that_does_not_tell_about_its_regions(
    monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def ioctl(_file: int, request: int, *_: object) -> int:
        raise OSError(errno.ENOTTY if request == 0x3B75 else number, "")

    monkeypatch.setattr("vfiocompat.host.vfio.fcntl.ioctl", ioctl)
    with pytest.raises(DeviceError, match="cannot ask the device") as caught:
        interface_of(-1)
    assert caught.value.code == code


def test_a_device_without_a_node(tmp_path: Path) -> None:
    (tmp_path / "iommu_group").symlink_to("/sys/kernel/iommu_groups/987654")
    with pytest.raises(DeviceError) as caught, opened(str(tmp_path)):
        pass

    assert caught.value.code == "VFC523"
