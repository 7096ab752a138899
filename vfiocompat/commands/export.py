# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat export`: what other programs are told of a host."""

from __future__ import annotations

import shlex
import socket
import time
from typing import TYPE_CHECKING

import click

from vfiocompat.commands.arguments import FILE, HOST, Choice, fleet_argument
from vfiocompat.commands.options import common_options, duration, max_age_option
from vfiocompat.errors import ExitCode, InventoryError, OutputError, VfiocompatError
from vfiocompat.export import FORMATS, writer
from vfiocompat.export.acceptance import view_of
from vfiocompat.files.reading import read_bytes
from vfiocompat.files.replacing import replace
from vfiocompat.fleet.read import Inventories
from vfiocompat.output.text import error_lines, finding_lines
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.inventory import Inventory

__all__ = ["command"]

_LONGEST = 64 << 20  # bytes that are read of a file that was there


@click.command("export")
@click.argument("form", metavar="FORMAT", type=Choice("format", FORMATS))
@fleet_argument()
@click.option(
    "--host",
    metavar="HOST",
    type=HOST,
    help="The host to tell of (default: this one, or the only).",
)
@click.option("-o", "--output", metavar="FILE", type=FILE, help="Replace FILE.")
@click.option(
    "--expires",
    default="45m",
    callback=duration,
    metavar="AGE",
    help="nfd: how long it is good for, from now on (default 45m).",
)
@click.option(
    "--node-name",
    metavar="NAME",
    help="nova: what libvirt calls the host (default: its canonical name).",
)
@max_age_option
@common_options
@click.pass_obj
def command(  # noqa: PLR0917 - click passes every option by name
    settings: Settings,
    form: str,
    fleet: Sequence[str],
    host: str | None,
    output: str | None,
    expires: float,
    node_name: str | None,
    max_age: float | None,
) -> int:
    """Write what a host accepts for another program.

    FORMAT is ansible, nfd, nova or prometheus. FLEET has the host and those that its
    devices may come from. Exit status: 0 if it was written, 4 if not or not all of
    FLEET could be read; with ansible always 0.
    """
    chosen = writer(form)
    now = time.time()
    try:
        found = Inventories(fleet, settings.library)
        name = _host(settings, found, host)
        with settings.progress("comparing classes"):
            view = view_of(
                found,
                name,
                settings.library,
                Horizon(now, max_age),
                expires=now + expires,
            )
        if chosen.is_for_nova:
            node = node_name or _node_name(settings, name)
            view = view._replace(node=node, before=_before(output))
        broken = settings.library.broken(view.inventory.endpoints)
        text, findings = chosen.render(view)
        _put(settings, text, output)
    except VfiocompatError as error:
        if not chosen.never_fails:
            raise
        from vfiocompat.export import ansible  # noqa: PLC0415 - rare

        _put(settings, ansible.failed(f"{error.code} {error.summary}"), output)
        settings.note(error_lines(error.record))
        return ExitCode.DONE
    for finding in findings:
        settings.note(finding_lines(finding))
    errors = found.errors | broken
    for record in errors.values():
        settings.note(error_lines(record))
    failed = errors and not chosen.never_fails
    return ExitCode.FAILED if failed else ExitCode.DONE


def _host(
    settings: Settings, fleet: Mapping[str, Inventory], wanted: str | None
) -> str:
    """Choose the host to tell of: the one asked for, the only one, or this one."""
    if wanted is None and len(fleet) == 1:
        return next(iter(fleet))
    name = wanted or settings.host.name()
    if name not in fleet:
        known = ", ".join(map(shlex.quote, sorted(fleet)[:5]))
        raise InventoryError(
            f"the fleet has no host {name!r}", hint=f"--host names one: {known}"
        )
    return name


def _node_name(settings: Settings, host: str) -> str:
    """Give a host's name as libvirt finds it (src/util/virutil.c, virGetHostname).

    Only this host's canonical name can be asked for here.
    """
    if settings.sysroot != "/" or host != socket.gethostname() or "." in host:
        return host
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_CANONNAME)
    except OSError:
        return host
    name = found[0][3]
    return host if not name or name.startswith("localhost") else name


def _before(output: str | None) -> str:
    """Read the file that is to be replaced.

    Raises:
        OutputError: it is there, and cannot be read.

    """
    if output is None:
        return ""
    try:
        return read_bytes(output, _LONGEST).decode(errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise OutputError(
            f"cannot read {output}: {error.strerror}",
            hint="it tells which traits nova-compute has given already",
        ) from None


def _put(settings: Settings, text: str, output: str | None) -> None:
    if output is None:
        settings.print_text(text)
    else:
        replace(output, text.encode())
