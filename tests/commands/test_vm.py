# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat vm`: a whole VM, to this host or to the hosts of a fleet."""

from __future__ import annotations

import json
import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import serving
from tests.fleets import HISI_1, HISI_2, answer, endpoint, function, inventory, write
from tests.machines import (
    VM_UUID,
    addresses_in,
    domain,
    domain_file,
    mdev,
    uuids,
    with_processes,
)
from tests.simulate.conftest import ROOT
from vfiocompat import cli
from vfiocompat.output.check import CheckDocument
from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.machines import VmDocument

from .hosts import ACME, PARENT, UUID, UUID_2, fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Host, Result, Run, RunOnTerminal, RunProcess
    from vfiocompat.endpoints import RecordedAnswer

Document = TypeVar("Document", bound=msgspec.Struct)

A, B, C = "1ac1-a", "1ac1-b", "1ac1-c"
TAKES_A = (answer(A, accepted=True),)
REFUSES_A = (answer(A, accepted=False),)
UNSURE_A = (answer(A, accepted=None),)
ONE, TWO, THREE, FOUR = uuids(4)
GONE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1999"


def kind(name: str, version: str | None, accepts: str, *lines: str) -> str:
    """Write an mdev type, of which there are 2 instances unless lines say otherwise."""
    own = [] if version is None else [f'version = "{version}"', f"accepts = {accepts}"]
    count = (
        [] if any(each.startswith("instances") for each in lines) else ["instances = 2"]
    )
    return "\n".join(("\n[[parent.type]]", f'id = "{name}"', *own, *count, *lines, ""))


def made(uuid: str, type_id: str) -> str:
    return f'\n[[parent.mdev]]\nuuid = "{uuid}"\ntype = "{type_id}"\n'


def pci_function(address: str, driver: str, vendor: int, device: int) -> str:
    ids = f"{{ vendor = {vendor:#06x}, device = {device:#06x} }}"
    return f'\n[[function]]\naddress = "{address}"\ndriver = "{driver}"\npci = {ids}\n'


def named(host: str, *parts: str) -> str:
    return f'host = "{host}"\n{ACME}{"".join(parts)}'


SOURCES = kind("acme-a", A, "[]", "instances = 4") + kind("acme-b", B, "[]")
DEVICES = made(UUID, "acme-a") + made(UUID_2, "acme-a")
ALPHA = named("alpha", SOURCES, kind("acme-taker", C, f'["{A}"]'), DEVICES)
"""A host of a VM's devices, that has 2 instances of what takes A."""

TAKER = f"{PARENT}/acme-taker"
P2P_UNKNOWN = (
    "info[VFC544]: whether all of the VM's VFIO devices support P2P is not known"
)


@pytest.fixture
def vm(tmp_path: Path) -> str:
    """Give a VM whose device is UUID."""
    return domain_file(tmp_path, UUID)


@pytest.fixture
def two(tmp_path: Path) -> str:
    """Give a VM whose devices are UUID and UUID_2."""
    return domain_file(tmp_path, UUID, UUID_2, name="two")


def rows(result: Result) -> list[list[str]]:
    return [line.split("\t") for line in result.stdout.splitlines()]


def told(run: Run, line: str, *, exit_code: int = 0) -> VmDocument:
    return run(f"vm {line} --format json", exit_code=exit_code).document(VmDocument)


def codes(found: VmDocument) -> list[str]:
    """Name what is found of the VM, and of its devices."""
    each = [*found.diagnostics, *(d for one in found.devices for d in one.diagnostics)]
    return [one.code for one in each if one.severity != "info"]


# ---- to this host ----------------------------------------------------------------


def test_a_driver_takes_the_only_device(shared_host: Host, run: Run, vm: str) -> None:
    shared_host(ALPHA)
    result = run(f"vm {vm} here")

    assert result.stderr == ""
    assert result.stdout == (
        "compatible: web -> here   (1 VFIO device, room for all)\n"
        f"compatible: {UUID} -> {TAKER}   (decided by the driver)\n"
    )


def test_a_drivers_yes_is_explained_with_verbose(
    shared_host: Host, run: Run, vm: str
) -> None:
    shared_host(ALPHA)
    attribute = "mdev_supported_types/acme-taker/version"
    assert run(f"vm {vm} here -v").stdout == (
        "compatible: web -> here   (1 VFIO device, room for all)\n"
        f"compatible: {UUID} -> {TAKER}   (decided by the driver)\n"
        "info[VFC107]: the destination driver accepts the source's version string\n"
        f"  --> /sys/devices/pci0000:3b/{PARENT}/{attribute}\n"
    )


def test_no_driver_takes_the_only_device(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(
        named("alpha", SOURCES, kind("acme-taker", C, f'["{A}"]'), made(UUID, "acme-b"))
    )
    result = run(f"vm {domain_file(tmp_path, UUID)} here", exit_code=1)

    head, first, *rest = result.stdout.splitlines()
    assert head == "incompatible: web -> here   (1 VFIO device)"
    assert first == (
        f"incompatible: {UUID} -> {PARENT}/acme-b   (decided by the driver)"
    )
    assert rest[0] == (
        "error[VFC101]: the destination driver refused the source's version string "
        "(EINVAL)"
    )
    assert rest[-1] == (
        "error[VFC547]: none of the 3 endpoints on this host can load its state; this "
        "is the closest"
    )


def test_nobody_says_whether_a_device_can_go(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(
        named("alpha", kind("acme-silent", None, ""), made(UUID, "acme-silent"))
    )
    line = f"vm {domain_file(tmp_path, UUID)} here"

    found = told(run, line.removeprefix("vm "), exit_code=3)
    assert (found.verdict, found.room) == ("undetermined", True)
    assert found.undetermined == {"here": ("VFC102", "VFC201")}
    result = run(line, exit_code=3)
    assert result.stdout.splitlines()[:2] == [
        "undetermined: web -> here   (1 VFIO device, room for all)",
        f"undetermined: {UUID} -> {PARENT}/acme-silent   (no driver was asked)",
    ]


HISI = 'host = "alpha"\n' + "".join(
    pci_function(f"0000:75:00.{at}", "hisi_acc_vfio_pci", 0x19E5, 0xA251)
    for at in (1, 2)
)
FACTS = """\
schema = 1
[driver.hisi_acc_vfio_pci]
queue_pairs = "16"
isolation = "0"
magic = "v2"
major = "1"
"""


def test_a_table_decides_where_no_driver_answers(
    shared_host: Host, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config/facts.d").mkdir(parents=True)
    (tmp_path / "config/facts.d/hisi.toml").write_text(FACTS)
    shared_host(HISI)
    there = domain_file(tmp_path, "0000:75:00.1")

    unknown = told(run, f"{there} here", exit_code=3)
    assert (unknown.verdict, unknown.room) == ("undetermined", None)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path / "config"))
    found = told(run, f"{there} here", exit_code=3)
    [device] = found.devices
    assert (device.verdict, device.basis, device.table) == (
        "compatible",
        "table",
        "hisi-acc",
    )
    assert (found.verdict, found.room) == ("compatible", None)
    assert found.undetermined == {"here": ("VFC546",)}
    found = told(run, f"{there} here --require driver", exit_code=3)
    assert found.verdict == "undetermined"
    assert "VFC410" in codes(found)


def test_two_devices_need_two_instances(shared_host: Host, run: Run, two: str) -> None:
    shared_host(ALPHA)
    result = run(f"vm {two} here")

    assert result.stdout == (
        "compatible: two -> here   (2 VFIO devices, room for all)\n"
        f"{P2P_UNKNOWN}\n"
        f"compatible: {UUID} -> {TAKER}   (decided by the driver)\n"
        f"compatible: {UUID_2} -> {TAKER}   (decided by the driver)\n"
    )


def test_there_is_no_room_for_both(shared_host: Host, run: Run, two: str) -> None:
    shared_host(
        named(
            "alpha",
            SOURCES,
            kind("acme-taker", C, f'["{A}"]', "instances = 1"),
            DEVICES,
        )
    )
    result = run(f"vm {two} here", exit_code=1)

    assert result.stdout.splitlines()[0] == (
        "compatible: two -> here   (2 VFIO devices, no room)"
    )
    assert f"   |  devices  {UUID}, {UUID_2}\n   |  {TAKER}: 1 free\n" in (
        result.stdout
    )
    assert "error[VFC545]: 2 devices compete for 1 instance" in result.stdout
    found = told(run, f"{two} here", exit_code=1)
    assert (found.verdict, found.room, found.assignment) == ("compatible", False, [])
    assert found.not_allowed == {"here": ("VFC545",)}
    assert found.allowed == []


def test_there_is_no_instance_for_one(shared_host: Host, run: Run, vm: str) -> None:
    shared_host(
        named(
            "alpha",
            SOURCES,
            kind("acme-taker", C, f'["{A}"]', "instances = 0"),
            DEVICES,
        )
    )
    assert run(f"vm {vm} here", exit_code=1).stdout == (
        "compatible: web -> here   (1 VFIO device, no room)\n"
        f"error[VFC545]: there is no free instance for {UUID}\n"
        f"   |  devices  {UUID}\n"
        f"   |  {TAKER}: 0 free\n"
        f"compatible: {UUID} -> {TAKER}   (decided by the driver)\n"
    )


def test_two_types_of_one_parent_may_not_fit_both(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(
        named(
            "alpha",
            SOURCES,
            kind("acme-takes-a", C, f'["{A}"]'),
            kind("acme-takes-b", C, f'["{B}"]'),
            made(UUID, "acme-a"),
            made(UUID_2, "acme-b"),
        )
    )
    there = domain_file(tmp_path, UUID, UUID_2)
    result = run(f"vm {there} here", exit_code=3)

    assert result.stdout == (
        "compatible: web -> here   (2 VFIO devices, room not known)\n"
        f"{P2P_UNKNOWN}\n"
        "warning[VFC546]: it is not known whether there is room for all of the VM's "
        "devices\n"
        f"   |  these share one parent's capacity: {PARENT}/acme-takes-a, "
        f"{PARENT}/acme-takes-b\n"
        f"compatible: {UUID} -> {PARENT}/acme-takes-a   (decided by the driver)\n"
        f"compatible: {UUID_2} -> {PARENT}/acme-takes-b   (decided by the driver)\n"
    )
    found = told(run, f"{there} here", exit_code=3)
    assert (found.room, len(found.assignment)) == (None, 2)
    assert found.undetermined == {"here": ("VFC546",)}


@pytest.mark.parametrize(("slices", "room"), [(3, False), (4, True)])
def test_instances_that_types_share_are_counted_by_the_driver(
    shared_host: Host, run: Run, two: str, *, slices: int, room: bool
) -> None:
    wide = '\n[[parent.type]]\nid = "acme-wide"\nslices = 2\n'
    wide += f'version = "{C}"\naccepts = ["{A}"]\n'
    shared_host(named("alpha", f"instances = {slices}\n", SOURCES, wide, DEVICES))
    found = told(run, f"{two} here", exit_code=0 if room else 1)
    assert (found.verdict, found.room) == ("compatible", room)


def test_an_mdev_takes_one_device(shared_host: Host, run: Run, two: str) -> None:
    full = kind("acme-taker", C, f'["{A}"]', "instances = 1")
    shared_host(named("alpha", SOURCES, full, DEVICES, made(ONE, "acme-taker")))
    found = told(run, f"{two} here", exit_code=1)
    assert (found.verdict, found.room, found.assignment) == ("compatible", False, [])


def test_the_vms_own_device_is_no_place_to_go(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    takes_itself = kind("acme-a", A, f'["{A}"]', "instances = 1")
    shared_host(named("alpha", takes_itself, made(UUID, "acme-a")))
    there = domain_file(tmp_path, UUID)

    found = told(run, f"{there} here", exit_code=1)
    assert (found.verdict, found.room) == ("compatible", False)
    assert found.devices[0].destination.address == f"{PARENT}/acme-a"


def test_the_vms_own_device_is_none_by_an_inventory_of_this_host_either(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    takes_itself = kind("acme-a", A, f'["{A}"]', "instances = 1")
    shared_host(named("alpha", takes_itself, made(UUID, "acme-a")))
    run(f"scan -o {tmp_path}/alpha.json")
    found = told(
        run,
        f"{domain_file(tmp_path, UUID)} here --from {tmp_path}/alpha.json",
        exit_code=1,
    )
    assert found.devices[0].destination.address == f"{PARENT}/acme-a"


def test_a_plan_for_this_host_creates_another_mdev(
    shared_host: Host, run: Run, vm: str
) -> None:
    shared_host(ALPHA)
    [given] = told(run, f"{vm} here").assignment
    assert given.address != UUID


def test_a_driver_that_hangs_costs_one_time_out(
    host: Host, run: Run, tmp_path: Path
) -> None:
    types = [kind(f"acme-t{at}", C, f'["{A}"]') for at in range(4)]
    hangs = [
        fault(f"{PARENT}/acme-t{at}", 'on = "write"', "hang = true") for at in range(4)
    ]
    host(
        named(
            "alpha",
            SOURCES,
            *types,
            made(UUID, "acme-a"),
            made(UUID_2, "acme-b"),
            *hangs,
        )
    )
    began = time.monotonic()
    found = told(
        run, f"{domain_file(tmp_path, UUID, UUID_2)} here --timeout 0.5", exit_code=3
    )

    assert time.monotonic() - began < 2.5
    assert found.verdict == "undetermined"
    assert "VFC112" in codes(found)


def test_what_could_not_be_asked_is_no_answer(host: Host, run: Run, vm: str) -> None:
    host(ALPHA + fault(TAKER, 'on = "open"', 'errno = "EACCES"'))
    found = told(run, f"{vm} here", exit_code=4)

    assert found.verdict == "undetermined"
    assert found.undetermined["here"][0] in {"VFC103", "VFC141"}


def test_a_vm_without_devices_goes_anywhere(run: Run, tmp_path: Path) -> None:
    there = domain_file(tmp_path)
    result = run(f"vm {there} here")

    assert result.stdout == (
        "compatible: web -> here   (0 VFIO devices, room for all)\n"
        "info[VFC530]: the VM has no VFIO device: there is nothing to load\n"
    )
    found = told(run, f"{there} here")
    assert [each.code for each in found.diagnostics] == ["VFC530"]
    assert found.allowed == ["here"]
    assert (found.host, found.verdict, found.room) == ("here", "compatible", True)
    assert (found.devices, found.assignment, found.problems) == ([], [], [])
    assert (found.undetermined, found.not_allowed) == ({}, {})
    assert found.xml is None


def test_a_device_that_is_not_here_is_told(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(ALPHA)
    result = run(f"vm {domain_file(tmp_path, UUID, GONE)} here", exit_code=4)

    assert result.stdout == ""
    assert result.stderr == (
        f"vfiocompat: error[VFC555]: the VM's device {GONE} is not on this host\n"
        f"   |  there is no {GONE} on this host\n"
        "   = help: of a VM that runs elsewhere name its host's inventory with --from\n"
    )
    result = run(f"vm {domain_file(tmp_path, GONE)} here --format json", exit_code=4)
    assert result.document(ErrorDocument).error.code == "VFC555"


def test_a_source_that_cannot_be_read_is_told(host: Host, run: Run, vm: str) -> None:
    host(ALPHA + fault(UUID, 'on = "open"', 'errno = "EACCES"'))
    result = run(f"vm {vm} here", exit_code=4)
    assert result.stdout == ""
    assert "VFC103" in result.stderr


def test_a_device_twice_in_a_vm_is_a_mistake(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(ALPHA)
    there = domain_file(tmp_path, UUID, UUID)
    said = run(f"vm {there} here --xml", exit_code=4)
    assert said.stdout == ""
    assert "error[VFC550]: " in said.stderr
    assert f"gives the VM {UUID} 2 times\n" in said.stderr


def test_a_vm_is_read_from_stdin(shared_host: Host, run_process: RunProcess) -> None:
    shared_host(ALPHA)
    said = run_process("vm domain:- here", stdin=domain(UUID).encode())
    assert said.stdout.startswith("compatible: web -> here   (1 VFIO device, ")


# ---- to a fleet ------------------------------------------------------------------


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Give hosts: home has the VM's devices, the others differ in what they say."""
    return write(
        tmp_path / "fleet",
        [
            inventory(
                "home",
                mdev(ONE, A, answers=TAKES_A),
                mdev(TWO, A, answers=TAKES_A),
                endpoint("p/t", A, answers=TAKES_A),
            ),
            inventory(
                "full", endpoint("p/t", B, answers=TAKES_A, available_instances=0)
            ),
            inventory("maybe", endpoint("p/t", B, answers=UNSURE_A)),
            inventory("never", endpoint("p/t", B, answers=REFUSES_A)),
            inventory("other", function("0000:03:00.1", HISI_1)),
            inventory("used", mdev(THREE, B, answers=TAKES_A)),
            inventory("yes", endpoint("p/t", B, answers=TAKES_A)),
        ],
    )


@pytest.fixture
def one(tmp_path: Path) -> str:
    """Give a VM whose device is ONE."""
    return domain_file(tmp_path, ONE)


@pytest.fixture
def line(fleet: Path, one: str) -> str:
    """Give the arguments that ask where ONE of home can go."""
    return f"{one} {fleet} --from {fleet}/home.json"


def test_hosts_that_take_it_come_first(run: Run, line: str) -> None:
    result = run(f"vm {line}")

    assert [row[:3] for row in rows(result)] == [
        ["allowed", "yes", "compatible"],
        ["undetermined", "used", "compatible"],
        ["undetermined", "maybe", "undetermined"],
        ["not_allowed", "full", "compatible"],
        ["not_allowed", "never", "incompatible"],
        ["not_allowed", "other", "incompatible"],
    ]
    assert [row[3] for row in rows(result)] == ["yes", "-", "yes", "no", "-", "-"]
    [_, used, maybe, full, never, other] = [row[4] for row in rows(result)]
    assert maybe.startswith("VFC134 ")
    assert used == (
        "VFC546 it is not known whether there is room for all of the VM's devices"
    )
    assert full == "VFC545 there is not room for all of the VM's devices"
    assert never.startswith("VFC133 the destination's driver refused the source's ")
    assert other.startswith("VFC304 source and destination are of different vendors")
    assert result.stderr == (
        "vfiocompat: 6 destinations: 1 allowed, 2 undetermined, 3 not_allowed\n"
    )


def test_every_host_is_in_the_document(run: Run, line: str) -> None:
    found = told(run, line)

    assert (found.host, found.verdict, found.room) == ("yes", "compatible", True)
    assert found.allowed == ["yes"]
    assert found.undetermined == {"maybe": ("VFC134",), "used": ("VFC546",)}
    assert found.not_allowed == {
        "full": ("VFC545",),
        "never": ("VFC133", "VFC547"),
        "other": ("VFC304", "VFC547"),
    }
    assert found.problems == []


def test_a_document_has_everything_of_the_best_host(run: Run, line: str) -> None:
    [device] = told(run, line).devices
    document = run(f"vm {line} --format json").json
    create = "/sys/class/mdev_bus/p/mdev_supported_types/t/create"

    assert set(document) == {
        "schema",
        "tool",
        "vm",
        "host",
        "verdict",
        "room",
        "diagnostics",
        "devices",
        "assignment",
        "allowed",
        "undetermined",
        "not_allowed",
        "problems",
        "xml",
    }
    assert document["schema"] == "vfiocompat.vm/1"
    assert document["vm"] == {"name": "web", "uuid": VM_UUID, "machine": "pc-q35-9.1"}
    assert document["diagnostics"] == []
    assert document["assignment"] == [
        {
            "device": ONE,
            "endpoint": "p/t",
            "address": ONE,
            "first": f"echo {ONE} > {create}",
        }
    ]
    assert (device.source.address, device.source.host, device.source.version) == (
        ONE,
        "home",
        A,
    )
    assert (device.destination.address, device.destination.host) == ("p/t", "yes")
    assert (device.verdict, device.basis) == ("compatible", "recorded")
    assert device.diagnostics[0].code == "VFC132"


@pytest.mark.parametrize(
    "options", ["", "-q", "-v", "--color always", "--xml", "--plan"]
)
def test_a_document_is_as_its_schema_says(run: Run, line: str, options: str) -> None:
    schema = run("schema vm").json
    result = run(f"vm {line} --format json {options}")

    assert result.stdout.count("\n") == 1
    assert result.stderr == ""
    jsonschema.validate(result.json, schema)
    assert (result.json["xml"] is not None) == (options == "--xml")


def test_a_document_without_a_yes_is_as_its_schema_says(
    run: Run, fleet: Path, one: str
) -> None:
    (fleet / "x.json").write_text("{}")
    schema = run("schema vm").json
    for hosts in ("--host maybe", "--host full", "--host other --host never"):
        line = f"vm {one} {fleet} --from {fleet}/home.json {hosts} --format json"
        jsonschema.validate(run(line, exit_code=4).json, schema)


def test_one_host_is_shown_in_full(run: Run, line: str) -> None:
    head, device = run(f"vm {line} --host yes").stdout.splitlines()

    assert head == "compatible: web -> yes   (1 VFIO device, room for all)"
    ends = f"{ONE} on home -> p/t on yes"
    assert device.startswith(f"compatible: {ends}   (by a recorded answer of the ")


@pytest.mark.parametrize(
    ("host", "exit_code"),
    [("yes", 0), ("full", 1), ("never", 1), ("other", 1), ("maybe", 3), ("used", 3)],
)
def test_exit_codes(run: Run, line: str, host: str, exit_code: int) -> None:
    for options in ("", "-q", "--format json"):
        run(f"vm {line} --host {host} {options}", exit_code=exit_code)


def test_several_hosts_are_chosen(run: Run, line: str) -> None:
    result = run(f"vm {line} --host never --host maybe", exit_code=3)
    assert [row[1] for row in rows(result)] == ["maybe", "never"]


def test_a_host_that_is_not_in_the_fleet(run: Run, line: str) -> None:
    result = run(f"vm {line} --host nope", exit_code=4)
    assert result.stdout == ""
    assert result.stderr == "vfiocompat: error[VFC401]: the fleet has no host nope\n"


def test_one_of_several_hosts_is_not_in_the_fleet(run: Run, line: str) -> None:
    assert (
        "no host nope" in run(f"vm {line} --host yes --host nope", exit_code=4).stderr
    )


def test_the_own_host_counts_only_if_asked_for(run: Run, fleet: Path, one: str) -> None:
    line = f"{one} {fleet} --from {fleet}/home.json"
    assert "home" not in run(f"vm {line}").stdout
    found = told(run, f"{line} --same-host")

    assert found.allowed == ["home", "yes"]
    assert found.assignment[0].endpoint in {"p/t", TWO}
    alone = f"{one} {fleet}/home.json --from {fleet}/home.json"
    result = run(f"vm {alone}", exit_code=4)
    assert result.stderr == (
        "vfiocompat: error[VFC401]: FLEET has no host but the VM's own\n"
        "   = help: --same-host takes that for a destination too\n"
    )


def test_on_the_own_host_the_own_device_is_no_place_to_go(
    run: Run, tmp_path: Path
) -> None:
    folder = write(
        tmp_path / "f", [inventory("home", mdev(ONE, A, answers=TAKES_A, in_use=False))]
    )
    line = f"{domain_file(tmp_path, ONE)} {folder} --from {folder} --same-host"
    found = told(run, line, exit_code=1)
    assert found.devices[0].destination.address == "(none)"


def test_a_plan_for_the_own_host_creates_another_mdev(
    run: Run, fleet: Path, one: str
) -> None:
    line = f"{one} {fleet} --from {fleet}/home.json --same-host --host home"
    [given] = told(run, line).assignment
    assert given.address != ONE


def test_what_is_too_old_says_nothing(run: Run, fleet: Path, one: str) -> None:
    line = (
        f"{one} {fleet} --from {fleet}/home.json --host yes --host never --max-age 1h"
    )
    found = told(run, line, exit_code=3)

    assert found.allowed == []
    assert found.not_allowed == {}
    assert found.undetermined == {"never": ("VFC402",), "yes": ("VFC402",)}
    shown = run(f"vm {line}", exit_code=3)
    assert [row[0] for row in rows(shown)] == ["undetermined"] * 2


def test_what_is_too_old_says_nothing_of_room_either(run: Run, line: str) -> None:
    found = told(run, f"{line} --max-age 1h", exit_code=3)
    assert found.not_allowed == {}
    assert set(found.undetermined) == {"full", "maybe", "never", "other", "used", "yes"}


@pytest.mark.parametrize(
    ("require", "exit_code"), [("table", 0), ("recorded", 0), ("driver", 3)]
)
def test_a_yes_rests_on_what_is_required(
    run: Run, line: str, require: str, exit_code: int
) -> None:
    found = told(run, f"{line} --host yes --require {require}", exit_code=exit_code)
    assert ("VFC410" in codes(found)) == (exit_code == 3)


def test_a_table_is_less_than_a_recorded_answer(run: Run, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "f",
        [
            inventory("home", function("0000:03:00.1", HISI_1)),
            inventory("new", function("0000:03:00.2", HISI_2, in_use=False)),
        ],
    )
    line = f"{domain_file(tmp_path, '0000:03:00.1')} {folder} --from {folder}/home.json"

    found = told(run, line)
    assert (found.devices[0].basis, found.devices[0].table) == ("table", "hisi-acc")
    required = told(run, f"{line} --require recorded", exit_code=3)
    assert required.undetermined["new"][0] == "VFC410"
    back = f"{domain_file(tmp_path, '0000:03:00.2', name='back')} {folder}"
    assert told(run, f"{back} --from {folder}/new.json", exit_code=1).allowed == []


def test_a_hosts_codes_are_among_its_findings(run: Run, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "f",
        [
            inventory("home", function("0000:03:00.1", HISI_1)),
            inventory("new", function("0000:03:00.2", HISI_2, in_use=False)),
        ],
    )
    line = f"{domain_file(tmp_path, '0000:03:00.1')} {folder} --from {folder}/home.json"
    found = told(run, f"{line} --require recorded", exit_code=3)
    assert set(found.undetermined["new"]) <= set(codes(found))


def test_part_of_a_fleet_is_answered_and_told(run: Run, fleet: Path, line: str) -> None:
    (fleet / "x.json").write_text('{"schema": "vfiocompat.inventory/9"}')
    result = run(f"vm {line}", exit_code=4)

    assert len(rows(result)) == 6
    assert result.stderr.splitlines()[1].startswith(
        f"vfiocompat: error[VFC401]: {fleet}/x.json is an inventory of schema "
    )
    found = told(run, line, exit_code=4)
    assert found.allowed == ["yes"]
    assert [(each.path, each.code) for each in found.problems] == [
        (f"{fleet}/x.json", "VFC401")
    ]
    planned = run(f"vm {line} --plan", exit_code=4)
    assert len(rows(planned)) == 1
    assert "x.json" in planned.stderr


def test_a_host_twice_in_a_fleet_counts_once(run: Run, fleet: Path, line: str) -> None:
    newer = inventory(
        "yes", endpoint("p/t", B, answers=REFUSES_A), taken_at="2026-11-02T00:00:00Z"
    )
    write(fleet / "later", [newer])
    found = told(run, f"{line} {fleet}/later/yes.json --host yes", exit_code=4)

    assert found.not_allowed == {"yes": ("VFC133", "VFC547")}
    assert [(each.path, each.code) for each in found.problems] == [
        (f"{fleet}/yes.json", "VFC408")
    ]


def test_a_file_that_is_named_twice_is_read_once(
    run: Run, fleet: Path, one: str
) -> None:
    line = f"{one} {fleet} {fleet}/yes.json --from {fleet}/home.json"
    found = told(run, line)
    assert found.allowed == ["yes"]


@pytest.mark.parametrize("name", ["empty", "nowhere", "text"])
def test_a_fleet_that_is_none(
    run: Run, fleet: Path, one: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("text")
    result = run(f"vm {one} {tmp_path}/{name} --from {fleet}/home.json", exit_code=4)
    assert result.stdout == ""
    assert result.stderr.startswith("vfiocompat: error[VFC401]: ")
    assert name in result.stderr


def test_an_inventory_may_be_called_one(run: Run, fleet: Path, one: str) -> None:
    there = f"inventory:{fleet}/yes.json"
    assert told(run, f"{one} {there} --from {fleet}/home.json").allowed == ["yes"]


def test_the_own_inventory_may_be_called_one(run: Run, fleet: Path, one: str) -> None:
    line = f"{one} {fleet}/yes.json --from inventory:{fleet}/home.json"
    assert told(run, line).allowed == ["yes"]


def test_paths_are_relative_to_where_one_is(
    run: Run, fleet: Path, one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fleet)
    assert one.endswith("/web.xml")
    line = "domain:../web.xml . --from home.json"
    assert told(run, line).allowed == ["yes"]
    assert told(run, f"{line} --host yes").assignment[0].endpoint == "p/t"


def test_this_host_and_a_fleet_are_asked_together(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(ALPHA)
    folder = write(
        tmp_path / "f",
        [
            inventory("beta", endpoint("p/t", B, answers=REFUSES_A)),
            inventory("gamma", endpoint("p/t", B, answers=TAKES_A)),
            inventory("alpha", endpoint("p/t", B, answers=TAKES_A)),
        ],
    )
    there = domain_file(tmp_path, UUID)
    result = run(f"vm {there} here {folder}")

    assert [row[:3] for row in rows(result)] == [
        ["allowed", "here", "compatible"],
        ["allowed", "gamma", "compatible"],
        ["not_allowed", "beta", "incompatible"],
    ]
    assert rows(result)[0][4] == "decided by the drivers"
    assert told(run, f"{there} {folder} here here").allowed == ["here", "gamma"]


def test_a_vm_without_devices_goes_to_every_host(
    run: Run, fleet: Path, tmp_path: Path
) -> None:
    found = told(run, f"{domain_file(tmp_path)} {fleet}")
    assert found.allowed == ["full", "home", "maybe", "never", "other", "used", "yes"]
    assert found.devices == []


# ---- where the VM runs -----------------------------------------------------------


def test_the_host_that_has_all_devices_is_the_vms(
    run: Run, fleet: Path, tmp_path: Path
) -> None:
    found = told(run, f"{domain_file(tmp_path, ONE, TWO)} {fleet} --from {fleet}")

    assert {each.source.host for each in found.devices} == {"home"}
    assert found.allowed == ["yes"]
    assert [each.address for each in found.assignment] == [ONE, TWO]


def test_no_host_has_all_devices(run: Run, fleet: Path, tmp_path: Path) -> None:
    there = domain_file(tmp_path, ONE, GONE)
    result = run(
        f"vm {there} {fleet} --from {fleet}/home.json --from {fleet}/yes.json",
        exit_code=4,
    )
    assert result.stdout == ""
    assert result.stderr == (
        "vfiocompat: error[VFC555]: no host of --from has all of the VM's devices\n"
        f"   |  home has no {GONE}\n"
        f"   |  yes has no {ONE}, {GONE}\n"
        "   = help: scan the host that the VM runs on again\n"
    )


def test_several_hosts_have_all_devices(run: Run, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "f",
        [inventory(name, function("0000:03:00.1", HISI_1)) for name in ("b", "a", "c")],
    )
    there = domain_file(tmp_path, "0000:03:00.1")
    result = run(f"vm {there} {folder} --from {folder}", exit_code=4)

    assert result.stderr == (
        "vfiocompat: error[VFC556]: 3 hosts have all of the VM's devices: a, b, c\n"
        "   = help: name the inventory of the host that it runs on with --from\n"
    )
    found = told(run, f"{there} {folder} --from {folder}/b.json", exit_code=3)
    assert set(found.undetermined) == {"a", "c"}


def test_a_broken_inventory_among_those_of_from_is_told(
    run: Run, fleet: Path, tmp_path: Path, one: str
) -> None:
    write(tmp_path / "from", [inventory("home", mdev(THREE, A))])
    (tmp_path / "from/x.json").write_text("{}")
    result = run(f"vm {one} {fleet} --from {tmp_path}/from", exit_code=4)
    assert "x.json" in result.stderr


def test_devices_of_this_host_are_read_here(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(ALPHA)
    folder = write(
        tmp_path / "f", [inventory("b", endpoint("p/t", B, answers=TAKES_A))]
    )
    found = told(run, f"{domain_file(tmp_path, UUID)} {folder}")

    assert found.devices[0].source.host is None
    assert found.devices[0].source.version == A


# ---- with the addresses that they have -------------------------------------------


def test_as_is_a_device_is_to_be_there(run: Run, fleet: Path, tmp_path: Path) -> None:
    write(
        fleet,
        [
            inventory("free", mdev(ONE, B, answers=TAKES_A, in_use=False)),
            inventory("taken", mdev(ONE, B, answers=TAKES_A, in_use=True)),
            inventory("wrong", mdev(ONE, B, answers=REFUSES_A, in_use=False)),
            inventory("perhaps", mdev(ONE, B, answers=TAKES_A)),
        ],
    )
    there = domain_file(tmp_path, ONE)
    found = told(run, f"{there} {fleet} --from {fleet}/home.json --as-is")

    assert found.allowed == ["free"]
    assert found.undetermined == {
        **dict.fromkeys(["full", "maybe", "never", "other", "used"], ("VFC548",)),
        "perhaps": ("VFC546",),
        "yes": ("VFC548",),
    }
    assert found.not_allowed == {"taken": ("VFC545",), "wrong": ("VFC133",)}
    [given] = found.assignment
    assert (given.endpoint, given.address, given.first) == (ONE, ONE, None)


def test_as_is_what_is_not_there_is_told(run: Run, line: str) -> None:
    result = run(f"vm {line} --as-is --host yes", exit_code=3)
    assert f"[VFC548]: there is no {ONE} o" in result.stdout
    assert " yes\n" in result.stdout


# ---- XML for another host, and its manifest --------------------------------------


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Serve two hosts: beta takes what alpha has, and not the reverse."""
    beta = named(
        "beta",
        kind("acme-b", B, f'["{A}", "{B}"]', "instances = 4"),
        made(ONE, "acme-b"),
    )
    alpha = named(
        "alpha", kind("acme-a", A, f'["{A}"]', "instances = 4"), made(UUID, "acme-a")
    )
    folder = tmp_path_factory.mktemp("hosts")
    with ExitStack() as stack:
        found = {"folder": folder}
        for name, spec in (("alpha", alpha), ("beta", beta)):
            found[name] = stack.enter_context(serving(spec)).root
        yield found


@pytest.fixture
def scanned(hosts: dict[str, Path], run: Run, tmp_path: Path) -> Path:
    """Give inventories of both hosts, with what each says of the other's strings."""
    for _ in range(2):
        for name in ("alpha", "beta"):
            fleet = f"--ask {tmp_path}" if list(tmp_path.glob("*.json")) else ""
            run(f"scan --sysroot {hosts[name]} -o {tmp_path}/{name}.json {fleet}")
    return tmp_path


@pytest.fixture
def arrived(hosts: dict[str, Path], run: Run, scanned: Path) -> Iterator[Path]:
    """Make XML for beta on alpha, and for a while on beta what the plan says."""
    line = f"vm {domain_file(scanned, UUID)} {scanned}/beta.json"
    line = f"{line} --sysroot {hosts['alpha']}"
    [[_, _, address, first]] = rows(run(f"{line} --plan"))
    xml = scanned / "dest.xml"
    xml.write_text(run(f"{line} --xml").stdout)
    echo, uuid, to, create = first.split(" ")
    assert (echo, uuid, to) == ("echo", address, ">")
    (hosts["beta"] / create.removeprefix("/")).write_text(uuid)
    yield xml
    (hosts["beta"] / f"sys/bus/mdev/devices/{uuid}/remove").write_text("1")


def test_xml_has_the_addresses_of_the_destination(
    hosts: dict[str, Path], run: Run, scanned: Path
) -> None:
    there = domain_file(scanned, UUID)
    result = run(f"vm {there} {scanned}/beta.json --sysroot {hosts['alpha']} --xml")

    assert addresses_in(result.stdout) == [UUID]
    assert result.stderr.startswith(
        "vfiocompat: compatible: web -> beta   (1 VFIO device, room for all)\n"
    )
    found = told(run, f"{there} {scanned}/beta.json --sysroot {hosts['alpha']} --xml")
    assert found.xml is not None
    assert addresses_in(found.xml) == [UUID]


def test_the_destinations_driver_is_asked_with_the_sources_string(
    hosts: dict[str, Path], run: Run, arrived: Path
) -> None:
    line = f"domain:{arrived} here --as-is --sysroot {hosts['beta']}"
    found = told(run, line, exit_code=3)

    [device] = found.devices
    assert (device.source.address, device.source.host, device.source.version) == (
        UUID,
        "alpha",
        A,
    )
    assert (device.destination.address, device.destination.host) == (UUID, None)
    assert (device.verdict, device.basis) == ("compatible", "driver")
    assert found.undetermined == {"here": ("VFC546",)}


def test_a_destination_that_was_prepared_takes_the_vm(
    hosts: dict[str, Path], run: Run, arrived: Path, tmp_path: Path
) -> None:
    """That nobody uses the device is told by the processes that there are."""
    line = f"domain:{arrived} here --as-is --sysroot {hosts['beta']}"
    assert told(run, line, exit_code=3).room is None
    root = with_processes(hosts["beta"], tmp_path / "root")
    assert told(run, line.replace(str(hosts["beta"]), str(root))).room is True


def test_the_other_way_its_driver_refuses(
    hosts: dict[str, Path], run: Run, tmp_path: Path
) -> None:
    """XML for alpha, of a device of beta, as somebody may have written it."""
    run(f"scan --sysroot {hosts['beta']} -o {tmp_path}/beta.json")
    there = domain_file(tmp_path, UUID, name="back")
    file = tmp_path / "back.xml"
    known = json.loads((tmp_path / "beta.json").read_bytes())
    file.write_text(manifested(file.read_text(), "alpha", {UUID: ONE}, known))
    line = f"{there} here --as-is --sysroot {hosts['alpha']}"
    found = told(run, line, exit_code=1)

    [device] = found.devices
    assert (device.source.address, device.source.host, device.source.version) == (
        ONE,
        "beta",
        B,
    )
    assert (device.verdict, device.basis) == ("incompatible", "driver")
    assert "VFC101" in codes(found)


def manifested(xml: str, host: str, devices: dict[str, str], known: object) -> str:
    """Put a manifest into domain XML, as `vm --xml` does."""
    each = "".join(
        f"<v:device is='{is_}' was='{was}'/>" for is_, was in devices.items()
    )
    text = json.dumps(known).replace("&", "&amp;").replace("<", "&lt;")
    ours = (
        f"<metadata><v:vm xmlns:v='urn:vfiocompat:vm:1' host='{host}'>{each}"
        f"<v:inventory>{text}</v:inventory></v:vm></metadata></domain>"
    )
    return xml.replace("</domain>", ours)


def test_xml_for_another_host_is_none_for_this(
    hosts: dict[str, Path], run: Run, arrived: Path
) -> None:
    line = f"vm domain:{arrived} here --as-is --sysroot {hosts['alpha']}"
    result = run(line, exit_code=4)

    assert result.stdout == ""
    assert result.stderr == (
        f"vfiocompat: error[VFC558]: {arrived} was made for host beta, "
        "not for this one\n"
        "   = help: make it again, or name the inventory of the VM's host with --from\n"
    )


def test_a_manifest_of_an_earlier_migration_does_not_count(
    hosts: dict[str, Path], run: Run, arrived: Path, tmp_path: Path
) -> None:
    """The VM came from alpha once, and comes from gamma now, with other state."""
    fleet = write(
        tmp_path / "f",
        [inventory("gamma", mdev(UUID, B)), inventory("alpha", endpoint("p/t", A))],
    )
    line = f"vm domain:{arrived} here --as-is --sysroot {hosts['beta']} --from {fleet}"
    said = run(line, exit_code=4).stderr
    assert said.startswith(
        "vfiocompat: error[VFC558]: the manifest in the XML says that the VM comes "
        "from alpha, and gamma has its devices\n"
    )


def test_xml_without_a_manifest_tells_of_no_source(
    hosts: dict[str, Path], run: Run, tmp_path: Path
) -> None:
    there = domain_file(tmp_path, ONE)
    result = run(f"vm {there} here --as-is --sysroot {hosts['beta']}", exit_code=4)

    assert result.stderr == (
        "vfiocompat: error[VFC559]: nothing tells what the VM's devices were before "
        "they came here\n"
        "   = help: make its XML with 'vfiocompat vm --xml' where it runs, or name the "
        "inventory of that host with --from\n"
    )


def test_without_a_manifest_an_inventory_tells(
    hosts: dict[str, Path], run: Run, arrived: Path
) -> None:
    there = domain_file(arrived.parent, UUID)
    line = f"{there} here --as-is --sysroot {hosts['beta']}"
    found = told(run, f"{line} --from {arrived.parent}", exit_code=3)

    assert found.devices[0].source.host == "alpha"
    assert (found.verdict, found.room) == ("compatible", None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((f'is="{UUID}"', f'is="{GONE}"'), "VFC559"),
        ((f'was="{UUID}"', f'was="{GONE}"'), "VFC559"),
        (('"vfiocompat.inventory/1"', '"vfiocompat.inventory/9"'), "VFC550"),
        ((">{", ">[{"), "VFC550"),
        ((f'"{A}"', '"\\u001b[31m"'), "VFC550"),
        (('host="beta"', 'host=""'), "VFC558"),
        (('host="beta"', ""), "VFC558"),
        (("vfiocompat:inventory", "vfiocompat:nothing"), "VFC550"),
    ],
)
def test_a_manifest_that_was_changed_does_not_count(
    hosts: dict[str, Path], run: Run, arrived: Path, change: tuple[str, str], code: str
) -> None:
    assert change[0] in arrived.read_text()
    arrived.write_text(arrived.read_text().replace(*change))
    line = f"vm domain:{arrived} here --as-is --sysroot {hosts['beta']}"
    result = run(line, exit_code=4)

    assert result.stdout == ""
    assert f"error[{code}]: " in result.stderr
    assert "\x1b" not in result.stderr


def test_another_string_in_a_manifest_is_another_question(
    hosts: dict[str, Path], run: Run, arrived: Path
) -> None:
    arrived.write_text(arrived.read_text().replace(f'"{A}"', f'"{C}"'))
    line = f"domain:{arrived} here --as-is --sysroot {hosts['beta']}"
    found = told(run, line, exit_code=1)
    assert found.devices[0].source.version == C


def test_a_manifest_takes_the_place_of_an_earlier_one(
    hosts: dict[str, Path], run: Run, arrived: Path
) -> None:
    line = f"vm domain:{arrived} {arrived.parent}/beta.json"
    again = run(f"{line} --sysroot {hosts['alpha']} --xml").stdout
    assert again.count("<vfiocompat:vm") == 1


# ---- a plan and XML --------------------------------------------------------------


def test_a_plan_is_a_row_a_device(run: Run, fleet: Path, tmp_path: Path) -> None:
    there = domain_file(tmp_path, ONE, TWO)
    result = run(f"vm {there} {fleet} --from {fleet}/home.json --plan")

    types = "/sys/class/mdev_bus/p/mdev_supported_types/t/create"
    assert rows(result) == [
        [ONE, "p/t", ONE, f"echo {ONE} > {types}"],
        [TWO, "p/t", TWO, f"echo {TWO} > {types}"],
    ]
    assert run(f"vm {there} {fleet} --from {fleet} --plan -q").stderr == ""


@pytest.mark.parametrize("option", ["--plan", "--xml"])
def test_beside_a_plan_or_xml_stderr_says_what_else_is_known(
    run: Run, fleet: Path, tmp_path: Path, option: str
) -> None:
    line = f"vm {domain_file(tmp_path, ONE, TWO)} {fleet}/yes.json --from {fleet}"
    report = run(line).stdout.splitlines()
    result = run(f"{line} {option}")

    assert result.stdout
    assert result.stderr.startswith(
        "vfiocompat: compatible: web -> yes   (2 VFIO devices, room for all)\n"
        "vfiocompat: info[VFC544]: "
    )
    said = [each.removeprefix("vfiocompat: ") for each in result.stderr.splitlines()]
    assert said == report


def test_a_plan_and_xml_agree(run: Run, fleet: Path, line: str) -> None:
    write(
        fleet,
        [
            inventory(
                "yes", endpoint("p/t", B, answers=TAKES_A), mdev(ONE, C, in_use=True)
            )
        ],
    )
    [[_, _, address, _]] = rows(run(f"vm {line} --plan"))
    assert address != ONE
    assert addresses_in(run(f"vm {line} --xml").stdout) == [address]
    assert addresses_in(run(f"vm {line} --xml -q").stdout) == [address]
    assert rows(run(f"vm {line} --plan"))[0][2] == address


def test_only_what_is_vfios_changes_in_xml(
    run: Run, fleet: Path, tmp_path: Path
) -> None:
    disk = "    <disk type='file'><source file='/ä.qcow2'/></disk>\n"
    there = domain_file(tmp_path, ONE, name="wéb", more=disk)
    xml = run(f"vm {there} {fleet} --from {fleet}/home.json --xml").stdout

    assert "<name>wéb</name>" in xml
    assert '<source file="/ä.qcow2"/>' in xml
    assert xml.startswith('<domain type="kvm">\n')
    assert xml.endswith("</domain>\n")


@pytest.mark.parametrize("option", ["--plan", "--xml"])
@pytest.mark.parametrize("host", ["full", "never", "other"])
def test_where_nothing_is_given_stdout_stays_empty(
    run: Run, line: str, option: str, host: str
) -> None:
    """What reads a plan or XML gets none; a person is told why."""
    report = run(f"vm {line} --host {host}", exit_code=1).stdout.splitlines()
    result = run(f"vm {line} --host {host} {option}", exit_code=1)

    assert result.stdout == ""
    said = [each.removeprefix("vfiocompat: ") for each in result.stderr.splitlines()]
    assert said == report


@pytest.mark.parametrize("option", ["--plan", "--xml"])
def test_where_nothing_is_given_quiet_says_nothing(
    run: Run, line: str, option: str
) -> None:
    result = run(f"vm {line} --host never {option} -q", exit_code=1)
    assert (result.stdout, result.stderr) == ("", "")


def test_where_nothing_is_given_the_document_has_no_xml(run: Run, line: str) -> None:
    found = told(run, f"{line} --host never --xml", exit_code=1)
    assert (found.xml, found.assignment) == (None, [])


def test_a_function_that_becomes_an_mdev_is_one_in_xml(
    run: Run, tmp_path: Path
) -> None:
    source = function("0000:03:00.1", A, driver="acme", vendor_id="0x1ac1")
    folder = write(
        tmp_path / "f",
        [
            inventory("home", source),
            inventory("new", endpoint("p/t", B, answers=TAKES_A)),
        ],
    )
    there = domain_file(tmp_path, "0000:03:00.1")
    xml = run(f"vm {there} {folder} --from {folder}/home.json --xml").stdout

    [[_, _, address, _]] = rows(
        run(f"vm {there} {folder} --from {folder}/home.json --plan")
    )
    assert addresses_in(xml) == [address]
    assert 'type="mdev"' in xml
    assert 'was="0000:03:00.1"' in xml


def test_a_vm_without_devices_has_no_other_xml(
    run: Run, fleet: Path, tmp_path: Path
) -> None:
    xml = run(f"vm {domain_file(tmp_path)} {fleet} --xml").stdout
    assert "vfiocompat" not in xml
    assert xml.startswith("<domain")


# ---- arguments -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("vm", "VFC501", "Missing argument 'SOURCE_VM'"),
        ("vm domain:x.xml", "VFC501", "Missing argument 'DESTINATION...'"),
        ("vm x.xml here", "VFC502", "'x.xml' names no VM"),
        ("vm domain: here", "VFC502", "'domain:' names no VM"),
        ("vm '' here", "VFC502", "'' names no VM"),
        ("vm domain:x.xml here --plan --xml", "VFC501", "--plan and --xml"),
        (
            "vm qmp:/run/x.sock here --xml",
            "VFC557",
            "--xml is for a VM that libvirt has",
        ),
        ("vm domain:x.xml here --require none", "VFC501", "--require"),
        ("vm domain:x.xml here --max-age soon", "VFC501", "--max-age"),
        ("vm domain:x.xml here --timeout 0", "VFC501", "--timeout"),
        ("vm domain:x.xml here --nonsense", "VFC501", "No such option"),
    ],
)
def test_bad_arguments(run: Run, line: str, code: str, words: str) -> None:
    result = run(line, exit_code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"vfiocompat: error[{code}]: ")
    assert words in result.stderr
    document = run(f"{line} --format json", exit_code=2).document(ErrorDocument)
    assert document.error.code == code


def test_a_host_is_one_of_a_fleet(shared_host: Host, run: Run, vm: str) -> None:
    shared_host(ALPHA)
    assert run(f"vm {vm} here --host x", exit_code=2).stderr == (
        "vfiocompat: error[VFC501]: --host is for a host of FLEET: name inventories "
        "too\n"
    )


def test_there_is_no_sysfs(run: Run, vm: str) -> None:
    assert "VFC507" in run(f"vm {vm} here --sysroot /nowhere", exit_code=4).stderr


def test_a_file_that_is_not_there(run: Run) -> None:
    assert run("vm domain:/nowhere.xml here", exit_code=4).stderr == (
        "vfiocompat: error[VFC550]: cannot read /nowhere.xml: No such file or "
        "directory\n"
    )


def test_help(run: Run) -> None:
    said = run("vm --help").stdout
    for option in ("--from", "--as-is", "--host", "--same-host", "--require", "--plan"):
        assert option in said
    assert "vm" in run("--help").stdout


# ---- who reads it ----------------------------------------------------------------


def test_a_pipe_gets_every_word(run: Run, tmp_path: Path) -> None:
    name = "a-host-with-a-name-that-is-longer-than-any-terminal-is-wide" * 3
    folder = write(
        tmp_path / "f",
        [
            inventory("home", mdev(ONE, A)),
            inventory(name, endpoint("p/t", B, answers=TAKES_A)),
            inventory("x", endpoint("p/t", B, answers=TAKES_A)),
        ],
    )
    there = domain_file(tmp_path, ONE)
    found = rows(run(f"vm {there} {folder} --from {folder}/home.json"))
    assert [len(row) for row in found] == [5, 5]
    assert [row[1] for row in found] == [name, "x"]


def test_quiet_says_it_by_the_exit_code(run: Run, line: str) -> None:
    result = run(f"vm {line} -q")
    assert (result.stdout, result.stderr) == ("", "")


def test_a_terminal_gets_a_table(run_on_terminal: RunOnTerminal, line: str) -> None:
    result = run_on_terminal(f"vm {line}")
    shown = result.colorless.splitlines()

    assert shown[0].split() == ["ANSWER", "HOST", "VERDICT", "ROOM", "WHY"]
    assert all(len(each) <= 80 for each in shown)
    words = " ".join(" ".join(shown).split())
    for host in ("yes", "maybe", "used", "full", "never", "other"):
        assert host in words
    assert "VFC546" in words
    assert "\x1b[1mANSWER" in result.stdout


def test_a_terminal_gets_colours(run_on_terminal: RunOnTerminal, line: str) -> None:
    shown = run_on_terminal(f"vm {line} --host yes").stdout
    assert "\x1b[1;32mcompatible\x1b[0m: web -> yes" in shown


def test_a_plan_on_a_terminal_fits(run_on_terminal: RunOnTerminal, line: str) -> None:
    shown = run_on_terminal(f"vm {line} --plan").colorless.splitlines()
    assert shown[0].split() == ["DEVICE", "ENDPOINT", "ADDRESS"]
    *table, command = shown
    assert all(len(each) <= 80 for each in table)
    assert ONE in "".join("".join(table).split())
    assert command.startswith(f"echo {ONE} > /sys/class/mdev_bus/")
    assert command.endswith("/create")


def test_names_of_vms_and_hosts_do_not_reach_the_terminal(
    run_on_terminal: RunOnTerminal, fleet: Path, tmp_path: Path
) -> None:
    """XML cannot hold ESC, but it can hold what a terminal takes for one (C1)."""
    there = domain_file(tmp_path, ONE, name="web")
    file = tmp_path / "web.xml"
    file.write_text(file.read_text().replace("<name>web<", "<name>w\x9b31m\u202eeb<"))
    for options in ("--host yes", "--host never", "--host yes --plan"):
        code = int("never" in options)
        result = run_on_terminal(
            f"vm {there} {fleet} --from {fleet}/home.json {options}", exit_code=code
        )
        assert "\x9b" not in result.stdout + result.stderr
        assert "\u202e" not in result.stdout + result.stderr


def test_names_in_any_script_are_shown(run: Run, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "f",
        [
            inventory("дом", mdev(ONE, A)),
            inventory("日本", endpoint("p/t", B, answers=TAKES_A)),
        ],
    )
    there = domain_file(tmp_path, ONE, name="wéb-сервер")
    said = run(f"vm '{there}' {folder} --from {folder}/дом.json").stdout
    assert said.startswith(
        "compatible: wéb-сервер -> 日本   (1 VFIO device, room for all)\n"
    )


def test_a_vm_without_a_name_is_called_so(
    run: Run, fleet: Path, tmp_path: Path
) -> None:
    file = tmp_path / "x.xml"
    file.write_text(domain(ONE).replace("<name>web</name>", ""))
    line = f"vm domain:{file} {fleet} --from {fleet}/home.json --host yes"
    assert run(line).stdout.startswith("compatible: the VM -> yes   ")


# ---- many ------------------------------------------------------------------------


def test_a_large_vm_and_a_large_fleet_take_a_moment(run: Run, tmp_path: Path) -> None:
    strings = [f"1ac1-{at}" for at in range(4)]
    devices = uuids(16)
    mine = [mdev(each, strings[at % 4]) for at, each in enumerate(devices)]
    hosts = [
        inventory(
            f"node-{number:03}",
            *(
                endpoint(
                    f"{parent}/t{at}",
                    version,
                    answers=tuple(
                        answer(each, accepted=each == version) for each in strings
                    ),
                    available_instances=number % 5,
                )
                for parent in "pqrs"
                for at, version in enumerate(strings)
            ),
        )
        for number in range(200)
    ]
    folder = write(tmp_path / "f", [inventory("home", *mine), *hosts])
    there = domain_file(tmp_path, *devices)
    began = time.monotonic()
    found = told(run, f"{there} {folder} --from {folder}/home.json")

    assert time.monotonic() - began < 10
    assert found.allowed == [f"node-{at:03}" for at in range(4, 200, 5)]
    assert len(found.assignment) == 16
    assert len({each.endpoint for each in found.assignment}) == 4
    assert set(found.not_allowed.values()) == {("VFC545",)}


# ---- what check says -------------------------------------------------------------

EXAMPLES = [ROOT / f"examples/fleet/node-{name}.json" for name in "abcd"]
ORDER = ["incompatible", "undetermined", "compatible"]


@pytest.mark.parametrize("home", EXAMPLES, ids=lambda path: str(path.stem))
def test_a_device_has_the_best_verdict_that_check_gives(
    capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path, home: Path
) -> None:
    def said(line: str, kind: type[Document]) -> Document:
        cli.run([*line.split(), "--format", "json"])
        return msgspec.json.decode(capsysbinary.readouterr().out, type=kind)

    ends = {
        file: [each["address"] for each in json.loads(file.read_bytes())["endpoints"]]
        for file in EXAMPLES
    }
    for device in ends[home]:
        if "/" in device:
            continue  # a type is no device
        there = domain_file(tmp_path, device)
        for file in EXAMPLES:
            if file == home:
                continue
            pairs = " ".join(f"inventory:{file}#{end}" for end in ends[file])
            checked = said(f"check inventory:{home}#{device} {pairs}", CheckDocument)
            found = said(f"vm {there} {file} --from {home}", VmDocument)

            best = max((each.verdict for each in checked.results), key=ORDER.index)
            assert found.verdict == best, (device, file)
            [shown] = found.devices
            [same] = [
                each
                for each in checked.results
                if each.destination.address == shown.destination.address
            ]
            assert (shown.verdict, shown.basis) == (same.verdict, same.basis)
            assert shown.source == same.source
            assert shown.destination == same.destination
            assert {each.code for each in same.diagnostics} == {
                each.code for each in shown.diagnostics
            } - {"VFC547"}


# ---- in short and in full --------------------------------------------------------


@settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_a_host_that_is_shown_in_full_is_as_in_the_list(
    capsysbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
    data: st.DataObject,
) -> None:
    """Of a fleet one host is decided again, by its own endpoints and not by classes."""
    said = st.sampled_from([True, True, False, None])
    kinds = st.tuples(
        st.sampled_from("pq"), st.sampled_from("tu"), st.sampled_from([0, 1, 2, None])
    )

    def answers() -> tuple[RecordedAnswer, ...]:
        return tuple(answer(each, accepted=data.draw(said)) for each in (A, B))

    hosts = [
        inventory(
            f"h{at}",
            *(
                endpoint(
                    f"{parent}/{type_id}",
                    C,
                    answers=answers(),
                    available_instances=free,
                )
                for parent, type_id, free in data.draw(
                    st.lists(kinds, unique_by=lambda each: each[:2], max_size=4)
                )
            ),
            *(
                mdev(each, C, answers=answers(), in_use=data.draw(said))
                for each in data.draw(st.sampled_from([[], [THREE], [THREE, FOUR]]))
            ),
        )
        for at in range(3)
    ]
    sources = [mdev(ONE, A), mdev(TWO, data.draw(st.sampled_from([A, B])))]
    folder = write(tmp_path / "f", [inventory("home", *sources), *hosts])
    there = domain_file(tmp_path, ONE, TWO)
    for options in ("", " --host h0", " --host h1", " --host h2"):
        line = f"vm {there} {folder} --from {folder}/home.json --format json{options}"
        capsysbinary.readouterr()
        code = cli.run(line.split())
        found = msgspec.json.decode(capsysbinary.readouterr().out, type=VmDocument)
        expected = "undetermined"
        if found.verdict == "incompatible" or found.room is False:
            expected = "not_allowed"
        elif found.verdict == "compatible" and found.room:
            expected = "allowed"
        assert found.host in getattr(found, expected)
        assert code == {"allowed": 0, "undetermined": 3, "not_allowed": 1}[expected]
        assert (len(found.assignment) == 2) == (
            found.verdict != "incompatible" and found.room is not False
        )


def test_a_large_vm_has_the_same_room_in_short_and_in_full(
    capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    chance = random.Random(3)  # noqa: S311 - no secret
    strings = [f"1ac1-{at}" for at in range(4)]
    devices = uuids(16)
    mine = [mdev(each, strings[at % 4]) for at, each in enumerate(devices)]
    hosts = [
        inventory(
            f"h{number}",
            *(
                endpoint(
                    f"{parent}/t{at}",
                    version,
                    answers=tuple(
                        answer(
                            each,
                            accepted=each == version if chance.random() < 0.9 else None,
                        )
                        for each in strings
                        if chance.random() < 0.95
                    ),
                    available_instances=chance.randint(0, 6),
                )
                for parent in "pqrs"
                for at, version in enumerate(strings)
            ),
        )
        for number in range(200)
    ]
    folder = write(tmp_path / "f", [inventory("home", *mine), *hosts])
    there = domain_file(tmp_path, *devices)
    line = f"vm {there} {folder} --from {folder}/home.json --format json"
    for number in (71, 129, 145):
        cli.run([*line.split(), "--host", f"h{number}"])
        found = msgspec.json.decode(capsysbinary.readouterr().out, type=VmDocument)
        assert (found.allowed == [f"h{number}"]) == (found.room is True), number
