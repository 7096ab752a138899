# SPDX-License-Identifier: Apache-2.0
"""What `check` shows: each pair with its verdict, and every reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat.decision.decisions import worst
from vfiocompat.endpoints import Problem
from vfiocompat.inventory import Tool
from vfiocompat.output.errors import fleet_problems
from vfiocompat.output.pairs import (
    CheckResult,
    Counts,
    check_result,
    counts_record,
    pair_lines,
)
from vfiocompat.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vfiocompat.decision.decisions import Decision
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.output.text import Item, Line
    from vfiocompat.pairs import Pair

__all__ = ["CheckDocument", "check_document", "check_lines"]


class CheckDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Every pair that was asked about; `verdict` is the worst of them.

    `problems` are of what could not be read, and of tables that could not be used.
    """

    schema: Literal["vfiocompat.check/1"] = "vfiocompat.check/1"
    tool: Tool = Tool()
    verdict: Verdict
    counts: Counts
    results: list[CheckResult]
    problems: list[Problem]


def check_document(
    pairs: Sequence[Pair],
    errors: Mapping[str, ErrorRecord],
    problems: Iterable[Problem] = (),
) -> CheckDocument:
    """Make the document of checked pairs.

    `errors` are of tables, by their paths, and `problems` of what could not be read.
    """
    decisions = tuple(decision for _, _, decision in pairs)
    return CheckDocument(
        verdict=worst(decisions),
        counts=_counts(decisions),
        results=[check_result(*pair) for pair in pairs],
        problems=[*problems, *fleet_problems(errors)],
    )


def _counts(decisions: tuple[Decision, ...]) -> Counts:
    """Count decisions by verdict; a failed one counts as failed alone."""
    return counts_record(
        Counter(
            "failed" if decision.failed else decision.verdict for decision in decisions
        )
    )


def check_lines(pairs: Sequence[Pair], *, verbose: bool) -> Iterator[Item]:
    """Give a block for each pair, and the sum of them where there are several.

    Findings that are for information only are shown when `verbose`.
    """
    for pair in pairs:
        yield from pair_lines(pair, verbose=verbose)
    if len(pairs) > 1:
        yield _sum(decision for _, _, decision in pairs)


def _sum(decisions: Iterable[Decision]) -> Line:
    words = [
        "could not be asked" if decision.failed else decision.verdict
        for decision in decisions
    ]
    each = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return [(f"{len(words)} pairs: {each}", "plain")]
