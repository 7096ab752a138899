# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat doctor`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.conftest import SOON
from tests.fleets import endpoint, inventory, write
from tests.hanging import hanging
from vfiocompat.doctor import programs
from vfiocompat.doctor.checks import CHECKS
from vfiocompat.doctor.found import failed, passed, skipped, warned
from vfiocompat.output.doctor import DoctorDocument, answer_line, doctor_document
from vfiocompat.times import moment

from .hosts import DESTINATION, PAIR, fault

if TYPE_CHECKING:
    from tests.conftest import Host, Run, RunOnTerminal, RunProcess

EXAMPLES = Path(__file__).parents[2] / "examples"
HISI = """
[[function]]
address = "0000:5e:00.2"
driver = "hisi_acc_vfio_pci"
pci = { vendor = 0x19e5, device = 0xa251, revision = 0x30 }
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a site of its own, which has nothing yet."""
    folder = tmp_path / "config"
    for name in ("tables.d", "facts.d"):
        (folder / name).mkdir(parents=True)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(folder))
    return folder


def outcomes(document: DoctorDocument) -> dict[str, str]:
    return {each.id: each.outcome for each in document.checks}


@pytest.mark.usefixtures("config")
def test_a_host_that_is_well(shared_host: Host, run: Run) -> None:
    shared_host(f'modules = {{ mdev = "1", vfio = "1" }}\n{PAIR}')
    result = run("doctor")

    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[1] for row in rows] == [check.id for check in CHECKS]
    assert {len(row) for row in rows} == {6}
    assert result.stderr.startswith("vfiocompat: nothing is in the way (")
    document = run("doctor --format json").document(DoctorDocument)
    assert outcomes(document) == {row[1]: row[0] for row in rows}
    assert outcomes(document)["channel-attribute"] == "pass"
    counts = document.counts
    assert (counts.fail, counts.warning) == (0, 0)
    assert counts.passed + counts.skipped == len(CHECKS)


def test_a_fact_that_is_lacking_is_told_and_can_be_stated(
    shared_host: Host, run: Run, config: Path
) -> None:
    shared_host(HISI)
    before = run("doctor --format json").document(DoctorDocument)
    [found] = [each for each in before.checks if each.id == "missing-facts"]
    assert (found.outcome, found.codes) == ("warning", ("VFC220",))
    assert found.hint is not None
    _, *lines = found.hint.splitlines()
    text = "\n".join(line.removeprefix("    ") for line in lines)
    values = {"queue_pairs": "16", "isolation": "0", "magic": "v2", "major": "1"}
    for name, value in values.items():
        text = text.replace(f'{name} = "?"', f'{name} = "{value}"')
    (config / "facts.d/here.toml").write_text(text)

    after = run("doctor --format json").document(DoctorDocument)
    assert outcomes(after)["missing-facts"] == "pass"
    assert outcomes(after)["facts"] == "pass"


def test_a_broken_site_fails(shared_host: Host, run: Run, config: Path) -> None:
    shared_host(PAIR + HISI)
    (config / "tables.d/x.toml").write_text("schema = 7\n")
    (config / "facts.d/y.toml").write_text("schema = 7\n")
    result = run("doctor", exit_code=1)

    assert "2 checks failed (tables, facts)" in result.stderr
    assert result.stdout.count("\nfail\t") == 2
    assert "skipped\tmissing-facts\t-\ttables with mistakes may be of" in result.stdout
    assert run("doctor -q", exit_code=1).stdout == ""


@pytest.mark.parametrize("where", ["--table {}", "VFIOCOMPAT_CONFIG"])
def test_tables_that_are_named_and_cannot_be_used(
    shared_host: Host,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    shared_host(PAIR)
    broken = tmp_path / "broken.toml"
    broken.write_text("schema = 7\n")
    if where.startswith("VFIO"):
        monkeypatch.setenv(where, str(broken))
    option = where.format(broken) if "{}" in where else ""
    found = run(f"doctor {option} --format json", exit_code=1)

    outcome = outcomes(found.document(DoctorDocument))
    assert outcome["tables"] == "fail"
    assert str(broken) in found.stdout


@pytest.mark.usefixtures("config")
def test_the_fleet_comes_from_the_line_or_from_the_environment(
    shared_host: Host, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_host(PAIR)
    now = moment(time.time())
    one = write(tmp_path / "with a blank", [inventory("a", taken_at=now)])
    two = write(tmp_path / "two", [inventory("b", taken_at=now)])

    def hosts(line: str) -> str:
        document = run(f"doctor {line} --format json").document(DoctorDocument)
        return next(each.summary for each in document.checks if each.id == "fleet")

    assert hosts("") == "no FLEET is given, nor is VFIOCOMPAT_FLEET"
    assert hosts(f"{two}") == "1 host can be read"
    monkeypatch.setenv("VFIOCOMPAT_FLEET", f"{one}{os.pathsep}{two}")
    assert hosts("") == "2 hosts can be read"
    assert hosts(f"'{one}'") == "1 host can be read"


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    ("option", "outcome"), [("", "warning"), ("--max-age 5w", "pass")]
)
def test_what_is_too_old_can_be_said(
    shared_host: Host, run: Run, tmp_path: Path, option: str, outcome: str
) -> None:
    shared_host(PAIR)
    then = moment(time.time() - 14 * 86400)
    fleet = write(tmp_path, [inventory("a", endpoint("p/t", None), taken_at=then)])
    document = run(f"doctor {fleet} {option} --format json").document(DoctorDocument)

    assert outcomes(document)["fleet-ages"] == outcome


@pytest.mark.usefixtures("config")
def test_a_driver_that_hangs_is_told_in_time(
    host: Host, run_process: RunProcess
) -> None:
    host(PAIR + fault(DESTINATION, 'on = "read"', "hang = true"))
    began = time.monotonic()
    result = run_process("doctor --timeout 0.5 --format json")

    assert time.monotonic() - began < 2 * SOON
    document = result.document(DoctorDocument)
    [found] = [each for each in document.checks if each.id == "endpoints"]
    assert (found.outcome, found.codes) == ("warning", ("VFC112",))


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("place", ["fleet", "config"])
def test_files_that_hang_are_told_in_time(
    shared_host: Host,
    run_process: RunProcess,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    shared_host(PAIR)
    with hanging("readdir") as folder:
        line = f"doctor --timeout 0.5 {folder if place == 'fleet' else ''}"
        if place == "config":
            monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(folder))
        began = time.monotonic()
        result = run_process(line, exit_code=int(place == "fleet"))
        assert time.monotonic() - began < 2 * SOON

    assert ("no answer in 0.5 s" in result.stdout) == (place == "fleet")


@pytest.mark.usefixtures("config")
def test_sysfs_that_is_mounted_read_only(
    shared_host: Host, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_host(PAIR)
    real = os.statvfs

    class ReadOnly:
        f_flag = real("/").f_flag | os.ST_RDONLY

    monkeypatch.setattr(os, "statvfs", lambda _: ReadOnly)
    result = run("doctor --format json", exit_code=1)
    found = result.document(DoctorDocument)
    assert outcomes(found)["writable"] == "fail"
    assert [each.codes for each in found.checks if each.id == "writable"] == [
        ("VFC584",)
    ]


# ---- this machine ----------------------------------------------------------------


@pytest.mark.usefixtures("config")
def test_this_machine_is_looked_at(run: Run, run_process: RunProcess) -> None:
    result = run_process("doctor --format json", exit_code=0)
    document = result.document(DoctorDocument)

    assert outcomes(document)["sysfs"] == "pass"
    assert outcomes(document)["user"] in {"pass", "warning"}
    schema = run("schema doctor").json
    jsonschema.validate(json.loads(result.stdout), schema)


@pytest.mark.usefixtures("config", "_processes")
def test_the_timer_is_told_by_this_hosts_inventory_of_the_fleet(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_SYSTEMD", "/nowhere")
    own = inventory(os.uname().nodename, taken_at=moment(time.time() - 300))
    fleet = write(tmp_path / "fleet", [own])
    document = run(f"doctor {fleet} --format json").document(DoctorDocument)

    [found] = [each for each in document.checks if each.id == "timer"]
    assert (found.outcome, found.summary) == (
        "pass",
        f"{fleet}/{own.host}.json was taken 5 min ago",
    )


# ---- the text --------------------------------------------------------------------

PASS = "a", passed("well")
BAD = "b", failed("bad")
WARN = "c", warned("hm")
SKIP = "d", skipped("nothing")


def test_the_answer_counts_and_names_what_is_in_the_way() -> None:
    def said(*found: tuple[str, object]) -> str:
        [(text, _)] = answer_line(doctor_document(found))  # type: ignore[arg-type]
        return text

    assert said(PASS, SKIP) == "nothing is in the way (1 check passed, 1 skipped)"
    assert said(PASS, WARN) == "nothing failed, 1 warning (c)"
    assert said(PASS, BAD, WARN) == "1 check failed (b), 1 warning (c)"
    assert said(BAD, BAD, WARN, WARN) == "2 checks failed (b, b), 2 warnings (c, c)"


@pytest.mark.parametrize("columns", [80, 60])
def test_a_terminal_shows_what_needs_doing_first_and_wraps_at_words(
    shared_host: Host, run_on_terminal: RunOnTerminal, config: Path, columns: int
) -> None:
    shared_host(PAIR + HISI)
    (config / "facts.d/x.toml").write_text("schema = 7\n")
    shown = run_on_terminal("doctor", exit_code=1, columns=columns).colorless

    answer_, blank, *rest = shown.splitlines()
    assert answer_ == "1 check failed (facts), 1 warning (missing-facts)"
    assert blank == ""
    signs = [line[0] for line in rest if line[0] != " "]
    assert signs == sorted(signs, key="x!+-".index)
    assert "\nx fail     facts[VFC228]: " in shown
    assert '\n         [endpoint."0000:5e:00.2"]\n' in shown
    for line in rest:
        assert len(line) <= columns or len(line.removeprefix("   |  ").split()) == 1


@pytest.mark.usefixtures("config")
def test_what_is_skipped_for_one_reason_is_told_once(
    shared_host: Host, run_on_terminal: RunOnTerminal
) -> None:
    shared_host(PAIR)
    shown = run_on_terminal("doctor").colorless
    assert "- skipped  fleet, fleet-ages, fleet-hosts, fleet-answers: " in shown
    every = run_on_terminal("doctor -v").colorless
    assert "- skipped  fleet-ages: " in every


def test_a_long_detail_is_cut_unless_all_is_wanted(
    shared_host: Host, run_on_terminal: RunOnTerminal, config: Path
) -> None:
    shared_host(PAIR)
    for number in range(12):
        (config / f"facts.d/{number:02}.toml").write_text("schema = 7\n")
    shown = run_on_terminal("doctor", exit_code=1).colorless
    assert "more lines, which -v shows" in shown
    assert "11.toml" not in shown
    assert "11.toml" in run_on_terminal("doctor -v", exit_code=1).colorless


def test_what_is_not_printable_is_made_visible(
    shared_host: Host, run: Run, run_on_terminal: RunOnTerminal, config: Path
) -> None:
    shared_host(PAIR)
    (config / "facts.d/\x1b[31m.toml").write_text("schema = 7\n")
    for result in (run("doctor", exit_code=1), run_on_terminal("doctor", exit_code=1)):
        assert "\x1b[31m" not in result.stdout
        assert "\\x1b[31m.toml" in result.stdout
