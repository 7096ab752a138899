# SPDX-License-Identifier: Apache-2.0
"""Fleets: endpoints of many hosts, of which those that are alike are one class.

A class is all endpoints for which a decision reads the same things, so one decision
holds for every pair of two classes. What was recorded of one host never decides for
another: drivers' answers are a part of what is alike.
"""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.decision.reads import answers_read, reads_recorded, standing
from vfiocompat.endpoints import Endpoint, Problem, Recorded
from vfiocompat.errors import ErrorRecord
from vfiocompat.files.doubles import newest
from vfiocompat.fleet.about import About
from vfiocompat.fleet.members import ClassOnHost, Member
from vfiocompat.inventory import changed_since, with_answers_that_count

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from vfiocompat.endpoints import RecordedAnswer
    from vfiocompat.inventory import Inventory
    from vfiocompat.times import Horizon

__all__ = [
    "PROBLEMS_KEPT",
    "Class",
    "Classifier",
    "Fleet",
    "HostAddresses",
    "HostClasses",
    "Reduced",
    "class_id",
    "merge",
]


class HostClasses(msgspec.Struct, array_like=True, gc=False):
    """A host of a fleet. `classes` are encoded: they are most of a fleet's memory.

    `problems` are the first that its scan met. `part` says which classifier counted its
    classes.
    """

    path: str
    host: str
    taken_at: str
    classes: msgspec.Raw
    problems: list[Problem] = []
    part: int = 0


PROBLEMS_KEPT = 10
"""How many problems of a scan are kept; a host that has more has at least as many."""

_classes_decoder = msgspec.msgpack.Decoder(list[ClassOnHost])
_classes_encoder = msgspec.msgpack.Encoder()


class Reduced(msgspec.Struct, array_like=True):
    """Inventories reduced to classes: an endpoint that stands for each, and hosts.

    `counts` says of each class how many endpoints, devices and hosts it has.
    """

    classes: list[Endpoint]
    counts: list[tuple[int, int, int]]
    hosts: list[HostClasses]
    errors: dict[str, ErrorRecord]


class Class(msgspec.Struct):
    """A class of a fleet: an endpoint that stands for all, and how many there are.

    `id` is made of what the decision reads, so it is the same in every fleet. `devices`
    are those of the endpoints that a virtual machine may have.
    """

    id: str
    endpoint: Endpoint
    endpoints: int = 0
    hosts: int = 0
    devices: int = 0


class Fleet(msgspec.Struct):
    """The classes of a fleet, its hosts by name, and by path what cannot be used."""

    classes: list[Class]
    hosts: list[HostClasses]
    errors: dict[str, ErrorRecord]
    numbers: list[list[int]]

    def on_host(self, host: HostClasses) -> Iterator[tuple[int, ClassOnHost]]:
        """Give what a host has of each class, which is given by its place."""
        numbers = self.numbers[host.part]
        for each in _classes_decoder.decode(host.classes):
            yield numbers[each.class_], each

    @property
    def files(self) -> dict[str, str]:
        """The inventory of each host."""
        return {host.host: host.path for host in self.hosts}

    def hosts_of_classes(self) -> list[list[str]]:
        """Name for each class the hosts that have any of it, in their order."""
        found: list[list[str]] = [[] for _ in self.classes]
        for host in self.hosts:
            for place, _ in self.on_host(host):
                found[place].append(host.host)
        return found


class HostAddresses(NamedTuple):
    """A host, or some addresses of it."""

    host: str
    addresses: frozenset[str] | None = None

    def has(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint of the host is meant."""
        return self.addresses is None or endpoint.address in self.addresses


class Classifier:
    """Sorts endpoints into classes.

    `facts_read` names the facts that tables may read of an endpoint of a driver.
    `about` are the only sources about which recorded answers matter, if not all do;
    then an answer's time matters too. `wanted` says of which classes, by the endpoint
    that stands for one, members are to be kept. `without` is left out. `beside` names,
    for each vendor, facts that are read whatever tables read. `by_device` keeps apart
    what are different devices, too: functions and others, and of different ids. Of
    functions it names facts that are read as well, and `always` those of all.
    """

    def __init__(
        self,
        horizon: Horizon,
        facts_read: Callable[[str | None], tuple[str, ...]],
        *,
        about: Sequence[Endpoint] | None = None,
        wanted: Callable[[Endpoint], bool] | None = None,
        without: HostAddresses | None = None,
        beside: Mapping[str | None, tuple[str, ...]] = MappingProxyType({}),
        by_device: tuple[str, ...] | None = None,
        always: tuple[str, ...] = (),
    ) -> None:
        self._always = always
        self._beside = beside
        self._by_device = by_device
        self._horizon = horizon
        self._facts_read = facts_read
        self._about = None if about is None else About.of(about)
        self._wanted = wanted
        self._without = without
        self._numbers: dict[object, int] = {}
        self._keeps: list[bool] = []
        self._fresh: dict[str, bool] = {}  # whether an answer of a moment counts
        self._counts: list[list[int]] = []
        self._hosts: list[HostClasses] = []
        self.classes: list[Endpoint] = []

    def reduced(self, errors: dict[str, ErrorRecord]) -> Reduced:
        """Give all that was sorted."""
        counts = [(each[0], each[1], each[2]) for each in self._counts]
        return Reduced(self.classes, counts, self._hosts, errors)

    def add(self, path: str, inventory: Inventory) -> None:
        """Sort a host's endpoints into classes, and count them."""
        endpoints, numbers = self.sorted(inventory)
        are = [endpoint.is_device for endpoint in endpoints]
        devices = Counter([each for each, is_ in zip(numbers, are, strict=True) if is_])
        unknown = Counter(
            [each for each, is_ in zip(numbers, are, strict=True) if is_ is None]
        )
        members = self._members(endpoints, numbers)
        found = [
            (number, times, devices[number], unknown[number], members.get(number, ()))
            for number, times in Counter(numbers).items()
        ]
        for number, times, sure, unsure, _ in found:
            counts = self._counts[number]
            counts[0] += times
            counts[1] += sure + unsure
            counts[2] += 1
        raw = msgspec.Raw(_classes_encoder.encode(found))
        head = path, inventory.host, inventory.taken_at, raw
        self._hosts.append(HostClasses(*head, inventory.problems[:PROBLEMS_KEPT]))

    def _members(
        self, endpoints: Sequence[Endpoint], numbers: Sequence[int]
    ) -> dict[int, list[Member]]:
        """Give the members of the classes of which they are to be kept."""
        found: dict[int, list[Member]] = {}
        keeps = self._keeps
        if any(keeps):
            for endpoint, number in zip(endpoints, numbers, strict=True):
                if keeps[number]:
                    found.setdefault(number, []).append(Member.of(endpoint))
        return found

    def sorted(self, inventory: Inventory) -> tuple[list[Endpoint], list[int]]:
        """Give a host's endpoints, and the number of the class of each."""
        old = self._horizon.rejects(inventory.taken_at) is not None
        known, facts_read, beside = self._numbers, self._facts_read, self._beside
        by_device, always = self._by_device, self._always
        endpoints = inventory.endpoints
        if self._without is not None and inventory.host == self._without.host:
            endpoints = [each for each in endpoints if not self._without.has(each)]
        numbers = []
        # What is done here is done a million times.
        for each in endpoints:
            endpoint = each
            if each.answers:
                endpoint = with_answers_that_count(each, inventory, self._horizon)
            names = facts_read(endpoint.driver) if endpoint.version is None else ()
            names += always
            if beside:
                names += beside.get(endpoint.vendor_id, ())
            is_function = endpoint.kind == "function"
            if by_device and is_function:
                names += by_device
            answers = self._answers(endpoint) if endpoint.answers else None
            changed = changed_since(endpoint, inventory) if endpoint.head else ()
            key: object = reads_recorded(endpoint, names, old, answers, changed)
            if by_device is not None:
                key = key, is_function, endpoint.vendor_id, endpoint.device_id
            number = known.get(key)
            if number is None:
                number = self._new(key, endpoint, names, inventory)
            numbers.append(number)
        return endpoints, numbers

    def _new(
        self,
        key: object,
        endpoint: Endpoint,
        names: tuple[str, ...],
        inventory: Inventory,
    ) -> int:
        """Begin a class, and give its number."""
        number = self._numbers[key] = len(self.classes)
        stands = self._standing(endpoint, names, inventory)
        if self._by_device is not None:
            ids = {"vendor_id": endpoint.vendor_id, "device_id": endpoint.device_id}
            stands = msgspec.structs.replace(stands, **ids)
        self.classes.append(stands)
        self._counts.append([0, 0, 0])
        self._keeps.append(self._wanted is not None and self._wanted(stands))
        return number

    def _answers(self, endpoint: Endpoint) -> tuple[object, ...] | None:
        """Give what is read of an endpoint's answers: of some, or of all."""
        if self._about is None:
            return answers_read(endpoint.answers, self._counts_now)
        # When the one that decides was given is told.
        return answers_read(self._in_question(endpoint), str) or None

    def _counts_now(self, asked_at: str) -> bool:
        """Whether an answer of a moment counts; few moments differ."""
        counts = self._fresh.get(asked_at)
        if counts is None:
            counts = self._fresh[asked_at] = self._horizon.rejects(asked_at) is None
        return counts

    def _in_question(self, endpoint: Endpoint) -> list[RecordedAnswer]:
        about = self._about
        if about is None:
            return sorted(endpoint.answers, key=lambda each: each.thing)
        wanted = about.of_endpoint(endpoint)
        return [each for each in endpoint.answers if each.thing in wanted]

    def _standing(
        self, endpoint: Endpoint, names: tuple[str, ...], inventory: Inventory
    ) -> Endpoint:
        """Give the endpoint that stands for a class."""
        rejects, age = self._horizon.rejects, self._horizon.age
        answers = self._in_question(endpoint)
        reasons = {each.about: rejects(each.asked_at) for each in answers}
        ages = {}
        if self._about is None:  # hosts were asked at different times
            answers = [msgspec.structs.replace(each, asked_at="") for each in answers]
        else:
            ages = {each.about: age(each.asked_at) for each in answers}
        return standing(
            endpoint,
            names,
            Recorded(
                "",
                "",
                rejects(inventory.taken_at),
                {version: why for version, why in reasons.items() if why is not None},
                ages,
                changed_since(endpoint, inventory) if endpoint.head else (),
            ),
            tuple(answers),
        )


def merge(parts: Iterable[Reduced]) -> Fleet:
    """Make one fleet of parts that were reduced apart.

    Of two inventories of a host the newer one counts; the other is an error.
    """
    fleet = Fleet([], [], {}, [])
    places: dict[str, int] = {}
    hosts: list[HostClasses] = []
    for at, part in enumerate(parts):
        fleet.errors |= part.errors
        numbers = []
        for endpoint, counts in zip(part.classes, part.counts, strict=True):
            id_ = class_id(endpoint)
            if id_ not in places:
                places[id_] = len(fleet.classes)
                fleet.classes.append(Class(id_, endpoint))
            numbers.append(places[id_])
            _count(fleet.classes[places[id_]], *counts)
        fleet.numbers.append(numbers)
        for host in part.hosts:
            host.part = at
            hosts.append(host)
    fleet.hosts, doubles = newest(hosts)
    fleet.errors |= doubles
    for host in hosts:
        if host.path in doubles:
            for place, has in fleet.on_host(host):
                class_ = fleet.classes[place]
                _count(class_, -has.endpoints, -has.devices - has.unknown, -1)
    _sort(fleet)
    fleet.errors = dict(sorted(fleet.errors.items()))
    return fleet


def _sort(fleet: Fleet) -> None:
    """Put the classes in an order that people expect, and leave out empty ones."""
    places = [at for at, class_ in enumerate(fleet.classes) if class_.endpoints]
    places.sort(key=lambda at: _order(fleet.classes[at]))
    moved = {old: new for new, old in enumerate(places)}
    fleet.classes = [fleet.classes[at] for at in places]
    # No host that counts has any of an empty class.
    fleet.numbers = [[moved.get(at, -1) for at in part] for part in fleet.numbers]


def _order(class_: Class) -> tuple[str, ...]:
    end = class_.endpoint
    return end.driver or "", end.type_id or "", end.version or "", class_.id


def _count(class_: Class, endpoints: int, devices: int, hosts: int) -> None:
    class_.endpoints += endpoints
    class_.devices += devices
    class_.hosts += hosts


def class_id(endpoint: Endpoint) -> str:
    """Name a class by what it is made of, the same in every fleet.

    What is not known does not count, so a later program that knows of more gives an
    older inventory's classes the same names.
    """
    import hashlib  # noqa: PLC0415 - costs start-up time, and not all need names

    alike = msgspec.structs.replace(endpoint, kind="type")
    known = msgspec.to_builtins(alike)
    known = {name: value for name, value in known.items() if value is not None}
    if endpoint.recorded and not endpoint.recorded.changed:
        del known["recorded"]["changed"]
    return hashlib.sha256(msgspec.json.encode(known, order="sorted")).hexdigest()[:10]
