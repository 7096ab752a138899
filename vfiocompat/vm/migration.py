# SPDX-License-Identifier: Apache-2.0
"""A migration: a VM, what its devices are now, and what a destination has to meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.decision.decisions import beside, required
from vfiocompat.decision.reads import reads
from vfiocompat.vm.blockers import (
    READ_ACROSS_DRIVERS,
    READ_OF_FUNCTIONS,
    across_drivers,
    blocking,
    config_space,
)
from vfiocompat.vm.interfaces import (
    FLAGS,
    IOMMUFD,
    TRACKING,
    device_interface,
    need_p2p,
    unacknowledged,
    untracked_there,
    without_iommufd,
    without_p2p,
)
from vfiocompat.vm.kinds import becoming, bound_there, bound_to_plain
from vfiocompat.vm.model import leaves_by_qemu
from vfiocompat.vm.releases import unspoken_there

if TYPE_CHECKING:
    from vfiocompat.decision.decisions import Decision
    from vfiocompat.diagnostics import Diagnostic
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.pairs import Pair
    from vfiocompat.tables.library import Library
    from vfiocompat.verdicts import Basis
    from vfiocompat.vm.interfaces import DeviceInterface
    from vfiocompat.vm.model import Vm, VmDevice

__all__ = ["Migration", "VmDemand"]


class VmDemand(NamedTuple):
    """What a device's pairs have to meet beside what decides them.

    QEMU demands something of them in this VM, and a yes must rest on `basis` at least.
    `p2p` says that its QEMU does not start with a device without P2P; `library` tells
    of interfaces where nobody else does.
    """

    vm: Vm
    device: VmDevice
    basis: Basis
    p2p: bool = False
    library: Library | None = None

    def reads(self, endpoint: Endpoint) -> object:
        """Give what of an endpoint it depends on."""
        version = endpoint.told("module_version") if endpoint.is_vgpu else None
        known = [*map(endpoint.stated.get, (FLAGS, *TRACKING, *IOMMUFD))]
        known.append(endpoint.facts.get("kernel") if self.device.iommufd else None)
        return version, endpoint.kind == "function", _ids(endpoint), *known

    def of(self, pair: Pair) -> Decision:
        """Give a pair's decision with what is demanded of it."""
        there = pair.destination
        of_tables = () if self.library is None else self.library.interfaces(there)
        findings = (
            across_drivers(self.vm, self.device, pair.source, pair.destination),
            config_space(pair.source, pair.destination),
            becoming(self.device, pair.destination),
            bound_there(self.device, pair.destination),
            without_p2p(there, of_tables) if self.p2p else None,
            unacknowledged(pair.source, pair.destination)
            if self.vm.switchover_ack
            else None,
            unspoken_there(self.vm, pair.destination),
            without_iommufd(pair.destination) if self.device.iommufd else None,
            untracked_there(self.device, there, of_tables)
            if self.vm.only_migratable
            else None,
        )
        decision = pair.decision
        for finding in findings:
            if finding is not None:
                decision = beside(decision, finding, doubt=True)
        return required(decision, self.basis)


class Migration(NamedTuple):
    """A VM that is to go elsewhere, with the endpoints that its devices are now.

    `interfaces` are what is known of the drivers of these, in their order. `basis` is
    the least that a yes must rest on. `as_is` says that each device is to have the
    address there that it has in the VM. The first `with_p2p` devices need P2P there.
    `library` tells of interfaces where nobody else does.
    """

    vm: Vm
    sources: tuple[Endpoint, ...]
    interfaces: tuple[DeviceInterface, ...]
    basis: Basis = "none"
    as_is: bool = False
    with_p2p: int = 0
    library: Library | None = None

    @classmethod
    def of(
        cls,
        vm: Vm,
        sources: tuple[Endpoint, ...],
        library: Library,
        basis: Basis,
        *,
        as_is: bool,
    ) -> Migration:
        """Make a migration; tables tell of interfaces where nobody else does."""
        interfaces = [
            device_interface(source, library.interfaces(source)) for source in sources
        ]
        with_p2p = need_p2p(vm.moved, only_migratable=vm.only_migratable)
        return cls(vm, sources, tuple(interfaces), basis, as_is, with_p2p, library)

    @property
    def sent(self) -> Migration:
        """The same migration once it has begun: nothing can block it then."""
        return self._replace(vm=leaves_by_qemu(self.vm))

    @property
    def devices(self) -> tuple[VmDevice, ...]:
        """The devices whose state has to be loaded, in the order of `sources`."""
        return self.vm.moved

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """What QEMU demands of the VM, wherever it is to go."""
        found = blocking(self.vm, self.sources, self.interfaces)
        return *found, *bound_to_plain(self.vm)

    @property
    def facts_read(self) -> tuple[str, ...]:
        """The facts of every destination that QEMU's demands of it read."""
        names = [FLAGS] if self.with_p2p or self.vm.switchover_ack else []
        if self.vm.only_migratable:
            names += [FLAGS, *TRACKING]
        if any(device.iommufd for device in self.devices):
            names += IOMMUFD
        return tuple(dict.fromkeys(names))

    def demand(self, device: int) -> VmDemand:
        """Give what is demanded of a device's pairs."""
        p2p = device < self.with_p2p
        return VmDemand(self.vm, self.devices[device], self.basis, p2p, self.library)

    def demanding(self, device: int) -> object:
        """Give all that decides of a device beside its endpoint and the one it gets."""
        return self.devices[device].demanding, device < self.with_p2p

    def demanded(self, device: int, pair: Pair) -> Pair:
        """Give a device's pair with what is demanded of it."""
        return pair._replace(decision=self.demand(device).of(pair))

    def alike(self, library: Library) -> list[int]:
        """Give for each device the first one that is like it, as decisions see it."""
        first: dict[object, int] = {}
        return [
            first.setdefault((_key(source, library), self.demanding(at)), at)
            for at, source in enumerate(self.sources)
        ]


def _key(source: Endpoint, library: Library) -> object:
    """Give all of a source that matters: what is read of it, and what drivers get."""
    names = READ_ACROSS_DRIVERS.get(source.vendor_id, ())
    if source.version is None:
        names += library.facts_read(source.driver)
    return reads(source, names), source.exact_bytes(), _ids(source)


def _ids(endpoint: Endpoint) -> object:
    """Give what QEMU compares of a function, None of anything else."""
    if endpoint.kind != "function":
        return None
    facts = [endpoint.told(name) for name in READ_OF_FUNCTIONS]
    return endpoint.vendor_id, endpoint.device_id, *facts
