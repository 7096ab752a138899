# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat device`: which migration interface a device has."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

import click
import msgspec

from vfiocompat import codes
from vfiocompat.addresses import (
    FleetAddress,
    InventoryAddress,
    LiteralAddress,
    parse_address,
)
from vfiocompat.commands.arguments import ADDRESS
from vfiocompat.commands.options import common_options
from vfiocompat.endpoints import MigrationInterface
from vfiocompat.errors import ExitCode, UsageError, fail
from vfiocompat.find import look
from vfiocompat.output.device import device_document, device_lines, device_rows
from vfiocompat.output.text import error_lines, finding_lines, note_lines
from vfiocompat.tables.shelf import cannot_migrate
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from vfiocompat.addresses import LiveAddress
    from vfiocompat.commands.settings import Settings
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.opening import Opened

__all__ = ["command"]


@click.command("device")
@click.argument("address", type=ADDRESS)
@click.option(
    "--open",
    "open_",
    is_flag=True,
    help="Open the device and ask it; this may reset it.",
)
@click.option(
    "--stream",
    is_flag=True,
    help="With --open: begin a copy, to tell how much is sent at first.",
)
@common_options
@click.pass_obj
def command(
    settings: Settings,
    address: str,
    open_: bool,  # noqa: FBT001
    stream: bool,  # noqa: FBT001
) -> int:
    """Tell which migration interface a device has.

    ADDRESS is an mdev or a PCI function, of this host or of an inventory. The kernel's
    debugfs is read, and then the name of its driver, which tables may know to migrate
    nothing; without --open no device is opened, and no driver is asked. An open device
    tells its state and how much it has to move, too. Exit status: 0 if there is such a
    device, even if its interface is not known; 4 if there is none, or it cannot be
    opened.
    """
    _demand_fitting(settings, open_=open_, stream=stream)
    settings.demand_tables()
    place = parse_address(address)
    if isinstance(place, LiteralAddress):
        raise UsageError(f"{address} is no device: name an mdev or a PCI function")
    fleets = settings.fleets()
    [found] = look(
        [place],
        settings.host,
        settings.drivers,
        ask="nothing",
        horizon=Horizon(time.time()),
        fleets=fleets,
    )
    endpoint = found.there()
    if endpoint.kind == "type":
        raise UsageError(
            f"{address} is a type and no device",
            hint="create an mdev of it, and name that",
        )
    opened = None
    if open_:
        opened = _opened(settings, place, endpoint, stream=stream)
        endpoint = msgspec.structs.replace(endpoint, migration=opened.interface)
    elif endpoint.migration is None:
        endpoint = _by_driver(settings, endpoint)
    document = device_document(endpoint, opened)
    if settings.json:
        settings.print_document(document)
    elif settings.on_terminal:
        settings.print_lines(device_lines(document))
    else:
        settings.print_tabbed(device_rows(document))
    if document.interface == "unknown":
        settings.note(
            note_lines(
                codes.MIGRATION_INTERFACE_NOT_TOLD,
                endpoint.address,
                f"on {endpoint.host or 'its host'} "
                f"'{shlex.join(['vfiocompat', 'device', '--open', endpoint.address])}' "
                "asks the device itself, which may reset it",
            )
        )
    for error in fleets.errors.values():
        settings.note(error_lines(error))
    return ExitCode.FAILED if fail(fleets.errors) else ExitCode.DONE


def _demand_fitting(settings: Settings, *, open_: bool, stream: bool) -> None:
    """See that options go with each other."""
    if stream and not open_:
        raise UsageError("--stream is for --open")
    if open_ and settings.sysroot != "/":
        raise UsageError("--open is for this host, not for one that --sysroot names")


def _by_driver(settings: Settings, endpoint: Endpoint) -> Endpoint:
    """Give a device with what the name of its driver tells, if it does."""
    if not cannot_migrate(endpoint, settings.library.speaking_for(endpoint)):
        return endpoint
    return msgspec.structs.replace(
        endpoint, migration=MigrationInterface("none", source="driver")
    )


def _opened(
    settings: Settings,
    place: LiveAddress | InventoryAddress | FleetAddress,
    endpoint: Endpoint,
    *,
    stream: bool,
) -> Opened:
    """Open a device, and give what it says.

    It begins to copy, for --stream, only where a table says that it may be asked so.
    """
    if isinstance(place, InventoryAddress | FleetAddress):
        raise UsageError("--open is for a device of this host")
    if stream:
        from vfiocompat.streams import lacks_head  # noqa: PLC0415 - few ask so

        if (lacking := lacks_head(endpoint, settings.library)) is not None:
            settings.note(finding_lines(lacking))
            stream = False
    code = codes.DEVICES_ARE_ASKED if stream else codes.DEVICE_IS_OPENED
    settings.note(note_lines(code, endpoint.address))
    return settings.host.open_device(place, copying=stream)
