# SPDX-License-Identifier: Apache-2.0
"""All checks, in the order in which they are told."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from vfiocompat import codes
from vfiocompat.doctor import devices, fleet, gaps, kernel, programs, site
from vfiocompat.doctor.found import Found, failed, of_error, passed, skipped
from vfiocompat.errors import Bug, FactError, TableError, VfiocompatError
from vfiocompat.find import survey
from vfiocompat.streams import gives_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vfiocompat.doctor.fleet import Members
    from vfiocompat.doctor.gaps import Gap
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.host.sysfs import Host, Survey
    from vfiocompat.host.sysfs.kernel import Kernel
    from vfiocompat.tables.language.records import Stream
    from vfiocompat.tables.library import Library
    from vfiocompat.tables.stated import Stated
    from vfiocompat.times import Horizon

__all__ = ["CHECKS", "Check", "Subject", "examine"]


class Subject:
    """What is looked at: a host, its site and a fleet; each part is found once.

    Raises of any: VfiocompatError where it cannot be found.
    """

    def __init__(
        self,
        host: Host,
        library: Library,
        stated: Stated,
        fleet: Sequence[str],
        *,
        sysroot: str,
        config: str,
        timeout: float,
        horizon: Horizon,
    ) -> None:
        self.host = host
        self.library = library
        self.stated = stated
        self.sysroot = sysroot
        self.config = config
        self.timeout = timeout
        self.horizon = horizon
        self.paths = fleet

    @cached_property
    def kernel(self) -> Kernel:
        """What the host's kernel tells."""
        return self.host.kernel()

    @cached_property
    def survey(self) -> Survey:
        """What the host has."""
        return survey(self.host, self.library.drivers)

    @cached_property
    def without_sysfs(self) -> bool:
        """Whether there is nothing to look at; what may hang is tried once."""
        return _fails(lambda: self.kernel)

    @cached_property
    def without_survey(self) -> bool:
        """Whether nobody can tell what the host has."""
        return self.without_sysfs or _fails(lambda: self.survey)

    @property
    def endpoints(self) -> list[Endpoint]:
        """The host's endpoints, as far as they are known."""
        return [] if self.without_survey else self.survey.endpoints

    @cached_property
    def gaps(self) -> list[Gap]:
        """What is not known of the host's endpoints, with what the site states."""
        return gaps.find_gaps(map(self._with_facts, self.endpoints), self.library)

    def _with_facts(self, endpoint: Endpoint) -> Endpoint:
        try:
            return self.stated.of_source(endpoint, self.library)
        except FactError:
            return endpoint  # what is wrong with it is another check's

    def stream_of(self, endpoint: Endpoint) -> Stream | None:
        """Give what a table says of a device's stream, if it could be asked by that."""
        if not endpoint.vfio or not gives_head(endpoint, self.library):
            return None
        table = self.library.reading_heads(endpoint)
        return None if table is None else table.stream

    @cached_property
    def fleet(self) -> Members:
        """The hosts of the fleet."""
        return fleet.read_members(self.paths)

    @property
    def name(self) -> str:
        """What this host is called."""
        return self.host.name() or os.uname().nodename

    @property
    def own_inventory(self) -> str | None:
        """The file that this host has in the fleet, if it has one."""
        found = (each.path for each in self.fleet.members if each.host == self.name)
        return next(found, None) if self.paths else None


def _fails(find: Callable[[], object]) -> bool:
    try:
        find()
    except VfiocompatError:
        return True
    return False


def _sysfs(subject: Subject) -> str | None:
    """Say why nothing can be told of the host."""
    return "there is no sysfs to look at" if subject.without_sysfs else None


def _here(subject: Subject) -> str | None:
    """Say why what runs on this machine tells nothing of the host."""
    if subject.sysroot == "/":
        return None
    return f"the host is the one in {subject.sysroot}, not this one"


def _fleet(subject: Subject) -> str | None:
    """Say why there are no inventories to look at."""
    return None if subject.paths else "no FLEET is given, nor is VFIOCOMPAT_FLEET"


def _members(subject: Subject) -> str | None:
    """Say why nothing can be told of inventories."""
    none = subject.paths and not subject.fleet.members
    return "no inventory of FLEET can be used" if none else _fleet(subject)


def _endpoints(subject: Subject) -> str | None:
    """Say why nothing can be told of endpoints."""
    return None if subject.endpoints else "no endpoint of the host is known"


def _tables(subject: Subject) -> str | None:
    """Say why nothing can be told of what tables make of endpoints."""
    if why := _endpoints(subject):
        return why
    try:
        broken = subject.library.broken(subject.endpoints)
    except TableError:
        return "the tables cannot be read"
    return "tables with mistakes may be of the host's endpoints" if broken else None


def _debugfs(subject: Subject) -> str | None:
    """Say why debugfs does not matter."""
    if why := _sysfs(subject):
        return why
    absent = subject.kernel.debugfs.state == "absent"
    return f"{subject.sysroot} has no debugfs" if absent and _here(subject) else None


def _streams(subject: Subject) -> str | None:
    """Say why no device could be asked by its stream."""
    if why := _here(subject) or _tables(subject):
        return why
    return kernel.without_streams(subject.kernel)


def _nvidia(subject: Subject) -> str | None:
    """Say why NVIDIA's library does not matter."""
    if why := _endpoints(subject):
        return why
    if not any(each.is_vgpu for each in subject.endpoints):
        return "no endpoint of the host is an NVIDIA vGPU"
    asked = subject.survey.gpus is not None or subject.host.nvml is not None
    return None if asked else _here(subject)


class Check(NamedTuple):
    """One check: its name, what it looks at, and why it may make no sense."""

    id: str
    run: Callable[[Subject], Found]
    without: Callable[[Subject], str | None] = lambda _: None


def _sysfs_is_there(subject: Subject) -> Found:
    _ = subject.kernel
    return passed(f"sysfs is at {subject.sysroot.rstrip('/')}/sys")


CHECKS = (
    Check("sysfs", _sysfs_is_there),
    Check("kernel", lambda each: kernel.release(each.kernel), _sysfs),
    Check("modules", lambda each: kernel.modules(each.kernel), _sysfs),
    Check("debugfs", lambda each: kernel.debugfs(each.kernel), _debugfs),
    Check("user", lambda _: kernel.user(os.geteuid()), _here),
    Check("processes", lambda each: kernel.processes(each.kernel), _here),
    Check("endpoints", lambda each: devices.endpoints(each.survey), _sysfs),
    Check(
        "channel-attribute",
        lambda each: devices.attribute_channel(each.endpoints),
        _endpoints,
    ),
    Check(
        "channel-stream",
        lambda each: devices.stream_channel(each.endpoints, each.stream_of),
        _streams,
    ),
    Check(
        "channel-nvml",
        lambda each: devices.nvml_channel(
            each.survey, each.host.nvml, each.host.nvml_libraries()
        ),
        _nvidia,
    ),
    Check(
        "writable",
        lambda each: devices.writable(
            each.endpoints, is_writable=each.host.is_writable()
        ),
        _sysfs,
    ),
    Check("tables", lambda each: site.tables(each.library, each.config)),
    Check("tables-replaced", lambda each: site.replaced(each.library)),
    Check(
        "facts",
        lambda each: site.facts(
            each.library,
            each.config,
            each.stated,
            each.endpoints,
        ),
    ),
    Check("missing-tables", lambda each: gaps.missing_tables(each.gaps), _tables),
    Check(
        "missing-facts",
        lambda each: gaps.missing_facts(each.gaps, each.config),
        _tables,
    ),
    Check("libvirt", lambda each: programs.libvirt(each.timeout), _here),
    Check("qmp", lambda _: programs.qmp()),
    Check("fleet", lambda each: fleet.readable(each.fleet), _fleet),
    Check("fleet-ages", lambda each: fleet.ages(each.fleet, each.horizon), _members),
    Check("fleet-hosts", lambda each: fleet.clones(each.fleet), _members),
    Check("fleet-answers", lambda each: fleet.answers(each.fleet), _members),
    Check(
        "timer",
        lambda each: programs.timer(
            each.name, each.own_inventory, each.timeout, each.horizon.now
        ),
        _here,
    ),
)
"""Every check. One of another channel stands behind that of the attribute."""


def examine(
    subject: Subject, checks: Sequence[Check] = CHECKS
) -> Iterator[tuple[str, Found]]:
    """Make every check; what goes wrong in one is what it found."""
    for check in checks:
        try:
            why = check.without(subject)
            found = check.run(subject) if why is None else skipped(why)
        except VfiocompatError as error:
            found = of_error(error.record)
        except Exception as error:  # noqa: BLE001 - the other checks are told all the same
            found = failed(
                Bug.of_exception(error).summary, codes.BUG, hint="please report it"
            )
        yield check.id, found
