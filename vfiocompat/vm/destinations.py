# SPDX-License-Identifier: Apache-2.0
"""Where a VM can go: this host, whose drivers are asked, and the hosts of a fleet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.addresses import FunctionAddress
from vfiocompat.decision.needs import Wanting, wanting
from vfiocompat.errors import ErrorRecord, InventoryError
from vfiocompat.files.doubles import newest
from vfiocompat.files.inventories import read_inventory
from vfiocompat.find import look, survey
from vfiocompat.fleet.cells import cell_of
from vfiocompat.fleet.classes import Classifier, HostAddresses
from vfiocompat.fleet.read import demand_hosts, spread
from vfiocompat.inventory import recorded
from vfiocompat.pairs import Pair, check_all, compare_gpus, decide_pair
from vfiocompat.tables.strings import derived
from vfiocompat.vm.blockers import READ_ACROSS_DRIVERS, READ_OF_FUNCTIONS
from vfiocompat.vm.hosts import HostResult, HostResults, rank
from vfiocompat.vm.instances import Instances, in_order
from vfiocompat.vm.report import report
from vfiocompat.vm.wanting import Wants

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet.read import InventoryReader
    from vfiocompat.vm.migration import Migration
    from vfiocompat.vm.report import HostReport
    from vfiocompat.vm.sources import Site

__all__ = ["Destination", "Destinations", "find_destinations"]


class Destination(NamedTuple):
    """A host that a VM may go to: what it makes of the VM, and that in full.

    An inventory is read again for it; InventoryError if it cannot be used any more.
    `wanting` tells what has to be learnt where that is undetermined, and `path` is the
    inventory, None for this host.
    """

    result: HostResult
    report: Callable[[], HostReport]
    wanting: tuple[Wanting, ...]
    path: str | None = None


class Destinations(NamedTuple):
    """Hosts that a VM may go to, those that take it first.

    `errors` are of inventories and tables that could not be used, by path; `failed`
    says that this host may take the VM, but a driver could not be asked.
    """

    hosts: list[Destination]
    errors: dict[str, ErrorRecord]
    failed: bool


def find_destinations(
    migration: Migration,
    site: Site,
    fleet: Sequence[str],
    *,
    here: bool,
    hosts: Collection[str] = (),
    same_host: bool = False,
) -> Destinations:
    """Tell what each destination makes of a VM: this host if `here`, and a fleet.

    `hosts` of the fleet are the only ones that count, if there are any; the VM's own
    only with `same_host`.

    Raises:
        VfiocompatError: there is no sysfs, or nothing of the fleet can be used, or
            there is no other host in it.

    """
    found: list[Destination] = []
    errors: dict[str, ErrorRecord] = {}
    failed = False
    if here:
        # With --as-is it is on its way to this host, and to no other.
        arrives = migration.sent if migration.as_is else migration
        mine, failed, errors = _this_host(arrives, site)
        found.append(mine)
    if fleet:
        without = _without(migration, site, same_host=same_host)
        results, wrong = _in_fleet(migration, site, fleet, hosts, without)
        errors |= wrong
        found += [
            Destination(
                each.result,
                partial(_reported, migration, site, each, without),
                each.wanting,
                each.path,
            )
            for each in results
        ]
    if not found:
        raise InventoryError(
            "FLEET has no host but the VM's own",
            hint="--same-host takes that for a destination too",
        )
    found.sort(key=lambda each: rank(each.result))
    return Destinations(found, errors, failed)


# ---- this host -------------------------------------------------------------------


def _this_host(
    migration: Migration, site: Site
) -> tuple[Destination, bool, dict[str, ErrorRecord]]:
    """Tell what this host makes of a VM, and whether a driver could not be asked.

    Beside is what is wrong with tables, by their paths.

    Raises:
        VfiocompatError: there is no sysfs.

    """
    known = (
        survey(site.host, site.library.drivers).to_decide() if migration.sources else []
    )
    if migration.as_is:
        known += _unbound(migration, site, {each.address for each in known})
    ends = in_order(_for_vm(migration, known, site))
    alike = migration.alike(site.library)
    if site.streaming is not None:  # whose heads may differ
        alike = list(range(len(alike)))
    first = list(dict.fromkeys(alike))
    sources = [migration.sources[at] for at in first]
    checked = check_all(
        sources, ends, site.host, site.library, site.stated, site.streaming
    )
    before = dict(zip(first, checked, strict=True))
    pairs = {
        at: [migration.demanded(at, pair) for pair in row] for at, row in before.items()
    }
    rows = {
        at: [
            cell_of(pair.decision, was.decision)
            for pair, was in zip(row, before[at], strict=True)
        ]
        for at, row in pairs.items()
    }
    has = Instances.of(ends, range(len(ends)))
    result = HostResults(migration, ends, alike, rows).result(None, has)

    def pair_of(device: int, at: int) -> Pair:
        pair = pairs[alike[device]][at]
        was = pair.source
        text = was.version if was.origin in {"derived", "stream"} else None
        by_head = was.origin == "stream"
        source = derived(migration.sources[device], text, by_head=by_head)
        return pair._replace(source=source)

    taken = [endpoint.address for endpoint in known]
    write = partial(report, migration, result, ends, pair_of, taken=taken)
    errors = site.library.broken([*migration.sources, *ends])
    asked = [end for row in checked for pair in row for end in pair[:2]]
    errors |= site.stated.denied(asked, site.library)
    chosen = [
        pair_of(device, at) for device, at in enumerate(result.ends) if at is not None
    ]
    mine = Destination(result, write, (*wanting(chosen),))
    return mine, _failed(migration, alike, pairs), errors


def _for_vm(
    migration: Migration, known: Sequence[Endpoint], site: Site
) -> list[Endpoint]:
    """Give the endpoints of this host that devices may be given; no other is asked."""
    if migration.as_is:
        names = {device.text for device in migration.devices}
        return [each for each in known if each.address in names]
    name = site.host.name()
    own = {each.address for each in migration.sources if each.host in {None, name}}
    return [each for each in known if each.address not in own]


def _unbound(
    migration: Migration, site: Site, known: Collection[str]
) -> list[Endpoint]:
    """Give the functions at the VM's addresses that no VFIO driver has yet."""
    wanted = [
        device.address
        for device in migration.devices
        if isinstance(device.address, FunctionAddress) and device.text not in known
    ]
    drivers, horizon = site.library.drivers, site.horizon
    looked = look(wanted, site.host, drivers, ask="all", horizon=horizon)
    return [each.endpoint for each in looked if each.endpoint is not None]


def _failed(
    migration: Migration, alike: Sequence[int], pairs: Mapping[int, Sequence[Pair]]
) -> bool:
    """Whether a driver that may have said yes of a device could not be asked."""
    for device, at in zip(migration.devices, alike, strict=True):
        decisions = [
            pair.decision
            for pair in pairs[at]
            if not migration.as_is or pair.destination.address == device.text
        ]
        if all(each.verdict != "compatible" for each in decisions) and any(
            each.failed for each in decisions
        ):
            return True
    return False


# ---- hosts of a fleet ------------------------------------------------------------


class _OfInventory(msgspec.Struct, frozen=True):
    """What a host makes of a VM, and the inventory that it rests on."""

    path: str
    host: str
    taken_at: str
    result: HostResult
    wanting: tuple[Wanting, ...]


class _PartResults(msgspec.Struct, frozen=True):
    """What one process has found of its part of a fleet."""

    results: list[_OfInventory]
    errors: dict[str, ErrorRecord]


class _Kept(NamedTuple):
    """What is kept of an inventory until everything of its part is decided."""

    path: str
    host: str
    taken_at: str
    has: Instances


def _in_fleet(
    migration: Migration,
    site: Site,
    fleet: Sequence[str],
    hosts: Collection[str],
    without: HostAddresses | None,
) -> tuple[list[_OfInventory], dict[str, ErrorRecord]]:
    """Tell what each host of a fleet makes of a VM.

    Beside is what cannot be used of the fleet, by its path.

    Raises:
        InventoryError: no inventory of the fleet can be used.

    """
    work = partial(_of_part, migration=migration, site=site, without=without)
    parts = spread(fleet, work, _PartResults, hosts, site.library)
    errors = {path: each for part in parts for path, each in part.errors.items()}
    found, doubles = newest(each for part in parts for each in part.results)
    errors |= doubles
    if errors and (unknown := sorted(set(hosts) - {each.host for each in found})):
        raise InventoryError(
            f"the fleet has no host {', '.join(unknown)}",
            hint="some of the fleet could not be read",
        )
    demand_hosts([each.host for each in found], errors, fleet, hosts)
    own = without is not None and without.addresses is None and without.host
    return [each for each in found if each.host != own], errors


def _of_part(
    reading: InventoryReader,
    migration: Migration,
    site: Site,
    without: HostAddresses | None,
) -> _PartResults:
    """Read a part of a fleet, and tell what its hosts make of a VM."""
    classifier = Classifier(
        site.horizon,
        site.library.facts_read,
        about=migration.sources,
        without=without,
        beside=READ_ACROSS_DRIVERS,
        by_device=READ_OF_FUNCTIONS,
        always=migration.facts_read,
    )
    kept = [
        _Kept(
            path,
            inventory.host,
            inventory.taken_at,
            Instances.of(*classifier.sorted(inventory)),
        )
        for path, inventory in reading
    ]
    compared = compare_gpus(migration.sources, classifier.classes, site.host)
    hosts = HostResults.recorded(migration, classifier.classes, site.library, compared)
    alike = migration.alike(site.library)
    wants = Wants(migration, classifier.classes, alike, site.library, compared)
    results = []
    for path, host, taken_at, has in kept:
        outdated = site.horizon.rejects(taken_at)
        result = hosts.result(host, has, outdated)
        lacks = wants.of(host, result, has, outdated=bool(outdated))
        results.append(_OfInventory(path, host, taken_at, result, lacks))
    ends = [*migration.sources, *classifier.classes]
    return _PartResults(results, reading.errors | site.library.broken(ends))


def _reported(
    migration: Migration, site: Site, found: _OfInventory, without: HostAddresses | None
) -> HostReport:
    """Read the inventory of a host again, and tell in full what it makes of a VM.

    Raises:
        InventoryError: it cannot be used any more.

    """
    inventory = read_inventory(found.path)
    if (inventory.host, inventory.taken_at) != (found.host, found.taken_at):
        raise InventoryError(f"{found.path} has changed since it was read")
    ends = in_order(inventory.endpoints)
    if without is not None and without.host == inventory.host:
        ends = [each for each in ends if not without.has(each)]

    compared = compare_gpus(migration.sources, ends, site.host)

    def pair_of(device: int, at: int) -> Pair:
        source = migration.sources[device]
        end = recorded(ends[at], inventory, site.horizon)
        pair = decide_pair(source, end, site.library, compared=compared)
        return migration.demanded(device, pair)

    return report(
        migration,
        found.result,
        ends,
        pair_of,
        taken=[endpoint.address for endpoint in inventory.endpoints],
        outdated=site.horizon.rejects(inventory.taken_at),
    )


def _without(
    migration: Migration, site: Site, *, same_host: bool
) -> HostAddresses | None:
    """Name what is never a destination: the VM's devices, or all of its host."""
    if not migration.sources:
        return None
    own = frozenset(source.address for source in migration.sources)
    host = migration.sources[0].host or site.host.name()
    return HostAddresses(host, own if same_host else None)
