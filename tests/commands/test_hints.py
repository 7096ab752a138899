# SPDX-License-Identifier: Apache-2.0
"""What a hint says to type can be pasted, whatever a name from elsewhere holds."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.fleets import answer, endpoint, function, inventory, write
from vfiocompat.decision.preconditions import not_bound
from vfiocompat.endpoints import Attribute

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run

HOSTILE = ["a$(id)b", "a b", "a;id", "a'b", "a`id`", "a\\b", "~root", "a>b", "!!"]


def pasted(hint: str, word: str) -> list[str]:
    """Read what follows a word of a hint as a shell does, up to the next comma."""
    [_, rest] = hint.split(word, 1)
    return [each.rstrip(",") for each in shlex.split(rest)]


@pytest.mark.parametrize("name", HOSTILE)
def test_endpoints_that_are_named_can_be_pasted(
    run: Run, tmp_path: Path, name: str
) -> None:
    address = f"0000:41:00.0/{name}"
    file = write(tmp_path, [inventory("c", endpoint(address, "1ac1-x"))]) / "c.json"
    result = run(f"check version:1ac1-a inventory:{file}#0000:41:00.0/no", exit_code=4)
    assert pasted(help_of(result.stdout), "there is ") == [address]

    several = inventory("c", endpoint(address, "1ac1-x"), endpoint("p/t", "1ac1-x"))
    file = write(tmp_path, [several]) / "c.json"
    result = run(f"check version:1ac1-a inventory:{file}", exit_code=4)
    assert pasted(help_of(result.stdout), "help: ") == [f"inventory:{file}#{address}"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_type_that_is_named_can_be_pasted(
    run: Run, tmp_path: Path, name: str
) -> None:
    taken = (answer("1ac1-a", accepted=True),)
    there = endpoint(f"p/{name}", "1ac1-x", answers=taken)
    attribute = Attribute("migration_version", "present", node="type")
    there = msgspec.structs.replace(there, attribute=attribute)
    file = write(tmp_path, [inventory("c", there)]) / "c.json"
    line = f"check version:1ac1-a {shlex.quote(f'inventory:{file}#p/{name}')}"
    result = run(line, exit_code=3)

    assert pasted(help_of(result.stdout), "add --source-type ") == [name]


@pytest.mark.parametrize("name", HOSTILE)
def test_hosts_that_are_named_can_be_pasted(
    run: Run, tmp_path: Path, name: str
) -> None:
    for number, host in enumerate((name, "zz")):
        write(tmp_path / str(number), [inventory(host, endpoint("p/t", "1ac1-x"))])
    line = f"export prometheus {tmp_path}/0 {tmp_path}/1 --host no"
    result = run(line, exit_code=4)

    shown = pasted(help_of(result.stderr), "--host names one: ")
    assert sorted(shown) == sorted([name, "zz"])


@pytest.mark.parametrize("name", HOSTILE)
def test_tables_and_functions_that_are_named_can_be_pasted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "tables.d").mkdir()
    (tmp_path / "tables.d" / f"{name}.toml").write_text("")
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path))
    result = run(f"tables show {shlex.quote(name + 'x')}", exit_code=2)
    [nearest, *_] = pasted(help_of(result.stderr), "the nearest is ")
    assert nearest == f"{name};"

    hint = not_bound(function(f"0000:03:00.0{name}", None)).hint
    assert hint is not None
    assert pasted(hint, "an mdev type: ") == [f"0000:03:00.0{name}/TYPE_ID"]


def help_of(text: str) -> str:
    [line] = re.findall(r"= (help: .*)", text)
    return str(line)
