# SPDX-License-Identifier: Apache-2.0
"""The Python interface returns the records of the JSON, and loads little."""

from __future__ import annotations

import doctest
import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec
import pytest

import vfiocompat
from vfiocompat import (
    CheckResult,
    FactError,
    InvalidAddress,
    InvalidVersion,
    InventoryError,
    NoSuchEndpoint,
    ParseDocument,
    TableError,
    UsageError,
    api,
    check,
    evaluate,
    load_tables,
    parse,
)

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


@pytest.mark.usefixtures("_processes")
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
        vfiocompat.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_the_kind_of_trouble_is_raised(tmp_path: Path, plain_sysroot: Path) -> None:
    """A kind that a child process, or an inventory, has told of is not lost."""
    known, literal = "0000:03:00.0", "version:8086-a"
    here = str(plain_sysroot)
    with pytest.raises(NoSuchEndpoint):
        check("0000:99:00.0", literal, sysroot=here)
    with pytest.raises(InventoryError, match="No such file"):
        check(f"inventory:{tmp_path}/none.json#{known}", literal)
    with pytest.raises(InvalidAddress):
        check("!", literal)
    (tmp_path / "facts.d").mkdir()
    (tmp_path / "facts.d/a.toml").write_text("schema = 2")
    with pytest.raises(FactError, match=r"a\.toml"):
        check(known, literal, sysroot=here, config=str(tmp_path))
    (tmp_path / "tables.d").write_text("")
    with pytest.raises(TableError, match="Not a directory"):
        check(literal, literal, config=str(tmp_path))


# ---- its names -----------------------------------------------------------------


def test_the_package_shows_the_interface() -> None:
    assert dir(vfiocompat) == sorted(vfiocompat.__all__)
    assert set(vfiocompat.__all__) == {"__version__", *api.__all__}
    for name in api.__all__:
        assert getattr(vfiocompat, name) is getattr(api, name)


def test_every_name_says_what_it_is() -> None:
    for name in api.__all__:
        known = getattr(api, name)
        if inspect.isclass(known) or inspect.isfunction(known):
            assert known.__doc__, name


def named_in(kind: object) -> set[object]:
    """Give the records and enumerations that a type is made of."""
    inner = [each for part in get_args(kind) for each in named_in(part)]
    own = getattr(kind, "__module__", "").startswith("vfiocompat.")
    return {*inner, kind} if own else set(inner)


def test_what_a_record_holds_has_a_name_too() -> None:
    public = [getattr(api, name) for name in api.__all__]
    classes = [each for each in public if inspect.isclass(each)]
    records = [each for each in classes if issubclass(each, msgspec.Struct)]
    held = [kind for each in records for kind in get_type_hints(each).values()]

    assert {CheckResult, ParseDocument} <= set(records)
    assert {each for kind in held for each in named_in(kind)} <= set(public)
