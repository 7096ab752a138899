# SPDX-License-Identifier: Apache-2.0
"""Devices asked by their migration streams: one at a time of each IOMMU group."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.children import follow_all
from vfiocompat.decision.streams import Asked
from vfiocompat.endpoints import Head
from vfiocompat.errors import DeviceError
from vfiocompat.host.held import HeldCalls, held_calls
from vfiocompat.host.stream import run
from vfiocompat.times import moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.stream import Errand
    from vfiocompat.host.sysfs.located import Located

__all__ = ["HeadAsked", "ask_located"]


class HeadAsked(NamedTuple):
    """What a device gave, and its own head with who wrote it."""

    asked: Asked
    head: Head | None


def ask_located(
    errands: Sequence[Errand],
    places: Sequence[Located],
    timeout: float,
    now: float,
    held: Collection[str] = frozenset(),
) -> tuple[list[HeadAsked], list[HeldCalls]]:
    """Ask devices that have been located; a session may take `timeout` seconds.

    Those of a group whose node is among `held` are passed over. Beside is what is left
    behind: processes that have the node of a group open, and hang.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    found = [Asked(error=place.error) for place in places]
    for at, place in enumerate(places):
        if place.error is not None:
            continue
        node = f"/dev/vfio/{place.group}" if place.group else place.path
        if node in held:
            found[at] = Asked(error=_still_held(node))
        else:
            groups[node].append(at)
    tasks = [
        partial(_told, node, [(places[at].path, errands[at]) for at in members])
        for node, members in groups.items()
    ]
    told_by = HeldCalls | tuple[int, Asked]
    followed = follow_all(tasks, told_by, "asking devices", timeout)  # type: ignore[arg-type]
    left: list[HeldCalls] = []
    for members, (told, error) in zip(groups.values(), followed, strict=True):
        hangs = error is not None and error.code == codes.NO_ANSWER_IN_TIME
        for each in told:
            if isinstance(each, HeldCalls):
                left += [each] if hangs else []
            else:
                number, asked = each
                found[members[number]] = asked
        for at in members if error is not None else ():
            if not found[at].done:
                found[at] = msgspec.structs.replace(found[at], error=error)
    heads = [
        HeadAsked(asked, _head(asked.head, errand, place, now) if asked.head else None)
        for asked, errand, place in zip(found, errands, places, strict=True)
    ]
    return heads, left


def _told(
    node: str, errands: Sequence[tuple[str, Errand]]
) -> Iterator[HeldCalls | tuple[int, Asked]]:
    """Tell which process this is, in case it hangs, and then what comes of errands."""
    yield held_calls([node])
    yield from run(errands)


def _still_held(node: str) -> ErrorRecord:
    return DeviceError(
        f"{node} was opened by an earlier scan, which its driver still holds",
        hint="only the driver can end it: see 'vfiocompat explain VFC115'",
        code=codes.CALL_STILL_HELD,
    ).record


def _head(data: bytes, errand: Errand, place: Located, now: float) -> Head:
    return Head(
        data=data.hex(),
        driver=errand.driver,
        srcversion=place.srcversion,
        build_id=place.build_id,
        kernel=place.kernel,
        boot_id=place.boot_id,
        taken_at=moment(now),
    )
