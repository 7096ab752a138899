# SPDX-License-Identifier: Apache-2.0
"""The one decision: whether the destination can load the source's state.

What files, drivers and tables said comes in, a verdict with its reasons goes out.
Nothing else knows what wins over what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.codes import CODES
from vfiocompat.decision.answers import (
    RECORDED,
    RECORDED_OF_HEAD,
    doubts_a_yes,
    has_unknown_parts,
    not_recorded,
    question,
    recorded_answer,
)
from vfiocompat.decision.byhead import by_head, by_stream, not_offered
from vfiocompat.decision.decisions import Decision, channel_of
from vfiocompat.decision.errnos import (
    ADVICE,
    COULD_NOT_ASK,
    VERDICT_OF,
    Answer,
    write_code,
)
from vfiocompat.decision.gpus import (
    metadata_of,
    recorded_comparison,
    why_gpu_not_asked,
)
from vfiocompat.decision.notes import (
    derivations,
    for_information,
    not_identified,
    notes,
)
from vfiocompat.decision.nvml import NOT_COMPARED, GpuAsked, by_nvml
from vfiocompat.decision.preconditions import by_vendor, preconditions, too_old
from vfiocompat.decision.said import as_said
from vfiocompat.decision.streams import HeadUsed, Streamed, answered, old_heads
from vfiocompat.decision.strings import absent, unreadable
from vfiocompat.diagnostics import Diagnostic, both_ends, diagnostic
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
    *,
    gpu: GpuAsked = NOT_COMPARED,
) -> Decision:
    """Decide a pair from its endpoints and the driver's answer, if it was asked.

    `judgement` is what tables say: it decides where no driver answers, and explains or
    doubts what a driver says. `streamed` is what came of asking by the stream, and
    `gpu` what is known of a vGPU and a GPU.
    """
    told = notes(source, destination)
    if (before := _before_asking(source, destination, told)) is not None:
        return before
    if answer is not None:
        return _by_driver(source, destination, answer, judgement, told)
    known = recorded_answer(source, destination)
    if (compared := _by_gpu(source, destination, gpu, known, judgement)) is not None:
        diagnostics = (*compared.diagnostics, *told)
        return msgspec.structs.replace(compared, diagnostics=diagnostics)
    if streamed is not None and (said := answered(streamed)) is not None:
        found = by_head(said, source, destination, judgement, told)
        return by_stream(found, streamed)
    if known is not None:
        decision = _by_record(source, destination, known, judgement, told)
    else:
        decision = _without_driver(source, destination, judgement, told)
    return decision if streamed is None else not_offered(decision, streamed)


def _before_asking(
    source: Endpoint, destination: Endpoint, told: tuple[Diagnostic, ...]
) -> Decision | None:
    """Decide a pair of which nothing is to be asked."""
    if outdated := too_old(source, destination):
        return Decision(verdict="undetermined", basis="none", diagnostics=outdated)
    if failing := preconditions(source, destination):
        verdict: Verdict = "incompatible"
        if all(finding.severity == "warning" for finding in failing):
            verdict = "undetermined"
        return Decision(verdict=verdict, basis="none", diagnostics=failing)
    for side, endpoint in (("source", source), ("destination", destination)):
        if (finding := unreadable(endpoint, f"{side}: ")) is not None:
            return _unreadable(finding, told, recorded=bool(endpoint.recorded))
    return None


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
    said = as_said(finding, source, destination, judgement, told)
    return msgspec.structs.replace(said, channel="attribute")


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
    finding = diagnostic(
        code,
        CODES[code].summary + (f" ({answer.errno})" if answer.errno else ""),
        detail=_when(answer, destination),
        errno=answer.errno,
        path=destination.path,
        spans=() if of_head else both_ends(source.version, destination.version),
    )
    if of_head:
        found = by_head(finding, source, destination, judgement, told)
        if not source.recorded:
            return found
        used = HeadUsed("recorded", source.address, bool(source.recorded.changed))
        return msgspec.structs.replace(found, head=used)
    said = as_said(finding, source, destination, judgement, told)
    return msgspec.structs.replace(said, channel=channel_of(answer.channel))


def _by_gpu(
    source: Endpoint,
    destination: Endpoint,
    gpu: GpuAsked,
    known: RecordedAnswer | None,
    judgement: Judgement,
) -> Decision | None:
    """Decide by what NVIDIA's driver says now, or else by what it said earlier.

    What another channel's driver said earlier counts more than that it says nothing.
    """
    if known is not None and (gpu.compared is None or gpu.compared.found is None):
        if not known.is_of_gpu:
            return None
        then = _when(known, destination)
        compared = recorded_comparison(known)
        gpu = msgspec.structs.replace(gpu, compared=compared, then=then)
    return by_nvml(source, destination, gpu, judgement)


def _when(answer: RecordedAnswer, destination: Endpoint) -> str:
    """Say when a recorded answer was given, and how long ago that is."""
    ages = destination.recorded.ages if destination.recorded else {}
    age = ages.get(answer.about)
    return f"asked at {answer.asked_at}" + (f", {age}" if age else "")


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
    not_asked = _gpu_not_asked(source, destination)
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
    found += [*unasked, *not_asked, *derivations(judgement)]
    if judgement.table is None:
        could_ask = question(source, destination) is not None
        hint = "the driver is asked without --table-only" if could_ask else None
        found += judgement.findings
        if not judgement.failed:
            detail = not_identified(source, destination)
            found.append(diagnostic(codes.NOTHING_DECIDES, detail=detail, hint=hint))
    else:
        found = [*judgement.findings, *found]
    return Decision(
        verdict=judgement.verdict,
        basis="none" if judgement.table is None else "table",
        table=judgement.table,
        diagnostics=(*found, *told),
        failed=judgement.failed,
    )


def _gpu_not_asked(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    """Say why NVIDIA's driver was not asked, if one side has metadata for that."""
    ends = metadata_of(source, destination)
    why = why_gpu_not_asked(*ends) if ends != (None, None) else None
    return () if why is None else (why,)
