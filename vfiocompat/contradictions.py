# SPDX-License-Identifier: Apache-2.0
"""What an endpoint of a file tells of itself that cannot be, and what of it counts."""

from __future__ import annotations

import math
import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import msgspec

from vfiocompat.endpoints import ATTRIBUTE_NAMES, OWN_FACTS, attribute_names
from vfiocompat.nvidia.gpus import Gpu, Vgpu
from vfiocompat.nvidia.told import facts_of_gpu, facts_of_vgpu
from vfiocompat.nvidia.vgpus import framework
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vfiocompat.endpoints import (
        Attribute,
        Endpoint,
        EndpointKind,
        Facts,
        Head,
        RecordedAnswer,
        Thing,
    )
    from vfiocompat.times import Horizon

__all__ = [
    "KINDS",
    "answers_that_count",
    "changed",
    "contradiction",
    "contradiction_of_gpus",
    "identified_by_facts",
    "own_facts",
]

_OURS = {None, "attribute"}
"""Channels of answers that an attribute gave: None was written before others were."""

_UNKNOWN = "?"  # what an operator has not filled in
_HEAD = re.compile("(?:[0-9a-f]{2}){1,4096}")  # the longest is tables' MAX_HEAD
_SHA256 = re.compile("[0-9a-f]{64}")
_TYPES = "mdev_supported_types"
KINDS: set[EndpointKind] = {"type", "mdev", "function"}
_NAMES = {kind: {None, *attribute_names(kind)} for kind in KINDS}
_NODES = {
    ("type", "type"),
    ("mdev", "device"),
    ("mdev", "type"),
    ("function", "device"),
}
"""Whose an attribute can be, by the kind of the endpoint."""


def contradiction(endpoint: Endpoint) -> str | None:
    """Say what an endpoint tells of itself that cannot be, if it does."""
    for answer in endpoint.answers:
        if what := _contradiction_of(answer, endpoint):
            return f"answers: {what}"
    for key, facts in (("facts", endpoint.facts), ("stated", endpoint.stated)):
        flags = facts.get("migration_flags", "STOP_COPY")
        if "STOP_COPY" not in flags.split(","):
            return f"{key}: migration_flags: {flags!r} has no STOP_COPY"
    return (
        _contradiction_of_head(endpoint)
        or _contradiction_of_address(endpoint)
        or _contradiction_of_attribute(endpoint)
        or _contradiction_of_facts(endpoint)
    )


def _contradiction_of_head(endpoint: Endpoint) -> str | None:
    """Say what an endpoint tells of the head of its stream that cannot be."""
    head = endpoint.head
    if not head:
        return None
    if endpoint.kind == "type":
        return "head: a type has no migration stream"
    if not _HEAD.fullmatch(head.data):
        return "head.data: is not 1 to 4096 bytes in small hexadecimal digits"
    if head.driver is None or head.driver != _driver(endpoint):
        return f"head.driver: {head.driver!r} is not the endpoint's"
    if timestamp(head.taken_at) is None:
        return f"head.taken_at: {head.taken_at!r} is no time with a zone"
    return None


def _driver(endpoint: Endpoint) -> str | None:
    return endpoint.driver or endpoint.facts.get("driver")


def _contradiction_of_address(endpoint: Endpoint) -> str | None:
    """Say what an endpoint tells beside its address that cannot be."""
    address, kind = endpoint.address, endpoint.kind
    if kind == "mdev":
        other = endpoint.uuid not in {None, address}
        return f"uuid: {endpoint.uuid!r} is not its address" if other else None
    parent, slash, type_id = address.partition("/")
    if (kind == "type" or slash) and endpoint.type_id not in {None, type_id}:
        return f"type_id: {endpoint.type_id!r} is not that of its address"
    if kind == "type" and endpoint.parent not in {None, parent}:
        return f"parent: {endpoint.parent!r} is not that of its address"
    return None


def _contradiction_of_attribute(endpoint: Endpoint) -> str | None:
    """Say what an endpoint tells of its attribute that cannot be."""
    attribute, kind = endpoint.attribute, endpoint.kind
    if attribute is None or attribute.state == "absent":
        holds = "version: there is no attribute that holds it"
        return None if endpoint.version is None else holds
    if attribute.state == "unreadable" and endpoint.version is not None:
        return "version: its attribute could not be read"
    if attribute.state == "present" and (attribute.errno or attribute.stage):
        return "attribute: one that could be read has an errno"
    if attribute.node is not None and (kind, attribute.node) not in _NODES:
        nodes = sorted(node for each, node in _NODES if each == kind)
        return f"attribute.node: is not {' or '.join(nodes)}"
    if attribute.name not in _NAMES[kind]:
        return f"attribute.name: a {kind} has none of {attribute.name!r}"
    return _contradiction_of_path(attribute, endpoint.type_id)


def _contradiction_of_path(attribute: Attribute, type_id: str | None) -> str | None:
    """Say what an attribute's path tells that cannot be."""
    path = attribute.path or ""
    name = path.rpartition("/")[2]
    if name in ATTRIBUTE_NAMES and name != attribute.name:
        return f"attribute.path: is not one of {attribute.name!r}"
    if _TYPES in path and (of := path.split("/")[-3:-1])[0] == _TYPES:
        if attribute.node == "device":
            return "attribute.node: is not type, as its path has it"
        if type_id not in {None, of[1]}:
            return f"attribute.path: is not one of the type {type_id!r}"
    return None


def _contradiction_of_facts(endpoint: Endpoint) -> str | None:
    """Say which fact is not what the endpoint itself says of it."""
    fact = endpoint.facts.get
    if (
        fact("vendor_id") == endpoint.vendor_id
        and fact("device_id") == endpoint.device_id
        and fact("driver") == endpoint.driver
        and fact("type_id") == endpoint.type_id
        and fact("vgpu_type") is None
        and fact("framework") is None
        and not endpoint.stated
    ):
        return None  # as it is a million times
    for name, own in own_facts(endpoint).items():
        for key, facts in (("facts", endpoint.facts), ("stated", endpoint.stated)):
            said = facts.get(name)
            if said and said != _UNKNOWN and _plain(said) != _plain(own):
                return f"{key}.{name}: {said!r}, and the endpoint's is {own!r}"
    return None


def own_facts(endpoint: Endpoint) -> Facts:
    """Give the facts that an endpoint tells outside of its facts."""
    told = {name: endpoint.own(name) for name in OWN_FACTS} | {
        "vgpu_type": endpoint.type_id if endpoint.kind == "function" else None,
        "framework": framework(endpoint.kind),
    }
    return {name: text for name, text in told.items() if text is not None}


def identified_by_facts(endpoint: Endpoint) -> Endpoint:
    """Give an endpoint the ids and the driver that only facts or statements tell.

    Of what is not known any table may speak. Ids are written as sysfs has them then:
    they are compared as texts, and a person may write them otherwise.
    """
    vendor_id = _in_sysfs(endpoint.told("vendor_id"))
    device_id = _in_sysfs(endpoint.told("device_id"))
    driver = endpoint.told("driver")
    if (
        vendor_id == endpoint.vendor_id
        and device_id == endpoint.device_id
        and driver == endpoint.driver
    ):
        return endpoint
    return msgspec.structs.replace(
        endpoint, vendor_id=vendor_id, device_id=device_id, driver=driver
    )


_ID = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,8})")


@lru_cache(maxsize=1 << 10)
def _in_sysfs(text: str | None) -> str | None:
    """Write an id as sysfs does (drivers/pci/pci-sysfs.c); leave what is none."""
    found = _ID.fullmatch(text or "")
    return text if found is None else f"0x{int(found[1], 16):04x}"


def _plain(text: str) -> str:
    """Give a value as it is compared: a person may leave out the 0x of an id."""
    return text.lower().removeprefix("0x")


def contradiction_of_gpus(
    endpoints: Sequence[Endpoint], gpus: Iterable[Gpu]
) -> str | None:
    """Say which GPU is there twice, or which endpoint tells of its one what is not."""
    told: dict[str, Facts] = {}
    for number, gpu in enumerate(gpus):
        if gpu.address in told:
            return f"gpus[{number}].address: {gpu.address} is there twice"
        told[gpu.address] = facts_of_gpu(gpu)
    for number, each in enumerate(endpoints):
        if not each.gpu:
            continue  # as it is a million times
        vgpu = Vgpu(gpu=each.gpu, metadata=each.vgpu_metadata or None)
        for name, own in (told.get(each.gpu, {}) | facts_of_vgpu(vgpu)).items():
            said = each.facts.get(name)
            if said and said != own:
                where = f"endpoints[{number}].facts.{name}"
                return f"{where}: {said!r}, and NVIDIA's library said {own!r}"
    return None


def _contradiction_of(answer: RecordedAnswer, endpoint: Endpoint) -> str | None:
    """Say what an answer tells of itself that cannot be."""
    if answer.channel in _OURS and endpoint.lacks_attribute:
        return "there is no attribute that gave one"
    if answer.accepted and answer.errno is not None:
        return "one that was accepted has an errno"
    if answer.accepted and answer.limits:
        return "one that was accepted has limits"
    if answer.version is None:
        return _contradiction_of_question(answer, endpoint)
    if answer.question is not None and not _is_about(answer):
        return "one has a question that is not its version"
    return None


def _contradiction_of_question(
    answer: RecordedAnswer, endpoint: Endpoint
) -> str | None:
    """Say what an answer about something else than a string tells that cannot be."""
    if answer.is_of_gpu and not _SHA256.fullmatch(answer.question or ""):
        return "one of NVML has no question, a SHA-256 in small digits"
    if not answer.is_of_head:
        ours = answer.channel in _OURS
        return "one of the attribute is about no version" if ours else None
    if not _SHA256.fullmatch(answer.question or ""):
        return "one of the stream has no question, a SHA-256 in small digits"
    if endpoint.kind == "type":
        return "a type has no migration stream"
    if answer.driver not in {None, _driver(endpoint)}:
        return f"one of the stream is of {answer.driver!r}, not of the driver"
    return None


def _is_about(answer: RecordedAnswer) -> bool:
    """Whether an answer's question is its version."""
    import hashlib  # noqa: PLC0415 - costs start-up time, and few files need it

    asked = hashlib.sha256((answer.version or "").encode()).hexdigest()
    return answer.question is not None and answer.question.lower() == asked


# ---- several answers about one thing ------------------------------------------------


def answers_that_count(
    answers: tuple[RecordedAnswer, ...], horizon: Horizon
) -> tuple[RecordedAnswer, ...]:
    """Give of several answers about one thing the one that counts.

    What is about none that is known here is for a later program. Only `horizon` tells
    which of the times have not come yet.
    """
    if len({each.version for each in answers if each.channel in _OURS}) == len(answers):
        return answers
    said: dict[Thing, list[RecordedAnswer]] = {}
    for each in answers:
        if each.version is not None or each.is_of_head or each.is_of_gpu:
            said.setdefault(each.thing, []).append(each)
    weight = partial(_weight, horizon=horizon)
    found = [_that_counts(sorted(each, key=weight)) for each in said.values()]
    return tuple(filter(None, found))


def _that_counts(answers: Sequence[RecordedAnswer]) -> RecordedAnswer | None:
    """Choose from answers about one thing, by weight, if one of them says anything.

    Of each channel the latest counts, of channels any no, else that of the attribute.
    A yes of another channel about a string is none here: that is for a later program to
    weigh. About a head only the stream says anything, about a GPU only NVML.
    """
    latest: dict[str, RecordedAnswer] = {}
    for each in answers:
        latest["attribute" if each.channel in _OURS else each.channel or ""] = each
    if answers[0].is_of_head or answers[0].is_of_gpu:
        return answers[-1]
    noes = [each for each in latest.values() if each.accepted is False]
    if noes:
        return max(noes, key=answers.index)
    if "attribute" in latest:
        return latest["attribute"]
    return next((each for each in latest.values() if each.accepted is None), None)


def _weight(answer: RecordedAnswer, horizon: Horizon) -> tuple[float, int]:
    """Say which of several answers counts, the greatest one.

    The latest does. At one moment a no beats one that was neither, and that a yes. One
    whose time cannot be read, or has not come yet, may be the latest or not: a yes
    counts least then, and others most, so that no yes rests on it.
    """
    then = timestamp(answer.asked_at)
    if then is None or horizon.is_future(then):
        then = -math.inf if answer.accepted else math.inf
    return then, (True, None, False).index(answer.accepted)


def changed(
    what: Head | RecordedAnswer | None,
    boot_id: str | None,
    kernel: str | None,
    build: str | msgspec.UnsetType | None,
) -> tuple[str, ...]:
    """Name what may have changed since a head was read, or an answer to one was given.

    The rest is what is there now. What is not known, of either, may have changed;
    `build` is UNSET where nothing is to be said of it.
    """
    if what is None:
        return ()
    then = what.build_id or what.srcversion
    grounds = [("the boot", what.boot_id, boot_id), ("the kernel", what.kernel, kernel)]
    if build is not msgspec.UNSET:
        grounds.append(("the driver's build", then, build))
    return tuple(name for name, was, is_ in grounds if not was or was != is_)
