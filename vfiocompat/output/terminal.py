# SPDX-License-Identifier: Apache-2.0
"""Results on a terminal, with colours and columns: the only module that uses rich."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from vfiocompat.output.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vfiocompat.output.text import Line

__all__ = ["print_lines", "show_bar"]

_GREEN, _RED, _ORANGE, _PURPLE, _BLUE = (
    f"bold color({number})" for number in (28, 160, 130, 163, 31)
)
"""Colours that are read on white as well as on black, which bright ones are not.

A terminal that has eight shows the nearest of these.
"""

STYLES = {
    "compatible": _GREEN,
    "incompatible": _RED,
    "undetermined": _ORANGE,
    "one way": _PURPLE,
    "error": _RED,
    "warning": _ORANGE,
    "info": _BLUE,
    "strong": "bold",
    "dim": "dim",
    "plain": "",
    "command": "",
    "format": "",
}


def print_lines(lines: Iterable[Line]) -> None:
    """Print lines in the colours of their parts; they are as wide as they are."""
    console = _console()
    for line in lines:
        console.print(
            Text.assemble(*((visible(text), STYLES[style]) for text, style in line)),
            soft_wrap=True,
        )


def show_bar(what: str, is_over: Callable[[], bool]) -> None:
    """Show on stderr that something goes on, until `is_over`, which waits a moment."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(what, total=None)
        while not is_over():
            pass


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the caller that nobody reads any more; rich would exit with 1."""
        raise  # noqa: PLE0704 - it is called while the error is handled


def _colors() -> Literal["auto", "standard"]:
    """Choose colours; where TERM says that there are none, somebody has asked for some.

    Nobody comes here who has not: --color=auto takes a dumb terminal at its word.
    """
    dumb = os.environ.get("TERM", "") in {"", "dumb", "unknown"}
    return "standard" if dumb else "auto"


def _console() -> Console:
    # Lines are Text and never markup: what a driver wrote stays what it is.
    return _Console(
        file=sys.stdout,
        force_terminal=True,
        no_color=False,
        color_system=_colors(),
        markup=False,
        emoji=False,
        highlight=False,
    )
