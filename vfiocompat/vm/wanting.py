# SPDX-License-Identifier: Apache-2.0
"""What has to be learnt so that it is known whether hosts take a VM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfiocompat.decision.needs import Need, Wanting, needs
from vfiocompat.pairs import decide_pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.decision.gpus import Comparisons
    from vfiocompat.diagnostics import Side
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.tables.library import Library
    from vfiocompat.vm.hosts import HostResult
    from vfiocompat.vm.instances import Instances
    from vfiocompat.vm.interfaces import DeviceInterface
    from vfiocompat.vm.migration import Migration

__all__ = ["Wants", "unstated"]


def unstated(migration: Migration) -> Iterator[Wanting]:
    """Give what can be stated of a VM's devices so that QEMU's demands are decided."""
    lacking = {each.fact for found in migration.findings for each in found.missing}
    for source, known in zip(migration.sources, migration.interfaces, strict=True):
        facts = tuple(fact for fact, open_ in _open(known).items() if open_)
        facts = tuple(fact for fact in facts if fact in lacking)
        if facts and not source.is_outdated:
            place = source.host, source.address
            yield Wanting(Need(facts), source.driver, (source.host,), (place,))


def _open(known: DeviceInterface) -> dict[str, bool]:
    """Say of each fact of an interface whether nobody tells it."""
    return {
        "migration_flags": known.flags is None,
        "dirty_tracking": known.tracks is None,
        "iommu_dirty_tracking": known.tracks is False and known.iommu_tracks is None,
    }


class Wants:
    """Tells what has to be learnt of inventories' hosts; `ends` stand for columns.

    `alike` names for each device the first one that is like it; `compared` is as for
    `decide_pair`.
    """

    def __init__(
        self,
        migration: Migration,
        ends: Sequence[Endpoint],
        alike: Sequence[int],
        library: Library,
        compared: Comparisons,
    ) -> None:
        self._migration = migration
        self._ends = ends
        self._alike = alike
        self._library = library
        self._compared = compared
        self._known: dict[tuple[int, int], dict[Side, Need]] = {}

    def of(
        self, host: str, result: HostResult, has: Instances, *, outdated: bool
    ) -> tuple[Wanting, ...]:
        """Give what is to be learnt of a host, and of the VM's devices for it."""
        if result.verdict != "undetermined":
            return ()
        found: dict[Wanting, None] = {}
        for device, at in enumerate(result.ends):
            if at is None:
                if outdated:
                    found[Wanting(Need((), "scan"), None, (host,))] = None
                continue
            source, column = self._migration.sources[device], has.columns[at]
            for side, need in self._needs(self._alike[device], column).items():
                end, where = source, source.host
                address: str | None = source.address
                if side == "destination":
                    end, where = self._ends[column], host
                    address = has.seats[at].single
                places = () if address is None else ((where, address),)
                found[Wanting(need, end.driver, (where,), places)] = None
        return tuple(found)

    def _needs(self, device: int, column: int) -> dict[Side, Need]:
        """Tell what a pair needs; hosts that are alike have the same again."""
        key = device, column
        if key not in self._known:
            source = self._migration.sources[device]
            end = self._ends[column]
            pair = decide_pair(source, end, self._library, compared=self._compared)
            self._known[key] = needs(*self._migration.demanded(device, pair))
        return self._known[key]
