# SPDX-License-Identifier: Apache-2.0
"""What click finds wrong with a command line, in our words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from vfiocompat.commands.arguments import DESTINATION, FLEET_VARIABLE
from vfiocompat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["usage_error"]


def usage_error(error: click.ClickException) -> UsageError:
    """Say what is wrong, and what would be right."""
    return UsageError(_summary(error), hint="; ".join(_hints(error)) or None)


def _summary(error: click.ClickException) -> str:
    match error:
        case click.NoSuchOption():
            return f"there is no option {error.option_name}"
        case click.MissingParameter():
            return f"{_named(error)} is missing"
        case click.BadParameter():
            return f"{_named(error)}: {_sentence(error.message)}"
        case click.BadOptionUsage():
            takes = (
                "takes no value"
                if "not take a value" in error.message
                else "needs a value"
            )
            return f"{error.option_name} {takes}"
        case _:
            return _sentence(error.format_message())


def _hints(error: click.ClickException) -> Iterator[str]:
    if isinstance(error, click.NoSuchOption) and error.possibilities:
        yield f"did you mean {' or '.join(sorted(error.possibilities))}?"
        return
    param = error.param if isinstance(error, click.MissingParameter) else None
    if param is not None and param.envvar == FLEET_VARIABLE:
        here = "name here, or " if param.type is DESTINATION else "name "
        yield f"{here}inventories, or set {FLEET_VARIABLE}"
    if param is not None and isinstance(param.type, click.Choice):
        yield f"there are {', '.join(param.type.choices)}"
    if isinstance(error, click.UsageError) and error.ctx is not None:
        yield f"see '{error.ctx.command_path} --help'"


def _named(error: click.BadParameter) -> str:
    """Name an option or an argument as it is typed."""
    if error.param is None:
        return "a value"
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    name = error.param.metavar or str(error.param.name).upper()
    alone = re.fullmatch(r"\[?(\w+)\]?(\.\.\.)?", name)
    return alone[1] if alone else name


def _sentence(text: str) -> str:
    """Write a sentence of click as ours: in one line, and as what follows a colon."""
    words = " ".join(text.split()).rstrip(".")
    return words[:1].lower() + words[1:]
