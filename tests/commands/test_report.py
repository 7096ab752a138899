# SPDX-License-Identifier: Apache-2.0
"""`report`: what is written, to where, and what it ends with."""

from __future__ import annotations

import html
import os
import sys
import tomllib
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

from tests.fleet.test_report import host
from tests.fleets import QAT_1, QAT_2, function, inventory, qat, write
from tests.output.test_wayout import IDS, KNOWN
from vfiocompat.output.report.document import ReportDocument

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run, RunOnTerminal


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    return write(tmp_path / "fleet", [host("new", QAT_2), host("old", QAT_1)])


def test_a_page_is_written_and_the_answer_told(run: Run, fleet: Path) -> None:
    page = fleet.parent / "page.html"
    result = run(f"report {fleet} -o {page}")

    assert result.stdout == ""
    assert result.stderr.startswith(
        "vfiocompat: 1 of 2 hosts with devices can give all of them to another host.\n"
    )
    assert page.read_text().startswith("<!doctype html>\n")
    assert run(f"-q report {fleet} -o {page}").stderr == ""


def test_without_a_file_it_goes_to_stdout(run: Run, fleet: Path) -> None:
    assert run(f"report {fleet}").stdout.endswith("</html>\n")
    assert run(f"report {fleet} --format markdown").stdout.startswith("# Where")


def test_a_file_is_replaced_and_no_link_followed(run: Run, fleet: Path) -> None:
    kept, page = fleet.parent / "kept", fleet.parent / "page.html"
    kept.write_text("as it was")
    os.link(kept, page)
    run(f"report {fleet} -o {page}")

    assert kept.read_text() == "as it was"
    assert page.read_text().startswith("<!doctype html>")


def test_a_file_that_cannot_be_written_is_told(run: Run, fleet: Path) -> None:
    assert "VFC512" in run(f"report {fleet} -o /nowhere/x.html", exit_code=4).stderr


def test_the_document_is_the_same_report(run: Run, fleet: Path) -> None:
    document = run(f"report {fleet} --format json").document(ReportDocument)

    assert [(each.host, each.goes) for each in document.hosts] == [
        ("new", "nowhere"),
        ("old", "elsewhere"),
    ]
    assert document.answer[0] in run(f"report {fleet}").stdout
    file = fleet.parent / "report.json"
    run(f"report {fleet} --format json -o {file}")
    assert file.read_text().startswith('{"schema":"vfiocompat.report/1"')


def test_an_inventory_that_cannot_be_used_is_told_in_the_page_and_beside_it(
    run: Run, fleet: Path
) -> None:
    (fleet / "x.json").write_text("{")
    result = run(f"report {fleet}", exit_code=4)

    assert "x.json is not a whole JSON document" in result.stderr
    assert "x.json' writes it anew" in result.stderr
    assert "x.json is not a whole JSON document" in result.stdout
    document = run(f"report {fleet} --format json", exit_code=4).document(
        ReportDocument
    )
    assert [each.code for each in document.problems] == ["VFC401"]


def test_a_fleet_without_endpoints_is_no_success(run: Run, tmp_path: Path) -> None:
    empty = write(tmp_path / "empty", [inventory("a")])
    result = run(f"report {empty}", exit_code=3)

    assert "VFC414" in result.stderr
    assert "nothing is told of whole hosts" in result.stdout


def test_a_fleet_without_devices_is_told_class_by_class(
    run: Run, tmp_path: Path
) -> None:
    idle = write(
        tmp_path / "idle", [inventory("a", qat("0000:03:00.1", QAT_1, in_use=False))]
    )
    result = run(f"report {idle}")

    assert "No host has a device now" in result.stdout
    assert QAT_1 in result.stdout


def test_what_is_too_old_counts_as_unknown(run: Run, fleet: Path) -> None:
    said = run(f"report {fleet} --max-age 1s --format json").document(ReportDocument)

    assert said.max_age == 1
    assert (said.counts.outdated, said.counts.unknown) == (2, 2)


def test_every_form_says_what_to_type_where_something_is_undetermined(
    run: Run, tmp_path: Path
) -> None:
    lacking = function("0000:75:00.1", None, stated={}, in_use=True, **IDS)
    fleet = write(tmp_path / "f", [inventory("a", lacking), inventory("b", lacking)])
    told = run(f"report {fleet} -o {tmp_path}/report.html").stderr
    document = run(f"report {fleet} --format json").document(ReportDocument)
    page = html.unescape((tmp_path / "report.html").read_text())
    ticket = run(f"report {fleet} --format markdown").stdout

    facts, scan = document.todo
    assert facts.what == "State what is missing, in a file of /etc/vfiocompat/facts.d:"
    stated = tomllib.loads(facts.paste or "")
    assert set(stated["driver"]["hisi_acc_vfio_pci"]) == {*KNOWN}
    assert scan.what == "Then scan again, on a, b:"
    assert scan.paste == f"vfiocompat scan -o {fleet}/"
    for step in document.todo:
        assert f"<p>{step.what}</p>\n<pre><code>{step.paste}\n</code></pre>" in page
        pasted = indent(step.paste or "", "    ")
        assert f"\n\n{step.what}\n\n{pasted}\n\n" in ticket
        assert pasted in told
    assert '<a href="#todo">' in page


def test_nothing_is_to_be_typed_where_all_is_known(run: Run, fleet: Path) -> None:
    assert run(f"report {fleet} --format json").document(ReportDocument).todo == []
    assert 'id="todo"' not in run(f"report {fleet}").stdout
    assert "What to type" not in run(f"report {fleet} --format markdown").stdout


def test_a_page_is_nothing_for_a_terminal(
    run_on_terminal: RunOnTerminal, fleet: Path
) -> None:
    assert "-o FILE.html" in run_on_terminal(f"report {fleet}", exit_code=2).stderr
    assert run_on_terminal(f"report {fleet} --format markdown").stdout.startswith("# ")
    shown = run_on_terminal(f"report {fleet} --format json").stdout
    assert shown.startswith('{\n  "schema": "vfiocompat.report/1",\n')


def test_without_jinja_it_is_told_how_to_get_it(
    run: Run, fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = run(f"report {fleet}", exit_code=4)

    assert "pip install 'vfiocompat[report]'" in result.stderr
    assert result.stdout == ""
    assert run(f"report {fleet} --format markdown").stdout


def test_hosts_that_may_have_devices_are_told_apart(run: Run, tmp_path: Path) -> None:
    fleet = " ".join(f"examples/fleet/node-{name}.json" for name in "abcd")
    said = run(f"report {fleet} -o {tmp_path}/x.html").stderr
    assert said.startswith("vfiocompat: 3 of 4 hosts that have or may have devices can")
    said = run(f"report {fleet[:-26]} -o {tmp_path}/x.html").stderr
    assert said.startswith("vfiocompat: 2 of 3 hosts with devices can")


def test_the_name_of_a_file_tells_in_which_form_it_is_to_be(
    run: Run, tmp_path: Path
) -> None:
    fleet = "examples/fleet/node-a.json examples/fleet/node-b.json"
    begins = {"x.md": "# ", "x.json": "{", "x.html": "<!DOCTYPE", "x": "<!DOCTYPE"}
    for name, begin in begins.items():
        run(f"report {fleet} -o {tmp_path / name}")
        assert (tmp_path / name).read_text().lower().startswith(begin.lower())
    run(f"report {fleet} -o {tmp_path}/y.md --format json")
    assert (tmp_path / "y.md").read_text().startswith("{")
