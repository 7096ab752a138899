# SPDX-License-Identifier: Apache-2.0
"""What a driver may be asked, and what it said when it was asked earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.decision.gpus import gpu_question, to_compare
from vfiocompat.decision.preconditions import by_vendor, preconditions, too_old
from vfiocompat.decision.streams import head_question
from vfiocompat.diagnostics import Diagnostic, diagnostic

if TYPE_CHECKING:
    from vfiocompat.codes import Code
    from vfiocompat.endpoints import Endpoint, RecordedAnswer, Thing

__all__ = [
    "RECORDED",
    "RECORDED_OF_HEAD",
    "doubts_a_yes",
    "gpu_things",
    "has_unknown_parts",
    "heads_matter",
    "is_asked_by_stream",
    "is_held",
    "is_real",
    "not_recorded",
    "question",
    "question_ahead",
    "recorded_answer",
    "things",
]

RECORDED: dict[bool | None, Code] = {
    True: codes.RECORDED_YES,
    False: codes.RECORDED_NO,
    None: codes.RECORDED_NEITHER,
}
RECORDED_OF_HEAD: dict[bool | None, Code] = {
    True: codes.HEAD_WAS_TAKEN,
    False: codes.HEAD_WAS_REFUSED,
    None: codes.HEAD_WAS_NOT_ANSWERED,
}


def question(source: Endpoint, destination: Endpoint) -> bytes | None:
    """Give the bytes to write to the destination; None where it is not asked.

    Only what a driver printed, or a literal without unknown parts, is ever written.
    """
    if not is_real(source) or not destination.has_attribute or destination.recorded:
        return None
    return source.exact_bytes() if _is_open(source, destination) else None


def heads_matter(source: Endpoint, destination: Endpoint) -> bool:
    """Whether heads of migration streams can decide a pair.

    That is where one side has no version attribute, and none has one that cannot be
    read.
    """
    states = {source.attribute_state, destination.attribute_state}
    if "absent" not in states or "unreadable" in states:
        return False
    return _is_open(source, destination)


def is_asked_by_stream(source: Endpoint, destination: Endpoint) -> bool:
    """Whether a destination is one to be offered the head of the source's stream."""
    here = destination.lacks_attribute and not destination.recorded
    return here and heads_matter(source, destination)


def _is_open(source: Endpoint, destination: Endpoint) -> bool:
    """Whether nothing decides a pair before any driver is asked."""
    return not (too_old(source, destination) or preconditions(source, destination))


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
    """Find what the destination's driver said of what the source has earlier.

    An answer that is not relied on is none. Of two any no beats a yes.
    """
    known = _given(source, destination)
    relied_on = [each for each in known if not _rejected(each, destination)]
    best = (False, True, None)
    return min(relied_on, key=lambda each: best.index(each.accepted), default=None)


def doubts_a_yes(source: Endpoint, destination: Endpoint) -> bool:
    """Whether the driver once said no, or nothing definite, and it is not relied on.

    It was asked, so a table's yes does not stand for it.
    """
    return any(
        not each.accepted and _rejected(each, destination) is not None
        for each in _given(source, destination)
    )


def _given(source: Endpoint, destination: Endpoint) -> list[RecordedAnswer]:
    """Find answers about what the source has, relied on or not.

    Where there is no attribute one about a string is of another channel, and a yes of
    it is none here.
    """
    if not destination.recorded or not destination.answers:
        return []
    asked = things(source)
    if any(each.is_of_gpu for each in destination.answers):
        asked += gpu_things(source, destination)
    return [
        each
        for each in destination.answers
        if each.thing in asked and _is_one(each, source, destination)
    ]


def _is_one(answer: RecordedAnswer, source: Endpoint, destination: Endpoint) -> bool:
    """Whether an answer about what a source has is one about the source."""
    if answer.is_of_gpu:
        return True
    if answer.is_of_head:  # one driver's bytes tell nothing to another
        return bool(source.head and source.head.driver == destination.driver)
    return destination.has_attribute or not answer.accepted


def things(source: Endpoint) -> list[Thing]:
    """Give what drivers may have been asked about of a source."""
    found: list[Thing] = []
    if is_real(source) and source.version is not None:
        found.append(("string", source.version))
    if source.head:
        found.append(("head", head_question(source.head)))
    return found


def gpu_things(source: Endpoint, destination: Endpoint) -> list[Thing]:
    """Give what NVIDIA's driver may have been asked about of a pair."""
    pair = to_compare(source, destination)
    return [] if pair is None else [("gpu", gpu_question(*pair))]


def _rejected(answer: RecordedAnswer, destination: Endpoint) -> str | None:
    """Say why an answer is not relied on; None if it is."""
    assert destination.recorded
    return destination.recorded.rejected_answers.get(answer.about)


def not_recorded(source: Endpoint, destination: Endpoint) -> list[Diagnostic]:
    """Say of a destination whose driver may have been asked why no answer decides."""
    if not destination.recorded:
        return []
    known = _given(source, destination)
    by_string = destination.has_attribute and is_real(source)
    if not known and not by_string and not gpu_things(source, destination):
        return []
    host = destination.host or "the destination's host"
    hint = f"on {host}: vfiocompat scan --ask FLEET, with the source in FLEET"
    if not known:
        return [diagnostic(codes.ANSWER_NOT_RECORDED, hint=hint, path=destination.path)]
    said = {True: "yes", False: "no", None: "neither yes nor no"}
    return [
        diagnostic(
            codes.ANSWER_TOO_OLD,
            "the destination's recorded answer is not relied on: "
            f"{_rejected(each, destination)}",
            detail=f"it was {said[each.accepted]}",
            hint=hint,
            path=destination.path,
        )
        for each in known
    ]


def has_unknown_parts(source: Endpoint) -> bool:
    """Whether a literal leaves something open, which no driver is to see."""
    return source.kind == "literal" and "?" in (source.version or "")
