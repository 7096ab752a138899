# SPDX-License-Identifier: Apache-2.0
"""Tables made of text, for tests."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.tables.language.mistakes import mistakes
from vfiocompat.tables.language.records import TableFile
from vfiocompat.tables.language.table import Reading, Table
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from vfiocompat.tables.language.table import Outcome

HEAD = """
schema = 1
id = "acme-npu"
title = "Acme NPU slices"
vendor = "pci:1ac1"
drivers = ["acme"]
evidence = "site"
references = ["a book"]
"""
"""The head of a table of one vendor and one driver."""


def table_file(text: str, head: str = HEAD) -> TableFile:
    """Read a table's file, whatever is wrong with what it says."""
    return msgspec.convert(tomllib.loads(head + text), TableFile)


def table(text: str, head: str = HEAD) -> Table:
    """Make a table, which has no mistakes."""
    file = table_file(text, head)
    assert list(mistakes(file, file.id)) == []
    return Table(file)


def read(made: Table, text: str, *, derived: bool = False) -> Reading:
    """Read a string with a table."""
    found = made.read(VersionString.parse(text), derived=derived)
    assert isinstance(found, Reading)
    return found


def outcome(made: Table, source: str, destination: str) -> Outcome:
    """Evaluate two strings."""
    return made.outcome(read(made, source).values, read(made, destination).values)


def requirement(id_: str, field: str, relation: str, *lines: str) -> str:
    """Write a requirement."""
    return "\n".join(
        (
            "[[requirement]]",
            f'id = "{id_}"',
            f'field = "{field}"',
            f'relation = "{relation}"',
            'why = "it is so"',
            *lines,
            "",
        )
    )


def exception(id_: str, *lines: str) -> str:
    """Write an exception."""
    return "\n".join(("[[exception]]", f'id = "{id_}"', 'why = "so"', *lines, ""))
