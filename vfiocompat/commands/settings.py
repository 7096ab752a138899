# SPDX-License-Identifier: Apache-2.0
"""What the common options say of a run, and how its results are shown."""

from __future__ import annotations

import contextlib
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TextIO

import click
import msgspec

from vfiocompat.commands.arguments import FLEET_VARIABLE, fleet_of_variable
from vfiocompat.files.inventories import Fleets
from vfiocompat.host.sysfs import Host
from vfiocompat.output.json import json_text, streamed
from vfiocompat.output.text import plain
from vfiocompat.output.visible import visible, visible_text

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Sequence,
    )

    from vfiocompat.output.text import Item, Line
    from vfiocompat.tables.library import Library

__all__ = ["Settings", "tell"]


def _sysroot() -> str:
    return os.environ.get("VFIOCOMPAT_SYSROOT") or "/"


class Settings(msgspec.Struct, dict=True):
    """The common options, as given before or after the command's name.

    The host and the tables are made when a command first wants them, and kept.
    """

    sysroot: str = msgspec.field(default_factory=_sysroot)
    table: tuple[str, ...] = ()
    timeout: float = 5.0
    color: Literal["auto", "always", "never"] = "auto"
    verbose: bool = False
    quiet: bool = False
    format: Literal["text", "json"] = "text"

    @cached_property
    def host(self) -> Host:
        """The host whose sysfs --sysroot names."""
        return Host(self.sysroot, self.timeout)

    @property
    def config(self) -> str:
        """The site's directory of tables and facts."""
        from vfiocompat.tables.library import CONFIG  # noqa: PLC0415 - not for --help

        return os.environ.get("VFIOCOMPAT_CONFIG") or CONFIG

    @cached_property
    def library(self) -> Library:
        """The tables: those of --table, the site's, and the shipped ones."""
        from vfiocompat.tables.library import Library  # noqa: PLC0415 - not for --help

        named = bool(os.environ.get("VFIOCOMPAT_CONFIG"))
        return Library(self.table, self.config, named=named)

    def tell_of_libraries(self) -> None:
        """Tell with --verbose why NVIDIA's library was not asked, if it was wanted."""
        why = getattr(self.__dict__.get("host"), "nvml", None)
        if self.verbose and why is not None and not why.fails:
            from vfiocompat.output.text import error_lines  # noqa: PLC0415 - rare

            self.note(error_lines(why))

    def demand_tables(self) -> None:
        """See that the files of --table can be used, by a command that may need none.

        Raises:
            TableError: one has mistakes.

        """
        if self.table:
            _ = self.library.entries

    def fleets(self, given: Sequence[str] = ()) -> Fleets:
        """Give the fleets whose hosts addresses may name."""
        known = fleet_of_variable()
        named: dict[str, Sequence[str]] = {}
        if given and list(given) != known:
            named["FLEET"] = given
        return Fleets(named | ({FLEET_VARIABLE: known} if known else {}))

    def drivers(self) -> Collection[str]:
        """Name every driver that a table speaks for."""
        return self.library.drivers()

    @property
    def json(self) -> bool:
        """Whether the result is to be a JSON document."""
        return self.format == "json"

    @property
    def on_terminal(self) -> bool:
        """Whether a person looks at stdout."""
        return sys.stdout.isatty()

    @property
    def width(self) -> int:
        """How many columns the terminal has."""
        return _columns(sys.stdout)

    @property
    def colored(self) -> bool:
        """Whether stdout gets colours."""
        if self.color == "auto":
            dumb = os.environ.get("TERM") == "dumb"
            return self.on_terminal and not dumb and not os.environ.get("NO_COLOR")
        return self.color == "always"

    def print_document(self, document: object) -> None:
        """Print a document as JSON: in one line, or indented on a terminal."""
        text = json_text(document, indent=2 if self.on_terminal else None)
        out = sys.stdout.buffer
        out.write(text)  # not by echo, which makes a copy
        out.write(b"\n")

    def print_streamed(self, document: object, items: Iterable[object]) -> None:
        """Print a document that ends with a long list, of `items`."""
        if self.on_terminal:
            whole = b"".join(streamed(document, items))
            self.print_document(msgspec.json.decode(whole))
            return
        for piece in streamed(document, items):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.write(b"\n")

    def print_text(self, text: str) -> None:
        """Print what is for another program; to a terminal nothing that it acts on."""
        click.echo(visible_text(text) if self.on_terminal else text, nl=False)

    def print_lines(self, items: Iterable[Item]) -> None:
        """Print lines; on a terminal fitted to its width, and in colours."""
        if not (self.on_terminal or self.colored):
            for line in plain(items):
                click.echo(line)
            return
        from vfiocompat.output.layout import fitted  # noqa: PLC0415 - not in a pipe

        width = self.width if self.on_terminal else sys.maxsize
        whole = self.verbose or not self.on_terminal
        lines = fitted(items, width, whole=whole)
        if self.colored:
            from vfiocompat.output import terminal  # noqa: PLC0415 - rich is slow

            terminal.print_lines(lines)
        else:
            for line in plain(lines):
                click.echo(line)

    def print_rows(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table: laid out on a terminal, tab-separated without heading else."""
        if self.on_terminal:
            from vfiocompat.output.layout import tabled  # noqa: PLC0415

            self.print_lines(tabled(columns, rows, self.width))
        else:
            self.print_tabbed(rows)

    def print_listed(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print values by their names: below each other, or tab-separated."""
        if self.on_terminal:
            from vfiocompat.output.layout import listed  # noqa: PLC0415

            self.print_lines(listed([*rows], self.width))
        else:
            self.print_tabbed(rows)

    def print_answered(
        self,
        answer: Callable[[], Line],
        lines: Callable[[], Iterable[Item]],
        rows: Iterable[Sequence[str]],
        todo: Callable[[], Iterable[Item]] = tuple,
    ) -> None:
        """Print the line that answers, what is behind it, and what needs doing.

        A person gets it first, then `lines` and `todo`. In a pipe `rows` do not wait
        for it: it follows on stderr, and so does `todo`. What is not printed is not
        made.
        """
        if self.on_terminal:
            self.print_lines([answer()])
            self.print_lines(lines())
            self.print_todo(todo())
        else:
            self.print_tabbed(rows)
            self.note([answer()])
            self.note(todo())

    def print_todo(self, items: Iterable[Item]) -> None:
        """Print what needs doing, set off from what is before, if there is any."""
        if lines := [*items]:
            self.print_lines([[("", "plain")], *lines])

    def print_tabbed(self, rows: Iterable[Sequence[str]]) -> None:
        """Print rows for programs: cells separated by a tab."""
        for row in rows:
            click.echo("\t".join(map(visible, row)))

    def progress(self, what: str) -> contextlib.AbstractContextManager[object]:
        """Show on a terminal that something takes more than a moment."""
        if self.quiet or not sys.stderr.isatty():
            return contextlib.nullcontext()
        from vfiocompat.output.progress import Progress  # noqa: PLC0415 - rich is slow

        return Progress(what)

    def note(self, items: Iterable[Item]) -> None:
        """Tell on stderr what is not the result; not with --quiet."""
        if not self.quiet:
            tell(items)


_MARK = "vfiocompat: "


def tell(items: Iterable[Item]) -> None:
    """Say something on stderr; lines that go on with one before are indented."""
    with contextlib.suppress(OSError):  # the exit code tells, where stderr cannot
        for line in plain(_for_stderr(items)):
            click.echo(line, err=True)


def _for_stderr(items: Iterable[Item]) -> Iterator[Item]:
    """Say before each line that begins something who says it, and fit the lines."""
    marked = (
        [(_MARK, "plain"), *item]
        if isinstance(item, list) and not item[0][0].startswith(" ")
        else item
        for item in items
    )
    if not sys.stderr.isatty():
        return marked
    from vfiocompat.output.layout import fitted  # noqa: PLC0415 - not in a pipe

    return fitted(marked, _columns(sys.stderr))


def _columns(stream: TextIO) -> int:
    """Give how many columns a terminal has, 80 where it does not tell."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told) > 0:
        return int(told)
    return os.get_terminal_size(stream.fileno()).columns or 80
