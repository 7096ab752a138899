# SPDX-License-Identifier: Apache-2.0
"""Reading fleets: every inventory counts once, by one process or by several."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.fleets import TAKEN, endpoint, inventory, write
from vfiocompat.errors import InventoryError, fail
from vfiocompat.files.inventories import inventory_files
from vfiocompat.fleet import read as gathering
from vfiocompat.fleet.classes import Classifier, Fleet
from vfiocompat.fleet.read import Inventories, InventoryReader, gather
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = Library(config="/nonexistent")
NOW = Horizon(timestamp(TAKEN) or 0)


def gathered(*fleet: Path, hosts: tuple[str, ...] = ()) -> Fleet:
    def classifier() -> Classifier:
        return Classifier(NOW, LIBRARY.facts_read, wanted=lambda _: True)

    return gather([str(each) for each in fleet], classifier, hosts)


def summary(fleet: Fleet) -> dict[str | None, tuple[int, int]]:
    return {
        each.endpoint.version: (each.endpoints, each.hosts) for each in fleet.classes
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(
        tmp_path / "fleet",
        [
            inventory("a", endpoint("p/t", "1ac1-a"), endpoint("q/t", "1ac1-a")),
            inventory("b", endpoint("p/t", "1ac1-a"), endpoint("p/u", "1ac1-b")),
            inventory("c"),
        ],
    )


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("processes", [1, 3])
def test_endpoints_and_hosts_are_counted(
    folder: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if processes > 1:
        monkeypatch.setattr(gathering, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr(gathering, "workers", lambda: processes)
    monkeypatch.chdir(folder.parent)
    known = gather(
        ["fleet"],
        lambda: Classifier(NOW, LIBRARY.facts_read, wanted=lambda _: True),
    )

    assert summary(known) == {"1ac1-a": (3, 2), "1ac1-b": (1, 1)}
    assert [host.host for host in known.hosts] == ["a", "b", "c"]
    members = {
        (host.host, known.classes[place].endpoint.version, member.address, member.free)
        for host in known.hosts
        for place, has in known.on_host(host)
        for member in has.members
    }
    assert members == {
        ("a", "1ac1-a", "p/t", 2),
        ("a", "1ac1-a", "q/t", 2),
        ("b", "1ac1-a", "p/t", 2),
        ("b", "1ac1-b", "p/u", 2),
    }


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("processes", [1, 2])
def test_of_two_inventories_of_a_host_the_newer_counts(
    folder: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr(gathering, "workers", lambda: processes)
    newer = inventory("a", endpoint("p/t", "1ac1-n"), taken_at="2026-11-02T00:00:00Z")
    (folder / "z.json").write_bytes(msgspec.json.encode(newer))
    known = gathered(folder)

    assert summary(known) == {"1ac1-a": (1, 1), "1ac1-b": (1, 1), "1ac1-n": (1, 1)}
    [error] = known.errors.values()
    assert error.code == "VFC408"
    assert (
        error.summary
        == f"{folder}/a.json is of host a, as {folder}/z.json is: passed over"
    )
    hosts = Inventories([str(folder)])
    assert hosts["a"] == newer
    assert list(hosts.errors.values()) == [error]
    assert list(hosts) == ["a", "b", "c"]


def test_what_cannot_be_used_is_named_and_the_rest_is_used(folder: Path) -> None:
    (folder / "x.json").write_text("{")
    known = gathered(folder)

    [(path, error)] = known.errors.items()
    assert (path, error.code) == (f"{folder}/x.json", "VFC401")
    assert summary(known)["1ac1-b"] == (1, 1)


def test_a_fleet_of_which_nothing_can_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    for read in (gathered, lambda path: Inventories([str(path)])):
        with pytest.raises(InventoryError, match=r"x\.json"):
            read(tmp_path)


def test_hosts_are_chosen_by_name(folder: Path) -> None:
    assert summary(gathered(folder, hosts=("a",))) == {"1ac1-a": (2, 1)}
    with pytest.raises(InventoryError, match="no host moon"):
        gathered(folder, hosts=("moon",))


# ---- names and other hosts -------------------------------------------------------


def test_a_name_that_is_not_utf8_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "f", [inventory("a"), inventory("b")])
    os.rename(os.fsencode(folder / "b.json"), os.fsencode(folder) + b"/\xff.json")
    reader = InventoryReader(inventory_files([str(folder)]), "", ())

    assert [each.host for _, each in reader] == ["a"]
    [(path, error)] = reader.errors.items()
    assert path == f"{folder}/\\udcff.json"
    assert path in error.summary


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("b.json", "{}", "VFC415"),
        ("a.json", "{}", "VFC401"),
        ("a.json", '{"tool": {}, "host" : "b", "endp', None),
        ("b.json", '{"tool": {}, "host":"a", "endp', "VFC401"),
        ("b.json", '{"schema": "vfiocompat.inv', "VFC415"),
        ("b.json", "", "VFC415"),
    ],
)
def test_a_broken_inventory_of_another_host_does_not_count(
    tmp_path: Path, name: str, text: str, code: str | None
) -> None:
    """One that names no host may be of that which is asked about: it is told."""
    (tmp_path / name).write_text(text)
    write(tmp_path / "good", [inventory("a")])
    good = str(tmp_path / "good/a.json")
    asked = InventoryReader([good, str(tmp_path / name)], "", {"a"})
    every = InventoryReader([good, str(tmp_path / name)], "", ())

    assert [each.host for _, each in asked] == ["a"]
    path = str(tmp_path / name)
    assert {at: each.code for at, each in asked.errors.items()} == (
        {path: code} if code else {}
    )
    assert fail(asked.errors) == (code == "VFC401")
    assert [each.host for _, each in every] == ["a"]
    assert [*every.errors] == [path]
    assert fail(every.errors)


def test_a_host_that_is_not_there_may_be_in_a_file_that_names_none(
    folder: Path,
) -> None:
    (folder / "x.json").write_text("{")
    with pytest.raises(InventoryError, match="no host moon") as caught:
        gathered(folder, hosts=("moon",))
    assert "x.json names no host" in (caught.value.detail or "")
