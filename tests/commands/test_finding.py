# SPDX-License-Identifier: Apache-2.0
"""How a fleet, and an endpoint in it, are found by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


@pytest.mark.parametrize("line", ["matrix", "export nfd", "vm domain:x.xml"])
def test_without_any_fleet_the_variable_is_told(run: Run, line: str) -> None:
    assert "or set VFIOCOMPAT_FLEET" in run(line, exit_code=2).stderr


def test_without_the_variable_targets_is_about_this_host(
    shared_host: Host, run: Run
) -> None:
    shared_host(PAIR)
    assert "acme-destination" in run(f"targets {SOURCE}").stdout


@pytest.mark.parametrize("line", ["matrix", "export nfd", "targets version:1ac1-a"])
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
