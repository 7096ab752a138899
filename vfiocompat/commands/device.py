# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat device`: which migration interface a device has."""

from __future__ import annotations

import time

import click

from vfiocompat.endpoints import parse_address
from vfiocompat.errors import ExitCode, VfiocompatError
from vfiocompat.looking import look
from vfiocompat.moments import Horizon
from vfiocompat.output.documents import device_document
from vfiocompat.output.text import device_rows, note_lines
from vfiocompat.settings import Settings, common_options

__all__ = ["command"]


@click.command("device")
@click.argument("address")
@common_options
@click.pass_obj
def command(settings: Settings, address: str) -> int:
    """Tell which migration interface a device has.

    ADDRESS is an mdev or a PCI function, of this host or of an inventory. The kernel's
    debugfs is read; no device is opened, and no driver is asked. Exit status: 0 if
    there is such a device, even if its interface is not known.
    """
    [(endpoint, error)] = look(
        [parse_address(address)],
        settings.host,
        settings.drivers,
        ask="nothing",
        horizon=Horizon(time.time()),
    )
    if endpoint is None:
        assert error is not None
        raise VfiocompatError.of(error)
    document = device_document(endpoint)
    if settings.json:
        settings.print_document(document)
    else:
        settings.print_tabbed(device_rows(document))
    if document.interface == "unknown":
        settings.note(note_lines("VFC129", endpoint.address))
    return ExitCode.DONE
