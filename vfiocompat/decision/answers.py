# SPDX-License-Identifier: Apache-2.0
"""What a driver may be asked, and what it said when it was asked earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.decision.preconditions import by_vendor, preconditions
from vfiocompat.diagnostics import Diagnostic, diagnostic

if TYPE_CHECKING:
    from vfiocompat.codes import Code
    from vfiocompat.endpoints import Endpoint, RecordedAnswer

__all__ = [
    "RECORDED",
    "has_unknown_parts",
    "is_held",
    "is_real",
    "not_recorded",
    "question",
    "question_ahead",
    "recorded_answer",
]

RECORDED: dict[bool | None, Code] = {
    True: codes.RECORDED_YES,
    False: codes.RECORDED_NO,
    None: codes.RECORDED_NEITHER,
}


def question(source: Endpoint, destination: Endpoint) -> bytes | None:
    """Give the bytes to write to the destination; None where it is not asked.

    Only what a driver printed, or a literal without unknown parts, is ever written.
    """
    if not is_real(source):
        return None
    if not destination.has_attribute:
        return None
    if destination.recorded:
        return None
    return None if preconditions(source, destination) else source.exact_bytes()


def question_ahead(source: Endpoint, destination: Endpoint) -> bytes | None:
    """Give what to ask a destination ahead of time, for somebody else's question.

    Beside `question`, another vendor's string is passed over: the answer is known.
    """
    verdict, _ = by_vendor(source, destination)
    return None if verdict == "incompatible" else question(source, destination)


def is_real(source: Endpoint) -> bool:
    """Whether a source has a string that a device may be asked about."""
    return source.version is not None and not has_unknown_parts(source)


def is_held(source: Endpoint) -> bool:
    """Whether a source's driver has already cost a time-out, or may have."""
    if (
        source.attribute is not None
        and source.attribute.code == codes.NO_ANSWER_IN_TIME
    ):
        return True
    return source.is_function_as_type and source.available_instances is None


def recorded_answer(source: Endpoint, destination: Endpoint) -> RecordedAnswer | None:
    """Find what the destination's driver said of the source's string earlier."""
    if not destination.recorded or not is_real(source):
        return None
    if not destination.has_attribute:
        return None  # nobody can have been asked
    return next(
        (each for each in destination.answers if each.version == source.version), None
    )


def not_recorded(source: Endpoint, destination: Endpoint) -> list[Diagnostic]:
    """Say of a destination with an attribute why no recorded answer decides."""
    if not destination.recorded or not is_real(source):
        return []
    if not destination.has_attribute:
        return []
    why = destination.recorded.rejected_answers.get(source.version or "")
    if why is not None:
        summary = f"the destination's recorded answer is not relied on: {why}"
        return [diagnostic(codes.ANSWER_TOO_OLD, summary, path=destination.path)]
    return [
        diagnostic(
            codes.ANSWER_NOT_RECORDED,
            hint="on the destination's host: vfiocompat scan --ask FLEET, with the "
            "source in FLEET",
            path=destination.path,
        )
    ]


def has_unknown_parts(source: Endpoint) -> bool:
    """Whether a literal leaves something open, which no driver is to see."""
    return source.kind == "literal" and "?" in (source.version or "")
