# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat targets`: where SOURCE can go."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

import click

from vfiocompat.addresses import parse_address
from vfiocompat.commands.arguments import ADDRESS, again, fleet_argument
from vfiocompat.commands.options import (
    common_options,
    despite_hazard_option,
    facts_option,
    hosts_option,
    max_age_option,
    require_option,
    sibling_option,
    source_type_option,
    stream_option,
)
from vfiocompat.commands.scans import file_of, scans_of
from vfiocompat.commands.streaming import (
    HERE,
    again_streaming,
    could_ask,
    streaming_of,
    without_fleet,
)
from vfiocompat.errors import ExitCode, UsageError, fail
from vfiocompat.fleet.classes import HostAddresses
from vfiocompat.fleet.targets import Query, Targets, fleet_targets, host_targets
from vfiocompat.output.standings import answer_line, group_lines
from vfiocompat.output.targets import (
    host_standings,
    target_results,
    target_rows,
    targets_document,
)
from vfiocompat.output.text import error_lines, problem_lines
from vfiocompat.output.wayout import facts_command, stream_lines, wayout_lines
from vfiocompat.pairs import find_source
from vfiocompat.tables.stated import SiteFacts, Stated, parse_facts
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.output.text import Item
    from vfiocompat.verdicts import Basis

__all__ = ["command"]


@click.command("targets")
@click.argument("source", type=ADDRESS)
@fleet_argument(metavar="[here | FLEET...]", required=False, here=True)
@hosts_option
@click.option("--same-host", is_flag=True, help="To SOURCE's own host too.")
@require_option
@source_type_option
@facts_option
@stream_option
@despite_hazard_option
@sibling_option
@max_age_option
@common_options
@click.pass_obj
def command(  # noqa: PLR0917 - click passes every option by name
    settings: Settings,
    source: str,
    fleet: Sequence[str],
    hosts: Sequence[str],
    same_host: bool,  # noqa: FBT001
    require: Basis,
    source_type: str | None,
    facts: Sequence[str],
    stream: bool,  # noqa: FBT001
    despite_hazard: bool,  # noqa: FBT001
    sibling: str | None,
    max_age: float | None,
) -> int:
    """Tell where SOURCE can go.

    These are the endpoints of FLEET, inventories or folders of them, that may take its
    state. Compatible ones come first, then undetermined ones with the reason. Without
    FLEET, or with the word here, this host is looked at, and its drivers are asked;
    with --stream its idle devices are opened for that. Exit status: 0 if there is a
    compatible one, 3 if there are only undetermined ones, 1 if there is none.
    """
    if stream:
        without_fleet("fleet", fleet)
        fleet = ()
    if HERE in fleet:
        if len(fleet) > 1:
            raise UsageError("here is this host alone: name no inventories beside it")
        fleet = ()
    if hosts and not fleet:
        raise UsageError("--host is for a host of FLEET: name inventories too")
    streaming = streaming_of(
        settings,
        stream=stream,
        despite_hazard=despite_hazard,
        sibling=sibling,
        named={"source"},
    )
    horizon = Horizon(time.time(), max_age)
    library = settings.library
    host = settings.host
    stated = Stated(parse_facts(facts), {}, SiteFacts(settings.config))
    fleets = settings.fleets(fleet)
    start = find_source(
        parse_address(source),
        host,
        library.drivers,
        source_type,
        horizon,
        fleets=fleets,
    )
    start = stated.of_source(start, library)
    if not fleet:
        query = Query(start, require)
        found = host_targets(query, host, library, stated, streaming)
    else:
        query = Query(
            start, require, hosts, _without(settings, start, same_host=same_host)
        )
        with settings.progress("reading the fleet"):
            found = fleet_targets(query, fleet, library, horizon, host)
    denied = stated.denied([start], library)
    found = found._replace(errors=fleets.errors | denied | found.errors)
    line = [
        *("vfiocompat", "targets", source, *(fleet or ["here"])),
        *again("--table", settings.table),
        *again("--host", hosts),
        *(["--same-host"] if same_host else []),
        *again("--require", [require] if require != "table" else []),
        *again("--max-age", [] if max_age is None else [f"{max_age:g}"]),
        *again("--source-type", [source_type] if source_type else []),
        *again("--fact", facts),
        *again_streaming(stream=stream, despite_hazard=despite_hazard, sibling=sibling),
    ]

    def todo() -> Iterator[Item]:
        texts = {pair.destination.version for pair in found.pairs}
        own = file_of(source)
        files = dict.fromkeys([start.host or ""], own[0]) if own else {}
        files |= found.files
        unseen = [] if start.version in texts else [start]
        yield from wayout_lines(
            found.wanting(),
            settings.config,
            scans=scans_of([*fleet, *own], files, unseen),
            command=facts_command(found.pairs, line, ("source",)),
            whole=settings.verbose,
        )
        if not (stream or fleet) and could_ask(settings, found.pairs):
            yield from stream_lines([*line, "--stream"])

    _print(settings, start, found, todo)
    return _exit_code(found)


def _without(
    settings: Settings, source: Endpoint, *, same_host: bool
) -> HostAddresses | None:
    """Name what is never a target: the source itself, or all of its host."""
    if source.kind == "literal":
        return None
    host = source.host or settings.host.name()
    return HostAddresses(host, frozenset({source.address}) if same_host else None)


def _print(
    settings: Settings,
    source: Endpoint,
    found: Targets,
    todo: Callable[[], Iterable[Item]],
) -> None:
    if settings.json:
        settings.print_streamed(
            targets_document(source, found, settings.host.problems),
            target_results(found.found()),
        )
    elif not settings.quiet:
        standings = cache(lambda: [*host_standings(found.hosts())])
        settings.print_answered(
            lambda: answer_line(standings()),
            lambda: group_lines(standings(), whole=settings.verbose),
            target_rows(found.found()),
            todo,
        )
    settings.note(problem_lines(settings.host.problems))
    for error in found.errors.values():
        settings.note(error_lines(error))


def _exit_code(found: Targets) -> ExitCode:
    if fail(found.errors) or found.counts["failed"]:
        return ExitCode.FAILED
    if found.counts["compatible"]:
        return ExitCode.DONE
    if found.counts["undetermined"]:
        return ExitCode.UNDETERMINED
    return ExitCode.INCOMPATIBLE
