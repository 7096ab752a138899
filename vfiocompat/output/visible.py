# SPDX-License-Identifier: Apache-2.0
"""Text from drivers made harmless: what a terminal could act on becomes visible."""

from __future__ import annotations

__all__ = ["visible", "visible_text"]


def visible(text: str) -> str:
    r"""Replace every character that is not printable by its escape.

    >>> visible("red \x1b[31m")
    'red \\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def visible_text(text: str) -> str:
    r"""Replace in lines of a file's text what a terminal acts on, as JSON escapes it.

    >>> print(visible_text("one \x1b[31m\ntwo \u202e"))
    one \u001b[31m
    two \u202e
    """
    return "".join(
        char if char.isprintable() or char in "\n\t" else _json_escaped(char)
        for char in text
    )


def _json_escaped(char: str) -> str:
    """Escape a character as JSON has it: by one unit of UTF-16, or two."""
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
