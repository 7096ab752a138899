# SPDX-License-Identifier: Apache-2.0
"""What a host makes of a whole VM: its devices' verdicts, and room for all of them.

Compatibility and capacity are apart. A device's verdict is the best that some endpoint
of the host has for it; whether there is an instance for each of them is the room.
"""

from __future__ import annotations

import uuid
from itertools import repeat
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from vfiocompat.decide import Decision, beside, required, whole
from vfiocompat.diagnostics import CODES, diagnostic
from vfiocompat.endpoints import (
    FunctionAddress,
    Kind,
    MdevAddress,
    TypeAddress,
    missing,
    parse_address,
)
from vfiocompat.grid import Cell
from vfiocompat.pairs import Pair
from vfiocompat.placing import BEST, SECOND, Placement, Seat, place
from vfiocompat.qemu import across_drivers, demanded, is_vgpu
from vfiocompat.verdicts import Basis, Verdict, best_of

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.fleet import Member
    from vfiocompat.vm import DeviceAddress, Vm, VmDevice

__all__ = ["RANKS", "Answer", "Arrival", "Given", "Hosts", "Moving", "Offer", "Outlook"]

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

    def demand(self, device: int, pair: Pair) -> Pair:
        """Give a device's pair as it is in this VM, and by what it must rest on."""
        forbidden = across_drivers(
            self.vm, self.devices[device], pair.source, pair.destination
        )
        return pair._replace(decision=self._demanded(pair.decision, forbidden))

    def _demanded(self, decision: Decision, finding: Diagnostic | None) -> Decision:
        if finding is not None:
            decision = beside(decision, finding)
        return required(decision, self.basis)

    def distinct(self) -> tuple[list[Endpoint], list[int]]:
        """Give sources that are not alike, and which of them stands for each device."""
        keys = [_alike(source) for source in self.sources]
        first = dict(zip(reversed(keys), reversed(self.sources), strict=True))
        places = {key: at for at, key in enumerate(first)}
        return list(first.values()), [places[key] for key in keys]

    def cells(
        self, rows: Sequence[Sequence[Cell]], ends: Sequence[Endpoint]
    ) -> list[list[Cell]]:
        """Give each device's pairs with ends, from those of distinct sources."""
        known: dict[tuple[Cell, str | None], Cell] = {}

        def in_this_vm(cell: Cell, finding: Diagnostic | None) -> Cell:
            key = cell, None if finding is None else finding.code
            if key not in known:
                bare = Decision(verdict=cell.verdict, basis=cell.basis)
                decision = self._demanded(bare, finding)
                codes = (*(each.code for each in decision.diagnostics), *cell.codes)
                known[key] = Cell(decision.verdict, decision.basis, codes)
            return known[key]

        _, which = self.distinct()
        found = []
        for device, source, row in zip(self.devices, self.sources, which, strict=True):
            findings: Iterable[Diagnostic | None] = repeat(None)
            if is_vgpu(source):
                findings = (
                    across_drivers(self.vm, device, source, end) for end in ends
                )
            found.append(list(map(in_this_vm, rows[row], findings)))
        return found


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
    """An endpoint of a destination, and which column of the cells is about it."""

    address: str
    kind: Kind
    seat: Seat
    column: int

    @classmethod
    def of(cls, member: Member, column: int) -> Offer:
        """Make the offer that an endpoint of a host is."""
        return cls(member.address, member.kind, _seat(member), column)


def _seat(member: Member) -> Seat:
    """Say how many devices an endpoint can take, and what it shares that with.

    Of an mdev or a function that is there already it is not always told whether it is
    used. Which vGPU types a function of NVIDIA's can be depends on what the other
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


class Answer(msgspec.Struct, frozen=True):
    """What a host makes of a VM, in short; `host` is None for this one.

    `verdict` is of compatibility alone, `room` of capacity. `codes` are of everything
    that stands in the way, and `bases` what a yes rests on.
    """

    host: str | None
    verdict: Verdict
    room: bool | None
    codes: tuple[str, ...]
    bases: tuple[Basis, ...]

    @property
    def outlook(self) -> Outlook:
        """Whether the host takes the whole VM."""
        if self.verdict == "incompatible" or self.room is False:
            return "not_allowed"
        if self.verdict == "compatible" and self.room:
            return "allowed"
        return "undetermined"


class Given(NamedTuple):
    """A device's endpoint at the destination, and the address that it has there then.

    `first` is the command that makes it, where it is not there yet.
    """

    device: VmDevice
    endpoint: str
    address: DeviceAddress
    first: str | None


class Arrival(NamedTuple):
    """What a host makes of a VM, in full.

    `pairs` are the devices' in their order, each with the endpoint that it is given, or
    with the closest one. `given` is complete or empty. `failed` says that a driver that
    may have said yes could not be asked.
    """

    answer: Answer
    pairs: tuple[Pair, ...]
    given: tuple[Given, ...]
    findings: tuple[Diagnostic, ...]
    failed: bool = False


class _Outline(NamedTuple):
    """What a host makes of each device by itself, whoever else is to go there.

    `columns` are the ones that are closest to what the devices need, `codes` are of
    what stands in their way, and `bases` what they rest on.
    """

    verdicts: tuple[Verdict, ...]
    columns: tuple[int | None, ...]
    codes: tuple[str, ...]
    bases: tuple[Basis, ...]

    @property
    def open(self) -> bool:
        """Whether there is something for each device, so that room matters."""
        return "incompatible" not in self.verdicts and None not in self.columns


Reach = tuple[tuple[int, ...], ...]
"""For each device the columns of the endpoints that it may be given."""


class Hosts:
    """Answers for one host after another.

    `ends` are the endpoints that columns stand for, and `cells` each device's pairs
    with them. What hosts that are alike have in common is found once.
    """

    def __init__(
        self,
        moving: Moving,
        ends: Sequence[Endpoint],
        cells: Sequence[Sequence[Cell]],
    ) -> None:
        self._moving = moving
        self._ends = ends
        self._cells = cells
        self._verdicts = [[cell.verdict for cell in row] for row in cells]
        self._findings = demanded(moving.vm, moving.sources)
        self._closeness = [self._rank(device) for device in range(len(cells))]
        self._outlines: dict[tuple[Reach, bool], _Outline] = {}
        self._placements: dict[object, Placement] = {}

    def answer(
        self,
        host: str | None,
        columns: Sequence[int],
        offers: Callable[[], Sequence[Offer]],
        outdated: str | None = None,
    ) -> Answer:
        """Give a host's answer in short.

        `columns` are those that it has an offer for; `offers` is called where it
        matters how many. `outdated` says why its inventory does not count.
        """
        if self._moving.as_is:
            known = offers()
            reach = self._reach(known)
            outline, placement = self._found(reach, lambda: known, outdated)
        else:
            reach = (tuple(columns),) * len(self._moving.devices)
            outline, placement = self._found(reach, offers, outdated)
        return self._answer(host, outline, placement)

    def arrival(
        self,
        host: str | None,
        offers: Sequence[Offer],
        pair_of: Callable[[int, int], Pair],
        outdated: str | None = None,
    ) -> Arrival:
        """Give a host's answer in full; `pair_of` decides a device with a column."""
        reach = self._reach(offers)
        outline, placement = self._found(reach, lambda: offers, outdated)
        seats = placement.seats if placement else {}
        pairs = []
        for device, column in enumerate(outline.columns):
            if column is None:
                pairs.append(self._nothing(device, host, outdated))
                continue
            shown = offers[seats[device]].column if device in seats else column
            pair = pair_of(device, shown)
            if outline.verdicts[device] == "incompatible":
                decision = self._closest(pair.decision, host, len(offers))
                pair = pair._replace(decision=decision)
            pairs.append(pair)
        return Arrival(
            answer=self._answer(host, outline, placement),
            pairs=tuple(pairs),
            given=tuple(self._given(seats, offers)),
            findings=(*self._findings, *self._about_room(placement, offers)),
            failed=any(
                pair_of(device, offers[at].column).decision.failed
                for device, verdict in enumerate(outline.verdicts)
                if verdict != "compatible"
                for at in self._may_have(device, offers)
            ),
        )

    def _answer(
        self, host: str | None, outline: _Outline, placement: Placement | None
    ) -> Answer:
        room = None if placement is None else placement.room
        codes = dict.fromkeys(outline.codes)
        codes |= dict.fromkeys(
            each.code for each in self._findings if each.severity != "info"
        )
        if placement is not None and not room:
            codes["VFC546" if room is None else "VFC545"] = None
        verdict = whole(outline.verdicts, self._findings)
        return Answer(host, verdict, room, tuple(codes), outline.bases)

    def _found(
        self,
        reach: Reach,
        offers: Callable[[], Sequence[Offer]],
        outdated: str | None,
    ) -> tuple[_Outline, Placement | None]:
        key = reach, outdated is not None
        if key not in self._outlines:
            self._outlines[key] = self._outline(*key)
        outline = self._outlines[key]
        return outline, self._placement(offers()) if outline.open else None

    def _outline(self, reach: Reach, outdated: bool) -> _Outline:  # noqa: FBT001
        """Choose for each device the column that needs the least to take it."""
        columns = [
            max(columns, key=closeness.__getitem__, default=None)
            for columns, closeness in zip(reach, self._closeness, strict=True)
        ]
        none: Verdict = "incompatible"
        if self._moving.as_is or outdated:  # another one may be there, or come
            none = "undetermined"
        cells = [
            None if column is None else row[column]
            for row, column in zip(self._cells, columns, strict=True)
        ]
        verdicts = tuple(none if cell is None else cell.verdict for cell in cells)
        codes = [
            code
            for cell in cells
            for code in (
                [self._code_of_nothing(outdated)] if cell is None else self._codes(cell)
            )
        ]
        bases = [cell.basis for cell in cells if cell is not None]
        return _Outline(
            verdicts,
            tuple(columns),
            tuple(dict.fromkeys(codes)),
            tuple(dict.fromkeys(bases)),
        )

    def _code_of_nothing(self, outdated: bool) -> str:  # noqa: FBT001
        if outdated:
            return "VFC402"
        return "VFC548" if self._moving.as_is else "VFC547"

    def _codes(self, cell: Cell) -> Iterator[str]:
        """Name what stands in the way of a pair."""
        if cell.verdict == "compatible":
            return
        weight = {"error"} if cell.verdict == "incompatible" else {"error", "warning"}
        yield from (code for code in cell.codes if CODES[code].severity in weight)
        if cell.verdict == "incompatible" and not self._moving.as_is:
            yield "VFC547"

    def _rank(self, device: int) -> list[int]:
        """Say of each column how close it is to what a device needs."""
        source = self._moving.sources[device]
        return [
            _CLOSENESS[cell.verdict] * 16
            + (end.type_id == source.type_id) * 8
            + (end.driver == source.driver) * 4
            + _GROUNDS[cell.basis]
            for cell, end in zip(self._cells[device], self._ends, strict=True)
        ]

    def _reach(self, offers: Sequence[Offer]) -> Reach:
        return tuple(
            tuple(
                dict.fromkeys(offers[at].column for at in self._may_have(each, offers))
            )
            for each in range(len(self._moving.devices))
        )

    def _may_have(self, device: int, offers: Sequence[Offer]) -> Iterator[int]:
        """Give the offers that a device may be given at all, by their numbers."""
        own = self._moving.devices[device].text if self._moving.as_is else None
        return (at for at, offer in enumerate(offers) if own in {None, offer.address})

    def _placement(self, offers: Sequence[Offer]) -> Placement:
        """Find room for all devices; hosts that offer the same have the same."""
        parents: dict[str | None, int] = {}
        alike: object = tuple(
            (
                offer.column,
                offer.seat.free,
                offer.seat.made,
                parents.setdefault(offer.seat.shares, len(parents)),
                offer.address if self._moving.as_is else None,
            )
            for offer in offers
        )
        if alike not in self._placements:
            wishes = [
                self._wishes(device, offers)
                for device in range(len(self._moving.devices))
            ]
            self._placements[alike] = place(wishes, [offer.seat for offer in offers])
        return self._placements[alike]

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

    def _closest(self, decision: Decision, host: str | None, number: int) -> Decision:
        """Say of a pair that it stands for all that a device was compared with."""
        if self._moving.as_is:
            return decision
        summary = f"the only endpoint {_on(host)} cannot load its state"
        if number > 1:
            summary = (
                f"none of the {number} endpoints {_on(host)} can load its state; this "
                "is the closest"
            )
        return beside(decision, diagnostic("VFC547", summary))

    def _nothing(self, device: int, host: str | None, outdated: str | None) -> Pair:
        """Give the pair of a device for which there is no endpoint at all."""
        verdict: Verdict = "incompatible"
        address = "(none)"
        finding = diagnostic("VFC547", f"there is no VFIO endpoint {_on(host)}")
        if self._moving.as_is:
            verdict = "undetermined"
            address = self._moving.devices[device].text
            finding = diagnostic("VFC548", f"there is no {address} {_on(host)}")
        if outdated:
            verdict = "undetermined"
            finding = diagnostic("VFC402", f"the inventory {_on(host)}: {outdated}")
        return Pair(
            self._moving.sources[device],
            missing(address),
            Decision(verdict=verdict, basis="none", diagnostics=(finding,)),
        )

    def _given(
        self, seats: Mapping[int, int], offers: Sequence[Offer]
    ) -> Iterator[Given]:
        """Say which endpoint each device gets, and what it is called then."""
        taken = {offer.address for offer in offers}
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
            unknown = "\n".join(_unknown(placement, offers))
            yield diagnostic("VFC546", detail=unknown or None)
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
