# SPDX-License-Identifier: Apache-2.0
"""What words of a command line stand for, and which were meant by those that do not."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from vfiocompat.errors import InventoryError, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["FLEET_VARIABLE", "Choice", "fleet_argument", "fleet_of_variable", "unknown"]

Command = TypeVar("Command", bound="Callable[..., Any]")

FLEET_VARIABLE = "VFIOCOMPAT_FLEET"
"""The variable that names a fleet: paths, separated as those of PATH are."""


def unknown(what: str, name: str, known: Collection[str]) -> UsageError:
    """Say that there is no such thing, and which was meant, or which there are."""
    close = nearest(name, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return UsageError(f"there is no {what} {name!r}", hint=hint)


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


# ---- fleets ----------------------------------------------------------------------


class _Fleet(click.ParamType):  # type: ignore[type-arg] # of no release before 8.3
    """Inventories, or folders of them, on the command line or in the variable."""

    name = "fleet"

    def split_envvar_value(self, rv: str) -> list[str]:
        """Give the paths of the variable."""
        return [path for path in rv.split(os.pathsep) if path]

    def get_missing_message(self, *_: object, **__: object) -> str:
        """Say what would do in its place."""
        return f"Name inventories, or set {FLEET_VARIABLE}."


def fleet_of_variable() -> list[str]:
    """Give the paths that VFIOCOMPAT_FLEET has."""
    return _Fleet().split_envvar_value(os.environ.get(FLEET_VARIABLE, ""))


def fleet_argument(
    name: str = "fleet", metavar: str = "[FLEET]...", *, required: bool = True
) -> Callable[[Command], Command]:
    """Add the argument FLEET; an error says if it was the variable that named it."""

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
            type=_Fleet(),
        )
        return argument(told)  # type: ignore[return-value] # as click types it

    return add
