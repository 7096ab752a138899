# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat report`: a page that tells of a whole fleet."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from vfiocompat.commands.arguments import FILE, fleet_argument
from vfiocompat.commands.classes import exit_code, read_classes
from vfiocompat.commands.options import global_options, help_option, max_age_option
from vfiocompat.commands.scans import scans_of
from vfiocompat.errors import UsageError
from vfiocompat.files.replacing import replace
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.fleet.report import report_on
from vfiocompat.output.json import streamed
from vfiocompat.output.report.answer import answer_lines
from vfiocompat.output.report.document import report_document, report_moves
from vfiocompat.output.wayout import steps_of, wayout_lines
from vfiocompat.pairs import compare_gpus
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.fleet.report import Report
    from vfiocompat.output.wayout import Step

__all__ = ["command"]


@click.command("report")
@fleet_argument()
@click.option("-o", "--output", metavar="FILE", type=FILE, help="Replace FILE.")
@max_age_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    help="Write the page, one JSON document, or Markdown (default: as FILE is called, "
    "else the page).",
)
@help_option
@global_options
@click.pass_obj
def command(
    settings: Settings,
    fleet: Sequence[str],
    output: str | None,
    max_age: float | None,
    form: str | None,
) -> int:
    """Write a web page about a whole FLEET.

    FLEET are inventories or folders of them. The page says which hosts can give all of
    their devices to another, which cannot and what would help, and how old the
    inventories are. It loads nothing from anywhere. Exit status: 0 if it was written,
    4 if an inventory could not be read, and 3 if there is nothing to compare.
    """
    form = form or _form_of(output)
    render = _renderer(form, is_shown=output is None and settings.on_terminal)
    library = settings.library
    horizon = Horizon(time.time(), max_age)
    found = read_classes(settings, fleet, horizon)
    with settings.progress("comparing classes"):
        ends = [class_.endpoint for class_ in found.classes]
        compared = compare_gpus(ends, ends, settings.host)
        grid = decide_grid(ends, library, compared)
        report = report_on(found, grid, library, horizon, compared)
    scans = scans_of(fleet, found.files)
    todo = [*wayout_lines(report.wanting, settings.config, scans=scans)]
    steps = steps_of(todo)
    if output is not None:
        replace(output, render(report, steps))
        settings.note(answer_lines(report))
        settings.note(todo)
    elif form == "json":
        document = report_document(report, steps)
        settings.print_streamed(document, report_moves(report))
    elif settings.on_terminal:
        settings.print_text(render(report, steps).decode())
    else:
        sys.stdout.buffer.write(render(report, steps))
    return exit_code(settings, found)


def _form_of(output: str | None) -> str:
    """Tell in which form a file is to be by its name."""
    forms = {".md": "markdown", ".json": "json"}
    return forms.get(os.path.splitext(output or "")[1].lower(), "text")


_Renderer = Callable[["Report", "Sequence[Step]"], bytes]
"""What writes a report, with the steps of what is to be typed."""


def _renderer(form: str, *, is_shown: bool) -> _Renderer:
    """Choose what writes the report, which may be shown on a terminal.

    Raises:
        UsageError: a web page would go to a terminal.
        OutputError: what writes it is not installed.

    """
    if form == "json":
        return _json
    if form == "markdown":
        from vfiocompat.output.report.markdown import markdown  # noqa: PLC0415 - or not

        return lambda report, steps: "".join(
            f"{line}\n" for line in markdown(report, steps)
        ).encode()
    if is_shown:
        raise UsageError(
            "a web page is nothing for a terminal",
            hint="write it to a file with -o FILE.html; or --format markdown",
        )
    from vfiocompat.output.report import page  # noqa: PLC0415 - jinja2 is slow

    page.demand_jinja()
    return lambda report, steps: page.page(report, steps).encode()


def _json(report: Report, steps: Sequence[Step]) -> bytes:
    document = report_document(report, steps)
    return b"".join((*streamed(document, report_moves(report)), b"\n"))
