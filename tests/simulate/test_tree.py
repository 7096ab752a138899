# SPDX-License-Identifier: Apache-2.0
"""The simulated sysfs without FUSE: its nodes, and how create and remove act."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfiocompat.simulate.answers import accept
from vfiocompat.simulate.faults import Faults
from vfiocompat.simulate.host import SimulatedHost
from vfiocompat.simulate.spec import (
    DriverAnswers,
    Fault,
    Function,
    Mdev,
    MdevType,
    Nvidia,
    Parent,
    PciIds,
    Spec,
    VgpuType,
)
from vfiocompat.simulate.tree import Directory, DriverFile, Link

from .conftest import fails

UUIDS = [f"83b8f4f2-509f-382f-3c1e-e6bfe0fa100{n}" for n in range(8)]
FIRST, SECOND = UUIDS[:2]
PARENT = "0000:3b:00.0"
PATH = f"sys/devices/pci0000:3b/{PARENT}"
TYPES = f"{PATH}/mdev_supported_types"


def example(*mdevs: Mdev) -> SimulatedHost:
    parent = Parent(
        name=PARENT,
        driver="acme",
        pci=PciIds(vendor=0x1AC1, device=0x100, revision=2, subsystem_device=7),
        instances=4,
        type=(
            MdevType(id="acme-1", version="v1"),
            MdevType(id="acme-2", version="v2", slices=2, nodes=frozenset(("type",))),
            MdevType(id="acme-own", instances=1, description="one\ntwo"),
        ),
        mdev=mdevs,
    )
    nvidia = Nvidia(creatable=(VgpuType(id=14, name="H200-1"),))
    return SimulatedHost(
        Spec(
            schema=1,
            host="h1",
            kernel="6.12.0",
            modules={"nvidia": "550"},
            parent=(parent, Parent(name="mtty")),
            function=(
                Function(address="0000:5e:00.1", driver="vfio-pci", version="f"),
                Function(address="0000:c1:00.4", driver="nvidia", nvidia=nvidia),
                Function(address="0000:5e:00.2", driver="ice"),
            ),
        )
    )


def attribute(host: SimulatedHost, path: str) -> DriverFile:
    node = host.tree.find(path)
    assert isinstance(node, DriverFile)
    return node


def read(host: SimulatedHost, path: str) -> str:
    show = attribute(host, path).show
    assert show is not None
    return show().decode()


def write(host: SimulatedHost, path: str, data: str | bytes) -> None:
    store = attribute(host, path).store
    assert store is not None
    store(data.encode() if isinstance(data, str) else data)


def names(host: SimulatedHost, path: str) -> set[str]:
    node = host.tree.find(path)
    assert isinstance(node, Directory)
    return set(node.entries)


def target(host: SimulatedHost, path: str) -> str:
    """Return the path that a link leads to, which must be there."""
    node = host.tree.find(path)
    assert isinstance(node, Link)
    assert not node.target.startswith("/")
    end = posixpath.normpath(posixpath.join(posixpath.dirname(path), node.target))
    host.tree.find(end)
    return end


def links(node: Directory, path: str) -> list[str]:
    found = []
    for name, entry in node.entries.items():
        below = f"{path}/{name}" if path else name
        if isinstance(entry, Link):
            found.append(below)
        elif isinstance(entry, Directory):
            found += links(entry, below)
    return found


def available(host: SimulatedHost) -> list[str]:
    return [
        read(host, f"{TYPES}/{kind}/available_instances").strip()
        for kind in ("acme-1", "acme-2", "acme-own")
    ]


def test_no_link_leads_nowhere_before_and_after_changes() -> None:
    host = example(Mdev(uuid=FIRST, type="acme-1"))
    everything = links(host.tree.root, "")
    for path in everything:
        target(host, path)
    write(host, f"{TYPES}/acme-2/create", SECOND)
    assert len(links(host.tree.root, "")) > len(everything)
    for uuid in (FIRST, SECOND):
        write(host, f"{PATH}/{uuid}/remove", "1")
    for path in links(host.tree.root, ""):
        target(host, path)


def test_links_of_a_pci_parent() -> None:
    host = example()
    assert target(host, f"sys/class/mdev_bus/{PARENT}") == PATH
    assert target(host, f"sys/bus/pci/devices/{PARENT}") == PATH
    assert target(host, f"sys/bus/pci/drivers/acme/{PARENT}") == PATH
    assert target(host, f"{PATH}/driver") == "sys/bus/pci/drivers/acme"
    assert target(host, f"{PATH}/subsystem") == "sys/bus/pci"


def test_ids_as_the_kernel_spells_them() -> None:
    host = example()
    ids = {
        "vendor": "0x1ac1\n",
        "device": "0x0100\n",
        "subsystem_vendor": "0x1ac1\n",
        "subsystem_device": "0x0007\n",
        "revision": "0x02\n",
        "class": "0x120000\n",
        "numa_node": "-1\n",
    }
    assert {name: read(host, f"{PATH}/{name}") for name in ids} == ids


def test_a_virtual_parent_lies_under_its_class() -> None:
    host = example()
    path = "sys/devices/virtual/mtty/mtty"
    assert target(host, "sys/class/mdev_bus/mtty") == path
    assert target(host, "sys/class/mtty/mtty") == path


def test_what_the_host_says_of_itself() -> None:
    host = example()
    assert read(host, "proc/sys/kernel/hostname") == "h1\n"
    assert read(host, "proc/sys/kernel/osrelease") == "6.12.0\n"
    assert read(host, "sys/module/nvidia/version") == "550\n"
    assert len(read(host, "etc/machine-id")) == 33


def test_files_of_a_type() -> None:
    host = example()
    assert names(host, f"{TYPES}/acme-own") == {
        "available_instances",
        "create",
        "description",
        "device_api",
        "devices",
        "name",
    }
    assert read(host, f"{TYPES}/acme-own/description") == "one\ntwo\n"
    assert read(host, f"{TYPES}/acme-own/name") == "own\n"
    assert "version" in names(host, f"{TYPES}/acme-1")


def test_create_and_remove() -> None:
    host = example()
    write(host, f"{TYPES}/acme-1/create", FIRST.upper() + "\n")
    assert names(host, "sys/bus/mdev/devices") == {FIRST}
    assert target(host, f"{PATH}/{FIRST}/mdev_type") == f"{TYPES}/acme-1"
    assert target(host, f"{TYPES}/acme-1/devices/{FIRST}") == f"{PATH}/{FIRST}"
    assert read(host, f"{PATH}/{FIRST}/version") == "v1\n"
    group = target(host, f"{PATH}/{FIRST}/iommu_group")
    assert names(host, f"{group}/devices") == {FIRST}
    version = attribute(host, f"{PATH}/{FIRST}/version")
    write(host, f"{PATH}/{FIRST}/remove", "0")
    assert attribute(host, f"{PATH}/{FIRST}/version") is version
    write(host, f"{PATH}/{FIRST}/remove", "0x1\n")
    assert version.gone
    assert names(host, "sys/bus/mdev/devices") == set()
    assert names(host, f"{TYPES}/acme-1/devices") == set()
    assert fails(lambda: host.tree.find(f"{PATH}/{FIRST}/version")) == "ENOENT"
    assert fails(lambda: host.tree.find(group)) == "ENOENT"


@pytest.mark.parametrize(
    "data",
    ["", "x" * 36, FIRST[:35], FIRST + "\n\n", FIRST.replace("-", "") + "0000"],
)
def test_create_with_what_is_no_uuid(data: str) -> None:
    host = example()
    assert fails(lambda: write(host, f"{TYPES}/acme-1/create", data)) == "EINVAL"


@pytest.mark.parametrize("data", ["", "x", "1 ", "1\n\n", "09", "-1"])
def test_remove_with_what_is_no_number(data: str) -> None:
    host = example(Mdev(uuid=FIRST, type="acme-1"))
    assert fails(lambda: write(host, f"{PATH}/{FIRST}/remove", data)) == "EINVAL"


def test_a_uuid_is_there_once_on_the_whole_host() -> None:
    host = example(Mdev(uuid=FIRST, type="acme-1"))
    assert fails(lambda: write(host, f"{TYPES}/acme-2/create", FIRST)) == "EEXIST"


def test_types_share_their_parents_slices() -> None:
    host = example()
    assert available(host) == ["4", "2", "1"]
    write(host, f"{TYPES}/acme-2/create", FIRST)
    assert available(host) == ["2", "1", "1"]
    write(host, f"{TYPES}/acme-own/create", SECOND)
    assert available(host) == ["2", "1", "0"]
    assert fails(lambda: write(host, f"{TYPES}/acme-own/create", UUIDS[2])) == "EUSERS"
    write(host, f"{TYPES}/acme-1/create", UUIDS[3])
    assert fails(lambda: write(host, f"{TYPES}/acme-2/create", UUIDS[4])) == "ENOSPC"
    write(host, f"{PATH}/{FIRST}/remove", "1")
    assert available(host) == ["3", "1", "0"]


STEP = st.tuples(
    st.sampled_from(("acme-1", "acme-2", "remove")), st.sampled_from(UUIDS)
)


@given(st.lists(STEP, max_size=30))
def test_slices_are_never_lost_nor_made(steps: list[tuple[str, str]]) -> None:
    host = example()
    slices: dict[str, int] = {}
    for step, uuid in steps:
        if step == "remove":
            if slices.pop(uuid, None):
                write(host, f"{PATH}/{uuid}/remove", "1")
            continue
        need = int(step[-1])
        create = f"{TYPES}/{step}/create"
        if uuid in slices:
            assert fails(lambda: write(host, create, uuid)) == "EEXIST"  # noqa: B023
        elif sum(slices.values()) + need > 4:
            assert fails(lambda: write(host, create, uuid)) == "ENOSPC"  # noqa: B023
        else:
            write(host, create, uuid)
            slices[uuid] = need
        free = 4 - sum(slices.values())
        assert available(host)[:2] == [str(free), str(free // 2)]
        assert names(host, "sys/bus/mdev/devices") == set(slices)


def test_where_the_attribute_is() -> None:
    host = example(
        Mdev(uuid=FIRST, type="acme-1"),
        Mdev(uuid=SECOND, type="acme-2"),
    )
    assert "version" in names(host, f"{PATH}/{FIRST}")
    assert "version" not in names(host, f"{PATH}/{SECOND}")
    function = "sys/devices/pci0000:5e/0000:5e:00.1"
    assert read(host, f"{function}/migration_version") == "f\n"


@pytest.mark.parametrize(
    ("function", "vfio"),
    [("0000:5e:00.1", True), ("0000:c1:00.4", True), ("0000:5e:00.2", False)],
)
def test_which_functions_are_vfio_devices(function: str, *, vfio: bool) -> None:
    path = f"sys/devices/pci{function[:7]}/{function}"
    assert ("vfio-dev" in names(example(), path)) is vfio


def test_nvidia() -> None:
    host = example()
    path = "sys/devices/pci0000:c1/0000:c1:00.4/nvidia"
    creatable, current = f"{path}/creatable_vgpu_types", f"{path}/current_vgpu_type"
    assert (read(host, creatable), read(host, current)) == ("14 : H200-1\n", "0\n")
    assert fails(lambda: write(host, current, "15")) == "EINVAL"
    write(host, current, "14\n")
    assert (read(host, creatable), read(host, current)) == ("", "14\n")
    assert fails(lambda: write(host, current, "14")) == "EBUSY"
    write(host, current, "0")
    assert read(host, creatable) == "14 : H200-1\n"


@pytest.mark.parametrize(
    ("answers", "data", "error"),
    [
        (DriverAnswers(version="a[1]"), b"a[1]\n", None),
        (DriverAnswers(version="a[1]"), b"a[1]", None),
        (DriverAnswers(version="a[1]"), b"a1", "EINVAL"),
        (DriverAnswers(version="a", refuses="EPERM"), b"A", "EPERM"),
        (DriverAnswers(version="a"), b"a\n\n", "EINVAL"),
        (DriverAnswers(version="a"), b"a\0", "EINVAL"),
        (DriverAnswers(version="a", newline="required"), b"a", "EINVAL"),
        (DriverAnswers(version="a", newline="required"), b"a\n", None),
        (DriverAnswers(version="a5", accepts=("a[1-5]", "b*")), b"a4\n", None),
        (DriverAnswers(version="a5", accepts=("a[1-5]", "b*")), b"a6\n", "EINVAL"),
        (DriverAnswers(version="a5", accepts=()), b"a5", "EINVAL"),
        (DriverAnswers(version="a", migration=False), b"a", "ENODEV"),
    ],
)
def test_what_a_driver_accepts(
    answers: DriverAnswers, data: bytes, error: str | None
) -> None:
    if error is None:
        accept(answers, data)
    else:
        assert fails(lambda: accept(answers, data)) == error


def test_the_pair() -> None:
    kind = MdevType(id="a", version="v", attribute="get_version")
    host = SimulatedHost(Spec(schema=1, parent=(Parent(name="p", type=(kind,)),)))
    path = "sys/devices/virtual/p/p/mdev_supported_types/a"
    assert attribute(host, f"{path}/get_version").mode == 0o444
    assert attribute(host, f"{path}/check_version").mode == 0o200
    write(host, f"{path}/check_version", "v\n")


def test_vanishing() -> None:
    host = example(Mdev(uuid=FIRST, type="acme-2"))
    for owner in (f"{PARENT}/acme-2", FIRST, "0000:5e:00.1"):
        host.vanish(owner)
        host.vanish(owner)
    assert names(host, "sys/bus/mdev/devices") == set()
    assert "0000:5e:00.1" not in names(host, "sys/bus/pci/devices")
    assert names(host, TYPES) == {"acme-1", "acme-own"}
    assert read(host, f"{TYPES}/acme-1/available_instances") == "4\n"


def test_faults_come_in_the_order_of_the_file_and_end() -> None:
    faults = Faults(
        [
            Fault(at="p/a", on="read", errno="EINTR", times=2),
            Fault(at="p/a", attribute="name", errno="EIO"),
            Fault(at="p/a", text="x"),
        ]
    )
    version = DriverFile(0o644, owner="p/a", name="version")
    name = DriverFile(0o444, owner="p/a", name="name")

    def due(attribute: DriverFile, call: str) -> str | None:
        fault = faults.due(attribute, call)
        return None if fault is None else fault.errno or fault.text

    assert [due(version, "read") for _ in range(4)] == ["EINTR", "EINTR", "x", "x"]
    assert (due(version, "write"), due(version, "open")) == (None, None)
    assert due(name, "write") == "EIO"
    assert due(DriverFile(0o644, owner="p/b", name="version"), "read") is None
