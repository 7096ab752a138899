# SPDX-License-Identifier: Apache-2.0
"""The shipped tables: each is right, sourced, and held by its own cases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

import vfiocompat
from vfiocompat.tables.facts import FACTS
from vfiocompat.tables.heads import apart, decode, head_mistakes, spoiled, whole
from vfiocompat.tables.language.cases import case_mistakes
from vfiocompat.tables.language.derive import derive
from vfiocompat.tables.language.formats import RESERVED
from vfiocompat.tables.language.records import Head
from vfiocompat.tables.language.relations import RELATIONS
from vfiocompat.tables.language.table import Reading, Table
from vfiocompat.tables.library import load_table
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from vfiocompat.tables.language.records import Requirement, TableFile

FOLDER = Path(vfiocompat.__file__).parent / "tables/shipped"
TABLES = {path.stem: load_table(str(path)) for path in sorted(FOLDER.glob("*.toml"))}
EXPECTED = {
    None: {
        "hisi-acc",
        "intel-gvt-g",
        "intel-qat-gen4",
        "intel-xe",
        "migration-proposal-2020",
        "mtty",
        "nvidia-vgpu",
    },
    "device-decides": {"amd-gim", "mlx5", "pds", "virtio"},
    "unsupported": {
        "i915-kvmgt",
        "ism",
        "mdev-display-samples",
        "nvgrace",
        "vfio-ap",
        "vfio-ccw",
        "vfio-cdx",
        "vfio-fsl-mc",
        "vfio-pci",
        "vfio-platform",
    },
}
DECIDING = sorted(EXPECTED[None])

each_table = pytest.mark.parametrize("name", TABLES)
each_deciding = pytest.mark.parametrize("name", DECIDING)


def test_there_is_one_for_each_driver_and_its_kind() -> None:
    found: dict[str | None, set[str]] = {}
    for name, table in TABLES.items():
        found.setdefault(table.file.migration, set()).add(name)
    assert found == EXPECTED


@each_table
def test_its_cases_hold_and_are_enough(name: str) -> None:
    table = TABLES[name]
    assert [*case_mistakes(table), *head_mistakes(table)] == []


@each_table
def test_it_has_sources(name: str) -> None:
    file = TABLES[name].file
    assert all(re.match(r"https://\S+$", link) for link in file.references)
    assert [each.id for each in file.requirement if each.reference is None] == []
    assert [each.id for each in file.exception if each.reference is None] == []
    assert file.evidence != "site"
    assert file.stream is None or file.stream.reference is not None


@each_table
def test_keys_of_the_head_are_in_order(name: str) -> None:
    head = (FOLDER / f"{name}.toml").read_text().partition("\n[")[0]
    keys = re.findall(r"^(\w+) = ", head, re.MULTILINE)
    assert keys == [key for key in Head.__struct_fields__ if key in keys]


@each_deciding
def test_each_case_that_is_no_yes_says_what_decides_it(name: str) -> None:
    cases = TABLES[name].file.case
    verdicts = {case.verdict for case in cases}
    assert verdicts == {"compatible", "incompatible", "undetermined"}
    for case in cases:
        assert case.decided_by or case.verdict == "compatible", case


@each_deciding
def test_what_no_fact_gives_says_how_it_is_learnt(name: str) -> None:
    table = TABLES[name]
    for field in table.fields.kinds:
        if field in RESERVED or field in table.fields.origins:
            continue
        note = table.file.field.get(field)
        learnt = note is not None and note.learn is not None
        assert learnt or table.file.derivation(field).facts, field


def test_no_two_tables_of_a_vendor_read_one_string() -> None:
    for name, table in TABLES.items():
        texts = {text for case in table.file.case for text in (case.source,)}
        for other, rival in TABLES.items():
            if other == name:
                continue
            for text in texts:
                version = VersionString.parse(text)
                if rival.file.claims(version.vendor):
                    found = rival.read(version)
                    assert not isinstance(found, Reading), f"{other} reads {text}"


# ---- heads of streams --------------------------------------------------------------

STREAMS = {name: table for name, table in TABLES.items() if table.stream is not None}
each_stream = pytest.mark.parametrize("name", STREAMS)


def heads(table: Table) -> list[bytes]:
    return [bytes.fromhex(case.head) for case in table.file.case if case.head]


def test_these_drivers_have_streams_whose_heads_are_known() -> None:
    assert sorted(STREAMS) == ["hisi-acc", "intel-qat-gen4", "intel-xe", "mtty"]


@each_stream
def test_heads_of_cases_are_whole_and_show_every_value(name: str) -> None:
    stream = TABLES[name].stream
    assert stream is not None
    shown = [decode(stream, head) for head in heads(TABLES[name])]
    assert shown
    for head in heads(TABLES[name]):
        assert whole(stream, head)
        assert not apart(stream, heads(TABLES[name])[0], head)
    for field, place in stream.fields.items():
        assert {each[field] for each in shown} >= {*place.values.values()}, field


def test_a_head_of_qat_or_xe_with_other_names_of_its_parts_shows_nothing() -> None:
    for name in ("intel-qat-gen4", "intel-xe"):
        file = TABLES[name].file
        assert file.stream is not None
        head = next(bytes.fromhex(each.head) for each in file.case if each.head)
        assert "?" not in decode(file.stream, head).values()
        for first, digits in file.stream.fixed.items():
            for at in range(int(first), int(first) + len(bytes.fromhex(digits))):
                other = bytearray(head)
                other[at] ^= 0xFF
                assert set(decode(file.stream, bytes(other)).values()) == {"?"}


@each_stream
def test_the_control_changes_what_the_driver_compares(name: str) -> None:
    """Of QAT that is the magic number, which is no field of the table."""
    stream = TABLES[name].stream
    assert stream is not None
    [head, *_] = heads(TABLES[name])
    changed = decode(stream, head) != decode(stream, spoiled(stream, head))
    assert changed or name == "intel-qat-gen4"


def test_no_xe_is_offered_a_packet_of_an_unknown_version() -> None:
    """Some kernels follow a null pointer then, and all keep a part of a packet."""
    stream = TABLES["intel-xe"].stream
    assert stream is not None
    [head] = heads(TABLES["intel-xe"])
    assert spoiled(stream, head)[0] == head[0]
    for version in range(256):
        assert whole(stream, bytes([version]) + head[1:]) == (version == 1)
    assert not whole(stream, head[:39])


def test_what_an_ask_can_do_to_a_driver_is_told() -> None:
    told = {
        name: table.stream.hazard for name, table in STREAMS.items() if table.stream
    }
    assert {name for name, hazard in told.items() if hazard} == {"hisi-acc", "intel-xe"}


# ---- mutants: each rule is held by a case ----------------------------------------


def mutants(table: Table) -> list[tuple[str, TableFile]]:
    """Change one rule at a time: a requirement's relation, or an exception away."""
    file = table.file
    made = []
    for at, requirement in enumerate(file.requirement):
        for changed in others(table, requirement) + harder(requirement):
            requirements = (
                *file.requirement[:at],
                changed,
                *file.requirement[at + 1 :],
            )
            name = f"{requirement.id}-{changed.relation}-{changed.otherwise}"
            made.append((name, replace(file, requirement=requirements)))
    for at, exception in enumerate(file.exception):
        before, after = file.exception[:at], file.exception[at + 1 :]
        without = replace(file, exception=(*before, *after))
        made.append((f"without-{exception.id}", without))
        if exception.stands_in_for:
            always = replace(exception, stands_in_for=())
            changed_file = replace(file, exception=(*before, always, *after))
            made.append((f"always-{exception.id}", changed_file))
    return made


def harder(requirement: Requirement) -> list[Requirement]:
    """Let a requirement refuse that leaves open, and ask always where it stands in."""
    made = []
    if requirement.otherwise == "undetermined":
        made.append(replace(requirement, otherwise="incompatible"))
    if requirement.stands_in_for:
        made.append(replace(requirement, stands_in_for=()))
    return made


def others(table: Table, requirement: Requirement) -> list[Requirement]:
    """Give a requirement every other relation that its kinds have."""
    kinds = table.fields.kinds
    pair = (
        kinds[requirement.field],
        kinds[requirement.destination_field or requirement.field],
    )
    return [
        replace(requirement, relation=name, specifier=None, side="destination")
        for name, relation in RELATIONS.items()
        if name != requirement.relation and pair in relation.kinds
    ]


def breaks_a_case(file: TableFile) -> bool:
    broken = [
        mistake
        for mistake in case_mistakes(Table(file))
        if re.match(r"case\[\d+\]\.(verdict|decided_by): ", mistake)
    ]
    return bool(broken)


MUTANTS = [
    pytest.param(file, id=f"{name}::{mutant}")
    for name, table in TABLES.items()
    for mutant, file in mutants(table)
]


def test_there_are_mutants_of_every_deciding_table() -> None:
    """Every requirement of an ordered kind has some, and every exception has one."""
    assert len(MUTANTS) > 60
    named = {str(param.id).partition("::")[0] for param in MUTANTS}
    assert named >= set(DECIDING)


@pytest.mark.parametrize("file", MUTANTS)
def test_a_case_notices_a_changed_rule(file: TableFile) -> None:
    assert breaks_a_case(file)


@each_deciding
def test_no_case_notices_an_unchanged_table(name: str) -> None:
    assert not breaks_a_case(TABLES[name].file)


# ---- only [derive] fills a field from a fact -------------------------------------


@each_table
def test_a_field_with_the_name_of_a_fact_is_derived_from_it(name: str) -> None:
    """Else it would look as if the fact filled it, which nothing but `derive` does."""
    table = TABLES[name]
    for field in set(table.fields.kinds) & set(FACTS):
        assert field in table.file.derivation(field).facts


@each_table
def test_no_fact_fills_a_field_that_derive_does_not_name(name: str) -> None:
    table = TABLES[name]
    if "format" not in table.file.derive:
        return
    facts = dict.fromkeys([*FACTS, *table.fields.kinds], "7")
    found = derive(table, facts, {}, "0x1ac1")
    assert found is not None
    filled = {field for field, piece in found.pieces.items() if piece.text != "?"}
    derived = {field for field in table.file.derive if field != "format"}
    assert filled - set(table.fields.origins) <= derived
