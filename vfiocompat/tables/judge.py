# SPDX-License-Identifier: Apache-2.0
"""What tables say of a pair: the verdict of the one that decides it, with reasons.

Pure: endpoints and tables come in. Whether a table may decide at all, beside a driver
or in its place, is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.diagnostics import SIDES, Diagnostic, diagnostic
from vfiocompat.tables.ends import doubts_head, read_end, reads_head
from vfiocompat.tables.heads import covered_by_gpu, rest_of, rest_of_gpu
from vfiocompat.tables.language.reasons import End
from vfiocompat.tables.language.table import Reading
from vfiocompat.tables.language.wording import findings, unmatched
from vfiocompat.tables.shelf import first_found, is_bound, reading_heads
from vfiocompat.verdicts import Beyond, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.diagnostics import Side
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.tables.language.formats import Stop
    from vfiocompat.tables.language.table import Table
    from vfiocompat.tables.shelf import Shelved
    from vfiocompat.verdicts import Verdict

__all__ = ["beside_gpu", "derivation", "judge"]


class _Unread(NamedTuple):
    """A table that cannot read one end: where its formats stopped.

    `stops` is None where the end has no string and the table derives none.
    """

    table: Table
    side: Side
    stops: list[Stop] | None


class _Match(NamedTuple):
    """A table, and both ends as it reads them; None where it has no format."""

    table: Table
    source: End | None
    destination: End | None


def judge(
    source: Endpoint, destination: Endpoint, shelf: Sequence[Shelved]
) -> Judgement:
    """Say what the tables that concern a pair make of it."""
    unread: list[_Unread] = []

    def find(table: Table) -> _Match | None:
        found = _match(table, source, destination)
        if isinstance(found, _Match):
            return found
        unread.append(found)
        return None

    matches, errors = first_found(shelf, find)
    if errors:
        return _broken(errors)
    if unsupported := [
        each.table for each in matches if each.table.file.migration == "unsupported"
    ]:
        return _unsupported(unsupported, source, destination)
    if len(matches) > 1:
        return _ambiguous(matches)
    if not matches:
        return Judgement(findings=tuple(_unread(unread, source, destination)))
    judgement = _evaluated(matches[0])
    if source.head or destination.head:
        asking = reading_heads(shelf, destination.driver)
        return _with_heads(judgement, matches[0], source, destination, asking)
    return judgement


def _match(table: Table, source: Endpoint, destination: Endpoint) -> _Match | _Unread:
    """Read both ends with a table, or say which one it cannot read."""
    if table.file.migration == "unsupported":
        return _Match(table, None, None)
    if not table.formats:
        if None not in {source.driver, destination.driver}:
            return _Match(table, None, None)
        return _Unread(table, "source" if source.driver is None else "destination", [])
    ends = []
    for side, endpoint in zip(SIDES, (source, destination), strict=True):
        found = read_end(table, endpoint)
        if isinstance(found, Reading):
            ends.append(End(side, found, derived=endpoint.version is None))
        else:
            return _Unread(table, side, found)
    return _Match(table, *ends)


def _unread(
    unread: Sequence[_Unread], source: Endpoint, destination: Endpoint
) -> Iterator[Diagnostic]:
    """Say of each end which tables could not read it, and where they stopped."""
    for side, endpoint in zip(SIDES, (source, destination), strict=True):
        here = [each for each in unread if each.side == side]
        for each in here:
            if each.stops is None:
                yield diagnostic(
                    codes.NO_STRING_DERIVED,
                    f"table {each.table.id} makes no string of the {side}'s facts",
                    hint="give the string that the driver would print: version:STRING",
                    table=each.table.id,
                )
        stopped = [
            (f"{each.table.id}, {form.name}", form, stop)
            for each in here
            for form, stop in zip(each.table.formats, each.stops or (), strict=False)
            # One for any vendor is not meant where not even its first word is there.
            if each.table.file.vendor is not None or stop.begun
        ]
        if stopped:
            yield unmatched(side, endpoint.version or "", stopped)


def derivation(
    endpoint: Endpoint, shelf: Sequence[Shelved]
) -> tuple[Table, Reading] | None:
    """Give the string that an endpoint's table derives, as it reads it, and the table.

    None if that is not just one.
    """

    def find(table: Table) -> tuple[Table, Reading] | None:
        found = read_end(table, endpoint)
        return (table, found) if isinstance(found, Reading) else None

    readings, _ = first_found(shelf, find)
    return readings[0] if len(readings) == 1 else None


def _evaluated(match: _Match) -> Judgement:
    table, source, destination = match
    decides = table.file.migration == "device-decides"
    if source is None or destination is None:
        return Judgement(table=table.id, findings=(_device_decides(table),))
    outcome = table.outcome(source.reading.values, destination.reading.values)
    found = list(findings(table, outcome, source, destination))
    if decides and outcome.verdict != "incompatible":
        found.append(_device_decides(table))
    return Judgement(
        verdict=outcome.verdict,
        table=table.id,
        findings=tuple(found),
        source=source.reading.version.text if source.derived else None,
        destination=destination.reading.version.text if destination.derived else None,
    )


def beside_gpu(
    source: Endpoint, destination: Endpoint, shelf: Sequence[Shelved]
) -> Beyond | None:
    """Say what is left to tables where NVIDIA's driver says that a GPU loads a vGPU.

    None where not just one table speaks for the pair.
    """

    def find(table: Table) -> _Match | None:
        found = _match(table, source, destination)
        return found if isinstance(found, _Match) else None

    matches, _ = first_found(shelf, find)
    if len(matches) != 1:
        return None
    table = matches[0].table
    return _beyond(matches[0], rest_of_gpu(table), covered_by_gpu(table))


def _beyond(match: _Match, rest: Table, covered: tuple[str, ...]) -> Beyond | None:
    """Evaluate the rest of a table; nothing that is covered is checked later."""
    _, source, destination = match
    if source is None or destination is None:
        return None
    outcome = rest.outcome(source.reading.values, destination.reading.values)
    return Beyond(
        verdict=outcome.verdict,
        findings=tuple(findings(rest, outcome, source, destination)),
        covered=covered,
        complete=True,
    )


def _with_heads(
    judgement: Judgement,
    match: _Match,
    source: Endpoint,
    destination: Endpoint,
    asking: Table | None,
) -> Judgement:
    """Add what a pair's heads have to do with what a table says of it.

    Only the table by which the destination is asked knows what an answer covers.
    """
    ends = tuple(zip(SIDES, (source, destination), strict=True))
    judgement = msgspec.structs.replace(
        judgement,
        by_head=tuple(side for side, end in ends if reads_head(match.table, end)),
    )
    if source.head and asking is match.table:
        judgement = _beside_head(judgement, match)
        judgement = _but_for_length(judgement, match.table, source, destination)
    return _but_for_doubts(judgement, match.table, ends)


def _beside_head(judgement: Judgement, match: _Match) -> Judgement:
    """Add what is left to tables where the driver takes the source's head."""
    stream = match.table.stream
    if stream is None:
        return judgement
    beyond = _beyond(match, rest_of(match.table), stream.covers)
    if beyond is not None:
        beyond = msgspec.structs.replace(beyond, complete=stream.complete)
    return msgspec.structs.replace(judgement, beyond=beyond)


def _but_for_length(
    judgement: Judgement, table: Table, source: Endpoint, destination: Endpoint
) -> Judgement:
    """Leave no yes to a recorded head of another length than the destination's own.

    Its driver cannot have been asked about that one.
    """
    heads = source.head, destination.head
    if not (source.recorded and heads[0] and heads[1] and judgement.beyond):
        return judgement
    sizes = [len(each.exact_bytes()) for each in heads if each]
    if sizes[0] == sizes[1]:
        return judgement
    why = f"it has {sizes[0]} bytes, and the destination's own {sizes[1]}"
    finding = _not_relied_on("source", why, table)
    return msgspec.structs.replace(
        judgement, beyond=_doubted(judgement.beyond, (finding,))
    )


def _not_relied_on(side: Side, why: str, table: Table) -> Diagnostic:
    return diagnostic(
        codes.HEAD_NOT_READ,
        f"the {side}'s recorded head is not relied on: {why}",
        hint=f"scan the {side}'s host again, with --stream",
        table=table.id,
    )


def _doubted(beyond: Beyond, found: tuple[Diagnostic, ...]) -> Beyond:
    verdict = _no_yes(beyond.verdict)
    return msgspec.structs.replace(
        beyond, verdict=verdict, findings=(*beyond.findings, *found)
    )


def _but_for_doubts(
    judgement: Judgement, table: Table, ends: Sequence[tuple[Side, Endpoint]]
) -> Judgement:
    """Leave no yes where a recorded head cannot be of its device.

    What is wrong, the head or what else the file says, is not known.
    """
    found = tuple(
        _not_relied_on(side, why, table)
        for side, end in ends
        if (why := doubts_head(table, end)) is not None
    )
    if not found:
        return judgement
    beyond = judgement.beyond
    return msgspec.structs.replace(
        judgement,
        verdict=_no_yes(judgement.verdict),
        findings=(*judgement.findings, *found),
        beyond=beyond and _doubted(beyond, found),
    )


def _no_yes(verdict: Verdict) -> Verdict:
    return "undetermined" if verdict == "compatible" else verdict


def _device_decides(table: Table) -> Diagnostic:
    return diagnostic(codes.DEVICE_DECIDES, table=table.id, why=table.file.why)


def _unsupported(
    tables: Sequence[Table], source: Endpoint, destination: Endpoint
) -> Judgement:
    found = [
        diagnostic(
            codes.DRIVER_CANNOT_MIGRATE,
            f"the {side}'s driver {endpoint.driver} cannot migrate it",
            hint="as bound now: see whether its driver can be another",
            path=endpoint.path,
            table=table.id,
            why=table.file.why,
        )
        for table in tables
        for side, endpoint in (("source", source), ("destination", destination))
        if is_bound(table.file, endpoint)
    ]
    return Judgement(verdict="incompatible", table=tables[0].id, findings=tuple(found))


def _ambiguous(matches: Sequence[_Match]) -> Judgement:
    names = ", ".join(match.table.id for match in matches)
    return Judgement(
        findings=(
            diagnostic(
                codes.SEVERAL_TABLES,
                f"{len(matches)} tables speak for this pair: {names}",
                hint="remove all but one, or give only one with --table",
            ),
        )
    )


def _broken(errors: Sequence[ErrorRecord]) -> Judgement:
    return Judgement(
        findings=tuple(
            diagnostic(
                codes.TABLE_MALFORMED,
                error.summary,
                detail=error.detail,
                hint=error.hint,
                spans=error.spans,
            )
            for error in errors
        ),
        failed=True,
    )
