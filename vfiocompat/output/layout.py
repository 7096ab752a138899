# SPDX-License-Identifier: Apache-2.0
"""Lines and tables fitted to a terminal's width, so that nothing is ever cut off.

Prose is wrapped at words, with an indent; what is quoted to be pasted stays in one
piece. Addresses, ids and version strings are never split: a table whose rows do not fit
becomes a block a row, and one token that is wider than the terminal is left to it.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

from vfiocompat.output.spans import Spans, drawn
from vfiocompat.output.text import Prose
from vfiocompat.output.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vfiocompat.output.text import Item, Line

__all__ = ["fitted", "listed", "tabled", "width_of"]

_GAP = 2  # columns between two of a table

_PROSE = 24
"""How many columns the last cell of a row needs to be wrapped beside the others."""

_TOKENS = re.compile(r"'[^']*'\S*|\S+")
"""Words, and what is quoted: a command to paste, or a name."""

_FIELDS = re.compile(r"[^\s}]+\}?|\}")
"""What of a format stays in one piece: a field, and the literal before it."""

_GUTTER = re.compile(r" *(?:\||=|-->)? *")


def fitted(items: Iterable[Item], width: int, *, whole: bool = False) -> Iterator[Line]:
    """Fit lines to a terminal of so many columns.

    A text with spans is trimmed before these are drawn, unless it is to be `whole`.
    """
    for item in items:
        if isinstance(item, Spans):
            room = None if whole else width - width_of(item.gutter)
            for line in drawn(item.spans, sides=item.sides, width=room):
                yield [(item.gutter, "dim"), (line, "plain")]
        elif isinstance(item, Prose):
            yield from _filled(item, width)
        else:
            yield from _wrapped(item, width)


def _filled(prose: Prose, width: int) -> Iterator[Line]:
    """Fill a paragraph anew, unless every line of it fits."""
    if max(width_of(_text(line)) for line in prose.lines) <= width:
        yield from prose.lines
        return
    whole = [part for line in prose.lines for part in (*line, (" ", "plain"))][:-1]
    yield from _wrapped(whole, width, prose.indent)


def _text(line: Line) -> str:
    return "".join(text for text, _ in line)


def width_of(text: str) -> int:
    """Give how many columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(char) else 1 + (east_asian_width(char) in "WF") for char in text
    )


def _wrapped(line: Line, width: int, indent: str | None = None) -> Iterator[Line]:
    """Break a line at words; what goes on is indented by what it begins with.

    One that is a command stays whole, so that it can be pasted.
    """
    line = [(visible(text), style) for text, style in line]
    text = _text(line)
    if width_of(text) <= width or any(style == "command" for _, style in line):
        yield line
        return
    if indent is None:
        indent = _indent(line[0][0])
    begin = end = 0
    is_format = any(style == "format" for _, style in line)
    tokens = _FIELDS if is_format else _TOKENS
    for token in tokens.finditer(text, _margin(text)):
        margin = len(indent) if begin else 0
        if end and margin + width_of(text[begin : token.end()]) > width:
            yield _cut(line, begin, end, indent if begin else "")
            begin = token.start()
        end = token.end()
    yield _cut(line, begin, len(text), indent if begin else "")


def _indent(first: str) -> str:
    """Give what a line that goes on begins with: a margin that is drawn goes on too."""
    gutter = first[: _margin(first)]
    if "|" in gutter:
        return gutter
    spaces = " " * len(gutter)
    return spaces if gutter.strip() else f"{spaces}    "


def _margin(text: str) -> int:
    """Give where a line's words begin, behind what is drawn or left free before."""
    gutter = _GUTTER.match(text)
    return gutter.end() if gutter else 0


def _cut(line: Line, begin: int, end: int, indent: str) -> Line:
    """Give the part of a line between two places, behind an indent."""
    found: Line = [(indent, "dim")] if indent else []
    ends = [*accumulate(len(text) for text, _ in line)]
    for (text, style), until in zip(line, ends, strict=True):
        start = until - len(text)
        part = text[max(0, begin - start) : max(0, end - start)]
        if part:
            found.append((part, style))
    return found


# ---- tables ----------------------------------------------------------------------


def tabled(
    columns: Sequence[str], rows: Iterable[Sequence[str]], width: int
) -> Iterator[Line]:
    """Lay out a table under headings, or a block a row where a row does not fit.

    The last column may be prose: it is wrapped if there is room for that.
    """
    texts = [[visible(cell) for cell in row] for row in rows]
    heads = [column.upper() for column in columns]
    widths = [max(map(width_of, cells)) for cells in zip(heads, *texts, strict=True)]
    before = sum(widths[:-1]) + _GAP * (len(widths) - 1)
    longest = max((_longest(row[-1]) for row in texts), default=0)
    if before + widths[-1] <= width or (
        before + max(_PROSE, longest) <= width and any(" " in row[-1] for row in texts)
    ):
        for style, row in [("strong", heads), *(("plain", row) for row in texts)]:
            yield from _wrapped(_aligned(row, widths, style), width, " " * before)
        return
    for row in texts:
        yield from _block(heads, row, width)


def _longest(text: str) -> int:
    return max((width_of(token) for token in _TOKENS.findall(text)), default=0)


def _aligned(row: Sequence[str], widths: Sequence[int], style: str) -> Line:
    cells = [
        cell + " " * (width - width_of(cell) + _GAP)
        for cell, width in zip(row[:-1], widths, strict=False)
    ]
    return [("".join([*cells, row[-1]]).rstrip(), style)]


def _block(heads: Sequence[str], row: Sequence[str], width: int) -> Iterator[Line]:
    """Give a row as lines: its first cell, and below it the others by their names."""
    margin = max(map(len, heads[1:]), default=0) + _GAP
    yield from _wrapped([(row[0], "strong")], width)
    for head, cell in zip(heads[1:], row[1:], strict=True):
        if cell != "-":
            name = f"  {head.lower():<{margin}}"
            if len(name) + _longest(cell) > width:  # it has more room below its name
                yield [(name.rstrip(), "dim")]
                name = "    "
            line: Line = [(name, "dim"), (cell, "plain")]
            yield from _wrapped(line, width, " " * len(name))


def listed(rows: Sequence[tuple[str, str]], width: int) -> Iterator[Line]:
    """Lay out values by their names; one that does not fit stands below its name."""
    texts = [(visible(name), visible(value)) for name, value in rows]
    margin = max((width_of(name) for name, _ in texts), default=0) + _GAP
    for name, value in texts:
        if margin + width_of(value) <= width:
            yield [(name + " " * (margin - width_of(name)), "dim"), (value, "plain")]
        else:
            yield [(name, "dim")]
            yield [(" " * _GAP, "plain"), (value, "command")]
