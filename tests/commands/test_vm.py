# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat vm`: a whole VM, to this host or to the hosts of a fleet."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, TypeVar

import jsonschema
import msgspec
import pytest

from tests.fleets import QAT_1, answer, endpoint, inventory, qat, write
from tests.machines import (
    VM_UUID,
    domain,
    domain_file,
    mdev,
    told_to_migrate,
    uuids,
)
from tests.simulate.conftest import ROOT
from tests.vm.acme import (
    ALPHA,
    DEVICES,
    SOURCES,
    TAKER,
    A,
    B,
    C,
    alpha,
    kind,
    made,
    named,
)
from tests.vm.conftest import CONFIG
from vfiocompat import cli
from vfiocompat.output.check import CheckDocument
from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.vm import VmDocument
from vfiocompat.vm import destinations

from .hosts import PARENT, UUID, UUID_2, fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Host, Result, Run, RunOnTerminal, RunProcess

Document = TypeVar("Document", bound=msgspec.Struct)

TAKES_A = (answer(A, accepted=True),)
REFUSES_A = (answer(A, accepted=False),)
TAKES = endpoint("p/t", B, answers=TAKES_A)
REFUSES = endpoint("p/t", B, answers=REFUSES_A)
ONE, TWO, THREE, FOUR = uuids(4)


@pytest.fixture(autouse=True)
def _capable_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """State of Acme's drivers that they can do what QEMU demands."""
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(CONFIG))


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

BY_DRIVER = "(decided by the driver)"
FIRST = f"compatible: {UUID} -> {TAKER}   {BY_DRIVER}\n"
BOTH = f"{FIRST}compatible: {UUID_2} -> {TAKER}   {BY_DRIVER}\n"
ONE_GOES = f"compatible: web -> here   (1 VFIO device, room for all)\n{FIRST}"
WHY = f"""\
info[VFC107]: the destination driver accepts the source's version string
  --> /sys/devices/pci0000:3b/{PARENT}/mdev_supported_types/acme-taker/version
"""
BOTH_GO = f"""\
compatible: two -> here   (2 VFIO devices, room for all)
{BOTH}"""
ONE_IS_LEFT = f"""\
compatible: two -> here   (2 VFIO devices, no room)
error[VFC545]: 2 devices compete for 1 instance
   |  devices: {UUID}, {UUID_2}
   |  {TAKER}: 1 free
{BOTH}"""
NONE_IS_LEFT = f"""\
compatible: web -> here   (1 VFIO device, no room)
error[VFC545]: there is no free instance for {UUID}
   |  devices: {UUID}
   |  {TAKER}: 0 free
{FIRST}"""


@pytest.mark.parametrize(
    ("devices", "options", "free", "said"),
    [
        ([UUID], "", 2, ONE_GOES),
        ([UUID], " -v", 2, ONE_GOES + WHY),
        ([UUID, UUID_2], "", 2, BOTH_GO),
        ([UUID, UUID_2], "", 1, ONE_IS_LEFT),
        ([UUID], "", 0, NONE_IS_LEFT),
    ],
)
def test_what_a_driver_takes(  # noqa: PLR0917 - three are fixtures
    shared_host: Host,
    run: Run,
    tmp_path: Path,
    devices: list[str],
    options: str,
    free: int,
    said: str,
) -> None:
    shared_host(alpha(f"instances = {free}"))
    there = domain_file(tmp_path, *devices, name="two" if devices[1:] else "web")
    room = free >= len(devices)
    code = 0 if room else 1
    result = run(f"vm {there} here{options}", exit_code=code)
    assert (result.stdout, result.stderr) == (said, "")
    found = told(run, f"{there} here", exit_code=code)
    assert (found.verdict, found.room) == ("compatible", room)
    assert found.not_allowed == ({} if room else {"here": ("VFC545",)})
    assert len(found.assignment) == (len(devices) if room else 0)


def test_no_driver_takes_the_only_device(shared_host: Host, run: Run, vm: str) -> None:
    taker = kind("acme-taker", C, f'["{A}"]')
    shared_host(named("alpha", SOURCES, taker, made(UUID, "acme-b")))
    head, first, *rest = run(f"vm {vm} here", exit_code=1).stdout.splitlines()
    assert head == "incompatible: web -> here   (1 VFIO device)"
    assert first == f"incompatible: {UUID} -> {PARENT}/acme-b   {BY_DRIVER}"
    assert rest[0] == (
        "error[VFC101]: the destination driver refused the source's version string "
        "(EINVAL)"
    )
    assert rest[-1] == (
        "error[VFC547]: none of the 3 endpoints on this host can load its state; this "
        "is the closest"
    )


def test_nobody_says_whether_a_device_can_go(
    shared_host: Host, run: Run, vm: str
) -> None:
    silent = kind("acme-silent", None, "")
    shared_host(named("alpha", silent, made(UUID, "acme-silent")))
    found = told(run, f"{vm} here", exit_code=3)
    assert (found.verdict, found.room) == ("undetermined", True)
    assert found.undetermined == {"here": ("VFC102", "VFC201")}
    assert run(f"vm {vm} here", exit_code=3).stdout.splitlines()[:2] == [
        "undetermined: web -> here   (1 VFIO device, room for all)",
        f"undetermined: {UUID} -> {PARENT}/acme-silent   (no driver was asked)",
    ]


HISI = 'host = "alpha"\n' + "".join(
    f'\n[[function]]\naddress = "0000:75:00.{at}"\ndriver = "hisi_acc_vfio_pci"\n'
    "pci = { vendor = 0x19e5, device = 0xa251, revision = 0x30 }\n"
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
    there = domain_file(tmp_path, "0000:75:00.1", after=told_to_migrate())
    line = f"{there} here"
    unknown = told(run, line, exit_code=3)
    assert (unknown.verdict, unknown.room) == ("undetermined", None)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path / "config"))
    found = told(run, line, exit_code=3)
    [device] = found.devices
    assert (device.verdict, device.table) == ("compatible", "hisi-acc")
    assert found.undetermined == {"here": ("VFC546",)}
    found = told(run, f"{line} --require driver", exit_code=3)
    assert found.verdict == "undetermined"
    assert "VFC410" in codes(found)


def test_two_types_of_one_parent_may_not_fit_both(
    shared_host: Host, run: Run, two: str
) -> None:
    types = [kind(f"acme-takes-{at}", C, f'["1ac1-{at}"]') for at in "ab"]
    devices = made(UUID, "acme-a") + made(UUID_2, "acme-b")
    shared_host(named("alpha", SOURCES, *types, devices))
    assert run(f"vm {two} here", exit_code=3).stdout == (
        "compatible: two -> here   (2 VFIO devices, room not known)\n"
        "warning[VFC546]: it is not known whether there is room for all of the VM's "
        "devices\n"
        f"   |  these share one parent's capacity: {PARENT}/acme-takes-a, "
        f"{PARENT}/acme-takes-b\n"
        f"compatible: {UUID} -> {PARENT}/acme-takes-a   {BY_DRIVER}\n"
        f"compatible: {UUID_2} -> {PARENT}/acme-takes-b   {BY_DRIVER}\n"
    )


@pytest.mark.parametrize(("slices", "room"), [(3, False), (4, True)])
def test_instances_that_types_share_are_counted_by_the_driver(
    shared_host: Host, run: Run, two: str, *, slices: int, room: bool
) -> None:
    wide = '\n[[parent.type]]\nid = "acme-wide"\nslices = 2\n'
    wide += f'version = "{C}"\naccepts = ["{A}"]\n'
    shared_host(named("alpha", f"instances = {slices}\n", SOURCES, wide, DEVICES))
    assert told(run, f"{two} here", exit_code=0 if room else 1).room is room


def test_the_vms_own_device_is_no_place_to_go(
    shared_host: Host, run: Run, vm: str, tmp_path: Path
) -> None:
    """By an inventory of this host neither; and another mdev is created."""
    takes_itself = kind("acme-a", A, f'["{A}"]', "instances = 1")
    shared_host(named("alpha", takes_itself, made(UUID, "acme-a")))
    run(f"scan -o {tmp_path}/alpha.json")
    for options in ("", f" --from {tmp_path}/alpha.json"):
        found = told(run, f"{vm} here{options}", exit_code=1)
        assert (found.verdict, found.room) == ("compatible", False)
        assert found.devices[0].destination.address == f"{PARENT}/acme-a"
    shared_host(ALPHA)
    [given] = told(run, f"{vm} here").assignment
    assert given.address != UUID


def test_a_driver_that_hangs_costs_one_time_out(host: Host, run: Run, two: str) -> None:
    names = [f"acme-t{at}" for at in range(4)]
    hangs = [fault(f"{PARENT}/{name}", 'on = "write"', "hang = true") for name in names]
    types = [kind(name, C, f'["{A}"]') for name in names]
    devices = made(UUID, "acme-a") + made(UUID_2, "acme-b")
    host(named("alpha", SOURCES, *types, devices, *hangs))
    began = time.monotonic()
    found = told(run, f"{two} here --timeout 0.5", exit_code=3)
    assert time.monotonic() - began < 2.5
    assert found.verdict == "undetermined"
    assert "VFC112" in codes(found)


def test_what_could_not_be_asked_is_no_answer(host: Host, run: Run, vm: str) -> None:
    host(ALPHA + fault(TAKER, 'on = "open"', 'errno = "EACCES"'))
    found = told(run, f"{vm} here", exit_code=4)
    assert found.verdict == "undetermined"
    assert found.undetermined["here"][0] in {"VFC103", "VFC141"}
    host(ALPHA + fault(UUID, 'on = "open"', 'errno = "EACCES"'))
    result = run(f"vm {vm} here", exit_code=4)
    assert result.stdout == ""
    assert "VFC103" in result.stderr


@pytest.mark.usefixtures("_processes")
def test_a_vm_without_devices_goes_anywhere(run: Run, tmp_path: Path) -> None:
    there = domain_file(tmp_path)
    assert run(f"vm {there} here").stdout == (
        "compatible: web -> here   (0 VFIO devices, room for all)\n"
        "info[VFC530]: the VM has no VFIO device: there is nothing to load\n"
    )
    found = told(run, f"{there} here")
    assert [each.code for each in found.diagnostics] == ["VFC530"]
    assert (found.host, found.verdict, found.room) == ("here", "compatible", True)
    assert (found.allowed, found.undetermined, found.not_allowed) == (["here"], {}, {})
    assert (found.devices, found.assignment, found.problems) == ([], [], [])


def test_a_device_twice_in_a_vm_is_a_mistake(run: Run, tmp_path: Path) -> None:
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
    takes = {"answers": TAKES_A}
    unsure = (answer(A, accepted=None),)
    return write(
        tmp_path / "fleet",
        [
            inventory("home", mdev(ONE, A, **takes), mdev(TWO, A, **takes), TAKES),
            inventory("full", endpoint("p/t", B, **takes, available_instances=0)),
            inventory("maybe", endpoint("p/t", B, answers=unsure)),
            inventory("never", REFUSES),
            inventory("other", qat("0000:03:00.1", QAT_1)),
            inventory("used", mdev(THREE, B, **takes)),
            inventory("yes", TAKES),
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
    assert [row[:4] for row in rows(result)] == [
        ["allowed", "yes", "compatible", "yes"],
        ["undetermined", "used", "compatible", "-"],
        ["undetermined", "maybe", "undetermined", "yes"],
        ["not_allowed", "full", "compatible", "no"],
        ["not_allowed", "never", "incompatible", "-"],
        ["not_allowed", "other", "incompatible", "-"],
    ]
    [yes, used, maybe, full, never, other] = [row[4] for row in rows(result)]
    assert yes == "by recorded answers of the drivers"
    assert used == (
        "VFC546 it is not known whether there is room for all of the VM's devices"
    )
    assert maybe.startswith("VFC134 ")
    assert full == "VFC545 there is not room for all of the VM's devices"
    assert never.startswith("VFC133 the destination's driver refused the source's ")
    assert other.startswith("VFC304 source and destination are of different vendors")
    assert result.stderr == (
        "vfiocompat: 1 host can take it: yes; 1 fits but is full: full; 1 fits, room "
        "not known: used; 1 undetermined: no clear answer; 2 cannot: 1 refused, 1 "
        "other vendor\n"
    )


def test_a_document_has_every_host_and_everything_of_the_best(
    run: Run, line: str
) -> None:
    found = told(run, line)
    assert (found.host, found.verdict, found.room) == ("yes", "compatible", True)
    assert found.allowed == ["yes"]
    assert found.undetermined == {"maybe": ("VFC134",), "used": ("VFC546",)}
    assert found.not_allowed == {
        "full": ("VFC545",),
        "never": ("VFC133", "VFC547"),
        "other": ("VFC304", "VFC547"),
    }
    [device] = found.devices
    source, destination = device.source, device.destination
    assert (source.address, source.host, source.version) == (ONE, "home", A)
    assert (destination.address, destination.host) == ("p/t", "yes")
    assert (device.verdict, device.basis) == ("compatible", "recorded")
    assert device.diagnostics[0].code == "VFC132"

    document = run(f"vm {line} --format json").json
    assert set(document) == {
        *("schema", "tool", "vm", "host", "verdict", "room", "diagnostics", "devices"),
        *("assignment", "allowed", "undetermined", "not_allowed", "problems", "xml"),
    }
    assert document["schema"] == "vfiocompat.vm/1"
    assert document["vm"] == {"name": "web", "uuid": VM_UUID, "machine": "pc-q35-9.1"}
    assert (document["diagnostics"], document["problems"]) == ([], [])
    create = "/sys/class/mdev_bus/p/mdev_supported_types/t/create"
    first = f"echo {ONE} > {create}"
    given = {"device": ONE, "endpoint": "p/t", "address": ONE, "first": first}
    assert document["assignment"] == [given]


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    "options", ["", "-q", "-v", "--color always", "--xml", "--plan"]
)
def test_a_document_is_as_its_schema_says(
    run: Run, fleet: Path, line: str, options: str
) -> None:
    schema = run("schema vm").json
    result = run(f"vm {line} --format json {options}")
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""
    jsonschema.validate(result.json, schema)
    assert (result.json["xml"] is not None) == (options == "--xml")
    for hosts in ("--host maybe", "--host full", "--host other --host never"):
        (fleet / "x.json").write_text(f'{{"host": "{hosts.split()[1]}",')
        found = run(f"vm {line} --format json {options} {hosts}", exit_code=4).json
        jsonschema.validate(found, schema)


@pytest.mark.parametrize(
    ("host", "exit_code"),
    [("yes", 0), ("full", 1), ("never", 1), ("other", 1), ("maybe", 3), ("used", 3)],
)
def test_one_host_is_shown_in_full(
    run: Run, line: str, host: str, exit_code: int
) -> None:
    for options in ("-q", "--format json"):
        run(f"vm {line} --host {host} {options}", exit_code=exit_code)
    head, *rest = run(f"vm {line} --host {host}", exit_code=exit_code).stdout.split(
        "\n"
    )
    assert f": web -> {host}   (1 VFIO device" in head
    if host == "yes":
        ends = f"{ONE} on home -> p/t on yes"
        assert rest[0].startswith(f"compatible: {ends}   (by a recorded answer of the ")


def test_hosts_are_chosen_by_their_names(run: Run, line: str) -> None:
    result = run(f"vm {line} --host never --host maybe", exit_code=3)
    assert [row[1] for row in rows(result)] == ["maybe", "never"]
    for options in ("--host nope", "--host yes --host nope"):
        result = run(f"vm {line} {options}", exit_code=4)
        error = "vfiocompat: error[VFC401]: the fleet has no host nope\n"
        assert result.stdout == ""
        assert result.stderr == f"{error}   = help: there is home\n"


def test_the_own_host_counts_only_if_asked_for(
    run: Run, fleet: Path, one: str, line: str
) -> None:
    assert "home" not in run(f"vm {line}").stdout
    found = told(run, f"{line} --same-host")
    assert found.allowed == ["home", "yes"]
    assert found.assignment[0].endpoint in {"p/t", TWO}
    [given] = told(run, f"{line} --same-host --host home").assignment
    assert given.address != ONE, "that one it has"
    own = f"{fleet}/home.json"
    assert run(f"vm {one} {own} --from {own}", exit_code=4).stderr == (
        "vfiocompat: error[VFC401]: FLEET has no host but the VM's own\n"
        "   = help: --same-host takes that for a destination too\n"
    )
    alone = inventory("home", mdev(ONE, A, answers=TAKES_A, in_use=False))
    write(fleet / "alone", [alone])
    own = f"{fleet}/alone/home.json"
    found = told(run, f"{one} {own} --from {own} --same-host", exit_code=1)
    assert found.devices[0].destination.address == "(none)"


def test_what_is_too_old_says_nothing(run: Run, line: str) -> None:
    found = told(run, f"{line} --max-age 1h", exit_code=3)
    assert (found.allowed, found.not_allowed) == ([], {})
    hosts = ("full", "maybe", "never", "other", "used", "yes")
    assert found.undetermined == dict.fromkeys(hosts, ("VFC402",))
    shown = run(f"vm {line} --max-age 1h", exit_code=3)
    assert {row[0] for row in rows(shown)} == {"undetermined"}


def test_part_of_a_fleet_is_answered_and_told(run: Run, fleet: Path, line: str) -> None:
    (fleet / "x.json").write_text('{"schema": "vfiocompat.inventory/9"}')
    result = run(f"vm {line}", exit_code=4)
    assert len(rows(result)) == 6
    assert result.stderr.splitlines()[1].startswith(
        f"vfiocompat: error[VFC401]: {fleet}/x.json is an inventory of schema "
    )
    found = told(run, line, exit_code=4)
    assert found.allowed == ["yes"]
    [problem] = found.problems
    assert (problem.path, problem.code) == (f"{fleet}/x.json", "VFC401")
    planned = run(f"vm {line} --plan", exit_code=4)
    assert len(rows(planned)) == 1
    assert "x.json" in planned.stderr


def test_a_host_twice_in_a_fleet_counts_once(run: Run, fleet: Path, line: str) -> None:
    assert told(run, f"{line} {fleet}/yes.json").allowed == ["yes"], (
        "a file is read once"
    )
    write(fleet / "later", [inventory("yes", REFUSES, taken_at="2026-11-02T00:00:00Z")])
    found = told(run, f"{line} {fleet}/later/yes.json --host yes", exit_code=4)
    assert found.not_allowed == {"yes": ("VFC133", "VFC547")}
    [problem] = found.problems
    assert (problem.path, problem.code) == (f"{fleet}/yes.json", "VFC408")


def test_an_inventory_that_changes_while_it_is_looked_at_is_told(
    run: Run, line: str, fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = inventory("yes", REFUSES, taken_at="2026-11-02T00:00:00Z")
    monkeypatch.setattr(destinations, "read_inventory", lambda _: newer)
    assert rows(run(f"vm {line}"))[0][1] == "yes"
    result = run(f"vm {line} --host yes", exit_code=4)
    summary = f"{fleet}/yes.json has changed since it was read"
    assert result.stderr == f"vfiocompat: error[VFC401]: {summary}\n"


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


def test_how_inventories_are_named(
    run: Run, fleet: Path, monkeypatch: pytest.MonkeyPatch, one: str
) -> None:
    """As addresses too, and relative to where one is."""
    for there, own in (("inventory:", ""), ("", "inventory:")):
        line = f"{one} {there}{fleet}/yes.json --from {own}{fleet}/home.json"
        assert told(run, line).allowed == ["yes"]
    monkeypatch.chdir(fleet)
    line = "domain:../web.xml . --from home.json"
    assert told(run, line).allowed == ["yes"]
    assert told(run, f"{line} --host yes").assignment[0].endpoint == "p/t"


def test_this_host_and_a_fleet_are_asked_together(
    shared_host: Host, run: Run, vm: str, tmp_path: Path
) -> None:
    shared_host(ALPHA)
    several = {"beta": REFUSES, "gamma": TAKES, "alpha": TAKES}
    folder = write(
        tmp_path / "f", [inventory(name, end) for name, end in several.items()]
    )
    result = run(f"vm {vm} here {folder}")
    assert [row[:3] for row in rows(result)] == [
        ["allowed", "here", "compatible"],
        ["allowed", "gamma", "compatible"],
        ["not_allowed", "beta", "incompatible"],
    ]
    assert rows(result)[0][4] == "decided by the drivers"
    assert told(run, f"{vm} {folder} here here").allowed == ["here", "gamma"]


def test_as_is_a_device_is_to_be_there(run: Run, fleet: Path, line: str) -> None:
    takes = {"answers": TAKES_A}
    several = {
        "free": mdev(ONE, B, **takes, in_use=False),
        "taken": mdev(ONE, B, **takes, in_use=True),
        "wrong": mdev(ONE, B, answers=REFUSES_A, in_use=False),
        "perhaps": mdev(ONE, B, **takes),
    }
    write(fleet, [inventory(name, end) for name, end in several.items()])
    found = told(run, f"{line} --as-is")
    assert found.allowed == ["free"]
    absent = ["full", "maybe", "never", "other", "used", "yes"]
    assert found.undetermined == {
        **dict.fromkeys(absent, ("VFC548",)),
        "perhaps": ("VFC546",),
    }
    assert found.not_allowed == {"taken": ("VFC545",), "wrong": ("VFC133",)}
    result = run(f"vm {line} --as-is --host yes", exit_code=3)
    assert f"[VFC548]: there is no {ONE} on yes\n" in result.stdout


# ---- a plan and XML --------------------------------------------------------------


def test_a_plan_is_a_row_a_device(run: Run, fleet: Path, tmp_path: Path) -> None:
    line = f"vm {domain_file(tmp_path, ONE, TWO)} {fleet} --from {fleet} --plan"
    types = "/sys/class/mdev_bus/p/mdev_supported_types/t/create"
    assert rows(run(line)) == [
        [each, "p/t", each, f"echo {each} > {types}", "yes"] for each in (ONE, TWO)
    ]
    assert run(f"{line} -q").stderr == ""


def test_a_row_of_a_plan_names_this_host_too(
    shared_host: Host, run: Run, vm: str
) -> None:
    shared_host(ALPHA)
    planned = rows(run(f"vm {vm} here --plan"))
    assert [row[-1] for row in planned] == ["here"] * len(planned) != []


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("option", ["--plan", "--xml"])
@pytest.mark.parametrize(
    ("host", "exit_code"), [("yes", 0), ("full", 1), ("never", 1), ("other", 1)]
)
def test_beside_a_plan_or_xml_stderr_says_what_else_is_known(
    run: Run, line: str, option: str, host: str, exit_code: int
) -> None:
    """What reads a plan or XML gets none where nothing is given."""
    line = f"vm {line} --host {host}"
    report = run(line, exit_code=exit_code).stdout.splitlines()
    result = run(f"{line} {option}", exit_code=exit_code)
    assert bool(result.stdout) == (host == "yes")
    said = [each.removeprefix("vfiocompat: ") for each in result.stderr.splitlines()]
    assert said == report
    quiet = run(f"{line} {option} -q", exit_code=exit_code)
    assert (quiet.stdout, quiet.stderr) == (result.stdout, "")


# ---- arguments -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("vm", "VFC501", "SOURCE_VM is missing"),
        ("vm domain:x.xml", "VFC501", "or set VFIOCOMPAT_FLEET"),
        ("vm x.xml here", "VFC502", "'x.xml' names no VM"),
        ("vm domain: here", "VFC502", "'domain:' names no VM"),
        ("vm '' here", "VFC502", "'' names no VM"),
        ("vm domain:x.xml here --plan --xml", "VFC501", "--plan and --xml"),
        ("vm qmp:/x.sock here --xml", "VFC557", "--xml is for a VM that libvirt has"),
        ("vm domain:x.xml here --require none", "VFC501", "--require"),
        ("vm domain:x.xml here --max-age soon", "VFC501", "--max-age"),
        ("vm domain:x.xml here --timeout 0", "VFC501", "--timeout"),
        ("vm domain:x.xml here --nonsense", "VFC501", "there is no option --nonsense"),
        ("vm domain:x.xml here --host x", "VFC501", "--host is for a host of FLEET: "),
    ],
)
def test_bad_arguments(run: Run, line: str, code: str, words: str) -> None:
    result = run(line, exit_code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"vfiocompat: error[{code}]: ")
    assert words in result.stderr
    document = run(f"{line} --format json", exit_code=2).document(ErrorDocument)
    assert document.error.code == code


@pytest.mark.usefixtures("_processes")
def test_what_is_not_there(run: Run, vm: str) -> None:
    assert "VFC507" in run(f"vm {vm} here --sysroot /nowhere", exit_code=4).stderr
    summary = "cannot read /nowhere.xml: No such file or directory"
    result = run("vm domain:/nowhere.xml here", exit_code=4)
    assert result.stderr == f"vfiocompat: error[VFC550]: {summary}\n"
    result = run("vm domain:/nowhere.xml here --format json", exit_code=4)
    assert result.document(ErrorDocument).error.code == "VFC550"


def test_help(run: Run) -> None:
    said = run("vm --help").stdout
    for option in ("--from", "--as-is", "--host", "--same-host", "--require", "--plan"):
        assert option in said
    assert "vm" in run("--help").stdout


# ---- who reads it ----------------------------------------------------------------


def test_a_pipe_gets_every_word(run: Run, fleet: Path, line: str) -> None:
    name = "a-host-with-a-name-that-is-longer-than-any-terminal-is-wide" * 3
    write(fleet, [inventory(name, TAKES)])
    found = rows(run(f"vm {line}"))
    assert {len(row) for row in found} == {5}
    assert [row[1] for row in found[:2]] == [name, "yes"]


def test_quiet_says_it_by_the_exit_code(run: Run, line: str) -> None:
    result = run(f"vm {line} -q")
    assert (result.stdout, result.stderr) == ("", "")


def test_a_terminal_gets_tables_and_colours(
    run_on_terminal: RunOnTerminal, line: str
) -> None:
    result = run_on_terminal(f"vm {line}")
    shown = result.colorless.splitlines()
    assert shown[0].startswith("1 host can take it: yes; 1 fits but is full: full;")
    assert all(len(each) <= 80 for each in shown)
    words = set(" ".join(shown).replace(",", " ").split())
    assert {"yes", "maybe", "used", "full", "never", "other", "VFC546"} <= words
    assert "\x1b[1;38;5;28mcan take it" in result.stdout
    assert "\x1b[1;38;5;160mcannot take it" in result.stdout
    shown_of_one = run_on_terminal(f"vm {line} --host yes").stdout
    assert "\x1b[1;38;5;28mcompatible\x1b[0m: web -> yes" in shown_of_one


def test_a_plan_on_a_terminal_fits(run_on_terminal: RunOnTerminal, line: str) -> None:
    shown = run_on_terminal(f"vm {line} --plan").colorless.splitlines()
    *blocks, command = shown
    assert blocks[0] == ONE
    assert {each.split()[0] for each in blocks[1:]} == {"endpoint", "address"}
    assert all(len(each) <= 80 for each in blocks)
    assert command.startswith(f"echo {ONE} > /sys/class/mdev_bus/")
    assert command.endswith("/create")


def test_names_of_vms_and_hosts_do_not_reach_the_terminal(
    run_on_terminal: RunOnTerminal, line: str, tmp_path: Path
) -> None:
    """XML cannot hold ESC, but it can hold what a terminal takes for one (C1)."""
    file = tmp_path / "web.xml"
    file.write_text(file.read_text().replace("<name>web<", "<name>w\x9b31m\u202eeb<"))
    for options in ("--host yes", "--host never", "--host yes --plan"):
        code = int("never" in options)
        result = run_on_terminal(f"vm {line} {options}", exit_code=code)
        assert not {"\x9b", "\u202e"} & set(result.stdout + result.stderr)


def test_names_in_any_script_are_shown_and_a_vm_may_have_none(
    run: Run, tmp_path: Path
) -> None:
    hosts = [inventory("дом", mdev(ONE, A)), inventory("日本", TAKES)]
    folder = write(tmp_path / "f", hosts)
    there = domain_file(tmp_path, ONE, name="wéb-сервер")
    line = f"vm '{there}' {folder} --from {folder}/дом.json"
    head = "-> 日本   (1 VFIO device, room for all)\n"
    assert run(line).stdout.startswith(f"compatible: wéb-сервер {head}")
    file = tmp_path / "wéb-сервер.xml"
    file.write_text(file.read_text().replace("<name>wéb-сервер</name>", ""))
    assert run(line).stdout.startswith(f"compatible: the VM {head}")


# ---- many ------------------------------------------------------------------------


def test_a_large_vm_and_a_large_fleet_take_a_moment(run: Run, tmp_path: Path) -> None:
    strings = [f"1ac1-{at}" for at in range(4)]
    devices = uuids(16)
    mine = [mdev(each, strings[at % 4]) for at, each in enumerate(devices)]
    said = {
        version: tuple(answer(each, accepted=each == version) for each in strings)
        for version in strings
    }
    hosts = [
        inventory(
            f"node-{number:03}",
            *(
                endpoint(
                    f"{parent}/t{at}",
                    version,
                    answers=said[version],
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
    devices = [end for end in ends[home] if "/" not in end]  # a type is no device
    others = [file for file in EXAMPLES if file != home]
    for device, file in ((each, file) for each in devices for file in others):
        there = domain_file(tmp_path, device, after=told_to_migrate())
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
        assert (shown.source, shown.destination) == (same.source, same.destination)
        assert {each.code for each in same.diagnostics} == {
            each.code for each in shown.diagnostics
        } - {"VFC547"}
