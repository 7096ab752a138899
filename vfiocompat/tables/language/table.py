# SPDX-License-Identifier: Apache-2.0
"""A table ready to use: it reads version strings, and evaluates two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.tables.language.formats import RESERVED, Piece, Stop, compile_format
from vfiocompat.tables.language.kinds import KINDS, UNKNOWN
from vfiocompat.tables.language.relations import (
    GENERATION,
    RELATIONS,
    compile_condition,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vfiocompat.tables.language.formats import Format
    from vfiocompat.tables.language.kinds import Value
    from vfiocompat.tables.language.records import (
        Condition,
        Exemption,
        Requirement,
        TableFile,
    )
    from vfiocompat.tables.language.relations import Truth
    from vfiocompat.verdicts import Verdict
    from vfiocompat.versions import VersionString

__all__ = ["Fields", "Outcome", "Reading", "Table", "Values"]

Values = tuple["Value | None", ...]
"""What the fields of a string are worth, in the order of `Fields.places`."""


class Reading(NamedTuple):
    """A version string as a table understands it.

    `pieces` are the fields as they stand in `version.text`, computed ones where the
    field stands that they come from. `values` is what `Table.outcome` takes. `steps`
    are the names of the generations that computed fields are of; `?` if of none.
    """

    version: VersionString
    format: str
    pieces: dict[str, Piece]
    values: Values
    steps: dict[str, str]

    @property
    def shown(self) -> dict[str, str]:
        """The text of each field, and the name of each computed one that is known."""
        vendor, written = self.version.vendor, {"vendor_text": self.version.vendor_text}
        spelling = {"vendor_spelling": vendor.spelling} | written if vendor else {}
        texts = {
            name: piece.text
            for name, piece in self.pieces.items()
            if name not in self.steps
        }
        return {"format": self.format} | spelling | texts | self.steps


class Outcome(NamedTuple):
    """What a table finds for a pair.

    `held` says of each requirement whether it holds once exceptions have lifted what
    they lift, and None where it does not and that leaves the pair open; `bare` says
    whether it holds without all that; `applied` says of each exception whether its
    conditions hold.
    """

    verdict: Verdict
    held: Sequence[Truth]
    bare: Sequence[Truth]
    applied: Sequence[Truth]


class Fields:
    """The fields of a table: their places in a reading, their kinds, their values."""

    def __init__(self, file: TableFile, formats: Sequence[Format]) -> None:
        self.kinds = dict.fromkeys(RESERVED, "text")
        for form in formats:
            self.kinds |= form.kinds
        self.origins: dict[str, str] = {}
        self.orders: dict[str, dict[Value, int]] = {}
        self.names: dict[str, list[str]] = {}
        for name, note in file.field.items():
            if note.from_ is not None:
                kind = KINDS[self.kinds[note.from_]]
                self.origins[name] = note.from_
                self.names[name] = [generation.name for generation in note.order]
                self.orders[name] = {
                    kind.value(text): place
                    for place, generation in enumerate(note.order)
                    for text in generation.values
                }
        self.kinds |= dict.fromkeys(self.origins, GENERATION)
        self.places = {name: place for place, name in enumerate(self.kinds)}

    def worth(self, name: str, text: str) -> Value | None:
        """Give what a text is worth in a field, or a name in an order; None if nothing.

        A generation is named; its worth is its place.
        """
        if name in self.names:
            names = self.names[name]
            return names.index(text) if text in names else None
        return KINDS[self.kinds[name]].value(text)

    def ordered(self, name: str) -> bool:
        """Whether a field has lower and higher values."""
        kind = self.kinds[name]
        return kind == GENERATION or KINDS[kind].ordered

    def values(self, texts: Mapping[str, str]) -> Values:
        """Give what the fields of a string are worth."""
        found = []
        for name in self.kinds:
            origin = self.origins.get(name, name)
            text = texts.get(origin, UNKNOWN)
            value = KINDS[self.kinds[origin]].value(text)
            if name in self.orders and value is not None:
                value = self.orders[name].get(value)
            found.append(value)
        return tuple(found)

    def condition(self, name: str, condition: Condition) -> Callable[[Value], Truth]:
        """Make a test of a condition on a field.

        Raises:
            ValueError: it is none; the message says why.

        """
        return compile_condition(
            condition,
            lambda text: self.worth(name, text),
            ordered=self.ordered(name),
        )


class Table:
    """A compatibility table without mistakes, made of its file.

    A mistake that `mistakes.mistakes` would find makes the constructor fail.
    """

    def __init__(self, file: TableFile) -> None:
        self.file = file
        self.stream = file.stream
        self.formats = [
            compile_format(name, text) for name, text in file.format.items()
        ]
        self.fields = Fields(file, self.formats)
        self._checks = [self._check(each) for each in file.requirement]
        self._applies = [self._applies_to(each) for each in file.exception]
        self._compared, self._tests = self._source_reads()
        ids = [requirement.id for requirement in file.requirement]
        self._lifted = [_indices(each.lifts, ids) for each in file.exception]
        self._stand_ins = _stand_ins(file.requirement, ids)
        self._stand_in_exceptions = _stand_ins(file.exception, ids)
        self._open = [
            place
            for place, requirement in enumerate(file.requirement)
            if requirement.otherwise == "undetermined"
        ]

    @property
    def id(self) -> str:
        """The table's id, which is the stem of its file's name."""
        return self.file.id

    def read(
        self, version: VersionString, *, derived: bool = False
    ) -> Reading | list[Stop]:
        """Take a version string apart, or say where each format stopped.

        A derived string has the format that it was derived in, and the spelling of its
        vendor id is not known.
        """
        offset = len(version.text) - len(version.proprietary)
        stops = []
        wanted = self.file.derive.get("format") if derived else None
        for form in self.formats:
            if wanted not in {None, form.name}:
                continue
            found = form.read(version.proprietary)
            if isinstance(found, Stop):
                stops.append(found._replace(position=found.position + offset))
                continue
            texts = {name: piece.text for name, piece in found.items()}
            texts["format"] = form.name
            if version.vendor is not None and not derived:
                texts["vendor_spelling"] = version.vendor.spelling
                texts["vendor_text"] = version.vendor_text
            pieces = {
                name: Piece(piece.text, piece.start + offset, piece.end + offset)
                for name, piece in found.items()
            }
            for name, origin in self.fields.origins.items():
                if origin in pieces:
                    pieces[name] = pieces[origin]
            values = self.fields.values(texts)
            steps = {
                name: names[place] if (place := values[at]) is not None else UNKNOWN
                for name, names in self.fields.names.items()
                for at in [self.fields.places[name]]
            }
            return Reading(version, form.name, pieces, values, steps)
        return stops

    def read_of_source(self, reading: Reading) -> dict[str, str]:
        """Tell what is read of a string that is a source's.

        Sources of which the same is read have the same outcome with any destination.
        Of a field that requirements compare that is its text, or its generation; of one
        that has only to meet conditions, which of these it meets.
        """
        shown, values = reading.shown, reading.values
        found = {name: shown.get(name, UNKNOWN) for name in self._compared}
        for (name, condition), test in self._tests.items():
            value = values[self.fields.places[name]]
            met = None if value is None else test(value)
            found[f"{name} {condition}"] = str(met)
        return found

    def outcome(self, source: Values, destination: Values) -> Outcome:
        """Evaluate two strings that this table has read."""
        bare = [check(source, destination) for check in self._checks]
        applied: list[Truth] = []
        verdict: Verdict = "compatible"
        if self._applies:
            applied = [applies(source, destination) for applies in self._applies]
            self._rest(applied, bare)
            verdict = self._denied(applied)
        self._stand_in(bare)
        held = self._lift(bare, applied) if applied else bare
        if self._open:
            held = self._leave_open(held)
        if verdict == "incompatible" or False in held:
            verdict = "incompatible"
        elif None in held or self.file.migration == "device-decides":
            verdict = "undetermined"
        return Outcome(verdict, held, bare, applied)

    def _rest(self, applied: list[Truth], bare: Sequence[Truth]) -> None:
        """Let no exception apply that stands in for what is known."""
        for place, others in self._stand_in_exceptions:
            if None not in [bare[other] for other in others]:
                applied[place] = False

    def _stand_in(self, bare: list[Truth]) -> None:
        """Put requirements in the places of those that are not known."""
        for place, others in self._stand_ins:
            unknown = [other for other in others if bare[other] is None]
            if not unknown:
                bare[place] = True
            for other in unknown:
                bare[other] = True

    def _leave_open(self, held: Sequence[Truth]) -> list[Truth]:
        """Let what does not hold and refuses nothing leave the pair open."""
        left = list(held)
        for place in self._open:
            left[place] = left[place] or None
        return left

    def _lift(self, bare: Sequence[Truth], applied: Sequence[Truth]) -> list[Truth]:
        """Let the exceptions that apply, or may, lift what does not hold anyway."""
        held = list(bare)
        for applies, lifted in zip(applied, self._lifted, strict=True):
            for place in lifted:
                if applies is True:
                    held[place] = True
                elif applies is None and held[place] is False:
                    held[place] = None
        return held

    def _denied(self, applied: Sequence[Truth]) -> Verdict:
        denies = [
            applies
            for applies, exception in zip(applied, self.file.exception, strict=True)
            if exception.verdict is not None
        ]
        if True in denies:
            return "incompatible"
        return "undetermined" if None in denies else "compatible"

    def decided_by(self, outcome: Outcome) -> list[str]:
        """Name what an outcome rests on, in the words of a case.

        These are the requirements that fail and the denies that apply; of an
        undetermined one those that are not known; of a compatible one the lifts that
        it needs.
        """
        requirements = zip(self.file.requirement, outcome.held, strict=True)
        if outcome.verdict == "compatible":
            return self.lifting(outcome)
        wanted = False if outcome.verdict == "incompatible" else None
        denying = None if wanted is None else True
        denies = zip(self.file.exception, outcome.applied, strict=False)
        return [each.id for each, held in requirements if held is wanted] + [
            each.id
            for each, applies in denies
            if each.verdict is not None and applies is denying
        ]

    def lifting(self, outcome: Outcome) -> list[str]:
        """Name the exceptions that lift what does not hold without them."""
        return [
            exception.id
            for exception, applies, lifted in zip(
                self.file.exception, outcome.applied, self._lifted, strict=False
            )
            if applies and any(outcome.bare[place] is not True for place in lifted)
        ]

    def _source_reads(
        self,
    ) -> tuple[list[str], dict[tuple[str, Condition], Callable[[Value], Truth]]]:
        """Name what is compared of a source, and make the tests of its other fields."""
        rules = self.file.requirement
        compared = {each.field for each in rules if each.relation != "specifier"}
        conditions = [
            (each.field, each.specifier)
            for each in rules
            if each.specifier is not None and each.side == "source"
        ]
        conditions += [
            item for each in self.file.exception for item in each.source.items()
        ]
        tests = {
            (name, condition): self.fields.condition(name, condition)
            for name, condition in conditions
            if name not in compared
        }
        return sorted(compared), tests

    def _check(self, requirement: Requirement) -> Callable[[Values, Values], Truth]:
        if requirement.relation == "specifier":
            assert requirement.specifier is not None
            return self._one_sided(
                requirement.side, requirement.field, requirement.specifier
            )
        at = self.fields.places[requirement.field]
        other = self.fields.places[requirement.destination_field or requirement.field]
        compare = RELATIONS[requirement.relation].compare

        def check(source: Values, destination: Values) -> Truth:
            value, there = source[at], destination[other]
            if value is None or there is None:
                return None
            return compare(value, there)

        return check

    def _one_sided(
        self, side: str, field: str, condition: Condition
    ) -> Callable[[Values, Values], Truth]:
        at = self.fields.places[field]
        test = self.fields.condition(field, condition)
        of_source = side == "source"

        def check(source: Values, destination: Values) -> Truth:
            value = source[at] if of_source else destination[at]
            return None if value is None else test(value)

        return check

    def _applies_to(self, exception: Exemption) -> Callable[[Values, Values], Truth]:
        tests = [
            self._one_sided(side, field, condition)
            for side in ("source", "destination")
            for field, condition in getattr(exception, side).items()
        ]

        def applies(source: Values, destination: Values) -> Truth:
            found = [test(source, destination) for test in tests]
            if False in found:
                return False
            return None if None in found else True

        return applies


def _indices(wanted: Sequence[str], ids: Sequence[str]) -> tuple[int, ...]:
    return tuple(ids.index(each) for each in wanted)


def _stand_ins(
    rules: Sequence[Requirement | Exemption], ids: Sequence[str]
) -> list[tuple[int, tuple[int, ...]]]:
    """Give the places of rules that stand in, each with what it stands in for."""
    return [
        (place, _indices(rule.stands_in_for, ids))
        for place, rule in enumerate(rules)
        if rule.stands_in_for
    ]
