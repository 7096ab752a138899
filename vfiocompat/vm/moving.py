# SPDX-License-Identifier: Apache-2.0
"""A whole VM and where it can go: this host, whose drivers are asked, or a fleet."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.addresses import address_text
from vfiocompat.errors import ErrorRecord, InventoryError
from vfiocompat.files import read_inventory
from vfiocompat.find import survey
from vfiocompat.fleet.classes import Classifier, Member, Place, merge, newest
from vfiocompat.fleet.grid import cell_of, decide_rows
from vfiocompat.fleet.read import demand_hosts, spread
from vfiocompat.inventory import Inventory, recorded
from vfiocompat.pairs import Pair, check_all, decide_pair
from vfiocompat.times import moment
from vfiocompat.vm.arrival import Answer, Arrival, Hosts, Moving, rank
from vfiocompat.vm.blockers import READ_ACROSS_DRIVERS
from vfiocompat.vm.domain import rewritten
from vfiocompat.vm.manifest import Manifest
from vfiocompat.vm.offers import Offer

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Mapping,
        Sequence,
    )

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet.classes import Fleet, Share
    from vfiocompat.fleet.read import InventoryReader
    from vfiocompat.host.sysfs import Host
    from vfiocompat.tables.library import Library
    from vfiocompat.tables.stated import Stated
    from vfiocompat.times import Horizon
    from vfiocompat.vm.read import Description

__all__ = ["Found", "HostAnswer", "Journey"]


class Journey(NamedTuple):
    """What a VM's way is decided by: this host, its tables, and what is stated here."""

    host: Host
    library: Library
    stated: Stated
    horizon: Horizon

    def found(
        self,
        moving: Moving,
        fleet: Sequence[str],
        *,
        here: bool,
        hosts: Collection[str] = (),
        same_host: bool = False,
    ) -> Found:
        """Tell what each destination makes of a VM: this host if `here`, and a fleet.

        `hosts` of the fleet are the only ones that count, if there are any; the VM's
        own only with `same_host`.

        Raises:
            VfiocompatError: there is no sysfs, or nothing of the fleet can be used, or
                there is no other host in it.

        """
        arrivals: dict[Answer, Callable[[], Arrival]] = {}
        errors: dict[str, ErrorRecord] = {}
        failed = False
        if here:
            mine = self.arrival(moving)
            failed = mine.failed
            arrivals[mine.answer] = lambda: mine
        if fleet:
            there, errors = self.answers(
                moving, fleet, hosts=hosts, same_host=same_host
            )
            for host in there:
                arrivals[host.answer] = partial(
                    self.arrival_in, moving, host.path, same_host=same_host
                )
        if not arrivals:
            raise InventoryError(
                "FLEET has no host but the VM's own",
                hint="--same-host takes that for a destination too",
            )
        return Found(sorted(arrivals, key=rank), arrivals, errors, failed)

    def arrival(self, moving: Moving) -> Arrival:
        """Tell what this host makes of a VM; its drivers are asked.

        Raises:
            VfiocompatError: there is no sysfs.

        """
        if not moving.sources:
            return Hosts(moving, [], []).arrival(None, [], _no_pair)
        name = self.host.name()
        own = {
            source.address
            for source in moving.sources
            if source.host in {None, name} and not moving.as_is
        }
        kept = {device.text for device in moving.devices} if moving.as_is else None
        known = survey(self.host, self.library.drivers).endpoints
        ends = [
            endpoint
            for endpoint in known
            if endpoint.address not in own
            and (kept is None or endpoint.address in kept)  # no other is asked
        ]
        sources, which = moving.distinct()
        rows = check_all(sources, ends, self.host, self.library, self.stated)

        def pair_of(device: int, column: int) -> Pair:
            pair = rows[which[device]][column]
            return moving.demand(device, pair._replace(source=moving.sources[device]))

        cells = [[cell_of(pair.decision) for pair in row] for row in rows]
        hosts = Hosts(moving, ends, moving.cells(cells, ends))
        taken = [endpoint.address for endpoint in known]
        return hosts.arrival(None, _offers(ends), pair_of, taken=taken)

    def arrival_in(self, moving: Moving, path: str, *, same_host: bool) -> Arrival:
        """Tell what the host of an inventory makes of a VM, in full.

        Raises:
            InventoryError: it cannot be used.

        """
        inventory = read_inventory(path)
        without = self._without(moving, same_host=same_host)
        here = without is not None and without.host == inventory.host
        ends = [
            recorded(endpoint, inventory, self.horizon)
            for endpoint in inventory.endpoints
            if not (here and without is not None and without.has(endpoint))
        ]

        def pair_of(device: int, column: int) -> Pair:
            pair = decide_pair(moving.sources[device], ends[column], self.library)
            return moving.demand(device, pair)

        hosts = self._hosts(moving, ends)
        return hosts.arrival(
            inventory.host,
            _offers(ends),
            pair_of,
            self.horizon.rejects(inventory.taken_at),
            [endpoint.address for endpoint in inventory.endpoints],
        )

    def answers(
        self,
        moving: Moving,
        fleet: Sequence[str],
        *,
        hosts: Collection[str] = (),
        same_host: bool = False,
    ) -> tuple[list[HostAnswer], dict[str, ErrorRecord]]:
        """Tell what each host of a fleet makes of a VM, in short.

        `hosts` are the only ones that count, if there are any; the VM's own only with
        `same_host`. Beside is what cannot be used of the fleet, by its path.

        Raises:
            InventoryError: no inventory of the fleet can be used.

        """
        strings = {source.version for source in moving.sources if source.version}
        without = self._without(moving, same_host=same_host)

        def work(reading: InventoryReader) -> _Answers:
            classifier = Classifier(
                self.horizon,
                self.library.facts_read,
                about=strings,
                wanted=lambda _: True,
                without=without,
                beside=READ_ACROSS_DRIVERS,
            )
            for path, inventory in reading:
                classifier.add(path, inventory)
            known = merge([classifier.reduced(reading.errors)])
            return _Answers(self._answers(moving, known), known.errors)

        parts = spread(fleet, work, _Answers, hosts)
        errors = {path: each for part in parts for path, each in part.errors.items()}
        found, doubles = newest(answer for part in parts for answer in part.answers)
        errors |= doubles
        if unknown := sorted(set(hosts) - {each.host for each in found}):
            raise InventoryError(
                f"the fleet has no host {', '.join(unknown)}",
                hint="some of the fleet could not be read" if errors else None,
            )
        demand_hosts(found, errors, hosts)
        own = without is not None and without.addresses is None and without.host
        return [each for each in found if each.host != own], errors

    def _answers(self, moving: Moving, known: Fleet) -> list[HostAnswer]:
        """Give the answer of each host of a part of a fleet."""
        hosts = self._hosts(moving, [each.endpoint for each in known.classes])
        found = []
        for host in known.hosts:
            shares = list(known.shares(host))
            answer = hosts.answer(
                host.host,
                [column for column, _ in shares],
                partial(_members_offers, shares),
                self.horizon.rejects(host.taken_at),
            )
            found.append(HostAnswer(host.path, host.host, host.taken_at, answer))
        return found

    def _hosts(self, moving: Moving, ends: Sequence[Endpoint]) -> Hosts:
        """Decide a VM's devices with several endpoints, by what is recorded of them."""
        sources, _ = moving.distinct()
        cells = decide_rows(sources, ends, self.library)
        return Hosts(moving, ends, moving.cells(cells, ends))

    def _without(self, moving: Moving, *, same_host: bool) -> Place | None:
        """Name what is never a destination: the VM's devices, or all of its host."""
        if not moving.sources:
            return None
        own = frozenset(source.address for source in moving.sources)
        host = moving.sources[0].host or self.host.name()
        return Place(host, own if same_host else None)

    def xml(self, machine: Description, moving: Moving, arrival: Arrival) -> str | None:
        """Give a VM's XML for a host; None where not every device has a place there.

        Raises:
            DomainError: a device cannot become what it is given.

        """
        assert machine.xml is not None
        there = {each.device: each.address for each in arrival.given}
        if len(there) < len(moving.devices):
            return None
        manifest = self._manifest(moving, arrival) if there else None
        addresses = [there.get(device) for device in machine.vm.devices]
        return rewritten(machine.xml, machine.where, addresses, manifest).decode()

    def _manifest(self, moving: Moving, arrival: Arrival) -> Manifest:
        """Say what the devices that a VM has after its way stand for."""
        [first, *_] = moving.sources
        kept = [
            msgspec.structs.replace(
                source,
                recorded=msgspec.UNSET,
                origin=None if source.version is None else "attribute",
            )
            for source in moving.sources
        ]
        return Manifest(
            host=arrival.answer.host or self.host.name(),
            devices={
                address_text(each.address) or "": each.device.text
                for each in arrival.given
            },
            inventory=Inventory(
                host=first.host or self.host.name(),
                machine_id=None,
                taken_at=first.recorded.taken_at
                if first.recorded
                else moment(self.horizon.now),
                kernel=first.facts.get("kernel", ""),
                endpoints=kept,
                problems=[],
            ),
        )


class Found(NamedTuple):
    """What destinations make of a VM, those that take it first.

    `arrivals` give each answer in full. `errors` are of inventories that could not be
    used, by path; `failed` says that this host may take the VM, but a driver could not
    be asked.
    """

    answers: list[Answer]
    arrivals: Mapping[Answer, Callable[[], Arrival]]
    errors: dict[str, ErrorRecord]
    failed: bool


class HostAnswer(msgspec.Struct, frozen=True):
    """A host's answer, and the inventory that it rests on."""

    path: str
    host: str
    taken_at: str
    answer: Answer


class _Answers(msgspec.Struct, frozen=True):
    """What one process has found of its part of a fleet."""

    answers: list[HostAnswer]
    errors: dict[str, ErrorRecord]


def _offers(ends: Sequence[Endpoint]) -> list[Offer]:
    """Make an offer of each of several endpoints, in the order of their addresses."""
    members = ((Member.of(end), column) for column, end in enumerate(ends))
    return _sorted(members)


def _members_offers(shares: Sequence[tuple[int, Share]]) -> list[Offer]:
    """Make an offer of each endpoint of several classes, in the same order."""
    return _sorted(
        (member, column) for column, share in shares for member in share.members
    )


def _sorted(members: Iterable[tuple[Member, int]]) -> list[Offer]:
    return sorted((Offer.of(*each) for each in members), key=attrgetter("address"))


def _no_pair(device: int, column: int) -> Pair:
    raise AssertionError(device, column)
