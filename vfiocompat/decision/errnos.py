# SPDX-License-Identifier: Apache-2.0
"""What an errno means: how far a call on a version attribute came, as a code."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat import codes
from vfiocompat.codes import Code
from vfiocompat.errors import ENOTSUPP, errno_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.endpoints import Attribute
    from vfiocompat.verdicts import Verdict

__all__ = [
    "ADVICE",
    "ANSWERS",
    "COULD_NOT_ASK",
    "NOT_OPENED",
    "NO_STRING",
    "VERDICT_OF",
    "Answer",
    "attribute_code",
    "meanings",
    "read_code",
    "recordable",
    "write_code",
]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How far a call on a version attribute came, and what it gave.

    `stage` is the call that failed, `done` where none did, `timeout` where none
    returned, `refused` where it was not tried for the reason in `code`. `gone` says
    that the path is not there any more; `count` is how many bytes a write took.
    """

    stage: Literal["open", "read", "write", "done", "timeout", "refused"]
    path: str
    errno: int = 0
    gone: bool = False
    code: Code | None = None
    count: int = 0


_NOT_PERMITTED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_MIGRATION = frozenset({errno.ENODEV, errno.EOPNOTSUPP, errno.ENOTTY, ENOTSUPP})

_NO_MIGRATION_NAMES = frozenset(map(errno_name, _NO_MIGRATION))

_OF_WRITE = {
    **dict.fromkeys((errno.EINTR, errno.EAGAIN, errno.EBUSY), codes.DRIVER_BUSY),
    **dict.fromkeys((errno.EIO, errno.ENOMEM, errno.ETIMEDOUT), codes.DRIVER_FAILED),
    **dict.fromkeys((errno.ENOSPC, errno.EUSERS), codes.ANSWERED_ABOUT_CAPACITY),
    **dict.fromkeys((errno.ECONNABORTED, errno.ENOTCONN), codes.FILE_SYSTEM_GONE),
}

VERDICT_OF: dict[Code, Verdict] = {
    codes.REFUSED: "incompatible",
    codes.NO_MIGRATION_SUPPORT: "incompatible",
    codes.ACCEPTED: "compatible",
    codes.RECORDED_YES: "compatible",
    codes.RECORDED_NO: "incompatible",
    codes.HEAD_TAKEN: "compatible",
    codes.HEAD_REFUSED: "incompatible",
    codes.HEAD_WAS_TAKEN: "compatible",
    codes.HEAD_WAS_REFUSED: "incompatible",
    codes.NVML_TAKES: "compatible",
    codes.LIMITED_BY_HOST_DRIVER: "incompatible",
    codes.LIMITED_BY_GUEST_DRIVER: "incompatible",
    codes.LIMITED_BY_GPU: "incompatible",
    codes.LIMITED_OTHERWISE: "incompatible",
}

ANSWERS = frozenset(VERDICT_OF) - {codes.NO_MIGRATION_SUPPORT}
"""Codes of a driver's yes or no, which tables explain or doubt."""

NOT_OPENED = frozenset({codes.OPEN_NOT_PERMITTED, codes.OPEN_FAILED})
"""Codes of an open(2) that failed: its errno is not the driver's."""

COULD_NOT_ASK = NOT_OPENED | frozenset(
    {
        codes.FILE_SYSTEM_GONE,
        codes.DEVICE_GONE,
        codes.NOT_AN_ATTRIBUTE,
        codes.PATH_LEAVES_ENDPOINT,
        codes.NOT_ON_SYSFS,
    }
)
"""Codes with which the driver was never asked: the command could not complete."""

_LATER = "ask again later"
_LOG = "the kernel log of its host may say why"

ADVICE: dict[Code, str] = {
    codes.REFUSED: "the destination's kernel log may say why",
    codes.NO_MIGRATION_SUPPORT: _LOG,
    codes.DRIVER_BUSY: _LATER,
    codes.DRIVER_FAILED: _LOG,
    codes.READ_FAILED: _LOG,
    codes.SHORT_WRITE: "the driver does not keep to the attribute's rules: tell its "
    "vendor",
    codes.ANSWERED_ABOUT_CAPACITY: "free an instance there, and ask again",
    codes.OPEN_NOT_PERMITTED: "run it as root",
    codes.DEVICE_GONE: _LATER,
    codes.NO_ANSWER_IN_TIME: "a longer --timeout may help; the kernel log of its host "
    "may say what the driver waits for",
}
"""What to do about a call on an attribute that gave no yes."""

NO_STRING = frozenset(
    {
        codes.NO_ATTRIBUTE,
        codes.NO_MIGRATION_SUPPORT,
        codes.VERSION_EMPTY,
        codes.VERSION_TOO_LONG,
        codes.VERSION_NOT_PRINTABLE,
    }
)


_TOLD_OF_READS = frozenset(
    {
        codes.OPEN_NOT_PERMITTED,
        codes.OPEN_FAILED,
        codes.READ_FAILED,
        codes.NO_ANSWER_IN_TIME,
        codes.FILE_SYSTEM_GONE,
        codes.VERSION_EMPTY,
        codes.VERSION_TOO_LONG,
        codes.VERSION_NOT_PRINTABLE,
    }
)
"""What an inventory may tell of a failed read: none of them decides anything."""


def attribute_code(attribute: Attribute, *, recorded: bool) -> Code | None:
    """Tell by a code why an attribute gives no string; None if it gives one.

    What is `recorded` is the errno, and whether it is one of open(2): an inventory may
    hold any code, and decides nothing by it.
    """
    if attribute.state != "unreadable":
        return codes.NO_ATTRIBUTE if attribute.state == "absent" else None
    if not recorded:
        return codes.code_of(attribute.code or "")
    told = Code(attribute.code or "")
    if attribute.stage == "open":
        return told if told in NOT_OPENED else codes.OPEN_FAILED
    if attribute.errno in _NO_MIGRATION_NAMES:
        return codes.NO_MIGRATION_SUPPORT
    return told if told in _TOLD_OF_READS else codes.READ_FAILED


def read_code(answer: Answer) -> Code:
    """Tell by a code why reading a version attribute gave no string."""
    return _common_code(answer) or codes.READ_FAILED


def write_code(answer: Answer, length: int) -> Code:
    """Tell by a code what the driver's answer to a written string means."""
    if answer.stage == "done":
        return codes.ACCEPTED if answer.count == length else codes.SHORT_WRITE
    return _common_code(answer) or _OF_WRITE.get(answer.errno, codes.REFUSED)


def meanings(number: int) -> dict[str, list[Code]]:
    """Tell by codes what an errno means of each call on a version attribute.

    There are two where it also counts whether the path is still there.
    """

    def answers(stage: Literal["open", "read", "write"]) -> Iterator[Answer]:
        for gone in (False, True):
            yield Answer(stage=stage, path="", errno=number, gone=gone)

    return {
        "open": list(dict.fromkeys(map(read_code, answers("open")))),
        "read": list(dict.fromkeys(map(read_code, answers("read")))),
        "write": list(dict.fromkeys(write_code(each, 1) for each in answers("write"))),
    }


def _common_code(answer: Answer) -> Code | None:
    """Tell what a failed read and a failed write have in common."""
    if answer.stage == "refused":
        return answer.code
    if answer.stage == "timeout":
        return codes.NO_ANSWER_IN_TIME
    if answer.stage == "open":
        if answer.errno == errno.ENOENT:
            return codes.DEVICE_GONE if answer.gone else codes.NO_ATTRIBUTE
        return (
            codes.OPEN_NOT_PERMITTED
            if answer.errno in _NOT_PERMITTED
            else codes.OPEN_FAILED
        )
    if answer.errno in _NO_MIGRATION:
        return codes.DEVICE_GONE if answer.gone else codes.NO_MIGRATION_SUPPORT
    return None


def recordable(answer: Answer, length: int) -> tuple[bool | None, str | None] | None:
    """Give what to record of a driver's answer: whether it took all of `length` bytes.

    Beside is the errno's name. None where the driver was not asked at all.
    """
    code = write_code(answer, length)
    if code in COULD_NOT_ASK or code == codes.NO_ATTRIBUTE:
        return None
    accepted = {"compatible": True, "incompatible": False}.get(
        VERDICT_OF.get(code, "undetermined")
    )
    return accepted, errno_name(answer.errno) if answer.errno else None
