# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat schema`, and that every document is one of those it describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.simulate.conftest import ROOT
from vfiocompat import __version__
from vfiocompat.cli import COMMANDS
from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.schemas import DOCUMENTS

from .hosts import DESTINATION, PAIR, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Host, Run, RunProcess


def _references(schema: Any) -> Iterator[str]:  # noqa: ANN401 - JSON is anything
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schema(run: Run, name: str) -> None:
    result = run(f"schema {name}")
    schema = result.json
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:vfiocompat:{name}:1"
    references = set(_references(schema))
    assert {f"#/$defs/{key}" for key in schema["$defs"]} >= references
    assert schema["$ref"] in references
    document = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    assert document["properties"]["schema"]["enum"] == [f"vfiocompat.{name}/1"]
    assert run(f"schema {name} --format json").stdout == result.stdout


def test_every_command_has_a_schema() -> None:
    others = {"schema", "export"}  # the formats of other programs are theirs
    assert {*COMMANDS, "error", "inventory"} - set(DOCUMENTS) == others | {"scan"}


def test_a_scan_writes_an_inventory(run: Run) -> None:
    assert run("schema scan").stdout == run("schema inventory").stdout


@pytest.mark.parametrize("line", ["schema", "schema nonsense", "schema list get"])
def test_unknown_schema(run: Run, line: str) -> None:
    assert run(line, exit_code=2).stdout == ""


@pytest.mark.parametrize(
    ("line", "exit_code"),
    [
        ("list", 0),
        ("get", 0),
        (f"get {SOURCE}", 0),
        (f"get {SOURCE} {DESTINATION}", 0),
        (f"check {SOURCE} {DESTINATION}", 0),
        (f"check {DESTINATION} {SOURCE} {DESTINATION}", 1),
        ("check version:8086-a version:8086-b", 3),
        (f"check {SOURCE} nowhere/nothing", 4),
        ("parse 8086-a", 0),
        ("parse opaque", 0),
        ("explain VFC101", 0),
        ("explain --list", 0),
    ],
)
@pytest.mark.parametrize("options", ["", "-v", "-q", "--color always"])
def test_documents(
    shared_host: Host, run: Run, line: str, exit_code: int, options: str
) -> None:
    shared_host(PAIR)
    name = line.partition(" ")[0]
    result = run(f"{line} --format json {options}", exit_code=exit_code)
    result.document(DOCUMENTS[name])
    assert result.stdout.count("\n") == 1
    assert result.json["schema"] == f"vfiocompat.{name}/1"
    assert result.json["tool"] == {"name": "vfiocompat", "version": __version__}


@pytest.mark.parametrize(
    ("line", "exit_code", "code"),
    [
        ("list --sysroot /nowhere", 4, "VFC507"),
        ("get --sysroot /nowhere", 4, "VFC507"),
        ("get nonsense", 2, "VFC502"),
        (f"get {SOURCE}-not", 4, "VFC504"),
        ("check nowhere/nothing version:a", 4, "VFC504"),
        ("check version:a", 2, "VFC501"),
        ("check version: version:a", 2, "VFC301"),
        ("parse", 2, "VFC501"),
        ("parse ''", 2, "VFC301"),
        ("explain", 2, "VFC501"),
        ("schema nonsense", 2, "VFC501"),
        ("simulate", 2, "VFC501"),
        ("simulate /nowhere /nowhere", 4, "VFC510"),
        ("simulate /dev/null /nowhere", 4, "VFC510"),
        ("nonsense", 2, "VFC501"),
        ("list --nonsense", 2, "VFC501"),
        ("list --timeout x", 2, "VFC501"),
        ("list nonsense", 2, "VFC501"),
    ],
)
def test_errors(
    shared_host: Host, run: Run, line: str, exit_code: int, code: str
) -> None:
    shared_host(PAIR)
    text = run(line, exit_code=exit_code)
    assert text.stdout == ""
    assert text.stderr.startswith(f"vfiocompat: error[{code}]: ")
    for option in ("--format json", "--format=json", "--format json -q"):
        result = run(f"{line} {option}", exit_code=exit_code)
        document = result.document(ErrorDocument)
        assert document.error.code == code
        assert result.stderr == ""


FLEET = [str(ROOT / f"examples/fleet/node-{name}.json") for name in "abcd"]
ENDPOINT = f"inventory:{FLEET[0]}#0000:3b:00.0/acme-slice1"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("check", f"check {ENDPOINT} {ENDPOINT}"),
        ("device", f"device inventory:{FLEET[3]}#0000:75:00.1"),
        ("diff", f"diff {FLEET[0]} {FLEET[1]}"),
        ("error", "targets x"),
        ("matrix", f"matrix --hosts {' '.join(FLEET)}"),
        ("report", f"report {' '.join(FLEET)}"),
        ("targets", f"targets {ENDPOINT} {' '.join(FLEET)}"),
    ],
)
def test_a_document_is_as_its_schema_says(
    run_process: RunProcess, name: str, line: str
) -> None:
    schema = run_process(f"schema {name}").json
    expected = {"error": 2, "diff": 1}.get(name, 0)
    document = run_process(f"{line} --format json", exit_code=expected).json

    jsonschema.validate(document, schema)


def test_an_inventory_is_as_its_schema_says(run_process: RunProcess) -> None:
    schema = run_process("schema inventory").json
    for file in FLEET:
        jsonschema.validate(json.loads(Path(file).read_bytes()), schema)
