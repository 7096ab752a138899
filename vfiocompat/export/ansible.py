# SPDX-License-Identifier: Apache-2.0
"""For Ansible: a local fact, /etc/ansible/facts.d/vfiocompat.fact.

An executable fact that ends with anything but 0 is replaced by an error message as a
whole, and what is not JSON spoils it; so the command always ends with 0, and what went
wrong is in the document.
"""

from __future__ import annotations

import msgspec

from vfiocompat.export.view import Rendered, View, Writer

__all__ = ["WRITER", "failed"]


class _Device(msgspec.Struct, frozen=True):
    address: str
    kind: str
    type_id: str | None
    driver: str | None
    version: str | None
    available_instances: int | None


class _Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What a play sees as ansible_local.vfiocompat."""

    schema: str = "vfiocompat.ansible/1"
    host: str | None = None
    taken_at: str | None = None
    kernel: str | None = None
    devices: list[_Device] = []
    accepts: list[str] = []
    errors: list[str] = []


def _render(view: View) -> Rendered:
    inventory = view.inventory
    devices = [
        _Device(
            each.address,
            each.kind,
            each.type_id,
            each.driver,
            each.version,
            each.available_instances,
        )
        for each in inventory.endpoints
    ]
    fact = _Fact(
        host=inventory.host,
        taken_at=inventory.taken_at,
        kernel=inventory.kernel,
        devices=devices,
        accepts=view.accepts(),
        errors=[f"{each.code} {each.path}" for each in inventory.problems],
    )
    return Rendered(_text(fact))


def failed(*errors: str) -> str:
    """Give the fact of a host that nothing can be told of."""
    return _text(_Fact(errors=list(errors)))


def _text(fact: _Fact) -> str:
    return msgspec.json.encode(fact).decode() + "\n"


WRITER = Writer(_render, never_fails=True)
