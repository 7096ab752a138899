# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat check`: can SOURCE's state be loaded by each DESTINATION."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import click

from vfiocompat.addresses import InventoryAddress, parse_address
from vfiocompat.commands.arguments import ADDRESS, again
from vfiocompat.commands.options import (
    common_options,
    despite_hazard_option,
    facts_option,
    max_age_option,
    sibling_option,
    source_type_option,
    stream_option,
)
from vfiocompat.commands.scans import file_of, scans_of
from vfiocompat.commands.streaming import again_streaming, could_ask, streaming_of
from vfiocompat.decision.needs import wanting
from vfiocompat.diagnostics import SIDES
from vfiocompat.errors import ExitCode, fail
from vfiocompat.output.check import check_document, check_lines
from vfiocompat.output.text import error_lines, problem_lines
from vfiocompat.output.wayout import facts_command, stream_lines, wayout_lines
from vfiocompat.pairs import check
from vfiocompat.tables.denied import denied_in
from vfiocompat.tables.stated import SiteFacts, Stated, parse_facts
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.output.pairs import Counts
    from vfiocompat.output.wayout import Scans
    from vfiocompat.pairs import Pair
    from vfiocompat.tables.library import Library

__all__ = ["command"]


@click.command("check")
@click.argument("source", type=ADDRESS)
@click.argument(
    "destinations", metavar="DESTINATION...", nargs=-1, required=True, type=ADDRESS
)
@source_type_option
@facts_option
@click.option(
    "--destination-fact",
    "destination_facts",
    metavar="NAME=VALUE",
    multiple=True,
    help="State one of every DESTINATION; may be repeated.",
)
@click.option(
    "--table-only",
    is_flag=True,
    help="Ask no driver: write nothing, only read.",
)
@stream_option
@despite_hazard_option
@sibling_option
@max_age_option
@common_options
@click.pass_obj
def command(  # noqa: PLR0917 - click passes every option by name
    settings: Settings,
    source: str,
    destinations: Sequence[str],
    source_type: str | None,
    facts: Sequence[str],
    destination_facts: Sequence[str],
    table_only: bool,  # noqa: FBT001 - click passes every option by name
    stream: bool,  # noqa: FBT001
    despite_hazard: bool,  # noqa: FBT001
    sibling: str | None,
    max_age: float | None,
) -> int:
    """Tell whether SOURCE's state can be loaded.

    SOURCE's version string is written to the version attribute of each DESTINATION:
    its driver takes the string or refuses it. Where there is no driver to ask,
    compatibility tables decide. With --stream idle devices are opened, and asked by the
    head of SOURCE's migration stream. Exit status: 0 if all are compatible,
    1 if one is incompatible, 3 if one is undetermined, 4 if one could not be asked.
    """
    streaming = streaming_of(
        settings,
        stream=stream,
        table_only=table_only,
        despite_hazard=despite_hazard,
        sibling=sibling,
    )
    stated = Stated(
        parse_facts(facts), parse_facts(destination_facts), SiteFacts(settings.config)
    )
    fleets = settings.fleets()
    pairs = check(
        source,
        destinations,
        settings.host,
        settings.library,
        stated=stated,
        source_type=source_type,
        table_only=table_only,
        streaming=streaming,
        horizon=Horizon(time.time(), max_age),
        fleets=fleets,
    )
    ends = [(pair.source, pair.destination) for pair in pairs]
    errors = fleets.errors | settings.library.broken_of(ends)
    errors |= stated.denied(itertools.chain(*ends), settings.library)
    errors |= _denied_in_inventories((source, *destinations), pairs, settings.library)
    untold = settings.host.problems
    document = check_document(pairs, errors, untold)
    if settings.json:
        settings.print_document(document)
    elif not settings.quiet:
        settings.print_lines(check_lines(pairs, verbose=settings.verbose))
        line = [
            *("vfiocompat", "check", source, *destinations),
            *again("--table", settings.table),
            *again("--source-type", [source_type] if source_type else []),
            *again("--max-age", [] if max_age is None else [f"{max_age:g}"]),
            *again("--fact", facts),
            *again("--destination-fact", destination_facts),
            *again_streaming(
                stream=stream, despite_hazard=despite_hazard, sibling=sibling
            ),
        ]
        todo = [
            *wayout_lines(
                wanting(pairs),
                settings.config,
                scans=_scans(settings, source, destinations, pairs),
                command=facts_command(pairs, line, SIDES),
                whole=settings.verbose,
            )
        ]
        if not (stream or table_only) and (asked := could_ask(settings, pairs)):
            todo += stream_lines(["vfiocompat", "check", "--stream", *asked])
        settings.print_todo(todo)
    settings.note(problem_lines(untold))
    for error in errors.values():
        settings.note(error_lines(error))
    return ExitCode.FAILED if fail(errors) else _exit_code(document.counts)


def _scans(
    settings: Settings, source: str, destinations: Sequence[str], pairs: Sequence[Pair]
) -> Scans:
    """Tell how the hosts of inventories that are named are to be scanned again."""
    ends = [pairs[0].source, *(pair.destination for pair in pairs)]
    files = {
        end.host: file
        for text, end in zip([source, *destinations], ends, strict=True)
        for file in file_of(text)
        if end.host is not None
    }
    paths = settings.fleets().paths
    return scans_of([*files.values(), *paths], files, ends[:1])


def _denied_in_inventories(
    texts: Sequence[str], pairs: Sequence[Pair], library: Library
) -> dict[str, ErrorRecord]:
    """Give what is wrong with inventories that state what they deny."""
    found = {}
    ends = pairs[0].source, *(pair.destination for pair in pairs)
    for text, end in zip(texts, ends, strict=True):
        if not end.recorded:
            continue
        place = parse_address(text)
        path = place.file if isinstance(place, InventoryAddress) else text
        if (wrong := denied_in(path, [end], library)) is not None:
            found[path] = wrong
    return found


def _exit_code(counts: Counts) -> ExitCode:
    if counts.failed:
        return ExitCode.FAILED
    if counts.incompatible:
        return ExitCode.INCOMPATIBLE
    return ExitCode.UNDETERMINED if counts.undetermined else ExitCode.DONE
