# SPDX-License-Identifier: Apache-2.0
"""What a host has of a class: how many endpoints, and those that are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.endpoints import EndpointKind  # noqa: TC001 - the decoder reads it

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint

__all__ = ["ClassOnHost", "Member"]


class Member(NamedTuple):
    """An endpoint of a class on a host, and what is told of its capacity."""

    address: str
    free: int | None
    kind: EndpointKind
    in_use: bool | None
    parent: str | None
    type_id: str | None

    @property
    def has_room(self) -> bool | None:
        """Whether there is an instance to be had of it now, None if nobody knows.

        A function that somebody has has none, whatever its inventory says is free.
        """
        is_function = self.kind == "function"
        is_there = self.kind == "mdev" or (is_function and "/" not in self.address)
        if is_there or (is_function and (self.in_use or self.free is None)):
            return None if self.in_use is None else not self.in_use
        return None if self.free is None else self.free > 0

    @classmethod
    def of(cls, endpoint: Endpoint) -> Member:
        """Make the member that an endpoint is."""
        return cls(
            endpoint.address,
            endpoint.available_instances,
            endpoint.kind,
            endpoint.in_use,
            endpoint.parent,
            endpoint.type_id,
        )


class ClassOnHost(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a host has of one class: how many endpoints, how many of them devices.

    Of `unknown` more nobody knows whether they are devices. `encoded` are those that
    were asked for: few are looked at.
    """

    class_: int
    endpoints: int
    devices: int
    unknown: int
    encoded: msgspec.Raw

    @property
    def members(self) -> list[Member]:
        """The endpoints, where they were asked for."""
        return _members_decoder.decode(self.encoded)


_members_decoder = msgspec.msgpack.Decoder(list[Member])
