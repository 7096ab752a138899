# SPDX-License-Identifier: Apache-2.0
"""Endpoints as commands get them: at addresses, or all that a host has.

`drivers` gives the drivers that tables speak for. It is called only where a virtual
parent's driver has to be told from its types, so that most commands read no table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vfiocompat.addresses import (
    FleetAddress,
    InventoryAddress,
    LiteralAddress,
)
from vfiocompat.endpoints import literal
from vfiocompat.errors import InventoryError, NoSuchEndpoint
from vfiocompat.files.inventories import Fleets, read_inventory
from vfiocompat.host.sysfs import Looked, Survey
from vfiocompat.inventory import named, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from vfiocompat.addresses import Address
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.sysfs import Ask, Host
    from vfiocompat.inventory import Inventory
    from vfiocompat.times import Horizon

    Drivers = Callable[[], Collection[str]]

__all__ = ["identified", "look", "survey"]


def look(
    addresses: Sequence[Address],
    host: Host,
    drivers: Drivers,
    *,
    ask: Ask,
    horizon: Horizon,
    fleets: Fleets | None = None,
) -> list[Looked]:
    """Find and read endpoints at once; literals become endpoints by themselves.

    `horizon` says how old an inventory may be. `fleets` have the hosts that addresses
    name.

    Raises:
        InvalidVersion: a literal is no version string.
        VfiocompatError: there is no sysfs.

    """
    live = [
        address
        for address in addresses
        if not isinstance(address, LiteralAddress | InventoryAddress | FleetAddress)
    ]
    found = iter(host.read(live, ask=ask) if live else ())
    fleets = fleets or Fleets({})
    inventories: dict[tuple[str, str], Inventory] = {}
    ends = []
    for address in addresses:
        match address:
            case LiteralAddress(text):
                ends.append(Looked(endpoint=literal(text)))
            case InventoryAddress() | FleetAddress():
                ends.append(_in_inventory(address, inventories, fleets, horizon))
            case _:
                ends.append(_looked(next(found), drivers))
    return ends


def _in_inventory(
    address: InventoryAddress | FleetAddress,
    known: dict[tuple[str, str], Inventory],
    fleets: Fleets,
    horizon: Horizon,
) -> Looked:
    """Find an endpoint in its inventory, which is read once."""
    try:
        if isinstance(address, InventoryAddress):
            key = "file", address.file
            inventory = known.get(key) or read_inventory(address.file)
        else:
            key = "host", address.host
            inventory = known.get(key) or fleets.inventory_of(address.host)
        known[key] = inventory
        return Looked(endpoint=recorded(named(inventory, address), inventory, horizon))
    except (InventoryError, NoSuchEndpoint) as error:
        return Looked(error=error.record)


def survey(host: Host, drivers: Drivers) -> Survey:
    """Find and read every endpoint of a host.

    Raises:
        VfiocompatError: there is no sysfs, or the tables cannot be read.

    """
    found = host.survey()
    return found._replace(
        endpoints=[_identified(endpoint, drivers) for endpoint in found.endpoints]
    )


def _identified(endpoint: Endpoint, drivers: Drivers) -> Endpoint:
    """Give an endpoint of a virtual parent the driver that only tables can tell."""
    if not endpoint.names_its_driver:
        return endpoint
    return identified(endpoint, drivers())


def _looked(found: Looked, drivers: Drivers) -> Looked:
    if found.endpoint is None:
        return found
    return Looked(endpoint=_identified(found.endpoint, drivers))


def identified(endpoint: Endpoint, drivers: Iterable[str]) -> Endpoint:
    """Give an endpoint of a virtual parent the driver that its type's id begins with.

    The mdev core names a type `<driver>-<name>` (drivers/vfio/mdev/mdev_sysfs.c,
    mdev_type_add), and a virtual parent has no `driver` link to tell it.
    """
    if not endpoint.names_its_driver:
        return endpoint
    type_id = endpoint.type_id or ""
    prefixes = [name for name in drivers if type_id.startswith(f"{name}-")]
    if not prefixes:
        return endpoint
    return msgspec.structs.replace(endpoint, driver=max(prefixes, key=len))
