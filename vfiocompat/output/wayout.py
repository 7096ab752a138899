# SPDX-License-Identifier: Apache-2.0
"""What to type where too little is known: facts to state, and hosts to scan again."""

from __future__ import annotations

import posixpath
import shlex
import sys
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.decision.needs import needs
from vfiocompat.diagnostics import counted, first_of
from vfiocompat.tables.unfilled import Lack, unfilled_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from vfiocompat.decision.needs import Wanting
    from vfiocompat.diagnostics import Side
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.output.text import Line
    from vfiocompat.pairs import Pair

__all__ = [
    "NO_SCANS",
    "Scans",
    "Step",
    "facts_command",
    "lacking_heads",
    "steps_of",
    "stream_lines",
    "wayout_lines",
]

_OPTIONS: dict[Side, str] = {"source": "--fact", "destination": "--destination-fact"}

_HOSTS = 8
"""Hosts that are to be scanned and are named."""

_COMMANDS = 3
"""Commands of hosts that write into different folders."""


class Scans(NamedTuple):
    """How the hosts of a fleet are scanned: what is asked about, and what is written.

    `files` has the inventory of each host. `first` is what has to be done before so
    that `fleet` has the source, as what a person reads and a command, if there is one.
    """

    fleet: Sequence[str] = ()
    files: Mapping[str, str] = {}
    first: tuple[str, str | None] | None = None


NO_SCANS = Scans()


def facts_command(
    pairs: Sequence[Pair], command: Sequence[str], sides: Sequence[Side]
) -> str | None:
    """Give a command with all facts that are missing, if its options can say them.

    It has them for some `sides`. What it says of the destination it says of every one.
    """
    found: list[dict[Side, tuple[str, ...]]] = [
        {side: need.facts for side, need in needs(*pair).items()} for pair in pairs
    ]
    missing: dict[Side, dict[str, None]] = {"source": {}, "destination": {}}
    for each in found:
        for side, facts in each.items():
            missing[side].update(dict.fromkeys(facts))
    if any(missing[side] for side in missing if side not in sides):
        return None
    if len({frozenset(each.get("destination", ())) for each in found}) > 1:
        return None
    options = [
        f"{_OPTIONS[side]} {shlex.quote(name)}=VALUE"
        for side in sides
        for name in missing[side]
    ]
    return " ".join([shlex.join(command), *options]) if options else None


def wayout_lines(
    wanting: Sequence[Wanting],
    config: str,
    *,
    scans: Scans = NO_SCANS,
    command: str | None = None,
    whole: bool = False,
) -> Iterator[Line]:
    """Say what to type so that what is undetermined is decided; nothing if nothing is.

    That is the `command` with facts, if there is one; a file that states them for good
    in a site's directory, which is `config`; and how hosts are scanned again. Unless it
    is to be `whole`, long lists are cut short, and say so.
    """
    lacks = [
        Lack(each.driver, each.need.facts, each.hosts, each.places, each.number)
        for each in wanting
        if each.need.facts
    ]
    if lacks:
        if command is not None:
            yield [("state what is missing", "strong"), (" and ask again:", "plain")]
            yield _pasted(command)
            yield [(f"or for good, in a file of {config}/facts.d:", "plain")]
        else:
            where = f", in a file of {config}/facts.d:"
            yield [("state what is missing", "strong"), (where, "plain")]
        yield from map(_pasted, unfilled_lines(lacks, whole=whole))
    yield from _scan_lines(wanting, scans, whole=whole)


class Step(NamedTuple):
    """What somebody is told to do, and the lines to paste for it, if there are any."""

    said: str
    pasted: list[str]


def steps_of(lines: Iterable[Line]) -> list[Step]:
    """Give what is told to type step by step, for what is no terminal."""
    steps: list[Step] = []
    for line in lines:
        if line[-1][1] == "command" and steps:
            steps[-1].pasted.append(line[-1][0])
        else:
            said = "".join(text for text, _ in line)
            steps.append(Step(said[:1].upper() + said[1:], []))
    return steps


def lacking_heads(
    pairs: Sequence[Pair], gives_head: Callable[[Endpoint], bool]
) -> dict[str, None]:
    """Name the ends of pairs whose heads could tell all facts that they lack.

    `gives_head` tells of an endpoint whether it can be asked by its stream. The source
    comes first.
    """
    asked: dict[str, None] = {}
    for pair in pairs:
        ends: dict[Side, Endpoint] = {
            "source": pair.source,
            "destination": pair.destination,
        }
        lacking = [ends[side] for side, need in needs(*pair).items() if need.facts]
        if lacking and all(map(gives_head, lacking)):
            asked |= dict.fromkeys((pair.source.address, pair.destination.address))
    return asked


def stream_lines(command: Sequence[str]) -> Iterator[Line]:
    """Give the command that asks devices by their streams for what is missing."""
    yield [("or let the drivers tell, while nobody uses the devices:", "plain")]
    yield _pasted(shlex.join(command))


def _pasted(text: str) -> Line:
    return [("    ", "plain"), (text, "command")]


# ---- scans -----------------------------------------------------------------------


def _scan_lines(
    wanting: Sequence[Wanting], scans: Scans, *, whole: bool
) -> Iterator[Line]:
    """Say which hosts are to be scanned again: those that ask do all that others do."""
    asking = _hosts(each for each in wanting if each.need.again == "ask")
    old = _hosts(each for each in wanting if each.need.again == "scan")
    stated = _hosts(each for each in wanting if each.need.facts)
    left = [host for host in stated if host not in asking | old]
    yield from _on_hosts("then scan again", left, scans, whole=whole)
    left = [host for host in old if host not in asking]
    yield from _on_hosts("scan again", left, scans, whole=whole)
    if asking and scans.first is not None:
        words, command = scans.first
        yield [(words, "plain")]
        if command is not None:
            yield _pasted(command)
    yield from _on_hosts("ask the drivers", asking, scans, asks=True, whole=whole)


def _hosts(wanting: Iterable[Wanting]) -> dict[str, None]:
    """Name the hosts of inventories; what this one has is read anew each time."""
    names = (host for each in wanting for host in each.hosts)
    return dict.fromkeys(host for host in names if host is not None)


def _on_hosts(
    what: str,
    hosts: Iterable[str],
    scans: Scans,
    *,
    whole: bool,
    asks: bool = False,
) -> Iterator[Line]:
    """Give the command of hosts that write into one folder, and so of each folder."""
    there: dict[str, list[str]] = {}
    for host in hosts:
        there.setdefault(_written(host, scans), []).append(host)
    shown = len(there) if whole else _COMMANDS
    for written, names in [*there.items()][:shown]:
        most = sys.maxsize if whole else _HOSTS
        yield [(what, "strong"), (f", on {first_of(names, most)}:", "plain")]
        asked = ["--ask", *(scans.fleet or ["FLEET"])] if asks else []
        yield _pasted(shlex.join(["vfiocompat", "scan", *asked, "-o", written]))
    if left := sum(map(len, [*there.values()][shown:])):
        more = f"and so on {counted(left, 'more host')}, each into its own file"
        yield [(more, "dim")]


def _written(host: str, scans: Scans) -> str:
    """Name what a scan of a host writes: its file, or the folder that it shares."""
    path = scans.files.get(host)
    if path is None:
        return "FILE"
    folder, name = posixpath.split(path)
    return f"{folder}/" if folder and name == f"{host}.json" else path
