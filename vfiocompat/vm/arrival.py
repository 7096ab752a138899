# SPDX-License-Identifier: Apache-2.0
"""What a host makes of a whole VM: its devices' verdicts, and room for all of them.

Compatibility and capacity are apart. A device's verdict is the best that some endpoint
of the host has for it; whether there is an instance for each of them is the room.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from vfiocompat.decision.decide import Decision, beside, required, whole
from vfiocompat.diagnostics import Code, diagnostic
from vfiocompat.endpoints import missing
from vfiocompat.fleet.grid import Cell, cell_of
from vfiocompat.pairs import Pair
from vfiocompat.verdicts import GROUNDS, Basis, Verdict, best_of
from vfiocompat.vm.blockers import across_drivers, demanded
from vfiocompat.vm.offers import give
from vfiocompat.vm.room import Placement, Seat, Wish, place

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Sequence,
    )

    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.vm.model import Vm, VmDevice
    from vfiocompat.vm.offers import Given, Offer

__all__ = ["Answer", "Arrival", "Hosts", "Moving", "Outlook", "rank"]

Outlook = Literal["allowed", "undetermined", "not_allowed"]
"""Whether a host takes the whole VM: its devices can be loaded, and there is room."""

_RANKS: dict[Outlook, int] = {"allowed": 0, "undetermined": 1, "not_allowed": 2}

_CLOSENESS: dict[Verdict, int] = {"compatible": 2, "undetermined": 1, "incompatible": 0}
_SHOWN = 10  # endpoints that are named
_STEP = 16  # what is below is closeness among equal verdicts


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
            decision = beside(decision, finding, doubt=True)
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
        known: dict[tuple[Cell, Code | None], Cell] = {}

        def in_this_vm(cell: Cell, finding: Diagnostic | None) -> Cell:
            key = cell, None if finding is None else finding.code
            if key not in known:
                bare = Decision(verdict=cell.verdict, basis=cell.basis)
                decision = self._demanded(bare, finding)
                new = cell_of(decision)
                # What only left it open is nothing beside a definite no.
                still = cell.against if cell.verdict == new.verdict else ()
                known[key] = Cell(
                    new.verdict,
                    new.basis,
                    (*new.codes, *cell.codes),
                    (*new.against, *still),
                )
            return known[key]

        _, which = self.distinct()
        found = []
        for device, source, row in zip(self.devices, self.sources, which, strict=True):
            findings: Iterable[Diagnostic | None] = repeat(None)
            if source.is_vgpu:
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


class Answer(msgspec.Struct, frozen=True):
    """What a host makes of a VM, in short; `host` is None for this one.

    `verdict` is of compatibility alone, `room` of capacity. `codes` are of everything
    that stands in the way, and `bases` what a yes rests on.
    """

    host: str | None
    verdict: Verdict
    room: bool | None
    codes: tuple[Code, ...]
    bases: tuple[Basis, ...]

    @property
    def outlook(self) -> Outlook:
        """Whether the host takes the whole VM."""
        if self.verdict == "incompatible" or self.room is False:
            return "not_allowed"
        if self.verdict == "compatible" and self.room:
            return "allowed"
        return "undetermined"


def rank(answer: Answer) -> tuple[int, int]:
    """Say which hosts come first: those that take the VM, and those that lack least."""
    return _RANKS[answer.outlook], -_CLOSENESS[answer.verdict]


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
    codes: tuple[Code, ...]
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
        taken: Collection[str] = (),
    ) -> Arrival:
        """Give a host's answer in full; `pair_of` decides a device with a column.

        `taken` are addresses that it has already.
        """
        devices = self._moving.devices
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
            given=give(
                self._moving.vm,
                {devices[at]: offers[seat] for at, seat in sorted(seats.items())},
                taken,
            ),
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
            codes[Code.ROOM_NOT_KNOWN if room is None else Code.NO_ROOM] = None
        verdict = whole(outline.verdicts, self._findings)
        return Answer(host, verdict, room, tuple(codes), outline.bases)

    def _found(
        self,
        reach: Reach,
        offers: Callable[[], Sequence[Offer]],
        outdated: str | None,
    ) -> tuple[_Outline, Placement | None]:
        # Without `as_is` every device has the same reach.
        key = reach if self._moving.as_is else reach[:1], outdated is not None
        if key not in self._outlines:
            self._outlines[key] = self._outline(reach, outdated is not None)
        outline = self._outlines[key]
        if not outline.open or (outdated and self._moving.devices):
            return outline, None  # what an old inventory has may be gone
        return outline, self._placement(offers())

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

    def _code_of_nothing(self, outdated: bool) -> Code:  # noqa: FBT001
        if outdated:
            return Code.INVENTORY_TOO_OLD
        return Code.ADDRESS_ABSENT if self._moving.as_is else Code.NO_ENDPOINT_LOADS

    def _codes(self, cell: Cell) -> Iterator[Code]:
        """Name what stands in the way of a pair."""
        yield from cell.against
        if cell.verdict == "incompatible" and not self._moving.as_is:
            yield Code.NO_ENDPOINT_LOADS

    def _rank(self, device: int) -> list[int]:
        """Say of each column how close it is to what a device needs."""
        source = self._moving.sources[device]
        return [
            _CLOSENESS[cell.verdict] * _STEP
            + (end.type_id == source.type_id) * 8
            + (end.driver == source.driver) * 4
            + GROUNDS[cell.basis]
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
        parents: dict[str | None, int] = {None: 0}
        alike: object = tuple(
            (
                offer.column,
                offer.seat.free,
                offer.seat.made,
                parents.setdefault(offer.seat.single, len(parents)),
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

    def _wishes(self, device: int, offers: Sequence[Offer]) -> dict[int, Wish]:
        """Say which offers can load a device's state, or perhaps, and how well."""
        row, closeness = self._verdicts[device], self._closeness[device]
        verdicts = {at: row[offers[at].column] for at in self._may_have(device, offers)}
        best = best_of(verdicts.values(), "incompatible")
        return {
            at: Wish(verdict == best, closeness[offers[at].column] % _STEP)
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
        return beside(decision, diagnostic(Code.NO_ENDPOINT_LOADS, summary))

    def _nothing(self, device: int, host: str | None, outdated: str | None) -> Pair:
        """Give the pair of a device for which there is no endpoint at all."""
        verdict: Verdict = "incompatible"
        address = "(none)"
        finding = diagnostic(
            Code.NO_ENDPOINT_LOADS, f"there is no VFIO endpoint {_on(host)}"
        )
        if self._moving.as_is:
            verdict = "undetermined"
            address = self._moving.devices[device].text
            finding = diagnostic(
                Code.ADDRESS_ABSENT, f"there is no {address} {_on(host)}"
            )
        if outdated:
            verdict = "undetermined"
            finding = diagnostic(
                Code.INVENTORY_TOO_OLD, f"the inventory of {host}: {outdated}"
            )
        return Pair(
            self._moving.sources[device],
            missing(address),
            Decision(verdict=verdict, basis="none", diagnostics=(finding,)),
        )

    def _about_room(
        self, placement: Placement | None, offers: Sequence[Offer]
    ) -> Iterator[Diagnostic]:
        """Say why there is no room, or why that is not known."""
        if placement is None or placement.room:
            return
        if placement.room is None:
            unknown = "\n".join(self._unknown(placement, offers))
            yield diagnostic(Code.ROOM_NOT_KNOWN, detail=unknown or None)
            return
        devices = [self._moving.devices[device].text for device in placement.devices]
        wanted = [offers[at] for at in placement.wanted]
        most = {
            offer.seat.single or offer.address: offer.seat.most(len(devices))
            for offer in sorted(wanted, key=lambda each: each.seat.most(1))
        }
        free = sum(most.values())
        summary = f"there is no free instance for {devices[0]}"
        if len(devices) > 1:
            noun = "instance" if free == 1 else "instances"
            summary = f"{len(devices)} devices compete for {free} {noun}"
        yield diagnostic(
            Code.NO_ROOM,
            summary,
            detail="\n".join(
                [f"devices  {', '.join(devices)}"]
                + [
                    f"{offer.address}: {_free(offer.seat)} free"
                    for offer in wanted[:_SHOWN]
                ]
                + _more(len(wanted) - _SHOWN)
            ),
        )

    def _unknown(self, placement: Placement, offers: Sequence[Offer]) -> Iterator[str]:
        """Say what would have to be known of an assignment."""
        used = {at: offers[at] for at in sorted(set(placement.seats.values()))}
        for offer in used.values():
            if offer.seat.free is None:
                yield f"not told whether {offer.address} is free"
        for parent in dict.fromkeys(offer.seat.shares for offer in used.values()):
            several = [
                offer.address for offer in used.values() if offer.seat.shares == parent
            ]
            if parent is not None and len(several) > 1:
                yield f"these share one parent's capacity: {', '.join(several)}"
        for device, at in sorted(placement.seats.items()):
            if self._verdicts[device][offers[at].column] == "undetermined":
                name = self._moving.devices[device].text
                yield f"not determined whether {offers[at].address} loads {name}"


def _more(number: int) -> list[str]:
    """Say how many lines are left out, if any."""
    return [f"and {number} more"] if number > 0 else []


def _free(seat: Seat) -> str:
    return "not told how many" if seat.free is None else str(seat.free)


def _on(host: str | None) -> str:
    return "on this host" if host is None else f"on {host}"
