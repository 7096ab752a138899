# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat get`: the version strings that drivers show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vfiocompat.check import look
from vfiocompat.decide import no_string
from vfiocompat.endpoints import Problem, parse_address
from vfiocompat.errors import ExitCode, VfiocompatError
from vfiocompat.output.documents import GetDocument
from vfiocompat.output.text import (
    error_lines,
    finding_lines,
    nothing_lines,
    problem_lines,
)
from vfiocompat.settings import Settings, common_options

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["command"]


@click.command("get")
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@common_options
@click.pass_obj
def command(settings: Settings, targets: Sequence[str]) -> int:
    """Print version strings.

    With one TARGET, print its string alone, as `vfiocompat check version:STRING`
    takes it on another host. With several, or with none (every string there is),
    print ADDRESS and STRING, separated by a tab.
    """
    return _named(settings, targets) if targets else _every(settings)


def _every(settings: Settings) -> int:
    endpoints, problems = settings.host.survey()
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


def _named(settings: Settings, targets: Sequence[str]) -> int:
    addresses = [parse_address(target) for target in targets]
    found = look(addresses, settings.host, ask="all")
    if len(found) == 1 and found[0].error is not None:
        raise VfiocompatError.of(found[0].error)
    endpoints = []
    problems = []
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
            settings.note(finding_lines(reason.finding))
            worse = ExitCode.FAILED if reason.failed else ExitCode.UNDETERMINED
            code = max(code, worse)
        elif not settings.json:
            row = (target, endpoint.version or "")
            settings.print_tabbed([row if len(targets) > 1 else row[1:]])
    if settings.json:
        settings.print_document(GetDocument(endpoints=endpoints, problems=problems))
    return code
