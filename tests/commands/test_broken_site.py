# SPDX-License-Identifier: Apache-2.0
"""A broken file of the site is told by every command whose answer it can change."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fleets import QAT_1, QAT_2, answer, inventory, qat, write
from tests.machines import domain_file, told_to_migrate

from .hosts import DESTINATION, PAIR, SOURCE

if TYPE_CHECKING:
    from tests.conftest import Host, Run

HEAD = """\
schema = 1
id = "ours"
title = "x"
evidence = "site"
references = ["x"]
"""
BROKEN = {
    "no TOML": "schema = 1\ntitle = \n",
    "no head": "schema = 1\n",
    "of the driver": f'{HEAD}vendor = "pci:8086"\ndrivers = ["qat_vfio_pci"]\n'
    "[format]\nf = 5\n",
}
COMMANDS = {
    "check inventory:{f}/a.json#0000:03:00.1 inventory:{f}/b.json#0000:03:00.1": 0,
    "matrix {f}": 0,
    "report {f}": 0,
    "diff {f}/a.json {f}": 0,
    "targets inventory:{f}/a.json#0000:03:00.1 {f}": 0,
    "vm {v} {f} --from {f}/a.json": 3,
    "export prometheus {f} --host a": 0,
}
"""Commands, and with what each ends where nothing is broken."""


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give a fleet and a VM, and have a site with a folder for tables."""
    ends = [
        inventory("a", qat("0000:03:00.1", QAT_1)),
        inventory("b", qat("0000:03:00.1", QAT_2)),
    ]
    (tmp_path / "site/tables.d").mkdir(parents=True)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path / "site"))
    return {
        "f": str(write(tmp_path / "fleet", ends)),
        "v": domain_file(tmp_path, "0000:03:00.1", after=told_to_migrate()),
        "site": str(tmp_path / "site"),
    }


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line.split()[0])
def test_a_broken_table_is_told_once_and_the_rest_is_answered(
    run: Run, names: dict[str, str], line: str, text: str
) -> None:
    table = Path(names["site"], "tables.d/ours.toml")
    table.write_text(text)
    line = line.format(**names)
    result = run(line, exit_code=4)

    assert result.stdout, "the rest is answered"
    assert result.stderr.count(str(table)) == 1
    assert result.stderr.count("error[VFC204]") == 1
    if not line.startswith("export"):
        document = json.loads(run(f"{line} --format json", exit_code=4).stdout)
        assert [each["path"] for each in document["problems"]] == [str(table)]
        assert document["problems"][0]["code"] == "VFC204"


@pytest.mark.parametrize("accepted", [True, False, None])
@pytest.mark.parametrize("line", list(COMMANDS)[:4], ids=lambda line: line.split()[0])
def test_beside_what_a_driver_said_a_broken_table_is_told_too(
    run: Run, names: dict[str, str], line: str, *, accepted: bool | None
) -> None:
    """The table that it was to be might not agree."""
    said = (answer(QAT_1, accepted=accepted),)
    there = inventory("b", qat("0000:03:00.1", QAT_2, answers=said))
    write(Path(names["f"]), [there])
    Path(names["site"], "tables.d/ours.toml").write_text(BROKEN["of the driver"])
    result = run(line.format(**names), exit_code=4)

    assert result.stderr.count("error[VFC204]") == 1


def test_beside_a_live_drivers_yes_a_broken_table_is_told_too(
    shared_host: Host, run: Run, names: dict[str, str]
) -> None:
    shared_host(PAIR)
    broken = f'{HEAD}vendor = "pci:1ac1"\ndrivers = ["acme"]\n[format]\nf = 5\n'
    Path(names["site"], "tables.d/ours.toml").write_text(broken)
    result = run(f"check {SOURCE} {DESTINATION}", exit_code=4)

    assert result.stdout.startswith("compatible")
    assert result.stderr.count("error[VFC204]") == 1


@pytest.mark.parametrize(("line", "ends"), COMMANDS.items())
def test_a_broken_table_of_another_driver_changes_nothing(
    run: Run, names: dict[str, str], line: str, ends: int
) -> None:
    line = line.format(**names)
    before = run(line, exit_code=ends)
    other = f'{HEAD}vendor = "pci:1ac1"\ndrivers = ["acme"]\n[format]\nf = 5\n'
    Path(names["site"], "tables.d/ours.toml").write_text(other)
    after = run(line, exit_code=ends)

    assert timeless(after.stdout) == timeless(before.stdout)
    assert after.stderr == before.stderr


def timeless(text: str) -> str:
    """Leave out when a page was made, and how old scans were then."""
    made = r'[0-9-]{10}T[0-9:]{8}Z|data-order="[0-9]+"|[0-9]+ (?:s|min) old'
    return re.sub(made, "", text)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line.split()[0])
def test_a_site_that_is_no_folder_is_told(
    run: Run,
    names: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    *,
    there: bool,
) -> None:
    place = Path(names["site"], "no-folder")
    if there:
        place.write_text("x")
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(place))
    result = run(line.format(**names), exit_code=4)

    assert result.stdout
    assert result.stderr.count(f"{place} is no folder") == 1
