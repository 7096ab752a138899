# SPDX-License-Identifier: Apache-2.0
"""Where one source can go: each endpoint of a fleet, or of this host."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.decision.decisions import required
from vfiocompat.decision.gpus import NOTHING_COMPARED, to_compare
from vfiocompat.decision.needs import needs, wanting
from vfiocompat.diagnostics import SIDES
from vfiocompat.fleet.classes import Classifier
from vfiocompat.fleet.members import Member
from vfiocompat.fleet.read import gather
from vfiocompat.fleet.wanting import of_classes
from vfiocompat.pairs import Pair, check_host, compare_gpus, decide_pair
from vfiocompat.verdicts import GOODNESS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from vfiocompat.decision.gpus import Comparisons
    from vfiocompat.decision.needs import Wanting
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.fleet.classes import Fleet, HostAddresses
    from vfiocompat.host.sysfs import Host
    from vfiocompat.streams import Streaming
    from vfiocompat.tables.library import Library
    from vfiocompat.tables.stated import Stated
    from vfiocompat.times import Horizon
    from vfiocompat.verdicts import Basis, Verdict

__all__ = [
    "HostTargets",
    "Query",
    "Target",
    "Targets",
    "fleet_targets",
    "host_targets",
]

SHOWN: tuple[Verdict, ...] = ("compatible", "undetermined")
"""Verdicts of which each endpoint is named; the others are counted."""


class Query(NamedTuple):
    """A source, and what counts as a place for it to go.

    `basis` is the least that a yes must rest on. `hosts` are the only ones that count,
    if there are any; `without` never does. `compared` is as for `decide_pair`.
    """

    source: Endpoint
    basis: Basis = "none"
    hosts: Collection[str] = ()
    without: HostAddresses | None = None
    compared: Comparisons = NOTHING_COMPARED

    def decide(self, endpoint: Endpoint, library: Library) -> Pair:
        """Decide whether the source can go to what stands for a class."""
        pair = decide_pair(self.source, endpoint, library, compared=self.compared)
        return self.demand(pair)

    def may_show(self, endpoint: Endpoint, library: Library) -> bool:
        """Whether what is alike may have to be named; what is compared later may."""
        if to_compare(self.source, endpoint) is not None:
            return True
        return self.decide(endpoint, library).decision.verdict in SHOWN

    def demand(self, pair: Pair) -> Pair:
        """Give a pair its verdict by what it must rest on."""
        return pair._replace(decision=required(pair.decision, self.basis))


class Target(NamedTuple):
    """One endpoint that a source can go to, or perhaps, and how much of it is free.

    `pair` is that of its class.
    """

    host: str | None
    address: str
    free: int | None
    pair: Pair


class HostTargets(NamedTuple):
    """What a host has for a source: the pair with what comes closest, None if nothing.

    `members` are the endpoints with that verdict, each with its class's pair.
    """

    host: str | None
    pair: Pair | None
    members: tuple[tuple[Member, Pair], ...] = ()

    @property
    def has_room(self) -> bool | None:
        """Whether one of them has room, None if nobody knows that of any."""
        known = {member.has_room for member, _ in self.members}
        return True if True in known else None if None in known else False


class Targets(NamedTuple):
    """Where a source can go, compatible ones first; all others are only counted.

    A failed target could not be asked; it counts as that alone. `hosts` gives every
    host that was looked at, once. `errors` are of inventories and tables that could not
    be used. `wanting` tells what has to be learnt so that undetermined ones are
    decided, and `files` are the inventories of hosts.
    """

    counts: Counter[str]
    found: Callable[[], Iterator[Target]]
    hosts: Callable[[], Iterator[HostTargets]]
    errors: dict[str, ErrorRecord]
    wanting: Callable[[], list[Wanting]]
    pairs: Sequence[Pair]
    files: Mapping[str, str]


def fleet_targets(
    query: Query,
    fleet: Sequence[str],
    library: Library,
    horizon: Horizon,
    here: Host,
) -> Targets:
    """Find where a source can go in a fleet; `here` NVIDIA's library may be asked.

    Raises:
        InventoryError: no inventory of the fleet can be used.

    """

    def classifier() -> Classifier:
        return Classifier(
            horizon,
            library.facts_read,
            about=[query.source],
            wanted=lambda endpoint: query.may_show(endpoint, library),
            without=query.without,
        )

    known = gather(fleet, classifier, query.hosts, library)
    ends = [class_.endpoint for class_ in known.classes]
    query = query._replace(compared=compare_gpus([query.source], ends, here))
    pairs = [query.decide(end, library) for end in ends]
    verdicts = [pair.decision.verdict for pair in pairs]
    counts: Counter[str] = Counter()
    for verdict, class_ in zip(verdicts, known.classes, strict=True):
        counts[verdict] += class_.endpoints

    def found() -> Iterator[Target]:
        for verdict in SHOWN:
            for host in known.hosts if counts[verdict] else ():
                for place, has in known.on_host(host):
                    if verdicts[place] == verdict:
                        for member in has.members:
                            pair = pairs[place]
                            yield Target(host.host, member.address, member.free, pair)

    errors = known.errors | library.broken([query.source, *ends])
    hosts = partial(_by_host, known, pairs, query.without and query.without.host)
    wants = partial(_wanting, known, pairs)
    return Targets(counts, found, hosts, errors, wants, pairs, known.files)


def _wanting(fleet: Fleet, pairs: Sequence[Pair]) -> list[Wanting]:
    """Tell what has to be learnt of the source, and of classes of endpoints."""
    there = {
        at: need
        for at, pair in enumerate(pairs)
        if (need := needs(*pair).get("destination")) is not None
    }
    return [*wanting(pairs, SIDES[:1]), *of_classes(fleet, there)]


def _by_host(
    fleet: Fleet, pairs: Sequence[Pair], own: str | None
) -> Iterator[HostTargets]:
    """Give of each host what comes closest; nothing is left of the source's `own`."""
    ranks = [_closeness(pair) for pair in pairs]
    for host in fleet.hosts:
        has = [*fleet.on_host(host)]
        if has:
            best = pairs[max((place for place, _ in has), key=ranks.__getitem__)]
            verdict = best.decision.verdict
            members = tuple(
                (member, pairs[place])
                for place, each in has
                if pairs[place].decision.verdict == verdict and verdict in SHOWN
                for member in each.members
            )
            yield HostTargets(host.host, best, members)
        elif host.host != own:
            yield HostTargets(host.host, None)


def _closeness(pair: Pair) -> tuple[int, int, int, int]:
    """Say how close an endpoint comes to what a source needs."""
    source, destination = pair.source, pair.destination
    return (
        GOODNESS[pair.decision.verdict],
        source.driver == destination.driver,
        source.type_id == destination.type_id,
        source.vendor_id == destination.vendor_id,
    )


def host_targets(
    query: Query,
    host: Host,
    library: Library,
    stated: Stated,
    streaming: Streaming | None = None,
) -> Targets:
    """Find where a source can go on this host, whose drivers are asked.

    Raises:
        VfiocompatError: there is no sysfs.

    """
    itself = None if query.source.recorded else query.source.address
    found_here = check_host(query.source, host, library, stated, itself, streaming)
    pairs = [query.demand(pair) for pair in found_here]
    counts = Counter(
        "failed" if pair.decision.failed else pair.decision.verdict for pair in pairs
    )

    def found() -> Iterator[Target]:
        for verdict in SHOWN:
            for pair in pairs:
                there = pair.destination
                if pair.decision.verdict == verdict:
                    yield Target(None, there.address, there.available_instances, pair)

    def hosts() -> Iterator[HostTargets]:
        best = max(pairs, key=_closeness, default=None)
        members = [
            (Member.of(pair.destination), pair)
            for pair in pairs
            if best and pair.decision.verdict == best.decision.verdict
            if pair.decision.verdict in SHOWN
        ]
        yield HostTargets(None, best, tuple(members))

    ends = [pair.destination for pair in pairs]
    errors = library.broken([query.source, *ends])
    asked = [end for pair in pairs for end in (pair.source, pair.destination)]
    errors |= stated.denied(asked, library)
    return Targets(counts, found, hosts, errors, partial(wanting, pairs), pairs, {})
