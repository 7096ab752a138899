# SPDX-License-Identifier: Apache-2.0
"""Results as text: what a line says and in which order, with or without a terminal.

A line is a list of parts, each a text and the name of a style. `plain` joins them;
`terminal` gives the styles colours. Both make visible what a driver wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.diagnostics import Code
from vfiocompat.output.spans import drawn
from vfiocompat.output.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vfiocompat.decision.decide import Decision
    from vfiocompat.diagnostics import Diagnostic, Severity
    from vfiocompat.endpoints import Attribute, Endpoint, Problem
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.fleet.targets import Target
    from vfiocompat.output.documents import (
        DeviceDocument,
        ExplainedCode,
        ListedTable,
        ParseDocument,
    )
    from vfiocompat.tables.language.records import (
        Condition,
        Exemption,
        FieldNote,
        Requirement,
        TableFile,
    )

__all__ = [
    "CODE_COLUMNS",
    "LIST_COLUMNS",
    "SHORT_LIST_COLUMNS",
    "TABLE_COLUMNS",
    "TARGET_COLUMNS",
    "Line",
    "check_lines",
    "code_rows",
    "device_rows",
    "error_lines",
    "explanation_lines",
    "finding_lines",
    "list_rows",
    "note_lines",
    "nothing_lines",
    "parse_rows",
    "plain",
    "problem_lines",
    "table_lines",
    "table_rows",
    "target_rows",
    "targets_line",
]

Line = list[tuple[str, str]]
Checked = tuple["Endpoint", "Endpoint", "Decision"]
"""A pair: its source, its destination, and the decision."""

LIST_COLUMNS = (
    "kind",
    "address",
    "parent",
    "type",
    "driver",
    "api",
    "free",
    "attribute",
    "version",
)
SHORT_LIST_COLUMNS = ("address", "type", "driver", "free", "attribute", "version")
"""Those that fit a terminal; an address tells the kind and a type's parent."""

TABLE_COLUMNS = ("id", "title", "vendor", "drivers", "evidence", "migration", "origin")
CODE_COLUMNS = ("code", "severity", "summary")

TARGET_COLUMNS = ("verdict", "host", "address", "free", "why")

_VERDICTS = ("compatible", "undetermined", "incompatible", "failed")
_OF_EXCEPTIONS = {
    Code.EXCEPTION_REFUSES,
    Code.EXCEPTION_NOT_KNOWN,
    Code.REQUIREMENT_LIFTED,
}
_SIDE_IS_TOLD = {Code.NO_FORMAT_MATCHES}
"""Findings about one string, whose side their summary names."""

_BASIS = {
    "driver": "decided by the driver",
    "recorded": "by a recorded answer of the driver",
    "none": "no driver was asked",
}


def plain(lines: Iterable[Line]) -> Iterator[str]:
    """Give lines without their styles."""
    for line in lines:
        yield visible("".join(text for text, _ in line))


def list_rows(
    endpoints: Iterable[Endpoint], columns: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Give one row an endpoint, `-` where sysfs tells nothing."""
    for endpoint in endpoints:
        free = endpoint.available_instances
        cells = {
            "kind": endpoint.kind,
            "address": endpoint.address,
            "parent": endpoint.parent,
            "type": endpoint.type_id,
            "driver": endpoint.driver,
            "api": endpoint.device_api,
            "free": None if free is None else str(free),
            "attribute": _attribute(endpoint.attribute),
            "version": endpoint.version,
        }
        yield tuple(cells[column] or "-" for column in columns)


def _attribute(attribute: Attribute | None) -> str:
    if attribute is None or attribute.state == "absent":
        return "absent"
    if attribute.state == "present":
        return attribute.name or "present"
    return f"unreadable ({attribute.errno or attribute.code})"


def parse_rows(document: ParseDocument) -> Iterator[tuple[str, str]]:
    """Give the parts of a version string, each with its name."""
    yield "text", document.text
    if document.vendor is None:
        yield "vendor", "none: the string is opaque"
    else:
        yield "vendor", f"{document.vendor.namespace}:{document.vendor.id}"
        yield "spelling", document.vendor.spelling
    yield "proprietary", document.proprietary
    if document.table is not None:
        yield "table", document.table
        for name, value in document.fields.items():
            yield f"  {name}", value


def device_rows(document: DeviceDocument) -> Iterator[tuple[str, str]]:
    """Give what is known of a device's migration interface, each with its name."""
    yield "address", document.address
    yield "interface", document.interface
    if document.flags is not None:
        yield "flags", ", ".join(document.flags) or "none"
    if document.version is not None:
        yield "version", str(document.version)
    if document.source is not None:
        yield "source", document.source


def code_rows(codes: Iterable[Code]) -> Iterator[tuple[str, str, str]]:
    """Give one row a diagnostic code."""
    for code in codes:
        yield code, code.severity, code.summary


def table_rows(tables: Iterable[ListedTable]) -> Iterator[tuple[str, ...]]:
    """Give one row a table; its origin says which one it replaces."""
    for table in tables:
        replaced = f", replaces the {table.replaces} one" if table.replaces else ""
        yield (
            table.id,
            table.title,
            table.vendor or "-",
            ",".join(table.drivers) or "-",
            table.evidence,
            table.migration or "-",
            f"{table.origin}{replaced}",
        )


def table_lines(file: TableFile, listed: ListedTable) -> Iterator[Line]:
    """Give the whole of a table, as a person reads it."""
    yield [(file.id, "strong"), (f": {file.title}", "plain")]
    about = {
        "from": f"{listed.path} ({listed.origin})",
        "replaces": listed.replaces and f"the {listed.replaces} table of this id",
        "vendor": file.vendor or "any",
        "drivers": ", ".join(file.drivers),
        "evidence": file.evidence,
        "migration": file.migration and f"{file.migration}: {file.why}",
    }
    for name, text in about.items():
        if text:
            yield [(f"  {name:<10} ", "dim"), (text, "plain")]
    for name, lines in _table_sections(file):
        yield [("", "plain")]
        yield [(name, "strong")]
        for line in lines:
            yield [(f"  {line}", "plain")]


def _table_sections(file: TableFile) -> Iterator[tuple[str, list[str]]]:
    """Give the parts of a table that are there, each with its lines."""
    if file.format:
        width = max(map(len, file.format))
        yield (
            "formats of what follows the vendor id",
            [f"{name:<{width}}  {text}" for name, text in file.format.items()],
        )
    if file.field:
        yield "fields", [line for item in file.field.items() for line in _note(*item)]
    if file.requirement:
        lines = [line for each in file.requirement for line in _requirement(each)]
        yield "requirements", lines
    if file.exception:
        lines = [line for each in file.exception for line in _exception(each)]
        yield "exceptions", lines
    if file.derive:
        yield (
            "derived from facts",
            [f"{name} = {_derivation(file, name)}" for name in file.derive],
        )
    if file.gaps:
        yield "what it leaves open", list(file.gaps)
    yield "references", list(file.references)
    if file.case:
        yield "cases", [f"{len(file.case)}; 'vfiocompat tables check' runs them"]


def _note(name: str, note: FieldNote) -> Iterator[str]:
    if note.from_ is not None:
        steps = " < ".join(
            f"{each.name} ({', '.join(each.values)})" for each in note.order
        )
        yield f"{name}, from {note.from_}: {steps}"
    if note.learn is not None:
        yield f"{name}, to learn it: {note.learn}"


def _requirement(each: Requirement) -> Iterator[str]:
    other = f" destination's {each.destination_field}" if each.destination_field else ""
    rule = f"{each.field} {each.relation}{other}"
    if each.specifier is not None:
        rule = f"{each.side}'s {each.field} {_condition(each.specifier)}"
    yield f"{each.id}: {rule}"
    yield from _sources(each)


def _exception(each: Exemption) -> Iterator[str]:
    effect = f"lifts {', '.join(each.lifts)}" if each.lifts else "denies"
    conditions = [
        f"{side}'s {name} {_condition(condition)}"
        for side in ("source", "destination")
        for name, condition in getattr(each, side).items()
    ]
    yield f"{each.id}: {effect} where {' and '.join(conditions)}"
    yield from _sources(each)


def _derivation(file: TableFile, name: str) -> str:
    derivation = file.derivation(name)
    facts = " or ".join(derivation.facts)
    return f"the last word of {facts}" if derivation.part == "last-word" else facts


def _sources(each: Requirement | Exemption) -> Iterator[str]:
    yield f"    {each.why}"
    if each.policy is not None:
        yield f"    a policy of {each.policy}"
    if each.reference is not None:
        yield f"    see {each.reference}"


def _condition(condition: Condition) -> str:
    return condition if isinstance(condition, str) else " or ".join(condition)


def explanation_lines(explained: ExplainedCode) -> Iterator[Line]:
    """Give a code's summary and its explanation."""
    yield _head(explained.severity, explained.code, explained.summary)
    yield [("", "plain")]
    for line in explained.explanation.splitlines():
        yield [(line, "plain")]


def check_lines(
    pairs: Sequence[tuple[Endpoint, Endpoint, Decision]], *, verbose: bool
) -> Iterator[Line]:
    """Give a block for each pair, and the sum of them where there are several.

    Findings that are for information only are shown when `verbose`.
    """
    for source, destination, decision in pairs:
        ends = f"{_place(source)} -> {_place(destination)}"
        pair = source, destination, decision
        why = "could not be asked" if decision.failed else _basis(pair)
        yield [
            (decision.verdict, decision.verdict),
            (f": {ends}   ", "plain"),
            (f"({why})", "dim"),
        ]
        for finding in decision.diagnostics:
            if verbose or finding.severity != "info":
                yield from finding_lines(finding)
    if len(pairs) > 1:
        yield _sum(decision for _, _, decision in pairs)


def _place(endpoint: Endpoint) -> str:
    """Say where an endpoint is; of one in an inventory also on which host."""
    if endpoint.host is None:
        return endpoint.address
    return f"{endpoint.address} on {endpoint.host}"


def target_rows(found: Iterable[Target]) -> Iterator[tuple[str, ...]]:
    """Give one row an endpoint that a source can go to, or perhaps."""
    reasons: dict[int, tuple[str, str]] = {}
    for host, address, free, pair in found:
        if id(pair) not in reasons:
            reasons[id(pair)] = pair.decision.verdict, _reason(pair)
        verdict, why = reasons[id(pair)]
        yield verdict, host or "-", address, "-" if free is None else str(free), why


def _reason(pair: Checked) -> str:
    """Say what a yes rests on, or why there is none."""
    decision = pair[2]
    if decision.verdict == "compatible":
        return _basis(pair)
    return ", ".join(
        f"{finding.code} {finding.summary}"
        for finding in decision.diagnostics
        if finding.severity != "info"
    )


def targets_line(counts: Mapping[str, int]) -> Iterator[Line]:
    """Say how many endpoints there are of each verdict."""
    each = ", ".join(f"{counts[word]} {word}" for word in _VERDICTS if counts[word])
    yield [(f"{sum(counts.values())} endpoints: {each or 'none'}", "plain")]


def _basis(pair: Checked) -> str:
    """Say what a verdict rests on, and of a recorded answer how old it is."""
    source, destination, decision = pair
    if decision.basis == "table":
        return f"by table {decision.table}"
    basis = _BASIS[decision.basis]
    ages = destination.recorded.ages if destination.recorded else {}
    age = ages.get(source.version or "")
    return f"{basis}, {age}" if age and decision.basis == "recorded" else basis


def _sum(decisions: Iterable[Decision]) -> Line:
    words = [
        "could not be asked" if decision.failed else decision.verdict
        for decision in decisions
    ]
    each = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return [(f"{len(words)} pairs: {each}", "plain")]


def finding_lines(finding: Diagnostic) -> Iterator[Line]:
    """Give what was found, where, why, and what would help."""
    yield _head(finding.severity, finding.code, finding.summary)
    if finding.path:
        yield [("  --> ", "dim"), (finding.path, "plain")]
    spans = drawn(finding.spans, sides=finding.code not in _SIDE_IS_TOLD)
    yield from _body(spans, finding.detail)
    if finding.table:
        kind = "exception" if finding.code in _OF_EXCEPTIONS else "requirement"
        rule = f", {kind} {finding.requirement}" if finding.requirement else ""
        why = f": {finding.why}" if finding.why else ""
        yield [("   = ", "dim"), (f"table {finding.table}{rule}{why}", "plain")]
    yield from _help(finding.hint)


def error_lines(error: ErrorRecord) -> Iterator[Line]:
    """Give what a command that has no result says instead."""
    yield _head("error", error.code, error.summary)
    yield from _body(drawn(error.spans), error.detail)
    yield from _help(error.hint)


def _head(severity: Severity, code: str, summary: str) -> Line:
    return [(f"{severity}[{code}]", severity), (f": {summary}", "strong")]


def _body(spans: Iterable[str], detail: str | None) -> Iterator[Line]:
    # At newlines only: other ends of lines may be a driver's.
    told = detail.rstrip("\n").split("\n") if detail else ()
    for line in (*spans, *told):
        yield [("   |  ", "dim"), (line, "plain")]


def _help(hint: str | None) -> Iterator[Line]:
    if hint:
        yield [("   = ", "dim"), (f"help: {hint}", "plain")]


def note_lines(code: Code, detail: str) -> Iterator[Line]:
    """Say something that is no result and no error, and of what."""
    yield _head(code.severity, code, code.summary)
    yield from _body((), detail)


def nothing_lines() -> Iterator[Line]:
    """Say why a listing is empty."""
    code = Code.NO_ENDPOINTS
    yield _head(code.severity, code, code.summary)


def problem_lines(problems: Iterable[Problem]) -> Iterator[Line]:
    """Give a line for each thing that could not be read."""
    for problem in problems:
        what = _PROBLEMS.get(problem.code, "could not be read")
        why = f" ({problem.errno})" if problem.errno else ""
        yield [
            (f"warning[{problem.code}]", "warning"),
            (f": {problem.path}: {what}{why}", "plain"),
        ]


_PROBLEMS: dict[str, str] = {
    Code.NO_ANSWER_IN_TIME: "no answer in time",
    Code.FACT_UNUSABLE: "what is stated of it cannot be used",
    Code.DEVICE_GONE: "went away while it was read",
    Code.VERSION_EMPTY: "the driver printed an empty string",
    Code.VERSION_TOO_LONG: "the driver printed a string that is too long",
    Code.VERSION_NOT_PRINTABLE: "the driver printed bytes that are not printable ASCII",
}
