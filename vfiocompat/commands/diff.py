# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat diff`: what changed between two inventories or fleets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from vfiocompat.commands.arguments import FLEET
from vfiocompat.commands.options import common_options
from vfiocompat.commands.scans import scans_of
from vfiocompat.errors import ExitCode
from vfiocompat.fleet.diff import compare
from vfiocompat.fleet.read import Inventories
from vfiocompat.output.diff import (
    diff_answer,
    diff_document,
    diff_lines,
    diff_rows,
    within_lines,
)
from vfiocompat.output.text import error_lines
from vfiocompat.output.wayout import wayout_lines
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.commands.settings import Settings
    from vfiocompat.output.text import Item

__all__ = ["command"]


@click.command("diff")
@click.argument("old", type=FLEET)
@click.argument("new", type=FLEET)
@common_options
@click.pass_obj
def command(settings: Settings, old: str, new: str) -> int:
    """Tell what changed between two fleets.

    OLD and NEW are each an inventory or a folder of them. Endpoints that came, went or
    changed are named, and above all the paths that were lost and gained, class by
    class. Exit status: 0 if no path was lost, 1 if one was, 3 if one is only not known
    any more, 4 if an inventory could not be read.
    """
    library = settings.library
    with settings.progress("comparing"):
        before, after = (Inventories([each], library) for each in (old, new))
        found = compare(before, after, library, Horizon(time.time()))
    broken = library.broken(found.classes.values())
    errors = before.errors | after.errors | broken

    def todo() -> Iterator[Item]:
        if len({*before.files, *after.files}) == 1:
            yield from within_lines(*after.files)
        yield from wayout_lines(
            found.wanting(library),
            settings.config,
            scans=scans_of([new], after.files),
            whole=settings.verbose,
        )

    if settings.json:
        settings.print_document(diff_document(found, errors))
    elif not settings.quiet:
        settings.print_answered(
            lambda: diff_answer(found),
            lambda: diff_lines(found, whole=settings.verbose),
            diff_rows(found),
            todo,
        )
    for error in errors.values():
        settings.note(error_lines(error))
    if errors:
        return ExitCode.FAILED
    if found.lost:
        return ExitCode.INCOMPATIBLE
    return ExitCode.UNDETERMINED if found.unknown else ExitCode.DONE
