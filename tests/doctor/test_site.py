# SPDX-License-Identifier: Apache-2.0
"""The tables that there are, and what the site states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleets import function
from vfiocompat import codes
from vfiocompat.doctor import site
from vfiocompat.tables.library import Library
from vfiocompat.tables.stated import SiteFacts, Stated

if TYPE_CHECKING:
    from pathlib import Path

    from vfiocompat.doctor.found import Found

TABLE = """\
schema = 1
id = "mlx5"
title = "x"
evidence = "site"
references = ["x"]
vendor = "pci:15b3"
drivers = ["mlx5_vfio_pci"]
migration = "device-decides"
"""
HERE = [function("0000:03:00.1", None)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name in ("tables.d", "facts.d"):
        (tmp_path / name).mkdir()
    return tmp_path


def tables(config: Path) -> Found:
    return site.tables(Library(config=str(config)), str(config))


def facts(config: Path) -> Found:
    stated = Stated(site=SiteFacts(str(config)))
    return site.facts(Library(config=str(config)), str(config), stated, HERE)


def test_a_site_that_has_nothing(config: Path) -> None:
    assert tables(config).summary.endswith("tables, as they are shipped")
    assert site.replaced(Library(config=str(config))).outcome == "pass"
    assert facts(config).summary == f"the site states nothing in {config}/facts.d"


def test_a_table_that_replaces_another_is_told(config: Path) -> None:
    (config / "tables.d/mlx5.toml").write_text(TABLE)
    assert tables(config).summary.endswith(", 1 of them the site's")
    found = site.replaced(Library(config=str(config)))

    assert (found.outcome, found.codes) == ("warning", (codes.TABLE_REPLACED,))
    assert found.detail == f"{config}/tables.d/mlx5.toml: replaces the shipped one"


def test_every_mistake_of_every_table_is_told_once(config: Path) -> None:
    (config / "tables.d/a.toml").write_text("schema = 1\nid = \n")
    (config / "tables.d/b.toml").write_text(TABLE)
    found = tables(config)

    assert (found.outcome, found.codes) == ("fail", (codes.TABLE_MALFORMED,))
    assert found.summary.startswith("2 tables with mistakes")
    assert (found.detail or "").count("a.toml is not TOML") == 1
    assert "id: 'mlx5' is not the name of the file" in (found.detail or "")


def test_a_folder_that_cannot_be_read_is_told(config: Path) -> None:
    (config / "facts.d").rmdir()
    (config / "facts.d").symlink_to("nowhere")
    found = facts(config)

    assert found.outcome == "fail"
    assert "its link leads nowhere" in (found.detail or "")


def test_every_mistake_of_every_file_of_facts_is_told(config: Path) -> None:
    (config / "facts.d/a.toml").write_text("schema = 1\n[moon]\n")
    (config / "facts.d/b.toml").write_text("schema = 2\n")
    found = facts(config)

    assert (found.outcome, found.codes) == ("fail", (codes.FACT_UNUSABLE,))
    assert "a.toml" in (found.detail or "")
    assert "b.toml" in (found.detail or "")


@pytest.mark.parametrize(
    ("line", "says"),
    [('moon = "1"', "moon: is neither a fact nor a field of hisi-acc"), ("", "")],
)
def test_what_is_stated_of_an_endpoint_here_is_held_against_it(
    config: Path, line: str, says: str
) -> None:
    (config / "facts.d/a.toml").write_text(
        f'schema = 1\n[endpoint."0000:03:00.1"]\n{line}\n'
        '[endpoint."0000:99:00.1"]\nmoon = "of another host"\n'
    )
    found = facts(config)

    assert (found.outcome == "fail") == bool(says)
    assert says in (found.detail or "")
