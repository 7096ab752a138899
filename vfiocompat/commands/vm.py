# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat vm`: can a whole VM move to a host."""

from __future__ import annotations

import contextlib
import shlex
import time
from typing import TYPE_CHECKING, Literal

import click

from vfiocompat import codes
from vfiocompat.commands.arguments import FLEET, VM, fleet_argument, missing
from vfiocompat.commands.options import (
    common_options,
    despite_hazard_option,
    hosts_option,
    max_age_option,
    require_option,
    stream_option,
)
from vfiocompat.commands.scans import scans_of
from vfiocompat.commands.streaming import streaming_of, without_fleet
from vfiocompat.errors import ExitCode, InventoryError, UsageError, VmError, fail
from vfiocompat.files.inventories import inventory_files, read_inventory
from vfiocompat.fleet.read import Inventories
from vfiocompat.output.standings import answer_line, group_lines
from vfiocompat.output.text import error_lines, problem_lines
from vfiocompat.output.vm import (
    HERE,
    PLAN_COLUMNS,
    plan_lines,
    plan_rows,
    report_lines,
    result_rows,
    vm_document,
    vm_standings,
)
from vfiocompat.output.wayout import wayout_lines
from vfiocompat.tables.stated import SiteFacts, Stated
from vfiocompat.times import Horizon, moment
from vfiocompat.vm.destinations import find_destinations
from vfiocompat.vm.migration import Migration
from vfiocompat.vm.model import QmpSocket, parse_vm
from vfiocompat.vm.plan import xml_there
from vfiocompat.vm.read import read_vm
from vfiocompat.vm.sources import Site, find_sources
from vfiocompat.vm.wanting import unstated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from vfiocompat.commands.settings import Settings
    from vfiocompat.output.text import Item
    from vfiocompat.verdicts import Basis
    from vfiocompat.vm.destinations import Destination
    from vfiocompat.vm.hosts import HostResult
    from vfiocompat.vm.model import Vm, VmAddress
    from vfiocompat.vm.read import Description
    from vfiocompat.vm.report import HostReport

__all__ = ["command"]


@click.command("vm")
@click.argument("vm", metavar="SOURCE_VM", type=VM)
@fleet_argument("destinations", "[DESTINATION]...", required=False, here=True)
@click.option(
    "--from",
    "origin",
    metavar="FLEET",
    multiple=True,
    type=FLEET,
    help="The VM runs on a host of these inventories, not on this host.",
)
@click.option(
    "--as-is",
    is_flag=True,
    help="Each device keeps its address; look for no other endpoint.",
)
@hosts_option
@click.option(
    "--same-host", is_flag=True, help="To the VM's own host too, if FLEET has it."
)
@require_option
@click.option("--plan", is_flag=True, help="Print which endpoint each device gets.")
@click.option("--xml", is_flag=True, help="Print the domain XML for the destination.")
@stream_option
@despite_hazard_option
@max_age_option
@common_options
@click.pass_obj
def command(  # noqa: PLR0917 - click passes every option by name
    settings: Settings,
    vm: str,
    destinations: Sequence[str],
    origin: Sequence[str],
    as_is: bool,  # noqa: FBT001
    hosts: Collection[str],
    same_host: bool,  # noqa: FBT001
    require: Basis,
    plan: bool,  # noqa: FBT001
    xml: bool,  # noqa: FBT001
    stream: bool,  # noqa: FBT001
    despite_hazard: bool,  # noqa: FBT001
    max_age: float | None,
) -> int:
    """Tell whether a whole VM can move.

    SOURCE_VM is domain:FILE.xml, libvirt:NAME[@URI] or qmp:SOCKET. DESTINATION is the
    word here, for this host, whose drivers are asked, or FLEET: inventories, or folders
    of them; without any it is that of VFIOCOMPAT_FLEET. Each device needs an endpoint
    that loads its state, and all of them need room. With --stream the idle devices of
    this host are opened for that. Exit status: 0 if a host takes the VM, 3 if that is
    not known of any, 1 if none can, 4 if it could not be completed.
    """
    address = parse_vm(vm)
    wanted = _wanted(address, plan=plan, xml=xml)
    destinations = _destinations(destinations, stream=stream)
    if hosts and set(destinations) == {HERE}:
        raise UsageError("--host is for a host of FLEET: name inventories too")
    stated = Stated(site=SiteFacts(settings.config))
    streaming = streaming_of(
        settings, stream=stream, despite_hazard=despite_hazard, named=()
    )
    site = Site(
        settings.host,
        settings.library,
        stated,
        Horizon(time.time(), max_age),
        streaming,
    )
    described = read_vm(address, settings.timeout, migratable=xml)
    come_from = _paths(origin)
    moved = origin and described.vm.moved
    known = Inventories(come_from, settings.library) if moved else None
    unread = {} if known is None else known.errors
    origins = {} if known is None else known.files
    for error in unread.values():
        settings.note(error_lines(error))
    here = HERE in destinations
    fleet = _paths([each for each in destinations if each != HERE])
    with _naming_its_host(described, fleet if known is None else ()):
        sources = find_sources(described, site, known, arrives=as_is and here)
    migration = Migration.of(
        described.vm,
        sources,
        settings.library,
        require,
        as_is=as_is,
    )
    with settings.progress("reading the fleet"):
        found = find_destinations(
            migration, site, fleet, here=here, hosts=hosts, same_host=same_host
        )
    results = [each.result for each in found.hosts]
    if here and any(each.host == HERE for each in results):
        raise UsageError(f"a host of FLEET is called {HERE}, as this host is")
    if settings.json or wanted != "report" or len(results) == 1:
        best = found.hosts[0].report()
        text = _xml(described, migration, best, site) if xml else None
        if settings.json:
            errors = unread | found.errors
            document = vm_document(
                described.vm,
                best,
                results,
                errors,
                text,
                problems=settings.host.problems,
            )
            settings.print_document(document)
        else:
            todo = _todo(
                settings, migration, found.hosts[:1], [*fleet, *come_from], origins
            )
            _print(settings, described.vm, best, wanted, text, todo)
    elif not settings.quiet:
        standings = [*vm_standings(results)]
        settings.print_answered(
            lambda: answer_line(standings),
            lambda: group_lines(standings, whole=settings.verbose),
            result_rows(results),
            lambda: _todo(
                settings, migration, found.hosts, [*fleet, *come_from], origins
            ),
        )
    settings.note(problem_lines(settings.host.problems))
    for error in found.errors.values():
        settings.note(error_lines(error))
    if unread or fail(found.errors):
        return ExitCode.FAILED
    return _exit_code(results[0], failed=found.failed)


def _destinations(given: Sequence[str], *, stream: bool) -> Sequence[str]:
    """Give the destinations; devices are opened of this host alone.

    Raises:
        UsageError: there are none, or FLEET with --stream.

    """
    if stream:
        without_fleet("destinations", given)
        return (HERE,)
    if not given:
        raise missing("destinations")
    return given


def _xml(
    described: Description, migration: Migration, best: HostReport, site: Site
) -> str | None:
    """Give the VM's XML for the best host, if there is some."""
    assert described.domain is not None
    here = site.host.name() if migration.sources else ""
    return xml_there(
        described.domain,
        migration,
        best.given,
        best.result.host,
        here=here,
        now=moment(site.horizon.now),
    )


_Wanted = Literal["report", "plan", "xml"]


def _wanted(address: VmAddress, *, plan: bool, xml: bool) -> _Wanted:
    """Tell what is to be printed of the host that takes a VM best."""
    if xml and isinstance(address, QmpSocket):
        raise UsageError(
            "--xml is for a VM that libvirt has: QEMU itself knows no domain XML",
            code=codes.NO_DOMAIN_XML,
        )
    if xml and plan:
        raise UsageError("--plan and --xml each print something else: choose one")
    return "plan" if plan else "xml" if xml else "report"


@contextlib.contextmanager
def _naming_its_host(described: Description, fleet: Sequence[str]) -> Iterator[None]:
    """Say of a VM whose devices are not here which inventory of a fleet has them."""
    try:
        yield
    except VmError as error:
        if error.code == codes.VM_DEVICE_ABSENT and described.remote is None:
            error.hint = _where_it_is(described.vm, fleet) or error.hint
        raise


def _where_it_is(vm: Vm, fleet: Sequence[str]) -> str | None:
    """Tell which inventory of a fleet has the devices of a VM that is not here.

    Of several none is told: hosts that are equally made have the same addresses.
    """
    wanted = {device.text for device in vm.moved}
    having = []
    with contextlib.suppress(InventoryError):
        for path in inventory_files(fleet):
            with contextlib.suppress(InventoryError):
                found = read_inventory(path)
                if wanted <= {endpoint.address for endpoint in found.endpoints}:
                    having.append((found.host, path))
    if len(having) != 1:
        return None
    [(host, path)] = having
    return f"if it runs on {host}, add --from {shlex.quote(path)}"


def _paths(fleet: Sequence[str]) -> list[str]:
    """Take inventory:FILE for FILE, as it is written where an endpoint is meant."""
    return [each.removeprefix("inventory:") for each in fleet]


def _todo(
    settings: Settings,
    migration: Migration,
    hosts: Sequence[Destination],
    fleet: Sequence[str],
    origins: Mapping[str, str],
) -> Iterator[Item]:
    """Say what needs doing so that it is known whether hosts take a VM."""
    open_ = [each for each in hosts if each.result.verdict == "undetermined"]
    wanting = [*unstated(migration)] if open_ else []
    wanting += dict.fromkeys(one for each in open_ for one in each.wanting)
    files = {each.result.host: each.path for each in hosts}
    return wayout_lines(
        wanting,
        settings.config,
        scans=scans_of(
            fleet,
            {
                **origins,
                **{host: path for host, path in files.items() if host and path},
            },
            migration.sources,
        ),
        whole=settings.verbose,
    )


def _print(  # noqa: PLR0917
    settings: Settings,
    vm: Vm,
    best: HostReport,
    wanted: _Wanted,
    xml: str | None,
    todo: Iterable[Item],
) -> None:
    """Print what a host makes of a VM, or the plan, or the VM's XML there.

    Beside a plan or XML what the host makes of the VM goes to stderr. Where there is
    none, stdout stays empty.
    """
    report = report_lines(vm, best, verbose=settings.verbose)
    if wanted == "report":
        if not settings.quiet:
            settings.print_lines(report)
            settings.print_todo(todo)
        return
    settings.note(report)
    settings.note(todo)
    if wanted == "xml":
        settings.print_text(xml or "")
    elif settings.on_terminal:
        rows = (row[: len(PLAN_COLUMNS)] for row in plan_rows(best))
        settings.print_rows(PLAN_COLUMNS, rows)
        settings.print_lines(plan_lines(best.given))
    else:
        settings.print_tabbed(plan_rows(best))


def _exit_code(best: HostResult, *, failed: bool) -> ExitCode:
    if best.outlook == "allowed":
        return ExitCode.DONE
    if failed:
        return ExitCode.FAILED
    if best.outlook == "undetermined":
        return ExitCode.UNDETERMINED
    return ExitCode.INCOMPATIBLE
