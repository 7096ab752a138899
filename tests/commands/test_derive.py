# SPDX-License-Identifier: Apache-2.0
"""Endpoints without an attribute: their strings are made of facts, read and stated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vfiocompat.output.check import CheckDocument
from vfiocompat.output.get import GetDocument
from vfiocompat.tables import library
from vfiocompat.tomlfile import read_text

from .test_tables import ACME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Host, Run
    from vfiocompat.errors import VfiocompatError

A1 = "0000:03:00.1"
A2 = "0000:03:00.2"
OTHER = "0000:04:00.1"
SPEC = f"""
kernel = "6.12.1-test"
[modules]
acme_vfio_pci = "1.9"
[[function]]
address = "{A1}"
driver = "acme_vfio_pci"
pci = {{ vendor = 0x1ac1, device = 0x0100 }}
[[function]]
address = "{A2}"
driver = "acme_vfio_pci"
pci = {{ vendor = 0x1ac1, device = 0x0200 }}
[[function]]
address = "{OTHER}"
driver = "vfio-pci"
pci = {{ vendor = 0x1ac1, device = 0x0100 }}
[[parent]]
name = "mtty"
class = "mtty"
mdev_driver = "mtty"
[[parent.type]]
id = "mtty-1"
[[parent.type]]
id = "mtty-2"
"""


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_host: Host) -> Path:
    """Give a site's directory with a table of its own, and the host."""
    folder = tmp_path / "config"
    (folder / "tables.d").mkdir(parents=True)
    (folder / "facts.d").mkdir()
    (folder / "tables.d/acme-npu.toml").write_text(ACME)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(folder))
    shared_host(SPEC)
    return folder


def one(run: Run, line: str, exit_code: int) -> Any:  # noqa: ANN401 - JSON is anything
    result = run(f"check {line} --format json", exit_code=exit_code)
    [pair] = result.document(CheckDocument).results
    return pair


# ---- get -------------------------------------------------------------------------


def test_get_derives_only_if_asked(run: Run) -> None:
    said = run(f"get {A1}", exit_code=3).stderr
    assert "VFC102" in said
    assert f"'vfiocompat get --derive {A1}'" in said
    assert run(f"get {A1} --derive").stdout == "1ac1-0100-npu-?-1.9-?\n"


def test_get_takes_stated_facts(run: Run) -> None:
    line = f"get {A1} --derive --fact slices=2 --fact features=a,b"
    assert run(line).stdout == "1ac1-0100-npu-2-1.9-a,b\n"
    result = run(f"{line} --format json").document(GetDocument)
    [endpoint] = result.endpoints
    assert (endpoint.origin, endpoint.version) == ("derived", "1ac1-0100-npu-2-1.9-a,b")
    assert endpoint.stated == {"slices": "2", "features": "a,b"}


def test_get_of_everything_derives_what_it_can(run: Run) -> None:
    rows = [line.split("\t") for line in run("get --derive").stdout.splitlines()]
    found = dict(rows)
    assert found[A1] == "1ac1-0100-npu-?-1.9-?"
    assert found[A2] == "1ac1-0200-npu-?-1.9-?"
    assert OTHER not in found


def test_facts_are_those_of_the_host(run: Run) -> None:
    [endpoint] = run(f"get {A1} --derive --format json").document(GetDocument).endpoints
    assert endpoint.facts["module_version"] == "1.9"
    assert endpoint.facts["kernel"] == "6.12.1-test"
    assert endpoint.facts["driver"] == "acme_vfio_pci"


def test_one_bad_statement_leaves_the_other_strings(run: Run, site: Path) -> None:
    (site / "facts.d/npu.toml").write_text(
        f'schema = 1\n[endpoint."{A1}"]\nslides = "2"\n'
    )
    result = run("get --derive")
    assert f"{A2}\t1ac1-0200-npu-?-1.9-?\n" in result.stdout
    assert A1 not in result.stdout
    assert "slides: is neither a fact nor a field" in result.stderr
    result = run(f"get --derive {A1} {A2}", exit_code=4)
    assert result.stdout == f"{A2}\t1ac1-0200-npu-?-1.9-?\n"


def test_a_fact_that_is_no_value_may_be_stated_otherwise(run: Run, site: Path) -> None:
    table = ACME.replace('firmware = "module_version"', 'firmware = "driver"')
    (site / "tables.d/acme-npu.toml").write_text(table)
    assert run(f"get {A1} --derive").stdout == "1ac1-0100-npu-?-?-?\n"
    line = f"get {A1} --derive --fact firmware=1.8"
    assert run(line).stdout == "1ac1-0100-npu-?-1.8-?\n"


def test_facts_are_of_a_target(run: Run) -> None:
    assert "TARGET" in run("get --derive --fact slices=2", exit_code=2).stderr


def test_facts_need_derive(run: Run) -> None:
    assert "--fact is for --derive" in run(f"get {A1} --fact a=b", exit_code=2).stderr


# ---- check -----------------------------------------------------------------------


def test_what_is_missing_is_named_with_how_to_state_it(run: Run) -> None:
    pair = one(run, f"{A1} {A2}", 3)
    assert (pair.verdict, pair.basis, pair.table) == (
        "undetermined",
        "table",
        "acme-npu",
    )
    assert (pair.source.version, pair.source.origin) == (
        "1ac1-0100-npu-?-1.9-?",
        "derived",
    )
    [unknown] = [each for each in pair.diagnostics if each.code == "VFC220"]
    assert (
        unknown.summary
        == "nothing is known of the source's and the destination's slices"
    )
    assert unknown.hint == (
        "state slices of the source and the destination; to learn it: acmectl slices"
    )
    assert "acmectl slices" in unknown.hint


def test_stated_facts_decide(run: Run) -> None:
    stated = "--fact slices=2 --destination-fact slices=2"
    assert one(run, f"{A1} {A2} {stated}", 0).verdict == "compatible"
    refused = one(run, f"{A2} {A1} {stated}", 1)
    assert refused.diagnostics[0].requirement == "generation-not-lower"
    stated = "--fact slices=2 --destination-fact slices=4"
    assert (
        one(run, f"{A1} {A2} {stated}", 1).diagnostics[0].requirement == "same-slices"
    )


def test_a_literal_meets_a_derived_string(run: Run) -> None:
    stated = "--destination-fact slices=2"
    assert (
        one(run, f"version:1ac1-0100-npu-2 {A2} {stated}", 0).source.origin == "literal"
    )


def test_the_sites_files_state_facts(run: Run, site: Path) -> None:
    (site / "facts.d/npu.toml").write_text(
        f'schema = 1\n[driver.acme_vfio_pci]\nslices = "2"\n'
        f'[endpoint."{A2}"]\nslices = "4"\n'
    )
    assert run(f"get {A1} --derive").stdout == "1ac1-0100-npu-2-1.9-?\n"
    assert run(f"get {A2} --derive").stdout == "1ac1-0200-npu-4-1.9-?\n"
    one(run, f"{A1} {A2}", 1)
    one(run, f"{A1} {A2} --destination-fact slices=2", 0)


@pytest.mark.parametrize(
    ("stated", "what"),
    [
        ("slices=two", "'two' is no int"),
        ("slides=2", "is neither a fact nor a field of acme-npu"),
        ("generation=A1", "follows from device: state that"),
        ("device_id=0x0300", "'0x0300' is stated, sysfs says '0x0100'"),
        ("device=0300", "'0300' is stated, sysfs says '0100'"),
        ("slices", "is not NAME=VALUE"),
        ("slices=2 --fact slices=3", "slices is stated twice"),
        ("=2", "is not NAME=VALUE"),
    ],
)
def test_a_stated_fact_that_cannot_be_meant(run: Run, stated: str, what: str) -> None:
    for line in (
        f"check {A1} {A2} --fact {stated}",
        f"get {A1} --derive --fact {stated}",
    ):
        result = run(line, exit_code=2)
        assert "VFC228" in result.stderr
        assert what in result.stderr


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "schema = 1\n[driver.acme_vfio_pci]\nslices = 2\n",
            "driver.acme_vfio_pci.slices",
        ),
        ("schema = 1\n[driver.acme_vfio_pci]\nslides = '2'\n", "slides: is neither"),
        ("schema = 1\n[endpoint.'not one']\na = '2'\n", "is not an address"),
        ("schema = 1\n[endpoint.'0000:3B:00.1']\na = '2'\n", "'0000:3b:00.1'"),
        ("schema = 2\n[end.'not one']\na = '2'\n", "end: unknown key"),
        ("schema = 1\n[", "is not TOML"),
    ],
)
def test_a_malformed_file_of_facts(run: Run, site: Path, text: str, what: str) -> None:
    (site / "facts.d/npu.toml").write_text(text)
    result = run(f"check {A1} {A2}", exit_code=4)
    assert "VFC228" in result.stderr + result.stdout
    assert what in result.stderr + result.stdout


def test_facts_of_a_literal_are_a_mistake(run: Run) -> None:
    line = f"check version:1ac1-0100-npu-2 {A2} --fact slices=2"
    assert "a literal string says all" in run(line, exit_code=2).stderr


# ---- drivers that cannot migrate -------------------------------------------------


def test_plain_vfio_pci_cannot_migrate_as_bound_now(run: Run) -> None:
    pair = one(run, f"{OTHER} {A1}", 1)
    assert (pair.basis, pair.table) == ("table", "vfio-pci")
    assert pair.diagnostics[0].code == "VFC206"
    assert one(run, f"{A1} {OTHER}", 1).table == "vfio-pci"
    assert one(run, f"version:1ac1-0100-npu-2 {OTHER}", 1).table == "vfio-pci"


# ---- virtual parents -------------------------------------------------------------


def test_a_virtual_parents_driver_is_the_prefix_of_the_type(run: Run) -> None:
    found = run("list --format json").json["endpoints"]
    drivers = {each["type_id"]: each["driver"] for each in found if each["parent"]}
    assert drivers == {"mtty-1": "mtty", "mtty-2": "mtty"}


def test_types_of_mtty_are_told_apart(run: Run) -> None:
    assert one(run, "mtty/mtty-1 mtty/mtty-2", 1).table == "mtty"


# ---- tables ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "exit_code"),
    [
        ("get --derive", 0),
        (f"get --derive {A1} mtty/mtty-1", 0),
        (f"check {A1} {A2}", 3),
        ("check mtty/mtty-1 mtty/mtty-2", 1),
        ("scan", 0),
    ],
)
def test_a_command_reads_the_head_of_each_table_once(
    run: Run,
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    exit_code: int,
) -> None:
    mine = site / "mine.toml"
    mine.write_text(ACME.replace("acme-npu", "mine"))
    opened = []

    def counted(path: str, error: type[VfiocompatError]) -> str:
        opened.append(path)
        return read_text(path, error)

    monkeypatch.setattr(library, "read_text", counted)
    run(f"{line} --table {mine}", exit_code=exit_code)

    assert {str(mine), str(site / "tables.d/acme-npu.toml")} <= set(opened)
    assert len(opened) == len(set(opened)) > 10
