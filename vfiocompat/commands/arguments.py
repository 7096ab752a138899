# SPDX-License-Identifier: Apache-2.0
"""What words of a command line stand for, and which were meant by those that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vfiocompat.errors import UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Choice", "unknown"]


def unknown(what: str, name: str, known: Collection[str]) -> UsageError:
    """Say that there is no such thing, and which was meant, or which there are."""
    close = nearest(name, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return UsageError(f"there is no {what} {name!r}", hint=hint)


class Choice(click.Choice):  # type: ignore[type-arg] # of str, in every release
    """One of several names; the nearest is told where it is none."""

    def __init__(self, what: str, names: Collection[str]) -> None:
        super().__init__(list(names))
        self.what = what

    def convert(
        self,
        value: object,
        param: click.Parameter | None,  # noqa: ARG002 - click's
        ctx: click.Context | None,  # noqa: ARG002 - click's
    ) -> str:
        """Give the name that was typed."""
        if value not in self.choices:
            raise unknown(self.what, str(value), self.choices)
        return str(value)
