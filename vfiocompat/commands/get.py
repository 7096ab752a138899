# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat get`: the version strings that drivers show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vfiocompat.decide import no_string
from vfiocompat.endpoints import Problem, parse_address
from vfiocompat.errors import ExitCode, UsageError, VfiocompatError
from vfiocompat.looking import look, survey
from vfiocompat.output.documents import GetDocument
from vfiocompat.output.text import (
    error_lines,
    finding_lines,
    nothing_lines,
    problem_lines,
)
from vfiocompat.settings import Settings, common_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vfiocompat.endpoints import Endpoint

    Deriving = Callable[[Endpoint], Endpoint]

__all__ = ["command"]


@click.command("get")
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
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
    help="State a fact, or a table's field, with --derive; may be given again.",
)
@common_options
@click.pass_obj
def command(
    settings: Settings,
    targets: Sequence[str],
    derive: bool,  # noqa: FBT001 - click passes every option by name
    facts: Sequence[str],
) -> int:
    """Print version strings.

    With one TARGET, print its string alone, as `vfiocompat check version:STRING`
    takes it on another host. With several, or with none (every string there is),
    print ADDRESS and STRING, separated by a tab.
    """
    if facts and not derive:
        raise UsageError("--fact is for --derive: a driver's string needs no facts")
    deriving = _deriving(settings, facts) if derive else None
    if targets:
        return _named(settings, targets, deriving)
    return _every(settings, deriving)


def _deriving(settings: Settings, facts: Sequence[str]) -> Deriving:
    """Give what makes the strings of endpoints that have no attribute."""
    from vfiocompat.deriving import derive_string  # noqa: PLC0415 - only with --derive
    from vfiocompat.stated import SiteFacts, Stated, parse_facts  # noqa: PLC0415

    library = settings.library
    stated = Stated(parse_facts(facts), {}, SiteFacts(settings.config))
    return lambda endpoint: derive_string(endpoint, library, stated)


def _every(settings: Settings, deriving: Deriving | None) -> int:
    endpoints, problems = survey(settings.host, settings.drivers)
    if deriving is not None:
        endpoints = list(map(deriving, endpoints))
    strings = [endpoint for endpoint in endpoints if endpoint.version is not None]
    if settings.json:
        settings.print_document(GetDocument(endpoints=strings, problems=problems))
    else:
        settings.print_tabbed(
            (endpoint.address, endpoint.version or "") for endpoint in strings
        )
    settings.note(problem_lines(problems))
    if not endpoints and not problems:
        settings.note(nothing_lines())
    return ExitCode.DONE if strings else ExitCode.UNDETERMINED


def _named(
    settings: Settings,
    targets: Sequence[str],
    deriving: Deriving | None,
) -> int:
    addresses = [parse_address(target) for target in targets]
    found = look(addresses, settings.host, settings.drivers, ask="all")
    if len(found) == 1 and found[0].error is not None:
        raise VfiocompatError.of(found[0].error)
    endpoints = []
    problems = []
    code = ExitCode.DONE
    for target, (known, error) in zip(targets, found, strict=True):
        if error is not None:
            problems.append(Problem(target, "find", None, error.code))
            settings.note(error_lines(error))
            code = ExitCode.FAILED
            continue
        assert known is not None
        endpoint = deriving(known) if deriving is not None else known
        endpoints.append(endpoint)
        if (reason := no_string(endpoint)) is not None:
            settings.note(finding_lines(reason.finding))
            worse = ExitCode.FAILED if reason.failed else ExitCode.UNDETERMINED
            code = max(code, worse)
        elif not settings.json:
            row = (target, endpoint.version or "")
            settings.print_tabbed([row if len(targets) > 1 else row[1:]])
    if settings.json:
        settings.print_document(GetDocument(endpoints=endpoints, problems=problems))
    return code
