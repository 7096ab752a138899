# SPDX-License-Identifier: Apache-2.0
"""Spans drawn: the texts that a finding is about, and what is underlined in them."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.diagnostics import Span

__all__ = ["Spans", "drawn"]

_SIDE = len("destination  ")
_LEFT_OUT = "..."
_LEAST = 20  # columns of a text that are shown at least


class Spans(NamedTuple):
    """Spans that are still to be drawn, behind a margin.

    Where they are shown is known only to who prints them: on a terminal a long text is
    trimmed around what is underlined, in a pipe it is whole. `sides` says before each
    text whose it is.
    """

    spans: Sequence[Span]
    gutter: str
    sides: bool = True


def drawn(
    spans: Iterable[Span], *, sides: bool = True, width: int | None = None
) -> Iterator[str]:
    """Give each text once, and below it a line for each of its spans that has one.

    `sides` says before each text whose it is. A text that is longer than `width` is
    trimmed around what its spans underline.

    >>> from vfiocompat.diagnostics import Span
    >>> for line in drawn([Span("source", "1ac1-0200-npu", 5, 9, "A2")]):
    ...     print(line)
    source       1ac1-0200-npu
                      ^^^^ A2
    """
    for (side, text), group in groupby(spans, attrgetter("side", "text")):
        margin = f"{side:<{_SIDE}}" if sides and side else ""
        room = len(text) if width is None else max(_LEAST, width - len(margin))
        shown, here = _trimmed(text, [*group], room)
        yield margin + shown
        most = None if width is None else width - len(margin)
        for span in here:
            for line in _below(span, most):
                yield " " * len(margin) + line


def _trimmed(text: str, spans: Sequence[Span], width: int) -> tuple[str, list[Span]]:
    """Leave out of a long text what is far from all that is underlined in it."""
    if len(text) <= width:
        return text, [*spans]
    underlined = [span for span in spans if span.end > 0]
    first = min((span.start for span in underlined), default=0)
    last = max((span.end for span in underlined), default=0)
    room = width - 2 * len(_LEFT_OUT)
    begin = max(0, min(first - max(0, room - (last - first)) // 2, len(text) - room))
    end = min(len(text), begin + room)
    before = _LEFT_OUT if begin else ""
    after = _LEFT_OUT if end < len(text) else ""
    shift = begin - len(before)
    moved = [
        span
        if span.start == span.end == 0
        else msgspec.structs.replace(
            span, start=max(span.start, begin) - shift, end=min(span.end, end) - shift
        )
        for span in spans
    ]
    return f"{before}{text[begin:end]}{after}", moved


def _below(span: Span, width: int | None) -> Iterator[str]:
    """Draw what stands below a text: carets and a label, or a remark on all of it.

    A label for which there is no room behind its carets stands before them, or below.
    """
    if span.start == span.end == 0:
        if span.label:
            yield f"({span.label})"
        return
    label = span.label or ""
    carets = "^" * max(1, span.end - span.start)
    line = f"{' ' * span.start}{carets} {label}".rstrip()
    if width is None or len(line) <= width:
        yield line
    elif len(label) < span.start:
        yield f"{label:>{span.start - 1}} {carets}"
    else:
        yield f"{' ' * span.start}{carets}"
        yield " " * max(0, min(span.start, width - len(label))) + label
