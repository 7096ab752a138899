# SPDX-License-Identifier: Apache-2.0
"""Asking a host's drivers ahead of time, about the strings and heads of a fleet."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.decision.answers import question_ahead
from vfiocompat.decision.errnos import recordable
from vfiocompat.decision.reads import question_reads, vgpu_reads
from vfiocompat.decision.streams import head_question, recordable_offer
from vfiocompat.endpoints import Problem, RecordedAnswer, Thing
from vfiocompat.fleet.askinggpus import without_unwanted
from vfiocompat.fleet.scan import was
from vfiocompat.host.stream import Known
from vfiocompat.host.sysfs.questions import Question
from vfiocompat.streams.devices import errand_of, with_head
from vfiocompat.streams.offers import may_harm
from vfiocompat.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vfiocompat.decision.streams import Offer
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint, Head
    from vfiocompat.host.sysfs import Host
    from vfiocompat.inventory import Inventory
    from vfiocompat.streams import Streaming
    from vfiocompat.tables.language.records import Stream
    from vfiocompat.tables.library import Library

__all__ = [
    "Chosen",
    "Offering",
    "Wanted",
    "ask_drivers",
    "ask_streams",
    "choose",
    "drop_answers",
]


class Offering(NamedTuple):
    """Which devices of a host are offered heads: idle ones that have no attribute.

    None is where it is not `wanted`, nor, without `despite_hazard`, of a driver that
    this may harm.
    """

    library: Library
    wanted: bool = False
    despite_hazard: bool = False

    def reaches(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is one of them."""
        stream = self._stream(endpoint)
        return stream is not None and (self.despite_hazard or stream.hazard is None)

    def _stream(self, endpoint: Endpoint) -> Stream | None:
        if not self.wanted or endpoint.has_attribute:
            return None
        if endpoint.migration is not None and endpoint.migration.interface != "v2":
            return None
        errand = errand_of(endpoint, self.library)
        return None if errand is None else errand.stream

    def hazards(
        self, endpoints: Iterable[Endpoint], wanted: Wanted
    ) -> list[Diagnostic]:
        """Name what keeps heads of a fleet from being offered, each table's once."""
        found = {}
        for each in endpoints:
            if self._stream(each) is None or self.reaches(each):
                continue
            table = self.library.reading_heads(each)
            if table is not None and wanted.heads(each.driver):
                found[table.id] = may_harm(table)
        return list(found.values())


class Chosen(NamedTuple):
    """A question that was chosen: an endpoint by its place, about what, in which bytes.

    A string may have a newline at its end, and none: all forms are asked until one is
    not taken, since an answer counts for all of them.
    """

    at: int
    thing: Thing
    forms: tuple[bytes, ...]


def choose(
    endpoints: Sequence[Endpoint],
    wanted: Wanted,
    offering: Offering,
    now: float,
    limit: int | None,
) -> list[Chosen]:
    """Choose what to ask drivers about this time.

    About strings types are asked, and of the others those that have an attribute of
    their own; `offering` says who is asked about heads. What has an answer is not asked
    again, unless that was neither yes nor no, or is of the future: such are asked after
    all others of the same inventory. `limit` bounds how many are asked; None is no
    bound.
    """
    return list(islice(_in_order(endpoints, wanted, offering, now), limit))


def ask_drivers(
    inventory: Inventory, chosen: Iterable[Chosen], host: Host, now: float
) -> Inventory:
    """Ask drivers about strings, and record their answers."""
    wanted = [each for each in chosen if each.thing[0] == "string"]
    found: dict[int, dict[Thing, RecordedAnswer]] = {}
    while wanted:
        # One question an endpoint at a time: a driver that hangs holds one call.
        turn = {at: (thing, forms) for at, thing, forms in reversed(wanted)}
        replies = host.probe(
            [
                Question(inventory.endpoints[at], forms[0])
                for at, (_, forms) in turn.items()
            ]
        )
        wanted = [each for each in wanted if turn[each[0]] != each[1:]]
        for (at, (thing, (data, *others))), (answer, *_) in zip(
            turn.items(), replies, strict=True
        ):
            said = recordable(answer, len(data))
            if said is not None and said[0] and others:
                wanted.insert(0, Chosen(at, thing, tuple(others)))
            elif said is not None:
                new = RecordedAnswer(thing[1], *said, moment(now))
                found.setdefault(at, {})[thing] = new
            if answer.stage not in {"done", "write"}:
                wanted = [each for each in wanted if each[0] != at]
    endpoints = list(inventory.endpoints)
    for at, new_ones in found.items():
        endpoints[at] = _with_answers(endpoints[at], new_ones)
    return msgspec.structs.replace(inventory, endpoints=endpoints)


def _with_answers(endpoint: Endpoint, found: dict[Thing, RecordedAnswer]) -> Endpoint:
    known = {each.thing: each for each in endpoint.answers} | found
    answers = tuple(known[thing] for thing in sorted(known))
    return msgspec.structs.replace(endpoint, answers=answers)


def ask_streams(
    inventory: Inventory,
    chosen: Iterable[Chosen],
    host: Host,
    library: Library,
    streaming: Streaming,
) -> Inventory:
    """Read the heads of idle devices, and offer them those of others.

    Each is opened once. One that could not be opened or read is in `problems`.
    """
    wanted: dict[int, list[Chosen]] = {}
    for each in chosen:
        if each.thing[0] == "head":
            wanted.setdefault(each.at, []).append(each)
    errands = {
        at: errand._replace(
            heads=tuple(
                Known(each.forms[0], recorded=True) for each in wanted.get(at, ())
            )
        )
        for at, endpoint in enumerate(inventory.endpoints)
        if (errand := errand_of(endpoint, library)) is not None
    }
    answers = streaming.ask(host, errands.values())
    endpoints = list(inventory.endpoints)
    problems = []
    for at, (asked, head) in zip(errands, answers, strict=True):
        endpoint = with_head(endpoints[at], head)
        if asked.error is not None:
            code = asked.error.code
            problems.append(Problem(endpoint.address, "stream", None, code))
        found = {
            each.thing: new
            for each, offer in zip(wanted.get(at, ()), asked.offers, strict=False)
            if (new := _recorded(each, offer, head, streaming.now)) is not None
        }
        endpoints[at] = _with_answers(endpoint, found) if found else endpoint
    return msgspec.structs.replace(
        inventory, endpoints=endpoints, problems=[*inventory.problems, *problems]
    )


def _recorded(
    asked: Chosen, offer: Offer, own: Head | None, now: float
) -> RecordedAnswer | None:
    """Give what to record of an offer, by the driver that wrote a device's own head.

    Of a head that was not offered as it is only a refusal tells something.
    """
    last = offer.reply or offer.control
    if offer.data is None or own is None or (last is not None and last.gone):
        return None
    accepted, name = recordable_offer(offer)
    if offer.made and accepted is not False:
        return None
    return RecordedAnswer(
        None,
        accepted,
        name,
        moment(now),
        channel="stream",
        question=asked.thing[1],
        driver=own.driver,
        srcversion=own.srcversion,
        build_id=own.build_id,
        kernel=own.kernel,
        boot_id=own.boot_id,
    )


def drop_answers(inventory: Inventory, wanted: Wanted) -> Inventory:
    """Leave out answers about what neither the fleet nor the inventory has."""
    own = Wanted()
    own.add(inventory.endpoints)
    known = wanted.things() | own.things()
    vgpus = {
        each.vgpu_metadata or "" for of in (own, wanted) for each in of.vgpus.values()
    }
    inventory = without_unwanted(inventory, vgpus)
    endpoints = list(inventory.endpoints)
    for at, endpoint in enumerate(endpoints):
        kept = tuple(
            each for each in endpoint.answers if each.is_of_gpu or each.thing in known
        )
        if len(kept) < len(endpoint.answers):
            endpoints[at] = msgspec.structs.replace(endpoint, answers=kept)
    return msgspec.structs.replace(inventory, endpoints=endpoints)


class Wanted:
    """What a fleet wants to know: the distinct questions of its strings, and its heads.

    `of_inventories` has what each inventory has of them. `vgpus` are those that are
    unlike each other for NVIDIA's library, and for who goes by what it says.
    """

    def __init__(self) -> None:
        self._sources: dict[tuple[object, ...], Endpoint] = {}
        self._heads: dict[tuple[Thing, str | None], bytes] = {}
        self.of_inventories: list[list[Thing]] = []
        self.vgpus: dict[tuple[object, ...], Endpoint] = {}

    def add(self, endpoints: Iterable[Endpoint]) -> None:
        """Add those of an inventory."""
        mine: dict[Thing, None] = {}
        for endpoint in endpoints:
            if endpoint.version is not None:
                self._sources.setdefault(question_reads(endpoint), endpoint)
                mine["string", endpoint.version] = None
            if endpoint.head:
                head = endpoint.head
                thing: Thing = "head", head_question(head)
                self._heads.setdefault((thing, head.driver), head.exact_bytes())
                mine[thing] = None
            if endpoint.vgpu_metadata:
                self.vgpus.setdefault(vgpu_reads(endpoint), endpoint)
        self.of_inventories.append(list(mine))

    def sources(self) -> list[Endpoint]:
        """Give a source of each question about a string, in a stable order."""
        return [self._sources[key] for key in sorted(self._sources, key=str)]

    def heads(self, driver: str | None) -> dict[Thing, tuple[bytes, ...]]:
        """Give the heads that devices of a driver have."""
        found = sorted((key, data) for key, data in self._heads.items())
        return {thing: (data,) for (thing, of), data in found if of == driver}

    def things(self) -> set[Thing]:
        """Give all strings and heads."""
        return {thing for each in self.of_inventories for thing in each}


def _in_order(
    endpoints: Sequence[Endpoint],
    wanted: Wanted,
    offering: Offering,
    now: float,
) -> Iterator[Chosen]:
    """Give the questions to ask: one of each inventory, then another of each.

    So an inventory with many strings, be they new each time, takes no other one's turn.
    Which begins is another one each time.
    """
    sources = wanted.sources()
    new: dict[Thing, deque[Chosen]] = defaultdict(deque)
    again: dict[Thing, deque[Chosen]] = defaultdict(deque)
    for at, endpoint in enumerate(endpoints):
        questions = _questions(endpoint, sources) if _is_asked(endpoint) else {}
        if offering.reaches(endpoint):
            questions |= wanted.heads(endpoint.driver)
        known = {
            answer.thing: answer.accepted if was(answer.asked_at, now) else None
            for answer in endpoint.answers
        }
        for thing, forms in questions.items():
            # Nothing tells which forms a yes is about.
            if known.get(thing) is None or (known[thing] and len(forms) > 1):
                waiting = again if thing in known else new
                waiting[thing].append(Chosen(at, thing, forms))
    for waiting in (new, again):
        for number, thing in enumerate(waiting):
            waiting[thing].rotate(-number)  # each begins at another endpoint
    shares = [_in_turn(each, new, again) for each in wanted.of_inventories]
    random.Random(now).shuffle(shares)  # noqa: S311 - no secret
    return _round_robin(shares)


def _in_turn(
    things: Iterable[Thing], *several: Mapping[Thing, deque[Chosen]]
) -> Iterator[Chosen]:
    """Give what waits of what an inventory has, one of each and then another of each.

    It waits once for all inventories that have the same.
    """
    for waiting in several:
        left = deque(things)
        while left:
            thing = left.popleft()
            if waiting.get(thing):
                yield waiting[thing].popleft()
                left.append(thing)


def _round_robin(several: Iterable[Iterator[Chosen]]) -> Iterator[Chosen]:
    left = deque(several)
    while left:
        one = left.popleft()
        for item in islice(one, 1):
            yield item
            left.append(one)


def _questions(
    endpoint: Endpoint, sources: Sequence[Endpoint]
) -> dict[Thing, tuple[bytes, ...]]:
    found: dict[Thing, tuple[bytes, ...]] = {}
    for source in sources:
        data = question_ahead(source, endpoint)
        if data is not None and source.version is not None:
            thing: Thing = "string", source.version
            forms = found.get(thing, ())
            found[thing] = forms if data in forms else (*forms, data)
    return found


def _is_asked(endpoint: Endpoint) -> bool:
    """Whether an endpoint is asked about strings: a type, or what has an attribute."""
    attribute = endpoint.attribute
    if attribute is None or not endpoint.has_attribute:
        return False
    return endpoint.kind == "type" or attribute.node == "device"
