# SPDX-License-Identifier: Apache-2.0
"""Tables: where they come from, which wins, and how little of them is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from vfiocompat import tomlfile
from vfiocompat.endpoints import Endpoint, literal
from vfiocompat.errors import TableError
from vfiocompat.tables import library as loader
from vfiocompat.tables.language.table import Table
from vfiocompat.tables.library import Library, load_table
from vfiocompat.tomlfile import parse_toml
from vfiocompat.versions import VersionString

from .language.making import HEAD, requirement

if TYPE_CHECKING:
    from pathlib import Path

ANY = "migration-proposal-2020"
"""The shipped table that is for any vendor."""

TEXT = HEAD + '[format]\nf = "npu-{n:int}"\n' + requirement("same", "n", "equal")
A, B = literal("1ac1-npu-1"), literal("1ac1-npu-2")


def add(folder: Path, id_: str, text: str = TEXT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{id_}.toml"
    file.write_text(text.replace("acme-npu", id_))
    return file


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Give a site's directory of tables."""
    return tmp_path / "config/tables.d"


def library(site: Path, *paths: Path) -> Library:
    return Library([str(path) for path in paths], str(site.parent))


def test_without_a_site_there_are_the_shipped_tables(tmp_path: Path) -> None:
    entries = Library((), str(tmp_path / "no")).entries

    assert {entry.origin for entry in entries} == {"shipped"}
    assert len(entries) == 21
    assert all(entry.error is None for entry in entries)


def test_a_table_of_a_site_and_of_an_option(site: Path, tmp_path: Path) -> None:
    add(site, "acme-npu")
    (site / "notes.txt").write_text("x")
    (site / ".hidden.toml").write_text("x")
    option = add(tmp_path, "mine")
    known = library(site, option)

    assert [(each.id, each.origin) for each in known.entries[:2]] == [
        ("mine", "option"),
        ("acme-npu", "site"),
    ]
    assert [each.rank for each in known.shelf(A, B)] == [0, 1, 2]


def test_one_id_replaces_another(site: Path, tmp_path: Path) -> None:
    add(site, "hisi-acc")
    [entry] = [each for each in library(site).entries if each.id == "hisi-acc"]
    assert (entry.origin, entry.replaces) == ("site", "shipped")

    option = add(tmp_path, "hisi-acc")
    [entry] = [each for each in library(site, option).entries if each.id == "hisi-acc"]
    assert (entry.origin, entry.replaces) == ("option", "site")


def test_two_options_of_one_id_are_an_error(site: Path, tmp_path: Path) -> None:
    one, two = add(tmp_path / "a", "x"), add(tmp_path / "b", "x")

    with pytest.raises(TableError, match="have the same id"):
        _ = library(site, one, two).entries
    assert library(site, one, one).entries[0].id == "x"


def test_only_heads_of_other_tables_are_read(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(site, "acme-npu")
    loaded = []

    def counted(path: str) -> Table:
        loaded.append(os.path.basename(path))
        return load_table(path)

    parsed = []

    def measured(text: str, *more: object) -> object:
        parsed.append(text)
        return parse_toml(text, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(loader, "load_table", counted)
    for place in (loader, tomlfile):
        monkeypatch.setattr(place, "parse_toml", measured)
    known = library(site)
    assert [each.id for each in known.shelf(A, B)] == ["acme-npu", ANY]
    known.shelf(A, B)

    assert loaded == ["acme-npu.toml", f"{ANY}.toml"]
    whole = [text for text in parsed if "[format]" in text or "[[case]]" in text]
    assert (len(parsed), len(whole)) == (24, 2)


def test_a_broken_table_stands_for_the_pairs_of_its_head(site: Path) -> None:
    add(site, "acme-npu", TEXT.replace("{n:int}", "{n:moon}"))
    known = library(site)
    shelved = known.shelf(A, B)[0]

    assert shelved.id == "acme-npu"
    assert not isinstance(shelved.table, Table)
    assert "format.f" in (shelved.table.detail or "")
    others = literal("8086-x"), literal("8086-y")
    assert "acme-npu" not in [each.id for each in known.shelf(*others)]


def test_one_whose_head_tells_nothing_stands_for_all(site: Path) -> None:
    add(site, "acme-npu", "vendor = 1")
    known = library(site)

    for pair in ((A, B), (literal("8086-x"), literal("8086-y"))):
        assert known.shelf(*pair)[0].id == "acme-npu"
    os.mkfifo(site / "pipe.toml")
    assert "pipe" in [each.id for each in library(site).shelf(A, B)]


def test_a_broken_one_stands_for_the_pairs_of_that_which_it_replaces(
    site: Path,
) -> None:
    add(site, "hisi-acc", "= what")
    known = library(site)
    ends = literal("19e5-hisi:x"), literal("19e5-hisi:y")

    assert [each.id for each in known.shelf(*ends)] == ["hisi-acc", ANY]
    assert "hisi-acc" not in [each.id for each in known.shelf(A, B)]


def test_an_option_that_is_broken_is_an_error_at_once(
    site: Path, tmp_path: Path
) -> None:
    broken = add(tmp_path, "x", "schema = 2")
    with pytest.raises(TableError, match=r"mistakes in .*x\.toml"):
        _ = library(site, broken).entries
    with pytest.raises(TableError, match="No such file"):
        _ = library(site, tmp_path / "no.toml").entries


def test_a_site_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tables.d").write_text("no folder")

    with pytest.raises(TableError, match="Not a directory"):
        _ = Library((), str(tmp_path)).entries


def test_every_mistake_of_a_file_is_told_with_its_key(tmp_path: Path) -> None:
    file = add(
        tmp_path,
        "x",
        TEXT.replace("schema = 1", "schema = 3")
        + requirement("same", "m", "equal")
        + "moon = 1\n[sun]\n",
    )
    with pytest.raises(TableError) as caught:
        load_table(str(file))

    assert caught.value.code == "VFC204"
    keys = [line.partition(":")[0] for line in (caught.value.detail or "").splitlines()]
    assert set(keys) >= {"schema", "requirement[1].moon", "sun"}


def test_a_value_that_looks_like_a_section_does_not_end_the_head(site: Path) -> None:
    text = TEXT.replace('title = "Acme NPU slices"', 'title = """\n[format]\n"""')
    add(site, "acme-npu", text)
    [entry] = [each for each in library(site).entries if each.id == "acme-npu"]

    assert entry.error is None
    assert entry.head is not None
    assert entry.head.title == "[format]\n"


def test_a_string_is_read_by_the_tables_that_win(site: Path, tmp_path: Path) -> None:
    add(site, "site-npu")
    option = add(tmp_path, "mine")
    version = VersionString.parse("1ac1-npu-1")

    assert [id_ for id_, _ in library(site).readings(version)[0]] == ["site-npu"]
    assert [id_ for id_, _ in library(site, option).readings(version)[0]] == ["mine"]
    assert library(site).readings(VersionString.parse("opaque")) == ([], [])


def test_endpoints_without_a_vendor_are_told_apart() -> None:
    """What was found for one counts for another only if all that is read is alike."""
    virtual = Endpoint(kind="type", address="mtty/mtty-1", parent="mtty", driver="mtty")
    ends = [
        virtual,
        replace(virtual, kind="function", parent=None),
        replace(virtual, parent="0000:03:00.0"),
        replace(virtual, vendor_id="Acme"),
        replace(virtual, vendor_id="0x4348"),
        replace(virtual, version="4348-x"),
        replace(virtual, version="opaque"),
    ]
    spoken = [True, False, False, False, True, True, False]

    for order in (slice(None), slice(None, None, -1)):
        library = Library(config="/nonexistent")
        found = [bool(library.speaking_for(each)) for each in ends[order]]
        assert found == spoken[order]


def test_the_facts_that_tables_read(site: Path) -> None:
    known = library(site)

    assert "device_id" in known.facts_read("hisi_acc_vfio_pci")
    assert "numa_node" not in known.facts_read("hisi_acc_vfio_pci")
    add(site, "acme-npu", TEXT + '[derive]\nformat = "f"\nn = "numa_node"\n')
    assert "numa_node" in library(site).facts_read("acme")


def test_a_folder_that_is_a_link_to_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "tables.d").symlink_to(tmp_path / "nowhere")

    with pytest.raises(TableError, match="leads nowhere"):
        _ = Library(config=str(tmp_path)).entries
