# SPDX-License-Identifier: Apache-2.0
"""The options that several commands have, or all."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vfiocompat import __version__
from vfiocompat.commands.arguments import ADDRESS, FILE, FOLDER, HOST
from vfiocompat.commands.settings import Settings
from vfiocompat.files.reading import wait_at_most
from vfiocompat.times import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "common_options",
    "despite_hazard_option",
    "duration",
    "facts_option",
    "global_options",
    "help_option",
    "hosts_option",
    "max_age_option",
    "number",
    "require_option",
    "sibling_option",
    "source_type_option",
    "stream_option",
    "version_option",
]

Command = TypeVar("Command", bound="Callable[..., Any]")


_DIGITS = 18
"""How many a number has at most."""


def _store(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Keep an option that was given; one after the command's name comes last."""
    if value is not None and param.name is not None:
        setattr(ctx.ensure_object(Settings), param.name, value)


def _more(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:  # noqa: ARG001 - click's
    """Add to what was given before the command's name."""
    settings = ctx.ensure_object(Settings)
    settings.table += value


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    seconds = math.nan
    with contextlib.suppress(ValueError):
        seconds = float(value)
    if not 0 < seconds < math.inf:
        wrong = f"{value!r} is no number of seconds above 0"
        raise click.BadParameter(wrong, ctx, param)
    _store(ctx, param, seconds)
    wait_at_most(seconds)


_GLOBAL = (
    click.option(
        "--sysroot",
        metavar="DIR",
        type=FOLDER,
        callback=_store,
        expose_value=False,
        help="Read DIR/sys in place of /sys [env: VFIOCOMPAT_SYSROOT].",
    ),
    click.option(
        "--table",
        multiple=True,
        metavar="FILE",
        type=FILE,
        callback=_more,
        expose_value=False,
        help="Decide by the table in FILE before all others; may be repeated.",
    ),
    click.option(
        "--timeout",
        metavar="S",
        callback=_seconds,
        expose_value=False,
        help="Wait S seconds for a driver or a file that hangs (default 5).",
    ),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        callback=_store,
        expose_value=False,
        help="Use colours; auto: on a terminal, unless NO_COLOR is set.",
    ),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        default=None,
        callback=_store,
        expose_value=False,
        help="Say more; show the traceback of a bug.",
    ),
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        default=None,
        callback=_store,
        expose_value=False,
        help="Say less: no notes, and no verdicts but the exit code.",
    ),
)
_FORMAT = click.option(
    "--format",
    type=click.Choice(["text", "json"]),
    callback=_store,
    expose_value=False,
    help="Print text for people (the default) or one JSON document.",
)


def _printing(
    *names: str,
    help: str,  # noqa: A002 - click's
    text: Callable[[click.Context], str],
) -> Callable[[Command], Command]:
    """Make an option that prints a text and does nothing else.

    Those that click makes look for translations, which costs start-up time.
    """

    def show(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001, FBT001 - click's
        if value and not ctx.resilient_parsing:
            click.echo(text(ctx))
            ctx.exit()

    return click.option(
        *names,
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help=help,
    )


def _help(ctx: click.Context) -> str:
    from vfiocompat.commands.help import help_text  # noqa: PLC0415 - only for --help

    return help_text(ctx)


help_option = _printing(
    "-h", "--help", help="Show what a command takes, and exit.", text=_help
)
version_option = _printing(
    "--version",
    help="Show the version and exit.",
    text=lambda _: f"vfiocompat {__version__}",
)


def duration(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> float | None:
    """Read an option that is a duration, in seconds."""
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Read an option that is a whole number, 0 or more."""
    if value is None:
        return None
    if value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    wrong = f"{value!r} is no whole number of at most {_DIGITS} digits"
    raise click.BadParameter(wrong, ctx, param)


max_age_option = click.option(
    "--max-age",
    callback=duration,
    metavar="AGE",
    help="Treat older inventories and answers as unknown: 90, 15m, 12h, 7d.",
)
source_type_option = click.option(
    "--source-type", metavar="TYPE_ID", help="The mdev type of a literal SOURCE."
)
facts_option = click.option(
    "--fact",
    "facts",
    metavar="NAME=VALUE",
    multiple=True,
    help="State a fact, or a table's field, of SOURCE; may be repeated.",
)
hosts_option = click.option(
    "--host",
    "hosts",
    metavar="HOST",
    type=HOST,
    multiple=True,
    help="Only to this host of FLEET; may be repeated.",
)
stream_option = click.option(
    "--stream",
    is_flag=True,
    help="Open idle devices, and ask by the heads of their streams.",
)
despite_hazard_option = click.option(
    "--despite-hazard",
    is_flag=True,
    help="With --stream: ask even drivers that it may harm.",
)
sibling_option = click.option(
    "--sibling",
    metavar="ADDRESS",
    type=ADDRESS,
    help="With --stream: an idle device whose head stands in for SOURCE's.",
)
require_option = click.option(
    "--require",
    type=click.Choice(["driver", "recorded", "table"]),
    default="table",
    help="The least that a yes must rest on (default: table).",
)


def global_options(command: Command) -> Command:
    """Add the options that may also stand before the command's name."""
    for option in reversed(_GLOBAL):
        command = option(command)
    return command


def common_options(command: Command) -> Command:
    """Add the options that every command takes."""
    return global_options(_FORMAT(help_option(command)))
