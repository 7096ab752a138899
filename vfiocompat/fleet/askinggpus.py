# SPDX-License-Identifier: Apache-2.0
"""Asking NVIDIA's library ahead of time, about the vGPUs of a fleet."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.decision.gpus import gpu_question, recordable_comparison, to_compare
from vfiocompat.decision.nvml import UNUSABLE, same_vgpu_type
from vfiocompat.endpoints import Problem, RecordedAnswer, Thing
from vfiocompat.nvidia.placing import on_gpus
from vfiocompat.times import moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.sysfs import Host
    from vfiocompat.inventory import Inventory
    from vfiocompat.nvidia.compatibility import Compared

__all__ = ["ask_gpus", "without_unwanted"]

_Question = tuple[str, str]
"""The metadata of a vGPU and of a GPU."""


def ask_gpus(
    inventory: Inventory,
    vgpus: Sequence[Endpoint],
    host: Host,
    now: float,
    limit: int | None = None,
) -> Inventory:
    """Ask whether a host's GPUs load vGPUs, and record that of what could be these.

    Those are the endpoints on a GPU that nobody uses, and that are not of another type.
    What has an answer is not asked again, unless that was neither yes nor no: such is
    asked after all others. `limit` bounds the questions, as in `choose`.
    """
    ends = on_gpus(inventory.endpoints, inventory.gpus or ())
    places = _in_order(ends, vgpus)
    asked = [*places][:limit]
    replies = host.compare(asked) if asked else None
    found: dict[int, dict[Thing, RecordedAnswer]] = defaultdict(dict)
    problems: dict[Problem, None] = {}
    for question, compared in zip(asked, replies or (), strict=False):
        code = compared.error and compared.error.code
        if code in UNUSABLE:
            break  # and so it is for all others
        if code == codes.NVML_NOT_PERMITTED:
            problems[Problem("NVIDIA's library", "ask", None, code)] = None
            continue
        answer = _recorded(question, compared, now)
        for at in places[question]:
            found[at][answer.thing] = answer
    endpoints = list(inventory.endpoints)
    for at, new in found.items():
        others = [each for each in endpoints[at].answers if each.thing not in new]
        answers = (*others, *new.values())
        endpoints[at] = msgspec.structs.replace(endpoints[at], answers=answers)
    return msgspec.structs.replace(
        inventory, endpoints=endpoints, problems=[*inventory.problems, *problems]
    )


def _in_order(
    endpoints: Sequence[Endpoint], vgpus: Iterable[Endpoint]
) -> dict[_Question, dict[int, None]]:
    """Give the questions to ask, and the places of the endpoints that each is about."""
    by_gpu: dict[str, list[int]] = defaultdict(list)
    for at, each in enumerate(endpoints):
        if each.gpu_metadata and not each.in_use:
            by_gpu[each.gpu_metadata].append(at)
    new: dict[_Question, dict[int, None]] = defaultdict(dict)
    again: dict[_Question, dict[int, None]] = defaultdict(dict)
    for vgpu in vgpus:
        for places in by_gpu.values():
            question = to_compare(vgpu, endpoints[places[0]])
            if question is None:
                continue
            about = gpu_question(*question)
            for at in places:
                known = [
                    each.accepted
                    for each in endpoints[at].answers
                    if each.thing == ("gpu", about)
                ]
                if {True, False} & {*known} or at in new.get(question, ()):
                    continue
                if same_vgpu_type(vgpu, endpoints[at]) is not False:
                    (again if known else new)[question][at] = None
    for asked, of in again.items():
        new[asked] |= of
    return dict(new)


def _recorded(question: _Question, compared: Compared, now: float) -> RecordedAnswer:
    accepted, limits, left = recordable_comparison(compared)
    return RecordedAnswer(
        None,
        accepted,
        None,
        moment(now),
        channel="nvml",
        question=gpu_question(*question),
        limits=limits,
        left=left,
    )


def without_unwanted(inventory: Inventory, vgpus: Collection[str]) -> Inventory:
    """Leave out answers of GPUs about metadata that none of some vGPUs has."""
    metadata = {gpu.address: gpu.metadata for gpu in inventory.gpus or ()}
    known: dict[str | None, set[str]] = {}
    endpoints = list(inventory.endpoints)
    for at, endpoint in enumerate(endpoints):
        if not any(each.is_of_gpu for each in endpoint.answers):
            continue
        gpu = metadata.get(endpoint.gpu or "")
        if gpu not in known:
            asked = () if gpu is None else (gpu_question(vgpu, gpu) for vgpu in vgpus)
            known[gpu] = set(asked)
        kept = tuple(
            each
            for each in endpoint.answers
            if not each.is_of_gpu or each.question in known[gpu]
        )
        endpoints[at] = msgspec.structs.replace(endpoint, answers=kept)
    return msgspec.structs.replace(inventory, endpoints=endpoints)
