# SPDX-License-Identifier: Apache-2.0
"""What was found on a host, as children send it and as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.endpoints import Attribute, Endpoint, MigrationInterface, Problem
from vfiocompat.nvidia.placing import on_gpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.nvidia.gpus import Gpu

__all__ = ["FoundEndpoints", "Own", "Survey"]


class Survey(NamedTuple):
    """What a host has: its endpoints, and what went wrong.

    `gpus` are NVIDIA's, as its library tells of them; None where it was not asked.
    """

    endpoints: list[Endpoint]
    problems: list[Problem]
    gpus: list[Gpu] | None = None

    def to_decide(self) -> list[Endpoint]:
        """Give the endpoints with the metadata of their GPUs, which decisions read."""
        return on_gpus(self.endpoints, self.gpus or ())


class Own(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an endpoint has of its own; `kin` is the place of what it shares."""

    kin: int
    address: str
    uuid: str | None
    attribute: Attribute
    migration: MigrationInterface | None
    version: str | None
    newline: bool | None


class FoundEndpoints(msgspec.Struct, frozen=True):
    """What files say of endpoints, in the order of their nodes, and what went wrong.

    What all of one device and type share is there once, in an endpoint that has no
    address: a host has thousands of mdevs, which a child sends.
    """

    shared: list[Endpoint]
    own: list[Own]
    problems: list[Problem]

    def endpoints(self) -> Iterator[Endpoint]:
        """Give each endpoint as a whole."""
        for own in self.own:
            yield msgspec.structs.replace(
                self.shared[own.kin],
                address=own.address,
                uuid=own.uuid,
                attribute=own.attribute,
                migration=own.migration,
                version=own.version,
                newline=own.newline,
                origin=None if own.version is None else "attribute",
            )
