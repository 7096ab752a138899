# SPDX-License-Identifier: Apache-2.0
"""What is to be typed where facts are missing works as it is printed."""

from __future__ import annotations

import shlex
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.fleets import function, inventory, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run

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
