# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed, and what holds of everything that is decided and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from tests.fleets import TAKEN
from vfiocompat.output.check import CheckDocument, check_document, check_lines
from vfiocompat.output.json import json_text
from vfiocompat.output.text import finding_lines, plain
from vfiocompat.output.visible import visible
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.fuzz.chance import Chance
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.output.text import Item
    from vfiocompat.pairs import Pair

__all__ = [
    "LIBRARY",
    "NOW",
    "ROOT",
    "Subject",
    "demand_document",
    "demand_harmless",
    "demand_harmless_findings",
    "demand_harmless_rows",
    "expected",
    "see_pairs",
]

ROOT = Path(__file__).parents[2]
NOW = Horizon((timestamp(TAKEN) or 0) + 60, 86400)
LIBRARY = Library(config="/nonexistent")

Error = TypeVar("Error", bound=Exception)
Given = TypeVar("Given")
Result = TypeVar("Result")


class Subject(NamedTuple):
    """What is fuzzed: how often of 100 times, what is drawn, and what is done with it.

    What is drawn has a `repr` from which a person can tell what it was. To look at it
    is to raise an AssertionError where something does not hold; a folder is there for
    files.
    """

    name: str
    share: int
    draw: Callable[[Chance], Any]
    look: Callable[[Any, str], None]


def expected(
    error: type[Error], read: Callable[[Given], Result], given: Given
) -> Result | Error:
    """Read something, and take an error of one kind for a result."""
    try:
        return read(given)
    except error as found:
        return found


def demand_harmless(lines: Iterable[Item]) -> None:
    for line in plain(lines):
        assert line.isprintable(), f"a terminal would act on {line!r}"


def demand_harmless_rows(rows: Iterable[Sequence[str]]) -> None:
    for row in rows:
        assert all(map(str.isprintable, map(visible, row))), row


def demand_document(document: msgspec.Struct) -> None:
    """See that a document is JSON, and the same again."""
    for indent in (None, 2):
        text = json_text(document, indent=indent)
        assert msgspec.json.decode(text) is not None
        if indent:
            harmful = set(filter(lambda char: not char.isprintable(), text.decode()))
            assert harmful <= {"\n"}, harmful


def demand_reasons(pair: Pair) -> None:
    """See that a verdict goes with what is said for it."""
    verdict, decision = pair.decision.verdict, pair.decision
    errors = [each for each in decision.diagnostics if each.severity == "error"]
    if verdict == "incompatible":
        assert errors, "a no without a reason"
        return
    if verdict == "undetermined":
        assert any(each.severity != "info" for each in decision.diagnostics)
        return
    assert decision.basis != "none", "a yes that rests on nothing"
    assert not decision.failed
    assert not errors, "a yes beside an error"
    assert not pair.source.is_outdated
    assert not pair.destination.is_outdated
    if decision.basis == "table":
        against = [
            each
            for each in decision.diagnostics
            if each.table is not None and each.severity != "info"
        ]
        assert not against, "a yes of a table beside what it refuses or does not know"


def see_pairs(pairs: list[Pair]) -> None:
    for pair in pairs:
        demand_reasons(pair)
    demand_harmless(check_lines(pairs, verbose=True))
    document = check_document(pairs, {})
    demand_document(document)
    text = json_text(document, indent=None)
    assert msgspec.json.decode(text, type=CheckDocument).verdict == document.verdict


def demand_harmless_findings(found: Iterable[Diagnostic]) -> None:
    demand_harmless(line for each in found for line in finding_lines(each))
