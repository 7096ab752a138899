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
    doubts_a_yes,
    has_unknown_parts,
    not_recorded,
    question,
    recorded_answer,
)
from vfiocompat.decision.errnos import (
    ADVICE,
    ANSWERS,
    COULD_NOT_ASK,
    VERDICT_OF,
    Answer,
    write_code,
)
from vfiocompat.decision.notes import notes
from vfiocompat.decision.preconditions import (
    by_vendor,
    preconditions,
    too_old,
    type_not_known,
)
from vfiocompat.decision.strings import absent, unreadable
from vfiocompat.diagnostics import Diagnostic, both_ends, diagnostic
from vfiocompat.errors import errno_name
from vfiocompat.verdicts import GROUNDS, NOT_JUDGED, Basis, Judgement, Verdict, worst_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vfiocompat.endpoints import Endpoint, RecordedAnswer
    from vfiocompat.errors import ErrorRecord

__all__ = [
    "Decision",
    "beside",
    "decide",
    "leaves_no_yes",
    "not_found",
    "required",
    "whole",
    "worst",
]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, what it rests on, and every reason for it.

    `failed` marks an undetermined pair whose destination could not be asked at all.
    """

    verdict: Verdict
    basis: Basis
    table: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    failed: bool = False


def decide(
    source: Endpoint,
    destination: Endpoint,
    answer: Answer | None,
    judgement: Judgement = NOT_JUDGED,
) -> Decision:
    """Decide a pair from its endpoints and the driver's answer, if it was asked.

    `judgement` is what tables say: it decides where no driver answers, and explains or
    doubts what a driver says.
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
    if (known := recorded_answer(source, destination)) is not None:
        return _by_record(source, destination, known, judgement, told)
    return _without_driver(source, destination, judgement, told)


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


def required(decision: Decision, basis: Basis) -> Decision:
    """Give a decision, or none where what it rests on is weaker than a basis."""
    if decision.verdict != "compatible":
        return decision
    if GROUNDS[decision.basis] >= GROUNDS[basis]:
        return decision
    by = {"table": "a table", "recorded": "a recorded answer"}.get(decision.basis, "")
    doubt = diagnostic(
        codes.WEAKER_THAN_REQUIRED,
        f"compatible by {by}, and --require asks for {basis}",
    )
    return msgspec.structs.replace(
        decision, verdict="undetermined", diagnostics=(doubt, *decision.diagnostics)
    )


def beside(decision: Decision, finding: Diagnostic, *, doubt: bool = False) -> Decision:
    """Give a pair's decision with what else was found; an error of it overrules it.

    A warning leaves a yes undetermined if it is a `doubt`. What overrules a decision,
    or doubts it, stands first.
    """
    verdict = decision.verdict
    if finding.severity == "error":
        verdict = "incompatible"
    elif doubt and finding.severity == "warning" and verdict == "compatible":
        verdict = "undetermined"
    overruled = verdict != decision.verdict
    found = (*decision.diagnostics, finding)
    if overruled or doubt:
        found = (finding, *decision.diagnostics)
    if not overruled:
        return msgspec.structs.replace(decision, diagnostics=found)
    return Decision(verdict=verdict, basis="none", diagnostics=found)


_LEAVES_OPEN = frozenset(
    {
        codes.P2P_NOT_KNOWN,
        codes.TRACKING_NOT_KNOWN,
        codes.VIRTUAL_IOMMU,
        codes.CONFIG_FILE_NOT_READ,
        codes.DISK_BY_VFIO,
        codes.MEMORY_PROTECTED,
    }
)
"""What QEMU demands of a whole VM, where it is not known: it leaves no yes."""


def whole(verdicts: Iterable[Verdict], findings: Sequence[Diagnostic]) -> Verdict:
    """Give the verdict of a VM: the worst of its devices' and of what is demanded.

    One without devices is compatible: it has nothing that could not be loaded.
    """
    if any(finding.severity == "error" for finding in findings):
        return "incompatible"
    known = list(verdicts)
    if any(map(leaves_no_yes, findings)):
        known.append("undetermined")
    return worst_of(known, "compatible")


def leaves_no_yes(finding: Diagnostic) -> bool:
    """Whether what was found of a whole VM forbids a yes, or leaves it open."""
    return finding.severity == "error" or finding.code in _LEAVES_OPEN


def not_found(error: ErrorRecord) -> Decision:
    """Give the decision on a pair whose destination is not there."""
    finding = diagnostic(
        error.code,
        error.summary,
        detail=error.detail,
        hint=error.hint,
        spans=error.spans,
    )
    return Decision(
        verdict="undetermined", basis="none", diagnostics=(finding,), failed=True
    )


def worst(decisions: tuple[Decision, ...]) -> Verdict:
    """Give the verdict that stands for several pairs; no pair is undetermined."""
    return worst_of((decision.verdict for decision in decisions), "undetermined")


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
    return _said(finding, source, destination, judgement, told)


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
            diagnostics=(*judgement.findings, finding, *_derivations(judgement), *told),
        )
    asked: Basis = "recorded" if destination.recorded else "driver"
    return Decision(
        verdict=_as_of_type(VERDICT_OF.get(code, "undetermined"), source, destination),
        basis="none" if failed else asked,
        table=judgement.table,
        diagnostics=(
            finding,
            *_beside(code, judgement),
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
    code = RECORDED[answer.accepted]
    age = destination.recorded.ages.get(answer.about) if destination.recorded else None
    channel = f" by {answer.channel}" if answer.channel else ""
    asked = f"asked{channel} at {answer.asked_at}" + (f", {age}" if age else "")
    finding = diagnostic(
        code,
        CODES[code].summary + (f" ({answer.errno})" if answer.errno else ""),
        detail=asked,
        errno=answer.errno,
        path=destination.path,
        spans=both_ends(source.version, destination.version),
    )
    return _said(finding, source, destination, judgement, told)


def _beside(code: Code, judgement: Judgement) -> list[Diagnostic]:
    """Give what tables add to a driver's answer: its explanation, or their doubts."""
    if judgement.failed:
        return [_softened(finding) for finding in judgement.findings]
    if code not in ANSWERS or judgement.table is None:
        return []
    if judgement.verdict == VERDICT_OF[code]:
        return list(judgement.findings)
    if judgement.verdict == "undetermined":
        return []
    doubt = diagnostic(
        codes.TABLE_DISAGREES,
        f"table {judgement.table} says {judgement.verdict}, the driver says otherwise",
        table=judgement.table,
    )
    return [doubt, *map(_softened, judgement.findings)]


def _softened(finding: Diagnostic) -> Diagnostic:
    """Let what would be an error be a warning, where it does not decide."""
    if finding.severity != "error":
        return finding
    return msgspec.structs.replace(finding, severity="warning")


def _for_information(finding: Diagnostic) -> Diagnostic:
    return msgspec.structs.replace(finding, severity="info")


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
    if judgement.verdict != "undetermined":
        found = list(map(_for_information, found))
        unasked = unasked if doubted else list(map(_for_information, unasked))
    found += unasked
    found += _derivations(judgement)
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


def _derivations(judgement: Judgement) -> list[Diagnostic]:
    sides = ("source", judgement.source), ("destination", judgement.destination)
    return [
        diagnostic(
            codes.STRING_DERIVED,
            f"the {side}'s string is derived from facts",
            detail=text,
        )
        for side, text in sides
        if text is not None
    ]
