# SPDX-License-Identifier: Apache-2.0
"""Progress on a terminal: nothing for a second, then a bar on stderr."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Progress"]

_PATIENCE = 1.0  # seconds until a bar is worth looking at


class Progress:
    """A bar that shows itself if the work takes long.

    `done` gives how much of the work is done, from 0 to 1; without it the bar only
    says that something goes on.
    """

    def __init__(self, what: str, done: Callable[[], float] | None = None) -> None:
        self._what = what
        self._done = done
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Self:
        """Begin to wait for the moment to show."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        self._over.set()
        self._thread.join()

    def _show(self) -> None:
        if self._over.wait(_PATIENCE):
            return
        from vfiocompat.output import terminal  # noqa: PLC0415 - rich is slow

        terminal.show_bar(self._what, self._done, self._over)
