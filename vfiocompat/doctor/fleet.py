# SPDX-License-Identifier: Apache-2.0
"""A fleet's inventories: whether each can be relied on, and what it does not have."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.diagnostics import counted
from vfiocompat.doctor.found import error_words, failed, passed, warned
from vfiocompat.errors import ErrorRecord, InventoryError
from vfiocompat.files.doubles import newest
from vfiocompat.files.inventories import inventory_files
from vfiocompat.fleet.read import InventoryReader, spread
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.doctor.found import Found
    from vfiocompat.times import Horizon

__all__ = ["Member", "Members", "ages", "answers", "clones", "read_members", "readable"]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A host of a fleet, as its inventory tells.

    `strings` counts the endpoints that have an attribute: these can be asked, and
    others about their strings. `answers` counts what was said to that.
    """

    path: str
    host: str
    machine_id: str | None
    taken_at: str
    strings: int
    answers: int


class Members(msgspec.Struct, frozen=True):
    """The hosts of a fleet, and by its path what cannot be used."""

    members: list[Member]
    errors: dict[str, ErrorRecord]


def read_members(fleet: Sequence[str]) -> Members:
    """Read a fleet; whatever of it can be read is."""
    paths: list[str] = []
    errors: dict[str, ErrorRecord] = {}
    for path in fleet:
        try:
            paths += inventory_files([path])
        except InventoryError as error:
            errors[path] = error.record
    members: list[Member] = []
    for part in spread(paths, _members, Members) if paths else ():
        members += part.members
        errors |= part.errors
    known, twice = newest(members)
    return Members(known, errors | twice)


def _members(reading: InventoryReader) -> Members:
    members = [
        Member(
            path=path,
            host=inventory.host,
            machine_id=inventory.machine_id,
            taken_at=inventory.taken_at,
            strings=sum(each.has_attribute for each in inventory.endpoints),
            answers=sum(len(each.answers) for each in inventory.endpoints),
        )
        for path, inventory in reading
    ]
    return Members(members, reading.errors)


def readable(found: Members) -> Found:
    """Look whether every inventory can be used, and each is of another host."""
    number = len(found.members)
    if found.errors:
        return failed(
            f"{counted(len(found.errors), 'file')} of the fleet cannot be used, "
            f"{counted(number, 'host')} can",
            *sorted({each.code for each in found.errors.values()}),
            detail=error_words(found.errors.values()),
            hint="scan these hosts again, or remove what is no inventory of theirs",
        )
    return passed(f"{counted(number, 'host')} can be read")


def ages(found: Members, horizon: Horizon) -> Found:
    """Look whether inventories are of now: neither old, nor of the future."""
    rejected = [
        (each, why)
        for each in found.members
        if (why := horizon.rejects(each.taken_at)) is not None
    ]
    detail = "\n".join(
        f"{each.host}: taken at {each.taken_at}, {why}" for each, why in rejected
    )
    ahead = [each for each, _ in rejected if _taken(each) > horizon.now]
    if ahead:
        return failed(
            f"{counted(len(ahead), 'host')} scanned in the future: nothing that the "
            "inventory says counts",
            codes.INVENTORY_TOO_OLD,
            detail=detail,
            hint="set the clock there, or here, and scan again:\n    timedatectl",
        )
    if rejected:
        return warned(
            f"{counted(len(rejected), 'host')} not scanned for too long",
            codes.INVENTORY_TOO_OLD,
            detail=detail,
            hint="see there whether the timer runs:\n"
            "    systemctl list-timers vfiocompat-scan.timer",
        )
    oldest = min(found.members, key=_taken)
    return passed(f"the oldest inventory is {horizon.age(oldest.taken_at)}")


def _taken(member: Member) -> float:
    return timestamp(member.taken_at) or 0.0


def clones(found: Members) -> Found:
    """Look whether each host has a machine id of its own."""
    hosts = defaultdict(list)
    for each in found.members:
        if each.machine_id is not None:
            hosts[each.machine_id].append(each.host)
    shared = {id_: names for id_, names in hosts.items() if len(names) > 1}
    if not shared:
        return passed("no two hosts have one machine id")
    return warned(
        f"{counted(sum(map(len, shared.values())), 'host')} share a machine id: one "
        "under several names, or clones of one image",
        codes.MACHINE_TWICE,
        detail="\n".join(f"{id_}: {', '.join(names)}" for id_, names in shared.items()),
        hint="of one host remove the inventory of the old name; give a clone an id:\n"
        "    rm /etc/machine-id && systemd-machine-id-setup",
    )


def answers(found: Members) -> Found:
    """Look whether drivers were asked about the strings of other hosts."""
    silent = [
        each.host
        for each in found.members
        if each.strings
        and not each.answers
        and any(other.strings for other in found.members if other is not each)
    ]
    if silent:
        return warned(
            f"the drivers of {counted(len(silent), 'host')} were never asked about the "
            "others' strings",
            codes.ANSWER_NOT_RECORDED,
            detail=", ".join(silent),
            hint="ask there, now or by the timer vfiocompat-ask.timer:\n"
            "    vfiocompat scan --ask FLEET -o FLEET/",
        )
    if not any(each.strings for each in found.members):
        return passed("no host has a driver that can be asked")
    return passed("the drivers of every host that has some were asked")
