# SPDX-License-Identifier: Apache-2.0
"""Devices asked by their migration streams: one at a time of each IOMMU group."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.children import follow_all
from vfiocompat.decision.streams import Asked
from vfiocompat.endpoints import Head
from vfiocompat.host.stream import Errand, Known, run
from vfiocompat.times import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.addresses import LiveAddress
    from vfiocompat.host.sysfs.located import Located
    from vfiocompat.tables.language.records import Stream

__all__ = ["HeadAsked", "ToAsk", "ask_located"]


class ToAsk(NamedTuple):
    """A device to open, where its driver's head is, and the heads to offer it."""

    address: LiveAddress
    driver: str
    stream: Stream
    heads: tuple[Known, ...] = ()


class HeadAsked(NamedTuple):
    """What a device gave, and its own head with who wrote it."""

    asked: Asked
    head: Head | None


def ask_located(
    errands: Sequence[ToAsk], places: Sequence[Located], timeout: float, now: float
) -> list[HeadAsked]:
    """Ask devices that have been located; a session may take `timeout` seconds."""
    groups: dict[str, list[int]] = defaultdict(list)
    found = [Asked(error=place.error) for place in places]
    for at, place in enumerate(places):
        if place.error is None:
            groups[place.group or place.path].append(at)
    tasks = [
        partial(
            run,
            [
                Errand(places[at].path, errands[at].stream, errands[at].heads)
                for at in members
            ],
        )
        for members in groups.values()
    ]
    followed = follow_all(tasks, tuple[int, Asked], "asking devices", timeout)
    for members, (told, error) in zip(groups.values(), followed, strict=True):
        for number, asked in told:
            found[members[number]] = asked
        for at in members if error is not None else ():
            if not found[at].done:
                found[at] = msgspec.structs.replace(found[at], error=error)
    return [
        HeadAsked(asked, _head(asked.head, errand, place, now) if asked.head else None)
        for asked, errand, place in zip(found, errands, places, strict=True)
    ]


def _head(data: bytes, errand: ToAsk, place: Located, now: float) -> Head:
    return Head(
        data=data.hex(),
        driver=errand.driver,
        srcversion=place.srcversion,
        build_id=place.build_id,
        kernel=place.kernel,
        boot_id=place.boot_id,
        taken_at=moment(now),
    )
