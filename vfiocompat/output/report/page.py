# SPDX-License-Identifier: Apache-2.0
"""A report as one web page that loads nothing: the only module that imports jinja2.

What others have named reaches the page only through `_shown`, and through Jinja's
escaping. The page's policy lets no style and no script run but ours.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat import __version__
from vfiocompat.errors import OutputError
from vfiocompat.output.report.advice import dead_ends, one_way, one_way_classes
from vfiocompat.output.report.answer import answer_lines, counted, counts_of
from vfiocompat.output.report.listing import classes, groups, hosts, problems
from vfiocompat.output.report.maps import WAYS, class_map, host_map
from vfiocompat.output.report.parts import Todo, is_folded
from vfiocompat.output.visible import visible
from vfiocompat.times import ago, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from vfiocompat.fleet.moves import Way
    from vfiocompat.fleet.report import Report
    from vfiocompat.output.report.maps import Map
    from vfiocompat.output.wayout import Step

__all__ = ["demand_jinja", "page"]

TITLE = "Where the devices of this fleet can go"

_TEMPLATES = os.path.join(os.path.dirname(__file__), "templates")

_NAME, _SENTENCE = 256, 4096
"""How many characters of a name, and of what has names in it, a page shows."""

_SMALL = 40
"""Names from which on a map is a picture, and no table."""

_LARGEST = 300
"""Names from which on a map shows the first only."""

_SIGNS = {
    "compatible": "+",
    "one way": ">",
    "undetermined": "?",
    "incompatible": "-",
    None: "",
    "warning": "!",
    "error": "!",
    "plain": "",
}
"""The signs beside colours: of ways they are those of `matrix`."""


def demand_jinja() -> ModuleType:
    """Load Jinja.

    Raises:
        OutputError: it is not installed.

    """
    try:
        return import_module("jinja2")
    except ImportError:
        raise OutputError(
            "a web page needs the Python package Jinja2",
            hint="pip install 'vfiocompat[report]'; or --format markdown",
        ) from None


def page(report: Report, steps: Sequence[Step] = ()) -> str:
    """Write a report as a web page, with the steps of what is to be typed."""
    jinja = demand_jinja()
    environment = jinja.Environment(
        autoescape=True,
        finalize=_shown,
        keep_trailing_newline=True,
        loader=jinja.FileSystemLoader(_TEMPLATES),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=jinja.StrictUndefined,
    )
    css, js = (_text(name) for name in ("page.css", "page.js"))
    environment.filters |= {
        "name": partial(_brief, most=_NAME),
        "text": partial(_brief, most=_SENTENCE),
    }
    max_age = report.horizon.max_age
    text: str = environment.get_template("page.html").render(
        answer=list(answer_lines(report)),
        bar=_bar(report),
        classes={each: (each or "none").replace(" ", "-") for each in _SIGNS},
        css=css,
        js=js,
        made_at=moment(report.horizon.now),
        max_age=None if max_age is None else ago(max_age),
        policy=_policy(css, js),
        signs=_SIGNS,
        sections=[
            _drawn(host_map(report)),
            dead_ends(report),
            *([Todo(steps)] if steps else []),
            one_way(report),
            one_way_classes(report),
            hosts(report),
            *([groups(report)] if is_folded(report) else []),
            _drawn(class_map(report)),
            classes(report),
            problems(report),
        ],
        title=TITLE,
        version=__version__,
        ways=WAYS[1:],
    )
    return text


def _shown(value: object) -> object:
    """Make a text visible before it is escaped; what is markup is ours, and done."""
    is_markup = hasattr(value, "__html__")
    return visible(value) if isinstance(value, str) and not is_markup else value


def _brief(text: str, most: int) -> str:
    """Cut a text with what others have written, where that is longer than any is."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def _text(name: str) -> str:
    with open(os.path.join(_TEMPLATES, name), encoding="utf-8") as file:
        return file.read()


def _policy(css: str, js: str) -> str:
    """Give the policy by which a browser runs our style and our script, and no other.

    The icon is empty, so that none is asked for.
    """
    style, script = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (css, js)
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; "
        f"script-src 'sha256-{script}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


# ---- drawings --------------------------------------------------------------------


class _Part(NamedTuple):
    """A part of the bar: hosts that are alike in where their devices can go."""

    way: str
    at: int
    number: int
    said: str


class _Bar(NamedTuple):
    total: int
    parts: list[_Part]


def _bar(report: Report) -> _Bar:
    """Say of how many hosts the devices can go where."""
    counts = counts_of(report)
    one_way = sum(0 < line.to == line.one_way for line in report.hosts)
    parts, at = [], 0
    for way, number, said in (
        ("compatible", counts.elsewhere - one_way, "can go elsewhere, and come back"),
        ("one-way", one_way, "can go elsewhere, one way only"),
        ("undetermined", counts.unknown, "unknown"),
        ("incompatible", counts.nowhere, "can go nowhere"),
        ("none", counts.hosts - counts.sources, "no devices"),
    ):
        if number:
            parts.append(_Part(way, at, number, f"{counted(number, 'host')}: {said}"))
            at += number
    return _Bar(max(at, 1), parts)


class _Drawn(NamedTuple):
    """A map as it is drawn: a small one as a table, a larger one as a picture.

    `each` are its rows for a table. A picture has a path for each way, `ticks` beside
    it, and says in `cut` what it leaves out.
    """

    id: str
    title: str
    about: str
    sources: Sequence[object]
    destinations: Sequence[tuple[str, str]]
    is_small: bool
    each: list[tuple[tuple[str, str], list[Way | None]]]
    paths: list[tuple[Way, str]]
    ticks: list[tuple[int | float, int | float, str, str]]
    box: str
    letters: float
    words: str
    cut: str
    is_map: bool = True
    is_todo: bool = False


def _drawn(map_: Map) -> _Drawn:
    small = len(map_.destinations) <= _SMALL
    rows = [row[:_LARGEST] for row in map_.rows[:_LARGEST]]
    width, height = len(map_.destinations[:_LARGEST]), len(rows)
    margin = max(width / 12, 3)
    left = len(map_.destinations) - width
    return _Drawn(
        map_.id,
        map_.title,
        map_.about,
        map_.sources,
        map_.destinations,
        small,
        [
            (source, [WAYS[number] for number in row])
            for source, row in zip(map_.sources, rows, strict=False)
        ]
        if small
        else [],
        [] if small else _paths(rows),
        [] if small else list(_ticks(map_, width, height)),
        f"{-margin:g} {-margin / 2:g} {width + margin:g} {height + margin / 2:g}",
        margin / 4,
        f"{len(map_.sources)} rows and {len(map_.destinations)} columns; the tables "
        "below say the same in words.",
        f"It shows the first {width} of {len(map_.destinations)}; the tables below "
        "have all."
        if left
        else "",
    )


def _paths(rows: Sequence[bytes]) -> list[tuple[Way, str]]:
    """Draw each way as one path: a line for each run of it in a row."""
    drawn: dict[int, list[str]] = {}
    for at, row in enumerate(rows):
        for run in re.finditer(rb"(.)\1*", row, re.DOTALL):
            line = f"M{run.start()} {at}.5h{run.end() - run.start()}"
            drawn.setdefault(run[1][0], []).append(line)
    return [
        (way, "".join(drawn[number]))
        for number, way in enumerate(WAYS)
        if way and number in drawn
    ]


def _ticks(
    map_: Map, width: int, height: int
) -> Iterator[tuple[int | float, int | float, str, str]]:
    """Give the numbers that stand at the top, and on the left, of a picture."""
    step = max(width // 12, 1)
    for at in range(0, width, step):
        yield at + 0.5, -width / 100, "middle", map_.destinations[at][0]
    for at in range(0, height, step):
        yield -width / 100, at + 0.5 + width / 100, "end", map_.sources[at][0]
