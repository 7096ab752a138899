# SPDX-License-Identifier: Apache-2.0
"""What holds of every span, whatever is decided of whatever strings."""

from __future__ import annotations

import errno
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.tables.language.test_properties import any_string
from tests.tables.test_shipped import TABLES
from vfiocompat import codes
from vfiocompat.decision.decide import decide
from vfiocompat.decision.errnos import Answer
from vfiocompat.diagnostics import SIDES
from vfiocompat.endpoints import literal
from vfiocompat.errors import InvalidVersion
from vfiocompat.tables.judge import judge
from vfiocompat.tables.shelf import Shelved, concerns
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfiocompat.diagnostics import Diagnostic, Span

PATH = "/sys/devices/p/mdev_supported_types/t/version"
ANSWERS = (
    None,
    Answer(stage="done", path=PATH, count=99999),
    Answer(stage="write", path=PATH, errno=errno.EINVAL),
)


def findings(source: str, destination: str) -> Iterator[Diagnostic]:
    """Give all that is found of two strings, whatever a driver says of them."""
    ends = literal(source), literal(destination)
    shelf = [
        Shelved(2, name, table)
        for name, table in TABLES.items()
        if concerns(table.file, *ends)
    ]
    judgement = judge(*ends, shelf)
    for answer in ANSWERS:
        yield from decide(*ends, answer, judgement).diagnostics


def demand_sound(spans: Iterable[Span]) -> None:
    for span in spans:
        assert 0 <= span.start <= span.end <= len(span.text), span
        assert span.text.isprintable(), span
        assert span.label.isprintable(), span


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TABLES if TABLES[name].file.case])
def test_spans_are_within_the_strings_of_every_pair_of_a_table(name: str) -> None:
    cases = TABLES[name].file.case
    strings = {text for case in cases for text in (case.source, case.destination)}
    found = set()
    for ends in product(sorted(strings), repeat=2):
        whole = dict(zip(SIDES, ends, strict=True))
        for finding in findings(*ends):
            demand_sound(finding.spans)
            found.add(finding.code)
            for span in finding.spans:
                assert span.side is not None
                assert span.text == whole[span.side]

    assert codes.REFUSED in found
    assert len(found) > 4, "cases that show little"


@settings(max_examples=300)
@given(any_string(), any_string())
def test_spans_are_within_the_text_of_any_string(source: str, destination: str) -> None:
    for text in (source, destination):
        try:
            VersionString.parse(text)
        except InvalidVersion as error:
            demand_sound(error.spans)
            return
    for finding in findings(source, destination):
        demand_sound(finding.spans)
