# SPDX-License-Identifier: Apache-2.0
"""A file of facts.d that is to be filled in: what is missing, stated but for values."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.diagnostics import counted, first_of
from vfiocompat.tables.language.kinds import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Lack", "unfilled_lines"]

_SHOWN = 8
"""Sections of endpoints."""

_HOSTS = 3
"""Hosts that a section names."""

_HERE = "this host"


class Lack(NamedTuple):
    """Facts that `number` endpoints of a driver lack, which are alike.

    `places` are the endpoints by host, which is None for this one, and by address: of
    many the first, and none where they are not known.
    """

    driver: str | None
    facts: tuple[str, ...]
    hosts: Sequence[str | None]
    places: Sequence[tuple[str | None, str]]
    number: int


class _Section(NamedTuple):
    """What is stated in one place, and on which hosts."""

    name: str
    facts: dict[str, None]
    hosts: dict[str | None, None]


def unfilled_lines(lacks: Iterable[Lack], *, whole: bool = False) -> Iterator[str]:
    """Write a file of facts.d; who forgets to fill it in has said nothing with it.

    What most endpoints of a driver lack is stated of the driver, if they are several,
    and all else of endpoints. Of many there are only some, unless it is to be `whole`,
    and how many more.
    """
    yield "schema = 1"
    drivers, alone = _by_driver(_merged(lacks))
    hosts = sys.maxsize if whole else _HOSTS
    for section in drivers:
        yield from _section_lines("driver", section, hosts)
    endpoints = _by_address(alone)
    shown = endpoints if whole else endpoints[:_SHOWN]
    for section in shown:
        yield from _section_lines("endpoint", section, hosts)
    for each in alone:
        if left := _left(each, shown):
            whose = f" of {each.driver}" if each.driver else ""
            yield f"# {counted(left, 'more endpoint')}{whose}: {', '.join(each.facts)}"


def _merged(lacks: Iterable[Lack]) -> list[Lack]:
    """Make one of what several endpoints of a driver lack alike."""
    alike: dict[tuple[str | None, frozenset[str]], list[Lack]] = {}
    for each in lacks:
        if each.facts:
            alike.setdefault((each.driver, frozenset(each.facts)), []).append(each)
    return [
        several[0]._replace(
            hosts=[*dict.fromkeys(host for each in several for host in each.hosts)],
            places=[*dict.fromkeys(one for each in several for one in each.places)],
            number=_number(several),
        )
        for several in alike.values()
    ]


def _number(lacks: Sequence[Lack]) -> int:
    """Count the endpoints of several, each once, as far as they are known."""
    places = [place for each in lacks for place in each.places]
    return sum(each.number for each in lacks) - len(places) + len({*places})


def _by_driver(lacks: Sequence[Lack]) -> tuple[list[_Section], list[Lack]]:
    """Choose what is stated of drivers: of each one thing, and what is left."""
    most: dict[str, Lack] = {}
    for each in lacks:
        if each.driver is not None and _is_of_driver(each):
            best = most.setdefault(each.driver, each)
            if each.number > best.number:
                most[each.driver] = each
    sections = [
        _Section(driver, dict.fromkeys(each.facts), dict.fromkeys(each.hosts))
        for driver, each in most.items()
    ]
    chosen = [id(each) for each in most.values()]
    return sections, [each for each in lacks if id(each) not in chosen]


def _is_of_driver(lack: Lack) -> bool:
    """Whether endpoints have several addresses, or some that are not known."""
    addresses = {address for _, address in lack.places}
    return len(addresses) > 1 or lack.number > len(lack.places)


def _by_address(lacks: Iterable[Lack]) -> list[_Section]:
    """Give a section to each address: hosts may have like ones, and share a file."""
    found: dict[str, _Section] = {}
    for each in lacks:
        for host, address in each.places:
            section = found.setdefault(address, _Section(address, {}, {}))
            section.facts.update(dict.fromkeys(each.facts))
            section.hosts[host] = None
    return [*found.values()]


def _left(lack: Lack, sections: Sequence[_Section]) -> int:
    """Count the endpoints that no section is about."""
    shown = {(host, section.name) for section in sections for host in section.hosts}
    return lack.number - sum(place in shown for place in lack.places)


def _section_lines(kind: str, section: _Section, most: int) -> Iterator[str]:
    name = msgspec.json.encode(section.name).decode()  # a text of TOML too
    hosts = [host or _HERE for host in section.hosts]
    if hosts != [_HERE]:
        yield f"# on {first_of(hosts, most)}:"
    yield f"[{kind}.{name}]"
    for fact in section.facts:
        yield f'{fact} = "{UNKNOWN}"'
