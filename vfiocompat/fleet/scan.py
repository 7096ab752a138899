# SPDX-License-Identifier: Apache-2.0
"""Scanning a host: an inventory of it, and what is kept of the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.addresses import parse_address
from vfiocompat.contradictions import answers_that_count, changed
from vfiocompat.decision.reads import head_rests_on, rests_on
from vfiocompat.endpoints import Problem
from vfiocompat.errors import FactError
from vfiocompat.find import survey
from vfiocompat.inventory import Inventory
from vfiocompat.tables.denied import without_denied
from vfiocompat.times import Horizon, moment, timestamp

if TYPE_CHECKING:
    from vfiocompat.endpoints import Head, RecordedAnswer
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.sysfs import Host
    from vfiocompat.host.sysfs.located import Located
    from vfiocompat.inventory import Identity
    from vfiocompat.tables.library import Library
    from vfiocompat.tables.stated import Stated

__all__ = ["agreed", "keep_answers", "keep_heads", "scan", "was"]


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
        gpus=msgspec.UNSET if found.gpus is None else found.gpus,
        problems=[*found.problems, *wrong.values(), *unread],
    )
    return inventory, [*wrong, *broken.values()]


def agreed(
    inventory: Inventory, library: Library, stated: Stated
) -> tuple[Inventory, list[ErrorRecord]]:
    """Leave out what the site states and heads or NVIDIA's library say otherwise.

    Beside is what is wrong with its files.
    """
    wrong = stated.denied(inventory.endpoints, library)
    if not wrong:
        return inventory, []
    problems = [Problem(path, "state", None, each.code) for path, each in wrong.items()]
    endpoints = [without_denied(each, library) for each in inventory.endpoints]
    found = msgspec.structs.replace(
        inventory, endpoints=endpoints, problems=[*inventory.problems, *problems]
    )
    return found, list(wrong.values())


# ---- what is kept ------------------------------------------------------------------


def keep_answers(inventory: Inventory, before: Inventory, now: float) -> Inventory:
    """Take over answers about strings, of endpoints that are as they were.

    What is not known, of either, is not as it was. A yes at a time that has not come
    yet is not taken over: a clock was wrong. Other answers are: they stand against a
    table's yes until the driver is asked again.
    """
    if not _are_of_one_host(inventory, before):
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
                for each in answers_that_count(old.answers, Horizon(now))
                if not each.is_of_head and _may_be_kept(each, now)
            )
            endpoints[at] = msgspec.structs.replace(endpoint, answers=kept)
    return msgspec.structs.replace(inventory, endpoints=endpoints)


def keep_heads(
    inventory: Inventory, before: Inventory, host: Host, now: float
) -> Inventory:
    """Take over heads, and answers to heads, of devices that are as they were.

    That is within one boot, with the same build of the driver. What is of a time that
    has not come yet is left out, but for answers that are no yes. No device is opened.
    """
    if not _are_of_one_host(inventory, before):
        return inventory
    known = {
        each.address: each
        for each in before.endpoints
        if each.head or any(answer.is_of_head for answer in each.answers)
    }
    same = {
        at: known[endpoint.address]
        for at, endpoint in enumerate(inventory.endpoints)
        if endpoint.address in known
        and head_rests_on(endpoint) == head_rests_on(known[endpoint.address])
    }
    if not same:
        return inventory
    addresses = [parse_address(old.address) for old in same.values()]
    places = host.located(addresses)  # type: ignore[arg-type]
    endpoints = list(inventory.endpoints)
    for (at, old), place in zip(same.items(), places, strict=True):

        def as_before(what: Head | RecordedAnswer, place: Located = place) -> bool:
            return not changed(what, place.boot_id, place.kernel, place.build)

        kept = tuple(
            each
            for each in answers_that_count(old.answers, Horizon(now))
            if each.is_of_head and as_before(each) and _may_be_kept(each, now)
        )
        endpoints[at] = msgspec.structs.replace(
            endpoints[at],
            head=old.head
            if old.head and as_before(old.head) and was(old.head.taken_at, now)
            else msgspec.UNSET,
            answers=endpoints[at].answers + kept,
        )
    return msgspec.structs.replace(inventory, endpoints=endpoints)


def _are_of_one_host(inventory: Inventory, before: Inventory) -> bool:
    return (
        inventory.host == before.host
        and bool(inventory.kernel)
        and inventory.kernel == before.kernel
        and bool(inventory.machine_id)
        and inventory.machine_id == before.machine_id
    )


def _may_be_kept(answer: RecordedAnswer, now: float) -> bool:
    return not answer.accepted or was(answer.asked_at, now)


def was(asked_at: str, now: float) -> bool:
    """Whether a time has come yet; one that is none has not."""
    then = timestamp(asked_at)
    return then is not None and then <= now
