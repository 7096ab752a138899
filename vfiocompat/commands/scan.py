# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat scan`: the inventory of this host."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

from vfiocompat import codes
from vfiocompat.commands.arguments import FILE, FLEET, FLEET_VARIABLE, fleet_of_variable
from vfiocompat.commands.options import (
    common_options,
    despite_hazard_option,
    duration,
    number,
    stream_option,
)
from vfiocompat.commands.streaming import streaming_of
from vfiocompat.diagnostics import counted
from vfiocompat.endpoints import Problem
from vfiocompat.errors import (
    ExitCode,
    FactError,
    InventoryError,
    OutputError,
    UsageError,
)
from vfiocompat.files.inventories import inventory_files, read_inventory
from vfiocompat.files.reading import in_time
from vfiocompat.fleet.asking import (
    Offering,
    Wanted,
    ask_drivers,
    ask_streams,
    choose,
    drop_answers,
)
from vfiocompat.fleet.askinggpus import ask_gpus
from vfiocompat.fleet.scan import agreed, keep_answers, keep_heads, scan
from vfiocompat.fleet.turns import Overlap, Turn, turn
from vfiocompat.host.sysfs import Host
from vfiocompat.inventory import parse_inventory
from vfiocompat.output.json import json_text
from vfiocompat.output.text import error_lines, finding_lines, note_lines, problem_lines
from vfiocompat.tables.stated import SiteFacts, Stated
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.fleet.asking import Chosen
    from vfiocompat.inventory import Identity, Inventory
    from vfiocompat.output.text import Line
    from vfiocompat.streams import Streaming

__all__ = ["command"]


@click.command("scan")
@click.argument("fleet", metavar="[FLEET]...", nargs=-1, type=FLEET)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=FILE,
    help="Replace FILE, or FOLDER/HOST.json if it ends in a slash or is a folder.",
)
@click.option(
    "--ask",
    is_flag=True,
    help="Ask this host's drivers about the strings of FLEET, or its heads too.",
)
@click.option(
    "--ask-limit",
    callback=number,
    metavar="N",
    help="Ask at most N questions this time; the rest is for the next.",
)
@stream_option
@despite_hazard_option
@click.option(
    "--wait",
    default="0",
    callback=duration,
    metavar="S",
    help="Wait S seconds for another scan of FILE to end.",
)
@click.option(
    "--stale",
    default="1h",
    callback=duration,
    metavar="S",
    help="Fail where another scan has been at work for more than S (default 1h).",
)
@click.option("--host", metavar="NAME", help="Name the host NAME in the inventory.")
@common_options
@click.pass_obj
def command(  # noqa: PLR0917 - click passes every option by name
    settings: Settings,
    fleet: Sequence[str],
    output: str | None,
    ask: bool,  # noqa: FBT001
    ask_limit: int | None,
    stream: bool,  # noqa: FBT001
    despite_hazard: bool,  # noqa: FBT001
    wait: float,
    stale: float,
    host: str | None,
) -> int:
    """Write the inventory of this host.

    It is one JSON document with every endpoint, its facts and its version string, for
    check, targets, matrix, diff and export. What could not be read is in it too. With
    --stream it has the heads of idle devices' migration streams as well. Exit
    status: 0 if it was written, 4 if not, or if a part of FLEET or of the site's facts
    and tables could not be used.
    """
    if ask and not fleet:
        fleet = fleet_of_variable()
    if bool(fleet) != ask:
        raise UsageError(
            "--ask goes with FLEET: inventories whose strings are to be asked about",
            hint=f"name them, or set {FLEET_VARIABLE}" if ask else None,
        )
    if ask_limit is not None and not ask:
        raise UsageError("--ask-limit goes with --ask")
    if despite_hazard and stream and not ask:
        raise UsageError(
            "--despite-hazard goes with --ask: reading a head harms nothing"
        )
    streaming = streaming_of(settings, stream=stream, despite_hazard=despite_hazard)
    settings.demand_tables()
    identity = _identity(settings, host)
    asked = _Asked(fleet, ask_limit, streaming)
    if output is None:
        found = _taken(settings, settings.host, identity, asked)
        _print(settings, found)
        return _exit_code(found)
    path = _file(output, identity.host or "")
    try:
        with turn(path, wait=wait, stale=stale, timeout=settings.timeout) as current:
            held = {name for each in current.held for name in each.paths}
            here = Host(settings.sysroot, settings.timeout, held)
            try:
                found = _taken(settings, here, identity, asked, current)
            finally:
                current.leave(here.left)
            current.replace(json_text(found, indent=None) + b"\n")
    except Overlap as other:
        settings.note(note_lines(codes.SCAN_UNDER_WAY, f"{other}: nothing done"))
        return ExitCode.DONE
    if settings.verbose:
        settings.note(problem_lines(found.problems))
    if settings.verbose or _is_watched():  # else a timer's mail says it each time
        settings.note([_written(path, found)])
    return _exit_code(found)


def _is_watched() -> bool:
    """Whether a person looks at stderr."""
    return sys.stderr.isatty()


def _written(path: str, found: Inventory) -> Line:
    """Say what was written where, and what of the host could not be read."""
    said = f"{path}: {counted(len(found.endpoints), 'endpoint')} of {found.host}"
    if answers := sum(len(each.answers) for each in found.endpoints):
        said += f", {counted(answers, 'answer')} of drivers"
    if found.problems:
        said += f"; {counted(len(found.problems), 'problem')}, which -v tells"
    return [(said, "plain")]


def _exit_code(found: Inventory) -> ExitCode:
    """Tell a scan that could use all that it was given from one that could not."""
    used = not any(each.operation in {"load", "state"} for each in found.problems)
    return ExitCode.DONE if used else ExitCode.FAILED


class _Asked(NamedTuple):
    """What to ask drivers about, how many questions at most, and whether by streams."""

    fleet: Sequence[str]
    limit: int | None
    streaming: Streaming | None


def _taken(
    settings: Settings,
    host: Host,
    identity: Identity,
    asked: _Asked,
    current: Turn | None = None,
) -> Inventory:
    """Scan, and ask if there is a fleet; what is answered in the old file is not."""
    library = settings.library
    site = SiteFacts(settings.config)
    stated = Stated(site=site)
    now = time.time()
    with settings.progress("scanning"):
        found, errors = scan(host, identity, library, stated, now)
        for error in errors:
            settings.note(error_lines(error))
        if settings.verbose:
            with contextlib.suppress(FactError):  # which is told where it matters
                unmet = site.unmet(found.endpoints)
                settings.note([(line, "plain")] for line in unmet)
        before = _before(settings, current) if current is not None else None
        if before is not None:
            if (timestamp(before.taken_at) or 0) > now:
                told = f"the old file was taken at {before.taken_at}"
                settings.note(note_lines(codes.CLOCK_WENT_BACK, told))
            found = keep_answers(found, before, now)
            found = keep_heads(found, before, host, now)
        chosen: list[Chosen] = []
        if asked.fleet:
            wanted, problems = _wanted(settings, asked.fleet)
            if not problems:  # else nobody knows which strings are gone
                found = drop_answers(found, wanted)
            chosen = _chosen(settings, found, wanted, asked, now)
            found = ask_drivers(found, chosen, host, now)
            left = None if asked.limit is None else asked.limit - len(chosen)
            found = ask_gpus(found, [*wanted.vgpus.values()], host, now, left)
            found = msgspec.structs.replace(
                found, problems=[*found.problems, *problems]
            )
        if asked.streaming is not None:
            streaming = asked.streaming._replace(now=now)
            found = ask_streams(found, chosen, host, library, streaming)
        found, errors = agreed(found, library, stated)
        for error in errors:
            settings.note(error_lines(error))
    return found


def _chosen(
    settings: Settings, found: Inventory, wanted: Wanted, asked: _Asked, now: float
) -> list[Chosen]:
    """Choose what to ask, and tell of drivers that are passed over for a hazard."""
    offering = Offering(settings.library)
    if asked.streaming is not None:
        despite = asked.streaming.despite_hazard
        offering = Offering(settings.library, wanted=True, despite_hazard=despite)
    for hazard in offering.hazards(found.endpoints, wanted):
        settings.note(finding_lines(hazard))
    return choose(found.endpoints, wanted, offering, now, asked.limit)


def _before(settings: Settings, current: Turn) -> Inventory | None:
    """Read the inventory that is to be replaced, if there is one that can be used."""
    try:
        data = current.before()
        return None if data is None else parse_inventory(data, current.path)
    except (InventoryError, OSError) as error:
        why = (
            error.summary
            if isinstance(error, InventoryError)
            else f"cannot use {current.path}: {error.strerror}"
        )
        settings.note(note_lines(codes.OLD_INVENTORY_UNUSABLE, why))
        return None


def _wanted(settings: Settings, fleet: Sequence[str]) -> tuple[Wanted, list[Problem]]:
    """Give what a fleet has, and what could not be read, which is told too."""
    wanted = Wanted()
    problems: list[Problem] = []
    for path in inventory_files(fleet):
        try:
            wanted.add(read_inventory(path).endpoints)
        except InventoryError as error:
            settings.note(error_lines(error.record))
            problems.append(Problem(path, "load", None, error.code))
    return wanted, problems


def _identity(settings: Settings, name: str | None) -> Identity:
    """Tell which host this is, by the name that was given or its own."""
    found = settings.host.identity()
    host = name or found.host or os.uname().nodename
    if not host.isprintable() or "/" in host or host in {".", ".."}:
        raise UsageError(f"{host!r} cannot be the name of a host: choose one by --host")
    return msgspec.structs.replace(found, host=host)


def _file(output: str, host: str) -> str:
    """Give the file that an -o names; of a folder that of the host in it."""
    if output.endswith("/") or _is_folder(output):
        return os.path.join(output, f"{host}.json")
    return output


def _is_folder(path: str) -> bool:
    try:
        return in_time(path, os.path.isdir, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None


def _print(settings: Settings, found: Inventory) -> None:
    settings.print_document(found)
    if settings.verbose:
        settings.note(problem_lines(found.problems))
