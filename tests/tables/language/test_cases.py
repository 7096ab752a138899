# SPDX-License-Identifier: Apache-2.0
"""A table's own cases: they must say what it says, and enough."""

from __future__ import annotations

import pytest

from vfiocompat.tables.language.cases import case_mistakes

from .making import HEAD, exception, requirement, table

FORMAT = '[format]\nf = "{g:int}:{n:int}"\n'
UP = requirement("not-lower", "g", "not-lower")
SAME = requirement("same", "n", "equal")


def case(source: str, destination: str, verdict: str, *by: str) -> str:
    decided = f"decided_by = {list(by)!r}\n" if by else ""
    return (
        f'[[case]]\nsource = "1ac1-{source}"\ndestination = "1ac1-{destination}"\n'
        f'verdict = "{verdict}"\n{decided}'
    )


ENOUGH = (
    case("1:1", "2:1", "compatible")
    + case("2:1", "1:1", "incompatible", "not-lower")
    + case("1:1", "1:2", "incompatible", "same")
)


def wrong(text: str, head: str = HEAD) -> list[str]:
    return list(case_mistakes(table(FORMAT + text, head)))


def test_enough_cases() -> None:
    assert wrong(UP + SAME + ENOUGH) == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            case("1:1", "1:1", "incompatible"),
            "case[3].verdict: incompatible is expected, the table says compatible",
        ),
        (
            case("2:1", "1:2", "incompatible", "same"),
            "case[3].decided_by: same is expected, it is not-lower, same",
        ),
        (
            case("1:1", "1:1", "compatible", "same"),
            "case[3].decided_by: same is expected, it is nothing",
        ),
        (
            case("1:1", "3:1", "compatible"),
            "case[3]: goes from a lower to a higher value (not-lower), so state the",
        ),
        (
            case("x:1", "1:1", "compatible"),
            "case[3].source: no format matches '1ac1-x:1': f stops at byte 5",
        ),
        (
            case("1:1", "1:1", "compatible").replace("1ac1-1:1", "8086-1:1", 1),
            "case[3].source: '8086-1:1' is not of the vendor pci:1ac1",
        ),
        (
            case("1:1", "1:1", "compatible").replace('"1ac1-1:1"', '""', 1),
            "case[3].source: the version string is empty",
        ),
    ],
)
def test_a_case_that_is_wrong(more: str, says: str) -> None:
    [mistake] = wrong(UP + SAME + ENOUGH + more)

    assert mistake.startswith(says)


def test_each_requirement_must_hold_once_and_fail_once() -> None:
    only = case("1:1", "1:1", "compatible")

    assert wrong(UP + SAME + only) == [
        "requirement[0]: not-lower fails in no case",
        "requirement[1]: same fails in no case",
    ]
    assert wrong(UP + case("2:1", "1:1", "incompatible")) == [
        "requirement[0]: not-lower holds in no case"
    ]


def test_each_exception_must_decide_a_case() -> None:
    lift = exception("lift", 'lifts = ["same"]', 'source = { g = "7" }')
    text = UP + SAME + lift + ENOUGH

    assert wrong(text) == ["exception[0]: lift decides no case"]
    assert wrong(text + case("7:1", "7:2", "compatible", "lift")) == []


def test_a_string_must_be_compatible_with_itself() -> None:
    swapped = '[format]\nf = "{a:int}:{b:int}"\n' + requirement(
        "up", "a", "not-lower", 'destination_field = "b"'
    )
    cases = case("2:1", "0:2", "compatible") + case("0:2", "2:1", "compatible")
    found = list(
        case_mistakes(table(swapped + cases + case("3:1", "1:2", "incompatible")))
    )

    assert found[0] == "case[0].source: '1ac1-2:1' is not compatible with itself: up"


@pytest.mark.parametrize(
    "text",
    [
        requirement("new", "g", "specifier", 'specifier = ">=2"')
        + case("1:1", "2:1", "compatible")
        + case("2:1", "1:1", "incompatible"),
        SAME
        + exception("no", 'verdict = "incompatible"', 'source = { g = "9" }')
        + case("9:1", "9:1", "incompatible", "no")
        + case("1:1", "1:1", "compatible")
        + case("1:1", "1:2", "incompatible"),
        SAME
        + case("1:?", "1:1", "undetermined")
        + case("1:1", "1:1", "compatible")
        + case("1:1", "1:2", "incompatible"),
    ],
)
def test_but_not_one_that_is_refused_on_its_own_or_not_known(text: str) -> None:
    assert wrong(text) == []


def test_where_the_device_decides_no_string_need_be() -> None:
    head = HEAD + 'migration = "device-decides"\nwhy = "x"\n'
    cases = case("1:1", "1:1", "undetermined") + case("1:1", "1:2", "incompatible")

    assert wrong(SAME + cases, head) == []
