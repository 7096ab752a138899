# SPDX-License-Identifier: Apache-2.0
"""`check inventory:`, `targets`, `matrix` and `diff`, on files of a fleet."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.fleets import QAT_1, QAT_2, answer, endpoint, inventory, qat, write
from vfiocompat.export.nova import trait
from vfiocompat.output.check import CheckDocument
from vfiocompat.output.diff import DiffDocument
from vfiocompat.output.matrix import MARKS, MatrixDocument
from vfiocompat.output.targets import TargetsDocument

from .hosts import PAIR

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Host, Run, RunOnTerminal

A = "1ac1-a"
B = "1ac1-b"
ACCEPTED = (answer(A, accepted=True),)
REFUSED = (answer(A, accepted=False),)
UNSURE = (answer(A, accepted=None),)


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Give three hosts: b took a's string, c refused it and was not asked of all."""
    return write(
        tmp_path / "fleet",
        [
            inventory(
                "a",
                endpoint("p/t", A),
                endpoint("p/u", A, answers=ACCEPTED),
                endpoint("uuid", A, kind="mdev", parent="p", type_id="t"),
            ),
            inventory(
                "b",
                endpoint("p/t", B, answers=ACCEPTED, available_instances=0),
                endpoint("p/none", None),
                qat("0000:03:00.1", QAT_1),
            ),
            inventory(
                "c",
                endpoint("p/t", B, answers=REFUSED),
                endpoint("p/u", B, answers=UNSURE),
                endpoint("p/v", B),
                qat("0000:03:00.2", QAT_2),
            ),
        ],
    )


@pytest.fixture
def source(fleet: Path) -> str:
    return f"inventory:{fleet}/a.json#p/t"


# ---- check -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "said", "exit_code"),
    [
        ("b.json#p/t", ("compatible", "recorded", "VFC132"), 0),
        ("c.json#p/t", ("incompatible", "recorded", "VFC133"), 1),
        ("c.json#p/u", ("undetermined", "recorded", "VFC134"), 3),
        ("c.json#p/v", ("undetermined", "none", "VFC405"), 3),
        ("b.json#p/none", ("undetermined", "none", "VFC102"), 3),
        ("c.json#0000:03:00.2", ("incompatible", "none", "VFC304"), 1),
        ("c.json#p/w", ("undetermined", "none", "VFC504"), 4),
        ("d.json#p/t", ("undetermined", "none", "VFC401"), 4),
    ],
)
def test_recorded_answers_decide(
    run: Run, fleet: Path, there: str, said: tuple[str, str, str], exit_code: int
) -> None:
    line = f"check inventory:{fleet}/a.json#p/t inventory:{fleet}/{there} --format json"
    [result] = run(line, exit_code=exit_code).document(CheckDocument).results

    assert (result.verdict, result.basis) == said[:2]
    assert said[2] in [finding.code for finding in result.diagnostics]
    assert (result.source.host, result.source.origin) == ("a", "recorded")


def test_the_age_of_an_answer_is_shown(run: Run, fleet: Path, source: str) -> None:
    said = run(f"check -v {source} inventory:{fleet}/b.json#p/t").stdout

    head, *_, asked = said.splitlines()
    assert "p/t on a -> p/t on b   (by a recorded answer of the driver, " in head
    assert head.endswith(" d old)")
    assert "asked at 2026-11-01T00:00:00Z, " in asked
    row = run(f"targets {source} {fleet}").stdout.splitlines()[0]
    assert row.startswith("compatible")
    assert row.endswith(" d old")


def test_what_is_too_old_is_unknown(run: Run, fleet: Path, source: str) -> None:
    there = f"inventory:{fleet}/b.json#p/t"
    said = run(f"check --max-age 1h {source} {there}", exit_code=3).stdout
    assert "the source's inventory is not relied on: it is more than 1 h old" in said

    new = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for name in ("a", "b"):
        file = fleet / f"{name}.json"
        text = file.read_text()
        file.write_text(
            text.replace('taken_at":"2026-11-01T00:00:00Z', f'taken_at":"{new}')
        )
    said = run(f"check --max-age 1h {source} {there}", exit_code=3).stdout
    assert "VFC404" in said


@pytest.mark.parametrize("accepted", [False, None])
@pytest.mark.parametrize("at", ["2026-11-01T00:00:00Z", "2026-11-01T00:00:00"])
def test_an_answer_that_is_not_relied_on_makes_no_yes_of_a_no(
    run: Run, tmp_path: Path, at: str, *, accepted: bool | None
) -> None:
    """The table says yes."""
    new = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    said = (answer(QAT_1, accepted=accepted, at=at),)
    ends = [
        inventory("a", qat("0000:03:00.1", QAT_1), taken_at=new),
        inventory("b", qat("0000:03:00.1", QAT_2, answers=said), taken_at=new),
    ]
    files = [f"{write(tmp_path, ends)}/{host}.json" for host in "ab"]
    line = f"inventory:{files[0]}"
    run(f"check {line} inventory:{files[1]} --max-age 1h --format json", exit_code=3)
    found = run(f"targets {line} {files[1]} --max-age 1h --format json", exit_code=3)
    assert "VFC404" in found.stdout
    found = run(f"matrix {' '.join(files)} --max-age 1h --format json")
    cells = found.document(MatrixDocument).cells
    assert [each.verdict for each in cells if "VFC404" in each.codes] == [
        "undetermined"
    ]
    found = run(f"export nova {' '.join(files)} --host b --max-age 1h")
    assert trait(QAT_2) in found.stdout, "its own, which the table takes"
    assert trait(QAT_1) not in found.stdout


def test_a_recorded_source_is_asked_of_a_live_driver(
    shared_host: Host, run: Run, source: str
) -> None:
    shared_host(PAIR)
    run(f"check {source} 0000:3b:00.0/acme-destination")


@pytest.mark.parametrize(
    "line",
    [
        "check inventory: version:x",
        "check inventory:#a version:x",
        "check version:8086-x inventory:f#version:x",
        "check --max-age old version:8086-a version:8086-b",
    ],
)
def test_bad_addresses_and_ages(run: Run, line: str) -> None:
    assert "VFC50" in run(line, exit_code=2).stderr


def test_a_source_that_is_not_there(run: Run, fleet: Path) -> None:
    assert (
        "VFC504"
        in run(f"check inventory:{fleet}/a.json#x/y version:x", exit_code=4).stderr
    )


# ---- targets ---------------------------------------------------------------------


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_compatible_targets_come_first(run: Run, fleet: Path, source: str) -> None:
    result = run(f"targets {source} {fleet}")

    assert [row[:4] for row in rows(result.stdout)] == [
        ["compatible", "b", "p/t", "0"],
        ["undetermined", "b", "p/none", "2"],
        ["undetermined", "c", "p/u", "2"],
        ["undetermined", "c", "p/v", "2"],
    ]
    assert "VFC405" in rows(result.stdout)[3][4]
    assert result.stderr == (
        "vfiocompat: no host can take it; 1 fits but is full: b; 1 undetermined: "
        "no clear answer (EINVAL)\n"
        "vfiocompat: ask the drivers, on c:\n"
        f"    vfiocompat scan --ask {fleet} -o {fleet}/\n"
    )


def test_the_own_host_counts_only_if_asked_for_and_the_source_never(
    run: Run, fleet: Path, source: str
) -> None:
    said = run(f"targets {source} {fleet} --same-host").stdout
    own = [row[:3] for row in rows(said) if row[1] == "a"]

    assert own == [["compatible", "a", "p/u"], ["undetermined", "a", "uuid"]]


def test_hosts_are_chosen(run: Run, fleet: Path, source: str) -> None:
    said = run(f"targets {source} {fleet} --host b --host a").stdout
    assert {row[1] for row in rows(said)} == {"b"}

    assert "no host x" in run(f"targets {source} {fleet} --host x", exit_code=4).stderr
    line = f"targets {source} {fleet} --host b --host cc"
    assert "help: there is c\n" in run(line, exit_code=4).stderr
    line = line.replace("--host cc", "--host zzz")
    assert "help: there are a, b, c\n" in run(line, exit_code=4).stderr
    assert (
        "for a host of FLEET" in run(f"targets {source} --host b", exit_code=2).stderr
    )


@pytest.mark.parametrize(
    ("source", "require", "exit_code"),
    [
        (f"version:{QAT_1}", "table", 0),
        (f"version:{QAT_1}", "recorded", 3),
        (f"version:{A}", "recorded", 0),
        (f"version:{A}", "driver", 3),
    ],
)
def test_a_yes_must_rest_on_what_is_required(
    run: Run, fleet: Path, source: str, require: str, exit_code: int
) -> None:
    line = f"targets {source} {fleet} --require {require} --format json"
    found = run(line, exit_code=exit_code).document(TargetsDocument)
    codes = {each.code for result in found.results for each in result.diagnostics}

    assert ("VFC410" in codes) == (exit_code != 0)


def test_nowhere_to_go(run: Run, fleet: Path) -> None:
    assert run(f"targets version:4348-x {fleet}", exit_code=1).stdout == ""
    assert rows(run(f"targets version:opaque {fleet}", exit_code=3).stdout)
    alone = f"targets inventory:{fleet}/a.json#p/t {fleet}/a.json"
    assert "no host can take it" in run(alone, exit_code=1).stderr


def test_a_result_is_as_of_check(run: Run, fleet: Path, source: str) -> None:
    found = run(f"targets {source} {fleet} --format json").document(TargetsDocument)
    checked = run(
        f"check {source} inventory:{fleet}/b.json#p/t --format json"
    ).document(CheckDocument)

    assert found.counts == msgspec.structs.replace(
        checked.counts, compatible=1, undetermined=3, incompatible=3
    )
    [wanted], one = checked.results, found.results[0]
    assert (one.source, one.destination) == (wanted.source, wanted.destination)
    assert (one.verdict, one.basis, one.available_instances) == (
        "compatible",
        "recorded",
        0,
    )
    assert [each.code for each in one.diagnostics] == [
        each.code for each in wanted.diagnostics
    ]


def test_without_a_fleet_this_hosts_drivers_are_asked(
    shared_host: Host, run: Run
) -> None:
    shared_host(PAIR)
    said = run("targets 0000:3b:00.0/acme-source").stdout

    assert [row[:3] for row in rows(said)] == [
        ["compatible", "-", "0000:3b:00.0/acme-destination"]
    ]
    assert rows(said)[0][4] == "decided by the driver"
    assert run("targets version:1ac1-zzz", exit_code=1).stdout == ""


def test_part_of_a_fleet_is_answered_and_told(
    run: Run, fleet: Path, source: str
) -> None:
    (fleet / "x.json").write_text('{"schema": "vfiocompat.inventory/9"}')
    result = run(f"targets {source} {fleet} --format json", exit_code=4)

    found = result.document(TargetsDocument)
    assert found.counts.compatible == 1
    assert [(each.path, each.code) for each in found.problems] == [
        (f"{fleet}/x.json", "VFC401")
    ]
    assert "x.json is an inventory of schema 'vfiocompat.inventory/9'" in result.stderr


def test_a_hostile_address_does_not_reach_the_terminal(
    run_on_terminal: RunOnTerminal, tmp_path: Path
) -> None:
    write(tmp_path, [inventory("h", endpoint("p/\x1b]0;x\x07t", A))])
    shown = run_on_terminal(f"targets version:{A} {tmp_path}", exit_code=3).stdout

    assert "\x1b]0;" not in shown
    assert r"\x1b]0;x\x07t" in "".join(shown.split())


# ---- matrix ----------------------------------------------------------------------


def test_a_matrix_has_every_pair_of_classes(run: Run, fleet: Path) -> None:
    found = run(f"matrix {fleet} --format json").document(MatrixDocument)
    ids = [each.id for each in found.classes]

    assert len(set(ids)) == len(ids) == 9
    assert [(cell.source, cell.destination) for cell in found.cells] == [
        (one, other) for one in ids for other in ids
    ]
    counts = msgspec.structs.astuple(found.counts)
    assert sum(counts) == 81
    [one] = [each for each in found.classes if each.version == QAT_1]
    [other] = [each for each in found.classes if each.version == QAT_2]
    cells = {(cell.source, cell.destination): cell for cell in found.cells}
    assert cells[one.id, other.id].verdict == "compatible"
    assert cells[one.id, other.id].one_way
    assert cells[one.id, other.id].basis == "table"
    assert (one.goes, other.goes) == ("elsewhere", "nowhere")
    assert cells[other.id, one.id].verdict == "incompatible"
    assert not cells[other.id, one.id].one_way


def test_a_matrix_in_a_pipe_is_a_row_a_class(run: Run, fleet: Path) -> None:
    result = run(f"matrix {fleet}")
    found = {row[9]: row for row in rows(result.stdout) if row[9].startswith("8086")}

    assert len(rows(result.stdout)) == 9
    assert found[QAT_1][1:7] == ["1", "1", "1", "1", "0", "elsewhere"]
    assert found[QAT_2][3:7] == ["0", "0", "0", "nowhere"]
    assert [found[each][10] for each in (QAT_1, QAT_2)] == ["b", "c"]
    assert result.stderr.startswith("vfiocompat: 9 classes on 3 hosts: ")


def test_pairs_are_listed(run: Run, fleet: Path) -> None:
    found = rows(run(f"matrix {fleet} --pairs").stdout)

    assert len(found) == 81
    assert [row for row in found if row[5] == "one way"]


def test_hosts_are_told_of_as_a_whole(run: Run, fleet: Path) -> None:
    assert rows(run(f"matrix {fleet} --hosts").stdout) == [
        ["a", "b", "compatible", "1"],
        ["a", "c", "undetermined", "1"],
        ["b", "a", "undetermined", "0 to 1"],
        ["b", "c", "compatible", "0 to 1"],
        ["c", "a", "undetermined", "0 to 1"],
        ["c", "b", "undetermined", "0 to 1"],
    ]
    found = run(f"matrix {fleet} --hosts --format json").document(MatrixDocument)
    assert [
        (pair.destination, pair.verdict, pair.devices, pair.unknown)
        for pair in found.hosts[:3]
    ] == [
        ("b", "compatible", 1, 0),
        ("c", "undetermined", 1, 0),
        ("a", "undetermined", 0, 1),
    ]
    assert run(f"matrix {fleet} --format json").document(MatrixDocument).hosts == []


@pytest.mark.parametrize(
    ("is_there", "more", "row"),
    [
        (QAT_1, {"in_use": True}, ("compatible", "2")),
        (QAT_1, {"in_use": None}, ("compatible", "1 to 2")),
        (QAT_1, {"in_use": False}, ("compatible", "1")),
        (None, {"in_use": True}, ("incompatible", "2")),
        (None, {"in_use": None}, ("undetermined", "1 to 2")),
        (None, {"in_use": False}, ("compatible", "1")),
        (None, {"in_use": None, "vfio": False}, ("compatible", "1")),
        (None, {"in_use": True, "vfio": False}, ("undetermined", "2")),
    ],
)
def test_a_function_that_may_be_in_use_leaves_a_host_open(
    run: Run,
    tmp_path: Path,
    is_there: str | None,
    more: dict[str, bool | None],
    row: tuple[str, str],
) -> None:
    """Who scans as anybody else than root does not see what has it open."""
    mdev = endpoint("uuid", A, kind="mdev", parent="p", type_id="t")
    there = [endpoint("p/t", B, answers=ACCEPTED)]
    if is_there is not None:
        there.append(qat("0000:03:00.2", is_there, in_use=False))
    own = qat("0000:03:00.1", QAT_1, **more)
    folder = write(tmp_path / "f", [inventory("a", mdev, own), inventory("b", *there)])

    assert rows(run(f"matrix {folder} --hosts").stdout) == [["a", "b", *row]]


def test_what_is_refused_counts_more_than_what_may_be_in_use(
    run: Run, tmp_path: Path
) -> None:
    mdev = endpoint("uuid", A, kind="mdev", parent="p", type_id="t")
    own = inventory("a", mdev, qat("0000:03:00.1", QAT_1))
    there = inventory("b", endpoint("p/t", B, answers=REFUSED, in_use=False))
    folder = write(tmp_path / "f", [own, there])

    assert rows(run(f"matrix {folder} --hosts").stdout) == [
        ["a", "b", "incompatible", "1 to 2"]
    ]


EXAMPLES = " ".join(f"examples/fleet/node-{name}.json" for name in "abcd")


def test_the_answer_of_hosts_counts_those_that_may_have_devices_apart(run: Run) -> None:
    said = run(f"matrix --hosts {EXAMPLES}").stderr
    assert said.splitlines()[0] == (
        "vfiocompat: 3 hosts have devices, 1 more may have some; 3 can give all of "
        "them to another host: node-a, node-b, node-d; 1 cannot: node-c (room is not "
        "looked at)"
    )


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (
            "--hosts",
            "1 host has devices; 1 can give all of them to another host: node-a",
        ),
        ("", "2 classes on node-a: 2 can go to another class; 2 have a one-way move"),
        ("--pairs", "2 classes on node-a: 2 can go to another class"),
    ],
)
def test_the_answer_is_about_the_hosts_that_are_named(
    run: Run, options: str, answer: str
) -> None:
    said = run(f"matrix {options} --host node-a {EXAMPLES}").stderr
    assert said.startswith(f"vfiocompat: {answer}")


def test_a_class_that_is_not_shown_is_named_with_its_hosts(
    run_on_terminal: RunOnTerminal,
) -> None:
    shown = run_on_terminal(f"matrix --host node-a {EXAMPLES}").colorless
    assert "goes to 5 on node-b (one way) and within its own class" in shown
    shown = run_on_terminal(f"matrix {EXAMPLES}").colorless
    assert "goes to 5 (one way) and within its own class" in shown


def test_a_matrix_on_a_terminal_fits_or_is_left_out(
    run_on_terminal: RunOnTerminal, fleet: Path
) -> None:
    wide = run_on_terminal(f"matrix {fleet}", columns=120).colorless
    narrow = run_on_terminal(f"matrix {fleet}", columns=19).colorless

    assert "rows go to columns" in wide
    assert "rows go to columns" not in narrow
    assert "does not fit" in " ".join(narrow.split())
    grid = [
        line for line in wide.splitlines() if line[:1].isdigit() and line[1:2] == " "
    ]
    drawn = [line.split() for line in grid]
    marks = [cells[1:] for cells in drawn if not {*cells[1:]} - {*"+->?"}]
    assert [len(cells) for cells in marks] == [9] * 9
    assert wide.startswith("9 classes on 3 hosts: ")


def test_pairs_on_a_terminal_are_told_by_what_became_of_them(
    run: Run, run_on_terminal: RunOnTerminal, fleet: Path
) -> None:
    shown = run_on_terminal(f"matrix {fleet} --pairs", columns=200).colorless
    ids = [each["id"] for each in run(f"matrix {fleet} --format json").json["classes"]]
    pairs = {
        (source, destination): (verdict, way)
        for source, destination, verdict, _, _, way in rows(
            run(f"matrix {fleet} --pairs").stdout
        )
    }
    found = {}
    source = ""
    for line in shown.splitlines():
        if heading := re.fullmatch(r"(\d)  .*   (\w{10})", line):
            source = heading[2]
            assert ids[int(heading[1]) - 1] == source
        elif said := re.fullmatch(r"   (.) (\w+)(, one way,)? with (.*)   VFC.*", line):
            assert said[1] == (">" if said[3] else MARKS[said[2]])  # type: ignore[index]
            for number in said[4].split(", "):
                way = "one way" if said[3] else "-"
                found[source, ids[int(number) - 1]] = said[2], way
    assert found == pairs
    assert shown.count("VFC304  source and destination are of different vendors") == 1


def test_a_matrix_says_why_it_is_not_known_where_classes_can_go(
    run_on_terminal: RunOnTerminal, fleet: Path
) -> None:
    shown = run_on_terminal(f"matrix {fleet} --max-age 1", columns=120).colorless
    first, *others = shown.splitlines()
    assert first == ("9 classes on 3 hosts: of 9 it is not known (inventory too old)")
    said = [line.strip() for line in others if "undetermined with" in line]
    assert said == ["undetermined with 9 classes (inventory too old)"] * 9

    shown = run_on_terminal(f"matrix {fleet}", columns=120).colorless
    first, *others = shown.splitlines()
    assert "of 5 it is not known (not asked yet, nobody to ask)" in first
    said = [line.strip() for line in others if "undetermined with" in line]
    assert said[0] == "undetermined with 7 classes (nobody to ask)"
    assert said[2] == "undetermined with 7 classes (not asked yet, nobody to ask)"
    assert said[1].endswith(" 4 classes (not asked yet, nobody to ask and 1 more)")


def test_part_of_a_fleet_gives_a_matrix(run: Run, fleet: Path) -> None:
    (fleet / "x.json").write_text("")
    result = run(f"matrix {fleet}", exit_code=4)

    assert len(rows(result.stdout)) == 9
    assert "x.json" in result.stderr
    assert "VFC401" in run(f"matrix {fleet}/x.json", exit_code=4).stderr
    assert (
        "exclude each other"
        in run(f"matrix {fleet} --pairs --hosts", exit_code=2).stderr
    )


# ---- diff ------------------------------------------------------------------------


def test_nothing_changed(run: Run, fleet: Path) -> None:
    assert run(f"diff {fleet} {fleet}").stdout == ""


def test_a_path_is_lost_where_an_end_becomes_another(run: Run, tmp_path: Path) -> None:
    downgraded = write(tmp_path / "new", [inventory("c", qat("0000:03:00.2", QAT_1))])
    old = write(
        tmp_path / "old",
        [
            inventory("b", qat("0000:03:00.1", QAT_2)),
            inventory("c", qat("0000:03:00.2", QAT_2)),
        ],
    )
    write(downgraded, [inventory("b", qat("0000:03:00.1", QAT_2))])
    result = run(f"diff {old} {downgraded} --format json", exit_code=1)
    found = result.document(DiffDocument)

    [lost] = found.paths.lost
    assert lost.source == lost.destination
    assert "VFC214" in lost.codes
    [change] = found.endpoints.changed
    assert (change.host, change.address) == ("c", "0000:03:00.2")
    assert change.values == {"version": (QAT_2, QAT_1)}
    back = run(f"diff {downgraded} {old} --format json").document(DiffDocument)
    assert back.paths.gained == found.paths.lost
    assert not back.paths.lost


def test_a_path_names_the_hosts_at_its_ends(run: Run, tmp_path: Path) -> None:
    newer = [inventory(name, qat("0000:03:00.1", QAT_2)) for name in "abcde"]
    older = inventory("e", qat("0000:03:00.1", QAT_1))
    old = write(tmp_path / "old", newer)
    new = write(tmp_path / "new", [*newer[:4], older])
    [lost, _] = rows(run(f"diff {old} {new}", exit_code=1).stdout)
    assert lost[3].endswith("; from a, b, c and 1 more to e")
    [gained, _] = rows(run(f"diff {new} {old}").stdout)
    assert gained[3].endswith("; from a, b, c and 1 more to e")
    document = run(f"diff {old} {new} --format json", exit_code=1).document(
        DiffDocument
    )
    [path] = document.paths.lost
    assert path.became is not None
    assert {(move.old, move.new): move.hosts for move in document.moves} == {
        (path.source, path.source): ["a", "b", "c", "d"],
        (path.source, path.became[1]): ["e"],
    }

    gone = write(tmp_path / "gone", [older])
    ends = {
        tuple(row[3].rpartition("; from ")[2].split(" to "))
        for row in rows(run(f"diff {new} {gone}", exit_code=1).stdout)
        if row[0] == "lost"
    }
    assert ends == {("e", "a, b, c and 1 more"), ("a, b, c and 1 more",) * 2}


def test_a_host_that_is_gone_loses_paths(run: Run, fleet: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new", [])
    for name in ("a", "c"):
        (new / f"{name}.json").write_bytes((fleet / f"{name}.json").read_bytes())
    result = run(f"diff {fleet} {new}", exit_code=1)
    found = rows(result.stdout)

    assert {row[0] for row in found} == {"lost", "removed"}
    assert all("VFC411" in row[3] for row in found if row[0] == "lost")
    assert ["removed", "b", "0000:03:00.1", "-"] in found
    gained = rows(run(f"diff {new} {fleet}").stdout)
    assert {row[0] for row in gained} == {"gained", "added"}


def paths(result: str) -> list[tuple[str, str]]:
    """Give what became of paths, and why."""
    found = [row for row in rows(result) if row[0] in {"lost", "not known", "gained"}]
    return [(row[0], row[3].partition(" ")[0]) for row in found]


def test_the_loss_of_the_last_of_its_like_is_the_loss_of_a_path(
    run: Run, tmp_path: Path
) -> None:
    one = endpoint("p/t", A, answers=ACCEPTED)

    def fleet(name: str, *hosts: str) -> Path:
        return write(tmp_path / name, [inventory(host, one) for host in hosts])

    three, two, alone = fleet("3", *"abc"), fleet("2", *"ab"), fleet("1", *"a")
    result = run(f"diff {two} {alone}", exit_code=1).stdout
    assert paths(result) == [("lost", "VFC411")]
    assert "; from a, b to a, b" in result
    back = run(f"diff {alone} {two}").stdout
    assert [each[0] for each in paths(back)] == ["gained"]
    assert "no two such endpoints before" in back
    assert paths(run(f"diff {three} {two}").stdout) == []
    assert paths(run(f"diff {three} {alone}", exit_code=1).stdout) == [
        ("lost", "VFC411")
    ]
    assert paths(run(f"diff {two} {fleet('other', *'ac')}").stdout) == []
    assert paths(run(f"diff {two} {fleet('others', *'cd')}").stdout) == []
    assert paths(run(f"diff {alone} {fleet('none')}", exit_code=4).stdout) == []


def test_what_is_left_of_a_class_may_be_of_others(run: Run, tmp_path: Path) -> None:
    before, refused = endpoint("p/t", A, answers=ACCEPTED), endpoint("p/t", A)
    old = write(tmp_path / "old", [inventory(host, before) for host in "ab"])
    new = write(tmp_path / "new", [inventory("a", before), inventory("b", refused)])
    assert paths(run(f"diff {old} {new}", exit_code=3).stdout) == [("not known", "now")]

    # One that became another, and one that is gone, are no two.
    other = write(tmp_path / "other", [inventory("a", refused)])
    assert paths(run(f"diff {old} {other}", exit_code=1).stdout) == [("lost", "VFC411")]

    # Each is a class of its own now, and takes the other one, but not its own like.
    answers = {"1ac1-x": "1ac1-y", "1ac1-y": "1ac1-x"}
    ends = [
        inventory(host, endpoint("p/t", mine, answers=(answer(theirs, accepted=True),)))
        for host, (mine, theirs) in zip("ab", answers.items(), strict=True)
    ]
    apart = write(tmp_path / "apart", ends)
    assert paths(run(f"diff {old} {apart}").stdout) == []


def test_a_path_is_there_wherever_its_ends_are(run: Run, tmp_path: Path) -> None:
    taker = endpoint("p/t", B, answers=ACCEPTED)
    source = inventory("a", endpoint("p/t", A))
    old = write(tmp_path / "old", [source, inventory("b", taker)])
    new = write(tmp_path / "new", [source, inventory("c", taker)])

    assert paths(run(f"diff {old} {new}").stdout) == []
    gone = write(tmp_path / "gone", [source])
    assert paths(run(f"diff {old} {gone}", exit_code=1).stdout) == [("lost", "VFC411")]


def test_one_endpoint_has_no_path_to_itself(run: Run, tmp_path: Path) -> None:
    old = write(tmp_path / "o", [inventory("a", qat("0000:03:00.1", QAT_2))])
    new = write(tmp_path / "n", [inventory("a", qat("0000:03:00.1", QAT_1))])

    assert {row[0] for row in rows(run(f"diff {old} {new}").stdout)} == {"changed"}


def test_facts_that_changed_are_told(run: Run, tmp_path: Path) -> None:
    for name, kernel in (("o", "6.1"), ("n", "6.12")):
        facts = {"kernel": kernel}
        write(tmp_path / name, [inventory("a", endpoint("p/t", A, facts=facts))])

    assert rows(run(f"diff {tmp_path}/o/a.json {tmp_path}/n").stdout) == [
        ["changed", "a", "p/t", "kernel: 6.1 -> 6.12"]
    ]


def test_an_unreadable_side_is_told(run: Run, fleet: Path, tmp_path: Path) -> None:
    (fleet / "x.json").write_text("nothing")
    assert "x.json" in run(f"diff {fleet} {fleet}", exit_code=4).stderr
    assert "VFC401" in run(f"diff {fleet} {tmp_path}/no", exit_code=4).stderr
    document = json.loads(
        run(f"diff {fleet} {tmp_path}/no --format json", exit_code=4).stdout
    )
    assert document["schema"] == "vfiocompat.error/1"


def test_hosts_without_devices_are_compared_with_nothing(
    run: Run, tmp_path: Path
) -> None:
    ends = [inventory(name, endpoint("p/t", "1ac1-a")) for name in "ab"]
    folder = write(tmp_path / "f", ends)
    result = run(f"matrix {folder} --hosts", exit_code=3)

    assert result.stdout == ""
    assert "VFC413" in result.stderr
    run(f"matrix {folder}")


@pytest.mark.parametrize("option", ["", "--hosts", "--pairs"])
def test_a_fleet_without_endpoints_is_no_success(
    run: Run, tmp_path: Path, option: str
) -> None:
    folder = write(tmp_path / "f", [inventory(name) for name in "ab"])
    result = run(f"matrix {folder} {option}", exit_code=3)

    assert result.stdout == ""
    assert "VFC414" in result.stderr


def test_a_path_that_nobody_has_asked_about_yet_is_not_lost(
    run: Run, tmp_path: Path
) -> None:
    taker = endpoint("p/t", "1ac1-b", answers=(answer("1ac1-a", accepted=True),))
    source = inventory("a", endpoint("p/s", "1ac1-a"))
    old = write(tmp_path / "old", [source, inventory("b", taker)])
    new = write(tmp_path / "new", [source, inventory("b", endpoint("p/t", "1ac1-b"))])
    result = run(f"diff {old} {new}", exit_code=3)

    assert [row[0] for row in rows(result.stdout)] == ["not known"]
    assert "VFC405" in result.stdout
    document = run(f"diff {old} {new} --format json", exit_code=3)
    paths = document.document(DiffDocument).paths
    assert (paths.lost, paths.gained) == ([], [])
    assert [path.verdict for path in paths.unknown] == ["undetermined"]
    assert run(f"diff {new} {old}").stdout.startswith("gained")


def test_no_row_of_a_difference_is_there_twice(run: Run, tmp_path: Path) -> None:
    ends = [endpoint(f"p/{at}", "1ac1-a") for at in "stu"]
    old = write(tmp_path / "old", [inventory("a", *ends)])
    new = write(tmp_path / "new", [inventory("a", endpoint("p/s", "1ac1-b"))])
    found = run(f"diff {old} {new}").stdout.splitlines()

    assert len(found) == len(set(found)) > 1
