# SPDX-License-Identifier: Apache-2.0
"""How commands read the classes of a whole fleet, and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.errors import ExitCode
from vfiocompat.fleet.classes import Classifier
from vfiocompat.fleet.read import demand_hosts, gather
from vfiocompat.output.text import error_lines, note_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.fleet.classes import Fleet
    from vfiocompat.times import Horizon

__all__ = ["exit_code", "read_classes"]


def read_classes(
    settings: Settings,
    paths: Sequence[str],
    horizon: Horizon,
    hosts: Collection[str] = (),
) -> Fleet:
    """Read a fleet, which has to have some hosts; broken tables are its errors, too.

    Raises:
        InventoryError: no inventory of the fleet can be used, or it has no such host.

    """
    library = settings.library
    with settings.progress("reading the fleet"):
        found = gather(
            paths,
            lambda: Classifier(horizon, library.facts_read),
            library=library,
        )
    demand_hosts({host.host for host in found.hosts}, found.errors, paths, hosts)
    found.errors |= library.broken(class_.endpoint for class_ in found.classes)
    return found


def exit_code(settings: Settings, fleet: Fleet) -> ExitCode:
    """Say what of a fleet could not be used, and tell how the command ends."""
    for error in fleet.errors.values():
        settings.note(error_lines(error))
    if fleet.errors:
        return ExitCode.FAILED
    if not fleet.classes:
        settings.note(note_lines(codes.FLEET_WITHOUT_ENDPOINTS))
        return ExitCode.UNDETERMINED
    return ExitCode.DONE
