# SPDX-License-Identifier: Apache-2.0
"""Pairs that a table evaluates in a second, beside the same rule in CEL.

The peer is `common-expression-language`, the Python bindings of a Rust implementation.
Its program is compiled once and made of the same table; the values are those that the
table has parsed. Both are asked about the pairs of the table's cases of which every
value is known, since CEL has two truth values, and have to agree on each. CEL gets the
values of a pair as a dict and takes them over by itself, which is most of its time: in
a fleet each pair is another one, so nothing could be prepared.
"""

from __future__ import annotations

import statistics
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cel
from packaging.version import Version

import vfiocompat
from vfiocompat.tables.language.table import Reading, Table
from vfiocompat.tables.library import load_table
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfiocompat.tables.language.records import Exemption, Requirement

TABLES = Path(vfiocompat.__file__).parent / "tables/shipped"
ROUNDS = 15
LIMIT = 3.0


def condition(side: str, field: str, texts: str | tuple[str, ...]) -> str:
    """Write a condition of an exception in CEL."""
    if isinstance(texts, str):
        return f"{side}.{field} == '{texts}'"
    return f"{side}.{field} in {list(texts)}"


def applies(exception: Exemption) -> str:
    """Write when an exception applies."""
    terms = [condition("s", *item) for item in exception.source.items()]
    terms += [condition("d", *item) for item in exception.destination.items()]
    return " && ".join(terms)


def holds(requirement: Requirement, table: Table) -> str:
    """Write a requirement, lifted by the exceptions that lift it."""
    source = f"s.{requirement.field}"
    destination = f"d.{requirement.destination_field or requirement.field}"
    text = {
        "equal": f"{source} == {destination}",
        "not-lower": f"{source} <= {destination}",
        "within": f"{destination}[0] <= {source} && {source} <= {destination}[1]",
    }[requirement.relation]
    lifts = [
        f"({applies(exception)})"
        for exception in table.file.exception
        if requirement.id in exception.lifts
    ]
    return "(" + " || ".join([*lifts, f"({text})"]) + ")"


def rule(table: Table) -> str:
    """Write a whole table in CEL."""
    terms = [holds(requirement, table) for requirement in table.file.requirement]
    terms += [
        f"!({applies(exception)})"
        for exception in table.file.exception
        if exception.verdict is not None
    ]
    return " && ".join(terms)


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever a field is worth
    """Give a value as CEL takes it."""
    return list(value.release) if isinstance(value, Version) else value


def readings(table: Table) -> list[Reading]:
    """Read every string of the table's cases that has no unknown value."""
    texts = {
        text for case in table.file.case for text in (case.source, case.destination)
    }
    found = [table.read(VersionString.parse(text)) for text in sorted(texts)]
    return [
        reading
        for reading in found
        if isinstance(reading, Reading) and None not in reading.values
    ]


def named_values(table: Table, reading: Reading) -> dict[str, Any]:
    """Give a string's values as CEL takes them."""
    names = zip(table.fields.kinds, reading.values, strict=True)
    return {name: plain(value) for name, value in names}


def seconds(function: Callable[[Any, Any], object], pairs: list[Any]) -> float:
    """Time one pass over pairs."""
    began = time.perf_counter()
    for source, destination in pairs:
        function(source, destination)
    return time.perf_counter() - began


def measure(name: str) -> None:
    """Compare both on one table, in turn, and print pairs a second and their ratio."""
    table = load_table(str(TABLES / f"{name}.toml"))
    program = cel.compile(rule(table))
    pairs = list(product(readings(table), repeat=2))
    ours = [(source.values, destination.values) for source, destination in pairs]
    named = {
        id(reading): named_values(table, reading)
        for reading in {id(each): each for pair in pairs for each in pair}.values()
    }
    contexts = [
        ({"s": named[id(source)], "d": named[id(destination)]}, None)
        for source, destination in pairs
    ]
    for (source, destination), (known, _) in zip(ours, contexts, strict=True):
        verdict = table.outcome(source, destination).verdict
        assert (verdict == "compatible") == program.execute(known), (
            source,
            destination,
        )
    repeat = max(1, 5000 // len(pairs))
    ratios, rates = [], []
    for _ in range(ROUNDS):
        mine = seconds(table.outcome, ours * repeat)
        peer = seconds(lambda known, _: program.execute(known), contexts * repeat)
        ratios.append(peer / mine)
        rates.append((len(ours) * repeat / mine, len(ours) * repeat / peer))
    our_rate, their_rate = (
        statistics.median(rate) for rate in zip(*rates, strict=True)
    )
    print(
        f"{name:<12} {len(pairs)} pairs   vfiocompat {our_rate:9.0f}/s   "
        f"CEL {their_rate:9.0f}/s   ratio median {statistics.median(ratios):5.2f}   "
        f"least {min(ratios):5.2f}   limit {LIMIT}"
    )


def main() -> None:
    """Measure the two tables that have most to compare."""
    for name in ("hisi-acc", "nvidia-vgpu"):
        measure(name)


if __name__ == "__main__":
    main()
