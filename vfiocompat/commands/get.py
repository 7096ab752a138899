# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat get`: the version strings that drivers show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vfiocompat.check import read_endpoints
from vfiocompat.decide import no_string
from vfiocompat.endpoints import Problem
from vfiocompat.errors import ExitCode, VfiocompatError
from vfiocompat.output.documents import GetDocument
from vfiocompat.output.text import (
    error_lines,
    finding_lines,
    nothing_lines,
    problem_lines,
)
from vfiocompat.settings import Settings, common_options
from vfiocompat.sysfs import survey

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
    with settings.open_tree() as tree:
        endpoints, problems = survey(tree)
    strings = [endpoint for endpoint in endpoints if endpoint.version is not None]
    if settings.json:
        settings.print_document(GetDocument(endpoints=strings, problems=problems))
    else:
        settings.print_lines(
            [(f"{endpoint.address}\t{endpoint.version}", "plain")]
            for endpoint in strings
        )
    settings.note(problem_lines(problems))
    if not endpoints:
        settings.note(nothing_lines())
    return ExitCode.DONE if strings else ExitCode.UNDETERMINED


def _named(settings: Settings, targets: Sequence[str]) -> int:
    with settings.open_tree() as tree:
        found = read_endpoints(targets, tree, ask=True)
    if len(found) == 1 and isinstance(found[0], VfiocompatError):
        raise found[0]
    endpoints = []
    problems = []
    code = ExitCode.DONE
    for target, each in zip(targets, found, strict=True):
        if isinstance(each, VfiocompatError):
            problems.append(Problem(target, "find", None, each.code))
            settings.note(error_lines(each))
            code = ExitCode.FAILED
            continue
        endpoints.append(each)
        if (reason := no_string(each)) is not None:
            settings.note(finding_lines(reason.finding))
            code = max(
                code, ExitCode.FAILED if reason.failed else ExitCode.UNDETERMINED
            )
        elif not settings.json:
            alone = each.version if len(targets) == 1 else f"{target}\t{each.version}"
            settings.print_lines([[(alone or "", "plain")]])
    if settings.json:
        settings.print_document(GetDocument(endpoints=endpoints, problems=problems))
    return code
