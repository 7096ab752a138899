# SPDX-License-Identifier: Apache-2.0
"""What commands do that take --stream: they are told so, and warn before they ask."""

from __future__ import annotations

import time
from functools import cache, partial
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from vfiocompat import codes
from vfiocompat.addresses import (
    FleetAddress,
    InventoryAddress,
    LiteralAddress,
    parse_address,
)
from vfiocompat.diagnostics import SIDES
from vfiocompat.errors import UsageError
from vfiocompat.find import look
from vfiocompat.output.text import note_lines
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.diagnostics import Side
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.pairs import Pair
    from vfiocompat.streams import Streaming

__all__ = ["HERE", "again_streaming", "could_ask", "streaming_of", "without_fleet"]

HERE = "here"
"""The word that stands for this host in the place of a fleet."""


def streaming_of(
    settings: Settings,
    *,
    stream: bool,
    table_only: bool = False,
    despite_hazard: bool = False,
    sibling: str | None = None,
    named: Collection[Side] = SIDES,
) -> Streaming | None:
    """Say how devices are asked by their streams; None where they are not.

    `named` are the sides that the user named: there a device in use is a failure.

    Raises:
        UsageError: --stream does not go with another option, or is missing.

    """
    if not stream:
        if despite_hazard or sibling is not None:
            option = "--despite-hazard" if despite_hazard else "--sibling"
            raise UsageError(f"{option} is for --stream")
        return None
    if table_only:
        raise UsageError("--stream asks drivers, and --table-only asks none")
    if settings.sysroot != "/":
        raise UsageError("--stream is for this host, not for one that --sysroot names")
    found = None if sibling is None else _sibling(settings, sibling)
    from vfiocompat.streams import Streaming  # noqa: PLC0415 - few commands ask so

    warn = cache(partial(_warn, settings))  # once, however many are opened
    return Streaming(time.time(), despite_hazard, found, named, warn)


def _warn(settings: Settings) -> None:
    settings.note(
        note_lines(
            codes.DEVICES_ARE_ASKED,
            hint="a VM that starts on one meanwhile gets EBUSY; a refusal is an error "
            "in the kernel's log",
        )
    )


def again_streaming(
    *, stream: bool, despite_hazard: bool, sibling: str | None
) -> list[str]:
    """Give the options of --stream as they were given."""
    return [
        *(["--stream"] if stream else []),
        *(["--despite-hazard"] if despite_hazard else []),
        *(["--sibling", sibling] if sibling is not None else []),
    ]


def could_ask(settings: Settings, pairs: Sequence[Pair]) -> list[str]:
    """Name ends of pairs that --stream could tell all that is missing of.

    The source comes first.
    """
    from vfiocompat.output.wayout import lacking_heads  # noqa: PLC0415 - not of get
    from vfiocompat.streams import gives_head  # noqa: PLC0415 - few pairs need it

    if settings.sysroot != "/":
        return []
    return [*lacking_heads(pairs, partial(gives_head, library=settings.library))]


def without_fleet(name: str, fleet: Sequence[str]) -> None:
    """See that nobody has typed a FLEET for a command that asks this host's devices.

    One that the environment names does not count. `name` is the argument's.

    Raises:
        UsageError: somebody has typed one.

    """
    source = click.get_current_context().get_parameter_source(name)
    if source is not ParameterSource.ENVIRONMENT and set(fleet) - {HERE}:
        raise UsageError(
            "--stream asks devices of this host, and FLEET is of others",
            hint="name here in its place, or nothing",
        )


def _sibling(settings: Settings, text: str) -> Endpoint:
    place = parse_address(text)
    if isinstance(place, LiteralAddress | InventoryAddress | FleetAddress):
        raise UsageError("--sibling is a device of this host")
    [found] = look(
        [place],
        settings.host,
        settings.drivers,
        ask="nothing",
        horizon=Horizon(time.time()),
    )
    return found.there()
