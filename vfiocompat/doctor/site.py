# SPDX-License-Identifier: Apache-2.0
"""The tables that there are, and the facts that the site states."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.diagnostics import counted
from vfiocompat.doctor.found import error_words, failed, passed, warned
from vfiocompat.errors import FactError, TableError
from vfiocompat.tables.site import check_facts, check_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.doctor.found import Found
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.tables.language.records import TableOrigin
    from vfiocompat.tables.library import Library
    from vfiocompat.tables.stated import Stated

__all__ = ["facts", "replaced", "tables"]

_ORIGINS: dict[TableOrigin, str] = {
    "option": "other",
    "site": "site's",
    "shipped": "shipped",
}


def tables(library: Library, config: str) -> Found:
    """Look whether every table can be used; those of the site run their cases."""
    errors: dict[str, ErrorRecord] = {}
    for entry in library.entries:
        table = entry.error or library.table(entry)
        if isinstance(table, TableError):
            errors[entry.path] = table.record
    for path, found in check_tables(config):
        if isinstance(found, TableError | FactError):
            errors[path] = found.record
    if errors:
        return failed(
            f"{counted(len(errors), 'table')} with mistakes: what it says, or does not "
            "say, cannot be relied on",
            codes.TABLE_MALFORMED,
            detail=error_words(errors.values()),
            hint="mend it, which is right when this is content:\n"
            "    vfiocompat tables check",
        )
    own = sum(entry.origin != "shipped" for entry in library.entries)
    return passed(
        f"{counted(len(library.entries), 'table')}, {own} of them the site's"
        if own
        else f"{counted(len(library.entries), 'table')}, as they are shipped"
    )


def replaced(library: Library) -> Found:
    """Look whether tables stand in the place of others."""
    found = [entry for entry in library.entries if entry.replaces is not None]
    if not found:
        return passed("no table replaces another one")
    return warned(
        f"{counted(len(found), 'table')} in the place of another of the same id",
        codes.TABLE_REPLACED,
        detail="\n".join(
            f"{entry.path}: replaces the {_ORIGINS[entry.replaces]} one"
            for entry in found
            if entry.replaces is not None
        ),
        hint="give it another name and id, unless that is meant: what a newer "
        "vfiocompat knows is not used",
    )


def facts(
    library: Library, config: str, stated: Stated, here: Sequence[Endpoint]
) -> Found:
    """Look whether what the site states can be used, of the endpoints `here` too."""
    files = list(check_facts(config, library))
    wrong = [each.found for each in files if isinstance(each.found, FactError)]
    if not wrong:
        wrong = list(_unusable(library, stated, here))
    if wrong:
        return failed(
            "what the site states cannot be used: endpoints that it may be about are "
            "not decided",
            codes.FACT_UNUSABLE,
            detail=error_words(dict.fromkeys(each.record for each in wrong)),
            hint=f"mend it, as vfiocompat-facts(5) has it: {_folder(config)}",
        )
    if not files:
        return passed(f"the site states nothing in {_folder(config)}")
    return passed(f"{counted(len(files), 'file')} in {_folder(config)}")


def _folder(config: str) -> str:
    return os.path.join(config, "facts.d")


def _unusable(
    library: Library, stated: Stated, here: Sequence[Endpoint]
) -> Iterator[FactError]:
    """Say what is stated of endpoints that is not so, or nothing of theirs."""
    for endpoint in here:
        try:
            stated.of_source(endpoint, library)
        except FactError as error:
            yield error
    yield from map(FactError.of, stated.denied(here, library).values())
