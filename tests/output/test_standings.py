# SPDX-License-Identifier: Apache-2.0
"""The line that answers for many hosts, and the groups below it."""

from __future__ import annotations

import pytest

from vfiocompat.output.standings import (
    HostStanding,
    Standing,
    answer_line,
    group_lines,
)


def host(name: str, standing: Standing, brief: str = "", *places: str) -> HostStanding:
    return HostStanding(name, standing, brief, (f"because: {brief}",), places)


def answer(*hosts: HostStanding) -> str:
    return "".join(text for text, _ in answer_line(hosts))


def groups(*hosts: HostStanding, whole: bool = False) -> list[str]:
    return [
        "".join(text for text, _ in line) for line in group_lines(hosts, whole=whole)
    ]


def test_the_answer_counts_hosts_by_where_they_stand() -> None:
    assert answer(
        host("b", "can"),
        host("c", "can"),
        host("d", "full"),
        host("e", "room not known"),
        host("f", "undetermined", "facts missing"),
        *(host(f"g{number}", "cannot", "other vendor") for number in range(11)),
        *(host(f"h{number}", "cannot", "refused (EINVAL)") for number in range(4)),
    ) == (
        "2 hosts can take it: b, c; 1 fits but is full: d; 1 fits, room not known: e; "
        "1 undetermined: facts missing; 15 cannot: 11 other vendor, 4 refused (EINVAL)"
    )


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ("can", "1 host can take it: a"),
        ("full", "no host can take it; 1 fits but is full: a"),
        ("room not known", "no host can take it; 1 fits, room not known: a"),
        ("undetermined", "no host can take it; 1 undetermined: x"),
        ("cannot", "no host can take it: x"),
    ],
)
def test_one_host_is_one(standing: Standing, expected: str) -> None:
    assert answer(host("a", standing, "x")) == expected


def test_no_host_is_no_success() -> None:
    assert answer() == "no host can take it"
    assert answer_line([])[0][1] == "incompatible"


def test_what_is_alike_stands_once_with_its_hosts() -> None:
    assert groups(
        host("a", "cannot", "x"),
        host("b", "can", "t", "p/1   2 free", "p/2"),
        host("c", "cannot", "x"),
        host("d", "cannot", "y"),
    ) == [
        "",
        "can take it  1 host",
        "  because: t",
        "  b",
        "    p/1   2 free",
        "    p/2",
        "",
        "cannot take it  2 hosts",
        "  because: x",
        "  on a, c",
        "",
        "cannot take it  1 host",
        "  because: y",
        "  on d",
    ]


def test_long_lists_are_cut_short_and_say_so_unless_all_is_asked_for() -> None:
    many = [host(f"h{number}", "cannot", "x") for number in range(20)]
    assert groups(*many)[-1].endswith("h11 and 8 more")
    assert groups(*many, whole=True)[-1].endswith("h18, h19")
    places = [f"p/{number}" for number in range(20)]
    takes = [host(f"h{number}", "can", "x", *places) for number in range(20)]
    assert groups(*takes)[-2:] == ["    and 8 more", "  and 8 more"]
    assert "and" not in " ".join(groups(*takes, whole=True))
