# SPDX-License-Identifier: Apache-2.0
"""What the simulated hosts of these tests are made of."""

from __future__ import annotations

PARENT = "0000:3b:00.0"
DEVICE = f"/sys/devices/pci0000:3b/{PARENT}"
TYPES = f"{DEVICE}/mdev_supported_types"

SOURCE = f"{PARENT}/acme-source"
DESTINATION = f"{PARENT}/acme-destination"
WRITTEN = f"{TYPES}/acme-destination/version"
"""The attribute of DESTINATION."""

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
UUID_2 = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002"
FUNCTION = "0000:5e:00.1"
FUNCTION_PATH = f"/sys/devices/pci0000:5e/{FUNCTION}"

ACME = f"""
[[parent]]
name = "{PARENT}"
driver = "acme"
pci = {{ vendor = 0x1ac1, device = 0x0100 }}
"""
"""A parent without types: those of the test follow."""

PAIR = f"""{ACME}
[[parent.type]]
id = "acme-source"
version = "1ac1-a"

[[parent.type]]
id = "acme-destination"
version = "1ac1-b"
accepts = ["1ac1-a"]
"""
"""SOURCE and DESTINATION, whose driver takes SOURCE's string and no other."""


def mdev_type(name: str, *lines: str, accepts: str = '["*"]') -> str:
    """Write a type that takes every string, unless told otherwise."""
    return "\n".join(
        (
            "\n[[parent.type]]",
            f'id = "{name}"',
            'version = "1ac1-own"',
            f"accepts = {accepts}",
            *lines,
            "",
        )
    )


def fault(at: str, *lines: str) -> str:
    """Write a fault."""
    return "\n".join(("\n[[fault]]", f'at = "{at}"', *lines, ""))


def gone_if_written(at: str) -> str:
    """Write a fault that shows afterwards whether somebody has written."""
    return fault(at, 'on = "write"', "vanish = true")


PLAIN_TYPES = "/sys/devices/virtual/p/p/mdev_supported_types"
"""Where the types of a plain host's parent are."""
