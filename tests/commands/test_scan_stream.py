# SPDX-License-Identifier: Apache-2.0
"""`scan --stream`: heads of idle devices are kept, and drivers' answers to heads."""

from __future__ import annotations

import errno
import re
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.fleets import head, inventory, write
from tests.idle import (
    IN_USE,
    MTTY,
    MTTY_2,
    ONE,
    OTHER,
    TWO_PORTS,
    Answer,
    Idle,
    IdleHost,
    mtty,
)
from vfiocompat import codes
from vfiocompat.decision.streams import Reply, head_question
from vfiocompat.endpoints import Attribute, Endpoint, MigrationInterface
from vfiocompat.errors import DeviceError
from vfiocompat.inventory import Inventory, parse_inventory
from vfiocompat.output.check import CheckDocument

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run
    from vfiocompat.endpoints import RecordedAnswer

TAKES_ALL = Answer(takes=lambda data: Reply("write", count=len(data)))
SILENT = Answer(takes=lambda _: Reply("write", errno.ETIMEDOUT))
GONE = Answer(takes=lambda _: Reply("write", errno.ENODEV, gone=True))
REST = MTTY + b"\0"
HISI = bytes.fromhex(
    "dedecadeedfeccaa 10000000 51a20000 00000000 40000000 01000000 01000000"
    "00000000 00000000"
)
ZIP = mtty(
    "0000:03:00.1",
    None,
    kind="function",
    uuid=None,
    parent=None,
    facts={"revision": "0x30"},
    driver="hisi_acc_vfio_pci",
    vendor_id="0x19e5",
    device_id="0xa251",
)
"""A function of a driver that an ask may harm."""

PLAIN = mtty(
    "0000:03:00.2",
    None,
    kind="function",
    driver="vfio-pci",
    uuid=None,
    facts={},
)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Idle:
    """Make a host with two devices that nobody uses; the site states nothing."""
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path / "etc"))
    (tmp_path / "etc").mkdir()

    def make(
        answers: dict[str, Answer] | None = None, *endpoints: Endpoint
    ) -> IdleHost:
        two = {TWO_PORTS: Answer(MTTY_2)}
        host = IdleHost(
            [mtty(ONE), mtty(TWO_PORTS, "mtty-2"), *endpoints], two | (answers or {})
        )
        for module in ("settings", "scan"):
            name = f"vfiocompat.commands.{module}.Host"
            monkeypatch.setattr(name, lambda *_, **__: host)
        return host

    return make


def read(file: Path) -> Inventory:
    return parse_inventory(file.read_bytes(), str(file))


def heads(found: Inventory) -> dict[str, str | None]:
    return {
        each.address: each.head.data if each.head else None for each in found.endpoints
    }


def said(found: Inventory, address: str = ONE) -> dict[str, bool | None]:
    [one] = [each for each in found.endpoints if each.address == address]
    return {each.about: each.accepted for each in one.answers}


def hash_of(data: bytes) -> str:
    return head_question(head(data.hex(), None))


# ---- heads -------------------------------------------------------------------------


def test_heads_of_idle_devices_are_kept_with_who_wrote_them(
    idle: Idle, run: Run
) -> None:
    idle()
    result = run("scan --stream")
    found = result.document(Inventory)
    assert heads(found) == {ONE: MTTY.hex(), TWO_PORTS: MTTY_2.hex()}
    one = found.endpoints[0].head
    assert one
    assert (one.driver, one.build_id, one.kernel, one.boot_id) == (
        *("mtty", "b1", "6.12.1"),
        found.boot_id,
    )
    assert one.taken_at == found.taken_at
    assert found.problems == []
    assert "warning[VFC528]" in result.stderr


def test_nothing_is_opened_without_stream(idle: Idle, run: Run) -> None:
    host = idle()
    assert heads(run("scan").document(Inventory)) == {ONE: None, TWO_PORTS: None}
    assert host.opened == []


def test_a_device_that_gives_no_head_is_a_problem_and_no_failure(
    idle: Idle, run: Run
) -> None:
    unreadable = DeviceError("no head (EIO)", code=codes.HEAD_NOT_READ).record
    idle({ONE: IN_USE, TWO_PORTS: Answer(head=None, error=unreadable)})
    found = run("scan --stream").document(Inventory)
    assert [(each.path, each.operation, each.code) for each in found.problems] == [
        (ONE, "stream", "VFC520"),
        (TWO_PORTS, "stream", "VFC154"),
    ]
    assert heads(found) == {ONE: None, TWO_PORTS: None}


def test_a_driver_whose_head_no_table_reads_is_not_opened(idle: Idle, run: Run) -> None:
    kind = mtty("mtty/mtty-1", kind="type", uuid=None)
    host = idle({}, PLAIN, kind)
    found = run("scan --stream").document(Inventory)
    assert host.opened == [ONE, TWO_PORTS]
    assert found.problems == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("scan --stream --sysroot /tmp", "--sysroot"),
        ("scan --despite-hazard", "is for --stream"),
        ("scan --stream --despite-hazard", "goes with --ask"),
    ],
)
def test_stream_does_not_go_with_everything(
    idle: Idle, run: Run, line: str, told: str
) -> None:
    host = idle()
    assert told in run(line, exit_code=2).stderr
    assert host.opened == []


def test_what_a_file_states_and_the_head_denies_is_left_out(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    idle()
    facts = tmp_path / "etc/facts.d/mtty.toml"
    facts.parent.mkdir()
    facts.write_text('schema = 1\n[driver.mtty]\nminor = "3"\nmajor = "1"\n')
    result = run("scan --stream", exit_code=4)
    found = result.document(Inventory)
    assert [each.stated for each in found.endpoints] == [{"major": "1"}] * 2
    assert [each.path for each in found.problems] == [str(facts)]
    assert f"minor of {ONE}: 3 is stated, and it is 0" in result.stderr
    assert run("scan").document(Inventory).endpoints[0].stated["minor"] == "3"


# ---- what is kept ------------------------------------------------------------------


def scanned_again(
    idle: Idle, run: Run, tmp_path: Path, now: dict[str, object], line: str = "scan"
) -> Inventory:
    """Scan, have the answers of a fleet, and then scan again; all may be otherwise."""
    file = tmp_path / "here.json"
    fleet = write(tmp_path / "fleet", [inventory("b", two_ports())])
    idle()
    run(f"scan --stream --ask {fleet} -o {file}")
    assert said(read(file)) == {hash_of(MTTY_2): False}
    host = idle({ONE: IN_USE})
    for name, value in now.items():
        setattr(host, name, value)
    run(f"{line} -o {file}")
    return read(file)


def two_ports() -> Endpoint:
    return mtty(OTHER, "mtty-2", head=head(MTTY_2.hex(), "mtty"))


@pytest.mark.parametrize("line", ["scan", "scan --stream"])
def test_a_head_and_answers_are_kept_within_a_boot(
    idle: Idle, run: Run, tmp_path: Path, line: str
) -> None:
    """Without --stream, and of a device that is in use now."""
    found = scanned_again(idle, run, tmp_path, {}, line)
    assert heads(found) == {ONE: MTTY.hex(), TWO_PORTS: MTTY_2.hex()}
    assert said(found) == {hash_of(MTTY_2): False}


@pytest.mark.parametrize(
    "now",
    [
        {"boot_id": "c"},
        {"boot_id": None},
        {"build_id": "b2"},
        {"build_id": None},
        {"machine_id": "b" * 32},
        {"endpoints": [mtty(ONE, "mtty-2")]},
        {"endpoints": [mtty(ONE, parent="other")]},
        {"endpoints": [mtty(ONE, driver="other")]},
        {"endpoints": [mtty(ONE, facts={"type_id": "mtty-1", "kernel": "7"})]},
    ],
)
def test_they_are_not_kept_where_the_device_may_be_another(
    idle: Idle, run: Run, tmp_path: Path, now: dict[str, object]
) -> None:
    found = scanned_again(idle, run, tmp_path, now)
    assert set(heads(found).values()) == {None}
    assert said(found) == {}


def test_a_head_of_the_future_is_not_kept(
    idle: Idle, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set back: of an inventory it would be later than the scan."""
    file = tmp_path / "here.json"
    idle()
    future = time.time() + 3600
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: future)
        run(f"scan --stream -o {file}")
    assert heads(read(file))[ONE] == MTTY.hex()
    run(f"scan -o {file}")
    assert set(heads(read(file)).values()) == {None}


def test_what_is_stated_or_in_use_does_not_matter(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    used = mtty(ONE, in_use=True, stated={"minor": "0"})
    found = scanned_again(idle, run, tmp_path, {"endpoints": [used]})
    assert heads(found) == {ONE: MTTY.hex()}
    assert said(found) == {hash_of(MTTY_2): False}


# ---- asked ahead of time -----------------------------------------------------------


def asked(
    run: Run, tmp_path: Path, *fleet: Inventory, more: str = ""
) -> tuple[Inventory, str]:
    folder = write(tmp_path / "fleet", fleet)
    result = run(f"scan --stream --ask {folder} {more}")
    return result.document(Inventory), result.stderr


def of(data: bytes, driver: str = "mtty", host: str = "b") -> Inventory:
    """Make the inventory of a host with a device that has a head."""
    device = ZIP if driver == ZIP.driver else mtty(OTHER)
    return inventory(
        host, msgspec.structs.replace(device, head=head(data.hex(), driver))
    )


def the_answer(found: Inventory) -> RecordedAnswer:
    [answer] = found.endpoints[0].answers
    return answer


def test_an_answer_to_a_head_is_recorded(idle: Idle, run: Run, tmp_path: Path) -> None:
    idle()
    found, _ = asked(run, tmp_path, of(MTTY), of(MTTY, host="c"))
    answer = the_answer(found)
    assert (answer.channel, answer.version, answer.accepted) == ("stream", None, True)
    assert answer.question == hash_of(MTTY)
    assert answer.asked_at == found.taken_at
    assert (answer.driver, answer.build_id, answer.srcversion) == ("mtty", "b1", None)
    assert (answer.kernel, answer.boot_id) == ("6.12.1", "b")
    assert said(found, TWO_PORTS) == {hash_of(MTTY): False}
    refusal = found.endpoints[1].answers[0]
    assert refusal.errno == "EFAULT"


@pytest.mark.parametrize(("device", "name"), [(TAKES_ALL, None), (SILENT, "ETIMEDOUT")])
def test_what_is_neither_yes_nor_no_is_recorded_as_that(
    idle: Idle,
    run: Run,
    tmp_path: Path,
    device: Answer,
    name: str | None,
) -> None:
    idle({ONE: device})
    found, _ = asked(run, tmp_path, of(MTTY))
    answer = the_answer(found)
    assert (answer.accepted, answer.errno) == (None, name)


def test_of_a_device_that_is_gone_or_in_use_nothing_is_recorded(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    for device in (GONE, IN_USE):
        idle({ONE: device})
        found, _ = asked(run, tmp_path, of(MTTY))
        assert said(found) == {}


def test_of_a_head_that_was_not_offered_as_it_is_only_a_refusal_is_recorded(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    """Bytes that no table reads may be anything: its own stand in their place."""
    other = MTTY[:20] + b"\x01\0\0\0"  # where mtty's table reads flags
    padding = HISI[:24] + b"\x09\0\0\0" + HISI[28:]  # where that of hisi reads none
    idle({ZIP.address: Answer(HISI)}, ZIP)
    fleet = of(padding, "hisi_acc_vfio_pci"), of(other, host="c")
    found, _ = asked(run, tmp_path, *fleet, more="--despite-hazard")
    assert said(found, ZIP.address) == {}
    assert said(found) == {hash_of(other): False}
    lower = padding[:8] + b"\x08" + padding[9:]
    found, _ = asked(
        run, tmp_path, of(lower, "hisi_acc_vfio_pci"), more="--despite-hazard"
    )
    assert said(found, ZIP.address) == {hash_of(lower): False}


def test_a_head_that_cannot_be_offered_records_nothing(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    idle()
    found, _ = asked(run, tmp_path, of(REST), of(MTTY[:-1], host="c"))
    assert said(found) == {}


def test_a_driver_that_may_be_harmed_is_asked_only_if_told_so(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    host = idle({ZIP.address: Answer(HISI)}, ZIP)
    found, told = asked(run, tmp_path, of(HISI, "hisi_acc_vfio_pci"))
    assert said(found, ZIP.address) == {}
    assert "VFC156" in told
    assert ZIP.address in host.opened  # its own head is read all the same
    found, told = asked(
        run, tmp_path, of(HISI, "hisi_acc_vfio_pci"), more="--despite-hazard"
    )
    assert said(found, ZIP.address) == {hash_of(HISI): True}
    assert "VFC156" not in told


def test_no_driver_is_given_anothers_head(idle: Idle, run: Run, tmp_path: Path) -> None:
    host = idle({ZIP.address: Answer(HISI)}, ZIP)
    asked(run, tmp_path, of(HISI, "hisi_acc_vfio_pci"), more="--despite-hazard")
    given = {each.driver: len(each.heads) for each in host.asked}
    assert given == {"mtty": 0, "hisi_acc_vfio_pci": 1}


def test_what_has_an_attribute_or_no_migration_is_given_no_head(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    there = Attribute("version", "unreadable", "EIO", "/sys/x", "device", "VFC106")
    shown = msgspec.structs.replace(there, state="present", errno=None, code=None)
    devices = (
        mtty(
            OTHER, attribute=shown, version="4348-x", newline=True, origin="attribute"
        ),
        mtty("5" * 8 + ONE[8:], migration=MigrationInterface("none")),
    )
    host = idle({}, *devices)
    asked(run, tmp_path, of(MTTY))
    assert [len(each.heads) for each in host.asked] == [1, 1, 0, 0]


def test_heads_and_strings_share_the_limit(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    host = idle()
    fleet = [of(MTTY), of(MTTY_2, host="c")]
    file = tmp_path / "here.json"
    folder = write(tmp_path / "fleet", fleet)
    numbers = []
    for _ in range(3):
        host.asked.clear()
        run(f"scan --stream --ask {folder} --ask-limit 3 -o {file}")
        numbers.append(sum(len(each.heads) for each in host.asked))
    assert numbers == [3, 1, 0]
    assert said(read(file)) == {hash_of(MTTY): True, hash_of(MTTY_2): False}


def test_answers_to_heads_that_the_fleet_still_has_stay(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    idle()
    file = tmp_path / "here.json"
    folder = write(tmp_path / "fleet", [of(MTTY), of(MTTY_2, host="c")])
    run(f"scan --stream --ask {folder} -o {file}")
    run(f"scan --ask {folder} -o {file}")
    assert len(said(read(file))) == 2
    (folder / "c.json").unlink()
    run(f"scan --ask {folder} -o {file}")
    # Its own device of two ports has the head of the host that is gone.
    assert len(said(read(file))) == 2
    write(folder, [of(MTTY[:20] + b"\x01\0\0\0", host="b")])
    idle({}).endpoints.pop()
    run(f"scan --ask {folder} -o {file}")
    assert said(read(file)) == {hash_of(MTTY): True}


# ---- and then ----------------------------------------------------------------------


def test_what_is_recorded_decides_on_another_host(
    idle: Idle, run: Run, tmp_path: Path
) -> None:
    idle()
    folder = tmp_path / "fleet"
    folder.mkdir()
    run(f"scan --stream --host a -o {folder}/")
    run(f"scan --stream --host b --ask {folder} -o {folder}/")
    ends = (
        f"inventory:{folder}/a.json#{ONE}",
        *(f"inventory:{folder}/b.json#{name}" for name in (ONE, TWO_PORTS)),
    )
    yes, no = (
        run(f"check {' '.join(ends)} --format json", exit_code=1)
        .document(CheckDocument)
        .results
    )
    assert (yes.verdict, yes.basis, yes.channel) == ("compatible", "recorded", "stream")
    assert (no.verdict, no.basis, no.channel) == ("incompatible", "recorded", "stream")
    assert yes.head is not None
    assert (yes.head.origin, yes.head.of, yes.head.stale) == ("recorded", ONE, False)
    assert yes.covered


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ({}, ""),
        ({"boot_id": "c"}, "the boot may have changed"),
        ({"build_id": "b2"}, "the driver's build may have changed"),
        ({"machine_id": "b" * 32, "boot_id": "c"}, ""),
    ],
)
def test_a_recorded_head_of_this_host_is_held_against_what_is_here_now(
    idle: Idle,
    run: Run,
    tmp_path: Path,
    now: dict[str, str],
    words: str,
) -> None:
    idle()
    file = tmp_path / "here.json"
    run(f"scan --stream -o {file}")
    host = idle({}, mtty(OTHER))
    for name, value in now.items():
        setattr(host, name, value)
    verdict, code = ("undetermined", 3) if words else ("compatible", 0)
    result = run(
        f"check --stream inventory:{file}#{ONE} {OTHER} --format json", exit_code=code
    )
    [pair] = result.document(CheckDocument).results
    assert (pair.verdict, pair.channel) == (verdict, "stream")
    assert pair.head is not None
    assert (pair.head.origin, pair.head.stale) == ("recorded", bool(words))
    assert words in result.stdout


@pytest.mark.parametrize(
    "line",
    [
        "check inventory:{0}/b.json#{1} inventory:{0}/c.json#{1}",
        "matrix {0}",
        "targets inventory:{0}/c.json#{1} {0} --same-host",
        "diff {0}/b.json {0}/b.json",
        "export prometheus {0} --host c",
    ],
)
def test_an_inventory_that_states_what_its_head_denies_is_a_problem(
    idle: Idle, run: Run, tmp_path: Path, line: str
) -> None:
    """What the head says counts."""
    idle()
    wrong = mtty(OTHER, head=head(MTTY.hex(), "mtty"), stated={"minor": "3"})
    right = mtty(OTHER, head=head(MTTY.hex(), "mtty"), stated={"minor": "0"})
    folder = write(tmp_path / "fleet", [inventory("b", wrong), inventory("c", right)])
    result = run(line.format(folder, OTHER), exit_code=4)
    assert f"{folder}/b.json: the head of the migration stream" in result.stderr
    assert f"minor of {OTHER}: 3 is stated, and it is 0" in result.stderr
    assert f"{folder}/c.json" not in result.stderr
    assert not re.search('incompatible(?!"} 0)', result.stdout)


@pytest.mark.parametrize("option", ["--fact", "--destination-fact"])
def test_an_option_must_not_state_what_a_recorded_head_denies(
    idle: Idle, run: Run, tmp_path: Path, option: str
) -> None:
    idle()
    folder = write(tmp_path / "fleet", [of(MTTY)])
    end = f"inventory:{folder}/b.json#{OTHER}"
    told = run(f"check {end} {end} {option} minor=3", exit_code=2).stderr
    assert "minor: 3 is stated, and it is 0" in told
    run(f"check {end} {end} {option} minor=0")
