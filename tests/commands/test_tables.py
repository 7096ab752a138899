# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat tables`, and how a site's own tables come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.tables import TablesDocument

if TYPE_CHECKING:
    from tests.conftest import Host, Run, RunOnTerminal

ACME = """\
schema = 1
id = "acme-npu"
title = "Acme NPU slices"
vendor = "pci:1ac1"
drivers = ["acme_vfio_pci"]
evidence = "site"
references = ["https://example.org/npu"]

[format]
r2 = "{device:hex}-npu-{slices:int}-{firmware:version}-{features:set}"
r1 = "{device:hex}-npu-{slices:int}"

[field.generation]
from = "device"
order = [
  { name = "A1", values = ["0100", "0101"] },
  { name = "A2", values = ["0200"] },
]

[field.slices]
learn = "acmectl slices"

[[requirement]]
id = "generation-not-lower"
field = "generation"
relation = "not-lower"
why = "an A2 loads A1 state; an A1 cannot load A2 state"

[[requirement]]
id = "same-slices"
field = "slices"
relation = "equal"
why = "the state of a slice has its number"

[[case]]
source = "1ac1-0100-npu-2-1.9-a,b"
destination = "1ac1-0200-npu-2-2.0-a,b,c"
verdict = "compatible"

[[case]]
source = "1ac1-0200-npu-2-2.0-a,b,c"
destination = "1ac1-0100-npu-2-1.9-a,b"
verdict = "incompatible"
decided_by = ["generation-not-lower"]

[[case]]
source = "1ac1-0100-npu-2"
destination = "1ac1-0100-npu-4"
verdict = "incompatible"
decided_by = ["same-slices"]

[derive]
format = "r2"
device = "device_id"
firmware = "module_version"
"""
WHY = "an A2 loads A1 state; an A1 cannot load A2 state"
LOWER = "version:1ac1-0100-npu-2-1.9-a"
HIGHER = "version:1ac1-0200-npu-2-2.0-a"


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a site's directory of its own."""
    folder = tmp_path / "config/tables.d"
    folder.mkdir(parents=True)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path / "config"))
    return folder


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    path = tmp_path / "acme-npu.toml"
    path.write_text(ACME)
    return path


def test_list_has_the_shipped_ones(run: Run) -> None:
    shipped = Path(__file__).parents[2] / "vfiocompat/tables/shipped"
    rows = [line.split("\t") for line in run("tables list").stdout.splitlines()]
    assert [row[0] for row in rows] == sorted(
        path.stem for path in shipped.glob("*.toml")
    )
    assert {row[-1] for row in rows} == {"shipped"}
    tables = run("tables list --format json").document(TablesDocument).tables
    assert [table.id for table in tables] == [row[0] for row in rows]


def test_a_sites_table_is_listed_with_what_it_replaces(run: Run, site: Path) -> None:
    (site / "acme-npu.toml").write_text(ACME)
    (site / "hisi-acc.toml").write_text(ACME.replace("acme-npu", "hisi-acc"))
    tables = run("tables list --format json").document(TablesDocument).tables
    found = {table.id: (table.origin, table.replaces) for table in tables}
    assert found["acme-npu"] == ("site", None)
    assert found["hisi-acc"] == ("site", "shipped")
    rows = run("tables list").stdout
    assert "\tsite, replaces the shipped one\n" in rows


def test_show_has_the_whole_of_it(run: Run, acme: Path) -> None:
    result = run(f"tables show acme-npu --table {acme} --format json")
    table = result.document(TablesDocument).table
    assert table is not None
    assert [each.id for each in table.requirement] == [
        "generation-not-lower",
        "same-slices",
    ]
    assert len(table.case) == 3
    text = run(f"tables show acme-npu --table {acme}").stdout
    assert "generation, from device: A1 (0100, 0101) < A2 (0200)" in text
    assert "an A2 loads A1 state; an A1 cannot load A2 state" in text
    assert "https://example.org/npu" in text
    assert f"{acme} (option)" in text


def test_show_says_in_whose_place_a_requirement_is(run: Run, acme: Path) -> None:
    acme.write_text(
        f"""{ACME}
[[requirement]]
id = "same-features"
field = "features"
relation = "equal"
otherwise = "undetermined"
stands_in_for = ["same-slices"]
why = "it is so"
"""
    )
    assert (
        "same-features: features equal, else left open, in place of same-slices where "
        "that is not known\n"
    ) in run(f"tables show acme-npu --table {acme}").stdout


def test_show_says_what_is_left_open_and_what_stands_in(run: Run) -> None:
    shown = run("tables show nvidia-vgpu").stdout
    assert "same-framework: framework equal, else left open\n" in shown
    assert (
        "board H100-PCIe-80GB and destination's board H100-NVL-94GB, in place of "
        "same-device or same-subsystem where that is not known\n"
    ) in shown


def test_show_has_the_head_of_the_stream(run: Run) -> None:
    shown = run("tables show hisi-acc").stdout
    for line in [
        "  40 bytes of PRE_COPY, spoiled at byte 0 for the control",
        "  whose head may stand for a device's: no other's",
        "  8 bytes from 0 on: magic, v1 (cdcdcdcdfeedaacc), v2 (aaccfeeddecadede)",
        "  2 bytes from 28 on: major, int",
    ]:
        assert f"{line}\n" in shown
    assert "same-major; more may be checked later\n" in shown
    assert "\n  hazard: before commit 8c6ac1730a97 (January 2026) " in shown
    shown = run("tables show mtty").stdout
    assert "no-flags; nothing is checked later\n" in shown
    assert "hazard" not in shown
    assert (
        "\n  all initial bytes of PRE_COPY, spoiled"
        in run("tables show intel-qat-gen4").stdout
    )
    table = run("tables show intel-xe --format json").document(TablesDocument).table
    assert table is not None
    assert table.stream is not None
    assert (table.stream.size, table.stream.via) == (40, "STOP_COPY")


def test_check_reads_the_heads_of_cases(run: Run, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "vfiocompat/tables/shipped/mtty.toml"
    path = tmp_path / "mtty.toml"
    path.write_text(shipped.read_text().replace("7e 01000000", "7e 02000000", 1))
    result = run(f"tables check {path}", exit_code=4)
    assert "case[0].head: shows major 2, and the source has 1" in result.stderr
    path.write_text(shipped.read_text().replace("size = 24", "size = 23"))
    result = run(f"tables check {path}", exit_code=4)
    assert "stream.field.flags: ends at byte 24, behind the head" in result.stderr


def test_show_of_none_names_the_nearest(run: Run) -> None:
    result = run("tables show hisi-ac", exit_code=2)
    assert "the nearest is hisi-acc" in result.stderr


def test_an_id_that_is_not_the_files_name_is_one_mistake_for_all(
    run: Run, site: Path
) -> None:
    path = site / "our-npu.toml"
    path.write_text(ACME)
    says = f"1 mistake in {path}"
    detail = "id: 'acme-npu' is not the name of the file without .toml ('our-npu')"

    listed = run("tables list", exit_code=4)
    assert "acme-npu" not in listed.stdout
    for line in ("tables show acme-npu", "tables show our-npu", f"tables check {path}"):
        shown = run(line, exit_code=4)
        assert says in shown.stderr
        assert detail in shown.stderr
    assert says in listed.stderr
    assert detail in listed.stderr
    [problem] = run("tables list --format json", exit_code=4).json["problems"]
    assert (problem["path"], problem["code"]) == (str(path), "VFC204")


def test_a_misnamed_table_hides_none_of_that_name(run: Run, site: Path) -> None:
    path = site / "a-name.toml"
    path.write_text(ACME.replace('id = "acme-npu"', 'id = "mtty"'))

    assert run("tables show mtty").stdout.startswith("mtty: ")
    assert str(path) in run("tables show a-name", exit_code=4).stderr


@pytest.mark.parametrize("id_", ["Acme", "acme_npu", "-a", "a--b", "a" * 65, ""])
def test_an_id_that_is_none_is_told_in_words(run: Run, site: Path, id_: str) -> None:
    path = site / "acme-npu.toml"
    path.write_text(ACME.replace('id = "acme-npu"', f'id = "{id_}"'))

    for line in (f"tables check {path}", "tables list", "tables show acme-npu"):
        told = run(line, exit_code=4).stderr
        assert f"id: {id_!r} is not small letters and digits" in told
        assert "regex" not in told


def test_check_runs_the_cases(run: Run, acme: Path) -> None:
    assert run(f"tables check {acme}").stdout == f"{acme}\t3 cases hold\n"


def test_check_gives_every_mistake_of_every_file(
    run: Run, acme: Path, tmp_path: Path
) -> None:
    acme.write_text(
        ACME.replace("{slices:int}", "{slices:integer}")
        .replace('relation = "equal"', 'relation = "same"')
        .replace('evidence = "site"\n', "")
    )
    other = tmp_path / "other.toml"
    other.write_text("schema = 1\nid = \n")
    result = run(f"tables check {acme} {other}", exit_code=4)
    assert result.stdout == ""
    for part in (
        "evidence: is missing",
        "format.r2: slices has the kind 'integer'",
        "format.r1: slices has the kind 'integer'",
        "requirement[1].relation: ",
        str(acme),
        str(other),
        "line 2",
    ):
        assert part in result.stderr
    error = run(f"tables check {acme} --format json", exit_code=4)
    assert error.document(ErrorDocument).error.code == "VFC204"


def test_check_wants_a_case_for_each_side_of_a_requirement(
    run: Run, acme: Path
) -> None:
    acme.write_text(ACME.replace("npu-4", "npu-2").replace("decided_by", "# "))
    result = run(f"tables check {acme}", exit_code=4)
    assert "requirement[1]: same-slices fails in no case" in result.stderr
    assert "case[2].verdict: incompatible is expected" in result.stderr


def test_check_of_a_missing_file(run: Run) -> None:
    result = run("tables check /nowhere/x.toml", exit_code=4)
    assert "cannot read /nowhere/x.toml: No such file or directory" in result.stderr


def facts(site: Path, name: str, text: str) -> Path:
    """Write a file of facts of the site."""
    folder = site.parent / "facts.d"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"schema = 1\n{text}")
    return folder / name


def test_check_without_a_file_checks_all_that_the_site_has(
    run: Run, site: Path
) -> None:
    table = site / "acme-npu.toml"
    table.write_text(ACME)
    one = facts(site, "a.toml", '[driver.acme_vfio_pci]\nslices = "2"\n')
    two = facts(site, "b.toml", '[endpoint."0000:03:00.4"]\nno-such-name = "2"\n')
    result = run("tables check")

    assert result.stdout.splitlines() == [
        f"{table}\t3 cases hold",
        f"{one}\tfacts of 1 driver",
        f"{two}\tfacts of 1 endpoint",
    ]
    assert result.stderr == ""
    [listed] = run("tables check --format json").document(TablesDocument).tables
    assert (listed.id, listed.origin) == ("acme-npu", "site")


def test_check_of_a_site_gives_every_mistake_of_every_file(
    run: Run, site: Path
) -> None:
    (site / "acme-npu.toml").write_text(ACME.replace("npu-4", "npu-2"))
    facts(site, "a.toml", '[driver.acme_vfio_pci]\nslices = "2"\n')
    facts(
        site,
        "b.toml",
        '[driver.acme_vfio_pci]\nslices = "4"\n[driver.moon]\nphase = "full"\n',
    )
    facts(site, "c.toml", "[endpoint.x]\n")
    facts(site, "d.toml", '[driver.mlx5_vfio_pci]\nmoon = "full"\n')
    result = run("tables check", exit_code=4)

    assert result.stdout == ""
    for part in (
        "4 files have mistakes",
        "requirement[1]: same-slices fails in no case",
        "driver.'acme_vfio_pci'.slices: another file states '2'",
        "endpoint.'x': is not an address",
        "driver.mlx5_vfio_pci.moon: is neither a fact nor a field of mlx5",
    ):
        assert part in result.stderr


def test_facts_of_a_driver_whose_table_is_broken_are_not_mistaken(
    run: Run, site: Path
) -> None:
    broken = site / "acme-npu.toml"
    broken.write_text("schema = 1\nid = \n")
    facts(site, "a.toml", '[driver.acme_vfio_pci]\nmoon = "full"\n')
    result = run("tables check", exit_code=4)

    assert f"{broken} is not TOML" in result.stderr
    assert "moon" not in result.stderr


def test_check_of_a_site_that_has_nothing(run: Run, site: Path) -> None:
    result = run("tables check")

    assert result.stdout == ""
    assert result.stderr == (f"vfiocompat: {site.parent} has no tables and no facts\n")


@pytest.mark.parametrize("name", ["tables.d", "facts.d"])
def test_check_of_a_site_whose_folder_leads_nowhere(
    run: Run, site: Path, name: str
) -> None:
    site.rmdir()
    (site.parent / name).symlink_to("nowhere")
    result = run("tables check", exit_code=4)

    assert f"cannot read {site.parent / name}: its link leads" in result.stderr


def test_check_of_a_site_that_is_no_folder(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", "/nowhere")
    assert "/nowhere is no folder" in run("tables check", exit_code=4).stderr


# ---- whose table decides ---------------------------------------------------------


def test_a_sites_table_decides(run: Run, site: Path) -> None:
    run(f"check {LOWER} {HIGHER}", exit_code=3)
    (site / "acme-npu.toml").write_text(ACME)
    run(f"check {LOWER} {HIGHER}")
    run(f"check {HIGHER} {LOWER}", exit_code=1)


def test_an_options_table_wins_over_the_sites(run: Run, site: Path, acme: Path) -> None:
    (site / "acme-npu.toml").write_text(ACME)
    acme.write_text(ACME.replace('relation = "not-lower"', 'relation = "not-higher"'))
    run(f"check {LOWER} {HIGHER} --table {acme}", exit_code=1)
    run(f"--table {acme} check {LOWER} {HIGHER}", exit_code=1)


def test_a_broken_sites_table_fails_the_pairs_that_it_would_decide(
    run: Run, site: Path
) -> None:
    (site / "acme-npu.toml").write_text(ACME.replace('"equal"', '"same"'))
    result = run(f"check {LOWER} {HIGHER} --format json", exit_code=4)
    [pair] = result.json["results"]
    assert pair["verdict"] == "undetermined"
    assert pair["diagnostics"][0]["code"] == "VFC204"
    assert "requirement[1].relation" in pair["diagnostics"][0]["detail"]
    other = "version:8086-193b-i915-GVTg_V5_4"
    run(f"check {other} {other}")


def test_a_broken_table_does_not_give_way_to_the_one_it_replaces(
    run: Run, site: Path
) -> None:
    string = "version:8086-193b-i915-GVTg_V5_4"
    run(f"check {string} {string}")
    (site / "intel-gvt-g.toml").write_text("schema = 1\n[[[\n")
    run(f"check {string} {string}", exit_code=4)
    run("tables list", exit_code=4)


def test_a_table_of_an_option_that_is_broken_ends_the_command(
    run: Run, acme: Path
) -> None:
    acme.write_text(ACME.replace('"equal"', '"same"'))
    result = run(f"check {LOWER} {HIGHER} --table {acme} --format json", exit_code=4)
    assert result.document(ErrorDocument).error.code == "VFC204"
    run(f"check {LOWER} {HIGHER} --table /nowhere.toml", exit_code=4)


# ---- what is shown ---------------------------------------------------------------


def test_a_refusal_is_explained(run: Run, acme: Path) -> None:
    pair = "version:1ac1-0200-npu-2-2.0-a version:1ac1-0100-npu-2-2.0-a"
    result = run(f"check {pair} --table {acme}", exit_code=1)
    assert result.stdout.splitlines()[1:] == [
        "error[VFC210]: the destination is of a lower generation",
        "   |  source       1ac1-0200-npu-2-2.0-a",
        "   |                    ^^^^ A2",
        "   |  destination  1ac1-0100-npu-2-2.0-a",
        "   |                    ^^^^ A1",
        f"   = table acme-npu, requirement generation-not-lower: {WHY}",
        "   = help: needs a destination of generation A2 or higher",
    ]


def test_json_says_what_is_underlined_and_draws_nothing(run: Run, acme: Path) -> None:
    texts = "1ac1-0200-npu-2-2.0-a", "1ac1-0100-npu-2-2.0-a"
    pair = " ".join(f"version:{text}" for text in texts)
    result = run(f"check {pair} --table {acme} --format json", exit_code=1)
    [finding] = result.json["results"][0]["diagnostics"]
    assert finding["detail"] is None
    assert finding["spans"] == [
        {"side": "source", "text": texts[0], "start": 5, "end": 9, "label": "A2"},
        {"side": "destination", "text": texts[1], "start": 5, "end": 9, "label": "A1"},
    ]


def test_every_failing_requirement_is_reported(run: Run, acme: Path) -> None:
    pair = "version:1ac1-0200-npu-2-2.0-a version:1ac1-0100-npu-4-2.0-a"
    line = f"check {pair} --table {acme} --format json"
    [result] = run(line, exit_code=1).json["results"]
    assert (result["basis"], result["table"]) == ("table", "acme-npu")
    assert [found["requirement"] for found in result["diagnostics"]] == [
        "generation-not-lower",
        "same-slices",
    ]


def test_what_is_not_known_is_named_with_how_to_learn_it(run: Run, acme: Path) -> None:
    pair = "version:1ac1-0100-npu-?-2.0-a version:1ac1-0100-npu-4-2.0-a"
    result = run(f"check {pair} --table {acme}", exit_code=3)
    assert "warning[VFC220]: nothing is known of the source's slices" in result.stdout
    assert "to learn it: acmectl slices" in result.stdout


def test_the_formats_tried_are_shown(run: Run, acme: Path) -> None:
    pair = "version:1ac1-0100-npu-2-x-a version:1ac1-0100-npu-4-2.0-a"
    result = run(f"check {pair} --table {acme}", exit_code=3)
    assert "warning[VFC202]" in result.stdout
    assert "r2: {device:hex}-npu-{slices:int}-{firmware:version}" in result.stdout
    assert "^ expected firmware, a version such as 1.9" in result.stdout


def test_it_looks_the_same_on_a_terminal(
    run: Run, run_on_terminal: RunOnTerminal, acme: Path
) -> None:
    line = f"check {HIGHER} {LOWER} --table {acme}"
    plain = run(line, exit_code=1).stdout
    assert run_on_terminal(line, exit_code=1, columns=200).colorless == plain


def test_parse_names_the_fields(run: Run, acme: Path) -> None:
    line = f"parse 1ac1-0200-npu-2-2.0-a --table {acme} --format json"
    document = json.loads(run(line).stdout)
    assert document["table"] == "acme-npu"
    assert document["fields"] == {
        "format": "r2",
        "vendor_spelling": "bare",
        "device": "0200",
        "slices": "2",
        "firmware": "2.0",
        "features": "a",
        "generation": "A2",
    }


# ---- beside a driver -------------------------------------------------------------

BESIDE = """
[[parent]]
name = "0000:3b:00.0"
driver = "acme_vfio_pci"
pci = { vendor = 0x1ac1, device = 0x0200 }
[[parent.type]]
id = "strict"
version = "1ac1-0200-npu-2"
accepts = ["1ac1-0200-npu-2"]
[[parent.type]]
id = "lenient"
version = "1ac1-0100-npu-2"
accepts = ["*"]
[[function]]
address = "0000:3c:00.1"
driver = "acme_vfio_pci"
pci = { vendor = 0x1ac1, device = 0x0200 }
"""


@pytest.fixture
def beside(shared_host: Host, site: Path) -> None:
    shared_host(BESIDE)
    (site / "acme-npu.toml").write_text(ACME)


def found(run: Run, line: str, exit_code: int) -> tuple[str, str, str, list[str]]:
    """Give a pair's verdict, basis and table, and what its findings are."""
    result = run(f"check {line} --format json", exit_code=exit_code)
    [pair] = result.json["results"]
    findings = [f"{each['severity']} {each['code']}" for each in pair["diagnostics"]]
    return pair["verdict"], pair["basis"], pair["table"], findings


@pytest.mark.usefixtures("beside")
def test_a_table_explains_a_drivers_no(run: Run) -> None:
    line = "version:1ac1-0200-npu-4 0000:3b:00.0/strict"
    assert found(run, line, 1) == (
        "incompatible",
        "driver",
        "acme-npu",
        ["error VFC101", "error VFC212"],
    )


@pytest.mark.usefixtures("beside")
def test_a_table_that_would_allow_it_only_warns(run: Run) -> None:
    line = "version:1ac1-0100-npu-2 0000:3b:00.0/strict"
    assert found(run, line, 1) == (
        "incompatible",
        "driver",
        "acme-npu",
        ["error VFC101", "warning VFC205", "info VFC209"],
    )


@pytest.mark.usefixtures("beside")
def test_a_table_that_would_refuse_it_only_warns(run: Run) -> None:
    line = "version:1ac1-0200-npu-2 0000:3b:00.0/lenient"
    assert found(run, line, 0) == (
        "compatible",
        "driver",
        "acme-npu",
        ["info VFC107", "warning VFC205", "warning VFC210"],
    )


@pytest.mark.usefixtures("beside")
def test_beside_a_drivers_answer_a_broken_table_is_told(run: Run, site: Path) -> None:
    (site / "acme-npu.toml").write_text(ACME.replace('"equal"', '"same"'))
    line = "version:1ac1-0200-npu-2 0000:3b:00.0/lenient"
    verdict, basis, _, told = found(run, line, 4)
    assert (verdict, basis) == ("compatible", "driver")
    assert told == ["info VFC107", "warning VFC204"]


@pytest.mark.usefixtures("beside")
def test_a_derived_string_is_never_written(run: Run) -> None:
    """The destination's driver takes anything, and is not asked."""
    line = "0000:3c:00.1 0000:3b:00.0/lenient --fact slices=2"
    verdict, basis, table, _ = found(run, line, 1)
    assert (verdict, basis, table) == ("incompatible", "table", "acme-npu")


@pytest.mark.usefixtures("beside")
def test_with_tables_only_the_driver_is_not_asked(run: Run) -> None:
    line = "version:1ac1-0200-npu-2 0000:3b:00.0/lenient --table-only"
    assert found(run, line, 1)[:3] == ("incompatible", "table", "acme-npu")


@pytest.mark.parametrize("line", ["list", "get", "device 0000:5e:00.1", "scan"])
def test_an_option_that_is_broken_is_told_even_if_no_table_is_needed(
    shared_host: Host, run: Run, tmp_path: Path, line: str
) -> None:
    shared_host('[[function]]\naddress = "0000:5e:00.1"\ndriver = "vfio-pci"\n')
    broken = tmp_path / "x.toml"
    broken.write_text("schema = 7")
    result = run(f"{line} --table {broken}", exit_code=4)

    assert f"mistakes in {broken}" in result.stderr
    assert result.stdout == ""
