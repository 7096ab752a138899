# SPDX-License-Identifier: Apache-2.0
"""What libvirt calls the host devices of a domain, and what is set of them by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfiocompat.vm.model import on_off

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lxml.etree import _Element as Element

__all__ = ["QEMU", "Aliases"]

QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"
"""The namespace of what libvirt gives to QEMU unread (docs/drvqemu.rst)."""

_NUMBERED = re.compile(r"hostdev([0-9]{1,9})")


class Aliases:
    """The aliases of a domain's host devices, as libvirt assigns them.

    Without one of its own a device gets `hostdevN`, N one more than the highest there
    is: first those that are network interfaces, then the others (src/qemu/qemu_alias.c,
    qemuAssignDeviceAliases). Of a domain that does not run only names that begin with
    `ua-` are kept, so another one may be given anew.
    """

    def __init__(self, root: Element) -> None:
        interfaces = root.iterfind("devices/interface[@type='hostdev']")
        devices = [*interfaces, *root.iterfind("devices/hostdev")]
        self._places = {device: at for at, device in enumerate(devices)}
        written = [_written(device) for device in devices]
        users = [name if name and name.startswith("ua-") else None for name in written]
        runs = root.get("id") is not None
        self._given = [_assigned(written), *([] if runs else [_assigned(users)])]
        self._written = written
        self.all_overridden = _overridden(root)
        self.all_removed = _removed(root)

    def written(self, device: Element) -> str | None:
        """Give the alias that a device has in the document."""
        return self._written[self._places[device]]

    def of(self, device: Element) -> tuple[str, ...]:
        """Give every alias that a device has, or will have when the domain starts."""
        at = self._places[device]
        return tuple(dict.fromkeys(given[at] for given in self._given))

    def removed(self, device: Element) -> frozenset[str]:
        """Name the properties that `<qemu:override>` keeps libvirt from setting."""
        named = (self.all_removed.get(alias, set()) for alias in self.of(device))
        return frozenset().union(*named)

    def overridden(self, device: Element) -> dict[str, object]:
        """Give the properties that `<qemu:override>` sets of a device.

        One that may have another alias has what is set under both, and what is off
        under either: it must not allow more than it will have in the end.
        """
        told = [self.all_overridden.get(alias, {}) for alias in self.of(device)]
        found: dict[str, object] = {}
        for name in {name for each in told for name in each}:
            values = [each.get(name) for each in told]
            if on_off(values[0]) == "off" or values.count(values[0]) == len(values):
                found[name] = values[0]
            elif any(on_off(value) == "off" for value in values):
                found[name] = "off"
        return found


def _written(device: Element) -> str | None:
    alias = device.find("alias")
    return None if alias is None else alias.get("name")


def _assigned(names: Sequence[str | None]) -> list[str]:
    """Give those that have no name a numbered one."""
    numbers = [
        int(match[1]) for name in names if name and (match := _NUMBERED.fullmatch(name))
    ]
    following = max(numbers, default=-1) + 1
    found = []
    for name in names:
        if name is None:
            found.append(f"hostdev{following}")
            following += 1
        else:
            found.append(name)
    return found


def _overridden(root: Element) -> dict[str, dict[str, object]]:
    """Give by alias the properties that `<qemu:override>` sets, and leaves set."""
    found: dict[str, dict[str, object]] = {}
    for alias, each in _told_apart(root):
        properties, name = found.setdefault(alias, {}), each.get("name", "")
        properties.pop(name, None)
        if each.get("type") != "remove":
            properties[name] = each.get("value", "")
    return found


def _removed(root: Element) -> dict[str, set[str]]:
    """Give by alias the properties that `<qemu:override>` takes away."""
    found: dict[str, set[str]] = {}
    for alias, each in _told_apart(root):
        if each.get("type") == "remove":
            found.setdefault(alias, set()).add(each.get("name", ""))
    return found


def _told_apart(root: Element) -> Iterator[tuple[str, Element]]:
    """Give what `<qemu:override>` says of properties, each with its device's alias."""
    for device in root.iterfind(f"{QEMU}override/{QEMU}device"):
        for each in device.iterfind(f"{QEMU}frontend/{QEMU}property"):
            yield device.get("alias", ""), each
