# SPDX-License-Identifier: Apache-2.0
"""What follows `-device` among QEMU's arguments (docs/qdev-device-use.txt of QEMU)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Argument", "device_argument"]


class Argument(Protocol):
    """What follows `-device`, in one of the two ways that QEMU takes it."""

    def get(self, name: str) -> object:
        """Give the value of a property; None if it has none."""

    def replace(self, names: Sequence[str], name: str, value: str) -> str:
        """Give the whole with one property in place of several."""


class _Options:
    """`vfio-pci,host=...,id=...`: a comma in a value is written twice.

    A property without a value is on, and of one that is given twice the last counts. A
    comma at the end is ignored (util/qemu-option.c, opts_do_parse).
    """

    def __init__(self, text: str) -> None:
        # A doubled comma is one that belongs to a value: only the others separate.
        texts = text.replace(",,", "\0").removesuffix(",").split(",")
        parts = [each.partition("=") for each in texts]
        self._implied = not parts[0][1]  # the first may go without its name
        if self._implied:
            parts[0] = ("driver", "=", parts[0][0])
        self._properties = [
            (name, value.replace("\0", ",") if equals else None)
            for name, equals, value in parts
        ]

    def get(self, name: str) -> object:
        for key, value in reversed(self._properties):
            if key == name:
                return "on" if value is None else value
        return None

    def replace(self, names: Sequence[str], name: str, value: str) -> str:
        kept = [each for each in self._properties if each[0] not in names]
        whole = ",".join(
            key if text is None else f"{key}={text.replace(',', ',,')}"
            for key, text in (*kept, (name, value))
        )
        return whole.removeprefix("driver=") if self._implied else whole


class _Object:
    """`{"driver": "vfio-pci", ...}`, which QEMU takes since 6.2."""

    def __init__(self, text: str) -> None:
        try:
            self._object = msgspec.json.decode(text, type=dict[str, object])
        except (msgspec.DecodeError, RecursionError):
            self._object = {}

    def get(self, name: str) -> object:
        return self._object.get(name)

    def replace(self, names: Sequence[str], name: str, value: str) -> str:
        kept = {key: text for key, text in self._object.items() if key not in names}
        return msgspec.json.encode(kept | {name: value}).decode()


def device_argument(text: str) -> Argument:
    """Read what follows `-device`, in either way; nonsense has no properties."""
    return _Object(text) if text.startswith("{") else _Options(text)
