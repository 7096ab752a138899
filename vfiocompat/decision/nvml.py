# SPDX-License-Identifier: Apache-2.0
"""What NVIDIA's driver says of a vGPU and a GPU, and what that decides.

It compares metadata: of the vGPU that is the source, and of the GPU that the
destination is on. Its yes is about the drivers and the GPU. It is not about the vGPU's
type, nor about the framework, the platform and ECC memory: a table decides these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.decision.decisions import Decision
from vfiocompat.decision.gpus import metadata_of, waits_for_guest
from vfiocompat.decision.notes import beside_answer, derivations, softened
from vfiocompat.diagnostics import Diagnostic, both_ends, diagnostic
from vfiocompat.nvidia.compatibility import Compared, Compatibility
from vfiocompat.verdicts import Beyond

if TYPE_CHECKING:
    from vfiocompat.codes import Code
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.nvidia.compatibility import Left, Limit
    from vfiocompat.verdicts import Basis, Judgement, Verdict

__all__ = [
    "NOT_COMPARED",
    "UNUSABLE",
    "GpuAsked",
    "by_nvml",
    "same_vgpu_type",
]


class GpuAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a source's vGPU and a destination's GPU, beside their metadata.

    `compared` is what the driver said of these, None where nobody asked it; `then` says
    when, if that was earlier. `beside` is what tables say of all that a yes is not
    about.
    """

    compared: Compared | None = None
    then: str | None = None
    beside: Beyond | None = None

    @property
    def basis(self) -> Basis:
        """What a decision rests on that goes by what the driver said."""
        return "driver" if self.then is None else "recorded"


NOT_COMPARED = GpuAsked()
"""What is known of a pair that is not a vGPU and a GPU."""


# ---- what it decides -----------------------------------------------------------------

UNUSABLE = frozenset(
    {
        codes.NVML_ABSENT,
        codes.NVML_NO_BINDING,
        codes.NVML_NO_DRIVER,
        codes.NVML_LACKS_FUNCTION,
    }
)
"""Codes of a library that cannot be asked on this host: as if there were none."""


def by_nvml(
    source: Endpoint, destination: Endpoint, asked: GpuAsked, judgement: Judgement
) -> Decision | None:
    """Decide a pair by what NVIDIA's driver says; None where it says nothing.

    `judgement` is what tables say of the pair.
    """
    vgpu, gpu = metadata_of(source, destination)
    if vgpu is None or gpu is None:
        return None
    if waits_for_guest(vgpu):
        waits = diagnostic(
            codes.GUEST_NOT_READY,
            hint="ask again when the guest has loaded its driver; till then the VM may "
            "be shut down and started elsewhere",
        )
        return _open(waits, "none", judgement)
    if asked.compared is None:
        return None
    if asked.compared.found is not None:
        found = _by_answer(asked.compared.found, source, destination, asked, judgement)
    elif asked.compared.error is None or asked.compared.error.code in UNUSABLE:
        return None
    else:
        found = _without_answer(asked.compared.error, asked.basis, judgement)
    return found if found.failed else msgspec.structs.replace(found, channel="nvml")


def _without_answer(error: ErrorRecord, basis: Basis, judgement: Judgement) -> Decision:
    if error.code == codes.NVML_NOT_PERMITTED:
        denied = diagnostic(error.code, error.summary, hint="run it as root")
        return Decision(
            verdict="undetermined", basis="none", diagnostics=(denied,), failed=True
        )
    nothing = diagnostic(
        codes.NVML_NOT_ANSWERED,
        f"NVIDIA's driver said neither yes nor no: {error.summary}",
        detail=error.detail,
        hint=error.hint,
    )
    return _open(nothing, basis, judgement)


def _open(finding: Diagnostic, basis: Basis, judgement: Judgement) -> Decision:
    """Leave a pair open, but where a table refuses it."""
    if judgement.verdict != "incompatible":
        return Decision(
            verdict="undetermined",
            basis=basis,
            table=judgement.table,
            diagnostics=(finding,),
        )
    found = (*judgement.findings, finding, *derivations(judgement))
    return Decision(
        verdict="incompatible",
        basis="table",
        table=judgement.table,
        diagnostics=found,
    )


def _by_answer(
    found: Compatibility,
    source: Endpoint,
    destination: Endpoint,
    asked: GpuAsked,
    judgement: Judgement,
) -> Decision:
    if not found.is_live:
        findings = _refusals(found, source, destination, asked.then)
        verdict: Verdict = "incompatible"
        table = beside_answer(findings[0].code, judgement)
    else:
        taken = diagnostic(codes.NVML_TAKES, detail=asked.then)
        verdict, rest = _beside(source, destination, asked.beside)
        if asked.beside is None and verdict == "undetermined":
            rest += map(softened, judgement.findings)  # why no table decides
        findings = [taken, *rest]
        doubted = any(each.code == codes.TABLE_DISAGREES for each in rest)
        is_told = doubted or verdict == judgement.verdict == "incompatible"
        table = [] if is_told else beside_answer(taken.code, judgement)
    return Decision(
        verdict=verdict,
        basis=asked.basis,
        table=judgement.table,
        diagnostics=tuple(dict.fromkeys((*findings, *table, *derivations(judgement)))),
    )


# ---- a no ----------------------------------------------------------------------------

_LIMITS: dict[Limit, tuple[Code, str, tuple[str, str]]] = {
    "host-driver": (
        codes.LIMITED_BY_HOST_DRIVER,
        "needs a destination whose host driver takes what the source's one sends",
        ("manager", "manager"),
    ),
    "guest-driver": (
        codes.LIMITED_BY_GUEST_DRIVER,
        "needs a driver in the guest that the destination's host driver takes",
        ("guest", "range"),
    ),
    "gpu": (
        codes.LIMITED_BY_GPU,
        "needs a destination with a GPU as the source's, set up alike",
        ("gpu_name", "gpu_name"),
    ),
    "other": (
        codes.LIMITED_OTHERWISE,
        "the kernel's log of the hosts may say why",
        ("", ""),
    ),
}
"""Of each limit its code, what to do, and which facts of both sides show it."""

_LEFT: dict[Left, str] = {
    "cold": "shut down",
    "hibernate": "hibernated",
    "sleep": "asleep",
}


def _refusals(
    found: Compatibility, source: Endpoint, destination: Endpoint, then: str | None
) -> list[Diagnostic]:
    """Say for what the driver refuses the vGPU, and once what is left of the VM."""
    left = _left_words(found.left) + (f"; {then}" if then else "")
    findings: list[Diagnostic] = []
    for limit in found.limits:
        code, hint, facts = _LIMITS[limit]
        shown = source.facts.get(facts[0]), destination.facts.get(facts[1])
        detail = None if findings else left
        spans = both_ends(*shown)
        findings.append(diagnostic(code, detail=detail, hint=hint, spans=spans))
    return findings


def _left_words(left: tuple[Left, ...]) -> str:
    if not left:
        return "the VM cannot be moved there in any state"
    *some, last = [_LEFT[each] for each in left]
    words = f"{', '.join(some)} or {last}" if some else last
    return f"the VM can be moved there while it is {words}"


# ---- what a yes is not about ---------------------------------------------------------


_TABLES = "'vfiocompat tables list' shows the tables of this driver"


def _beside(
    source: Endpoint, destination: Endpoint, beside: Beyond | None
) -> tuple[Verdict, list[Diagnostic]]:
    """Say what is left of a yes, by the types and by what tables decide beside it."""
    same = same_vgpu_type(source, destination)
    names = both_ends(_name(source), _name(destination))
    if same is False:
        hint = f"needs a destination of the type {_name(source) or source.type_id}"
        found = diagnostic(codes.VGPU_TYPE_DIFFERS, hint=hint, spans=names)
        return "incompatible", [found]
    findings = [] if beside is None else list(map(softened, beside.findings))
    findings = [each for each in findings if each.severity != "info"]
    verdict: Verdict = "compatible"
    if beside is not None and any(map(_fails, beside.findings)):
        verdict = "undetermined"
        doubt = "NVIDIA's driver says yes, and does not look at what a table doubts"
        findings.insert(0, diagnostic(codes.TABLE_DISAGREES, doubt))
    if beside is None:  # several tables, or a broken one: it might have said no
        verdict = "undetermined"
        nobody = (
            "NVIDIA's driver says yes, and no table decides what it does not look at: "
            "framework, platform and ECC memory"
        )
        findings.append(diagnostic(codes.NOTHING_DECIDES, nobody, hint=_TABLES))
    if same is None:
        verdict = "undetermined"
        hint = "nvidia-smi vgpu -q names the types of vGPUs that run"
        findings.insert(
            0, diagnostic(codes.VGPU_TYPE_NOT_KNOWN, hint=hint, spans=names)
        )
    return verdict, findings


def _fails(finding: Diagnostic) -> bool:
    """Whether something does not hold, and is not only unknown."""
    return finding.severity == "error" or finding.code == codes.LEFT_OPEN


def same_vgpu_type(source: Endpoint, destination: Endpoint) -> bool | None:
    """Whether two endpoints are of one vGPU type; None where that is not known.

    They are if their whole names are alike. Numbers are local to a board, so these are
    compared on boards of the same ids only; there another spelling of the name, as of
    another version of the driver, is none of another type.
    """
    if _is_of_two(source) or _is_of_two(destination):
        return None
    names = _name(source), _name(destination)
    if None not in names:
        if names[0] == names[1]:
            return True
        if _last_word(names[0]) != _last_word(names[1]):
            return False
    numbers = _number(source), _number(destination)
    if None not in numbers and _is_same_board(source, destination):
        return numbers[0] == numbers[1]
    return None if None in names else False


def _is_same_board(source: Endpoint, destination: Endpoint) -> bool:
    ids = [
        tuple(each.known.get(name) for name in ("device_id", "subsystem_device_id"))
        for each in (source, destination)
    ]
    return ids[0] == ids[1] and None not in ids[0]


def _name(endpoint: Endpoint) -> str | None:
    name = next(filter(None, map(endpoint.told, _NAMES)), None)
    return " ".join(name.split()) or None if name else None


_NAMES = ("vgpu_type_name", "type_name")


def _is_of_two(endpoint: Endpoint) -> bool:
    """Whether what names its type names two: of which it is nobody knows."""
    texts = filter(None, map(endpoint.told, _NAMES))
    return len({text.split()[-1] for text in texts if text.strip()}) > 1


def _last_word(name: str | None) -> str:
    return (name or "").rpartition(" ")[2]


def _number(endpoint: Endpoint) -> str | None:
    """Give a type's number: mdev types have it behind the driver's name."""
    return endpoint.type_id and endpoint.type_id.removeprefix("nvidia-")
