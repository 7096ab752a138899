# SPDX-License-Identifier: Apache-2.0
"""What the files of mdevs say, as a child sends it and as whole endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from vfiocompat.host.batch import Failure, Reply
from vfiocompat.host.sysfs.endpoints import read_nodes
from vfiocompat.host.sysfs.nodes import mdev_node
from vfiocompat.host.sysfs.tree import Tree

if TYPE_CHECKING:
    from pathlib import Path

PARENT = "/sys/devices/pci0000:00/0000:00:02.0"
TYPE = f"{PARENT}/mdev_supported_types/acme-1"
ONE, OTHER, THIRD = (f"83b8f4f2-509f-382f-3c1e-e6bfe0fa100{each}" for each in "123")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a parent with two types, two mdevs of one and one of the other."""
    for name, link in ((ONE, "acme-1"), (OTHER, "acme-1"), (THIRD, "acme-2")):
        type_ = tmp_path / PARENT[1:] / "mdev_supported_types" / link
        type_.mkdir(parents=True, exist_ok=True)
        (type_ / "name").write_text(f"{link}\n")
        mdev = tmp_path / PARENT[1:] / name
        mdev.mkdir()
        (mdev / "version").write_text(f"8086-{name}\n")
    return tmp_path


def test_what_mdevs_of_one_type_share_is_sent_once(root: Path) -> None:
    nodes = [
        mdev_node(name, f"{PARENT}/{name}", Reply(text=f"../mdev_supported_types/{to}"))
        for name, to in ((ONE, "acme-1"), (THIRD, "acme-2"), (OTHER, "acme-1"))
    ]
    found = read_nodes(Tree(str(root), 5.0), nodes, ask="all")

    assert [each.type_id for each in found.shared] == ["acme-1", "acme-2"]
    assert [
        (each.address, each.uuid, each.type_id, each.facts["type_name"], each.version)
        for each in found.endpoints()
    ] == [
        (name, name, to, to, f"8086-{name}")
        for name, to in ((ONE, "acme-1"), (THIRD, "acme-2"), (OTHER, "acme-1"))
    ]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (Reply(text="../mdev_supported_types/acme-1"), TYPE),
        (Reply(text="../../0000:00:02.0/mdev_supported_types/acme-1"), TYPE),
        (Reply(text="../../../../../etc"), None),
        (Reply(text="mdev_supported_types/acme-1"), None),
        (Reply(Failure("open", 2)), None),
    ],
)
def test_an_mdev_has_the_type_that_its_link_leads_to(
    link: Reply, expected: str | None
) -> None:
    node = mdev_node(ONE, f"{PARENT}/{ONE}", link)

    assert node.type_path == expected
    assert node.type_id == (expected and "acme-1")
    assert (node.device, node.parent) == (PARENT, "0000:00:02.0")


@pytest.mark.parametrize(
    ("note", "srcversion", "build"),
    [
        (b"\x04\0\0\0\x02\0\0\0\x03\0\0\0GNU\0\xab\xcd", "1234", "abcd"),
        (None, "1234", "1234"),
        (b"", "1234", "1234"),
        (None, None, msgspec.UNSET),
    ],
)
def test_a_build_of_a_module_is_told_by_its_note_or_its_sources(
    root: Path, note: bytes | None, srcversion: str | None, build: object
) -> None:
    (root / PARENT[1:] / "driver").symlink_to("../../../bus/pci/drivers/acme-vfio")
    module = root / "sys/module/acme_vfio"
    (module / "notes").mkdir(parents=True)
    if note is not None:
        (module / "notes/.note.gnu.build-id").write_bytes(note)
    if srcversion is not None:
        (module / "srcversion").write_text(f"{srcversion}\n")
    node = mdev_node(
        ONE, f"{PARENT}/{ONE}", Reply(text="../mdev_supported_types/acme-1")
    )
    [found] = read_nodes(Tree(str(root), 5.0), [node], ask="all").endpoints()

    assert (found.driver, found.build) == ("acme-vfio", build)
