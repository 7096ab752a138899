# SPDX-License-Identifier: Apache-2.0
"""Cases run one after another, each within its time; what goes wrong is kept."""

from __future__ import annotations

import gc
import signal
import tempfile
import traceback
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.fuzz import pairs, strings, vms
from tests.fuzz.chance import Chance
from tests.fuzz.holding import demand_harmless
from vfiocompat.errors import Bug, VfiocompatError
from vfiocompat.output.text import error_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.fuzz.holding import Subject

__all__ = ["LIMIT", "Failure", "Outcome", "run"]

LIMIT = 2.0
"""Seconds of the processor that a case may take."""

SUBJECTS = [*strings.SUBJECTS, *pairs.SUBJECTS, *vms.SUBJECTS]
_SHOWN = 2000  # characters of what was drawn


class Failure(NamedTuple):
    """A case that went wrong: why, where, and what was drawn."""

    number: int
    subject: str
    why: str
    drawn: str


class Outcome(NamedTuple):
    """How many cases there were of each subject, and which went wrong."""

    cases: Counter[str]
    failures: list[Failure]


class TooLong(BaseException):
    """A case takes too long; no handler of exceptions takes it for its own."""


def run(seed: int, numbers: Iterable[int], limit: float = LIMIT) -> Outcome:
    """Run the cases of some numbers."""
    wheel = [each for each in SUBJECTS for _ in range(each.share)]
    found = Outcome(Counter(), [])
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            chance = Chance(f"{seed}:{number}")
            subject = chance.choice(wheel)
            found.cases[subject.name] += 1
            drawn = subject.draw(chance)
            why = _wrong(subject, drawn, folder, limit)
            if why is not None:
                shown = ascii(drawn)[:_SHOWN]
                found.failures.append(Failure(number, subject.name, why, shown))
    return found


def _wrong(subject: Subject, drawn: object, folder: str, limit: float) -> str | None:
    """Look at a case; say what is wrong with it, if anything is."""
    try:
        with _at_most(limit):
            subject.look(drawn, folder)
    except VfiocompatError as error:
        if isinstance(error, Bug):
            return _told(error)
        try:
            demand_harmless(error_lines(error.record))
        except AssertionError as harm:
            return _told(harm)
    except TooLong:
        return f"it takes more than {limit:g} s"
    except Exception as error:  # noqa: BLE001 - any other one is a fault
        return _told(error)
    return None


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{each.name}:{each.lineno}" for each in reversed(frames))
    return f"{type(error).__name__}: {ascii(str(error))[:300]} at {places}"


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TooLong in what takes more time of this processor.

    No garbage is collected then: what is raised in a callback of that is lost.
    """
    collects = gc.isenabled()
    gc.disable()
    before = signal.signal(signal.SIGVTALRM, _raise)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        if collects:
            gc.enable()


def _raise(*_: object) -> None:
    raise TooLong
