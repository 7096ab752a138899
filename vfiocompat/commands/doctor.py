# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat doctor`: what is in the way of answers, and what to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from vfiocompat.commands.arguments import fleet_argument
from vfiocompat.commands.options import common_options, duration
from vfiocompat.doctor.checks import Subject, examine
from vfiocompat.errors import ExitCode
from vfiocompat.output.doctor import (
    answer_line,
    check_lines,
    check_rows,
    doctor_document,
)
from vfiocompat.tables.stated import SiteFacts, Stated
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.commands.settings import Settings

__all__ = ["command"]


@click.command("doctor")
@fleet_argument(required=False)
@click.option(
    "--max-age",
    default="1d",
    callback=duration,
    metavar="AGE",
    help="Warn of inventories that are older than AGE: 12h, 7d (default 1d).",
)
@common_options
@click.pass_obj
def command(settings: Settings, fleet: Sequence[str], max_age: float) -> int:
    """Tell what stands in the way of answers, and what to do.

    It looks at the kernel, the devices and the programs of this host, at the site's
    tables and facts, and at the inventories of FLEET, or of VFIOCOMPAT_FLEET. Nothing
    is written, and no driver is asked about a migration. Exit status: 0 if no check
    failed, 1 if one did.
    """
    subject = Subject(
        settings.host,
        settings.library,
        Stated(site=SiteFacts(settings.config)),
        fleet,
        sysroot=settings.sysroot,
        config=settings.config,
        timeout=settings.timeout,
        horizon=Horizon(time.time(), max_age),
    )
    with settings.progress("looking"):
        document = doctor_document(examine(subject))
    if settings.json:
        settings.print_document(document)
    elif not settings.quiet:
        settings.print_answered(
            lambda: answer_line(document),
            lambda: check_lines(document, verbose=settings.verbose),
            check_rows(document),
        )
    return ExitCode.INCOMPATIBLE if document.counts.fail else ExitCode.DONE
