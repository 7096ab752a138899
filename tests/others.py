# SPDX-License-Identifier: Apache-2.0
"""What another user does: a child that gives up being root."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.simulate.conftest import cannot_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["NOBODY", "as_other", "meanwhile"]

NOBODY = 65534


def as_other(do: Callable[[], object], uid: int = NOBODY) -> None:
    """Let another user do something, which has to work."""
    _, status = os.waitpid(_start(do, uid), 0)
    assert status == 0, "another user cannot do that"


@contextmanager
def meanwhile(do: Callable[[], object], uid: int = NOBODY) -> Iterator[None]:
    """Let another user do something that goes on until it is killed."""
    child = _start(do, uid)
    try:
        yield
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def _start(do: Callable[[], object], uid: int) -> int:
    if os.geteuid() != 0:
        cannot_test("only root can be another user")
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.umask(0)
            do()
            os._exit(0)
        finally:
            os._exit(1)
    return child
