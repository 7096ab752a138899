# SPDX-License-Identifier: Apache-2.0
"""Checking pairs: gathers what the decision needs, and asks drivers where it may."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.decide import (
    COULD_NOT_ASK,
    Decision,
    attribute_finding,
    decide,
    is_held,
    is_real,
    not_found,
    question,
)
from vfiocompat.endpoints import (
    Endpoint,
    LiteralAddress,
    literal,
    missing,
    parse_address,
)
from vfiocompat.errors import UsageError, VfiocompatError
from vfiocompat.sysfs import Looked, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.endpoints import Address
    from vfiocompat.sysfs import Ask, Host

__all__ = ["Pair", "check", "look"]


class Pair(NamedTuple):
    """One checked pair: both ends as they were found, and the decision."""

    source: Endpoint
    destination: Endpoint
    decision: Decision


def check(
    source: str,
    destinations: Sequence[str],
    host: Host,
    *,
    source_type: str | None = None,
    table_only: bool = False,
) -> list[Pair]:
    """Decide for each destination whether it can load the source's state.

    `source_type` is the mdev type of a literal source. With `table_only` nothing is
    written.

    Raises:
        VfiocompatError: the source cannot be used. A destination that cannot is a
            pair of its own, undetermined and failed.

    """
    start = _source(parse_address(source), host, source_type)
    addresses = [parse_address(text) for text in destinations]
    asking = not table_only and is_real(start)
    ask: Ask = "nothing" if is_held(start) else "vgpu-types" if asking else "all"
    ends = look(addresses, host, ask=ask)
    questions = {
        at: Question(end.endpoint, data)
        for at, end in enumerate(ends)
        if asking and end.endpoint and (data := question(start, end.endpoint))
    }
    replies = host.probe(list(questions.values())) if questions else []
    answers = dict(zip(questions, replies, strict=True))
    pairs = []
    for at, (text, end) in enumerate(zip(destinations, ends, strict=True)):
        if end.endpoint is None:
            assert end.error is not None
            pairs.append(Pair(start, missing(text), not_found(end.error)))
            continue
        answer, own = answers.get(at, (None, end.endpoint.version))
        origin = end.endpoint.origin or ("attribute" if own else None)
        known = msgspec.structs.replace(end.endpoint, version=own, origin=origin)
        pairs.append(Pair(start, known, decide(start, known, answer)))
    return pairs


def look(addresses: Sequence[Address], host: Host, *, ask: Ask) -> list[Looked]:
    """Find and read endpoints at once; literals become endpoints by themselves.

    Raises:
        InvalidVersion: a literal is no version string.
        VfiocompatError: there is no sysfs.

    """
    live = [address for address in addresses if not isinstance(address, LiteralAddress)]
    found = iter(host.read(live, ask=ask) if live else ())
    return [
        Looked(endpoint=literal(address.text))
        if isinstance(address, LiteralAddress)
        else next(found)
        for address in addresses
    ]


def _source(address: Address, host: Host, type_id: str | None) -> Endpoint:
    if isinstance(address, LiteralAddress):
        return literal(address.text, type_id)
    if type_id is not None:
        raise UsageError(
            "--source-type is for a literal source: a live one has a type of its own"
        )
    [found] = look([address], host, ask="all")
    if found.endpoint is None:
        assert found.error is not None
        raise VfiocompatError.of(found.error)
    attribute = found.endpoint.attribute
    if attribute is not None and attribute.code in COULD_NOT_ASK:
        finding = attribute_finding(attribute, "source: ")
        raise VfiocompatError(finding.summary, detail=finding.path, code=finding.code)
    return found.endpoint
