# SPDX-License-Identifier: Apache-2.0
"""Simulated hosts of Acme's mdevs."""

from __future__ import annotations

from tests.commands.hosts import ACME, PARENT, UUID, UUID_2

A, B, C = "1ac1-a", "1ac1-b", "1ac1-c"


def kind(name: str, version: str | None, accepts: str, *lines: str) -> str:
    """Write an mdev type, of which there are 2 instances unless lines say otherwise."""
    own = [] if version is None else [f'version = "{version}"', f"accepts = {accepts}"]
    told = any(each.startswith("instances") for each in lines)
    count = [] if told else ["instances = 2"]
    return "\n".join(("\n[[parent.type]]", f'id = "{name}"', *own, *count, *lines, ""))


def made(uuid: str, type_id: str) -> str:
    """Write an mdev."""
    return f'\n[[parent.mdev]]\nuuid = "{uuid}"\ntype = "{type_id}"\n'


def named(host: str, *parts: str) -> str:
    """Write a host with a parent of these parts."""
    return f'host = "{host}"\n{ACME}{"".join(parts)}'


TAKER = f"{PARENT}/acme-taker"
SOURCES = kind("acme-a", A, "[]", "instances = 4") + kind("acme-b", B, "[]")
DEVICES = made(UUID, "acme-a") + made(UUID_2, "acme-a")


def alpha(*lines: str) -> str:
    """Write a host of a VM's devices, that has 2 instances of what takes A."""
    return named("alpha", SOURCES, kind("acme-taker", C, f'["{A}"]', *lines), DEVICES)


ALPHA = alpha()
