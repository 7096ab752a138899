# SPDX-License-Identifier: Apache-2.0
"""Limits of a table: each is told, and at all of them at once a table loads soon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from vfiocompat.errors import TableError
from vfiocompat.tables.language.cases import case_mistakes
from vfiocompat.tables.library import load_table

from .making import HEAD, exception, requirement

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 12
SMALL = '[format]\nf = "{n:int}"\n'
RULE = requirement("same", "n", "equal")


def fields(number: int) -> str:
    return ",".join(f"{{a{at}:hex}}" for at in range(number))


def case(source: str = "1ac1-1", destination: str = "1ac1-1") -> str:
    return (
        f'[[case]]\nsource = "{source}"\ndestination = "{destination}"\n'
        'verdict = "compatible"\n'
    )


def order(generations: int, values: int) -> str:
    steps = ",".join(
        f'{{ name = "g{at}", values = ["{at}",'
        + ",".join(f'"{at + 1}0{more:04}"' for more in range(values - 1))
        + "] }"
        for at in range(generations)
    )
    return f'[field.step]\nfrom = "n"\norder = [{steps}]\n'


def quoted(number: int) -> str:
    return "[" + ",".join('"same"' for _ in range(number)) + "]"


def stream(covers: int = 1, fields: int = 1, values: int = 1) -> str:
    numbers = ",".join(f'"{at:08x}" = "{at}"' for at in range(values))
    place = f"width = 4, values = {{ {numbers} }}"
    return (
        '[stream]\nvia = "PRE_COPY"\nsize = "initial"\ncontrol = 0\n'
        f"covers = {quoted(covers)}\n"
        + "".join(
            f"field.a{at} = {{ offset = {4 * at}, {place} }}\n" for at in range(fields)
        )
    )


def load(folder: Path, text: str) -> str:
    """Load and check a table, and give its mistakes."""
    path = folder / "acme-npu.toml"
    path.write_text(HEAD + text)
    try:
        return "\n".join(case_mistakes(load_table(str(path))))
    except TableError as error:
        return f"{error.record.summary}\n{error.record.detail}"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("x" + ".x" * 32 + " = 1\n", "line 9: a key of more than 32 parts"),
        (f'[format]\nf = "{fields(101)}"\n', "format.f: more than 100 fields"),
        (f'[format]\nf = "{fields(30000)}"\n', "format.f: "),
        (
            "[format]\n" + "".join(f'f{at} = "{{n:int}}"\n' for at in range(9)),
            "format: ",
        ),
        (
            SMALL + "".join(requirement(f"r{at}", "n", "equal") for at in range(101)),
            "requirement: ",
        ),
        (
            SMALL
            + RULE
            + "".join(
                exception(f"e{at}", 'lifts = ["same"]', 'source = { n = "1" }')
                for at in range(101)
            ),
            "exception: ",
        ),
        (SMALL + RULE + case() * 501, "case: "),
        (SMALL + order(1, 1001) + RULE, "field.step.order[0].values: "),
        (SMALL + order(101, 1) + RULE, "field.step.order: "),
        (
            SMALL
            + RULE
            + exception("e", f"lifts = {quoted(33)}", 'source = { n = "1" }'),
            "exception[0].lifts: ",
        ),
        (
            SMALL + requirement("same", "n", "equal", f"stands_in_for = {quoted(33)}"),
            "requirement[0].stands_in_for: ",
        ),
        (SMALL + RULE + stream(covers=101), "stream.covers: "),
        (SMALL + RULE + stream(fields=101), "stream.field: "),
        (SMALL + RULE + stream(values=1001), "stream.field.a0.values: "),
        (
            f'[format]\nf = "{fields(100)}"\n'
            + requirement("same", "a0", "equal")
            + stream(fields=100, values=400).replace("a99 ", "b "),
            "stream.field.b: the format f has no such field",
        ),
        (
            f'[format]\nf = "{{a0:hex}}{"a" * 8000}"\n'
            + requirement("same", "a0", "equal")
            + stream(values=1000).replace('"0"', '"?"'),
            "stream.field.a0.values.00000000: ",
        ),
        (SMALL + RULE + case() + f'head = "{"00" * 6145}"\n', "case[0].head: "),
    ],
)
def test_more_than_a_limit_is_told_at_once(tmp_path: Path, text: str, key: str) -> None:
    began = time.process_time()

    assert key in load(tmp_path, text)
    assert time.process_time() - began < SECONDS


@pytest.mark.slow
def test_a_table_at_all_limits_loads_and_is_checked_in_time(tmp_path: Path) -> None:
    formats = "".join(
        f'f{at} = "f{at}:'
        + ",".join(f"{{{'n' if not n else f'x{at}_{n}'}:int}}" for n in range(100))
        + '"\n'
        for at in range(8)
    )
    lifts = "[" + ",".join(f'"r{at}"' for at in range(32)) + "]"
    conditions = ",".join(f'x7_{at + 1} = ["7", "8"]' for at in range(16))
    text = (
        f"[format]\n{formats}"
        + order(100, 10)
        + "".join(requirement(f"r{at}", "step", "not-lower") for at in range(100))
        + "".join(
            exception(
                f"e{at}",
                f"lifts = {lifts}",
                f"source = {{ {conditions} }}",
                f"destination = {{ {conditions} }}",
            )
            for at in range(100)
        )
    )
    strings = [
        "1ac1-f7:" + ",".join([str(at % 10), *["7"] * 97, str(at), "7"])
        for at in range(1000)
    ]
    for source, destination in zip(strings[:500], strings[500:], strict=True):
        text += case(source, destination)
    assert len(text) < 1 << 20
    began = time.process_time()

    found = load(tmp_path, text)

    assert "r99 fails in no case" in found
    assert time.process_time() - began < SECONDS
