# SPDX-License-Identifier: Apache-2.0
"""The Python interface returns the records of the JSON, and loads little."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import vfiocompat
from vfiocompat import api, check, evaluate, load_tables, parse
from vfiocompat.errors import InvalidVersion, TableError, UsageError

from .commands.test_tables import ACME

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


@pytest.fixture
def acme(tmp_path: Path) -> str:
    path = tmp_path / "acme-npu.toml"
    path.write_text(ACME)
    return str(path)


def plain(record: msgspec.Struct) -> Any:  # noqa: ANN401 - JSON is anything
    return json.loads(msgspec.json.encode(record))


def test_the_examples_hold() -> None:
    for module in (api, vfiocompat):
        tried = doctest.testmod(module)
        assert tried.attempted >= 2
        assert tried.failed == 0


@pytest.mark.parametrize("name", ["check", "evaluate", "load_tables", "parse"])
def test_each_has_an_example(name: str) -> None:
    assert ">>> " in (getattr(vfiocompat, name).__doc__ or "")


def test_importing_it_loads_neither_click_nor_rich() -> None:
    program = (
        "import sys\n"
        "import vfiocompat\n"
        "print(*(name for name in sys.modules if name.startswith('vfiocompat')))\n"
        "from vfiocompat import check, evaluate, load_tables, parse\n"
        "check('version:8086-a', 'version:10de-a')\n"
        "print(*({'click', 'rich'} & set(sys.modules)))\n"
        "print('vfiocompat.host.sysfs' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["vfiocompat", "", "True"]


def test_check_is_a_result_of_the_commands_document(run: Run, acme: str) -> None:
    pair = "version:1ac1-0200-npu-2-2.0-a", "version:1ac1-0100-npu-2-2.0-a"
    line = f"check {' '.join(pair)} --table {acme} --format json"
    [result] = run(line, exit_code=1).json["results"]
    assert plain(check(*pair, tables=load_tables(acme))) == result


def test_evaluate_is_the_same_for_strings(acme: str) -> None:
    strings = "1ac1-0200-npu-2-2.0-a", "1ac1-0100-npu-2-2.0-a"
    tables = load_tables(acme)
    literals = [f"version:{string}" for string in strings]
    assert evaluate(*strings, tables) == check(*literals, tables=tables)


def test_parse_is_the_commands_document(run: Run, acme: str) -> None:
    string = "1ac1-0200-npu-2-2.0-a"
    document = run(f"parse {string} --table {acme} --format json").json
    assert document["fields"]["generation"] == "A2"
    assert plain(parse(string, load_tables(acme))) == document


def test_trouble_is_raised(tmp_path: Path) -> None:
    with pytest.raises(InvalidVersion):
        evaluate("", "8086-x")
    with pytest.raises(UsageError, match="literal"):
        check("version:8086-a", "version:8086-b", facts={"device_id": "0x1"})
    with pytest.raises(TableError, match="No such file"):
        evaluate("8086-a", "8086-b", load_tables(str(tmp_path / "none.toml")))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        vfiocompat.nothing  # noqa: B018
