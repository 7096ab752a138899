# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat get`: the version strings that drivers show."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

import click
import msgspec

from vfiocompat import codes
from vfiocompat.addresses import parse_address
from vfiocompat.commands.arguments import ADDRESS
from vfiocompat.commands.options import common_options, stream_option
from vfiocompat.commands.streaming import streaming_of
from vfiocompat.decision.strings import no_string
from vfiocompat.endpoints import Problem
from vfiocompat.errors import ExitCode, FactError, UsageError, VfiocompatError, fail
from vfiocompat.find import look, survey
from vfiocompat.host.sysfs import Looked
from vfiocompat.nvidia.placing import on_gpus
from vfiocompat.output.get import GetDocument
from vfiocompat.output.text import (
    error_lines,
    finding_lines,
    nothing_lines,
    problem_lines,
)
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.streams import Streaming


__all__ = ["command"]

_COLUMNS = ("address", "version string")


@click.command("get")
@click.argument("targets", metavar="[TARGET]...", nargs=-1, type=ADDRESS)
@click.option(
    "--derive",
    is_flag=True,
    help="Where there is no attribute, make the string of facts, by a table.",
)
@click.option(
    "--fact",
    "facts",
    metavar="NAME=VALUE",
    multiple=True,
    help="State a fact, or a table's field, with --derive or --stream.",
)
@stream_option
@common_options
@click.pass_obj
def command(
    settings: Settings,
    targets: Sequence[str],
    derive: bool,  # noqa: FBT001 - click passes every option by name
    facts: Sequence[str],
    stream: bool,  # noqa: FBT001
) -> int:
    """Print version strings.

    With one TARGET, print its string alone, as `vfiocompat check version:STRING`
    takes it on another host. With several, or with none (every string there is),
    print ADDRESS and STRING, in a pipe separated by a tab. With --stream a TARGET
    without an attribute is opened, and its table's string made of the head of its
    stream.
    """
    if facts and not (derive or stream):
        raise UsageError("--fact is for --derive: a driver's string needs no facts")
    if facts and not targets:
        raise UsageError("--fact is about a TARGET: name one")
    if stream and not targets:
        raise UsageError(
            "--stream opens devices: name each TARGET",
            hint="'vfiocompat list' names the devices of this host",
        )
    settings.demand_tables()
    if not targets:
        return _every(settings, _Strings(settings, facts) if derive else None)
    streaming = streaming_of(settings, stream=stream)
    strings = _Strings(settings, facts) if derive or streaming else None
    return _named(settings, targets, strings, streaming, derive=derive)


class _Strings:
    """Makes the strings of endpoints that have no attribute."""

    def __init__(self, settings: Settings, facts: Sequence[str]) -> None:
        from vfiocompat.tables.stated import SiteFacts, Stated, parse_facts  # noqa: PLC0415 - few need tables

        self._settings = settings
        self._library = settings.library
        self._stated = Stated(parse_facts(facts), {}, SiteFacts(settings.config))

    def derived(self, endpoint: Endpoint) -> Looked:
        """Give an endpoint with its table's string, if there is one."""
        from vfiocompat.tables.strings import derive_string  # noqa: PLC0415

        try:
            known = derive_string(endpoint, self._library, self._stated)
        except FactError as error:
            return Looked(error=error.record)
        return Looked(endpoint=known)

    def read(self, found: Sequence[Looked], streaming: Streaming) -> list[Looked]:
        """Read the heads of the devices that have no attribute."""
        from vfiocompat.streams import lacks_head, read_heads  # noqa: PLC0415

        ends = [
            (at, each.endpoint)
            for at, each in enumerate(found)
            if each.endpoint is not None and each.endpoint.lacks_attribute
        ]
        known = list(found)
        heads = read_heads(
            [end for _, end in ends], self._settings.host, self._library, streaming
        )
        for (at, _), (end, error) in zip(ends, heads, strict=True):
            known[at] = Looked(end) if error is None else Looked(error=error)
            self._stated.demand_agreement(end, self._library, "source")
            if error is None and (lacking := lacks_head(end, self._library)):
                self._settings.note(finding_lines(lacking))
        return known

    def denied(self, endpoints: Sequence[Endpoint]) -> dict[str, ErrorRecord]:
        """Give what is wrong with files of facts, as `Stated.denied` has it."""
        return self._stated.denied(endpoints, self._library)


def _every(settings: Settings, strings: _Strings | None) -> int:
    endpoints, problems, _ = survey(settings.host, settings.drivers)
    denied: dict[str, ErrorRecord] = {}
    if strings is not None:
        found = [(each.address, strings.derived(each)) for each in endpoints]
        denied = strings.denied(endpoints)
        endpoints = [each.endpoint for _, each in found if each.endpoint is not None]
        for error in {each.error: None for _, each in found if each.error is not None}:
            settings.note(error_lines(error))
        problems += [
            Problem(address, "derive", None, each.error.code)
            for address, each in found
            if each.error is not None
        ]
        problems += [
            Problem(path, "load", None, each.code) for path, each in denied.items()
        ]
        for error in denied.values():
            settings.note(error_lines(error))
    there = [endpoint for endpoint in endpoints if endpoint.version is not None]
    if settings.json:
        settings.print_document(GetDocument(endpoints=there, problems=problems))
    else:
        settings.print_rows(
            _COLUMNS,
            ((endpoint.address, endpoint.version or "") for endpoint in there),
        )
    settings.note(problem_lines(problems))
    if not endpoints and not problems:
        settings.note(nothing_lines())
    if fail(denied):
        return ExitCode.FAILED
    return ExitCode.DONE if there else ExitCode.UNDETERMINED


def _named(
    settings: Settings,
    targets: Sequence[str],
    strings: _Strings | None,
    streaming: Streaming | None,
    *,
    derive: bool,
) -> int:
    addresses = [parse_address(target) for target in targets]
    fleets = settings.fleets()
    found = look(
        addresses,
        settings.host,
        settings.drivers,
        ask="all",
        horizon=Horizon(time.time()),
        fleets=fleets,
    )
    if strings is not None:
        if streaming is not None:
            found = strings.read(found, streaming)
        found = [
            strings.derived(each.endpoint)
            if each.endpoint is not None and (derive or each.endpoint.head)
            else each
            for each in found
        ]
    if len(found) == 1 and found[0].error is not None:
        raise VfiocompatError.of(found[0].error)
    endpoints = []
    problems = []
    rows = []
    code = ExitCode.DONE
    for target, (endpoint, error) in zip(targets, found, strict=True):
        if error is not None:
            problems.append(Problem(target, "find", None, error.code))
            settings.note(error_lines(error))
            code = ExitCode.FAILED
            continue
        assert endpoint is not None
        endpoints.append(endpoint)
        if (reason := no_string(endpoint)) is not None:
            finding = _with_way_out(reason.finding, target, strings)
            settings.note(finding_lines(finding))
            worse = ExitCode.FAILED if reason.failed else ExitCode.UNDETERMINED
            code = max(code, worse)
        else:
            rows.append((target, endpoint.version or ""))
    errors = fleets.errors | (strings.denied(endpoints) if strings else {})
    for path, wrong in errors.items():
        problems.append(Problem(path, "load", None, wrong.code))
        settings.note(error_lines(wrong))
        code = ExitCode.FAILED if wrong.fails else code
    problems += settings.host.problems
    settings.note(problem_lines(settings.host.problems))
    if settings.json:
        endpoints = on_gpus(endpoints, ())  # no document has their metadata here
        settings.print_document(GetDocument(endpoints=endpoints, problems=problems))
    elif len(targets) > 1:
        settings.print_rows(_COLUMNS, rows)
    else:
        settings.print_tabbed(row[1:] for row in rows)
    return code


def _with_way_out(
    finding: Diagnostic, target: str, strings: _Strings | None
) -> Diagnostic:
    """Say of an endpoint without an attribute how a table may make its string."""
    if finding.code != codes.NO_ATTRIBUTE or strings is not None:
        return finding
    command = shlex.join(["vfiocompat", "get", "--derive", target])
    hint = f"a table may make one of facts: '{command}'"
    return msgspec.structs.replace(finding, hint=hint)
