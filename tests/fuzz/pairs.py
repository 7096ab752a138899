# SPDX-License-Identifier: Apache-2.0
"""What is decided of endpoints: pairs, grids, inventories and fleets."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from tests.fuzz.holding import (
    LIBRARY,
    NOW,
    ROOT,
    Subject,
    demand_document,
    demand_harmless,
    demand_harmless_findings,
    demand_harmless_rows,
    expected,
    see_pairs,
)
from vfiocompat import codes
from vfiocompat.decision.errnos import Answer
from vfiocompat.endpoints import Endpoint, literal
from vfiocompat.errors import OutputError
from vfiocompat.export import FORMATS, writer
from vfiocompat.export.acceptance import view_of
from vfiocompat.fleet.classes import Classifier, merge
from vfiocompat.fleet.diff import compare
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.fleet.hostpairs import host_pairs
from vfiocompat.fleet.report import report_on
from vfiocompat.inventory import parse_inventory, recorded
from vfiocompat.output.diff import diff_document, diff_rows
from vfiocompat.output.hostpairs import host_rows
from vfiocompat.output.list import LIST_COLUMNS, list_rows
from vfiocompat.output.matrix import (
    chosen_rows,
    class_rows,
    grid_lines,
    matrix_document,
)
from vfiocompat.output.report.document import report_document
from vfiocompat.output.report.markdown import markdown
from vfiocompat.output.visible import visible_text
from vfiocompat.pairs import decide_pair

if TYPE_CHECKING:
    from tests.fuzz.chance import Chance
    from vfiocompat.inventory import Inventory

__all__ = ["SUBJECTS"]


# ---- pairs -----------------------------------------------------------------------

_ERRNOS = [
    0,
    1,
    2,
    4,
    5,
    11,
    12,
    13,
    16,
    19,
    22,
    25,
    28,
    87,
    95,
    103,
    107,
    110,
    524,
    999,
]


def draw_pair(chance: Chance) -> tuple[Endpoint, Endpoint, Answer | None]:
    source = chance.recorded(chance.endpoint())
    if chance.is_rare():
        source = literal(chance.version(), chance.choice([None, "t", "7"]))
    destination = chance.recorded(chance.endpoint([source]))
    if destination.recorded or source.exact_bytes() is None or chance.is_rare(2):
        return source, destination, None
    stages: list[Any] = ["open", "read", "write", "done", "done", "timeout", "refused"]
    stage = chance.choice(stages)
    full = len(source.exact_bytes() or b"")
    return (
        source,
        destination,
        Answer(
            stage=stage,
            path="/sys/x/version",
            errno=0 if stage == "done" else chance.choice(_ERRNOS),
            gone=chance.is_rare(),
            code=codes.NOT_AN_ATTRIBUTE if stage == "refused" else None,
            count=full if chance.is_rare(2) else chance.randint(0, full),
        ),
    )


def look_at_pair(drawn: tuple[Endpoint, Endpoint, Answer | None], _: str) -> None:
    source, destination, answer = drawn
    pair = decide_pair(source, destination, LIBRARY, answer)
    see_pairs([pair])
    if pair.decision.verdict == "compatible" and pair.decision.basis == "driver":
        assert answer is not None
        assert (answer.stage, answer.errno) == ("done", 0)
        assert answer.count == len(source.exact_bytes() or b"")


def draw_ends(chance: Chance) -> list[Endpoint]:
    ends = [chance.recorded(chance.endpoint())]
    for _ in range(chance.randint(1, 2)):
        ends.append(chance.recorded(chance.endpoint(ends)))
    return ends


def look_at_grid(ends: list[Endpoint], _: str) -> None:
    """See that a grid says of each pair what `check` says."""
    grid = decide_grid(ends, LIBRARY)
    for row, source in enumerate(ends):
        for column, destination in enumerate(ends):
            decision = decide_pair(source, destination, LIBRARY).decision
            told = tuple(dict.fromkeys(each.code for each in decision.diagnostics))
            cell = grid.cell(row, column)
            assert (cell.verdict, cell.basis, cell.codes) == (
                decision.verdict,
                decision.basis,
                told,
            )


# ---- inventories and fleets --------------------------------------------------------


@cache
def inventory_documents() -> tuple[Any, ...]:
    paths = sorted(ROOT.glob("examples/fleet/node-[a-d].json"))
    return tuple(msgspec.json.decode(path.read_bytes()) for path in paths)


def draw_inventory(chance: Chance) -> bytes:
    document = chance.choice([chance.inventory("a"), *inventory_documents()])
    data = msgspec.json.encode(chance.like(document))
    if chance.is_rare():
        text = data.decode()
        data = chance.text([text], 2).encode("utf-8", "surrogatepass")
    return data


def look_at_inventory(data: bytes, _: str) -> None:
    inventory = parse_inventory(data, "a.json")
    again = parse_inventory(msgspec.json.encode(inventory), "a.json")
    assert again == inventory
    demand_document(inventory)
    demand_harmless_rows(list_rows(inventory.endpoints, LIST_COLUMNS))
    ends = [recorded(each, inventory, NOW) for each in inventory.endpoints[:3]]
    see_pairs([decide_pair(ends[0], each, LIBRARY) for each in ends])


_PROVIDERS = """\
meta:
  schema_version: '1.0'
providers:
  - identification:
      uuid: $COMPUTE_NODE
    traits:
      additional:
        - CUSTOM_VFIOCOMPAT_ACCEPTS_X
# left: name: 'a_pci_0000_03_00_0' CUSTOM_VFIOCOMPAT_ACCEPTS_Y
"""
"""What a file for nova had before."""


def draw_fleet(chance: Chance) -> tuple[list[Inventory], str]:
    one = chance.inventory("a", 2)
    others = [chance.inventory(host, 2, one.endpoints) for host in ("b", "c")]
    return [one, *others], chance.text([_PROVIDERS])


def look_at_fleet(drawn: tuple[list[Inventory], str], _folder: str) -> None:
    """Show a fleet as matrix, diff and report do, and export its hosts."""
    inventories, before = drawn
    classifier = Classifier(NOW, LIBRARY.facts_read)
    for each in inventories:
        classifier.add(f"{each.host}.json", each)
    fleet = merge([classifier.reduced({})])
    grid = decide_grid([class_.endpoint for class_ in fleet.classes], LIBRARY)
    rows = chosen_rows(fleet, grid, (), None)
    demand_harmless_rows(class_rows(fleet, grid, rows))
    hosts = [*host_pairs(fleet, grid)]
    demand_harmless_rows(host_rows(hosts))
    demand_harmless(grid_lines(grid, 80))
    demand_document(matrix_document(fleet, grid, hosts))
    report = report_on(fleet, grid, LIBRARY, NOW)
    demand_document(report_document(report))
    assert all(map(str.isprintable, markdown(report)))
    old, new, _ = inventories
    changes = compare({"a": old}, {"a": new}, LIBRARY, NOW)
    demand_harmless_rows(diff_rows(changes))
    demand_document(diff_document(changes, {}))
    known = {each.host: each for each in inventories}
    view = view_of(known, "a", LIBRARY, NOW, expires=NOW.now + 60)
    for name in FORMATS:
        whole = view._replace(node="a.site", before=before)
        rendered = expected(OutputError, writer(name).render, whole)
        if not isinstance(rendered, OutputError):
            text = visible_text(rendered.text)
            assert all(char.isprintable() or char in "\n\t" for char in text)
            demand_harmless_findings(rendered.findings)


SUBJECTS = [
    Subject("pair", 12, draw_pair, look_at_pair),
    Subject("grid", 3, draw_ends, look_at_grid),
    Subject("inventory", 4, draw_inventory, look_at_inventory),
    Subject("fleet", 1, draw_fleet, look_at_fleet),
]
