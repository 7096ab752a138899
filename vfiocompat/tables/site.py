# SPDX-License-Identifier: Apache-2.0
"""The files of a site, each with what is wrong with it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.endpoints import Endpoint
from vfiocompat.errors import FactError, TableError
from vfiocompat.tables.heads import head_mistakes
from vfiocompat.tables.language.cases import case_mistakes
from vfiocompat.tables.language.derive import stated_mistakes
from vfiocompat.tables.library import load_table, toml_files
from vfiocompat.tables.shelf import whole_tables
from vfiocompat.tables.stated import FactFile, SiteFacts, fact_mistakes
from vfiocompat.tomlfile import mistakes_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.tables.language.table import Table
    from vfiocompat.tables.library import Library

__all__ = ["SiteFile", "check_facts", "check_table", "check_tables"]


class SiteFile(NamedTuple):
    """A file of a site, or a folder that cannot be read, and what it holds."""

    path: str
    found: Table | FactFile | TableError | FactError


def check_table(path: str) -> Table:
    """Load a table, and run its cases.

    Raises:
        TableError: it has mistakes; every one is named.

    """
    table = load_table(path)
    if wrong := [*case_mistakes(table), *head_mistakes(table)]:
        hint = "what cases have to show is described in vfiocompat-table(5)"
        raise mistakes_in(path, wrong, TableError, hint)
    return table


def check_tables(config: str) -> Iterator[SiteFile]:
    """Check every table of a site, whose directory is `config`."""
    folder = os.path.join(config, "tables.d")
    try:
        paths = toml_files(folder, TableError)
    except TableError as error:
        yield SiteFile(folder, error)
        return
    for path in paths:
        try:
            yield SiteFile(path, check_table(path))
        except TableError as error:
            yield SiteFile(path, error)


def check_facts(config: str, library: Library) -> Iterator[SiteFile]:
    """Check every file of facts of a site.

    What is stated of a driver is held against the tables of `library` that speak for
    it. What is stated of an endpoint can be told only where that is.
    """
    try:
        for path, found in SiteFacts(config).checked():
            wrong = []
            if isinstance(found, FactFile):
                wrong = list(_of_drivers(found, library))
            yield SiteFile(path, fact_mistakes(path, wrong) if wrong else found)
    except FactError as error:
        yield SiteFile(os.path.join(config, "facts.d"), error)


def _of_drivers(file: FactFile, library: Library) -> Iterator[str]:
    """Say what is wrong with what is stated of drivers."""
    for driver, facts in file.driver.items():
        any_of_it = Endpoint(kind="type", address="", driver=driver)  # of no vendor
        try:
            shelf = library.speaking_for(any_of_it)
        except TableError:
            return  # their folder cannot be read, which is told of it
        tables = whole_tables(shelf)
        if len(tables) < len(shelf):
            continue  # the table with mistakes may know the names
        for name, what in stated_mistakes(facts, {}, tables).items():
            yield f"driver.{driver}.{name}: {what}"
