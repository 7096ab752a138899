# SPDX-License-Identifier: Apache-2.0
"""How a fleet, and an endpoint in it, are found by their names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.fleets import answer, endpoint, inventory, write

from .hosts import PAIR, SOURCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Host, Run

A, B = "1ac1-a", "1ac1-b"
UUIDS = [f"83b8f4f2-509f-382f-3c1e-e6bfe0fa100{at}" for at in range(3)]
GPU = "0000:3b:00.0"


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Give two hosts, of which `there` takes the string of `here`s."""
    mdevs = [endpoint(each, A, kind="mdev", parent=GPU) for each in UUIDS]
    took = (answer(A, accepted=True),)
    return write(
        tmp_path / "fleet",
        [
            inventory("home", endpoint(f"{GPU}/t", A), endpoint("p/t", A), *mdevs[:1]),
            inventory("there", endpoint(f"{GPU}/t", B, answers=took), *mdevs[1:]),
        ],
    )


@pytest.fixture
def known(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the fleet named by the environment, one file twice."""
    monkeypatch.setenv("VFIOCOMPAT_FLEET", f"{fleet}:{fleet}/home.json:")
    return fleet


# ---- VFIOCOMPAT_FLEET ------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "exit_code"),
    [
        ("targets inventory:{0}/home.json#p/t", 0),
        ("targets inventory:{0}/home.json#p/t --host there", 0),
        ("matrix", 0),
        ("matrix --hosts --format json", 0),
        ("matrix --host there", 0),
        ("export nfd --host there", 0),
    ],
)
def test_the_variable_stands_for_a_fleet(
    run: Run, known: Path, monkeypatch: pytest.MonkeyPatch, line: str, exit_code: int
) -> None:
    line = line.format(known)
    by_variable = run(line, exit_code=exit_code)
    monkeypatch.delenv("VFIOCOMPAT_FLEET")
    named = run(f"{line} {known}", exit_code=exit_code)
    assert by_variable.stdout == named.stdout != ""
    assert by_variable.stderr == named.stderr


@pytest.mark.parametrize("command", ["matrix", "targets version:1ac1-a"])
def test_a_host_that_is_not_there_is_told_with_the_nearest(
    run: Run, fleet: Path, command: str
) -> None:
    said = run(f"{command} {fleet} --host ther", exit_code=4).stderr
    assert "no host ther" in said
    assert "there are there" in said


@pytest.mark.usefixtures("known")
def test_a_fleet_that_is_named_counts_alone(run: Run, fleet: Path) -> None:
    line = f"targets inventory:{fleet}/home.json#p/t {fleet}/home.json"
    assert "there" not in run(line, exit_code=1).stdout


@pytest.mark.usefixtures("known")
def test_here_is_this_host_all_the_same(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    assert "acme-destination" in run(f"targets {SOURCE} here").stdout
    assert "acme-destination" not in run(f"targets {SOURCE}").stdout
    said = run(f"targets {SOURCE} here other.json", exit_code=2).stderr
    assert "here is this host alone" in said
    run(f"targets {SOURCE} here --host there", exit_code=2)


@pytest.mark.parametrize("line", ["matrix", "report", "export nfd", "vm domain:x.xml"])
def test_without_any_fleet_the_variable_is_told(run: Run, line: str) -> None:
    assert "or set VFIOCOMPAT_FLEET" in run(line, exit_code=2).stderr


def test_without_the_variable_targets_is_about_this_host(
    shared_host: Host, run: Run
) -> None:
    shared_host(PAIR)
    assert "acme-destination" in run(f"targets {SOURCE}").stdout


@pytest.mark.parametrize(
    "line", ["matrix", "report", "export nfd", "targets version:1ac1-a"]
)
def test_an_error_says_where_the_name_is_from(
    run: Run, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_FLEET", "/nowhere")
    said = run(line, exit_code=4).stderr
    assert "cannot read /nowhere" in said
    assert "VFIOCOMPAT_FLEET names this fleet" in said
    said = run(f"{line} /nothing", exit_code=4).stderr
    assert "VFIOCOMPAT_FLEET" not in said


def test_scan_asks_about_the_fleet_of_the_variable(
    shared_host: Host, run: Run, monkeypatch: pytest.MonkeyPatch, fleet: Path
) -> None:
    shared_host(PAIR)
    assert "or set VFIOCOMPAT_FLEET" in run("scan --ask", exit_code=2).stderr
    monkeypatch.setenv("VFIOCOMPAT_FLEET", f"{fleet}")
    assert '"accepted":true' in run("scan --ask").stdout
    assert '"accepted"' not in run("scan").stdout


# ---- HOST:ADDRESS ----------------------------------------------------------------


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("address", [f"home:{GPU}/t", "home:83b8", f"home:{UUIDS[0]}"])
def test_an_endpoint_of_a_host_is_found(run: Run, address: str) -> None:
    [result] = run(f"check {address} there:{GPU}/t --format json").json["results"]
    assert (result["source"]["host"], result["destination"]["host"]) == (
        "home",
        "there",
    )
    assert result["basis"] == "recorded"


@pytest.mark.usefixtures("known")
def test_every_command_takes_it(run: Run) -> None:
    assert run(f"get home:{GPU}/t there:{GPU}/t").stdout == (
        f"home:{GPU}/t\t{A}\nthere:{GPU}/t\t{B}\n"
    )
    run("device home:83b8")
    assert run("targets home:83b8").stdout.startswith("compatible\tthere\t")


def test_the_commands_fleet_counts_first(
    run: Run, known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write(tmp_path / "other", [inventory("new", endpoint("p/t", A))])
    run(f"targets new:p/t {other} {known}")
    run(f"targets home:p/t {other}", exit_code=3)
    monkeypatch.delenv("VFIOCOMPAT_FLEET")
    run(f"targets home:p/t {known}")


def test_of_two_inventories_of_a_host_the_newest_counts(run: Run, known: Path) -> None:
    newer = inventory("home", endpoint("p/new", A), taken_at="2026-11-02T00:00:00Z")
    (known / "a.json").write_bytes(msgspec.json.encode(newer))
    older = str(known / "home.json")
    for line in ("get home:p/new", "check home:p/new home:p/new"):
        told = run(line, exit_code=4)
        assert f"{older} is of host home, as {known}/a.json is" in told.stderr
    assert run("get home:p/new", exit_code=4).stdout == f"{A}\n"
    for command in ("get", f"check version:{A}", "targets"):
        told = run(f"{command} home:p/new --format json", exit_code=4)
        assert (older, "VFC408") in {
            (each["path"], each["code"]) for each in told.json["problems"]
        }
    newer = inventory(
        "home", endpoint(UUIDS[0], A, kind="mdev"), taken_at="2026-11-03T00:00:00Z"
    )
    (known / "b.json").write_bytes(msgspec.json.encode(newer))
    assert "VFC408" in run("device home:83b8", exit_code=4).stderr


def test_two_inventories_of_another_host_are_no_matter(run: Run, known: Path) -> None:
    (known / "a.json").write_bytes((known / "there.json").read_bytes())
    assert not run("get home:p/t").stderr


@pytest.mark.parametrize("text", ["", "{", '{"schema": "vfiocompat.inventory/1", "ho'])
def test_a_file_that_names_no_host_is_told(run: Run, known: Path, text: str) -> None:
    """It may be the newest of the host: what rests on an older one is known by that."""
    (known / "x.json").write_text(text)
    took = f"there:{GPU}/t"
    for line in (
        f"check home:p/t {took}",
        f"get {took}",
        f"targets home:p/t {known} --host there",
    ):
        told = run(line)
        assert "info[VFC415]" in told.stderr, line
        assert f"{known}/x.json names no host" in told.stderr
    told = run(f"targets home:p/t {known} --host there --format json")
    assert {(each["path"], each["code"]) for each in told.json["problems"]} == {
        (f"{known}/x.json", "VFC415")
    }


def test_a_host_that_is_told_late_in_its_file_is_found(
    run: Run, known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_FLEET", f"{known}")
    document = json.loads((known / "home.json").read_bytes())
    late = {"endpoints": document["endpoints"], "pad": "x" * 5000} | document
    (known / "home.json").unlink()
    (known / "other.json").write_text(json.dumps(late))
    assert run("get home:p/t").stdout == f"{A}\n"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("hom:p/t", ("no host hom", "VFIOCOMPAT_FLEET", "there is home")),
        ("home:p/x", ("host home has no p/x", "there is p/t")),
        ("there:83b8", ("host there has several of 83b8", UUIDS[1], UUIDS[2])),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest(
    run: Run, address: str, said: tuple[str, ...]
) -> None:
    errors = run(f"targets {address}", exit_code=4).stderr
    assert all(text in errors for text in said)
    result = run(f"check home:p/t {address} there:{GPU}/t --format json", exit_code=4)
    assert [each["verdict"] for each in result.json["results"]] == [
        "undetermined",
        "compatible",
    ]


def test_a_broken_inventory_of_the_host_is_told(run: Run, known: Path) -> None:
    (known / "there.json").write_text('{"host": "there"')
    assert "there.json" in run("get there:p/t", exit_code=4).stderr
    assert run("get home:p/t").stdout == f"{A}\n"


@pytest.mark.parametrize("text", ["", "{}", '{"host": "home", "endp'])
def test_no_older_inventory_stands_for_a_broken_one(
    run: Run, known: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_FLEET", str(known))
    (known / "home.json").rename(known / "a.json")
    run("get home:p/t")
    (known / "home.json").write_text(text)
    assert "home.json" in run("check home:p/t home:p/t", exit_code=4).stderr
    assert run("check version:x home:p/t", exit_code=4).stdout.startswith("undeterm")


@pytest.mark.parametrize("late", [False, True])
def test_a_host_is_the_one_that_the_inventory_names_itself(
    run: Run, known: Path, *, late: bool
) -> None:
    """What else is called host at its beginning is something else's."""
    newer = inventory("home", endpoint("p/new", A), taken_at="2026-11-02T00:00:00Z")
    document = json.loads(msgspec.json.encode(newer))
    document["tool"]["host"] = "another"
    document["problems"] = [
        {"path": "", "operation": "", "errno": None, "code": "", "host": "another"}
    ]
    if late:
        document = {name: document[name] for name in sorted(document, reverse=True)}
    (known / "a.json").write_text(json.dumps(document))
    assert run("get home:p/new", exit_code=4).stdout == f"{A}\n"  # there are two
    broken = json.dumps(document)[:-2]
    (known / "a.json").write_text(broken)
    if not late:
        assert "a.json" in run("get home:p/t", exit_code=4).stderr


def test_without_a_fleet_it_is_said_how_to_name_one(run: Run) -> None:
    said = run("get home:p/t", exit_code=4).stderr
    assert "VFIOCOMPAT_FLEET names one" in said
