# SPDX-License-Identifier: Apache-2.0
"""Progress on a terminal: nothing for a second, then a bar on stderr."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Progress"]

_PATIENCE = 1.0  # seconds until a bar is worth looking at
_PERIOD = 0.1  # seconds between two looks at whether it is over


class Progress:
    """A bar that shows itself if the work takes long.

    A process of its own draws it, until the pipe to it is closed: a thread would forbid
    that the work is done in forked children.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._child = 0
        self._pipe = -1

    def __enter__(self) -> Self:
        """Begin to wait for the moment to show."""
        reading, self._pipe = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            try:
                os.close(self._pipe)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                self._show(reading)
            finally:
                os._exit(0)
        os.close(reading)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        os.close(self._pipe)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._child, 0)

    def _show(self, pipe: int) -> None:
        if _is_closed(pipe, _PATIENCE):
            return
        from vfiocompat.output import terminal  # noqa: PLC0415 - rich is slow

        terminal.show_bar(self._what, lambda: _is_closed(pipe, _PERIOD))


def _is_closed(pipe: int, seconds: float) -> bool:
    """Whether the other end of a pipe is closed, or will be so soon."""
    return bool(select.select([pipe], [], [], seconds)[0])
