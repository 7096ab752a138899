# SPDX-License-Identifier: Apache-2.0
"""Mistakes of a table, each told with its dotted key."""

from __future__ import annotations

import tomllib

import pytest

from vfiocompat.tables.language.mistakes import mistakes
from vfiocompat.tables.language.records import TableFile
from vfiocompat.tomlfile import convert

from .making import HEAD, exception, requirement, table_file

FORMAT = '[format]\nf = "{g:text}:{n:int}:{s:set}:{r:range}"\n'
RULE = requirement("same", "n", "equal")


def wrong(text: str, head: str = HEAD) -> list[str]:
    return list(mistakes(table_file(text, head), "acme-npu"))


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (FORMAT, "requirement", "at least one"),
        ('[format]\nF = "{n:int}"\n' + RULE, "format.F", "name is [a-z]"),
        ('[format]\nf = "{n:moon}"\n' + RULE, "format.f", "has the kind 'moon'"),
        (
            '[format]\nf = "{n:int}"\ng = "x{n:text}"\n' + RULE,
            "format.g",
            "n is of kind text here and int",
        ),
        (FORMAT + "[field.x]\n" + RULE, "field.x", "no format has this field"),
        (
            FORMAT + '[field.x]\nfrom = "y"\n' + RULE,
            "field.x.from",
            "no format has a field 'y'",
        ),
        (
            FORMAT + '[field.x]\nfrom = "s"\n' + RULE,
            "field.x.from",
            "cannot be grouped",
        ),
        (FORMAT + '[field.x]\nfrom = "g"\n' + RULE, "field.x.order", "is missing"),
        (
            FORMAT + '[field.n]\nfrom = "g"\norder = []\n' + RULE,
            "field.n",
            "name of another",
        ),
        (
            FORMAT + '[field.n]\norder = [{ name = "A", values = ["a"] }]\n' + RULE,
            "field.n.from",
            "name the field",
        ),
        (
            FORMAT
            + '[field.x]\nfrom = "n"\norder = [{ name = "A", values = ["a"] }]\n'
            + RULE,
            "field.x.order[0].values[0]",
            "'a' is no int",
        ),
        (
            FORMAT + '[field.x]\nfrom = "n"\norder = [{ name = "A", values = ["1"] }, '
            '{ name = "A", values = ["01"] }]\n' + RULE,
            "field.x.order[1]",
            "already",
        ),
        (FORMAT + RULE + RULE, "requirement[1].id", "'same' is there already"),
        (
            FORMAT + requirement("a", "x", "equal"),
            "requirement[0].field",
            "no format has",
        ),
        (
            FORMAT + requirement("a", "n", "equal", 'destination_field = "x"'),
            "requirement[0].destination_field",
            "no format has",
        ),
        (
            FORMAT + requirement("a", "g", "not-lower"),
            "requirement[0].relation",
            "not-lower is not defined for text/text",
        ),
        (
            FORMAT + requirement("a", "n", "within"),
            "requirement[0].relation",
            "it is for hex/range, int/range",
        ),
        (
            FORMAT + requirement("a", "n", "specifier"),
            "requirement[0].specifier",
            "is missing",
        ),
        (
            FORMAT + requirement("a", "n", "specifier", 'specifier = ">x"'),
            "requirement[0].specifier",
            "'x' is no value",
        ),
        (
            FORMAT + requirement("a", "n", "equal", 'specifier = ">1"'),
            "requirement[0].specifier",
            "goes with the relation specifier",
        ),
        (
            FORMAT + requirement("a", "n", "equal", 'side = "source"'),
            "requirement[0].side",
            "goes with the relation specifier",
        ),
        (
            FORMAT
            + requirement(
                "a", "n", "specifier", 'specifier = ">1"', 'destination_field = "n"'
            ),
            "requirement[0].destination_field",
            "about one side",
        ),
        (FORMAT + RULE + exception("a"), "exception[0]", "either denies"),
        (
            FORMAT + RULE + exception("a", 'verdict = "incompatible"'),
            "exception[0]",
            "no condition",
        ),
        (
            FORMAT + RULE + exception("a", 'lifts = ["x"]', 'source = { n = "1" }'),
            "exception[0].lifts[0]",
            "no requirement 'x'",
        ),
        (
            FORMAT + RULE + exception("a", 'lifts = ["same"]', 'source = { x = "1" }'),
            "exception[0].source.x",
            "no format has",
        ),
        (
            FORMAT
            + RULE
            + exception("a", 'lifts = ["same"]', 'destination = { n = "x" }'),
            "exception[0].destination.n",
            "'x' is no value",
        ),
        (
            FORMAT
            + RULE
            + exception("same", 'lifts = ["same"]', 'source = { n = "1" }'),
            "exception[0].id",
            "already",
        ),
        (
            FORMAT + RULE + requirement("a", "g", "equal", 'stands_in_for = ["x"]'),
            "requirement[1].stands_in_for[0]",
            "no requirement 'x'",
        ),
        (
            FORMAT + requirement("a", "g", "equal", 'stands_in_for = ["a"]'),
            "requirement[0].stands_in_for[0]",
            "stands in for others itself",
        ),
        (
            FORMAT
            + RULE
            + requirement("a", "g", "equal", 'stands_in_for = ["same"]')
            + requirement("b", "s", "equal", 'stands_in_for = ["same"]'),
            "requirement[2].stands_in_for[0]",
            "another requirement stands in for same",
        ),
        (
            FORMAT
            + RULE
            + exception(
                "a",
                'verdict = "incompatible"',
                'source = { n = "1" }',
                'stands_in_for = ["x"]',
            ),
            "exception[0].stands_in_for[0]",
            "no requirement 'x'",
        ),
        (FORMAT + RULE + '[derive]\nn = "device_id"\n', "derive.format", "name one of"),
        (
            FORMAT + RULE + '[derive]\nformat = "f"\nx = "device_id"\n',
            "derive.x",
            "no such field",
        ),
        (
            FORMAT + RULE + '[derive]\nformat = "f"\nn = "moon"\n',
            "derive.n",
            "'moon' is no fact",
        ),
        (
            FORMAT
            + RULE
            + '[derive]\nformat = "f"\nn = ["device_id", "/etc/passwd"]\n',
            "derive.n",
            "'/etc/passwd' is no fact",
        ),
    ],
)
def test_a_mistake_has_its_key(text: str, key: str, says: str) -> None:
    found = wrong(text)

    assert found[0].startswith(f"{key}")
    assert says in found[0]


REFERENCE = 'reference = "x"\n'


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (REFERENCE, "interface"),
        (REFERENCE + 'flags = ["P2P", "P2P"]\n', "interface.flags"),
    ],
)
def test_mistakes_of_an_interface(text: str, key: str) -> None:
    document = tomllib.loads(f"{HEAD}{FORMAT}{RULE}[interface]\n{text}")
    found = convert(document, TableFile)
    assert found.record is not None
    told = [*found.mistakes, *mistakes(found.record, "acme-npu", found.broken)]

    assert told[0].startswith(key)


def test_drivers_that_migrate_nothing_have_no_interface() -> None:
    head = HEAD + 'migration = "unsupported"\nwhy = "x"\n'
    found = wrong(f"[interface]\ndirty_tracking = false\n{REFERENCE}", head)

    assert found[0].startswith("interface: ")


@pytest.mark.parametrize(
    ("head", "text", "key"),
    [
        (HEAD.replace("acme-npu", "other"), FORMAT + RULE, "id"),
        (HEAD + 'migration = "unsupported"\n', "", "why"),
        (HEAD + 'why = "x"\n', FORMAT + RULE, "why"),
        (HEAD + 'migration = "unsupported"\nwhy = "x"\n', FORMAT + RULE, "format"),
        (HEAD + 'migration = "device-decides"\nwhy = "x"\n', RULE, "requirement"),
        (
            HEAD.replace('drivers = ["acme"]', "")
            + 'migration = "unsupported"\nwhy = "x"\n',
            "",
            "drivers",
        ),
    ],
)
def test_mistakes_of_the_head(head: str, text: str, key: str) -> None:
    assert wrong(text, head)[0].startswith(f"{key}: ")


def test_all_mistakes_are_told_at_once() -> None:
    found = wrong(
        FORMAT
        + requirement("a", "x", "equal")
        + requirement("a", "g", "not-lower")
        + exception("b")
        + '[derive]\nformat = "f"\nx = "device_id"\n'
    )

    assert [line.partition(":")[0] for line in found] == [
        "requirement[1].id",
        "requirement[0].field",
        "requirement[1].relation",
        "exception[0]",
        "exception[0]",
        "derive.x",
    ]


def test_a_table_without_mistakes() -> None:
    assert wrong(FORMAT + RULE) == []
    assert wrong("", HEAD + 'migration = "unsupported"\nwhy = "x"\n') == []
    assert wrong("", HEAD + 'migration = "device-decides"\n') == []
