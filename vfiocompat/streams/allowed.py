# SPDX-License-Identifier: Apache-2.0
"""That devices may be opened and asked by their streams, and what else was allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat import codes
from vfiocompat.decision.notes import softened
from vfiocompat.diagnostics import SIDES, diagnostic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from vfiocompat.diagnostics import Diagnostic, Side
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.stream import Errand
    from vfiocompat.host.sysfs import Host
    from vfiocompat.host.sysfs.asking import HeadAsked

__all__ = ["Streaming"]


def _nobody() -> None:
    """Warn nobody."""


class Streaming(NamedTuple):
    """That devices may be opened and asked, and what else was allowed.

    `sibling` is an idle device whose head is to stand for the source's. `named` are the
    sides that somebody named: another device that is in use is no failure. `warn` is
    called each time before any is opened.
    """

    now: float
    despite_hazard: bool = False
    sibling: Endpoint | None = None
    named: Collection[Side] = SIDES
    warn: Callable[[], object] = _nobody

    def ask(self, host: Host, errands: Collection[Errand]) -> list[HeadAsked]:
        """Open devices of a host and ask them, if there are any to ask."""
        if not errands:
            return []
        self.warn()
        return host.ask_streams([*errands], self.now)

    def passed_over(self, side: Side, error: ErrorRecord | None) -> Diagnostic | None:
        """Name a device that is passed over since it is in use."""
        if error is None or side in self.named or error.code != codes.DEVICE_IN_USE:
            return None
        return softened(diagnostic(error.code, error.summary, hint=error.hint))
