# SPDX-License-Identifier: Apache-2.0
"""What forbids a pair before any driver is asked."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.decision.gpus import metadata_of, migration_capability
from vfiocompat.diagnostics import Diagnostic, both_ends, diagnostic

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint, MigrationInterface
    from vfiocompat.verdicts import Verdict
    from vfiocompat.versions import VendorId

__all__ = ["by_vendor", "not_bound", "preconditions", "too_old", "type_not_known"]


def too_old(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    """Find inventories that are not to be relied on: all that they say is unknown."""
    return tuple(
        diagnostic(
            codes.INVENTORY_TOO_OLD,
            f"the {side}'s inventory is not relied on: {endpoint.recorded.rejected}",
            detail=f"taken at {taken_at}" if taken_at else None,
            hint=f"scan {endpoint.host or 'that host'} again, or allow a higher "
            "--max-age",
        )
        for side, endpoint in (("source", source), ("destination", destination))
        if endpoint.recorded and endpoint.recorded.rejected
        for taken_at in [endpoint.recorded.taken_at]
    )


def preconditions(source: Endpoint, destination: Endpoint) -> tuple[Diagnostic, ...]:
    """Find what forbids the pair before any driver is asked."""
    found: list[Diagnostic] = [
        not_bound(endpoint) for endpoint in (source, destination) if not endpoint.vfio
    ]
    apis = source.device_api, destination.device_api
    if None not in apis and apis[0] != apis[1]:
        found.append(
            diagnostic(
                codes.DEVICE_API_DIFFERS,
                hint=f"needs a destination whose device_api is {apis[0]}",
                spans=both_ends(*apis),
            )
        )
    found += _interfaces(source, destination)
    types = source.type_id, destination.type_id
    if destination.answers_for_its_type and None not in types and types[0] != types[1]:
        found.append(
            diagnostic(
                codes.MDEV_TYPE_DIFFERS,
                hint=f"needs a destination of type {types[0]}",
                path=destination.attribute.path if destination.attribute else None,
                spans=both_ends(*types),
            )
        )
    return (*found, *migration_capability(*metadata_of(source, destination)))


def type_not_known(source: Endpoint, destination: Endpoint) -> Diagnostic:
    """Say why a yes about sources of one type is none: whose is not known."""
    path = destination.path
    if destination.type_id is None:
        summary = "the destination's mdev type is not known, so its yes is not enough"
        hint = "scan its host again" if destination.recorded else None
        return diagnostic(codes.SOURCE_TYPE_NOT_KNOWN, summary, hint=hint, path=path)
    if source.kind != "literal":
        return diagnostic(codes.SOURCE_TYPE_NOT_KNOWN, path=path)
    type_id = shlex.quote(destination.type_id)
    hint = f"if the source is of that type, add --source-type {type_id}"
    return diagnostic(codes.SOURCE_TYPE_NOT_KNOWN, hint=hint, path=path)


def _interfaces(source: Endpoint, destination: Endpoint) -> list[Diagnostic]:
    """Find what the kernel's migration interfaces forbid, as far as they are known."""
    found = [
        diagnostic(
            codes.NO_MIGRATION_INTERFACE,
            f"the {side}'s driver has no migration interface",
            path=endpoint.path,
        )
        for side, endpoint in (("source", source), ("destination", destination))
        if endpoint.migration is not None and _is_none(endpoint.migration)
    ]
    here, there = source.migration, destination.migration
    if found or here is None or there is None or here.interface == there.interface:
        return found
    spans = both_ends(here.interface, there.interface)
    return [diagnostic(codes.MIGRATION_INTERFACE_DIFFERS, spans=spans)]


def _is_none(migration: MigrationInterface) -> bool:
    """Whether QEMU takes an interface for none: without STOP_COPY it does.

    (hw/vfio/migration.c, vfio_migration_init.)
    """
    flags = migration.flags
    return migration.interface == "none" or (
        flags is not None and "STOP_COPY" not in flags
    )


def not_bound(function: Endpoint) -> Diagnostic:
    """Say that no VFIO driver has a function, and which one could."""
    bound = f"bound to {function.driver}, not to" if function.driver else "not bound to"
    ids = function.vendor_id, function.device_id
    device = "it" if None in ids else f"{ids[0]}:{ids[1]}"
    return diagnostic(
        codes.NOT_BOUND_TO_VFIO,
        f"{function.address} is {bound} a VFIO driver",
        hint=f"bind it to the variant driver for {device}, or where there is none to "
        "vfio-pci, which cannot migrate it; of a parent device name an mdev type: "
        f"{shlex.quote(function.address)}/TYPE_ID",
        path=function.path,
    )


def by_vendor(
    source: Endpoint, destination: Endpoint
) -> tuple[Verdict, Diagnostic | None]:
    """Compare whose the two are, where both vendors are known."""
    ids = source.vendor, destination.vendor
    if ids[0] is None or ids[1] is None:
        return "undetermined", None
    same = ids[0].same_vendor(ids[1])
    if same is True:
        return "undetermined", None
    spans = both_ends(_written(ids[0]), _written(ids[1]))
    if same is None:
        return "undetermined", diagnostic(codes.VENDOR_UNCLEAR, spans=spans)
    return "incompatible", diagnostic(codes.VENDOR_DIFFERS, spans=spans)


def _written(vendor: VendorId) -> str:
    return f"{vendor.id} ({vendor.namespace}, written {vendor.spelling})"
