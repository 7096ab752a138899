# SPDX-License-Identifier: Apache-2.0
"""Scanning a host: its endpoints as an inventory, with its drivers' answers."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.decision.answers import question_ahead
from vfiocompat.decision.errnos import recordable
from vfiocompat.decision.reads import question_reads, rests_on
from vfiocompat.endpoints import Problem, RecordedAnswer
from vfiocompat.errors import FactError
from vfiocompat.find import survey
from vfiocompat.host.sysfs.questions import Question
from vfiocompat.inventory import Inventory
from vfiocompat.times import moment, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.sysfs import Host
    from vfiocompat.inventory import Identity
    from vfiocompat.tables.library import Library
    from vfiocompat.tables.stated import Stated

__all__ = ["Strings", "ask_drivers", "drop_answers", "keep_answers", "scan"]


def scan(
    host: Host, identity: Identity, library: Library, stated: Stated, now: float
) -> tuple[Inventory, list[ErrorRecord]]:
    """Find and read every endpoint of a host, with what is stated of it.

    Beside is what is wrong with the site's facts and tables, each once. `now` is in
    seconds since 1970.

    Raises:
        VfiocompatError: there is no sysfs, or the tables cannot be read.

    """
    found = survey(host, library.drivers)
    endpoints = []
    wrong: dict[ErrorRecord, Problem] = {}
    for endpoint in found.endpoints:
        try:
            endpoints.append(stated.of_source(endpoint, library))
        except FactError as error:  # a file's mistake is one for every endpoint
            endpoints.append(endpoint)
            problem = Problem(endpoint.address, "state", None, codes.FACT_UNUSABLE)
            wrong.setdefault(error.record, problem)
    broken = library.broken(endpoints)
    unread = [Problem(path, "load", None, each.code) for path, each in broken.items()]
    inventory = Inventory(
        host=identity.host or "",
        machine_id=identity.machine_id,
        taken_at=moment(now),
        kernel=identity.kernel or "",
        boot_id=identity.boot_id,
        endpoints=endpoints,
        problems=[*found.problems, *wrong.values(), *unread],
    )
    return inventory, [*wrong, *broken.values()]


# ---- drivers' answers ----------------------------------------------------------


def keep_answers(inventory: Inventory, before: Inventory, now: float) -> Inventory:
    """Take over the answers of endpoints that are as they were, on the same host.

    What is not known, of either, is not as it was. A yes at a time that has not come
    yet is not taken over: a clock was wrong. Other answers are: they stand against a
    table's yes until the driver is asked again.
    """
    if inventory.host != before.host:
        return inventory
    if not inventory.kernel or inventory.kernel != before.kernel:
        return inventory
    if not inventory.machine_id or inventory.machine_id != before.machine_id:
        return inventory
    known = {each.address: each for each in before.endpoints if each.answers}
    if not known:
        return inventory
    endpoints = list(inventory.endpoints)
    for at, endpoint in enumerate(endpoints):
        old = known.get(endpoint.address)
        if old is None or (ground := rests_on(endpoint)) is None:
            continue
        if rests_on(old) == ground:
            kept = tuple(
                each
                for each in old.answers
                if not each.accepted or _was(each.asked_at, now)
            )
            endpoints[at] = msgspec.structs.replace(endpoint, answers=kept)
    return msgspec.structs.replace(inventory, endpoints=endpoints)


def _was(asked_at: str, now: float) -> bool:
    then = timestamp(asked_at)
    return then is not None and then <= now


def ask_drivers(
    inventory: Inventory,
    strings: Strings,
    host: Host,
    now: float,
    limit: int | None,
) -> Inventory:
    """Ask drivers about strings, and record their answers.

    Types are asked, and of the others those that have an attribute of their own. What
    has an answer is not asked again, unless that was neither yes nor no, or is of the
    future: such are asked after all others of the same inventory. `limit` bounds how
    many are asked; None is no bound.
    """
    wanted = list(islice(_to_ask(inventory.endpoints, strings, now), limit))
    found: dict[int, dict[str, RecordedAnswer]] = {}
    while wanted:
        # One question an endpoint at a time: a driver that hangs holds one call.
        turn = {at: (version, forms) for at, version, forms in reversed(wanted)}
        replies = host.probe(
            [
                Question(inventory.endpoints[at], forms[0])
                for at, (_, forms) in turn.items()
            ]
        )
        wanted = [each for each in wanted if turn[each[0]] != each[1:]]
        for (at, (version, (data, *others))), (answer, *_) in zip(
            turn.items(), replies, strict=True
        ):
            said = recordable(answer, len(data))
            if said is not None and said[0] and others:
                wanted.insert(0, (at, version, tuple(others)))
            elif said is not None:
                new = RecordedAnswer(version, *said, moment(now))
                found.setdefault(at, {})[version] = new
            if answer.stage not in {"done", "write"}:
                wanted = [each for each in wanted if each[0] != at]
    endpoints = list(inventory.endpoints)
    for at, new_ones in found.items():
        known = {each.about: each for each in endpoints[at].answers} | new_ones
        answers = tuple(known[version] for version in sorted(known))
        endpoints[at] = msgspec.structs.replace(endpoints[at], answers=answers)
    return msgspec.structs.replace(inventory, endpoints=endpoints)


def drop_answers(inventory: Inventory, strings: Strings) -> Inventory:
    """Leave out answers to strings that neither the fleet nor the inventory has."""
    known = strings.versions() | {each.version for each in inventory.endpoints}
    endpoints = list(inventory.endpoints)
    for at, endpoint in enumerate(endpoints):
        kept = tuple(each for each in endpoint.answers if each.version in known)
        if len(kept) < len(endpoint.answers):
            endpoints[at] = msgspec.structs.replace(endpoint, answers=kept)
    return msgspec.structs.replace(inventory, endpoints=endpoints)


class Strings:
    """The distinct questions that strings of a fleet are, with a source of each.

    `of_inventories` has the strings of each inventory.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Endpoint] = {}
        self.of_inventories: list[list[str]] = []

    def add(self, endpoints: Iterable[Endpoint]) -> None:
        """Add those of an inventory."""
        mine: dict[str, None] = {}
        for endpoint in endpoints:
            if endpoint.version is not None:
                self._found.setdefault(question_reads(endpoint), endpoint)
                mine[endpoint.version] = None
        self.of_inventories.append(list(mine))

    def sources(self) -> list[Endpoint]:
        """Give a source of each, in a stable order."""
        return [self._found[key] for key in sorted(self._found, key=str)]

    def versions(self) -> set[str | None]:
        """Give the strings."""
        return {source.version for source in self._found.values()}


_Forms = tuple[bytes, ...]
"""What to write about one string: it may have a newline at its end, and none.

All are asked until one is not taken, since an answer counts for all of them.
"""

_ToAsk = tuple[int, str, _Forms]
"""An endpoint by its place, the string to ask about, and what to write."""


def _to_ask(
    endpoints: Sequence[Endpoint], strings: Strings, now: float
) -> Iterator[_ToAsk]:
    """Give the questions to ask: one of each inventory, then another of each.

    So an inventory with many strings, be they new each time, takes no other one's turn.
    Which begins is another one each time.
    """
    sources = strings.sources()
    new: dict[str, deque[_ToAsk]] = defaultdict(deque)
    again: dict[str, deque[_ToAsk]] = defaultdict(deque)
    for at, endpoint in enumerate(endpoints):
        if not _is_asked(endpoint):
            continue
        known = {
            answer.version: answer.accepted if _was(answer.asked_at, now) else None
            for answer in endpoint.answers
        }
        for version, forms in _questions(endpoint, sources).items():
            # Nothing tells which forms a yes is about.
            if known.get(version) is None or (known[version] and len(forms) > 1):
                waiting = again if version in known else new
                waiting[version].append((at, version, forms))
    for waiting in (new, again):
        for number, version in enumerate(waiting):
            waiting[version].rotate(-number)  # each begins at another endpoint
    shares = [_in_turn(each, new, again) for each in strings.of_inventories]
    random.Random(now).shuffle(shares)  # noqa: S311 - no secret
    return _round_robin(shares)


def _in_turn(
    versions: Iterable[str], *several: Mapping[str, deque[_ToAsk]]
) -> Iterator[_ToAsk]:
    """Give what waits of an inventory's strings, one of each and then another of each.

    It waits once for all inventories that have the string.
    """
    for waiting in several:
        left = deque(versions)
        while left:
            version = left.popleft()
            if waiting.get(version):
                yield waiting[version].popleft()
                left.append(version)


def _round_robin(several: Iterable[Iterator[_ToAsk]]) -> Iterator[_ToAsk]:
    left = deque(several)
    while left:
        one = left.popleft()
        for item in islice(one, 1):
            yield item
            left.append(one)


def _questions(endpoint: Endpoint, sources: Sequence[Endpoint]) -> dict[str, _Forms]:
    found: dict[str, _Forms] = {}
    for source in sources:
        data = question_ahead(source, endpoint)
        if data is not None and source.version is not None:
            forms = found.get(source.version, ())
            found[source.version] = forms if data in forms else (*forms, data)
    return found


def _is_asked(endpoint: Endpoint) -> bool:
    """Whether an endpoint is asked: a type, or one with an attribute of its own."""
    attribute = endpoint.attribute
    if attribute is None or not endpoint.has_attribute:
        return False
    return endpoint.kind == "type" or attribute.node == "device"
