# SPDX-License-Identifier: Apache-2.0
"""What a host makes of a VM in full: each device's pair, what it is given, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat import codes
from vfiocompat.addresses import FunctionAddress
from vfiocompat.decision.decisions import Decision, beside
from vfiocompat.diagnostics import diagnostic
from vfiocompat.endpoints import missing
from vfiocompat.pairs import Pair
from vfiocompat.vm.hosts import nothing
from vfiocompat.vm.instances import seat_of
from vfiocompat.vm.plan import give

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.vm.hosts import HostResult
    from vfiocompat.vm.migration import Migration
    from vfiocompat.vm.model import VmDevice
    from vfiocompat.vm.plan import Given
    from vfiocompat.vm.room import Placement

__all__ = ["HostReport", "report"]

_SHOWN = 10  # endpoints that are named


class HostReport(NamedTuple):
    """What a host makes of a VM, in full.

    `pairs` are the devices' in their order, each with the endpoint that it is given, or
    with the closest one. `given` is complete or empty.
    """

    result: HostResult
    pairs: tuple[Pair, ...]
    given: tuple[Given, ...]
    findings: tuple[Diagnostic, ...]


def report(
    migration: Migration,
    result: HostResult,
    ends: Sequence[Endpoint],
    pair_of: Callable[[int, int], Pair],
    *,
    taken: Collection[str],
    outdated: str | None = None,
) -> HostReport:
    """Write out what a host makes of a VM.

    `ends` are its endpoints as in its `Instances`, and `pair_of` gives the pair of a
    device with one. `taken` are addresses that it has already; `outdated` says why its
    inventory does not count.
    """
    pairs = tuple(
        _nothing(migration, device, result.host, outdated)
        if at is None
        else _closest(migration, device, pair_of(device, at), result.host, len(ends))
        for device, at in enumerate(result.ends)
    )
    placement = result.placement
    seats = sorted(placement.seats.items()) if placement else []
    given = {migration.devices[device]: ends[at] for device, at in seats}
    room = _about_room(migration, result, ends, pairs)
    return HostReport(
        result,
        pairs,
        give(migration.vm, given, taken),
        (*migration.findings, *room),
    )


def _closest(
    migration: Migration, device: int, pair: Pair, host: str | None, number: int
) -> Pair:
    """Say of an incompatible pair that it stands for all that were compared."""
    if pair.decision.verdict != "incompatible" or migration.as_is:
        return pair
    if migration.devices[device].is_managed:
        found = (_bound_on_arrival(host, None), *pair.decision.diagnostics)
        return pair._replace(
            decision=Decision(verdict="undetermined", basis="none", diagnostics=found)
        )
    summary = f"the only endpoint {_on(host)} cannot load its state"
    if number > 1:
        summary = (
            f"none of the {number} endpoints {_on(host)} can load its state; this "
            "is the closest"
        )
    finding = diagnostic(codes.NO_ENDPOINT_LOADS, summary)
    return pair._replace(decision=beside(pair.decision, finding))


def _kind(device: VmDevice) -> str:
    """Say of a function that it may be there, and no VFIO driver have it."""
    return "VFIO function " if isinstance(device.address, FunctionAddress) else ""


def _bound_on_arrival(host: str | None, address: str | None) -> Diagnostic:
    """Say that libvirt binds a function when the VM comes: any, or the one named."""
    which, binds, one = "no function", "another", "one"
    if address is not None:
        which, binds, one = f"no {address}", "it", "it"
    return diagnostic(
        codes.BOUND_ON_ARRIVAL,
        f"{_on(host)} {which} that a VFIO driver has now loads its state; libvirt "
        f"binds {binds} when the VM comes (managed='yes')",
        hint=f"bind {one} to its variant driver there before"
        + (", and scan that host again" if host else ""),
    )


def _nothing(
    migration: Migration, device: int, host: str | None, outdated: str | None
) -> Pair:
    """Give the pair of a device for which there is no endpoint at all."""
    needs = migration.devices[device]
    decided = nothing(outdated, as_is=migration.as_is, is_managed=needs.is_managed)
    [code] = decided.against
    address = needs.text if migration.as_is else "(none)"
    findings = {
        codes.INVENTORY_TOO_OLD: diagnostic(
            codes.INVENTORY_TOO_OLD, f"the inventory of {host}: {outdated}"
        ),
        codes.BOUND_ON_ARRIVAL: _bound_on_arrival(
            host, address if migration.as_is else None
        ),
        codes.ADDRESS_ABSENT: diagnostic(
            codes.ADDRESS_ABSENT, f"there is no {_kind(needs)}{address} {_on(host)}"
        ),
        codes.NO_ENDPOINT_LOADS: diagnostic(
            codes.NO_ENDPOINT_LOADS, f"there is no VFIO endpoint {_on(host)}"
        ),
    }
    return Pair(
        migration.sources[device],
        missing(address),
        Decision(
            verdict=decided.verdict,
            basis=decided.basis,
            diagnostics=(findings[code],),
        ),
    )


def _about_room(
    migration: Migration,
    result: HostResult,
    ends: Sequence[Endpoint],
    pairs: Sequence[Pair],
) -> Iterator[Diagnostic]:
    """Say why there is no room, or why that is not known."""
    placement = result.placement
    if placement is None:
        return
    if codes.ROOM_NOT_KNOWN in result.codes:
        unknown = "\n".join(_unknown(placement, ends, pairs))
        yield diagnostic(codes.ROOM_NOT_KNOWN, detail=unknown or None)
    elif codes.NO_ROOM in result.codes:
        devices = [migration.devices[device].text for device in placement.devices]
        yield _competing(devices, [ends[at] for at in placement.wanted])


def _competing(devices: Sequence[str], wanted: Sequence[Endpoint]) -> Diagnostic:
    """Say which devices want too little between them."""
    seats = {end.address: seat_of(end) for end in wanted}
    most = {
        seat.single or address: seat.most(len(devices))
        for address, seat in sorted(seats.items(), key=lambda each: each[1].most(1))
    }
    free = sum(most.values())
    summary = f"there is no free instance for {devices[0]}"
    if len(devices) > 1:
        noun = "instance" if free == 1 else "instances"
        summary = f"{len(devices)} devices compete for {free} {noun}"
    named = [
        f"{address}: {'not told how many' if seat.free is None else seat.free} free"
        for address, seat in seats.items()
    ]
    more = [f"and {len(named) - _SHOWN} more"] if len(named) > _SHOWN else []
    lines = [f"devices: {', '.join(devices)}", *named[:_SHOWN], *more]
    return diagnostic(codes.NO_ROOM, summary, detail="\n".join(lines))


def _unknown(
    placement: Placement, ends: Sequence[Endpoint], pairs: Sequence[Pair]
) -> Iterator[str]:
    """Say what would have to be known of an assignment."""
    if placement.is_cut:
        yield "there are too many devices and endpoints to look for room for all"
    elif not placement.seats:
        yield "libvirt binds functions when the VM comes: those bound now are too few"
    used = {
        ends[at].address: seat_of(ends[at]) for at in sorted(placement.seats.values())
    }
    for address, seat in used.items():
        if seat.free is None:
            yield f"not told whether {address} is free"
    for parent in dict.fromkeys(seat.pool for seat in used.values()):
        several = [address for address, seat in used.items() if seat.pool == parent]
        if parent is not None and len(several) > 1:
            yield f"these share one parent's capacity: {', '.join(several)}"
    for device, at in sorted(placement.seats.items()):
        if pairs[device].decision.verdict == "undetermined":
            name = pairs[device].source.address
            yield f"not determined whether {ends[at].address} loads {name}"


def _on(host: str | None) -> str:
    return "on this host" if host is None else f"on {host}"
