# SPDX-License-Identifier: Apache-2.0
"""What an endpoint of a file tells of itself that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.endpoints import ATTRIBUTE_NAMES, attribute_names
from vfiocompat.vgpus import framework

if TYPE_CHECKING:
    from vfiocompat.endpoints import Attribute, Endpoint, EndpointKind, RecordedAnswer

__all__ = ["KINDS", "OURS", "contradiction"]

OURS = {None, "attribute"}
"""Channels of answers that an attribute gave: None was written before others were."""

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
        if what := _contradiction_of(answer):
            return f"answers: {what}"
    if endpoint.stated:
        flags = endpoint.stated.get("migration_flags", "STOP_COPY")
        if "STOP_COPY" not in flags.split(","):
            return f"stated: migration_flags: {flags!r} has no STOP_COPY"
    kind, type_id = endpoint.kind, endpoint.type_id
    if kind == "type" and type_id not in {None, endpoint.address.partition("/")[2]}:
        return f"type_id: {type_id!r} is not that of its address"
    return _contradiction_of_attribute(endpoint) or _contradiction_of_facts(endpoint)


def _contradiction_of_attribute(endpoint: Endpoint) -> str | None:
    """Say what an endpoint tells of its attribute that cannot be."""
    attribute, kind = endpoint.attribute, endpoint.kind
    if attribute is None:
        return None
    if attribute.state == "absent":
        holds = "version: there is no attribute that holds it"
        return None if endpoint.version is None else holds
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
        and fact("framework") is None
    ):
        return None  # as it is a million times
    for name, own in (
        ("vendor_id", endpoint.vendor_id),
        ("device_id", endpoint.device_id),
        ("framework", framework(endpoint.kind)),
    ):
        said = fact(name)
        if said and own and said.lower() != own.lower():
            return f"facts.{name}: {said!r}, and the endpoint's is {own!r}"
    return None


def _contradiction_of(answer: RecordedAnswer) -> str | None:
    """Say what an answer tells of itself that cannot be."""
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
