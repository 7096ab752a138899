# SPDX-License-Identifier: Apache-2.0
"""The one decision: whether the destination can load the source's state.

What files, drivers and tables said comes in, a verdict with its reasons goes out.
Nothing else knows what wins over what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.codes import CODES, Code
from vfiocompat.decision.answers import (
    RECORDED,
    RECORDED_OF_HEAD,
    doubts_a_yes,
    has_unknown_parts,
    not_recorded,
    question,
    recorded_answer,
)
from vfiocompat.decision.decisions import Decision, channel_of
from vfiocompat.decision.errnos import (
    ADVICE,
    COULD_NOT_ASK,
    VERDICT_OF,
    Answer,
    write_code,
)
from vfiocompat.decision.notes import (
    beside_answer,
    derivations,
    for_information,
    notes,
    softened,
)
from vfiocompat.decision.preconditions import (
    by_vendor,
    preconditions,
    too_old,
    type_not_known,
)
from vfiocompat.decision.streams import HeadUsed, Streamed, answered, old_heads
from vfiocompat.decision.strings import absent, unreadable
from vfiocompat.diagnostics import SIDES, Diagnostic, both_ends, diagnostic
from vfiocompat.errors import errno_name
from vfiocompat.verdicts import NOT_JUDGED, Basis, Judgement, Verdict

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint, RecordedAnswer

__all__ = ["decide"]


def decide(
    source: Endpoint,
    destination: Endpoint,
    answer: Answer | None,
    judgement: Judgement = NOT_JUDGED,
    streamed: Streamed | None = None,
) -> Decision:
    """Decide a pair from its endpoints and the driver's answer, if it was asked.

    `judgement` is what tables say: it decides where no driver answers, and explains or
    doubts what a driver says. `streamed` is what came of asking by the stream.
    """
    if outdated := too_old(source, destination):
        return Decision(verdict="undetermined", basis="none", diagnostics=outdated)
    if failing := preconditions(source, destination):
        verdict: Verdict = "incompatible"
        if all(finding.severity == "warning" for finding in failing):
            verdict = "undetermined"
        return Decision(verdict=verdict, basis="none", diagnostics=failing)
    told = notes(source, destination)
    for side, endpoint in (("source", source), ("destination", destination)):
        if (finding := unreadable(endpoint, f"{side}: ")) is not None:
            return _unreadable(finding, told, recorded=bool(endpoint.recorded))
    if answer is not None:
        return _by_driver(source, destination, answer, judgement, told)
    if streamed is not None and (said := answered(streamed)) is not None:
        found = _by_head(said, source, destination, judgement, told)
        return _by_stream(found, streamed)
    if (known := recorded_answer(source, destination)) is not None:
        decision = _by_record(source, destination, known, judgement, told)
    else:
        decision = _without_driver(source, destination, judgement, told)
    return decision if streamed is None else _not_offered(decision, streamed)


def _unreadable(
    finding: Diagnostic, told: tuple[Diagnostic, ...], *, recorded: bool
) -> Decision:
    """Decide a pair of which one end has an attribute that gave no string."""
    not_asked = finding.code in COULD_NOT_ASK
    said: Basis = "recorded" if recorded else "driver"
    return Decision(
        verdict=VERDICT_OF.get(finding.code, "undetermined"),
        basis="none" if not_asked else said,
        diagnostics=(finding, *told),
        failed=not_asked and not recorded,
    )


def _by_driver(
    source: Endpoint,
    destination: Endpoint,
    answer: Answer,
    judgement: Judgement,
    told: tuple[Diagnostic, ...],
) -> Decision:
    written = source.exact_bytes() or b""
    code = write_code(answer, len(written))
    if code == codes.NO_ATTRIBUTE:  # readable but not writable: get_version alone
        summary = "destination: there is no file to write to"
        unwritable = diagnostic(code, summary, path=answer.path)
        return _without_driver(source, destination, judgement, told, unwritable)
    name = errno_name(answer.errno) if answer.errno else None
    refused = code == codes.REFUSED
    finding = diagnostic(
        code,
        CODES[code].summary + (f" ({name})" if name else ""),
        hint=ADVICE.get(code),
        errno=name,
        path=answer.path,
        spans=both_ends(source.version, destination.version) if refused else (),
    )
    said = _said(finding, source, destination, judgement, told)
    return msgspec.structs.replace(said, channel="attribute")


def _said(
    finding: Diagnostic,
    source: Endpoint,
    destination: Endpoint,
    judgement: Judgement,
    told: tuple[Diagnostic, ...],
) -> Decision:
    """Decide by what the destination's driver said, now or earlier.

    Where that was neither yes nor no, a table's no stands, and its yes does not.
    """
    code = finding.code
    failed = code in COULD_NOT_ASK
    if code not in VERDICT_OF and not failed and judgement.verdict == "incompatible":
        return Decision(
            verdict="incompatible",
            basis="table",
            table=judgement.table,
            diagnostics=(*judgement.findings, finding, *derivations(judgement), *told),
        )
    asked: Basis = "recorded" if destination.recorded else "driver"
    return Decision(
        verdict=_as_of_type(VERDICT_OF.get(code, "undetermined"), source, destination),
        basis="none" if failed else asked,
        table=judgement.table,
        diagnostics=(
            finding,
            *beside_answer(code, judgement),
            *_type_not_known(code, source, destination),
            *told,
        ),
        failed=failed,
    )


def _as_of_type(verdict: Verdict, source: Endpoint, destination: Endpoint) -> Verdict:
    """Give a driver's verdict, or none where it is about sources of one type only."""
    if verdict == "compatible" and destination.answers_for_its_type:
        known = None not in {source.type_id, destination.type_id}
        return verdict if known else "undetermined"
    return verdict


def _type_not_known(
    code: Code, source: Endpoint, destination: Endpoint
) -> tuple[Diagnostic, ...]:
    """Say why a driver's yes is none."""
    verdict = VERDICT_OF.get(code, "undetermined")
    if _as_of_type(verdict, source, destination) == verdict:
        return ()
    return (type_not_known(source, destination),)


def _by_record(
    source: Endpoint,
    destination: Endpoint,
    answer: RecordedAnswer,
    judgement: Judgement,
    told: tuple[Diagnostic, ...],
) -> Decision:
    """Decide by what the destination's driver said when it was asked earlier."""
    of_head = answer.is_of_head
    code = (RECORDED_OF_HEAD if of_head else RECORDED)[answer.accepted]
    age = destination.recorded.ages.get(answer.about) if destination.recorded else None
    asked = f"asked at {answer.asked_at}" + (f", {age}" if age else "")
    finding = diagnostic(
        code,
        CODES[code].summary + (f" ({answer.errno})" if answer.errno else ""),
        detail=asked,
        errno=answer.errno,
        path=destination.path,
        spans=() if of_head else both_ends(source.version, destination.version),
    )
    if of_head:
        found = _by_head(finding, source, destination, judgement, told)
        if not source.recorded:
            return found
        used = HeadUsed("recorded", source.address, bool(source.recorded.changed))
        return msgspec.structs.replace(found, head=used)
    said = _said(finding, source, destination, judgement, told)
    return msgspec.structs.replace(said, channel=channel_of(answer.channel))


# ---- asked by the head of a stream -------------------------------------------------


def _by_head(
    finding: Diagnostic,
    source: Endpoint,
    destination: Endpoint,
    judgement: Judgement,
    told: tuple[Diagnostic, ...],
) -> Decision:
    """Decide by what a driver said of the head of the source's stream.

    Its yes covers what it checks there: the rest is decided by the table, which may
    read both ends' heads. Since a head was recorded its host may have changed: a yes is
    none then, and a no needs the table's.
    """
    said = VERDICT_OF.get(finding.code)
    if said == "compatible":
        found = _taken(finding, destination, judgement, told)
    else:
        found = _said(finding, source, destination, judgement, told)
    found = msgspec.structs.replace(found, channel="stream")
    sides = {"source", *(judgement.by_head if said == "compatible" else ())}
    old = old_heads(source, destination, sorted(sides, key=SIDES.index))
    if not old or said is None:
        return found
    stands = found.verdict == judgement.verdict == "incompatible"
    return msgspec.structs.replace(
        found,
        verdict="incompatible" if stands else "undetermined",
        diagnostics=(*old, *found.diagnostics),
    )


def _taken(
    finding: Diagnostic,
    destination: Endpoint,
    judgement: Judgement,
    told: tuple[Diagnostic, ...],
) -> Decision:
    """Decide where the driver took the head, and the table has the rest."""
    basis: Basis = "recorded" if destination.recorded else "driver"
    beyond = judgement.beyond
    if beyond is None:
        later = diagnostic(
            codes.CHECKED_LATER,
            "no table says what else has to hold, so the driver's yes is not enough",
            hint="see 'vfiocompat tables list' for the tables of this driver",
        )
        return Decision(
            verdict="undetermined", basis=basis, diagnostics=(finding, later, *told)
        )
    found = [finding, *beyond.findings]
    if beyond.verdict == "compatible":
        found += beside_answer(finding.code, judgement)
        if not beyond.complete:
            found.append(
                diagnostic(
                    codes.CHECKED_LATER,
                    detail="in the head it checks " + ", ".join(beyond.covered),
                    table=judgement.table,
                )
            )
    return Decision(
        verdict=beyond.verdict,
        basis=basis,
        table=judgement.table,
        covered=beyond.covered,
        diagnostics=(*found, *derivations(judgement), *told),
    )


def _by_stream(decision: Decision, streamed: Streamed) -> Decision:
    """Add to a decision by a head whose that was; a made one leaves no yes."""
    offer = streamed.offer
    told = list(streamed.told)
    verdict = decision.verdict
    if offer is not None and offer.made:
        told.insert(0, diagnostic(codes.HEAD_MADE))
        verdict = "undetermined" if verdict == "compatible" else verdict
    error = streamed.error
    failed = error is not None and error.code == codes.DEVICE_NOT_RUNNING
    return msgspec.structs.replace(
        decision,
        verdict="undetermined" if failed else verdict,
        head=streamed.used,
        diagnostics=(*decision.diagnostics, *told),
        failed=failed or decision.failed,
    )


def _not_offered(decision: Decision, streamed: Streamed) -> Decision:
    """Add to a decision why the destination was not asked by its stream.

    Where nothing else decides, a device that could not be opened is a failure.
    """
    told = list(streamed.told)
    if decision.verdict == "undetermined":  # where it could have helped
        told = [msgspec.structs.replace(each, severity="warning") for each in told]
    error = streamed.error
    failed = error is not None and decision.verdict == "undetermined"
    if error is not None:
        found = diagnostic(error.code, error.summary, hint=error.hint)
        told.insert(0, found if failed else softened(found))
    elif streamed.offer is not None:
        told.append(
            diagnostic(
                codes.HEAD_NOT_OFFERED,
                "the recorded head is not as long as its driver's, or has a value that "
                "the table does not know, so it was not offered",
            )
        )
    return msgspec.structs.replace(
        decision,
        basis="none" if failed else decision.basis,
        head=decision.head or (streamed.used if decision.channel == "stream" else None),
        diagnostics=(*decision.diagnostics, *told),
        failed=failed or decision.failed,
    )


def _without_driver(
    source: Endpoint,
    destination: Endpoint,
    judgement: Judgement,
    told: tuple[Diagnostic, ...],
    *reasons: Diagnostic,
) -> Decision:
    """Decide without a driver's answer; `reasons` say why there is none."""
    found = list(reasons)
    for side, endpoint in (("source", source), ("destination", destination)):
        if endpoint.kind != "literal" and endpoint.lacks_attribute:
            found.append(absent(endpoint, f"the {side}"))
    if has_unknown_parts(source) and not destination.lacks_attribute:
        found.append(diagnostic(codes.STRING_HAS_UNKNOWN_PARTS))
    unasked = not_recorded(source, destination)
    verdict, vendors = by_vendor(source, destination)
    if vendors is not None:
        return Decision(
            verdict=verdict,
            basis="none",
            diagnostics=(vendors, *found, *unasked, *told),
        )
    doubted = doubts_a_yes(source, destination)
    if doubted and judgement.verdict == "compatible":
        return Decision(
            verdict="undetermined",
            basis="none",
            table=judgement.table,
            diagnostics=(*unasked, *found, *told),
        )
    old = old_heads(source, destination, judgement.by_head)
    if old and judgement.verdict == "compatible":
        return Decision(
            verdict="undetermined",
            basis="table",
            table=judgement.table,
            diagnostics=(*old, *found, *unasked, *derivations(judgement), *told),
        )
    if judgement.verdict != "undetermined":
        found = list(map(for_information, found))
        unasked = unasked if doubted else list(map(for_information, unasked))
    found += unasked
    found += derivations(judgement)
    if judgement.table is None:
        could_ask = question(source, destination) is not None
        hint = "the driver is asked without --table-only" if could_ask else None
        unknown = (
            () if judgement.failed else (diagnostic(codes.NOTHING_DECIDES, hint=hint),)
        )
        found = [*found, *judgement.findings, *unknown]
    else:
        found = [*judgement.findings, *found]
    return Decision(
        verdict=judgement.verdict,
        basis="none" if judgement.table is None else "table",
        table=judgement.table,
        diagnostics=(*found, *told),
        failed=judgement.failed,
    )
