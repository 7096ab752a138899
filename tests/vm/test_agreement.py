# SPDX-License-Identifier: Apache-2.0
"""`vm` says of hosts what `check` says of pairs, with what QEMU demands, and with room.

What is demanded of a pair, and what is free, is said here once more in other words.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.anyendpoint import FAMILIES, any_endpoints, hosts, placed
from tests.fleets import TAKEN, inventory, write
from tests.machines import domain, told_to_migrate
from tests.vm.conftest import outlook
from vfiocompat import codes
from vfiocompat.codes import CODES
from vfiocompat.fleet.read import Inventories
from vfiocompat.host.sysfs import Host
from vfiocompat.output.vm import VmDocument, vm_document
from vfiocompat.pairs import check
from vfiocompat.tables.library import Library
from vfiocompat.tables.stated import NOTHING_STATED
from vfiocompat.times import Horizon, timestamp
from vfiocompat.verdicts import best_of, worst_of
from vfiocompat.vm.destinations import find_destinations
from vfiocompat.vm.domain import Domain
from vfiocompat.vm.migration import Migration
from vfiocompat.vm.read import Description
from vfiocompat.vm.sources import Site, find_sources

if TYPE_CHECKING:
    from vfiocompat.codes import Code
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.pairs import Pair
    from vfiocompat.verdicts import Verdict

LIBRARY = Library(config="/nonexistent")
HERE = Host("/nonexistent", 1)
NOW = Horizon((timestamp(TAKEN) or 0) + 60, 3600)
LONG_AGO = "2026-10-01T00:00:00Z"

OF_ROOM = {codes.NO_ROOM, codes.ROOM_NOT_KNOWN}
OF_HOST = {codes.NO_ENDPOINT_LOADS, codes.BOUND_ON_ARRIVAL}
"""Findings beside a pair that are about all that a host has."""


VGPU = {**FAMILIES[-1], "type_id": "7", "vfio": True, "device_api": "vfio-pci"}


class Attached(NamedTuple):
    """How a VM has its one device, and whether that keeps its address."""

    device: Endpoint
    managed: str
    ramfb: bool
    machine: str
    more: str
    as_is: bool

    @property
    def like(self) -> tuple[Endpoint, ...]:
        """The device, as the other kind, and of another driver or revision."""
        other = "mdev" if self.device.kind == "function" else "function"
        facts = [{"module_version": "580.65.06"}, {"revision": "0x21"}]
        return (
            self.device,
            replace(self.device, kind=other),
            *(replace(self.device, facts=self.device.facts | each) for each in facts),
        )

    @property
    def domain(self) -> Domain:
        also = "display='on' ramfb='on'" if self.ramfb else ""
        text = domain(
            self.device.address,
            machine=self.machine,
            managed=self.managed,
            also=also,
            after=self.more,
        )
        return Domain(text.encode(), "vm.xml")


@st.composite
def attached(draw: st.DrawFn) -> Attached:
    """Draw a VM's device: an mdev, or a function that may be a vGPU now."""
    ends = any_endpoints(recorded=False)
    drawn = draw(ends.filter(lambda end: end.kind in {"mdev", "function"}))
    if draw(st.booleans()):
        drawn = replace(drawn, **VGPU)
    end = placed(drawn, 7)
    is_mdev = end.kind == "mdev"
    return Attached(
        end if is_mdev else replace(end, address="0000:03:01.7"),
        "no" if is_mdev else draw(st.sampled_from(["no", "yes", "interface"])),
        is_mdev and draw(st.booleans()),
        draw(st.sampled_from(["pc-q35-9.1", "pc-q35-9.0", "pc-q35-rhel9.6.0"])),
        draw(st.sampled_from(["", told_to_migrate()])),
        draw(st.booleans()),
    )


@settings(max_examples=200)
@given(
    attached().flatmap(lambda vm: st.tuples(st.just(vm), hosts(*vm.like))),
    st.sampled_from([TAKEN, TAKEN, LONG_AGO]),
)
def test_a_vm_is_told_of_each_host_what_check_says_of_its_endpoints(
    drawn: tuple[Attached, list[Endpoint]], taken_at: str
) -> None:
    """Each endpoint has a host of its own, and one host has them all."""
    vm, ends = drawn
    if vm.as_is:
        ends = [
            replace(each, address=vm.device.address, uuid=vm.device.uuid)
            for each in ends
            if each.kind == vm.device.kind
        ]
    fleet = {f"h{at}": [each] for at, each in enumerate(ends)}
    if not vm.as_is:
        fleet["all"] = ends
    with tempfile.TemporaryDirectory() as folder:
        known = [
            inventory(host, *has, taken_at=taken_at) for host, has in fleet.items()
        ]
        home = write(Path(folder) / "home", [inventory("home", vm.device)])
        there = write(Path(folder) / "there", known)
        found = documents(vm, home, there) if fleet else {}
        for host, has in fleet.items():
            names = [f"inventory:{there}/{host}.json#{each.address}" for each in has]
            source = f"inventory:{home}/home.json#{vm.device.address}"
            pairs = check(source, names, HERE, LIBRARY, horizon=NOW)
            agrees(vm, pairs, found[host], host)


def documents(vm: Attached, home: Path, there: Path) -> dict[str, VmDocument]:
    """Ask where a VM can go, and give the whole of what is said of each host."""
    described = Description(vm.domain.vm, "vm.xml", vm.domain)
    site = Site(HERE, LIBRARY, NOTHING_STATED, NOW)
    sources = find_sources(described, site, Inventories([str(home)]), arrives=False)
    migration = Migration.of(described.vm, sources, LIBRARY, "none", as_is=vm.as_is)
    found = find_destinations(migration, site, [str(there)], here=False)
    # What is stated, and what a head denies, are drawn apart.
    denied = {each.code for each in found.errors.values()}
    assert denied <= {codes.FACT_UNUSABLE}
    results = [each.result for each in found.hosts]
    return {
        each.result.host or "": vm_document(
            described.vm, each.report(), results, {}, None
        )
        for each in found.hosts
    }


def agrees(vm: Attached, pairs: list[Pair], found: VmDocument, host: str) -> None:
    [device] = found.devices
    verdicts = [demanded(pair, vm) for pair in pairs]
    best = best_of(verdicts, "incompatible")
    if best == "incompatible" and vm.managed == "yes" and not vm.as_is:
        best = "undetermined"

    # In full: the pair with the endpoint that it is given, or that comes closest.
    [at] = [
        at
        for at, pair in enumerate(pairs)
        if pair.destination.address == device.destination.address
    ]
    decision = pairs[at].decision
    added = demands(pairs[at], vm)
    told = [each for each in device.diagnostics if each.code not in {*OF_HOST, *added}]
    assert told == list(decision.diagnostics)
    assert added <= {each.code for each in device.diagnostics}
    if device.verdict != verdicts[at]:
        assert (device.verdict, best) == ("undetermined", "undetermined")
        assert codes.BOUND_ON_ARRIVAL in {each.code for each in device.diagnostics}
    elif verdicts[at] == decision.verdict:
        assert (device.basis, device.table) == (decision.basis, decision.table)
    else:
        assert (device.basis, device.table) == ("none", None)

    # In short: a verdict, and with room one of the three lists.
    of_vm = [each for each in found.diagnostics if each.code not in OF_ROOM]
    verdict = worst_of([best, *map(forbids, of_vm)], "compatible")
    assert (found.host, found.verdict) == (host, verdict)
    room = room_for(vm, pairs, verdicts)
    expected = "undetermined"
    if verdict == "incompatible" or room is False:
        expected = "not_allowed"
    elif verdict == "compatible" and room:
        expected = "allowed"
    assert outlook(found, host) == expected
    if expected != "allowed":
        listed = getattr(found, expected)[host]
        against = {each.code for each in (*device.diagnostics, *found.diagnostics)}
        assert listed
        assert set(listed) <= against


def demanded(pair: Pair, vm: Attached) -> Verdict:
    """Give a pair's verdict with what QEMU and libvirt demand of it."""
    verdicts: list[Verdict] = [pair.decision.verdict]
    for code in demands(pair, vm):
        is_no = CODES[code].severity == "error"
        if code == codes.QEMU_CANNOT_MIGRATE:  # a machine type of QEMU's tells which
            is_no = vm.machine.startswith("pc-q35-9.")
        verdicts.append("incompatible" if is_no else "undetermined")
    return worst_of(verdicts, "compatible")


def demands(pair: Pair, vm: Attached) -> set[Code]:
    """Name what stands in the way of a pair in this VM only."""
    source, destination, _ = pair
    found = set()
    if vm.managed == "interface" and destination.kind != "function":
        found.add(codes.INTERFACE_NEEDS_FUNCTION)
    if vm.ramfb and destination.kind == "function":
        found.add(codes.RAMFB_LOST)
    there = destination.migration
    if there is not None and there.interface == "v1" and not destination.is_outdated:
        found.add(codes.QEMU_CANNOT_MIGRATE)
    if source.is_outdated or destination.is_outdated:
        return found
    vgpus = [end.vendor_id == "0x10de" and end.type_id is not None for end in pair[:2]]
    drivers = {end.facts.get("module_version") for end in pair[:2]}
    if all(vgpus) and vm.machine != "pc-q35-9.1" and drivers.isdisjoint({None}):
        is_told = vm.machine == "pc-q35-9.0"
        differ = codes.DRIVERS_DIFFER if is_told else codes.DRIVERS_MAY_DIFFER
        found |= {differ} if len(drivers) > 1 else set()
    elif all(vgpus) and vm.machine != "pc-q35-9.1":
        found.add(codes.DRIVERS_MAY_DIFFER)
    if not any(vgpus) and source.kind == destination.kind == "function":
        ids = zip(of_config_space(source), of_config_space(destination), strict=True)
        if any(None not in both and both[0] != both[1] for both in ids):
            found.add(codes.CONFIG_SPACE_DIFFERS)
    return found


def of_config_space(end: Endpoint) -> tuple[str | None, ...]:
    return end.vendor_id, end.device_id, end.facts.get("revision")


def forbids(finding: Diagnostic) -> Verdict:
    """Say what a demand on the whole VM leaves of a yes."""
    if finding.severity == "error":
        return "incompatible"
    is_open = finding.code in {codes.TRACKING_NOT_KNOWN, codes.QEMU_CANNOT_MIGRATE}
    return "undetermined" if is_open else "compatible"


def room_for(vm: Attached, pairs: list[Pair], verdicts: list[Verdict]) -> bool | None:
    """Say whether what loads the device's state is free; None if that is not known."""
    if any(pair.destination.is_outdated for pair in pairs):
        return None
    best = best_of(verdicts, "incompatible")
    numbers = [
        (verdict, free(pair.destination))
        for pair, verdict in zip(pairs, verdicts, strict=True)
        if verdict != "incompatible"
    ]
    if any(verdict == best and number for verdict, number in numbers):
        return True
    if vm.managed == "yes" and not vm.as_is:
        return None
    open_ = not numbers or any(number != 0 for _, number in numbers)
    return None if open_ else False


def free(end: Endpoint) -> int | None:
    """Say how many devices an endpoint can be given; None if that is not told."""
    if "/" in end.address:
        is_number = (end.type_id or "").isdigit()
        return end.available_instances if end.kind == "type" or is_number else 0
    if end.in_use is None:
        return None
    if end.kind == "function" and end.type_id is not None and end.in_use:
        return None
    return int(not end.in_use)
