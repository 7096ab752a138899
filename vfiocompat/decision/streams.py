# SPDX-License-Identifier: Apache-2.0
"""What a driver's answer to the head of a migration stream means.

A driver that resumes looks at the first bytes of a stream, and refuses those of a
device whose state it would not load. Whether it looks at all is told by a control: the
same head with a byte spoiled, which none can take.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat import codes
from vfiocompat.codes import CODES
from vfiocompat.diagnostics import Diagnostic, diagnostic
from vfiocompat.errors import ErrorRecord, errno_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.codes import Code
    from vfiocompat.diagnostics import Side
    from vfiocompat.endpoints import Endpoint, Head

__all__ = [
    "Asked",
    "HeadUsed",
    "Offer",
    "Reply",
    "Streamed",
    "answered",
    "head_question",
    "is_refused",
    "offer_code",
    "offer_words",
    "old_heads",
    "recordable_offer",
]


class Reply(msgspec.Struct, frozen=True):
    """What a driver said to bytes: how many it took, or an errno.

    `stage` is how far it came: a device that cannot `enter` RESUMING gets none. `gone`
    says that the device is not there any more.
    """

    stage: Literal["enter", "write"]
    errno: int = 0
    count: int = 0
    gone: bool = False


class Offer(msgspec.Struct, frozen=True):
    """A head that was offered, and what the driver said to the control and to it.

    `data` is None where a recorded one could not be offered. `made` says that it is the
    destination's own with the source's fields put in. A reply is None where none came.
    """

    data: bytes | None
    made: bool = False
    control: Reply | None = None
    reply: Reply | None = None


class Asked(msgspec.Struct, frozen=True):
    """What a device gave that was opened: its own head, and answers to others.

    It is `done` where nothing more was to be told; else `error` says why it came no
    farther.
    """

    head: bytes | None = None
    offers: tuple[Offer, ...] = ()
    error: ErrorRecord | None = None
    done: bool = False


class HeadUsed(msgspec.Struct, frozen=True):
    """Whose head stands for the source: read now, recorded, or that of a sibling.

    `of` is the address of the device that it is of. `stale` says that it is of another
    boot, kernel or driver than the source has now.
    """

    origin: Literal["read", "recorded", "sibling"]
    of: str
    stale: bool = False


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """What asking a destination by the head of the source's stream gave.

    `told` says why nothing was offered, or how far it is to be relied on. `offer` is
    None where nothing was offered; then `error` may say what went wrong.
    """

    offer: Offer | None = None
    error: ErrorRecord | None = None
    used: HeadUsed | None = None
    told: tuple[Diagnostic, ...] = ()


_REFUSALS = frozenset({errno.EFAULT, errno.EINVAL, errno.ENODEV, errno.EOPNOTSUPP})


def is_refused(reply: Reply) -> bool:
    """Whether a driver refused bytes, by an errno that drivers refuse streams with."""
    return reply.stage == "write" and reply.errno in _REFUSALS and not reply.gone


def _is_taken(reply: Reply, length: int) -> bool:
    return not reply.errno and reply.stage == "write" and reply.count == length


def offer_code(offer: Offer) -> Code:
    """Tell by a code what came of a head that was offered."""
    length = len(offer.data or b"")
    if offer.control is None:
        return codes.HEAD_NOT_ANSWERED
    if _is_taken(offer.control, length):
        return codes.HEAD_NOT_CHECKED
    if not is_refused(offer.control) or offer.reply is None:
        return codes.HEAD_NOT_ANSWERED
    if is_refused(offer.reply):
        return codes.HEAD_REFUSED
    taken = _is_taken(offer.reply, length)
    return codes.HEAD_TAKEN if taken else codes.HEAD_NOT_ANSWERED


def offer_words(offer: Offer) -> str:
    """Say what the driver answered to the control, and to the head."""
    said = f"the control: {_words(offer.control)}"
    if offer.reply is not None or (offer.control and is_refused(offer.control)):
        said += f"; the head: {_words(offer.reply)}"
    return said


def _words(reply: Reply | None) -> str:
    if reply is None:
        return "no answer in time"
    if reply.errno:
        at = "RESUMING" if reply.stage == "enter" else "write"
        gone = ", and the device is gone" if reply.gone else ""
        return f"{errno_name(reply.errno)} at {at}{gone}"
    return f"{reply.count} bytes taken"


def recordable_offer(offer: Offer) -> tuple[bool | None, str | None]:
    """Give what to record: whether the driver took the head, and its errno."""
    code = offer_code(offer)
    accepted = {codes.HEAD_TAKEN: True, codes.HEAD_REFUSED: False}.get(code)
    refused = offer.control is not None and is_refused(offer.control)
    reply = offer.reply if refused else offer.control
    return accepted, errno_name(reply.errno) if reply and reply.errno else None


def head_question(head: Head) -> str:
    """Give what a recorded answer is about: the SHA-256 of the bytes, in hex."""
    from hashlib import sha256  # noqa: PLC0415 - costs start-up time

    return sha256(head.exact_bytes()).hexdigest()


_ASKED_IN_VAIN = frozenset({codes.HEAD_NOT_READ, codes.NO_ANSWER_IN_TIME})


def answered(streamed: Streamed) -> Diagnostic | None:
    """Say what the driver answered to the head; None where it was not asked at all."""
    error, offer = streamed.error, streamed.offer
    if error is not None and error.code == codes.DEVICE_NOT_RUNNING:
        return diagnostic(error.code, error.summary, hint=error.hint)
    if offer is not None and offer.data is not None:
        code = offer_code(offer)
        return diagnostic(code, CODES[code].summary, detail=offer_words(offer))
    if error is not None and error.code in _ASKED_IN_VAIN:
        return diagnostic(
            codes.HEAD_NOT_READ, f"destination: {error.summary}", hint=error.hint
        )
    return None


def old_heads(
    source: Endpoint, destination: Endpoint, sides: Iterable[Side]
) -> tuple[Diagnostic, ...]:
    """Say of which sides the recorded heads may be old, and what has changed since."""
    ends = {"source": source, "destination": destination}
    return tuple(
        diagnostic(
            codes.HEAD_MAY_BE_OLD,
            f"since the {side}'s head was read, {' and '.join(known.changed)} "
            "may have changed",
            hint=f"scan the {side}'s host again, with --stream",
        )
        for side in sides
        if (known := ends[side].recorded) and known.changed
    )
