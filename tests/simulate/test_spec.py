# SPDX-License-Identifier: Apache-2.0
"""Specifications: what is read, and how every mistake is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfiocompat.errors import SpecError
from vfiocompat.simulate.specfile import load

from .conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"


def write(path: Path, text: str | bytes) -> str:
    file = path / "spec.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(file)


def wrong(path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(write(path, text))
    assert str(path / "spec.toml") in caught.value.summary
    return (caught.value.detail or "").splitlines()


@pytest.mark.parametrize(
    "file",
    [
        *ROOT.glob("examples/*.toml"),
        *ROOT.glob("examples/*/hosts/*.toml"),
        ROOT / "tests/simulate/vct.toml",
    ],
)
def test_every_shipped_specification_is_right(file: Path) -> None:
    spec = load(str(file))
    assert spec.parent or spec.function


def test_a_small_one(tmp_path: Path) -> None:
    spec = load(
        write(
            tmp_path,
            'schema = 1\n[[parent]]\nname = "mtty"\n'
            '[[parent.type]]\nid = "mtty-1"\nversion = "a"\n',
        )
    )
    kind = spec.parent[0].type[0]
    assert (kind.attribute, kind.slices, kind.accepts) == ("version", 1, None)
    assert kind.nodes == {"type", "device"}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("schema = 2", "schema: invalid enum value 2"),
        ("", "schema: is missing"),
        (
            "schema = 1\nparents = 1",
            (
                "parents: unknown key; known are schema, host, kernel, os_release, "
                "modules, nvml, gpu, parent, function, fault"
            ),
        ),
        (
            'schema = 1\n[[parent]]\nname = "p"\n[[parent.type]]\nid = "a"\nslices = 0',
            "parent[0].type[0].slices: expected `int` >= 1",
        ),
        (
            'schema = 1\n[[parent]]\nname = "p"\npci = {vendor = "x", device = 1}',
            "parent[0].pci.vendor: expected `int`, got `str`",
        ),
        (
            'schema = 1\n[[function]]\naddress = "0000:00:01.0"\nnewline = "no"',
            "function[0].newline: invalid enum value 'no'",
        ),
    ],
)
def test_a_mistake_of_form_has_its_key(tmp_path: Path, text: str, mistake: str) -> None:
    assert wrong(tmp_path, text) == [mistake]


def test_all_mistakes_of_content_are_told_at_once(tmp_path: Path) -> None:
    text = f"""
    schema = 1
    [[parent]]
    name = "0000:3B:00.0"
    instances = 2
    [[parent.type]]
    id = "a-1"
    version = "caf\u00e9"
    refuses = "ENOTSUPP"
    [[parent.type]]
    id = "a-1"
    [[parent.type]]
    id = "a/2"
    accepts = ["x"]
    [[parent.type]]
    id = "a-3"
    slices = 3
    version = "{"x" * 4096}"
    [[parent.mdev]]
    uuid = "{UUID}"
    type = "a-3"
    [[parent.mdev]]
    uuid = "{UUID}"
    type = "a-9"
    [[parent]]
    name = "mtty"
    pci = {{ vendor = 1, device = 2 }}
    [[parent]]
    name = "mtty"
    [[parent.mdev]]
    uuid = "{UUID.upper()}"
    type = "x"
    [[function]]
    address = "3b:00.0"
    driver = "a/b"
    nvidia = {{ current = 7 }}
    """
    assert wrong(tmp_path, text) == [
        "parent[0].name: '0000:3B:00.0' is not a PCI address (0000:3b:00.0)",
        (
            "parent[0].type[0].version: not printable ASCII"
            " (a [[fault]] with `text` or `hex` serves any bytes)"
        ),
        (
            "parent[0].type[0].refuses: 'ENOTSUPP' is not the name of an errno"
            " that FUSE can pass on"
        ),
        "parent[0].type[1].id: 'a-1' is there already",
        "parent[0].type[2].id: 'a/2' cannot be the name of a file in sysfs",
        "parent[0].type[2].accepts: without a version nothing is accepted",
        "parent[0].type[3].version: longer than 4095 bytes",
        "parent[0].mdev[0].type: 0000:3B:00.0 has no room for another a-3",
        "parent[0].mdev[1].type: 0000:3B:00.0 has no type 'a-9'",
        f"parent[0].mdev[1].uuid: {UUID!r} is there already",
        "parent[1].pci: 'mtty' is not a PCI device",
        "parent[2].name: 'mtty' is there already",
        "parent[2].mdev[0].type: mtty has no type 'x'",
        f"parent[2].mdev[0].uuid: {UUID.upper()!r} is not a UUID in lower case",
        "function[0].address: '3b:00.0' is not a PCI address (0000:3b:00.0)",
        "function[0].driver: 'a/b' cannot be the name of a file in sysfs",
        "function[0].nvidia.current: 7 is not among the creatable ones",
    ]


@pytest.mark.parametrize(
    ("fault", "mistake"),
    [
        ('at = "p/b"\nhang = true', "fault[0].at: nothing is at 'p/b'"),
        (
            'at = "p"\nerrno = "EIO"',
            "fault[0].attribute: a parent has no version attribute: name one",
        ),
        (
            'at = "p"\nattribute = "vendor"\nvanish = true',
            "fault[0].vanish: only a type, an mdev or a function can vanish",
        ),
        (
            'at = "p/a"\nhang = true\ntext = ""',
            "fault[0]: hang and text exclude each other",
        ),
        (
            'at = "p/a"\n',
            "fault[0]: nothing goes wrong: errno, delay, hang, vanish, text or hex?",
        ),
        (
            'at = "p/a"\ntext = "x"\non = "write"',
            "fault[0].on: only a read gets a text",
        ),
        ('at = "p/a"\nhex = "1"', "fault[0].hex: not pairs of hexadecimal digits"),
        (
            'at = "p/a"\nerrno = "EWHAT"',
            "fault[0].errno: 'EWHAT' is not the name of an errno that FUSE can pass on",
        ),
        (
            'at = "p/a"\nerrno = "ENOSYS"\non = "open"',
            "fault[0].errno: FUSE takes ENOSYS at open for a success",
        ),
    ],
)
def test_mistakes_in_faults(tmp_path: Path, fault: str, mistake: str) -> None:
    head = 'schema = 1\n[[parent]]\nname = "p"\n[[parent.type]]\nid = "a"\n'
    assert wrong(tmp_path, f"{head}[[fault]]\n{fault}") == [mistake]


def test_a_fault_may_wait_for_a_device_that_is_created_later(tmp_path: Path) -> None:
    text = f'schema = 1\n[[fault]]\nat = "{UUID}"\nhang = true'
    assert load(write(tmp_path, text)).fault[0].hang


def test_a_file_that_is_no_toml(tmp_path: Path) -> None:
    (line,) = wrong(tmp_path, "schema = = 1")
    assert "line 1, column 10" in line
    assert wrong(tmp_path, b'schema = 1\nhost = "\xff"')
    assert wrong(tmp_path, "a = " + "[" * 100_000)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.toml"):
        with pytest.raises(SpecError, match=str(path)):
            load(str(path))
