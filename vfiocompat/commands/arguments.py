# SPDX-License-Identifier: Apache-2.0
"""What words of a command line stand for, and which were meant by those that do not."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from vfiocompat.errors import ExitCode, InventoryError, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from click.shell_completion import CompletionItem

__all__ = [
    "ADDRESS",
    "CODE",
    "DESTINATION",
    "FILE",
    "FLEET",
    "FLEET_VARIABLE",
    "FOLDER",
    "HOST",
    "TABLE",
    "VM",
    "Choice",
    "Group",
    "Word",
    "again",
    "fleet_argument",
    "fleet_of_variable",
    "missing",
    "unknown",
]

Command = TypeVar("Command", bound="Callable[..., Any]")

FLEET_VARIABLE = "VFIOCOMPAT_FLEET"
"""The variable that names a fleet: paths, separated as those of PATH are."""


def unknown(what: str, name: str, known: Collection[str]) -> UsageError:
    """Say that there is no such thing, and which was meant, or which there are."""
    close = nearest(name, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return UsageError(f"there is no {what} {name!r}", hint=hint)


class Group(click.Group):
    """Commands under one name, which by itself shows its help and is a mistake.

    Of click it depends on the release whether that is one, and how it is told.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options, if there is anything to read."""
        if not args and not ctx.resilient_parsing:
            from vfiocompat.commands.help import help_text  # noqa: PLC0415 - rare

            with contextlib.suppress(OSError):
                click.echo(help_text(ctx), err=True)
            ctx.exit(ExitCode.USAGE)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed, or say which was meant."""
        known = self.list_commands(ctx)
        if not ctx.resilient_parsing and args[0] not in known and args[0][:1] != "-":
            raise unknown("command", args[0], known)
        return super().resolve_command(ctx, args)


class Word(click.ParamType):  # type: ignore[type-arg] # of no release before 8.3
    """A word of some kind, taken as it is, that a shell can complete."""

    def __init__(self, what: str) -> None:
        self.name = what

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's
        incomplete: str,
    ) -> list[CompletionItem]:
        """Give what it may be."""
        from vfiocompat.commands.completion import fitting  # noqa: PLC0415 - only then

        return fitting(self.name, ctx, incomplete)


ADDRESS = Word("address")
CODE = Word("code")
FILE = Word("file")
FOLDER = Word("dir")
HOST = Word("host")
TABLE = Word("table")
VM = Word("vm")


class Choice(click.Choice):  # type: ignore[type-arg] # of str, in every release
    """One of several names; the nearest is told where it is none."""

    def __init__(self, what: str, names: Collection[str]) -> None:
        super().__init__(list(names))
        self.what = what

    def convert(
        self,
        value: object,
        param: click.Parameter | None,  # noqa: ARG002 - click's
        ctx: click.Context | None,  # noqa: ARG002 - click's
    ) -> str:
        """Give the name that was typed."""
        if value not in self.choices:
            raise unknown(self.what, str(value), self.choices)
        return str(value)


def missing(name: str) -> click.MissingParameter:
    """Say that an argument is missing, of which the command alone knows that."""
    ctx = click.get_current_context()
    param = next(each for each in ctx.command.params if each.name == name)
    return click.MissingParameter(ctx=ctx, param=param)


# ---- fleets ----------------------------------------------------------------------


class _Fleet(Word):
    """Inventories, or folders of them, on the command line or in the variable."""

    def split_envvar_value(self, rv: str) -> list[str]:
        """Give the paths of the variable."""
        return [path for path in rv.split(os.pathsep) if path]


FLEET = _Fleet("fleet")
DESTINATION = _Fleet("destination")


def fleet_of_variable() -> list[str]:
    """Give the paths that VFIOCOMPAT_FLEET has."""
    return FLEET.split_envvar_value(os.environ.get(FLEET_VARIABLE, ""))


def fleet_argument(
    name: str = "fleet",
    metavar: str = "[FLEET]...",
    *,
    required: bool = True,
    here: bool = False,
) -> Callable[[Command], Command]:
    """Add the argument FLEET; an error says if it was the variable that named it.

    With `here` it may also be that word.
    """

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def told(*args: object, **options: object) -> object:
            try:
                return command(*args, **options)
            except InventoryError as error:
                source = click.get_current_context().get_parameter_source(name)
                if source is ParameterSource.ENVIRONMENT and error.detail is None:
                    error.detail = f"{FLEET_VARIABLE} names this fleet"
                raise

        argument = click.argument(
            name,
            metavar=metavar,
            nargs=-1,
            required=required,
            envvar=FLEET_VARIABLE,
            type=DESTINATION if here else FLEET,
        )
        return argument(told)  # type: ignore[return-value] # as click types it

    return add


def again(option: str, values: Iterable[str]) -> list[str]:
    """Write an option again, as often as it was given."""
    return [word for value in values for word in (option, value)]
