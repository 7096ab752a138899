# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat vm`: can a whole VM move to a host."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from vfiocompat.arrival import Moving, rank
from vfiocompat.domain import rewritten
from vfiocompat.errors import ExitCode, UsageError
from vfiocompat.gathering import Gauge, Inventories, workers
from vfiocompat.machine import read_vm
from vfiocompat.moments import Horizon
from vfiocompat.moving import Journey
from vfiocompat.output.machines import (
    HERE,
    PLAN_COLUMNS,
    VM_COLUMNS,
    answer_rows,
    arrival_lines,
    headline,
    plan_lines,
    plan_rows,
    ranking_line,
    vm_document,
)
from vfiocompat.output.text import error_lines
from vfiocompat.settings import Settings, common_options, max_age_option
from vfiocompat.stated import SiteFacts, Stated
from vfiocompat.vm import QmpSocket, parse_vm

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from vfiocompat.arrival import Answer, Arrival
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.machine import Machine
    from vfiocompat.verdicts import Basis
    from vfiocompat.vm import Vm

__all__ = ["command"]


@click.command("vm")
@click.argument("vm", metavar="SOURCE_VM")
@click.argument("destinations", metavar="DESTINATION...", nargs=-1, required=True)
@click.option(
    "--from",
    "origin",
    metavar="FLEET",
    multiple=True,
    help="The VM runs on a host of these inventories, not on this host.",
)
@click.option(
    "--as-is",
    is_flag=True,
    help="Each device keeps its address; look for no other endpoint.",
)
@click.option(
    "--host",
    "hosts",
    metavar="HOST",
    multiple=True,
    help="Only to this host of FLEET; may be given again.",
)
@click.option("--same-host", is_flag=True, help="To the VM's own host of FLEET too.")
@click.option(
    "--require",
    type=click.Choice(["driver", "recorded", "table"]),
    default="table",
    help="The least that a yes must rest on (default: table).",
)
@click.option("--plan", is_flag=True, help="Print which endpoint each device gets.")
@click.option("--xml", is_flag=True, help="Print the domain XML for the destination.")
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
    max_age: float | None,
) -> int:
    """Tell whether a whole VM can move.

    SOURCE_VM is domain:FILE.xml, libvirt:NAME[@URI] or qmp:SOCKET. DESTINATION is the
    word here, for this host, whose drivers are asked, or FLEET: inventories, or folders
    of them. Each device needs an endpoint that loads its state, and all of them need
    room. Exit status: 0 if a host takes the VM, 3 if that is not known of any, 1 if
    none can, 4 if it could not be completed.
    """
    address = parse_vm(vm)
    if xml and isinstance(address, QmpSocket):
        raise UsageError(
            "--xml is for a VM that libvirt has: QEMU itself knows no domain XML",
            code="VFC557",
        )
    if xml and plan:
        raise UsageError("--plan and --xml each print something else: choose one")
    horizon = Horizon(time.time(), max_age)
    stated = Stated(site=SiteFacts(settings.config))
    journey = Journey(settings.host, settings.library, stated, horizon)
    machine = read_vm(address, settings.timeout, migratable=xml)
    arrives = as_is and HERE in destinations
    known = Inventories(_paths(origin)) if origin and machine.vm.moved else None
    unread = {} if known is None else known.errors
    for error in unread.values():
        settings.note(error_lines(error))
    sources = journey.sources(machine, known, arrives=arrives)
    moving = Moving(machine.vm, sources, require, as_is)
    found = _destinations(
        settings, journey, moving, destinations, hosts, same_host=same_host
    )
    answers = sorted(found.answers, key=rank)
    if settings.json or plan or xml or len(answers) == 1:
        best = found.arrivals[answers[0]]()
        text = _xml(journey, machine, moving, best) if xml else None
        if settings.json:
            errors = unread | found.errors
            document = vm_document(machine.vm, best, answers, errors, text)
            settings.print_document(document)
        else:
            wanted: _Wanted = "plan" if plan else "xml" if xml else "report"
            _print(settings, machine.vm, best, wanted, text)
    elif not settings.quiet:
        settings.print_rows(VM_COLUMNS, answer_rows(answers))
        settings.note(ranking_line(answers))
    for error in found.errors.values():
        settings.note(error_lines(error))
    if unread or found.errors:
        return ExitCode.FAILED
    return _exit_code(answers[0], failed=found.failed)


_Wanted = Literal["report", "plan", "xml"]


def _paths(fleet: Sequence[str]) -> list[str]:
    """Take inventory:FILE for FILE, as it is written where an endpoint is meant."""
    return [each.removeprefix("inventory:") for each in fleet]


class _Found(NamedTuple):
    """What destinations make of a VM: in short, and in full where it is asked for.

    `failed` says that this host takes it perhaps, but a driver could not be asked.
    """

    answers: list[Answer]
    arrivals: dict[Answer, Callable[[], Arrival]]
    errors: dict[str, ErrorRecord]
    failed: bool


def _destinations(
    settings: Settings,
    journey: Journey,
    moving: Moving,
    destinations: Sequence[str],
    hosts: Collection[str],
    *,
    same_host: bool,
) -> _Found:
    """Tell what each destination makes of the VM."""
    fleet = _paths([each for each in destinations if each != HERE])
    if hosts and not fleet:
        raise UsageError("--host is for a host of FLEET: name inventories too")
    found = _Found([], {}, {}, failed=False)
    if HERE in destinations:
        here = journey.arrival(moving)
        found.answers.append(here.answer)
        found.arrivals[here.answer] = lambda: here
        found = found._replace(failed=here.failed)
    if fleet:
        gauge = Gauge(workers())
        with settings.progress("reading the fleet", gauge.done):
            there, errors = journey.answers(
                moving, fleet, gauge, hosts=hosts, same_host=same_host
            )
        found.errors.update(errors)
        for host in there:
            found.answers.append(host.answer)
            found.arrivals[host.answer] = partial(
                journey.arrival_in, moving, host.path, same_host=same_host
            )
        if HERE in destinations and any(each.host == HERE for each in there):
            raise UsageError("a host of FLEET is named here, as this host is")
    if not found.answers:
        raise UsageError(
            "FLEET has no host but the VM's own",
            hint="--same-host takes that for a destination too",
        )
    return found


def _xml(
    journey: Journey, machine: Machine, moving: Moving, arrival: Arrival
) -> str | None:
    """Give the VM's XML for a host; None where not every device has a place there."""
    assert machine.xml is not None
    there = {each.device: each.address for each in arrival.given}
    if len(there) < len(moving.devices):
        return None
    manifest = journey.manifest(moving, arrival) if there else None
    addresses = [there.get(device) for device in machine.vm.devices]
    return rewritten(machine.xml, machine.where, addresses, manifest).decode()


def _print(
    settings: Settings,
    vm: Vm,
    best: Arrival,
    wanted: _Wanted,
    xml: str | None,
) -> None:
    """Print what a host makes of a VM, or the plan, or the VM's XML there.

    Where there is no plan or no XML, stdout stays empty, and stderr says why.
    """
    report = arrival_lines(vm, best, verbose=settings.verbose)
    if wanted == "report":
        if not settings.quiet:
            settings.print_lines(report)
    elif not (xml if wanted == "xml" else best.given):
        settings.note(report)
    else:
        settings.note([headline(vm, best.answer)])
        if xml:
            click.echo(xml, nl=False)
        elif settings.on_terminal:
            rows = (row[:-1] for row in plan_rows(best.given))
            settings.print_rows(PLAN_COLUMNS[:-1], rows)
            settings.print_lines(plan_lines(best.given))
        else:
            settings.print_tabbed(plan_rows(best.given))


def _exit_code(best: Answer, *, failed: bool) -> ExitCode:
    if best.outlook == "allowed":
        return ExitCode.DONE
    if failed:
        return ExitCode.FAILED
    if best.outlook == "undetermined":
        return ExitCode.UNDETERMINED
    return ExitCode.INCOMPATIBLE
