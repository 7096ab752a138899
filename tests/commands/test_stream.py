# SPDX-License-Identifier: Apache-2.0
"""`--stream`: idle devices asked by the heads of their migration streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.fleets import function, head, inventory
from tests.idle import (
    IN_USE,
    MTTY,
    MTTY_2,
    ONE,
    OTHER,
    STRING,
    THIRD,
    TWO_PORTS,
    Answer,
    Idle,
    IdleHost,
    mtty,
)
from vfiocompat import codes
from vfiocompat.decision.decisions import Decision
from vfiocompat.endpoints import Attribute
from vfiocompat.errors import DeviceError
from vfiocompat.output.check import CheckDocument
from vfiocompat.output.device import DeviceDocument
from vfiocompat.output.get import GetDocument
from vfiocompat.output.pairs import decision_words
from vfiocompat.output.vm import VmDocument

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run
    from vfiocompat.endpoints import Endpoint

UNREADABLE = Answer(
    head=None, error=DeviceError("no head (EIO)", code=codes.HEAD_NOT_READ).record
)
DEVICES = (mtty(ONE), mtty(OTHER), mtty(THIRD), mtty(TWO_PORTS, "mtty-2"))
PLAIN = mtty("0000:03:00.1", kind="function", driver="vfio-pci", uuid=None)
"""A function of a driver whose head no table reads."""


PLAIN_TYPE = "mtty/mtty-1"
GIVES_ENODEV = Attribute("version", "unreadable", "ENODEV", "/sys/x", None, "VFC105")


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Idle:
    """Make a host of devices that nobody uses; the site states nothing."""
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path))

    def make(
        answers: dict[str, Answer] | None = None, *endpoints: Endpoint
    ) -> IdleHost:
        two = {TWO_PORTS: Answer(MTTY_2)}
        host = IdleHost([*DEVICES, *endpoints], two | (answers or {}))
        monkeypatch.setattr("vfiocompat.commands.settings.Host", lambda *_, **__: host)
        return host

    return make


# ---- get -----------------------------------------------------------------------------


def test_get_makes_the_string_of_the_head(idle: Idle, run: Run) -> None:
    host = idle()
    assert run(f"get --stream {ONE}").stdout == f"{STRING}\n"
    assert host.opened == [ONE]


def test_get_tells_where_the_string_is_from(idle: Idle, run: Run) -> None:
    idle()
    result = run(f"get --stream {ONE} {TWO_PORTS} --format json")
    one, two = result.document(GetDocument).endpoints
    assert (one.version, one.origin) == (STRING, "stream")
    assert two.version == STRING.replace("mtty-1", "mtty-2")
    assert two.head
    assert two.head.data == MTTY_2.hex()
    assert "warning[VFC528]" in result.stderr


def test_a_warning_comes_only_where_a_device_is_opened(idle: Idle, run: Run) -> None:
    host = idle({}, PLAIN)
    for line, exit_code in (
        (f"check --stream version:{STRING} version:{STRING}", 0),
        (f"get --stream {PLAIN.address}", 3),
        (f"check --stream {PLAIN.address} version:{STRING}", 1),
        (f"targets --stream {PLAIN.address} here", 1),
    ):
        assert "VFC528" not in run(line, exit_code=exit_code).stderr, line
    assert host.opened == []

    for line in (
        f"check --stream {ONE} {OTHER}",
        f"check --stream version:{STRING} {OTHER}",
        f"targets --stream {ONE} here",
    ):
        assert run(line).stderr.count("VFC528") == 1, line
    assert host.opened != []


def test_get_opens_nothing_without_stream(idle: Idle, run: Run) -> None:
    host = idle()
    run(f"get {ONE}", exit_code=3)
    assert "?" in run(f"get --derive {ONE}").stdout
    assert host.opened == []


def test_get_of_a_device_in_use_could_not_complete(idle: Idle, run: Run) -> None:
    idle({ONE: IN_USE})
    assert "error[VFC520]" in run(f"get --stream {ONE}", exit_code=4).stderr
    both = run(f"get --stream {ONE} {OTHER}", exit_code=4)
    assert both.stdout == f"{OTHER}\t{STRING}\n"


def test_get_does_not_derive_a_string_in_place_of_a_head(idle: Idle, run: Run) -> None:
    idle({ONE: UNREADABLE})
    result = run(f"get --stream --derive {ONE}", exit_code=4)
    assert (result.stdout, "error[VFC154]" in result.stderr) == ("", True)


def test_get_says_that_no_table_reads_a_head(idle: Idle, run: Run) -> None:
    host = idle({}, PLAIN)
    result = run(f"get --stream {PLAIN.address}", exit_code=3)
    assert "VFC155" in result.stderr
    assert "no table says where the head of the driver vfio-pci is" in result.stderr
    assert "a type has no" in run("get --stream mtty/mtty-1", exit_code=3).stderr
    assert host.opened == []


def test_get_does_not_open_what_has_an_attribute(idle: Idle, run: Run) -> None:
    there = Attribute("version", "present", path="/sys/x")
    text = mtty("5" * 8 + ONE[8:], attribute=there, version="4348-x")
    host = idle({}, text)
    assert run(f"get --stream {text.address}").stdout == "4348-x\n"
    assert host.opened == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("get --stream", "name each TARGET"),
        (f"get --stream --sysroot /tmp {ONE}", "--sysroot"),
        (f"check --stream --sysroot /tmp {ONE} {OTHER}", "--sysroot"),
        (f"targets --stream --sysroot /tmp {ONE}", "--sysroot"),
        ("scan --stream --sysroot /tmp", "--sysroot"),
        ("vm domain:/nonexistent here --stream --sysroot /tmp", "--sysroot"),
        (f"device --open --sysroot /tmp {ONE}", "--sysroot"),
        (f"device --open --stream --sysroot /tmp {ONE}", "--sysroot"),
    ],
)
def test_stream_does_not_go_with_everything(
    idle: Idle, run: Run, line: str, told: str
) -> None:
    host = idle()
    assert told in run(line, exit_code=2).stderr
    assert host.opened == []


# ---- what is stated ------------------------------------------------------------------


def test_an_option_must_not_state_what_the_head_denies(idle: Idle, run: Run) -> None:
    idle()
    result = run(f"get --stream --fact minor=3 {ONE}", exit_code=2)
    assert codes.FACT_UNUSABLE in result.stderr
    assert "minor: 3 is stated, and it is 0" in result.stderr
    assert run(f"get --stream --fact minor=0 {ONE}").stdout == f"{STRING}\n"


def test_of_a_file_the_head_counts_and_the_file_is_named(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    idle()
    facts = tmp_path / "facts.d/mtty.toml"
    facts.parent.mkdir()
    facts.write_text('schema = 1\n[driver.mtty]\nminor = "3"\nmajor = "1"\n')
    result = run(f"get --stream {ONE} --format json", exit_code=4)
    document = result.document(GetDocument)
    assert [each.version for each in document.endpoints] == [STRING]
    assert [each.path for each in document.problems] == [str(facts)]
    assert f"minor of {ONE}: 3 is stated, and it is 0" in result.stderr
    assert "minor=3" in run(f"get --derive {ONE}").stdout


# ---- check ---------------------------------------------------------------------------


def test_check_asks_the_driver(idle: Idle, run: Run) -> None:
    host = idle()
    result = run(f"check --stream {ONE} {OTHER} {TWO_PORTS}", exit_code=1)
    yes, no = result.stdout.splitlines()[:2]
    assert yes == f"compatible: {ONE} -> {OTHER}   (by the head of its stream)"
    assert no == f"incompatible: {ONE} -> {TWO_PORTS}   (by the head of its stream)"
    assert host.opened == [ONE, OTHER, TWO_PORTS]


@pytest.mark.parametrize(
    ("source", "exit_code", "found"),
    [
        ({"device_api": "vfio-ccw"}, 1, codes.DEVICE_API_DIFFERS),
        ({"vfio": False}, 3, codes.NOT_BOUND_TO_VFIO),
        ({"attribute": GIVES_ENODEV}, 1, codes.NO_MIGRATION_SUPPORT),
    ],
)
def test_check_opens_nothing_where_no_head_can_decide(
    idle: Idle, run: Run, source: dict[str, Any], exit_code: int, found: str
) -> None:
    one = mtty("5" * 8 + ONE[8:], **source)
    host = idle({}, one)
    for ends in (f"{one.address} {OTHER}", f"{OTHER} {one.address}"):
        result = run(f"check --stream {ends}", exit_code=exit_code)
        assert found in result.stdout
    assert host.opened == []


def test_check_opens_nothing_for_an_inventory_that_is_too_old(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    host = idle()
    old = inventory("a", mtty(ONE, head=head(MTTY.hex(), "mtty")))
    (tmp_path / "a.json").write_bytes(msgspec.json.encode(old))
    line = f"check --stream inventory:{tmp_path}/a.json {OTHER}"
    assert "VFC402" in run(f"{line} --max-age 1h", exit_code=3).stdout
    assert host.opened == []
    run(line)
    assert host.opened == [OTHER]


def test_check_does_not_ask_what_has_an_attribute_that_cannot_be_read(
    idle: Idle, run: Run
) -> None:
    bad = mtty("5" * 8 + ONE[8:], attribute=GIVES_ENODEV)
    host = idle({}, bad)
    run(f"check --stream {ONE} {bad.address}", exit_code=1)
    assert host.opened == []
    run(f"check --stream {ONE} {bad.address} {OTHER}", exit_code=1)
    assert host.opened == [ONE, OTHER]


def test_check_of_a_source_in_use_names_an_idle_sibling(idle: Idle, run: Run) -> None:
    idle({ONE: IN_USE})
    result = run(f"check --stream {ONE} {OTHER}", exit_code=4)
    assert f"let an idle device stand for it: --sibling {THIRD}" in result.stdout
    result = run(f"check --stream --sibling {THIRD} {ONE} {OTHER} --format json")
    [pair] = result.document(CheckDocument).results
    assert pair.head
    assert (pair.head.origin, pair.head.of) == ("sibling", THIRD)


def test_check_says_that_drivers_can_be_asked(idle: Idle, run: Run) -> None:
    host = idle({}, PLAIN)
    line = f"    vfiocompat check --stream {ONE} {OTHER} {THIRD}\n"
    told = run(f"check {ONE} {OTHER} {TWO_PORTS} {THIRD}", exit_code=1).stdout
    assert told.endswith(
        f"or let the drivers tell, while nobody uses the devices:\n{line}"
    )
    for other in (f"--table-only {ONE} {OTHER}", f"{PLAIN_TYPE} {OTHER}"):
        assert "--stream" not in run(f"check {other}", exit_code=3).stdout
    assert host.opened == []


def test_check_asks_again_as_it_was_asked(idle: Idle, run: Run) -> None:
    idle({ONE: IN_USE})
    result = run(f"check --stream {ONE} {OTHER}", exit_code=4)
    assert f"check {ONE} {OTHER} --stream --fact magic" in result.stdout


def test_check_says_why_a_type_was_not_asked(idle: Idle, run: Run) -> None:
    idle()
    result = run(f"check --stream {PLAIN_TYPE} {OTHER}", exit_code=3)
    assert "warning[VFC155]: the source: a type has no migration" in result.stdout


def test_check_names_no_sibling_where_none_may_stand(idle: Idle, run: Run) -> None:
    idle({TWO_PORTS: IN_USE})
    result = run(f"check --stream {TWO_PORTS} {OTHER}", exit_code=1)
    assert "scan --stream" in result.stdout
    assert "--sibling" not in result.stdout


@pytest.mark.parametrize(
    ("sibling", "told"),
    [
        (TWO_PORTS, "it is not of the source's type mtty-1"),
        ("mtty/mtty-1", "a type has no migration stream: name a device"),
        ("version:4348-x", "--sibling is a device of this host"),
    ],
)
def test_check_refuses_a_sibling_that_cannot_stand(
    idle: Idle, run: Run, sibling: str, told: str
) -> None:
    host = idle()
    line = f"check --stream --sibling {sibling} {ONE} {OTHER}"
    assert told in run(line, exit_code=2).stderr
    assert host.opened == []


def test_check_holds_both_ends_against_what_is_stated(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    host = idle()
    line = f"check --stream {ONE} {OTHER}"
    assert "--fact" in run(f"{line} --fact major=2", exit_code=2).stderr
    assert host.opened == [ONE]
    wrong = run(f"{line} --destination-fact major=2", exit_code=2).stderr
    assert "--destination-fact" in wrong
    facts = tmp_path / "facts.d/mtty.toml"
    facts.parent.mkdir()
    facts.write_text(f'schema = 1\n[endpoint."{OTHER}"]\nminor = "3"\n')
    result = run(f"{line} --format json", exit_code=4)
    document = result.document(CheckDocument)
    assert document.verdict == "compatible"
    assert [each.path for each in document.problems] == [str(facts)]


def test_a_device_that_does_not_run_is_told_of_loudly(idle: Idle, run: Run) -> None:
    """Also where it was opened for its own head alone."""
    lost = DeviceError("it does not run", code=codes.DEVICE_NOT_RUNNING).record
    idle({OTHER: Answer(error=lost)})
    assert "VFC526" in run(f"check --stream {ONE} {OTHER}", exit_code=4).stdout
    result = run(f"check --stream {PLAIN_TYPE} {OTHER}", exit_code=4)
    assert "error[VFC526]" in result.stdout


HISI = bytes.fromhex(
    "dedecadeedfeccaa 10000000 51a20000 00000000 40000000 01000000 01000000"
    "00000000 00000000"
)


def accelerator(address: str) -> Endpoint:
    """Make a function whose driver may remember that it has taken a head."""
    return function(
        address, None, in_use=False, facts={"device_id": "0xa251", "revision": "0x30"}
    )


def test_where_an_ask_can_do_harm_heads_are_only_read(idle: Idle, run: Run) -> None:
    ends = [accelerator(f"0000:03:00.{number}") for number in (1, 2)]
    names = " ".join(each.address for each in ends)
    host = idle({each.address: Answer(HISI) for each in ends}, *ends)
    result = run(f"check --stream {names} --format json")
    [pair] = result.document(CheckDocument).results
    assert (pair.verdict, pair.basis, pair.channel) == ("compatible", "table", None)
    assert pair.destination.origin == "stream"
    assert "VFC156" in {each.code for each in pair.diagnostics}
    assert [each.heads for each in host.asked] == [(), ()]
    result = run(f"check --stream --despite-hazard {names} --format json")
    [pair] = result.document(CheckDocument).results
    assert (pair.verdict, pair.channel) == ("compatible", "stream")
    assert "VFC160" in {each.code for each in pair.diagnostics}


# ---- targets -------------------------------------------------------------------------


@pytest.mark.parametrize("here", ["", "here"])
def test_targets_asks_the_idle_devices_of_this_host(
    idle: Idle, run: Run, monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_FLEET", "/nonexistent")
    host = idle({THIRD: IN_USE}, PLAIN, accelerator("0000:03:00.2"))
    result = run(f"targets {ONE} {here} --stream")
    one, other, _ = result.stdout.splitlines()
    assert one == f"compatible\t-\t{OTHER}\t-\tby the head of its stream"
    assert other.startswith(f"undetermined\t-\t{THIRD}\t-\t")
    assert "VFC520 process 7 has it open" in other
    assert host.opened == [ONE, OTHER, THIRD, TWO_PORTS]


def test_targets_says_that_drivers_can_be_asked(idle: Idle, run: Run) -> None:
    host = idle()
    told = run(f"targets {ONE}", exit_code=3).stderr
    assert told.endswith(f"\n    vfiocompat targets {ONE} here --stream\n")
    assert host.opened == []


def test_targets_of_a_source_in_use_could_not_complete(idle: Idle, run: Run) -> None:
    """It was named, and the other devices were not: of theirs only one in use is."""
    host = idle({ONE: IN_USE, OTHER: IN_USE})
    result = run(f"targets {ONE} --stream", exit_code=4)
    assert "VFC520" in result.stdout
    assert host.opened[0] == ONE
    idle({ONE: IN_USE})
    assert OTHER in run(f"targets {ONE} --stream --sibling {THIRD}").stdout


@pytest.mark.parametrize("command", ["targets", "vm"])
def test_stream_is_for_this_host_alone(
    idle: Idle, run: Run, tmp_path: Path, command: str
) -> None:
    host = idle()
    source = ONE if command == "targets" else "domain:x.xml"
    for fleet in (tmp_path, f"here {tmp_path}"):
        result = run(f"{command} {source} {fleet} --stream", exit_code=2)
        assert "FLEET is of others" in result.stderr
    assert (
        "--sysroot"
        in run(
            f"{command} {source} here --stream --sysroot {tmp_path}", exit_code=2
        ).stderr
    )
    assert (
        "--despite-hazard is for --stream"
        in run(f"{command} {source} here --despite-hazard", exit_code=2).stderr
    )
    assert host.opened == []


def test_a_table_that_is_wanted_alone_asks_nobody(idle: Idle, run: Run) -> None:
    host = idle()
    line = f"check --stream --table-only {ONE} {OTHER}"
    assert "--table-only" in run(line, exit_code=2).stderr
    assert host.opened == []


# ---- vm ------------------------------------------------------------------------------


def domain(path: Path, *uuids: str) -> str:
    """Write a VM with mdevs, and give its address."""
    devices = "".join(
        "<hostdev mode='subsystem' type='mdev' model='vfio-pci'>"
        f"<source><address uuid='{uuid}'/></source></hostdev>"
        for uuid in uuids
    )
    file = path / "vm.xml"
    file.write_text(
        f"<domain type='kvm'><name>a</name><os><type machine='q35'>hvm</type></os>"
        f"<devices>{devices}</devices></domain>"
    )
    return f"domain:{file}"


@pytest.mark.parametrize("there", ["", "here"])
def test_vm_offers_each_devices_head(
    idle: Idle, run: Run, tmp_path: Path, there: str
) -> None:
    host = idle()
    result = run(f"vm {domain(tmp_path, ONE)} {there} --stream --format json")
    [device] = result.document(VmDocument).devices
    assert device.destination.address in {OTHER, THIRD}
    assert host.opened == [ONE, OTHER, THIRD, TWO_PORTS]


def test_vm_passes_over_what_is_in_use(idle: Idle, run: Run, tmp_path: Path) -> None:
    idle({ONE: IN_USE, OTHER: IN_USE})
    result = run(f"vm {domain(tmp_path, ONE)} here --stream", exit_code=3)
    assert "VFC520" in result.stdout


def test_vm_demands_a_destination(run: Run) -> None:
    result = run("vm domain:x.xml", exit_code=2)
    assert "name here, or inventories, or set VFIOCOMPAT_FLEET" in result.stderr


# ---- device --------------------------------------------------------------------------


def test_an_open_device_tells_its_state_and_what_it_has_to_move(
    idle: Idle, run: Run
) -> None:
    idle()
    result = run(f"device --open {ONE}")
    assert result.stdout.splitlines()[3:] == [
        "state\tRUNNING",
        "data_size\t60",
        "source\topen",
    ]
    found = run(f"device --open --stream {ONE} --format json").document(DeviceDocument)
    assert (found.state, found.data_size, found.initial_bytes) == ("RUNNING", 60, 24)


def test_what_is_done_to_a_device_is_told_before(idle: Idle, run: Run) -> None:
    idle({}, PLAIN)
    assert "VFC525" in run(f"device --open {ONE}").stderr
    assert "VFC528" in run(f"device --open --stream {ONE}").stderr
    assert "VFC525" in run(f"device --open --stream {PLAIN.address}").stderr


def test_a_copy_is_begun_only_where_a_table_reads_heads(idle: Idle, run: Run) -> None:
    idle({}, PLAIN)
    result = run(f"device --open --stream {PLAIN.address} --format json")
    assert result.document(DeviceDocument).initial_bytes is None
    assert "info[VFC155]" in result.stderr
    assert "for --open" in run(f"device --stream {ONE}", exit_code=2).stderr


# ---- words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (Decision(verdict="compatible", basis="driver"), "decided by the drivers"),
        (
            Decision(verdict="compatible", basis="driver", channel="stream"),
            "by the heads of their streams",
        ),
        (
            Decision(verdict="compatible", basis="recorded", channel="stream"),
            "by recorded answers to the heads of their streams",
        ),
        (
            Decision(verdict="compatible", basis="table", table="mtty"),
            "by table mtty",
        ),
    ],
)
def test_what_verdicts_rest_on_is_told_by_the_channel(
    decision: Decision, told: str
) -> None:
    assert decision_words(decision) == told
