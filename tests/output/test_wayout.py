# SPDX-License-Identifier: Apache-2.0
"""What is to be typed where facts are missing works as it is printed."""

from __future__ import annotations

import re
import shlex
import time
import tomllib
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.fleets import answer, endpoint, function, inventory, write
from tests.machines import domain_file, mdev, told_to_migrate, uuids

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run, RunOnTerminal
    from vfiocompat.endpoints import Endpoint

KNOWN = {"queue_pairs": "16", "isolation": "0", "magic": "v2", "major": "1"}
IDS = {
    "driver": "hisi_acc_vfio_pci",
    "vendor_id": "0x19e5",
    "device_id": "0xa251",
    "facts": {"vendor_id": "0x19e5", "device_id": "0xa251", "revision": "0x30"},
}


def fleet(folder: Path, *names: str) -> list[str]:
    """Write hosts with one function each, of which nothing is stated."""
    hosts = [
        inventory(name, function("0000:75:00.1", None, stated={}, **IDS))
        for name in names
    ]
    write(folder, hosts)
    return [f"inventory:{folder}/{name}.json" for name in names]


def told_in(run: Run, line: str, exit_code: int) -> tuple[str, str]:
    """Give the command and the file that are printed."""
    said = run(line, exit_code=exit_code).stdout
    _, _, rest = said.partition("state what is missing and ask again:\n")
    command, _, text = rest.partition(
        "or for good, in a file of /etc/vfiocompat/facts.d:"
    )
    return command.strip(), text


def test_the_line_with_values_in_it_decides(run: Run, tmp_path: Path) -> None:
    source, *others = fleet(tmp_path / "a fleet", "a", "b", "c")
    line = shlex.join(["check", source, *others])
    command, _ = told_in(run, line, 3)
    for name, value in KNOWN.items():
        assert f"--fact {name}=VALUE" in command
        command = command.replace(f"{name}=VALUE", f"{name}={value}")
    assert "VALUE" not in command
    assert run(command.removeprefix("vfiocompat "), exit_code=0).stdout.count("\n") == 3


def test_the_file_is_one_of_facts_and_names_every_endpoint(
    run: Run, tmp_path: Path
) -> None:
    source, other = fleet(tmp_path / "f", "a", "b")
    _, text = told_in(run, f"check {source} {other}", 3)
    text, _, scans = text.partition("then scan again, ")
    assert text.count('    # on a, b:\n    [endpoint."0000:75:00.1"]\n') == 1
    stated = tomllib.loads(text)
    assert stated["schema"] == 1
    facts = stated["endpoint"]["0000:75:00.1"]
    assert {*KNOWN} <= {*facts}
    assert {*facts.values()} == {"?"}  # the value of no field: it makes no yes
    assert scans == f"on a, b:\n    vfiocompat scan -o {tmp_path}/f/\n"


@pytest.mark.parametrize("line", ["version:8086-a version:8086-b", "version:1ac1-a {}"])
def test_nothing_is_said_where_nothing_can_be_stated(
    run: Run, tmp_path: Path, line: str
) -> None:
    [other] = fleet(tmp_path / "f", "a")
    result = run(f"check {line.format(other)}", exit_code=3 if "8086" in line else 1)
    assert "state what is missing" not in result.stdout


def test_the_folder_is_that_of_the_site(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path))
    source, other = fleet(tmp_path / "f", "a", "b")
    said = run(f"check {source} {other}", exit_code=3).stdout
    assert f"or for good, in a file of {tmp_path}/facts.d:\n" in said


def test_the_document_names_what_is_missing(run: Run, tmp_path: Path) -> None:
    source, other = fleet(tmp_path / "f", "a", "b")
    document = run(f"check {source} {other} --format json", exit_code=3).json
    found = {
        (each["side"], each["fact"])
        for finding in document["results"][0]["diagnostics"]
        for each in finding["missing"]
    }
    assert {
        (side, name) for side in ("source", "destination") for name in KNOWN
    } <= found


# ---- of a fleet ------------------------------------------------------------------

A = "1ac1-a"
LACKING = function("0000:75:00.1", None, stated={}, **IDS)
ASKED = endpoint("p/t", A)
TAKER = endpoint("p/u", "1ac1-b")


def of_fleet(folder: Path, number: int, *endpoints: Endpoint) -> Path:
    """Write hosts that have the same endpoints."""
    names = [f"node-{at:04}" for at in range(number)]
    return write(folder, [inventory(name, *endpoints) for name in names])


def file_in(text: str) -> dict[str, Any]:
    """Read the file of facts in what is told; every pasted line is indented."""
    lines = text.partition("facts.d:\n")[2].splitlines()
    pasted = takewhile(lambda line: line.startswith("    "), lines)
    return tomllib.loads("\n".join(pasted))


def test_targets_take_the_line_where_the_source_alone_lacks_facts(
    run: Run, tmp_path: Path
) -> None:
    full = function("0000:75:00.2", None, stated=KNOWN, **IDS)
    folder = write(tmp_path / "f", [inventory("a", LACKING), inventory("b", full)])
    line = f"targets inventory:{folder}/a.json {folder}"
    [command] = re.findall(
        r"^    vfiocompat (targets .*)$", run(line, exit_code=3).stderr, re.MULTILINE
    )
    for name, value in KNOWN.items():
        command = command.replace(f"{name}=VALUE", f"{name}={value}")
    assert "VALUE" not in command
    assert run(command).stdout.startswith("compatible\tb\t0000:75:00.2")


def test_targets_state_nothing_by_options_that_they_have_not(
    run: Run, tmp_path: Path
) -> None:
    folder = of_fleet(tmp_path / "f", 2, LACKING)
    said = run(f"targets inventory:{folder}/node-0000.json {folder}", exit_code=3)
    assert "--fact" not in said.stderr
    assert {*file_in(said.stderr)["endpoint"]["0000:75:00.1"]} == {*KNOWN}
    assert said.stderr.endswith(
        f"then scan again, on node-0000, node-0001:\n    vfiocompat scan -o {folder}/\n"
    )


@pytest.mark.parametrize(
    "line", ["targets {}/node-0000.json#0000:75:00.1 {}", "matrix {}"]
)
def test_a_thousand_hosts_are_told_of_in_a_few_lines(
    run: Run, tmp_path: Path, line: str
) -> None:
    other = msgspec.structs.replace(LACKING, address="0000:75:00.2")
    folder = of_fleet(tmp_path / "f", 1000, LACKING, other)
    line = line.replace("{}/", f"inventory:{folder}/").replace("{}", str(folder))
    said = run(line, exit_code=3 if "targets" in line else 0).stderr
    assert len(said.splitlines()) < 20
    assert {*file_in(said)} == {"schema", "driver"}
    assert {*file_in(said)["driver"]["hisi_acc_vfio_pci"]} == {*KNOWN}
    assert re.search(
        r"# on node-000\d, node-000\d, node-000\d and 99[67] more:\n", said
    )


@pytest.mark.parametrize(
    "line", ["targets inventory:{f}/node-0000.json#p/t {f}", "matrix {f}"]
)
def test_drivers_that_have_not_answered_are_asked_by_one_command(
    run: Run, tmp_path: Path, line: str
) -> None:
    folder = of_fleet(tmp_path / "f", 3, ASKED, TAKER)
    said = run(line.format(f=folder), exit_code=3 if "targets" in line else 0).stderr
    first = "" if "targets" in line else "node-0000, "
    assert said.endswith(
        f"vfiocompat: ask the drivers, on {first}node-0001, node-0002:\n"
        f"    vfiocompat scan --ask {folder} -o {folder}/\n"
    )


def test_each_host_writes_where_its_inventory_is(run: Run, tmp_path: Path) -> None:
    folders = [
        write(tmp_path / name, [inventory(name, ASKED, TAKER)]) for name in "abcde"
    ]
    said = run(f"matrix {' '.join(map(str, folders))}").stderr
    for folder in folders[:3]:
        assert f"ask the drivers, on {folder.name}:\n" in said
        assert f" -o {folder}/\n" in said
    assert said.endswith("and so on 2 more hosts, each into its own file\n")


def test_what_is_too_old_is_scanned_again(run: Run, tmp_path: Path) -> None:
    old = "2020-01-01T00:00:00Z"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    folder = write(
        tmp_path / "f",
        [
            inventory("a", ASKED, taken_at=now),
            inventory("b", TAKER, taken_at=old),
            inventory("c", endpoint("p/none", None), taken_at=old),
        ],
    )
    said = run(
        f"targets inventory:{folder}/a.json {folder} --max-age 1d", exit_code=3
    ).stderr
    assert f"scan again, on c:\n    vfiocompat scan -o {folder}/\n" in said
    assert "ask the drivers, on b:\n" in said


def test_a_literal_cannot_be_asked_about_by_itself(run: Run, tmp_path: Path) -> None:
    folder = of_fleet(tmp_path / "f", 1, ASKED, TAKER)
    told = "FLEET needs a host that has the source's string"
    assert told not in run(f"targets version:{A} {folder}", exit_code=3).stderr
    assert told in run(f"targets version:1ac1-z {folder}", exit_code=3).stderr


def test_a_difference_tells_what_would_decide_a_path_that_is_not_known_any_more(
    run: Run, tmp_path: Path
) -> None:
    full = msgspec.structs.replace(LACKING, stated=KNOWN)
    took = msgspec.structs.replace(TAKER, answers=(answer(A, accepted=True),))
    before = [inventory("a", full, ASKED), inventory("b", full, took)]
    after = [inventory("a", full, ASKED), inventory("b", LACKING, TAKER)]
    old, new = write(tmp_path / "old", before), write(tmp_path / "new", after)

    said = run(f"diff {old} {new}", exit_code=3).stderr

    assert file_in(said)["endpoint"] == {LACKING.address: dict.fromkeys(KNOWN, "?")}
    assert "    # on b:\n" in said
    assert said.endswith(
        f"ask the drivers, on b:\n    vfiocompat scan --ask {new} -o {new}/\n"
    )
    assert "state" not in run(f"diff {new} {old}").stderr
    assert run(f"diff {old} {new} --format json", exit_code=3).stderr == ""


def test_a_difference_of_one_host_says_that_it_is_of_that_alone(
    run: Run, tmp_path: Path
) -> None:
    hosts = [inventory("a", ASKED), inventory("b", TAKER)]
    old, new = write(tmp_path / "old", hosts), write(tmp_path / "new", hosts)
    within = "only paths within a were compared: name two folders"

    assert within in run(f"diff {old}/a.json {new}/a.json").stderr
    assert within not in run(f"diff {old} {new}").stderr
    assert within not in run(f"diff {old}/a.json {new}/b.json").stderr
    assert within not in run(f"diff {old}/a.json {new}").stderr


def test_nothing_is_told_where_all_is_known(run: Run, tmp_path: Path) -> None:
    full = function("0000:75:00.2", None, stated=KNOWN, **IDS)
    folder = of_fleet(tmp_path / "f", 2, full)
    assert run(f"matrix {folder}").stderr.count("\n") == 1


def test_a_vm_is_told_what_qemu_has_to_know_of_its_devices(
    run: Run, tmp_path: Path
) -> None:
    one, two = uuids(2)
    devices = [mdev(each, A, stated={}) for each in (one, two)]
    here = write(tmp_path / "from", [inventory("a", *devices)])
    there = of_fleet(tmp_path / "to", 2, TAKER)
    vm = domain_file(tmp_path, one, two)
    said = run(f"vm {vm} --from {here} {there}", exit_code=3).stderr
    stated = file_in(said)["driver"]["acme"]
    assert {*stated} == {"migration_flags", "dirty_tracking"}
    assert f"then scan again, on a:\n    vfiocompat scan -o {here}/\n" in said
    assert said.endswith(
        "ask the drivers, on node-0000, node-0001:\n"
        f"    vfiocompat scan --ask {there} {here} -o {there}/\n"
    )


def test_a_vm_is_told_of_no_option_that_it_has_not(run: Run, tmp_path: Path) -> None:
    here = write(tmp_path / "from", [inventory("a", LACKING)])
    there = of_fleet(tmp_path / "to", 1, LACKING)
    vm = domain_file(tmp_path, LACKING.address, after=told_to_migrate())
    said = run(f"vm {vm} --from {here} {there}", exit_code=3)
    text = said.stdout + said.stderr
    assert "state queue_pairs of the source and the destination" in text
    assert "--fact" not in text
    assert "--destination-fact" not in text
    facts = {*file_in(text)["endpoint"][LACKING.address]}
    assert facts == {*KNOWN}


def test_a_terminal_has_the_same_below_all_else(
    run_on_terminal: RunOnTerminal, tmp_path: Path
) -> None:
    folder = of_fleet(tmp_path / "f", 2, ASKED, TAKER)
    for line in (f"matrix {folder}", f"matrix --pairs {folder}"):
        shown = run_on_terminal(line).colorless
        assert shown.endswith(
            "\n\nask the drivers, on node-0000, node-0001:\n"
            f"    vfiocompat scan --ask {folder} -o {folder}/\n"
        )


def test_what_several_destinations_lack_apart_is_in_the_file_alone(
    run: Run, tmp_path: Path
) -> None:
    some = function("0000:75:00.3", None, stated={"magic": "v2"}, **IDS)
    folder = write(
        tmp_path / "f",
        [inventory("a", LACKING), inventory("b", LACKING), inventory("c", some)],
    )
    names = " ".join(f"inventory:{folder}/{name}.json" for name in "abc")
    said = run(f"check {names}", exit_code=3).stdout
    assert "ask again" not in said
    stated = file_in(said)["endpoint"]
    assert {*stated["0000:75:00.3"]} == {*KNOWN} - {"magic"}
