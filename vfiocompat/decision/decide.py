# SPDX-License-Identifier: Apache-2.0
"""The one decision: whether the destination can load the source's state.

Pure: what the files said comes in, a verdict with its reasons goes out. Nothing else
knows what an errno means, which pairs a driver may be asked about, or what wins over
what.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.diagnostics import Code, Diagnostic, diagnostic
from vfiocompat.endpoints import MIGRATION_VERSION
from vfiocompat.errors import ENOTSUPP, errno_name
from vfiocompat.verdicts import GROUNDS, NOT_JUDGED, Basis, Judgement, Verdict, worst_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.endpoints import Attribute, Endpoint, RecordedAnswer
    from vfiocompat.errors import ErrorRecord

__all__ = [
    "COULD_NOT_ASK",
    "Answer",
    "Decision",
    "attribute_finding",
    "beside",
    "decide",
    "is_held",
    "is_real",
    "no_string",
    "not_found",
    "question",
    "question_ahead",
    "read_code",
    "recordable",
    "required",
    "whole",
    "worst",
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


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, what it rests on, and every reason for it.

    `failed` marks an undetermined pair whose destination could not be asked at all.
    """

    verdict: Verdict
    basis: Basis
    table: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    failed: bool = False


# ---- what an errno means -------------------------------------------------------

_NOT_PERMITTED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_MIGRATION = frozenset({errno.ENODEV, errno.EOPNOTSUPP, errno.ENOTTY, ENOTSUPP})

_OF_WRITE = {
    **dict.fromkeys((errno.EINTR, errno.EAGAIN, errno.EBUSY), Code.DRIVER_BUSY),
    **dict.fromkeys((errno.EIO, errno.ENOMEM, errno.ETIMEDOUT), Code.DRIVER_FAILED),
    **dict.fromkeys((errno.ENOSPC, errno.EUSERS), Code.ANSWERED_ABOUT_CAPACITY),
    **dict.fromkeys((errno.ECONNABORTED, errno.ENOTCONN), Code.FILE_SYSTEM_GONE),
}

_VERDICT_OF: dict[Code, Verdict] = {
    Code.REFUSED: "incompatible",
    Code.NO_MIGRATION_SUPPORT: "incompatible",
    Code.ACCEPTED: "compatible",
    Code.RECORDED_YES: "compatible",
    Code.RECORDED_NO: "incompatible",
}
_ANSWERS = frozenset({Code.REFUSED, Code.ACCEPTED, Code.RECORDED_YES, Code.RECORDED_NO})
"""Codes of a driver's yes or no, which tables explain or doubt."""

COULD_NOT_ASK = frozenset(
    {
        Code.OPEN_NOT_PERMITTED,
        Code.OPEN_FAILED,
        Code.FILE_SYSTEM_GONE,
        Code.DEVICE_GONE,
        Code.NOT_AN_ATTRIBUTE,
        Code.PATH_LEAVES_ENDPOINT,
        Code.NOT_ON_SYSFS,
    }
)
"""Codes with which the driver was never asked: the command could not complete."""


_NO_STRING = frozenset(
    {
        Code.NO_ATTRIBUTE,
        Code.NO_MIGRATION_SUPPORT,
        Code.VERSION_EMPTY,
        Code.VERSION_TOO_LONG,
        Code.VERSION_NOT_PRINTABLE,
    }
)


def read_code(answer: Answer) -> Code:
    """Tell by a code why reading a version attribute gave no string."""
    return _common_code(answer) or Code.READ_FAILED


def _write_code(answer: Answer, length: int) -> Code:
    """Tell by a code what the driver's answer to a written string means."""
    if answer.stage == "done":
        return Code.ACCEPTED if answer.count == length else Code.SHORT_WRITE
    return _common_code(answer) or _OF_WRITE.get(answer.errno, Code.REFUSED)


def _common_code(answer: Answer) -> Code | None:
    """Tell what a failed read and a failed write have in common."""
    if answer.stage == "refused":
        return answer.code
    if answer.stage == "timeout":
        return Code.NO_ANSWER_IN_TIME
    if answer.stage == "open":
        if answer.errno == errno.ENOENT:
            return Code.DEVICE_GONE if answer.gone else Code.NO_ATTRIBUTE
        return (
            Code.OPEN_NOT_PERMITTED
            if answer.errno in _NOT_PERMITTED
            else Code.OPEN_FAILED
        )
    if answer.errno in _NO_MIGRATION:
        return Code.DEVICE_GONE if answer.gone else Code.NO_MIGRATION_SUPPORT
    return None


# ---- the decision --------------------------------------------------------------


def question(source: Endpoint, destination: Endpoint) -> bytes | None:
    """Give the bytes to write to the destination; None where it is not asked.

    Only what a driver printed, or a literal without unknown parts, is ever written.
    """
    if not is_real(source):
        return None
    if destination.attribute is None or destination.attribute.state != "present":
        return None
    if destination.recorded:
        return None
    return None if _preconditions(source, destination) else source.exact_bytes()


def question_ahead(source: Endpoint, destination: Endpoint) -> bytes | None:
    """Give what to ask a destination ahead of time, for somebody else's question.

    Beside `question`, another vendor's string is passed over: the answer is known.
    """
    verdict, _ = _by_vendor(source, destination)
    return None if verdict == "incompatible" else question(source, destination)


def is_real(source: Endpoint) -> bool:
    """Whether a source has a string that a device may be asked about."""
    return source.version is not None and not _has_unknown_parts(source)


def is_held(source: Endpoint) -> bool:
    """Whether a source's driver has already cost a time-out, or may have."""
    if source.attribute is not None and source.attribute.code == Code.NO_ANSWER_IN_TIME:
        return True
    vgpu = source.kind == "function" and source.type_id is not None
    return vgpu and source.available_instances is None


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
    if outdated := _outdated(source, destination):
        return Decision(verdict="undetermined", basis="none", diagnostics=outdated)
    if failing := _preconditions(source, destination):
        verdict: Verdict = "incompatible"
        if all(finding.severity == "warning" for finding in failing):
            verdict = "undetermined"
        return Decision(verdict=verdict, basis="none", diagnostics=failing)
    notes = _capacity(destination) + _pre_copy(source, destination)
    notes += _not_needed(source, destination)
    for side, endpoint in (("source", source), ("destination", destination)):
        attribute = endpoint.attribute
        if attribute is not None and attribute.state == "unreadable":
            finding = attribute_finding(attribute, f"{side}: ")
            return _unreadable(finding, notes, recorded=bool(endpoint.recorded))
    if answer is not None:
        return _by_driver(source, destination, answer, judgement, notes)
    if (known := _recorded_answer(source, destination)) is not None:
        return _by_record(source, destination, known, judgement, notes)
    return _without_driver(source, destination, judgement, notes)


def _unreadable(
    finding: Diagnostic, notes: tuple[Diagnostic, ...], *, recorded: bool
) -> Decision:
    """Decide a pair of which one end has an attribute that gave no string."""
    not_asked = finding.code in COULD_NOT_ASK
    said: Basis = "recorded" if recorded else "driver"
    return Decision(
        verdict=_VERDICT_OF.get(finding.code, "undetermined"),
        basis="none" if not_asked else said,
        diagnostics=(finding, *notes),
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
        Code.WEAKER_THAN_REQUIRED, f"compatible by {by}, and --require asks for {basis}"
    )
    return msgspec.structs.replace(
        decision, verdict="undetermined", diagnostics=(doubt, *decision.diagnostics)
    )


def beside(decision: Decision, finding: Diagnostic, *, doubt: bool = False) -> Decision:
    """Give a pair's decision with what else was found; an error of it overrules it.

    A warning leaves a yes undetermined if it is a `doubt`.
    """
    found = (*decision.diagnostics, finding)
    if doubt and finding.severity == "warning" and decision.verdict == "compatible":
        return Decision(verdict="undetermined", basis="none", diagnostics=found)
    if finding.severity != "error" or decision.verdict == "incompatible":
        return msgspec.structs.replace(decision, diagnostics=found)
    found = (finding, *decision.diagnostics)
    return Decision(verdict="incompatible", basis="none", diagnostics=found)


def whole(verdicts: Iterable[Verdict], findings: Iterable[Diagnostic]) -> Verdict:
    """Give the verdict of a VM: the worst of its devices' and of what is demanded.

    One without devices is compatible: it has nothing that could not be loaded.
    """
    forbidden = any(finding.severity == "error" for finding in findings)
    return "incompatible" if forbidden else worst_of(verdicts, "compatible")


def not_found(error: ErrorRecord) -> Decision:
    """Give the decision on a pair whose destination is not there."""
    finding = diagnostic(
        error.code, error.summary, detail=error.detail, hint=error.hint
    )
    return Decision(
        verdict="undetermined", basis="none", diagnostics=(finding,), failed=True
    )


def worst(decisions: tuple[Decision, ...]) -> Verdict:
    """Give the verdict that stands for several pairs; no pair is undetermined."""
    return worst_of((decision.verdict for decision in decisions), "undetermined")


class NoString(msgspec.Struct, frozen=True):
    """Why an endpoint has no version string; `failed` if it could not be asked."""

    finding: Diagnostic
    failed: bool


def no_string(endpoint: Endpoint) -> NoString | None:
    """Say why an endpoint has no version string, if it has none.

    One that has no attribute, prints no usable string, or cannot migrate has none to
    give; anything else means that it could not be told.
    """
    if endpoint.version is not None:
        return None
    attribute = endpoint.attribute
    if not endpoint.vfio:
        return NoString(_not_bound(endpoint), failed=False)
    if attribute is None or attribute.code in {None, Code.NO_ATTRIBUTE}:
        return NoString(_absent(endpoint, ""), failed=False)
    finding = attribute_finding(attribute)
    return NoString(finding, failed=attribute.code not in _NO_STRING)


def _preconditions(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    """Find what forbids the pair before any driver is asked."""
    found: list[Diagnostic] = [
        _not_bound(endpoint) for endpoint in (source, destination) if not endpoint.vfio
    ]
    apis = source.device_api, destination.device_api
    if None not in apis and apis[0] != apis[1]:
        found.append(
            diagnostic(
                Code.DEVICE_API_DIFFERS,
                detail=f"source       {apis[0]}\ndestination  {apis[1]}",
                hint=f"needs a destination whose device_api is {apis[0]}",
            )
        )
    found += _interfaces(source, destination)
    types = source.type_id, destination.type_id
    if _compares_one_type(destination) and None not in types and types[0] != types[1]:
        found.append(
            diagnostic(
                Code.MDEV_TYPE_DIFFERS,
                detail=f"source       {types[0]}\ndestination  {types[1]}",
                hint=f"needs a destination of type {types[0]}",
                path=destination.attribute.path if destination.attribute else None,
            )
        )
    return tuple(found)


def _outdated(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    """Find inventories that are not to be relied on: all that they say is unknown."""
    return tuple(
        diagnostic(
            Code.INVENTORY_TOO_OLD,
            f"the {side}'s inventory is not relied on: {endpoint.recorded.rejected}",
            detail=f"taken at {taken_at}" if taken_at else None,
            hint="scan that host again, or allow a higher --max-age",
        )
        for side, endpoint in (("source", source), ("destination", destination))
        if endpoint.recorded and endpoint.recorded.rejected
        for taken_at in [endpoint.recorded.taken_at]
    )


def _interfaces(source: Endpoint, destination: Endpoint) -> list[Diagnostic]:
    """Find what the kernel's migration interfaces forbid, as far as they are known."""
    found = [
        diagnostic(
            Code.NO_MIGRATION_INTERFACE,
            f"the {side}'s driver has no migration interface",
            path=endpoint.path,
        )
        for side, endpoint in (("source", source), ("destination", destination))
        if endpoint.migration is not None and endpoint.migration.interface == "none"
    ]
    here, there = source.migration, destination.migration
    if found or here is None or there is None or here.interface == there.interface:
        return found
    detail = f"source       {here.interface}\ndestination  {there.interface}"
    return [diagnostic(Code.MIGRATION_INTERFACE_DIFFERS, detail=detail)]


def _pre_copy(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    """Warn of a source that copies ahead, into a destination that does not."""
    here, there = source.migration, destination.migration
    if here is None or there is None or here.flags is None or there.flags is None:
        return ()
    if "PRE_COPY" in here.flags and "PRE_COPY" not in there.flags:
        return (diagnostic(Code.NO_PRE_COPY_THERE),)
    return ()


def _not_bound(function: Endpoint) -> Diagnostic:
    bound = f"bound to {function.driver}, not to" if function.driver else "not bound to"
    ids = function.vendor_id, function.device_id
    device = "it" if None in ids else f"{ids[0]}:{ids[1]}"
    return diagnostic(
        Code.NOT_BOUND_TO_VFIO,
        f"{function.address} is {bound} a VFIO driver",
        hint=f"bind it to the variant driver for {device}, or where there is none to "
        "vfio-pci, which cannot migrate it; of a parent device name an mdev type: "
        f"{function.address}/TYPE_ID",
        path=function.path,
    )


def _compares_one_type(destination: Endpoint) -> bool:
    """Whether the destination's attribute is defined for sources of its type only."""
    attribute = destination.attribute
    return (
        attribute is not None
        and attribute.node == "type"
        and attribute.name == MIGRATION_VERSION
    )


def _capacity(destination: Endpoint) -> tuple[Diagnostic, ...]:
    missing = (
        destination.kind == "function"
        and destination.type_id is not None
        and destination.available_instances == 0
        and not destination.in_use
    )
    return (
        (diagnostic(Code.TYPE_NOT_CREATABLE_NOW, path=destination.path),)
        if missing
        else ()
    )


def _not_needed(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    sides = ("source", source), ("destination", destination)
    return tuple(
        diagnostic(
            Code.FACTS_NOT_NEEDED, f"{side}: the facts stated of it were not needed"
        )
        for side, endpoint in sides
        if endpoint.stated and endpoint.version is not None
    )


def attribute_finding(attribute: Attribute, side: str = "") -> Diagnostic:
    """Say of an attribute that gave no string what its code says, and where."""
    assert attribute.code is not None
    code = Code.of(attribute.code)
    suffix = f" ({attribute.errno})" if attribute.errno else ""
    return diagnostic(
        code,
        f"{side}{code.summary}{suffix}",
        errno=attribute.errno,
        path=attribute.path,
    )


def _by_driver(
    source: Endpoint,
    destination: Endpoint,
    answer: Answer,
    judgement: Judgement,
    notes: tuple[Diagnostic, ...],
) -> Decision:
    written = source.exact_bytes() or b""
    code = _write_code(answer, len(written))
    if code == Code.NO_ATTRIBUTE:  # readable but not writable: get_version alone
        summary = "destination: there is no file to write to"
        unwritable = diagnostic(code, summary, path=answer.path)
        return _without_driver(source, destination, judgement, notes, unwritable)
    name = errno_name(answer.errno) if answer.errno else None
    finding = diagnostic(
        code,
        code.summary + (f" ({name})" if name else ""),
        detail=_both_strings(source, destination) if code == Code.REFUSED else None,
        hint="the destination's kernel log may say why"
        if code == Code.REFUSED
        else None,
        errno=name,
        path=answer.path,
    )
    failed = code in COULD_NOT_ASK
    return Decision(
        verdict=_as_of_type(_VERDICT_OF.get(code, "undetermined"), source, destination),
        basis="none" if failed else "driver",
        table=judgement.table,
        diagnostics=(
            finding,
            *_beside(code, judgement),
            *_type_not_known(code, source, destination),
            *notes,
        ),
        failed=failed,
    )


def _as_of_type(verdict: Verdict, source: Endpoint, destination: Endpoint) -> Verdict:
    """Give a driver's verdict, or none where it is about sources of one type only."""
    if verdict == "compatible" and _compares_one_type(destination):
        return verdict if source.type_id is not None else "undetermined"
    return verdict


def _type_not_known(
    code: Code, source: Endpoint, destination: Endpoint
) -> tuple[Diagnostic, ...]:
    """Say why a driver's yes is none."""
    verdict = _VERDICT_OF.get(code, "undetermined")
    if _as_of_type(verdict, source, destination) == verdict:
        return ()
    hint = f"if the source is of that type, add --source-type {destination.type_id}"
    return (diagnostic(Code.SOURCE_TYPE_NOT_KNOWN, hint=hint, path=destination.path),)


# ---- recorded answers ----------------------------------------------------------

_RECORDED = {
    True: Code.RECORDED_YES,
    False: Code.RECORDED_NO,
    None: Code.RECORDED_NEITHER,
}


def recordable(answer: Answer, length: int) -> tuple[bool | None, str | None] | None:
    """Give what to record of a driver's answer: whether it took all of `length` bytes.

    Beside is the errno's name. None where the driver was not asked at all.
    """
    code = _write_code(answer, length)
    if code in COULD_NOT_ASK or code == Code.NO_ATTRIBUTE:
        return None
    accepted = {"compatible": True, "incompatible": False}.get(
        _VERDICT_OF.get(code, "undetermined")
    )
    return accepted, errno_name(answer.errno) if answer.errno else None


def _recorded_answer(source: Endpoint, destination: Endpoint) -> RecordedAnswer | None:
    if not destination.recorded or not is_real(source):
        return None
    return next(
        (each for each in destination.answers if each.version == source.version), None
    )


def _by_record(
    source: Endpoint,
    destination: Endpoint,
    answer: RecordedAnswer,
    judgement: Judgement,
    notes: tuple[Diagnostic, ...],
) -> Decision:
    """Decide by what the destination's driver said when it was asked earlier."""
    code = _RECORDED[answer.accepted]
    age = (
        destination.recorded.ages.get(answer.version) if destination.recorded else None
    )
    asked = f"asked at {answer.asked_at}" + (f", {age}" if age else "")
    finding = diagnostic(
        code,
        code.summary + (f" ({answer.errno})" if answer.errno else ""),
        detail="\n".join([_both_strings(source, destination), asked]),
        errno=answer.errno,
        path=destination.path,
    )
    return Decision(
        verdict=_as_of_type(_VERDICT_OF.get(code, "undetermined"), source, destination),
        basis="recorded",
        table=judgement.table,
        diagnostics=(
            finding,
            *_beside(code, judgement),
            *_type_not_known(code, source, destination),
            *notes,
        ),
    )


def _not_recorded(source: Endpoint, destination: Endpoint) -> list[Diagnostic]:
    """Say of a destination with an attribute why no recorded answer decides."""
    if not destination.recorded or not is_real(source):
        return []
    if destination.attribute is None or destination.attribute.state != "present":
        return []
    why = destination.recorded.rejected_answers.get(source.version or "")
    if why is not None:
        summary = f"the destination's recorded answer is not relied on: {why}"
        return [diagnostic(Code.ANSWER_TOO_OLD, summary, path=destination.path)]
    return [
        diagnostic(
            Code.ANSWER_NOT_RECORDED,
            hint="on the destination's host: vfiocompat scan --ask FLEET, with the "
            "source in FLEET",
            path=destination.path,
        )
    ]


def _beside(code: Code, judgement: Judgement) -> list[Diagnostic]:
    """Give what tables add to a driver's answer: its explanation, or their doubts."""
    if judgement.failed:
        return [_softened(finding) for finding in judgement.findings]
    if code not in _ANSWERS or judgement.table is None:
        return []
    if judgement.verdict == _VERDICT_OF[code]:
        return list(judgement.findings)
    if judgement.verdict == "undetermined":
        return []
    doubt = diagnostic(
        Code.TABLE_DISAGREES,
        f"table {judgement.table} says {judgement.verdict}, the driver says otherwise",
        table=judgement.table,
    )
    return [doubt, *map(_softened, judgement.findings)]


def _softened(finding: Diagnostic) -> Diagnostic:
    """Let what would be an error be a warning, where it does not decide."""
    if finding.severity != "error":
        return finding
    return msgspec.structs.replace(finding, severity="warning")


def _both_strings(source: Endpoint, destination: Endpoint) -> str:
    lines = [f"source       {source.version}"]
    if destination.version is not None:
        lines.append(f"destination  {destination.version}")
    return "\n".join(lines)


def _without_driver(
    source: Endpoint,
    destination: Endpoint,
    judgement: Judgement,
    notes: tuple[Diagnostic, ...],
    *reasons: Diagnostic,
) -> Decision:
    """Decide without a driver's answer; `reasons` say why there is none."""
    found = list(reasons)
    for side, endpoint in (("source", source), ("destination", destination)):
        if endpoint.kind != "literal" and _has_no_attribute(endpoint):
            found.append(_absent(endpoint, f"the {side}"))
    if _has_unknown_parts(source) and not _has_no_attribute(destination):
        found.append(diagnostic(Code.STRING_HAS_UNKNOWN_PARTS))
    found += _not_recorded(source, destination)
    verdict, vendors = _by_vendor(source, destination)
    if vendors is not None:
        return Decision(
            verdict=verdict, basis="none", diagnostics=(vendors, *found, *notes)
        )
    if judgement.verdict != "undetermined":
        found = [msgspec.structs.replace(each, severity="info") for each in found]
    found += _derivations(judgement)
    if judgement.table is None:
        could_ask = question(source, destination) is not None
        hint = "the driver is asked without --table-only" if could_ask else None
        unknown = (
            () if judgement.failed else (diagnostic(Code.NOTHING_DECIDES, hint=hint),)
        )
        found = [*found, *judgement.findings, *unknown]
    else:
        found = [*judgement.findings, *found]
    return Decision(
        verdict=judgement.verdict,
        basis="none" if judgement.table is None else "table",
        table=judgement.table,
        diagnostics=(*found, *notes),
        failed=judgement.failed,
    )


def _derivations(judgement: Judgement) -> list[Diagnostic]:
    sides = ("source", judgement.source), ("destination", judgement.destination)
    return [
        diagnostic(
            Code.STRING_DERIVED,
            f"the {side}'s string is derived from facts",
            detail=text,
        )
        for side, text in sides
        if text is not None
    ]


def _by_vendor(
    source: Endpoint, destination: Endpoint
) -> tuple[Verdict, Diagnostic | None]:
    """Compare whose the two are, where both vendors are known."""
    ids = source.vendor, destination.vendor
    if ids[0] is None or ids[1] is None:
        return "undetermined", None
    same = ids[0].same_vendor(ids[1])
    if same is True:
        return "undetermined", None
    detail = "\n".join(
        f"{side:<11}  {vendor.id} ({vendor.namespace}, written {vendor.spelling})"
        for side, vendor in zip(("source", "destination"), ids, strict=True)
        if vendor is not None
    )
    if same is None:
        return "undetermined", diagnostic(Code.VENDOR_UNCLEAR, detail=detail)
    return "incompatible", diagnostic(Code.VENDOR_DIFFERS, detail=detail)


def _absent(endpoint: Endpoint, side: str) -> Diagnostic:
    summary = f"{side or endpoint.address} has no version attribute"
    return diagnostic(Code.NO_ATTRIBUTE, summary, path=endpoint.path)


def _has_no_attribute(endpoint: Endpoint) -> bool:
    return endpoint.attribute is None or endpoint.attribute.state == "absent"


def _has_unknown_parts(source: Endpoint) -> bool:
    return source.kind == "literal" and "?" in (source.version or "")
