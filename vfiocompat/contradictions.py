# SPDX-License-Identifier: Apache-2.0
"""What an endpoint of a file tells of itself that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.endpoints import ATTRIBUTE_NAMES, OWN_FACTS, attribute_names
from vfiocompat.vgpus import framework

if TYPE_CHECKING:
    from vfiocompat.endpoints import (
        Attribute,
        Endpoint,
        EndpointKind,
        Facts,
        RecordedAnswer,
    )

__all__ = ["KINDS", "OURS", "contradiction", "identified_by_facts", "own_facts"]

OURS = {None, "attribute"}
"""Channels of answers that an attribute gave: None was written before others were."""

_UNKNOWN = "?"  # what an operator has not filled in
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
    if endpoint.stated:
        flags = endpoint.stated.get("migration_flags", "STOP_COPY")
        if "STOP_COPY" not in flags.split(","):
            return f"stated: migration_flags: {flags!r} has no STOP_COPY"
    return (
        _contradiction_of_address(endpoint)
        or _contradiction_of_attribute(endpoint)
        or _contradiction_of_facts(endpoint)
    )


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
    """Give an endpoint the vendor and the driver that only its facts tell.

    Of what is not known any table may speak.
    """
    vendor_id, driver = map(endpoint.facts.get, ("vendor_id", "driver"))
    if (endpoint.vendor_id or not vendor_id) and (endpoint.driver or not driver):
        return endpoint
    return msgspec.structs.replace(
        endpoint,
        vendor_id=endpoint.vendor_id or vendor_id,
        driver=endpoint.driver or driver,
    )


def _plain(text: str) -> str:
    """Give a value as it is compared: a person may leave out the 0x of an id."""
    return text.lower().removeprefix("0x")


def _contradiction_of(answer: RecordedAnswer, endpoint: Endpoint) -> str | None:
    """Say what an answer tells of itself that cannot be."""
    if answer.channel in OURS and endpoint.lacks_attribute:
        return "there is no attribute that gave one"
    if answer.accepted and answer.errno is not None:
        return "one that was accepted has an errno"
    if answer.accepted and answer.limits:
        return "one that was accepted has limits"
    if answer.version is None:
        ours = answer.channel in OURS
        return "one of the attribute is about no version" if ours else None
    if answer.question is not None and not _is_about(answer):
        return "one has a question that is not its version"
    return None


def _is_about(answer: RecordedAnswer) -> bool:
    """Whether an answer's question is its version."""
    import hashlib  # noqa: PLC0415 - costs start-up time, and few files need it

    asked = hashlib.sha256((answer.version or "").encode()).hexdigest()
    return answer.question is not None and answer.question.lower() == asked
