# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat list`: everything that a host has, whatever is wrong with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from vfiocompat import codes
from vfiocompat.codes import CODES
from vfiocompat.output.list import ListDocument

from .hosts import (
    ACME,
    DEVICE,
    FUNCTION,
    FUNCTION_PATH,
    PARENT,
    PLAIN_TYPES,
    TYPES,
    UUID,
    UUID_2,
    fault,
    mdev_type,
)

if TYPE_CHECKING:
    from tests.conftest import Host, Result, Run, RunOnTerminal, RunProcess

    from .conftest import PlainHost

HOST = f"""
[[parent]]
name = "{PARENT}"
driver = "acme"
pci = {{ vendor = 0x1ac1, device = 0x0100, subsystem_device = 7, numa_node = 1 }}
instances = 4

[[parent.type]]
id = "acme-b"
name = "Acme B"
description = "half a device"
slices = 2
version = "1ac1-b"

[[parent.type]]
id = "acme-a"

[[parent.mdev]]
uuid = "{UUID}"
type = "acme-b"

[[parent]]
name = "mtty"
mdev_driver = "mtty_driver"

[[parent.type]]
id = "mtty-2"
device_api = "vfio-pci"
attribute = "get_version"
version = "1ac1-t"

[[parent.mdev]]
uuid = "{UUID_2}"
type = "mtty-2"

[[function]]
address = "{FUNCTION}"
driver = "acme_vfio_pci"
pci = {{ vendor = 0x1ac1, device = 0x0101 }}
version = "1ac1-f"

[[function]]
address = "0000:5e:00.2"
driver = "acme"

[[function]]
address = "0000:5e:00.3"
driver = "vfio-pci"

[[function]]
address = "0000:5e:00.4"
driver = "nvidia"

[function.nvidia]
creatable = [{{ id = 7, name = "NVIDIA X-2Q" }}, {{ id = 8, name = "NVIDIA X-4Q" }}]

[[function]]
address = "0000:5e:00.5"
driver = "nvidia"

[function.nvidia]
current = 8
creatable = [{{ id = 7, name = "NVIDIA X-2Q" }}, {{ id = 8, name = "NVIDIA X-4Q" }}]
"""

ROWS = [
    f"type {PARENT}/acme-a {PARENT} acme-a acme vfio-pci 2 absent -",
    f"type {PARENT}/acme-b {PARENT} acme-b acme vfio-pci 1 version 1ac1-b",
    "type mtty/mtty-2 mtty mtty-2 mtty vfio-pci 15 get_version 1ac1-t",
    f"mdev {UUID} {PARENT} acme-b acme vfio-pci - version 1ac1-b",
    f"mdev {UUID_2} mtty mtty-2 mtty_driver vfio-pci - get_version 1ac1-t",
    f"function {FUNCTION} - - acme_vfio_pci vfio-pci - migration_version 1ac1-f",
    "function 0000:5e:00.3 - - vfio-pci vfio-pci - absent -",
    "function 0000:5e:00.4/7 - 7 nvidia vfio-pci 1 absent -",
    "function 0000:5e:00.4/8 - 8 nvidia vfio-pci 1 absent -",
    "function 0000:5e:00.5 - 8 nvidia vfio-pci 0 absent -",
]


def test_pipe_gets_rows_with_tabs(shared_host: Host, run: Run) -> None:
    shared_host(HOST)
    result = run("list")
    rows = [line.replace("\t", " ") for line in result.stdout.splitlines()]
    assert rows == ROWS
    assert {line.count("\t") for line in result.stdout.splitlines()} == {8}
    assert result.stderr.startswith(f"vfiocompat: {len(ROWS)} endpoints: ")


def test_json_of_a_type(shared_host: Host, run: Run) -> None:
    shared_host(HOST)
    ends = run("list --format json").json["endpoints"]
    found = next(end for end in ends if end["type_id"] == "acme-b")
    assert len(found.pop("build")) == 23
    assert found == {
        "kind": "type",
        "address": f"{PARENT}/acme-b",
        "parent": PARENT,
        "type_id": "acme-b",
        "uuid": None,
        "driver": "acme",
        "vendor_id": "0x1ac1",
        "device_id": "0x0100",
        "device_api": "vfio-pci",
        "available_instances": 1,
        "in_use": None,
        "facts": {
            "vendor_id": "0x1ac1",
            "device_id": "0x0100",
            "subsystem_vendor_id": "0x1ac1",
            "subsystem_device_id": "0x0007",
            "revision": "0x00",
            "numa_node": "1",
            "driver": "acme",
            "kernel": "6.12.0-simulated",
            "type_id": "acme-b",
            "type_name": "Acme B",
            "type_description": "half a device",
        },
        "attribute": {
            "name": "version",
            "state": "present",
            "errno": None,
            "path": f"{TYPES}/acme-b/version",
            "node": "type",
            "code": None,
        },
        "migration": None,
        "version": "1ac1-b",
        "newline": True,
        "origin": "attribute",
        "stated": {},
        "answers": [],
        "vfio": True,
    }


def test_json_of_a_host(shared_host: Host, run: Run) -> None:
    shared_host(HOST)
    document = run("list --format json").document(ListDocument)
    assert document.problems == []
    assert [end.address for end in document.endpoints] == [
        row.split()[1] for row in ROWS
    ]
    by_address = {end.address: end for end in document.endpoints}
    mdev = by_address[UUID]
    assert (mdev.uuid, mdev.parent, mdev.type_id) == (UUID, PARENT, "acme-b")
    assert mdev.attribute is not None
    assert mdev.attribute.path == f"{DEVICE}/{UUID}/version"
    function = by_address[FUNCTION]
    assert (function.vendor_id, function.device_id) == ("0x1ac1", "0x0101")
    assert function.attribute is not None
    assert function.attribute.path == f"{FUNCTION_PATH}/migration_version"
    vgpu = by_address["0000:5e:00.4/7"]
    assert vgpu.facts["vgpu_type_name"] == "NVIDIA X-2Q"
    assert (vgpu.in_use, by_address["0000:5e:00.5"].in_use) == (False, True)


def test_every_address_that_is_listed_is_found(shared_host: Host, run: Run) -> None:
    shared_host(HOST)
    addresses = [row.split()[1] for row in ROWS]
    document = run(f"get {' '.join(addresses)} --format json", exit_code=3).json
    assert [end["address"] for end in document["endpoints"]] == addresses
    assert document["problems"] == []


def test_empty_host(shared_host: Host, run: Run) -> None:
    shared_host("")
    result = run("list")
    nothing = f"vfiocompat: info[VFC506]: {CODES[codes.NO_ENDPOINTS].summary}\n"
    assert (result.stdout, result.stderr) == ("", nothing)
    document = run("list --format json").document(ListDocument)
    assert (document.endpoints, document.problems) == ([], [])


def test_host_without_mdevs_and_pci(plain_host: PlainHost, run: Run) -> None:
    root = plain_host({})
    (root / "sys/class/mdev_bus/p").unlink()
    (root / "sys/class/mdev_bus").rmdir()
    assert run("list").stdout == ""


def test_optional_files_may_be_missing(plain_host: PlainHost, run: Run) -> None:
    root = plain_host({f"{PLAIN_TYPES}/acme-a/version": b"1ac1-a\n"})
    mdev = root / f"sys/devices/virtual/p/p/{UUID}"
    mdev.mkdir()
    (root / "sys/bus/mdev/devices").mkdir(parents=True)
    link = root / f"sys/bus/mdev/devices/{UUID}"
    link.symlink_to(f"../../../devices/virtual/p/p/{UUID}")
    result = run("list")
    assert result.stdout.splitlines() == [
        "type\tp/acme-a\tp\tacme-a\t-\t-\t-\tversion\t1ac1-a",
        f"mdev\t{UUID}\tp\t-\t-\t-\t-\tabsent\t-",
    ]
    assert result.stderr == (
        "vfiocompat: 2 endpoints: 1 type, 1 mdev; 1 shows a version string\n"
    )
    assert run("list --format json").document(ListDocument).problems == []


@pytest.mark.parametrize("attribute", ["name", "version", "available_instances"])
def test_type_that_vanishes_meanwhile(host: Host, run: Run, attribute: str) -> None:
    host(
        ACME
        + mdev_type("acme-a")
        + mdev_type("acme-b")
        + fault(f"{PARENT}/acme-b", f'attribute = "{attribute}"', "vanish = true")
    )
    result = run("list --format json")
    document = result.document(ListDocument)
    assert "acme-a" in [end.type_id for end in document.endpoints]
    assert {problem.code for problem in document.problems} == {"VFC113"}
    assert any(
        problem.path.startswith(f"{TYPES}/acme-b/") for problem in document.problems
    )
    assert "VFC113" in result.stderr


def test_mdev_that_vanishes_meanwhile(host: Host, run: Run) -> None:
    host(
        ACME
        + mdev_type("acme-a")
        + f'[[parent.mdev]]\nuuid = "{UUID}"\ntype = "acme-a"\n'
        + fault(UUID, 'on = "read"', "vanish = true")
    )
    result = run("list")
    [row] = result.stdout.splitlines()
    assert row.split("\t")[:2] == ["type", f"{PARENT}/acme-a"]
    assert result.stderr == (
        "vfiocompat: 1 endpoint: 1 type; 1 shows a version string\n"
        "vfiocompat: warning[VFC113]: went away while it was read (ENODEV): "
        f"{DEVICE}/{UUID}/version\n"
    )


def test_attribute_without_a_string_is_shown(host: Host, run: Run) -> None:
    causes = {
        "EIO": 'errno = "EIO"',
        "ENODEV": 'errno = "ENODEV"',
        "empty": 'text = ""',
    }
    host(
        ACME
        + "".join(mdev_type(f"acme-{name}") for name in causes)
        + "".join(fault(f"{PARENT}/acme-{name}", causes[name]) for name in causes)
    )
    result = run("list")
    assert [line.split("\t")[7:] for line in result.stdout.splitlines()] == [
        ["unreadable (EIO)", "-"],
        ["unreadable (ENODEV)", "-"],
        ["unreadable (VFC301)", "-"],
    ]
    assert result.stderr == (
        "vfiocompat: 3 endpoints: 3 types; none shows a version string\n"
        "vfiocompat: warning[VFC106]: could not be read (EIO): "
        f"{TYPES}/acme-EIO/version\n"
        "vfiocompat: warning[VFC301]: the driver printed an empty string: "
        f"{TYPES}/acme-empty/version\n"
    )


def test_held_attributes_delay_once(host: Host, run: Run) -> None:
    names = [f"acme-{number}" for number in range(10)]
    host(
        ACME
        + "".join(map(mdev_type, names))
        + "".join(fault(f"{PARENT}/{name}", "hang = true") for name in names)
        + mdev_type("acme-good")
    )
    begin = time.monotonic()
    document = run("list --timeout 0.5 --format json").document(ListDocument)
    took = time.monotonic() - begin
    assert 0.5 <= took < 2.5
    assert len(document.endpoints) == 11
    good = next(end for end in document.endpoints if end.type_id == "acme-good")
    assert good.version == "1ac1-own"
    assert [problem.code for problem in document.problems] == ["VFC112"] * 10


# ---- on a terminal -------------------------------------------------------------


TREE = f"""\
10 endpoints: 3 types, 2 mdevs, 5 VFIO functions; 5 show a version string

{PARENT}  acme
  acme-a   2 free
  acme-b   1 free
    version  1ac1-b
    {UUID}
      version  1ac1-b

mtty  mtty, mtty_driver
  mtty-2   15 free
    version  1ac1-t
    {UUID_2}
      version  1ac1-t

{FUNCTION}   acme_vfio_pci
  version  1ac1-f

0000:5e:00.3   vfio-pci

0000:5e:00.4/7   nvidia   7   1 free   not in use

0000:5e:00.4/8   nvidia   8   1 free   not in use

0000:5e:00.5   nvidia   8   0 free   in use
"""


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_terminal_gets_a_tree_that_is_not_cut(
    shared_host: Host, run_on_terminal: RunOnTerminal, columns: int
) -> None:
    shared_host(HOST)
    result = run_on_terminal("list", columns=columns)
    whole = " ".join(result.colorless.split())
    assert whole == " ".join(TREE.split()) if columns < 80 else result.colorless == TREE
    assert max(len(text) for text in result.colorless.splitlines()) <= columns
    assert result.stderr == ""


def test_a_terminal_is_told_more_if_asked(
    shared_host: Host, run_on_terminal: RunOnTerminal
) -> None:
    shared_host(HOST)
    shown = run_on_terminal("list -v").colorless
    assert "  mtty-2   15 free   vfio-pci   attribute get_version\n" in shown


def _is_colored(result: Result) -> bool:
    return "\x1b[" in result.stdout


def test_no_color(
    shared_host: Host,
    run_on_terminal: RunOnTerminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared_host(HOST)
    assert not _is_colored(run_on_terminal("list --color never"))
    monkeypatch.setenv("NO_COLOR", "1")
    result = run_on_terminal("list")
    assert not _is_colored(result)
    assert result.stdout == TREE
    assert _is_colored(run_on_terminal("list --color always"))
    monkeypatch.setenv("NO_COLOR", "")
    assert _is_colored(run_on_terminal("list"))


def test_colors_on_a_pipe(run: Run, run_process: RunProcess) -> None:
    line = "check version:8086-a version:10de-a"
    assert not _is_colored(run(line, exit_code=1))
    assert _is_colored(run_process(f"{line} --color always", exit_code=1))
    assert _is_colored(run_process(f"--color always {line}", exit_code=1))


def test_rows_on_a_pipe_have_no_heading_in_colors_too(
    shared_host: Host, run: Run
) -> None:
    shared_host(HOST)
    assert run("list --color always").stdout.count("\t") == 8 * len(ROWS)


# ---- names that nobody expects -------------------------------------------------

HOSTILE = "acme-\x1b[31m\x07[bold]\u202e"


def test_names_that_would_paint_the_terminal(
    plain_host: PlainHost, run: Run, run_on_terminal: RunOnTerminal
) -> None:
    plain_host({f"{PLAIN_TYPES}/{HOSTILE}/version": b"1ac1-[red]a[/]"})
    [row] = run("list").stdout.splitlines()
    assert row.split("\t")[1] == "p/acme-\\x1b[31m\\x07[bold]\\u202e"
    assert row.split("\t")[8] == "1ac1-[red]a[/]"
    shown = run_on_terminal("list", columns=200)
    assert "  acme-\\x1b[31m\\x07[bold]\\u202e\n" in shown.colorless
    assert "1ac1-[red]a[/]" in shown.colorless
    assert "\x1b[31m" not in shown.stdout


def test_name_that_is_not_utf8(plain_host: PlainHost, run: Run) -> None:
    plain_host(
        {
            f"{PLAIN_TYPES}/acme-\udcff/version": b"1ac1-a",
            f"{PLAIN_TYPES}/acme-good/version": b"1ac1-b",
        }
    )
    result = run("list")
    assert "p/acme-good" in result.stdout
    assert "acme-\\xff" in result.stdout + result.stderr
    run("list --format json").document(ListDocument)
