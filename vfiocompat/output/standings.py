# SPDX-License-Identifier: Apache-2.0
"""Hosts by what they make of a source or of a VM: the line that answers, and groups."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from vfiocompat.diagnostics import counted, first_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.output.text import Line

__all__ = ["HostStanding", "Standing", "answer_line", "group_lines"]

Standing = Literal["can", "full", "room not known", "undetermined", "cannot"]
"""Whether a host can take what is asked about: it can load the state and has room."""

_SHOWN = 12
"""Hosts of a group, and endpoints of a host, that are named on a terminal."""


class HostStanding(NamedTuple):
    """A host, where it stands, and why in a few words and in full.

    `places` are endpoints that can, or might, each with what is told of it.
    """

    host: str
    standing: Standing
    brief: str
    reasons: tuple[str, ...]
    places: tuple[str, ...] = ()


_HEADS: dict[Standing, tuple[str, str]] = {
    "can": ("can take it", "compatible"),
    "full": ("fits, but is full", "undetermined"),
    "room not known": ("fits, but its room is not known", "undetermined"),
    "undetermined": ("undetermined", "undetermined"),
    "cannot": ("cannot take it", "incompatible"),
}
"""How a group is headed, and in which colour."""


def answer_line(hosts: Iterable[HostStanding]) -> Line:
    """Say in a line how many hosts can take it, which, and why the others cannot."""
    groups = _grouped(hosts)
    can = groups["can"]
    said = [
        f"{counted(len(can), 'host')} can take it: {_names(can)}"
        if can
        else "no host can take it"
    ]
    if full := groups["full"]:
        said.append(f"{_number(full)} but {_is(full)} full: {_names(full)}")
    if unknown := groups["room not known"]:
        said.append(f"{_number(unknown)}, room not known: {_names(unknown)}")
    for standing, word in (("undetermined", "undetermined"), ("cannot", "cannot")):
        if these := groups[standing]:  # type: ignore[index]
            said.append(f"{len(these)} {word}: {_why(these)}")
    if groups["cannot"] and _first(groups) == "cannot":
        said = [f"no host can take it: {_why(groups['cannot'])}"]
    style = "compatible" if can else _HEADS[_first(groups)][1]
    return [("; ".join(said), style)]


def _first(groups: dict[Standing, list[HostStanding]]) -> Standing:
    return next((each for each in _HEADS if groups[each]), "cannot")


def _grouped(hosts: Iterable[HostStanding]) -> dict[Standing, list[HostStanding]]:
    groups: dict[Standing, list[HostStanding]] = {each: [] for each in _HEADS}
    for each in hosts:
        groups[each.standing].append(each)
    return groups


def _number(these: Sequence[HostStanding]) -> str:
    return f"{len(these)} {'fits' if len(these) == 1 else 'fit'}"


def _is(these: Sequence[HostStanding]) -> str:
    return "is" if len(these) == 1 else "are"


def _names(these: Sequence[HostStanding]) -> str:
    return first_of([each.host for each in these], 3)


def _why(these: Sequence[HostStanding]) -> str:
    """Count the reasons, those of most hosts first."""
    reasons = Counter(each.brief for each in these)
    if len(reasons) == 1:
        return next(iter(reasons))
    return ", ".join(f"{times} {reason}" for reason, times in reasons.most_common())


def group_lines(hosts: Iterable[HostStanding], *, whole: bool) -> Iterator[Line]:
    """Give hosts by where they stand and why; what is alike stands once.

    Unless it is to be `whole`, long lists are cut short, and say so.
    """
    for standing, these in _grouped(hosts).items():
        by_reason: dict[tuple[str, ...], list[HostStanding]] = {}
        for each in these:
            by_reason.setdefault(each.reasons, []).append(each)
        for reasons, alike in sorted(by_reason.items(), key=lambda each: -len(each[1])):
            head, style = _HEADS[standing]
            yield [("", "plain")]
            yield [(head, style), (f"  {counted(len(alike), 'host')}", "dim")]
            for reason in reasons:
                yield [("  ", "plain"), (reason, "plain")]
            shown = len(alike) if whole else _SHOWN
            if any(each.places for each in alike):
                for each in alike[:shown]:
                    yield from _host_lines(each, whole=whole)
                if len(alike) > shown:
                    yield [(f"  and {len(alike) - shown} more", "dim")]
            else:
                names = first_of([each.host for each in alike], shown)
                yield [("  on ", "dim"), (names, "plain")]


def _host_lines(each: HostStanding, *, whole: bool) -> Iterator[Line]:
    """Give a host and its endpoints, one a line."""
    shown = len(each.places) if whole else _SHOWN
    yield [("  ", "plain"), (each.host, "strong")]
    for place in each.places[:shown]:
        yield [("    ", "plain"), (place, "plain")]
    if len(each.places) > shown:
        yield [(f"    and {len(each.places) - shown} more", "dim")]
