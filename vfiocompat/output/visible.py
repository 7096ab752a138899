# SPDX-License-Identifier: Apache-2.0
"""Text from drivers made harmless: what a terminal could act on becomes visible."""

from __future__ import annotations

__all__ = ["visible"]


def visible(text: str) -> str:
    r"""Replace every character that is not printable by its escape.

    >>> visible("red \x1b[31m")
    'red \\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
