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
    question,
)
from vfiocompat.diagnostics import diagnostic
from vfiocompat.endpoints import (
    Endpoint,
    LiteralAddress,
    literal,
    missing,
    parse_address,
)
from vfiocompat.errors import UsageError, VfiocompatError
from vfiocompat.sysfs import Node, Question, find, probe, read_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vfiocompat.endpoints import Address
    from vfiocompat.sysfs import Tree

__all__ = ["Pair", "check", "read_endpoints"]


class Pair(NamedTuple):
    """One checked pair: both ends as they were found, and the decision."""

    source: Endpoint
    destination: Endpoint
    decision: Decision


def check(
    source: str,
    destinations: Sequence[str],
    open_tree: Callable[[], Tree],
    *,
    source_type: str | None = None,
    table_only: bool = False,
) -> list[Pair]:
    """Decide for each destination whether it can load the source's state.

    `open_tree` is called only where an address is one of this host: two literal
    strings need no sysfs. `source_type` is the mdev type of a literal source. With
    `table_only` nothing is written.

    Raises:
        VfiocompatError: the source cannot be used. A destination that cannot is a
            pair of its own, undetermined and failed.

    """
    addresses = [parse_address(text) for text in (source, *destinations)]
    if source_type is not None and not isinstance(addresses[0], LiteralAddress):
        raise UsageError(
            "--source-type is for a literal source: a live one has its own type",
        )
    if all(isinstance(address, LiteralAddress) for address in addresses):
        tree = None
    else:
        tree = open_tree()
    try:
        start = _source(addresses[0], tree, source_type)
        return _pairs(start, destinations, tree, table_only=table_only)
    finally:
        if tree is not None:
            tree.close()


def _source(address: Address, tree: Tree | None, type_id: str | None) -> Endpoint:
    if isinstance(address, LiteralAddress):
        return literal(address.text, type_id)
    assert tree is not None
    source = read_nodes(tree, [find(tree, address)], ask=True).endpoints[0]
    attribute = source.attribute
    if attribute is not None and attribute.code in COULD_NOT_ASK:
        finding = attribute_finding(attribute, "source: ")
        raise VfiocompatError(finding.summary, detail=finding.path, code=finding.code)
    return source


def _pairs(
    source: Endpoint,
    destinations: Sequence[str],
    tree: Tree | None,
    *,
    table_only: bool,
) -> list[Pair]:
    """Decide every pair; all drivers are asked at once, so that they hang at once."""
    asking = not table_only and is_real(source)
    ends = read_endpoints(destinations, tree, ask=not asking and not is_held(source))
    questions = {
        at: Question(end, data)
        for at, end in enumerate(ends)
        if asking and isinstance(end, Endpoint) and (data := question(source, end))
    }
    answers = {}
    if tree is not None and questions:
        replies = probe(tree, list(questions.values()))
        answers = dict(zip(questions, replies, strict=True))
    pairs = []
    for at, (text, end) in enumerate(zip(destinations, ends, strict=True)):
        if isinstance(end, VfiocompatError):
            pairs.append(Pair(source, missing(text), _not_reached(end)))
            continue
        answer, own = answers.get(at, (None, end.version))
        origin = end.origin or ("attribute" if own else None)
        known = msgspec.structs.replace(end, version=own, origin=origin)
        pairs.append(Pair(source, known, decide(source, known, answer)))
    return pairs


def read_endpoints(
    texts: Sequence[str], tree: Tree | None, *, ask: bool
) -> list[Endpoint | VfiocompatError]:
    """Find endpoints and read them in one batch; an error stands for one not found.

    `tree` is needed where an address is not a literal; `ask` is as for `read_nodes`.

    Raises:
        UsageError: one is no address, or a literal that is no version string.

    """
    found: list[Endpoint | Node | VfiocompatError] = []
    for text in texts:
        address = parse_address(text)
        if isinstance(address, LiteralAddress):
            found.append(literal(address.text))
            continue
        assert tree is not None
        try:
            found.append(find(tree, address))
        except VfiocompatError as error:
            found.append(error)
    nodes = [place for place in found if isinstance(place, Node)]
    read = iter(read_nodes(tree, nodes, ask=ask).endpoints if tree else ())
    return [next(read) if isinstance(place, Node) else place for place in found]


def _not_reached(error: VfiocompatError) -> Decision:
    finding = diagnostic(
        error.code, error.summary, detail=error.detail, hint=error.hint
    )
    return Decision(
        verdict="undetermined", basis="none", diagnostics=(finding,), failed=True
    )
