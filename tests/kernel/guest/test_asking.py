# SPDX-License-Identifier: Apache-2.0
"""`check --stream` on the real kernel: every answer that a driver gives to a head."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.guest.conftest import HUNG, REPOSITORY
from tests.kernel.guest.modules import MDEVS
from tests.kernel.guest.streams import TABLES
from tests.kernel.guest.uapi import Device, State

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kernel.guest.conftest import CommandLine, Run
    from tests.kernel.guest.streams import StreamDriver

OPTIONS = tuple(
    word for path in sorted(TABLES.glob("*.toml")) for word in ("--table", str(path))
)


@pytest.fixture(autouse=True)
def _loaded(streams: StreamDriver) -> None:
    streams.load()


class Asked:
    """What `check --stream` gave for one pair."""

    def __init__(self, run: Run) -> None:
        self.code = run.code
        self.seconds = run.seconds
        self.document: dict[str, Any] = run.json
        [self.result] = self.document.get("results", [{}])

    def says(self, verdict: str, basis: str, channel: str | None = "stream") -> bool:
        found = [self.result[key] for key in ("verdict", "basis", "channel")]
        assert found == [verdict, basis, channel], self.result["diagnostics"]
        return True

    @property
    def codes(self) -> set[str]:
        return {each["code"] for each in self.result["diagnostics"]}


def ask(cli: CommandLine, *arguments: str) -> Asked:
    return Asked(cli("check", "--stream", "--format", "json", *OPTIONS, *arguments))


@pytest.mark.parametrize(
    ("source", "destination", "verdict"),
    [
        ("mtty_1", "mtty_1", "compatible"),
        ("mtty_1", "mtty_2", "incompatible"),
        ("qat_more", "qat_1", "incompatible"),
        ("qat_1", "qat_services", "incompatible"),
        ("xe_1", "xe_device", "incompatible"),
        ("xe_1", "xe_revision", "incompatible"),
    ],
)
def test_what_a_driver_says_to_a_head_decides(
    streams: StreamDriver,
    cli: CommandLine,
    source: str,
    destination: str,
    verdict: str,
) -> None:
    one, two = streams.create(source), streams.create(destination, parent=1)
    asked = ask(cli, one, two)

    assert asked.says(verdict, "driver")
    assert asked.code == (1 if verdict == "incompatible" else 0)
    assert asked.result["head"] == {"origin": "read", "of": one, "stale": False}
    assert streams.counters(two)["crashes"] == 0
    assert streams.counters(two)["overreads"] == 0
    assert streams.counters(two)["loads"] == 0
    for name in (one, two):
        assert state_of(name) == State.RUNNING


def state_of(name: str) -> State:
    with Device(name) as device:
        return device.state()


def test_the_control_and_the_head_are_offered_each_in_one_write(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_1"), streams.create("mtty_1", parent=1)
    assert ask(cli, one, two).code == 0

    counted = streams.counters(two)
    assert (counted["opens"], counted["writes"], counted["loads"]) == (1, 2, 0)
    assert len(streams.offered(two)) == 24
    counted = streams.counters(one)
    assert (counted["opens"], counted["writes"], counted["resets"]) == (1, 0, 0)


def test_what_is_in_no_head_is_left_to_the_table(
    streams: StreamDriver, cli: CommandLine
) -> None:
    """QAT's rates are in none: where they are not stated, a yes is not enough."""
    one, two = streams.create("qat_1"), streams.create("qat_1", parent=1)

    asked = ask(cli, one, two)
    assert asked.says("undetermined", "driver")
    assert asked.code == 3
    assert "VFC150" in asked.codes
    for rates, verdict, code in (("10", "compatible", 0), ("5", "incompatible", 1)):
        stated = ("--fact", "rate=10", "--destination-fact", f"rate={rates}")
        asked = ask(cli, one, two, *stated)
        assert asked.says(verdict, "driver")
        assert asked.code == code
        assert asked.result["covered"]


@pytest.mark.parametrize(
    ("kind", "fault", "found"),
    [
        ("mtty_blind", "none", "VFC152"),
        ("mtty_late", "none", "VFC152"),
        ("mtty_1", f"write {errno.ENOSPC}", "VFC153"),
        ("mtty_1", f"taken {errno.EIO}", "VFC153"),
        ("mtty_1", "taken short", "VFC153"),
        ("mtty_1", f"resuming {errno.EBUSY}", "VFC153"),
        ("mtty_1", f"pre_copy {errno.EIO}", "VFC154"),
        ("mtty_1", f"read {errno.EIO}", "VFC154"),
        ("mtty_1", "read short", "VFC154"),
        ("mtty_1", f"state {errno.EIO}", "VFC154"),
    ],
)
def test_a_driver_that_says_neither_yes_nor_no(
    streams: StreamDriver, cli: CommandLine, kind: str, fault: str, found: str
) -> None:
    one, two = streams.create("mtty_1"), streams.create(kind, parent=1)
    streams.order(two, fault)

    asked = ask(cli, one, two)
    assert asked.says("undetermined", "driver")
    assert asked.code == 3
    assert found in asked.codes
    if found == "VFC154":
        assert streams.counters(two)["writes"] == 0


def test_a_table_s_no_stands_beside_a_driver_that_does_not_check(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_2"), streams.create("mtty_blind", parent=1)
    asked = ask(cli, one, two)

    assert asked.says("incompatible", "table")
    assert asked.code == 1


def test_a_type_that_remembers_a_match_is_found_out(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_1"), streams.create("mtty_remembers", parent=1)

    assert ask(cli, one, two).says("compatible", "driver")
    again = ask(cli, one, two)
    assert again.says("undetermined", "driver")
    assert "VFC152" in again.codes


def test_a_hazard_is_taken_only_where_it_is_asked_for(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("hisi_zip8"), streams.create("hisi_zip16", parent=1)

    asked = ask(cli, one, two)
    assert "VFC156" in asked.codes
    assert asked.says("incompatible", "table", None)
    assert streams.counters(two)["writes"] == 0
    asked = ask(cli, one, two, "--despite-hazard")
    assert asked.says("incompatible", "driver")
    assert streams.counters(two)["writes"] == 2


def test_a_device_that_is_in_use_is_not_opened(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_1"), streams.create("mtty_1", parent=1)
    with Device(two):
        asked = ask(cli, one, two)
        assert asked.says("undetermined", "none", None)
        assert asked.code == 4
        assert "VFC520" in asked.codes
        asked = ask(cli, two, one)
        assert asked.code == 4
        assert "VFC520" in asked.codes
    assert streams.counters(two)["writes"] == 0


def test_a_table_decides_where_the_device_is_in_use(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_1"), streams.create("mtty_1", parent=1)
    stated = [
        word
        for option in ("--fact", "--destination-fact")
        for fact in (
            "magic=7e9d09898c3e2c4e",
            "major=1",
            "minor=0",
            "ports=1",
            "flags=0",
        )
        for word in (option, fact)
    ]
    with Device(two):
        asked = ask(cli, one, two, *stated)
    assert asked.says("compatible", "table", None)
    assert asked.code == 0
    assert "VFC520" in asked.codes


@pytest.mark.parametrize("kind", ["mtty_stuck", "mtty_stuck_noflag"])
def test_a_device_that_a_reset_does_not_bring_back(
    streams: StreamDriver, cli: CommandLine, kind: str
) -> None:
    one, two = streams.create("mtty_1"), streams.create(kind, parent=1)
    asked = ask(cli, one, two)

    assert asked.code == 4
    assert asked.result["verdict"] == "undetermined"
    assert "VFC526" in asked.codes
    writes = streams.counters(two)["writes"]
    assert writes == (0 if kind.endswith("noflag") else 1)


def test_a_reset_that_fails_is_found_before_anything_is_offered(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_1"), streams.create("mtty_sticky", parent=1)
    streams.order(two, f"reset {errno.ENOTTY}")
    asked = ask(cli, one, two)

    assert "VFC527" in asked.codes
    assert streams.counters(two)["writes"] == 0
    assert state_of(two) == State.RUNNING


@pytest.mark.parametrize("how", ["killable", "hang"])
def test_a_write_that_hangs_costs_one_time_out(
    streams: StreamDriver, cli: CommandLine, how: str
) -> None:
    one, two = streams.create("mtty_1"), streams.create("mtty_1", parent=1)
    quick = ask(cli, "--timeout", "3", one, two).seconds
    streams.order(two, f"write {how}")
    asked = ask(cli, "--timeout", "3", one, two)

    assert asked.says("undetermined", "driver")
    assert asked.code == 3
    assert "VFC153" in asked.codes
    assert asked.seconds - quick < 1.5 * 3
    streams.order(two, "none")


def test_what_an_earlier_user_left_resuming_is_reset_first(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_sticky"), streams.create("mtty_sticky", parent=1)
    for name in (one, two):
        with Device(name) as device:
            device.to(State.RESUMING)
    assert ask(cli, one, two).says("compatible", "driver")
    for name in (one, two):
        assert streams.counters(name)["crashes"] == 0
        assert state_of(name) == State.RUNNING


def test_who_may_not_open_a_device_is_told_so(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_1"), streams.create("mtty_1", parent=1)
    run = cli("check", "--stream", *OPTIONS, one, two, user=65534)

    assert run.code == 4
    assert "VFC521" in run.stdout + run.stderr
    assert streams.counters(one)["opens"] == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("version:8086-vcs-mtty:x", "DEVICE"), 3),
        (("mtty0/vcs-mtty_1", "DEVICE"), 3),
        (("DEVICE", "mtty1/vcs-mtty_1"), 3),
        (("--sysroot", "/", "DEVICE", "DEVICE"), 0),
        (("--sysroot", "/proc/1/root", "DEVICE", "DEVICE"), 2),
        (("--table-only", "DEVICE", "DEVICE"), 2),
    ],
)
def test_what_is_not_asked_by_its_stream(
    streams: StreamDriver, cli: CommandLine, arguments: tuple[str, ...], code: int
) -> None:
    name = streams.create("mtty_1")
    given = [name if word == "DEVICE" else word for word in arguments]
    run = cli("check", "--stream", *OPTIONS, *given)

    assert run.code == code, run.stdout + run.stderr
    if code:
        assert streams.counters(name)["writes"] == 0


def test_a_driver_that_no_table_reads_is_not_opened(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_1"), streams.create("mtty_1", parent=1)
    run = cli("check", "--stream", "-v", one, two)

    assert run.code == 3
    assert "VFC155" in run.stdout
    assert streams.counters(one)["opens"] == streams.counters(two)["opens"] == 0


def test_another_family_s_bytes_are_never_offered(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, two = streams.create("mtty_1"), streams.create("qat_1")
    asked = ask(cli, one, two)

    assert asked.result["channel"] is None
    assert streams.counters(two)["writes"] == 0


def test_a_sibling_s_head_stands_for_that_of_a_device_in_use(
    streams: StreamDriver, cli: CommandLine
) -> None:
    one, idle = streams.create("mtty_1"), streams.create("mtty_1")
    two, other = streams.create("mtty_1", parent=1), streams.create("mtty_2")
    with Device(one):
        asked = ask(cli, "--sibling", idle, one, two)
        assert asked.says("compatible", "driver")
        assert asked.result["head"]["origin"] == "sibling"
        assert asked.result["head"]["of"] == idle
        assert "VFC158" in asked.codes
        refused = cli("check", "--stream", *OPTIONS, "--sibling", other, one, two)
        assert refused.code == 2
    alone = streams.create("hisi_zip8"), streams.create("hisi_zip8")
    refused = cli("check", "--stream", *OPTIONS, "--sibling", *alone, *alone[:1])
    assert refused.code == 2


def test_many_destinations_are_asked_beside_each_other(
    streams: StreamDriver, cli: CommandLine
) -> None:
    """Each is in a group of its own: all of them hanging costs no more than a few."""
    one = streams.create("mtty_1")
    many = [streams.create("mtty_1", parent=1) for _ in range(32)]
    words = ("check", "--stream", *OPTIONS, "--timeout", "3", "--format", "json")
    quick = cli(*words, one, *many).seconds
    for name in many:
        streams.order(name, "write killable")
    run = cli(*words, one, *many)
    for name in many:
        streams.order(name, "none")

    assert [each["verdict"] for each in run.json["results"]] == ["undetermined"] * 32
    assert run.seconds - quick < 3 * len(many) / 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_asks_that_are_killed_leave_devices_usable(
    streams: StreamDriver, cli: CommandLine, number: signal.Signals
) -> None:
    """At instants over the whole run; the next ask resets what SIGKILL left."""
    one = streams.create("mtty_sticky")
    two = streams.create("mtty_sticky", parent=1)
    script = (
        "import sys; from vfiocompat.cli import main; "
        "print(flush=True); main(sys.argv[1:])"
    )
    for turn in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", script, "check", "--stream", *OPTIONS, one, two],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=REPOSITORY,
            start_new_session=True,
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.4 * turn)
        os.killpg(child.pid, number)
        child.stdout.close()
        child.wait()
    assert ask(cli, one, two).says("compatible", "driver")
    for name in (one, two):
        assert streams.counters(name)["crashes"] == 0
        assert state_of(name) == State.RUNNING


def test_a_scan_keeps_heads_and_what_drivers_say_of_a_fleet_s(
    streams: StreamDriver, cli: CommandLine, tmp_path: Path
) -> None:
    """A device in use is an entry in `problems`, and no failure."""
    one, two = streams.create("mtty_1"), streams.create("mtty_2", parent=1)
    used = streams.create("mtty_1", parent=1)
    scan = ("scan", "--stream", *OPTIONS, "--format", "json")
    with Device(used):
        found = cli(*scan)
    assert found.code == 0, found.stderr
    heads = {
        each["address"]: each["head"]["data"]
        for each in found.json["endpoints"]
        if each.get("head")
    }
    assert set(heads) == {one, two}
    assert "VFC520" in {each["code"] for each in found.json["problems"]}

    fleet = tmp_path / "fleet"
    fleet.mkdir()
    (fleet / "here.json").write_text(found.stdout, encoding="utf-8")
    asked = cli(*scan, "--ask", str(fleet))
    assert asked.code == 0, asked.stderr
    answers = {
        each["address"]: {
            answer["question"]: answer["accepted"] for answer in each["answers"]
        }
        for each in asked.json["endpoints"]
        if each["answers"]
    }
    questions = {
        name: sha256(bytes.fromhex(data)).hexdigest() for name, data in heads.items()
    }
    assert answers[one] == {questions[one]: True, questions[two]: False}
    assert answers[two] == {questions[one]: False, questions[two]: True}

    (fleet / "here.json").write_text(asked.stdout, encoding="utf-8")
    ends = [f"inventory:{fleet}/here.json#{name}" for name in (one, two)]
    said = Asked(cli("check", *OPTIONS, "--format", "json", *ends))
    assert said.says("incompatible", "recorded")
    for name in (one, two, used):
        assert state_of(name) == State.RUNNING


def test_a_scan_passes_over_what_an_earlier_one_left_open(
    streams: StreamDriver, cli: CommandLine, tmp_path: Path
) -> None:
    """The process that hangs has the device open: why is told, and not who uses it."""
    one, two = streams.create("mtty_1"), streams.create("mtty_1", parent=1)
    scan = ("scan", "--stream", *OPTIONS, "--timeout", "2", "-o", f"{tmp_path}/x.json")

    def problems() -> dict[str, str]:
        assert cli(*scan).code == 0
        found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
        return {each["path"]: each["code"] for each in found["problems"]}

    streams.order(two, "read hang")
    assert problems() == {two: "VFC112"}
    assert problems() == {two: "VFC115"}
    assert streams.counters(two)["opens"] == 1
    assert streams.counters(one)["opens"] == 2
    streams.order(two, "none")
    start = time.monotonic()
    while problems():  # the process ends by itself now
        assert time.monotonic() - start < HUNG
    assert state_of(two) == State.RUNNING


def test_the_question_is_the_head_itself(
    streams: StreamDriver, cli: CommandLine
) -> None:
    """What is offered are the very bytes that the source's driver gave."""
    one, two = streams.create("mtty_1"), streams.create("mtty_1", parent=1)
    with Device(one) as device:
        head = os.read(device.to(State.PRE_COPY), 24)
    assert ask(cli, one, two).code == 0
    assert sha256(streams.offered(two)).digest() == sha256(head).digest()
    assert MDEVS.joinpath(two).exists()
