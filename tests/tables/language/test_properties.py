# SPDX-License-Identifier: Apache-2.0
"""What holds of every table and every string."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from packaging.version import Version

from tests.tables.language.making import read
from tests.tables.test_shipped import DECIDING, TABLES
from vfiocompat.diagnostics import SIDES
from vfiocompat.errors import InvalidVersion
from vfiocompat.tables.language.derive import derive
from vfiocompat.tables.language.formats import compile_format
from vfiocompat.tables.language.kinds import KINDS, UNKNOWN
from vfiocompat.tables.language.records import Exemption, Requirement, TableFile
from vfiocompat.tables.language.relations import RELATIONS, compile_condition
from vfiocompat.tables.language.table import Reading, Table
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from vfiocompat.tables.language.records import RelationName

often = settings(max_examples=150)

NAMES = st.text("abcyz019_.", min_size=1, max_size=6)
NUMBERS = st.integers(0, 30).map(str)
RELEASES = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(
    lambda parts: ".".join(map(str, parts))
)
TEXTS: dict[str, st.SearchStrategy[str]] = {
    "hex": st.integers(0, 40).map(lambda number: f"{number:x}"),
    "int": NUMBERS,
    "text": NAMES,
    "version": RELEASES,
    "set": st.one_of(
        st.lists(NAMES, max_size=3).map(",".join),
        st.integers(0, 15).map(lambda bits: f"{bits:#x}"),
    ),
    "hexset": st.lists(st.integers(0, 40), max_size=3).map(
        lambda numbers: ",".join(f"{number:#x}" for number in numbers)
    ),
    "mask": st.integers(0, 15).map(lambda bits: f"{bits:#x}"),
    "range": st.tuples(st.integers(0, 9), st.integers(0, 9)).map(
        lambda pair: f"{min(pair)}..{max(pair)}"
    ),
    "size": st.tuples(st.integers(0, 9), st.sampled_from(["", "K", "M", "G"])).map(
        lambda pair: f"{pair[0]}{pair[1]}"
    ),
    "map": st.dictionaries(NAMES, NUMBERS, max_size=3).map(
        lambda entries: ",".join(f"{key}={value}" for key, value in entries.items())
    ),
    "rates": st.dictionaries(
        st.integers(0, 9), st.tuples(NUMBERS, NUMBERS), max_size=3
    ).map(
        lambda entries: ",".join(
            f"a.{mask:x}={low}/{high}" for mask, (low, high) in entries.items()
        )
    ),
}


def values(kind: str) -> st.SearchStrategy[str]:
    return st.one_of(TEXTS[kind], st.just(UNKNOWN))


def file_of(kinds: dict[str, str], *requirements: Requirement) -> TableFile:
    body = ";".join(f"{name}={{{name}:{kind}}}" for name, kind in kinds.items())
    return TableFile(
        schema=1,
        id="t",
        title="t",
        evidence="site",
        references=("x",),
        format={"f": f"t;{body};"},
        requirement=requirements,
    )


def requirement(field: str, relation: RelationName) -> Requirement:
    return Requirement(
        id=f"{field}-{relation}", field=field, relation=relation, why="w"
    )


def string(kinds: dict[str, str], texts: dict[str, str]) -> str:
    return "8086-t;" + ";".join(f"{name}={texts[name]}" for name in kinds) + ";"


def verdict(file: TableFile, source: str, destination: str) -> str:
    table = Table(file)
    ends = [table.read(VersionString.parse(text)) for text in (source, destination)]
    for end in ends:
        assert isinstance(end, Reading), end
    return table.outcome(
        *[end.values for end in ends if isinstance(end, Reading)]
    ).verdict


RULES = sorted(
    (kind, relation)
    for relation, each in RELATIONS.items()
    for kind, other in each.kinds
    if kind == other and kind in KINDS
)


OTHERWISE = st.sampled_from(["incompatible", "undetermined"])


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, str], list[Requirement]]:
    """Draw a table of some fields, each with a requirement that its kind has."""
    rules = draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=4))
    kinds = {f"f{at}": kind for at, (kind, _) in enumerate(rules)}
    found = [
        replace(requirement(f"f{at}", relation), otherwise=draw(OTHERWISE))
        for at, (_, relation) in enumerate(rules)
    ]
    return kinds, found


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, str], list[Requirement], Any, Any]:
    kinds, found = draw(tables())
    texts = st.fixed_dictionaries({name: values(kind) for name, kind in kinds.items()})
    return kinds, found, draw(texts), draw(texts)


# ---- strings ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@often
@given(data=st.data())
def test_every_drawn_text_is_of_its_kind(kind: str, data: st.DataObject) -> None:
    """The properties below say something of every kind."""
    text = data.draw(TEXTS[kind])
    assume(not repeated_key(kind, text))
    assert KINDS[kind].value(text) is not None


def repeated_key(kind: str, text: str) -> bool:
    return kind == "map" and len({e.partition("=")[0] for e in text.split(",")}) < (
        text.count(",") + 1
    )


@often
@given(pairs())
def test_what_is_written_is_read(drawn: tuple[Any, ...]) -> None:
    kinds, _, texts, _ = drawn
    form = compile_format("f", file_of(kinds).format["f"])
    written = form.write(texts)
    pieces = form.read(written)
    assert isinstance(pieces, dict)
    assert {name: piece.text for name, piece in pieces.items()} == texts
    for piece in pieces.values():
        assert written[piece.start : piece.end] == piece.text
    assert form.write({name: piece.text for name, piece in pieces.items()}) == written


SEPARATORS = st.text("-?:=x", min_size=1, max_size=3)


@settings(max_examples=200)
@given(st.data())
def test_what_is_derived_is_read_back_or_not_known(data: st.DataObject) -> None:
    """Whatever of the next literal the values hold, and whatever the literals are."""
    kinds = data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4))
    parts = [f"{{f{at}:{kind}}}" for at, kind in enumerate(kinds)]
    form = parts[0] + "".join(data.draw(SEPARATORS) + part for part in parts[1:])
    any_text = st.text("-?:=xA, 0", max_size=5)
    stated = {
        f"f{at}": data.draw(st.one_of(any_text, TEXTS[kind]))
        for at, kind in enumerate(kinds)
    }
    file = replace(
        file_of({}, requirement("f0", "equal")),
        vendor="pci:8086",
        format={"f": form},
        derive={"format": "f"},
    )
    found = derive(Table(file), {}, stated, None)
    if found is None:
        assert "?" in form
        return
    for (name, text), kind in zip(stated.items(), kinds, strict=True):
        written = found.pieces[name].text
        whole = text.removeprefix("0x") if kind == "hex" else text
        assert written in {UNKNOWN, whole}
        if KINDS[kind].value(text) is not None and not set(text) & set("-?:=x"):
            assert written == whole


@often
@given(RELEASES, RELEASES)
def test_versions_compare_as_packaging_does(one: str, other: str) -> None:
    values = KINDS["version"].value(one), KINDS["version"].value(other)
    assert (values[0] < values[1]) == (Version(one) < Version(other))
    assert (values[0] == values[1]) == (Version(one) == Version(other))


def any_string() -> st.SearchStrategy[str]:
    """Draw what looks like strings of tables, and what does not."""
    known = [
        text
        for table in TABLES.values()
        for case in table.file.case
        for text in (case.source, case.destination)
    ]
    cut = st.tuples(st.sampled_from(known), st.integers(0, 90), st.text("?=:-.,0xz9"))
    return st.one_of(
        st.sampled_from(known),
        cut.map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1),
    )


@settings(max_examples=400)
@given(any_string(), any_string())
def test_evaluation_never_raises(source: str, destination: str) -> None:
    try:
        ends = [VersionString.parse(text) for text in (source, destination)]
    except InvalidVersion:
        return
    for table in TABLES.values():
        found = [table.read(end) for end in ends]
        readings = [each for each in found if isinstance(each, Reading)]
        for one in readings:
            for other in readings:
                assert table.outcome(one.values, other.values).verdict


# ---- evaluation ------------------------------------------------------------------


@often
@given(pairs(), st.sampled_from(RULES))
def test_another_requirement_never_allows_a_pair(
    drawn: tuple[Any, ...], rule: tuple[str, RelationName]
) -> None:
    kinds, found, source, destination = drawn
    fits = [name for name, kind in kinds.items() if kind == rule[0]]
    ends = string(kinds, source), string(kinds, destination)
    before = verdict(file_of(kinds, *found), *ends)
    for name in fits:
        more = [*found, replace(requirement(name, rule[1]), id="another")]
        after = verdict(file_of(kinds, *more), *ends)
        if before == "incompatible":
            assert after == "incompatible"
        if after == "compatible":
            assert before == "compatible"


@often
@given(pairs())
def test_what_leaves_open_refuses_nothing(drawn: tuple[Any, ...]) -> None:
    kinds, found, source, destination = drawn
    ends = string(kinds, source), string(kinds, destination)
    strict = [replace(each, otherwise="incompatible") for each in found]
    lax = [replace(each, otherwise="undetermined") for each in found]

    after = verdict(file_of(kinds, *lax), *ends)
    assert after != "incompatible"
    assert (after == "compatible") == (
        verdict(file_of(kinds, *strict), *ends) == "compatible"
    )


@often
@given(pairs())
def test_what_stands_in_says_nothing_where_the_other_is_known(
    drawn: tuple[Any, ...],
) -> None:
    kinds, found, source, destination = drawn
    first, weaker = found[0], replace(found[-1], id="weaker")
    ends = string(kinds, source), string(kinds, destination)
    alone = verdict(file_of(kinds, first), *ends)
    standing = replace(weaker, stands_in_for=(first.id,))

    after = verdict(file_of(kinds, first, standing), *ends)
    assert alone in {after, "undetermined"}


@pytest.mark.parametrize("kind", sorted(kind for kind, r in RULES if r == "equal"))
@often
@given(data=st.data())
def test_a_condition_of_texts_says_what_equal_says(
    kind: str, data: st.DataObject
) -> None:
    worth, equal = KINDS[kind].value, RELATIONS["equal"].compare
    texts = data.draw(st.lists(TEXTS[kind], min_size=1, max_size=3))
    value = worth(data.draw(TEXTS[kind]))
    assume(None not in [value, *map(worth, texts)])
    each = [equal(worth(text), value) for text in texts]

    held = compile_condition(tuple(texts), worth, ordered=KINDS[kind].ordered)(value)
    assert held is (True if True in each else None if None in each else False)


ORDERED = sorted(name for name, kind in KINDS.items() if kind.ordered)


@pytest.mark.parametrize("kind", ORDERED)
@often
@given(data=st.data())
def test_not_lower_is_transitive(kind: str, data: st.DataObject) -> None:
    file = file_of({"f": kind}, requirement("f", "not-lower"))
    ends = [string({"f": kind}, {"f": data.draw(TEXTS[kind])}) for _ in range(3)]
    steps = [verdict(file, ends[0], ends[1]), verdict(file, ends[1], ends[2])]
    if steps == ["compatible"] * 2:
        assert verdict(file, ends[0], ends[2]) == "compatible"


@pytest.mark.parametrize("kind", ORDERED)
@often
@given(data=st.data())
def test_a_higher_destination_stays_compatible(kind: str, data: st.DataObject) -> None:
    kinds = {"f": kind, "g": kind}
    file = file_of(kinds, *(requirement(name, "not-lower") for name in kinds))
    source, destination, other, higher = (data.draw(TEXTS[kind]) for _ in range(4))
    worth = KINDS[kind].value
    if worth(higher) < worth(destination):
        higher, destination = destination, higher
    start = string(kinds, {"f": source, "g": other})
    before = verdict(file, start, string(kinds, {"f": destination, "g": other}))
    after = verdict(file, start, string(kinds, {"f": higher, "g": other}))
    if before == "compatible":
        assert after == "compatible"


@often
@given(pairs(), st.data())
def test_what_is_forgotten_never_allows_a_pair(
    drawn: tuple[Any, ...], data: st.DataObject
) -> None:
    kinds, found, source, destination = drawn
    file = file_of(kinds, *found)
    name = data.draw(st.sampled_from(sorted(kinds)))
    before = verdict(file, string(kinds, source), string(kinds, destination))
    for ends in (
        ({**source, name: UNKNOWN}, destination),
        (source, {**destination, name: UNKNOWN}),
    ):
        after = verdict(file, *(string(kinds, texts) for texts in ends))
        assert after != "compatible" or before == "compatible", name


@st.composite
def conditioned(draw: st.DrawFn) -> tuple[Table, list[Reading]]:
    """Draw a table with conditions too, two sources and a destination."""
    kinds, found, source, destination = draw(pairs())
    names = st.sampled_from(sorted(kinds))

    def condition(name: str) -> tuple[str, ...]:
        return tuple(draw(st.lists(TEXTS[kinds[name]], min_size=1, max_size=2)))

    compared = draw(st.lists(st.sampled_from(found), unique_by=lambda each: each.id))
    field, other, there = draw(names), draw(names), draw(names)
    rules = [
        *compared,
        Requirement(
            id="condition",
            field=field,
            relation="specifier",
            specifier=condition(field),
            side=draw(st.sampled_from(SIDES)),
            why="w",
        ),
    ]
    denies = draw(st.booleans())
    exemption = Exemption(
        id="exemption",
        why="w",
        verdict="incompatible" if denies else None,
        lifts=() if denies else (draw(st.sampled_from(rules)).id,),
        source={other: condition(other)},
        destination={there: condition(there)},
    )
    table = Table(replace(file_of(kinds, *rules), exception=(exemption,)))
    changed = draw(names)
    texts = source, source | {changed: draw(values(kinds[changed]))}, destination
    return table, [read(table, string(kinds, each)) for each in texts]


@settings(max_examples=400)
@given(conditioned())
def test_sources_of_which_the_same_is_read_have_the_same_outcome(
    drawn: tuple[Table, list[Reading]],
) -> None:
    table, (one, other, destination) = drawn
    if table.read_of_source(one) == table.read_of_source(other):
        there = destination.values
        assert table.outcome(one.values, there) == table.outcome(other.values, there)


@pytest.mark.parametrize("name", DECIDING)
def test_sources_alike_for_a_shipped_table_have_the_same_outcome(name: str) -> None:
    """Each case has its source changed in one field, to what other cases have there."""
    table = TABLES[name]
    ends = [
        [read(table, text) for text in (case.source, case.destination)]
        for case in table.file.case
    ]
    known: dict[str, set[str]] = {}
    for one in chain.from_iterable(ends):
        for field, piece in one.pieces.items():
            known.setdefault(field, set()).add(piece.text)
    for source, destination in ends:
        reads = table.read_of_source(source)
        outcome = table.outcome(source.values, destination.values)
        text = source.version.text
        for field, (_, start, end) in source.pieces.items():
            for each in known[field]:
                other = table.read(
                    VersionString.parse(text[:start] + each + text[end:])
                )
                if isinstance(other, Reading) and table.read_of_source(other) == reads:
                    assert table.outcome(other.values, destination.values) == outcome


@pytest.mark.parametrize("name", DECIDING)
def test_what_is_forgotten_never_allows_a_case_of_a_shipped_table(name: str) -> None:
    """The exceptions of shipped tables hold to it too."""
    table = TABLES[name]
    for case in table.file.case:
        ends = [
            table.read(VersionString.parse(text))
            for text in (case.source, case.destination)
        ]
        values = [list(end.values) for end in ends if isinstance(end, Reading)]
        for side in (0, 1):
            for at in range(len(values[side])):
                forgotten = [list(each) for each in values]
                forgotten[side][at] = None
                after = table.outcome(*map(tuple, forgotten)).verdict
                assert after != "compatible" or case.verdict == "compatible", case
