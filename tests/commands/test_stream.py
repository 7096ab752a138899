# SPDX-License-Identifier: Apache-2.0
"""`--stream`: idle devices asked by the heads of their migration streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.idle import (
    BUSY,
    MTTY_2,
    ONE,
    OTHER,
    STRING,
    THIRD,
    TWO_PORTS,
    Answer,
    IdleHost,
    mtty,
)
from vfiocompat import codes
from vfiocompat.endpoints import Attribute
from vfiocompat.errors import DeviceError
from vfiocompat.output.get import GetDocument

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run
    from vfiocompat.endpoints import Endpoint

IN_USE = Answer(head=None, error=BUSY)
UNREADABLE = Answer(
    head=None, error=DeviceError("no head (EIO)", code=codes.HEAD_NOT_READ).record
)
DEVICES = (mtty(ONE), mtty(OTHER), mtty(THIRD), mtty(TWO_PORTS, "mtty-2"))
PLAIN = mtty("0000:03:00.1", kind="function", driver="vfio-pci", uuid=None)
"""A function of a driver whose head no table reads."""


class Idle(Protocol):
    def __call__(
        self, answers: dict[str, Answer] = ..., *endpoints: Endpoint
    ) -> IdleHost: ...


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
