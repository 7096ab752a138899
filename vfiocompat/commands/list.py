# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat list`: what this host has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from vfiocompat.commands.options import common_options
from vfiocompat.errors import ExitCode
from vfiocompat.find import survey
from vfiocompat.output.list import (
    LIST_COLUMNS,
    ListDocument,
    list_answer,
    list_rows,
    tree_lines,
)
from vfiocompat.output.text import nothing_lines, problem_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.commands.settings import Settings
    from vfiocompat.host.sysfs import Survey
    from vfiocompat.output.text import Line

__all__ = ["command"]


@click.command("list")
@common_options
@click.pass_obj
def command(settings: Settings) -> int:
    """List the endpoints of this host.

    These are the mdev types of every parent device, the mdev devices, and the PCI
    functions bound to a VFIO driver, each with its version attribute and string. A
    terminal shows them as a tree by parent, a pipe one row each.
    """
    settings.demand_tables()
    found = survey(settings.host, settings.drivers)
    if settings.json:
        settings.print_document(
            ListDocument(
                endpoints=found.endpoints,
                gpus=msgspec.UNSET if found.gpus is None else found.gpus,
                problems=found.problems,
            )
        )
    else:
        ends = found.endpoints
        if ends:
            settings.print_answered(
                lambda: list_answer(ends),
                lambda: [
                    *_gpu_lines(settings, found),
                    *tree_lines(ends, verbose=settings.verbose),
                ],
                list_rows(ends, LIST_COLUMNS),
            )
    settings.note(problem_lines(found.problems))
    if not found.endpoints and not found.problems:
        settings.note(nothing_lines())
    return ExitCode.DONE


def _gpu_lines(settings: Settings, found: Survey) -> Iterable[Line]:
    """Give NVIDIA's GPUs, if the host has any: few do."""
    if not any(each.is_vgpu for each in found.endpoints):
        return ()
    from vfiocompat.output.gpus import gpu_lines  # noqa: PLC0415 - few need it

    return gpu_lines(found.endpoints, found.gpus or (), verbose=settings.verbose)
