# SPDX-License-Identifier: Apache-2.0
"""The table language as records: what a table's file may hold, and what it means."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vfiocompat.diagnostics import Side
from vfiocompat.verdicts import Verdict
from vfiocompat.versions import VendorId

__all__ = [
    "MAX_HEAD",
    "Case",
    "Condition",
    "Derivation",
    "Exemption",
    "FieldNote",
    "Generation",
    "Head",
    "HeadField",
    "HeadKind",
    "Interface",
    "InterfaceFlag",
    "MigrationClaim",
    "RelationName",
    "Requirement",
    "Stream",
    "TableFile",
    "TableOrigin",
]

Id = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=64,
        description="small letters and digits, in words with a '-' between them, 64 "
        "characters at most",
    ),
]
Sentence = Annotated[str, Meta(min_length=1)]
Short = Annotated[str, Meta(max_length=4096)]
Condition = Short | Annotated[tuple[Short, ...], Meta(max_length=100)]
Conditions = Annotated[dict[str, Condition], Meta(max_length=16)]
Ids = Annotated[tuple[str, ...], Meta(max_length=32)]
FormatText = Annotated[str, Meta(max_length=8192)]
MigrationClaim = Literal["unsupported", "device-decides"]
Evidence = Literal["kernel-source", "vendor-document", "proposal", "site"]
TableOrigin = Literal["shipped", "site", "option"]
RelationName = Literal[
    "equal",
    "not-lower",
    "not-higher",
    "same-major-minor-not-lower",
    "subset",
    "within",
    "each-not-lower",
    "specifier",
]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: unknown keys are mistakes."""


class Generation(_Section, frozen=True):
    """One step of an order: its name, and the values that belong to it."""

    name: Sentence
    values: Annotated[tuple[Short, ...], Meta(min_length=1, max_length=1000)]


class FieldNote(_Section, frozen=True):
    """What is said of a field: the order it is computed from, and how it is learnt.

    `from` names the field whose values `order` groups, lower to higher. `learn` is the
    command or sentence that tells an operator the value.
    """

    from_: str | None = msgspec.field(name="from", default=None)
    order: Annotated[tuple[Generation, ...], Meta(max_length=100)] = ()
    learn: Sentence | None = None


class Requirement(_Section, frozen=True):
    """What has to hold for a pair.

    `otherwise` is the verdict where it does not. One that stands in for others counts
    only where one of those is not known, and then in its place. `reference` is the
    source of the fact; `policy` says whose policy it is where it is not a fact of the
    driver.
    """

    id: Id
    field: str
    relation: RelationName
    why: Sentence
    destination_field: str | None = None
    specifier: Condition | None = None
    side: Side = "destination"
    otherwise: Literal["incompatible", "undetermined"] = "incompatible"
    stands_in_for: Ids = ()
    policy: Sentence | None = None
    reference: Sentence | None = None


class Exemption(_Section, frozen=True):
    """A pair that the requirements get wrong: an `[[exception]]` of the file.

    It either denies the pair or lifts requirements. One that stands in for
    requirements applies only where one of those is not known.
    """

    id: Id
    why: Sentence
    verdict: Literal["incompatible"] | None = None
    lifts: Ids = ()
    source: Conditions = {}
    destination: Conditions = {}
    stands_in_for: Ids = ()
    policy: Sentence | None = None
    reference: Sentence | None = None


class Derivation(_Section, frozen=True):
    """Facts that give a field: the first that is known, whole or its last word."""

    facts: Annotated[tuple[str, ...], Meta(min_length=1, max_length=32)]
    part: Literal["whole", "last-word"] = "whole"


InterfaceFlag = Literal["STOP_COPY", "P2P", "PRE_COPY"]
"""What a driver's migration interface can do; that it tracks writes is told apart."""


class Interface(_Section, frozen=True):
    """The migration interface of the table's drivers, where the kernel does not tell.

    `flags` are exactly these. What is left out, or depends on a device or a kernel, is
    not known.
    """

    reference: Sentence
    flags: tuple[InterfaceFlag, ...] | None = None
    dirty_tracking: bool | None = None


MAX_HEAD = 4096
"""How many bytes of a stream its head has at most."""

HeadKind = Literal["hex", "int", "set"]
Hexadecimal = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-fA-F]{2}( ?[0-9a-fA-F]{2})*$",
        max_length=3 * MAX_HEAD,
        description="bytes of two hexadecimal digits each, with a space between them "
        "or none",
    ),
]


class HeadField(_Section, frozen=True):
    """Where a field of the table's format stands in a head, and how it is written.

    It is an unsigned number, the lowest byte first. `kind` writes it as it is, `values`
    gives the text of each that is known by its digits.
    """

    offset: Annotated[int, Meta(ge=0, lt=MAX_HEAD)]
    width: Annotated[int, Meta(ge=1, le=8)]
    kind: HeadKind | None = None
    values: Annotated[dict[str, Short], Meta(max_length=1000)] = {}


class Stream(_Section, frozen=True):
    """The head of the migration stream of the table's drivers, which loading checks.

    `size` is its bytes, or "initial" for all that PRE_COPY announces first. `control`
    is the byte that is spoiled to see whether a driver checks at all. `covers` names
    the requirements that a driver checks in the head, `complete` says that it checks
    nothing later. `fixed` are bytes that every head has, by the place of the first: one
    that has others is laid out in another way, and shows nothing. `sibling` says whose
    head may stand for another device's, `hazard` which harm an ask can do.
    """

    via: Literal["PRE_COPY", "STOP_COPY"]
    size: Annotated[int, Meta(ge=1, le=MAX_HEAD)] | Literal["initial"]
    control: Annotated[int, Meta(ge=0, lt=MAX_HEAD)]
    covers: Annotated[tuple[str, ...], Meta(max_length=100)]
    fields: Annotated[dict[str, HeadField], Meta(max_length=100)] = msgspec.field(
        name="field"
    )
    complete: bool = False
    fixed: Annotated[dict[str, Hexadecimal], Meta(max_length=100)] = {}
    sibling: Literal["none", "type", "parent"] = "none"
    hazard: Sentence | None = None
    reference: Sentence | None = None


class Case(_Section, frozen=True):
    """A pair of version strings, and what the table has to say of it.

    `decided_by` names the requirements that fail (or are unknown, or are lifted), or
    the exceptions that apply; absent, only the verdict is compared. `head` is one that
    has the source's values, in hexadecimal.
    """

    source: str
    destination: str
    verdict: Verdict
    head: Hexadecimal | None = None
    decided_by: Annotated[tuple[str, ...], Meta(max_length=200)] | None = None
    note: str | None = None


class Head(_Section, frozen=True, kw_only=True):
    """What stands before the first section: it tells which pairs a table is for."""

    schema: Literal[1]
    id: Id
    title: Sentence
    vendor: (
        Annotated[
            str,
            Meta(
                pattern=r"^(pci:[0-9a-f]{4}|u32:0x[0-9a-f]{8})$",
                max_length=16,
                description="a PCI vendor id such as pci:1ac1, or another number such "
                "as u32:0x00000102, in small letters",
            ),
        ]
        | None
    ) = None
    drivers: tuple[str, ...] = ()
    evidence: Evidence
    references: Annotated[tuple[str, ...], Meta(min_length=1)]
    migration: MigrationClaim | None = None
    why: Sentence | None = None
    gaps: tuple[str, ...] = ()

    def claims(self, vendor: VendorId | None) -> bool:
        """Whether a vendor is the table's; one without a vendor takes any.

        An opaque string has none: nobody says what it means.
        """
        if self.vendor is None or vendor is None:
            return vendor is not None
        return VendorId.named(self.vendor).same_vendor(vendor) is True


class TableFile(Head, frozen=True, kw_only=True):
    """A whole table, as its file has it."""

    format: Annotated[dict[str, FormatText], Meta(max_length=8)] = {}
    field: Annotated[dict[str, FieldNote], Meta(max_length=200)] = {}
    requirement: Annotated[tuple[Requirement, ...], Meta(max_length=100)] = ()
    exception: Annotated[tuple[Exemption, ...], Meta(max_length=100)] = ()
    case: Annotated[tuple[Case, ...], Meta(max_length=500)] = ()
    derive: Annotated[
        dict[str, str | tuple[str, ...] | Derivation], Meta(max_length=100)
    ] = {}
    interface: Interface | None = None
    stream: Stream | None = None

    @property
    def filled_format(self) -> object:
        """Name the format of the strings that are made of facts and heads.

        Without `[derive]` it is the first, and a head fills it alone.
        """
        return self.derive.get("format", next(iter(self.format), None))

    def derivation(self, field: str) -> Derivation:
        """Give the facts that give a field; there may be none."""
        value = self.derive.get(field, ())
        if isinstance(value, Derivation):
            return value
        return Derivation(facts=(value,) if isinstance(value, str) else value)
