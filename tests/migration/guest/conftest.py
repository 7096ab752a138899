# SPDX-License-Identifier: Apache-2.0
"""mtty, the kernel's sample driver, in the guest that `tests/migration/run` boots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kernel.guest.conftest import _in_the_guest, cli, streams
from tests.kernel.guest.modules import create, insmod, rmmod

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["_in_the_guest", "cli", "streams"]


class Mtty:
    """The driver in the kernel, and the mdevs made of its types."""

    def create(self, kind: str) -> str:
        """Create an mdev of `mtty-1` or `mtty-2`; give its UUID."""
        return create("mtty", kind)


@pytest.fixture
def mtty(_in_the_guest: None) -> Iterator[Mtty]:
    insmod("mtty")
    yield Mtty()
    rmmod("mtty")
