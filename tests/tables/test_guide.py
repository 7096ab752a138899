# SPDX-License-Identifier: Apache-2.0
"""The guide to writing tables says what the program does, and its examples are run."""

from __future__ import annotations

import re
import typing
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.documents import keys_of, markdown_sessions, run_session
from tests.simulate.conftest import ROOT
from vfiocompat.tables.language.cases import case_mistakes
from vfiocompat.tables.language.kinds import KINDS
from vfiocompat.tables.language.records import Head, RelationName, TableFile
from vfiocompat.tables.language.relations import GENERATION, RELATIONS
from vfiocompat.tables.language.table import Table
from vfiocompat.tables.library import load_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.documents import Session

GUIDE = ROOT / "vfiocompat/tables/README.md"
SESSIONS = markdown_sessions(GUIDE)
FILES = SESSIONS[-1].files


def table(heading: str) -> list[list[str]]:
    """Give the table below a heading, as rows of cells without the rule."""
    text = re.split(rf"^#+ {heading}$", GUIDE.read_text(), flags=re.MULTILINE)[1]
    below = re.split(r"^#+ [A-Z]", text, maxsplit=1, flags=re.MULTILINE)[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in re.findall(r"^\|.*\|$", below, re.MULTILINE)
        if not line.startswith("|---")
    ]


@pytest.mark.parametrize("session", SESSIONS, ids=[each.where for each in SESSIONS])
def test_a_session_in_the_guide_is_what_happens(
    session: Session, example: dict[str, str], tmp_path: Path
) -> None:
    assert run_session(session, example, tmp_path) == session.transcript


def test_every_command_line_of_the_guide_is_run() -> None:
    text = GUIDE.read_text()
    run = [command for session in SESSIONS for command, _ in session.steps]
    assert len(run) == len(re.findall(r"^[$#] vfiocompat ", text, re.MULTILINE)) >= 4


@pytest.mark.parametrize("name", list(FILES))
def test_a_table_of_the_guide_passes_its_check(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(FILES[name])
    assert list(case_mistakes(load_table(str(path)))) == []


@pytest.mark.parametrize("name", list(FILES))
def test_cases_of_the_guide_notice_another_rule(name: str, tmp_path: Path) -> None:
    """The guide asks as much of a shipped table."""
    path = tmp_path / name
    path.write_text(FILES[name])
    table = load_table(str(path))
    unnoticed = [
        changed
        for changed, file in changes(table)
        if not list(case_mistakes(Table(file)))
    ]
    assert unnoticed == []


def changes(table: Table) -> Iterator[tuple[str, TableFile]]:
    """Change each requirement's relation to each other one, and drop each exception."""
    file = table.file
    for number, rule in enumerate(file.requirement):
        kinds = table.fields.kinds
        pair = kinds[rule.field], kinds[rule.destination_field or rule.field]
        for relation, known in RELATIONS.items():
            if pair in known.kinds and rule.relation not in {relation, "specifier"}:
                rules = list(file.requirement)
                rules[number] = msgspec.structs.replace(rule, relation=relation)
                yield (
                    f"{rule.id} {relation}",
                    msgspec.structs.replace(file, requirement=tuple(rules)),
                )
    for exception in file.exception:
        rest = tuple(each for each in file.exception if each is not exception)
        yield exception.id, msgspec.structs.replace(file, exception=rest)


def test_every_table_of_the_guide_is_one_of_its_files() -> None:
    assert GUIDE.read_text().count("\nschema = 1\n") == len(FILES) == 5


def test_the_first_table_is_that_of_the_examples() -> None:
    example = (ROOT / "examples/tables/acme-npu.toml").read_text()
    assert re.sub(r"\A(#.*\n)+", "", example) == FILES["acme-npu.toml"]


def test_every_section_of_a_table_is_described() -> None:
    text = GUIDE.read_text()
    for name in set(keys_of(TableFile)) - set(keys_of(Head)):
        assert re.search(rf"`\[+{name}\b[^`]*\]`", text), name


def test_the_matrix_is_that_of_the_program() -> None:
    head, *body = table("Choosing a relation")
    assert head[1:] == [*KINDS, GENERATION]
    shown = {
        row[0].strip("`"): {
            (source, destination)
            for source, destination in zip(head[1:], row[1:], strict=True)
            if destination
        }
        for row in body
    }
    assert shown == {name: each.kinds for name, each in RELATIONS.items()}


def test_every_relation_is_told_what_it_is_for() -> None:
    chosen = re.findall(r"(?:^- |; )`([a-z-]+)` for", GUIDE.read_text(), re.MULTILINE)
    chosen += re.findall(r"^- `(within)` where", GUIDE.read_text(), re.MULTILINE)
    assert sorted(chosen) == sorted(typing.get_args(RelationName))
