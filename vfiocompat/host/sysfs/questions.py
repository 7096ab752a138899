# SPDX-License-Identifier: Apache-2.0
"""Asking drivers: a source's string is written to destinations, all at once."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.decision.errnos import Answer  # noqa: TC001 - msgspec looks it up
from vfiocompat.endpoints import Attribute, Endpoint, written_name
from vfiocompat.errors import errno_name
from vfiocompat.host.sysfs.endpoints import as_answer, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.host.sysfs.tree import Tree

__all__ = ["Probed", "Question", "probe"]


_OVERRULES = frozenset({codes.NO_MIGRATION_SUPPORT, codes.DEVICE_GONE})
"""What reading a destination's own string tells, whatever a write is answered."""


class Question(NamedTuple):
    """A destination, and the exact bytes to write to its version attribute."""

    destination: Endpoint
    data: bytes


class Probed(NamedTuple):
    """What a driver says of a source's string, and its own string, if it shows one.

    `attribute` is there where reading told that the device cannot migrate, or is gone.
    """

    answer: Answer
    version: str | None
    attribute: Attribute | None


def probe(tree: Tree, questions: Sequence[Question]) -> list[Probed]:
    """Write to each destination's attribute, and read its own string beside.

    Both happen in one batch, so that a hung driver costs one time-out. The string is
    None where reading gave none. It explains an answer, and never changes it.
    """
    places = []
    operations = {}
    for at, (destination, data) in enumerate(questions):
        attribute = destination.attribute
        assert attribute is not None
        assert attribute.path is not None
        directory, name = posixpath.split(attribute.path)
        written = written_name(name)
        places.append(f"{directory}/{written}")
        operations[at, "write"] = tree.probe(directory, written, data)
        operations[at, "read"] = tree.read(directory, name)
    replies = tree.run(operations)
    answers = []
    for at, (place, (destination, _)) in enumerate(zip(places, questions, strict=True)):
        own, code, number = version_of(replies[at, "read"], place)
        answer = as_answer(replies[at, "write"], place)
        attribute = None
        if code in _OVERRULES and not answer.gone:
            assert destination.attribute is not None
            attribute = msgspec.structs.replace(
                destination.attribute,
                state="unreadable",
                errno=errno_name(number),
                code=code,
            )
        answers.append(Probed(answer, own.text if own else None, attribute))
    return answers
