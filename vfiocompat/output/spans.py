# SPDX-License-Identifier: Apache-2.0
"""Spans drawn: the texts that a finding is about, and what is underlined in them."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.diagnostics import Span

__all__ = ["drawn"]

_SIDE = len("destination  ")


def drawn(spans: Iterable[Span], *, sides: bool = True) -> Iterator[str]:
    """Give each text once, and below it a line for each of its spans that has one.

    `sides` says before each text whose it is.

    >>> from vfiocompat.diagnostics import Span
    >>> for line in drawn([Span("source", "1ac1-0200-npu", 5, 9, "A2")]):
    ...     print(line)
    source       1ac1-0200-npu
                      ^^^^ A2
    """
    for (side, text), here in groupby(spans, attrgetter("side", "text")):
        margin = f"{side:<{_SIDE}}" if sides and side else ""
        yield margin + text
        for span in here:
            if line := _below(span):
                yield " " * len(margin) + line


def _below(span: Span) -> str:
    """Draw what stands below a text: carets and a label, or a remark on all of it."""
    if span.start == span.end == 0:
        return f"({span.label})" if span.label else ""
    carets = "^" * max(1, span.end - span.start)
    return f"{' ' * span.start}{carets} {span.label}".rstrip()
