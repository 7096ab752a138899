# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat tables`: the compatibility tables, and checks of one's own."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from vfiocompat import codes
from vfiocompat.commands.arguments import FILE, TABLE, Group
from vfiocompat.commands.options import common_options
from vfiocompat.endpoints import Problem
from vfiocompat.errors import (
    ExitCode,
    TableError,
    UsageError,
    VfiocompatError,
    nearest,
)
from vfiocompat.output.tables import (
    TablesDocument,
    checked_words,
    listed_lines,
    listed_table,
    table_lines,
    table_rows,
)
from vfiocompat.output.text import error_lines
from vfiocompat.tables.language.table import Table
from vfiocompat.tables.library import Entry
from vfiocompat.tables.site import SiteFile, check_facts, check_table, check_tables
from vfiocompat.tables.stated import FactFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.commands.settings import Settings

__all__ = ["command"]


@click.group("tables", cls=Group)
@common_options
def command() -> None:
    """List, show and check compatibility tables.

    Tables decide where no driver can be asked. A site adds its own as
    /etc/vfiocompat/tables.d/ID.toml; one with the id of another replaces it.
    """


@command.command("list")
@common_options
@click.pass_obj
def list_(settings: Settings) -> int:
    """List the tables there are."""
    entries = settings.library.entries
    broken = [entry for entry in entries if entry.error is not None]
    listed = [
        listed_table(entry.head, entry)
        for entry in entries
        if entry.head is not None and entry.error is None
    ]
    listed.sort(key=lambda table: table.id)
    if settings.json:
        problems = [
            Problem(entry.path, "load", None, codes.TABLE_MALFORMED) for entry in broken
        ]
        settings.print_document(TablesDocument(tables=listed, problems=problems))
    elif settings.on_terminal:
        settings.print_lines(listed_lines(listed))
    else:
        settings.print_tabbed(table_rows(listed))
    for entry in broken:
        assert entry.error is not None
        settings.note(error_lines(entry.error.record))
    return ExitCode.FAILED if broken else ExitCode.DONE


@command.command("show")
@click.argument("id_", metavar="ID", type=TABLE)
@common_options
@click.pass_obj
def show(settings: Settings, id_: str) -> None:
    """Show the whole of a table."""
    library = settings.library
    entry = _named(library.entries, id_)
    if entry.error is not None:
        raise entry.error
    table = library.table(entry)
    if isinstance(table, TableError):
        raise table
    listed = listed_table(table.file, entry)
    if settings.json:
        settings.print_document(TablesDocument(tables=[listed], table=table.file))
    else:
        settings.print_lines(table_lines(table.file, listed))


@command.command("check")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE)
@common_options
@click.pass_obj
def check(settings: Settings, files: Sequence[str]) -> None:
    """Check tables and run their cases.

    A FILE needs no other place: it is read alone, and nothing is installed. Without one
    all that the site has in /etc/vfiocompat is checked, its facts too.
    """
    checked = list(map(_checked, files) if files else _of_site(settings))
    if errors := [each for _, each in checked if isinstance(each, VfiocompatError)]:
        raise _all(errors)
    if settings.json:
        listed = [
            listed_table(
                each.file, Entry(path, "option" if files else "site", each.file)
            )
            for path, each in checked
            if isinstance(each, Table)
        ]
        settings.print_document(TablesDocument(tables=listed))
    elif not settings.quiet:
        settings.print_tabbed(
            (path, checked_words(each))
            for path, each in checked
            if isinstance(each, Table | FactFile)
        )
    if not checked:
        settings.note([[(f"{settings.config} has no tables and no facts", "plain")]])


def _checked(path: str) -> SiteFile:
    try:
        return SiteFile(path, check_table(path))
    except TableError as error:
        return SiteFile(path, error)


def _of_site(settings: Settings) -> Iterator[SiteFile]:
    """Check the files of the site, if its directory is one."""
    settings.demand_tables()
    if (error := settings.library.site_error()) is not None:
        raise error
    yield from check_tables(settings.config)
    yield from check_facts(settings.config, settings.library)


def _all(errors: Sequence[VfiocompatError]) -> VfiocompatError:
    """Make one error of those of several files."""
    if len(errors) == 1:
        return errors[0]
    parts = [
        f"{error.summary}\n{error.detail}" if error.detail else error.summary
        for error in errors
    ]
    return type(errors[0])(
        f"{len(errors)} files have mistakes",
        detail="\n".join(parts),
        hint=next((error.hint for error in errors if error.hint), None),
    )


def _named(entries: Sequence[Entry], id_: str) -> Entry:
    # A file of another name than its table's is told under either.
    stated = {entry.head.id: entry for entry in entries if entry.head is not None}
    found = {**stated, **{entry.id: entry for entry in entries}}
    if id_ in found:
        return found[id_]
    known = [entry.id for entry in entries]
    close = nearest(id_, known, 1, likeness=0) or ["none"]
    raise UsageError(
        f"there is no table {id_!r}",
        hint=f"the nearest is {shlex.quote(close[0])}; 'vfiocompat tables list' "
        "shows all",
    )
