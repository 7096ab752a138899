# SPDX-License-Identifier: Apache-2.0
"""What a host makes of a whole VM: its devices' verdicts, and room for all of them.

Compatibility and capacity are apart. A device's verdict is the best that some endpoint
of the host has for it; whether there is an instance for each of them is the room.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from vfiocompat.decide import Decision, required, whole
from vfiocompat.diagnostics import diagnostic
from vfiocompat.endpoints import (
    FunctionAddress,
    Kind,
    MdevAddress,
    TypeAddress,
    missing,
    parse_address,
)
from vfiocompat.pairs import Pair
from vfiocompat.placing import BEST, SECOND, Placement, Seat, place
from vfiocompat.qemu import demanded, demanded_of_pair
from vfiocompat.verdicts import best_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet import Member
    from vfiocompat.verdicts import Basis, Verdict
    from vfiocompat.vm import DeviceAddress, Vm, VmDevice

__all__ = ["RANKS", "Arrival", "Given", "Hosts", "Moving", "Offer", "Outlook"]

Outlook = Literal["allowed", "undetermined", "not_allowed"]
"""Whether a host takes the whole VM: its devices can be loaded, and there is room."""

RANKS: dict[Outlook, int] = {"allowed": 0, "undetermined": 1, "not_allowed": 2}
"""Which hosts come first."""

_CLOSENESS: dict[Verdict, int] = {"compatible": 2, "undetermined": 1, "incompatible": 0}
_GROUNDS: dict[Basis, int] = {"driver": 3, "recorded": 2, "table": 1, "none": 0}


class Moving(NamedTuple):
    """A VM that is to go elsewhere, with the endpoints that its devices are now.

    `basis` is the least that a yes must rest on. `as_is` says that each device is to
    have the address there that it has in the VM.
    """

    vm: Vm
    sources: tuple[Endpoint, ...]
    basis: Basis = "none"
    as_is: bool = False

    @property
    def devices(self) -> tuple[VmDevice, ...]:
        """The devices whose state has to be loaded, in the order of `sources`."""
        return self.vm.moved

    def demand(self, device: VmDevice, pair: Pair) -> Pair:
        """Give a pair as it is in this VM, and by what it must rest on."""
        decision = demanded_of_pair(self.vm, device, *pair)
        return pair._replace(decision=required(decision, self.basis))

    def rows(
        self, row: Callable[[Sequence[Endpoint]], Sequence[Sequence[Pair]]]
    ) -> list[list[Pair]]:
        """Decide each device with several destinations; alike ones are decided once.

        `row` gives for each of several sources its pairs.
        """
        keys = [_alike(source) for source in self.sources]
        first = dict(zip(keys, self.sources, strict=True))
        known = dict(zip(first, row(list(first.values())), strict=True))
        return [
            [self.demand(device, pair._replace(source=source)) for pair in known[key]]
            for key, device, source in zip(
                keys, self.devices, self.sources, strict=True
            )
        ]


def _alike(source: Endpoint) -> bytes:
    """Give what a decision reads of a source, or more."""
    attribute = source.attribute
    own = msgspec.structs.replace(
        source,
        address="",
        uuid=None,
        parent=None,
        available_instances=None,
        in_use=None,
        attribute=attribute and msgspec.structs.replace(attribute, path=None),
    )
    return msgspec.json.encode(own)


class Offer(NamedTuple):
    """An endpoint of a destination, and which column of the rows is about it."""

    address: str
    kind: Kind
    seat: Seat
    column: int

    @classmethod
    def of(cls, member: Member, column: int) -> Offer:
        """Make the offer that an endpoint of a host is."""
        return cls(member.address, member.kind, _seat(member), column)


class Given(NamedTuple):
    """A device's endpoint at the destination, and the address that it has there then.

    `first` is the command that makes it, where it is not there yet.
    """

    device: VmDevice
    endpoint: str
    address: DeviceAddress
    first: str | None


class Arrival(NamedTuple):
    """What a host makes of a VM; `host` is None for this one.

    `pairs` are the devices' in their order, each with the endpoint that it is given, or
    with the closest one. `given` is complete or empty. `failed` says that a driver that
    may have said yes could not be asked.
    """

    host: str | None
    verdict: Verdict
    room: bool | None
    pairs: tuple[Pair, ...]
    given: tuple[Given, ...]
    findings: tuple[Diagnostic, ...]
    failed: bool = False

    @property
    def outlook(self) -> Outlook:
        """Whether the host takes the whole VM."""
        if self.verdict == "incompatible" or self.room is False:
            return "not_allowed"
        if self.verdict == "compatible" and self.room:
            return "allowed"
        return "undetermined"

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of everything that stands in the way."""
        found = [
            finding
            for pair in self.pairs
            if pair.decision.verdict != "compatible"
            for finding in pair.decision.diagnostics
        ]
        codes = (
            each.code for each in (*found, *self.findings) if each.severity != "info"
        )
        return tuple(dict.fromkeys(codes))


def _seat(member: Member) -> Seat:
    """Say how many devices an endpoint can take, and what it shares that with.

    Of an mdev or a function that is there already sysfs does not always tell whether it
    is used. Which vGPU types a function of NVIDIA's can be depends on what the other
    functions of its GPU are.
    """
    if member.kind == "type":
        return Seat(member.free, member.parent, made=True)
    if "/" in member.address:
        return Seat(member.free, member.parent or "NVIDIA", made=True)
    unused = None if member.in_use is None else int(not member.in_use)
    if member.kind == "function" and member.type_id is not None and not unused:
        unused = None  # that a function has a type does not say that a VM has it
    return Seat(unused)


class _Answer(NamedTuple):
    """What a host makes of a VM, with offers by their numbers.

    `shown` is of each device the offer to show: what it is given, or the closest.
    """

    shown: tuple[int | None, ...]
    placement: Placement | None


class Hosts:
    """Answers for one host after another; hosts that offer the same are alike."""

    def __init__(self, moving: Moving, rows: Sequence[Sequence[Pair]]) -> None:
        self._moving = moving
        self._rows = rows
        self._findings = demanded(moving.vm, moving.sources)
        self._known: dict[object, _Answer] = {}
        # Devices that are alike have equal rows, and columns are many.
        self._verdicts = [[pair.decision.verdict for pair in row] for row in rows]

    def arrival(
        self, host: str | None, offers: Sequence[Offer], outdated: str | None = None
    ) -> Arrival:
        """Give a host's answer; `outdated` says why its inventory does not count."""
        answer = self._answer(offers)
        pairs = tuple(
            self._pair(device, at, host, offers, outdated)
            for device, at in enumerate(answer.shown)
        )
        verdicts = [pair.decision.verdict for pair in pairs]
        placement = answer.placement
        room = None if placement is None else placement.room
        if self._moving.as_is and None in answer.shown:
            room = False
        return Arrival(
            host=host,
            verdict=whole(verdicts, self._findings),
            room=room,
            pairs=pairs,
            given=tuple(self._given(placement, offers)),
            findings=(*self._findings, *self._about_room(placement, offers)),
            failed=any(
                verdict != "compatible" and self._could_not_ask(device, offers)
                for device, verdict in enumerate(verdicts)
            ),
        )

    def _answer(self, offers: Sequence[Offer]) -> _Answer:
        parents: dict[str | None, int] = {}
        alike: object = tuple(
            (
                offer.column,
                offer.seat.free,
                offer.seat.made,
                offer.seat.shares
                and parents.setdefault(offer.seat.shares, len(parents)),
                offer.address if self._moving.as_is else None,
            )
            for offer in offers
        )
        if alike not in self._known:
            self._known[alike] = self._new_answer(offers)
        return self._known[alike]

    def _new_answer(self, offers: Sequence[Offer]) -> _Answer:
        wishes = [
            self._wishes(device, offers) for device in range(len(self._moving.devices))
        ]
        placement = None
        if all(wishes):
            placement = place(wishes, [offer.seat for offer in offers])
        seats = placement.seats if placement else {}
        shown = [
            seats.get(device, self._closest(device, offers))
            for device in range(len(wishes))
        ]
        return _Answer(tuple(shown), placement)

    def _may_have(self, device: int, offers: Sequence[Offer]) -> Iterator[int]:
        """Give the offers that a device may be given at all."""
        own = self._moving.devices[device].text if self._moving.as_is else None
        return (at for at, offer in enumerate(offers) if own in {None, offer.address})

    def _wishes(self, device: int, offers: Sequence[Offer]) -> dict[int, int]:
        """Say which offers can load a device's state, or perhaps, and how well."""
        row = self._verdicts[device]
        verdicts = {at: row[offers[at].column] for at in self._may_have(device, offers)}
        best = best_of(verdicts.values(), "incompatible")
        return {
            at: BEST if verdict == best else SECOND
            for at, verdict in verdicts.items()
            if verdict != "incompatible"
        }

    def _closest(self, device: int, offers: Sequence[Offer]) -> int | None:
        """Give the offer that would need the least to load a device's state."""
        row = self._rows[device]
        source = self._moving.sources[device]

        def closeness(at: int) -> tuple[int, bool, bool, int]:
            _, end, decision = row[offers[at].column]
            return (
                _CLOSENESS[decision.verdict],
                end.type_id == source.type_id,
                end.driver == source.driver,
                _GROUNDS[decision.basis],
            )

        return max(self._may_have(device, offers), key=closeness, default=None)

    def _could_not_ask(self, device: int, offers: Sequence[Offer]) -> bool:
        row = self._rows[device]
        return any(
            row[offers[at].column].decision.failed
            for at in self._may_have(device, offers)
        )

    def _pair(
        self,
        device: int,
        at: int | None,
        host: str | None,
        offers: Sequence[Offer],
        outdated: str | None,
    ) -> Pair:
        """Give a device's pair as it is shown, with an endpoint of the host itself."""
        if at is None:
            return self._nothing(device, host, outdated)
        offer = offers[at]
        pair = self._rows[device][offer.column]
        there = pair.destination
        if there.recorded and host is not None:
            there = msgspec.structs.replace(
                there,
                address=offer.address,
                recorded=msgspec.structs.replace(there.recorded, host=host),
            )
        decision = pair.decision
        if decision.verdict == "incompatible" and len(offers) > 1:
            finding = diagnostic(
                "VFC547",
                f"none of the {len(offers)} endpoints {_on(host)} can load its state; "
                "this is the closest",
            )
            decision = msgspec.structs.replace(
                decision, diagnostics=(*decision.diagnostics, finding)
            )
        return Pair(pair.source, there, decision)

    def _nothing(self, device: int, host: str | None, outdated: str | None) -> Pair:
        """Give the pair of a device for which there is no endpoint at all."""
        verdict: Verdict = "incompatible"
        address = "(none)"
        if self._moving.as_is:
            verdict = "undetermined"
            address = self._moving.devices[device].text
            finding = diagnostic("VFC548", f"there is no {address} {_on(host)}")
        else:
            finding = diagnostic("VFC547", f"there is no VFIO endpoint {_on(host)}")
        if outdated:
            verdict = "undetermined"
            finding = diagnostic(
                "VFC402", f"the inventory is not relied on: {outdated}"
            )
        return Pair(
            self._moving.sources[device],
            missing(address),
            Decision(verdict=verdict, basis="none", diagnostics=(finding,)),
        )

    def _given(
        self, placement: Placement | None, offers: Sequence[Offer]
    ) -> Iterator[Given]:
        """Say which endpoint each device gets, and what it is called then."""
        taken = {offer.address for offer in offers}
        seats = placement.seats if placement else {}
        for number, device in enumerate(self._moving.devices):
            if number in seats:
                yield _given(self._moving.vm, device, offers[seats[number]], taken)

    def _about_room(
        self, placement: Placement | None, offers: Sequence[Offer]
    ) -> Iterator[Diagnostic]:
        """Say why there is no room, or why that is not known."""
        if placement is None or placement.room:
            return
        if placement.room is None:
            yield diagnostic(
                "VFC546", detail="\n".join(_unknown(placement, offers)) or None
            )
            return
        devices = [self._moving.devices[device].text for device in placement.devices]
        free = sum(offers[at].seat.free or 0 for at in placement.wanted)
        wanted = [
            f"{offers[at].address}: {offers[at].seat.free or 0} free"
            for at in placement.wanted
        ]
        yield diagnostic(
            "VFC545",
            f"{len(devices)} devices compete for {free} instances"
            if len(devices) > 1
            else f"there is no free instance for {devices[0]}",
            detail="\n".join([f"devices      {', '.join(devices)}", *wanted]),
        )


def _on(host: str | None) -> str:
    return "of this host" if host is None else f"of {host}"


def _unknown(placement: Placement, offers: Sequence[Offer]) -> Iterator[str]:
    """Say what would have to be known of an assignment's seats."""
    used = sorted(set(placement.seats.values()))
    for at in used:
        if offers[at].seat.free is None:
            yield f"not told whether {offers[at].address} is free"
    for parent in dict.fromkeys(offers[at].seat.shares for at in used):
        several = [
            offers[at].address for at in used if offers[at].seat.shares == parent
        ]
        if parent is not None and len(several) > 1:
            yield f"these share one parent's capacity: {', '.join(several)}"


def _given(vm: Vm, device: VmDevice, offer: Offer, taken: Collection[str]) -> Given:
    """Say what a device is given, and how that is made where it is not there yet."""
    match parse_address(offer.address):
        case (MdevAddress() | FunctionAddress()) as there:
            return Given(device, offer.address, there, None)
        case TypeAddress(parent, type_id) if offer.kind == "type":
            uuid_ = _new_uuid(vm, device, taken)
            types = f"/sys/class/mdev_bus/{parent}/mdev_supported_types"
            first = f"echo {uuid_} > {types}/{type_id}/create"
            return Given(device, offer.address, MdevAddress(uuid_), first)
        case TypeAddress(parent, type_id):
            folder = f"/sys/bus/pci/devices/{parent}/nvidia"
            first = f"echo {type_id} > {folder}/current_vgpu_type"
            return Given(device, offer.address, FunctionAddress(parent), first)
        case _:
            raise AssertionError(offer.address)


def _new_uuid(vm: Vm, device: VmDevice, taken: Collection[str]) -> str:
    """Name an mdev that is to be created: as it is called now, if that can be.

    The same VM and device always give the same name, so that a plan and the XML that is
    made later agree.
    """
    if isinstance(device.address, MdevAddress) and device.text not in taken:
        return device.text
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"vfiocompat:{vm.uuid}:{device.text}"))
