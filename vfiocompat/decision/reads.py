# SPDX-License-Identifier: Apache-2.0
"""What a decision reads of an endpoint: this is the one place that says it.

Endpoints with equal reads have the same verdict with any third, on the same basis, by
the same table and with the same codes. Only words differ: those that name addresses,
hosts and ages. So what is alike is decided once, and a driver is asked once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from vfiocompat.decision.errnos import attribute_code
from vfiocompat.decision.notes import is_full, stated_of_pair
from vfiocompat.endpoints import (
    MIGRATION_VERSION,
    OWN_FACTS,
    Endpoint,
    Head,
    RecordedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vfiocompat.endpoints import Attribute, Recorded

__all__ = [
    "Reads",
    "answers_read",
    "head_rests_on",
    "question_reads",
    "reads",
    "reads_recorded",
    "rests_on",
    "standing",
    "vgpu_reads",
]

Values = tuple[Any, ...]
Reads = tuple[str | None, str | None, Values | None, Values | None, Values]
"""What a decision reads: string, type, facts, recorded answers, and all the rest.

Facts are what tables make a string of, a head too, and what is stated; None where
nothing of that is read.
The rest depends neither on the string nor on the type, nor on what was recorded of it.
"""


def reads(endpoint: Endpoint, names: Sequence[str]) -> Reads:
    """Tell what a decision reads of an endpoint of this host, or of `recorded`.

    `names` are the facts that matter: those that tables read where it has no string,
    and those that are read whatever it has.
    """
    known = endpoint.recorded
    if not known:
        return reads_recorded(endpoint, names, None)
    rejected = known.rejected_answers
    answers = tuple(
        _answer_read(each, each.about not in rejected) for each in endpoint.answers
    )
    outdated = known.rejected is not None
    changed = known.changed
    return reads_recorded(endpoint, names, outdated, answers or None, changed)


def reads_recorded(
    endpoint: Endpoint,
    names: Sequence[str],
    outdated: bool | None,  # noqa: FBT001 - this is called a million times
    answers: Values | None = None,
    changed: Values = (),
) -> Reads:
    """Tell the same of an endpoint as its inventory has it.

    `outdated` says whether that is too old, None for an endpoint of this host;
    `answers` are `answers_read`; `changed` may have changed since its head was read.
    """
    attribute = endpoint.attribute
    version = endpoint.version
    facts: Values | None = None
    head = endpoint.head
    # As `_names`, without its call.
    of_vgpu = endpoint.vgpu_metadata or None, endpoint.gpu_metadata or None
    if of_vgpu != _NO_METADATA:
        names = (*names, *_OF_VGPU_TYPE)
    if version is None or names or endpoint.stated or head:
        facts = _facts(endpoint, names)
    return (
        version,
        endpoint.type_id,
        facts,
        answers,
        (
            endpoint.driver,
            endpoint.device_api,
            endpoint.vfio,
            endpoint.migration,
            (
                attribute.name,
                attribute.state,
                # As `answers_for_its_type`, without its call.
                attribute.name == MIGRATION_VERSION
                and attribute.node != "device"
                and endpoint.kind != "function",
                attribute.state == "unreadable"
                and attribute_code(attribute, recorded=outdated is not None),
                attribute.errno,
            )
            if attribute is not None
            else endpoint.kind == "literal",
            endpoint.available_instances == 0 and is_full(endpoint),
            outdated,
            (changed,) if head else None,
            *of_vgpu,
        ),
    )


_NO_METADATA = (None, None)
_OF_VGPU_TYPE = ("vgpu_type_name", "type_name", "device_id", "subsystem_device_id")
"""Facts that tell whether vGPU types are one, and whether boards are."""


def _names(endpoint: Endpoint, names: Sequence[str]) -> Sequence[str]:
    """Give the facts that matter: of a vGPU, and a GPU, some whatever tables read."""
    has = endpoint.vgpu_metadata or endpoint.gpu_metadata
    return (*names, *_OF_VGPU_TYPE) if has else names


def _facts(endpoint: Endpoint, names: Sequence[str]) -> Values | None:
    read = endpoint.version is None or names
    stated = stated_of_pair(endpoint, names)
    if not read and not stated and not endpoint.head:
        return None
    facts = endpoint.facts
    return (
        (endpoint.vendor_id or endpoint.is_pci) if read else None,
        *[
            facts.get(name) or (endpoint.own(name) if name in OWN_FACTS else None)
            for name in names
        ],
        *sorted(stated.items()),
        (endpoint.head.data,) if endpoint.head else None,
    )


def _node(endpoint: Endpoint, attribute: Attribute) -> str | None:
    """Give whose directory has an attribute, where a decision asks for that."""
    if attribute.name != MIGRATION_VERSION:
        return None
    return "type" if endpoint.answers_for_its_type else "device"


def answers_read(
    answers: Iterable[RecordedAnswer], counts: Callable[[str], object]
) -> Values:
    """Tell what a decision reads of recorded answers.

    `counts` says of the time when one was given whether it is to be relied on, or what
    else of it is read.
    """
    return tuple([_answer_read(each, counts(each.asked_at)) for each in answers])


def _answer_read(answer: RecordedAnswer, counts: object) -> Values:
    return (
        answer.channel or "attribute",
        answer.about,
        answer.is_of_head,
        answer.accepted,
        answer.errno,
        counts,
        answer.limits,
    )


def standing(
    endpoint: Endpoint,
    names: Sequence[str],
    recorded: Recorded,
    answers: tuple[RecordedAnswer, ...],
) -> Endpoint:
    """Make the endpoint that stands for all with equal reads: nothing is its own.

    `names` are as for `reads`; `recorded` and `answers` are what it has of these.
    """
    names = _names(endpoint, names)
    derives = endpoint.version is None
    known = endpoint.known
    attribute = endpoint.attribute
    full = is_full(endpoint)
    return Endpoint(
        kind=endpoint.kind,
        address="",
        parent=None if endpoint.vendor_id else endpoint.parent,  # for `is_pci`
        type_id=endpoint.type_id,
        driver=endpoint.driver,
        vendor_id=endpoint.vendor_id if names or derives else None,
        device_api=endpoint.device_api,
        available_instances=0 if full else None,
        facts={name: known[name] for name in names if name in known},
        stated=stated_of_pair(endpoint, names),
        attribute=attribute
        and msgspec.structs.replace(
            attribute,
            path=None,
            node=_node(endpoint, attribute),
            code=attribute_code(attribute, recorded=True),
        ),
        migration=endpoint.migration,
        version=endpoint.version,
        origin=None if derives else "recorded",
        answers=tuple(map(_as_read, answers)),
        vfio=endpoint.vfio,
        head=_head_as_read(endpoint.head) if endpoint.head else msgspec.UNSET,
        vgpu_metadata=endpoint.vgpu_metadata,
        gpu_metadata=endpoint.gpu_metadata,
        recorded=recorded,
    )


def _as_read(answer: RecordedAnswer) -> RecordedAnswer:
    """Give an answer without who gave it, which only scans look at."""
    return RecordedAnswer(
        answer.version,
        answer.accepted,
        answer.errno,
        answer.asked_at,
        answer.channel,
        answer.question if answer.version is None else None,
        answer.limits,
        left=answer.left,
    )


def _head_as_read(head: Head) -> Head:
    """Give a head without who wrote it, beside its driver, and when."""
    return Head(
        data=head.data,
        driver=head.driver,
        srcversion=None,
        build_id=None,
        kernel=None,
        boot_id=None,
        taken_at="",
    )


def question_reads(source: Endpoint) -> Values:
    """Tell what of a source a question to a driver depends on, and whether it is put.

    Beside its exact bytes these are what preconditions read.
    """
    return (
        source.version,
        source.newline,
        source.device_api,
        source.type_id,
        source.vfio,
        source.migration and source.migration.interface,
        source.vgpu_metadata or None,
    )


def vgpu_reads(vgpu: Endpoint) -> Values:
    """Tell what of a vGPU a question to NVIDIA's library, and its yes, depend on."""
    return (vgpu.vgpu_metadata, vgpu.type_id, *map(vgpu.told, _OF_VGPU_TYPE))


_OF_DEVICE = (
    "vendor_id",
    "device_id",
    "subsystem_vendor_id",
    "subsystem_device_id",
    "revision",
    "type_name",
    "type_description",
    "vgpu_type_name",
)
"""Facts that tell one device, or type, from another in its place."""


def rests_on(endpoint: Endpoint) -> Values | None:
    """Tell what an endpoint's recorded answers rest on, beside its host and its kernel.

    None where nothing tells one module of its driver from another: it may be one now
    that would answer otherwise.
    """
    module = endpoint.facts.get("module_version"), endpoint.build or None
    if module == (None, None):
        return None
    attribute = endpoint.attribute
    return (
        endpoint.version,
        endpoint.driver,
        module,
        endpoint.type_id,
        endpoint.vendor_id,
        endpoint.device_id,
        *map(endpoint.facts.get, _OF_DEVICE),
        endpoint.device_api,
        attribute and (attribute.name, attribute.state, attribute.path),
    )


def head_rests_on(endpoint: Endpoint) -> Values:
    """Tell what a head, and answers to heads, rest on beside the host's boot.

    The build of the driver is told by themselves.
    """
    return (
        endpoint.driver,
        endpoint.parent,
        endpoint.type_id,
        endpoint.vendor_id,
        endpoint.device_id,
        endpoint.device_api,
        sorted(endpoint.facts.items()),
    )
